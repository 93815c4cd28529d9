"""A table of named cases, printed at the end of a pytest run; conftest.py registers it.

    @case("host key changed")
    def test_...(...):
        ...
        return "refused, nothing sent"     # what came out, for the table
"""
import functools

import pytest


def case(title):
    def decorate(test):
        @functools.wraps(test)
        def run(*args, **kwargs):
            run.said = ""
            run.said = test(*args, **kwargs) or ""
        run.case = title
        return run
    return decorate


class Plugin:
    """A case travels as a property of its report, so the table is whole with several processes too."""

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item, call):
        report = (yield).get_result()
        function = getattr(item, "function", None)
        if hasattr(function, "case") and (call.when == "call" or report.outcome != "passed"):
            report.user_properties += [("case", function.case), ("said", getattr(function, "said", ""))]

    def pytest_terminal_summary(self, terminalreporter):
        rows = []
        for verdict, shown in (("passed", "ok"), ("failed", "FAILED"), ("error", "FAILED"), ("skipped", "skipped")):
            for report in terminalreporter.stats.get(verdict, []):
                properties = dict(getattr(report, "user_properties", ()))
                if "case" in properties:
                    rows.append((report.nodeid.split("::")[0], properties["case"], shown, report.duration,
                                 properties["said"]))
        if not rows:
            return
        # by file and case, in the order that they ran in within it
        order = {row[:2]: n for n, row in reversed(list(enumerate(rows)))}
        rows.sort(key=lambda row: (row[0], order[row[:2]]))
        width = max(len(row[1]) for row in rows)
        terminalreporter.section("cases")
        for _, title, shown, seconds, said in rows:
            terminalreporter.write_line(f"{title:<{width}}  {shown:<7} {seconds:5.1f} s  {said}"[:180])

"""A table of named cases, printed at the end of the pytest run.

    @case("host key changed")
    def test_...(...):
        ...
        return "refused, nothing sent"     # what came out, for the table
"""
import functools
import time

rows = []


def case(title):
    def decorate(test):
        @functools.wraps(test)
        def run(*args, **kwargs):
            row = [title, "FAILED", "", 0.0]
            rows.append(row)
            began = time.monotonic()
            try:
                row[2] = test(*args, **kwargs) or ""
                row[1] = "ok"
            except BaseException as error:
                row[1] = "skipped" if type(error).__name__ == "Skipped" else "FAILED"
                row[2] = str(error).splitlines()[0] if str(error) else ""
                raise
            finally:
                row[3] = time.monotonic() - began
        return run
    return decorate


class Plugin:
    """Registered by a test file for its own run."""

    @staticmethod
    def pytest_terminal_summary(terminalreporter):
        if not rows:
            return
        width = max(len(row[0]) for row in rows)
        terminalreporter.section("cases")
        for title, verdict, what, seconds in rows:
            terminalreporter.write_line(f"{title:<{width}}  {verdict:<7} {seconds:5.1f} s  {what}"[:160])
        rows.clear()


def register(config):
    if not config.pluginmanager.has_plugin("case_table"):
        config.pluginmanager.register(Plugin(), "case_table")

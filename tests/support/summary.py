#!/usr/bin/python3
"""Sum up what the suites of ./dev test left as JUnit files.

    summary.py LOG STEP_FAILED FILE.xml ...

Failures first, each with the command that runs it again, then the slowest tests,
a table of suites and rooms, and the last line: `N passed, N failed`.  Ends
non-zero on any failure, and when a suite ended badly without naming a test.
The seconds are the tests' own, one after the other: several run at a time.
"""
import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree

SHOWN_LINES = 25
SLOWEST = 10
VERDICTS = ("passed", "failed", "skipped")


def cases(path):
    """(suite, name, verdict, text, seconds) of each test case in one file."""
    for case in ElementTree.parse(path).iter("testcase"):
        bad = [child for child in case if child.tag in ("failure", "error")]
        skipped = case.find("skipped") is not None
        verdict = "failed" if bad else "skipped" if skipped else "passed"
        text = "\n".join((child.text or child.get("message") or "") for child in bad)
        name = f"{case.get('classname') or ''} {case.get('name')}".strip()
        yield path.stem, name, verdict, text, float(case.get("time") or 0)


def rerun(suite, name):
    folder = "build-sanitize" if suite.endswith("sanitized") else "build"
    last = name.split()[-1]
    if suite == "branches":
        return "tests/proofs/branches.py --missing"
    if suite == "fuzz":
        return f"./dev fuzz {last}"
    if suite.startswith("unit"):
        return f"meson test -C {folder} --print-errorlogs"
    return f"HANDBACK_BUILD=$PWD/{folder} /usr/bin/python3 -m pytest tests -k '{last.split('[')[0]}'"


def room_of(name):
    """The room of an end-to-end test; None of what has no rooms."""
    found = re.match(r"tests\.(\w+)\.", name)
    return found and found[1]


def show_slowest(everything):
    print(f"\n  {'the slowest tests':<82} {'seconds':>8}")
    for suite, name, _, _, seconds in sorted(everything, key=lambda case: -case[4])[:SLOWEST]:
        shown = f"{suite}: {name.replace('tests.', '', 1)}"
        print(f"  {shown[:82]:<82} {seconds:>8.1f}")


def show_row(title, mine):
    count = [sum(case[2] == verdict for case in mine) for verdict in VERDICTS]
    print(f"  {title:<28} {count[0]:>7} {count[1]:>7} {count[2]:>8} {sum(case[4] for case in mine):>8.1f}")


def show_table(everything):
    """A row for each suite, and below it one for each room."""
    print(f"\n  {'suite':<28} {'passed':>7} {'failed':>7} {'skipped':>8} {'seconds':>8}")
    for suite in dict.fromkeys(case[0] for case in everything):
        mine = [case for case in everything if case[0] == suite]
        show_row(suite, mine)
        for room in sorted({room_of(case[1]) for case in mine} - {None}):
            show_row("  " + room, [case for case in mine if room_of(case[1]) == room])


def main():
    log, step_failed, *files = sys.argv[1:]
    everything = [case for file in files for case in cases(pathlib.Path(file))]
    for suite, name, verdict, text, _ in everything:
        if verdict != "failed":
            continue
        lines = text.strip().splitlines()
        print(f"\nFAILED {suite}: {name}")
        print("\n".join("    " + line for line in lines[-SHOWN_LINES:]))
        print(f"  again: {rerun(suite, name)}")
    show_slowest(everything)
    show_table(everything)
    total = {verdict: sum(case[2] == verdict for case in everything) for verdict in VERDICTS}
    silent = step_failed != "0" and total["failed"] == 0
    if silent:
        print(f"\na suite ended badly without naming a test: see {log}")
        total["failed"] += 1
    print(f"\n{total['passed']} passed, {total['failed']} failed")
    return 1 if total["failed"] or not total["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())

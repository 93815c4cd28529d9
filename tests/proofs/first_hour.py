#!/usr/bin/python3
"""README's first hour on a clean Debian: types what README says, and nothing else, and prints how long each step took.

    first_hour.py [--suite bookworm --suite trixie] [--whole] [--lint] [--write] [--keep]

Each release is booted with its own systemd from a root in which nothing was installed (made once by debootstrap; kept in
/var/cache/handback), with its package source in reach and nothing else. As root, on a kernel that lets root unshare.
--whole types `./dev test` as it stands; without it its unit tests alone (`./dev test unit`), which build the same.
--lint looks at the package and its manual pages there by lintian and mandoc. --write puts the table into README.
"""
import argparse
import datetime
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
import booted  # noqa: E402
import clean_root  # noqa: E402
import newcomer  # noqa: E402

NUMBERS = {"bookworm": "12", "trixie": "13"}
FIRST, LAST = "handback", "The report and the proof"
MARKS = ("<!-- first hour: begin -->", "<!-- first hour: end -->")
LINT = ("apt-get install -y --no-install-recommends lintian mandoc",
        "lintian --allow-root --fail-on error,warning --tag-display-limit 0 ../handback_*.changes",
        "for page in handbackctl.1 handbackd.8 handback.conf.5 handback-profile.5; do"
        " zcat /usr/share/man/man${page##*.}/$page.gz | mandoc -Tlint -Wwarning || exit; done")


def live(suite, options):
    """[(step, seconds)] of one release."""
    machine = clean_root.Clean(suite)
    try:
        machine.boot()
        there = newcomer.Newcomer(machine.say, machine.read, machine.write, () if options.whole else {"./dev test": "./dev test unit"})
        steps = {}
        for step, command, seconds in there.type(newcomer.part(FIRST, LAST)):
            print(f"{suite:9} {seconds:7.1f} s  {command}", flush=True)
            name = f"`{command}`" if step == FIRST else step
            steps[name] = steps.get(name, 0) + seconds
            if command == "./dev demo":
                print(there.said[command])
                steps |= {f"of it: {what}": float(took) for what, took in
                          re.findall(r"^  ✓ (install \d+ packages|build) +([\d.]+) s", there.said[command], re.M)}
        newcomer.check(there)
        for command in LINT if options.lint else ():
            status, said = machine.say(command)
            print(f"{suite:9} {command}\n{said[-4000:] if 'apt-get' not in command else ''}", flush=True)
            assert status == 0, f"{command} ended with {status}"
        return steps
    finally:
        if options.keep:
            input(f"the machine's first process is {machine.pid}; Enter ends it ")
        machine.close()


def table(found, whole):
    """Markdown; a step has the same name on all."""
    suites, some = list(found), next(iter(found.values()))
    yield f"Typed by `tests/proofs/first_hour.py` on {datetime.date.today()}, two cores, in systems in which nothing was installed:"
    yield ""
    yield "| step | " + " | ".join(f"Debian {NUMBERS.get(suite, suite)}" for suite in suites) + " |"
    yield "|---|" + "---|" * len(suites)
    for step in some:
        name = step if whole or step != "`./dev test`" else "`./dev test unit`, of `./dev test`"
        yield f"| {name} | " + " | ".join(f"{found[suite].get(step, 0):.0f} s" for suite in suites) + " |"
    yield "| all | " + " | ".join(f"{sum(took for step, took in found[suite].items() if 'of it' not in step) / 60:.0f} min" for suite in suites) + " |"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--suite", action="append")
    for flag in ("--whole", "--lint", "--write", "--keep"):
        parser.add_argument(flag, action="store_true")
    options = parser.parse_args()
    reason = booted.why_not()
    if reason:
        sys.exit(reason)
    found = {suite: live(suite, options) for suite in options.suite or ("bookworm", "trixie")}
    lines = "\n".join(table(found, options.whole))
    print(lines)
    if options.write:
        readme = ROOT / "README.md"
        text = readme.read_text(encoding="utf-8")
        readme.write_text(re.sub(re.escape(MARKS[0]) + ".*?" + re.escape(MARKS[1]), lambda _: f"{MARKS[0]}\n{lines}\n{MARKS[1]}", text, flags=re.S),
                          encoding="utf-8")


if __name__ == "__main__":
    main()

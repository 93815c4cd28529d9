#!/usr/bin/python3
"""How many branches of the code that money goes through are taken by tests, and no fewer than yesterday.

    tests/proofs/branches.py [--junit FILE.xml] [--missing]

Builds build-coverage with gcov's counters, runs the unit tests of numbers and
proof and some end-to-end files, and counts with gcov, which comes with gcc.  A
group below its floor is a failure.  The floors stand a little under what was
measured; what is missing is mostly what a lost database or no memory asks for
(./dev crashproof is there for those).  handback-parse is the one of build/: its
sandbox, rightly, has no file for a counter.
"""
import argparse
import collections
import json
import os
import pathlib
import subprocess
import sys
from xml.sax.saxutils import quoteattr

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build-coverage"
OPTIONS = ("-Dbuildtype=debug", "-Doptimization=0", "-Db_coverage=true", "-Dtest_build=true")
PARSERS = ("handback-parse", "handback-parse-xml")
PROGRAMS = ("reconcile/handback-reconcile", "ctl/handbackctl", "daemon/handbackd", "nightly/handback-nightly", "nightly/handback-verify")
UNITS = ("dates", "decided", "delimited", "fixed", "guess", "leaf", "levels", "merkle", "nested", "profile", "values")
END_TO_END = ("tests/engine/test_decide.py", "tests/engine/test_guard.py", "tests/durability/test_durable.py", "tests/ledger/test_verify.py",
              "tests/ledger/test_verify_postings.py", "tests/ledger/test_tamper.py", "tests/daemon/test_retention.py")

# group -> (least percentage of its branches, its files)
GROUPS = {
    "numbers": (82, ("lib/profile/numbers.c", "lib/profile/values.c", "lib/profile/dates.c", "parsers/assemble/assemble_total.c")),
    "posting": (68, ("lib/base/sum.c", "reconcile/decide/decide.c", "reconcile/decide/decided.c", "reconcile/decide/guard.c",
                     "reconcile/post/post.c", "reconcile/post/outcomes.c")),
    "proof": (80, ("lib/proof/merkle.c", "lib/hash/sha256.c", "lib/proof/head.c", "lib/proof/leaf.c", "lib/proof/leaf_row.c",
                   "lib/proof/verify/leaf_guess.c", "lib/proof/verify/verify.c", "lib/proof/verify/verify_difference.c",
                   "lib/proof/verify/verify_heads.c", "lib/proof/verify/verify_trees.c",
                   "lib/proof/verify/verify_kept.c")),
}


def run(*command, **environment):
    done = subprocess.run(list(map(str, command)), cwd=ROOT, env={**os.environ, **environment}, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout[-3000:]}")
    return done.stdout


def prepare():
    if not (BUILD / "build.ninja").exists():
        run("meson", "setup", BUILD, *OPTIONS)
    run("ninja", "-C", BUILD, *PROGRAMS, *(f"tests/unit/test_{name}" for name in UNITS))
    for old in BUILD.rglob("*.gcda"):
        old.unlink()
    libexec = BUILD / "libexec"
    libexec.mkdir(exist_ok=True)
    for parser in PARSERS:
        link = libexec / parser
        link.unlink(missing_ok=True)
        link.symlink_to(ROOT / "build/parsers" / parser)
    return libexec


def exercise(libexec):
    for name in UNITS:
        run(BUILD / f"tests/unit/test_{name}")
    run("/usr/bin/python3", "-B", "-m", "pytest", "-p", "no:cacheprovider", "-q", "-n", "3", "--dist", "loadfile", *END_TO_END,
        HANDBACK_BUILD=os.fspath(BUILD), HANDBACK_LIBEXEC=os.fspath(libexec))


def branches(path):
    """{(line, which branch of it): times taken} of one source file."""
    taken = collections.Counter()
    for counters in (BUILD / path).parent.rglob(f"{pathlib.Path(path).name}.gcda"):
        said = subprocess.run(["gcov", "--json-format", "--stdout", "--branch-probabilities", counters.relative_to(BUILD)],
                              cwd=BUILD, check=True, capture_output=True, text=True).stdout
        for text in said.splitlines():
            for file in json.loads(text)["files"]:
                if file["file"].endswith(path):
                    for line in file["lines"]:
                        for n, branch in enumerate(line["branches"]):
                            taken[line["line_number"], n] += branch["count"]
    if not taken:
        sys.exit(f"no branch of {path} was counted: was it renamed?")
    return taken


def measure(missing):
    """{group: percentage}, each file shown on the way."""
    result = {}
    for group, (floor, files) in GROUPS.items():
        all_taken = []
        for path in files:
            taken = branches(path)
            all_taken += taken.values()
            hit = sum(n > 0 for n in taken.values())
            print(f"  {path:<28} {hit:>5} of {len(taken):>5} {100 * hit // len(taken):>4} %")
            if missing:
                print("      never:", *sorted({line for (line, _), n in taken.items() if n == 0}))
        result[group] = 100 * sum(n > 0 for n in all_taken) / len(all_taken)
        print(f"{group:<30} {sum(n > 0 for n in all_taken):>5} of {len(all_taken):>5} {int(result[group]):>4} %, floor {floor} %\n")
    return result


def junit(path, measured):
    """For tests/support/summary.py."""
    cases = []
    for group, (floor, _) in GROUPS.items():
        bad = measured[group] < floor
        text = f"{measured[group]:.1f} % of the branches of {group} are taken, and the floor is {floor} %: tests/proofs/branches.py --missing"
        cases.append(f"<testcase classname=\"branches\" name={quoteattr(group)}>"
                     + (f"<failure message={quoteattr(text)}/>" if bad else "") + "</testcase>")
    pathlib.Path(path).write_text(f"<testsuites><testsuite name=\"branches\">{''.join(cases)}</testsuite></testsuites>\n",
                                  encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--junit", help="write the result there too")
    parser.add_argument("--missing", action="store_true", help="show the lines with branches that are never taken")
    options = parser.parse_args()
    exercise(prepare())
    measured = measure(options.missing)
    if options.junit:
        junit(options.junit, measured)
    return int(any(measured[group] < floor for group, (floor, _) in GROUPS.items()))


if __name__ == "__main__":
    sys.exit(main())

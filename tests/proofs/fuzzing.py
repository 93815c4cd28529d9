#!/usr/bin/python3
"""Fuzz each entry point for outside bytes: libFuzzer with the address and undefined-behaviour sanitizers.

    ./dev fuzz [--minutes N] [TARGET...]
    ./dev fuzz --minutes 10 xml json

Each target of tests/fuzz starts from its seeds, from fixtures and from what earlier runs kept in build-fuzz/corpus.
Of each a row: runs, size of the corpus, findings.  A finding stays in build-fuzz/findings; when it is fixed it goes
to tests/fuzz/seeds/TARGET, where every build replays it as a unit test.  clang is needed, and its libclang-rt.
"""
import argparse
import concurrent.futures
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
from xml.sax.saxutils import quoteattr

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = ROOT / "tests/fuzz"
BUILD = ROOT / "build-fuzz"
OPTIONS = ("-Dfuzz=true", "-Dbuildtype=debug", "-Doptimization=1", "-Dc_args=-gline-tables-only", "-Db_sanitize=address,undefined", "-Db_lundef=false")
TARGETS = sorted(path.stem.removeprefix("fuzz_") for path in HERE.glob("fuzz_*.c"))
# beside seeds/TARGET: what the target reads as it is, as tests/fuzz/meson.build names it
FIXTURES = {"config": ["systemd/handback.yaml"], "infer": ["fixtures/layouts", "fixtures/demo"],
            "profile": ["fixtures/profiles"]}
SEED = 20261121
LONGEST = 32 << 10  # bytes of an input
MEMORY = 1024  # MiB: the parser's own limit, with room for the sanitizers
PATIENCE = 10  # seconds that one input may take


def why_not():
    """Why nothing can be fuzzed here, or None."""
    if shutil.which("clang") is None:
        return "clang is not installed"
    probe = subprocess.run(["clang", "-fsanitize=fuzzer,address,undefined", "-x", "c", "-", "-o", "/dev/null"],
                           input=b"int LLVMFuzzerTestOneInput(void) { return 0; }", capture_output=True, check=False)
    return None if probe.returncode == 0 else "clang has no libFuzzer here: its package libclang-rt is not installed"


def prepare():
    def run(*command):
        done = subprocess.run(list(map(str, command)), cwd=ROOT, env={**os.environ, "CC": "clang"}, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              errors="replace", check=False)
        if done.returncode != 0:
            sys.exit(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout[-3000:]}")

    if not (BUILD / "build.ninja").exists():
        run("meson", "setup", BUILD, *OPTIONS)
    run("ninja", "-C", BUILD, "fuzz")


def collect(target):
    """The folder of seeds and fixtures of this target, made again."""
    folder = BUILD / "seeds" / target
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for place in [HERE / "seeds" / target, *(ROOT / name for name in FIXTURES.get(target, ()))]:
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path.is_file() and path.suffix != ".expected":
                data = path.read_bytes()
                (folder / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    return folder


def dictionary(target):
    # formats whose words are those of another
    name = {"delimited": "csv", "config": "yaml", "profile": "yaml"}.get(target, target)
    for folder in (HERE, ROOT / "../shared/corpora/dictionaries/dictionaries"):
        if (folder / f"{name}.dict").exists():
            return [f"-dict={folder / name}.dict"]
    return []


def fuzz(target, seconds):
    """What became of one target: runs, files in its corpus, paths of findings, and what the program said."""
    corpus, findings, log = BUILD / "corpus" / target, BUILD / "findings", BUILD / f"{target}.log"
    for folder in (corpus, findings):
        folder.mkdir(parents=True, exist_ok=True)
    before = set(findings.glob(f"{target}-*"))
    command = [BUILD / f"tests/fuzz/fuzz_{target}", f"-max_total_time={max(1, round(seconds))}", f"-seed={SEED}",
               f"-max_len={LONGEST}", f"-rss_limit_mb={MEMORY}", f"-timeout={PATIENCE}", "-print_final_stats=1",
               f"-artifact_prefix={findings}/{target}-", *dictionary(target), corpus, collect(target)]
    environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=1",
                   "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"}
    with open(log, "wb") as said:
        done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said,
                              check=False, env=environment)
    text = log.read_text(encoding="utf-8", errors="replace")
    runs = re.search(r"stat::number_of_executed_units: (\d+)", text)
    found = sorted(set(findings.glob(f"{target}-*")) - before)
    failed = done.returncode != 0 or runs is None
    return {"target": target, "runs": int(runs[1]) if runs else 0, "corpus": sum(1 for _ in corpus.iterdir()),
            "findings": found, "failed": failed, "said": "\n".join(text.splitlines()[-40:]) if failed else ""}


def junit(path, rows, reason):
    """For tests/support/summary.py."""
    cases = []
    for target in TARGETS:
        inner = f"<skipped message={quoteattr(reason)}/>" if reason else ""
        for row in rows:
            if row["target"] == target and row["failed"]:
                inner = f"<failure message={quoteattr(re.sub('[^ -~]', ' ', row['said']))}/>"
        cases.append(f"<testcase classname=\"fuzz\" name={quoteattr(target)}>{inner}</testcase>")
    pathlib.Path(path).write_text(f"<testsuites><testsuite name=\"fuzz\">{''.join(cases)}</testsuite></testsuites>\n",
                                  encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(prog="./dev fuzz", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10, help="for all targets together (10)")
    parser.add_argument("--junit", help="write the result there too; where clang is missing, that it was skipped")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)} (all)")
    options = parser.parse_args()
    unknown = set(options.targets) - set(TARGETS)
    if unknown:
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    targets, reason, rows = options.targets or TARGETS, why_not(), []
    if reason:
        print(f"not fuzzed: {reason}")
    else:
        prepare()
        start, at_once = time.monotonic(), min(2, os.cpu_count() or 1)
        seconds = options.minutes * 60 * at_once / len(targets)
        print(f"  {'target':<12} {'runs':>9} {'corpus':>7} {'findings':>9}", flush=True)
        with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
            for row in pool.map(lambda target: fuzz(target, seconds), targets):
                rows.append(row)
                print(f"  {row['target']:<12} {row['runs']:>9} {row['corpus']:>7} {len(row['findings']):>9}",
                      flush=True)
        for row in rows:
            if row["failed"]:
                inputs = ", ".join(str(path.relative_to(ROOT)) for path in row["findings"])
                print(f"\nFOUND in {row['target']}: {inputs or 'no input kept'}")
                print(row["said"])
        print(f"\n{sum(row['runs'] for row in rows)} runs of {len(rows)} targets in {time.monotonic() - start:.0f} s "
              f"from seed {SEED}, {sum(row['failed'] for row in rows)} with findings")
    if options.junit:
        junit(options.junit, rows, reason)
    return int(any(row["failed"] for row in rows) or bool(reason and not options.junit))


if __name__ == "__main__":
    sys.exit(main())

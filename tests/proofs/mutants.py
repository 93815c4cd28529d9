#!/usr/bin/python3
"""Make each mutant of mutant_list.py and see that the test that is there for it fails.

    ./dev mutants                all of them (some minutes)
    ./dev mutants --name fsync     those with this in their name
    ./dev mutants --sample         the few that ./dev test makes

The tree and its build folder are copied, so that nobody's work on them is in
the way.  In the copy each test is first seen to pass as things are.  Then, for
each mutant, a copy of that copy gets the bug and is built, and its test is run: it
must fail.  A mutant that passes is a survivor, and a failure here.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from mutant_list import MUTANTS, source  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = ("daemon/handbackd", "fetch/handback-fetch", "reconcile/handback-reconcile", "parsers/handback-parse",
            "parsers/handback-parse-xml", "parsers/handback-parse-test", "parsers/decrypt/handback-decrypt", "ctl/handbackctl",
            "nightly/handback-nightly", "nightly/handback-verify", "collect/handback-collect", "parsers/infer/handback-infer",
            "fetch/handback-fetch-test", "parsers/decrypt/handback-decrypt-test", "api/handback-api", "gate/handback-gate",
            "gate/handback-gate-test")
SECONDS = 600


def run(command, folder, **environment):
    return subprocess.run(command, cwd=folder, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment},
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", timeout=SECONDS)


def targets(test):
    """What has to be built for it."""
    unit = re.fullmatch(r"tests/unit/(\w+)\.c::\w+", test)
    return [f"tests/unit/{unit[1]}"] if unit else list(PROGRAMS)


def build(folder, wanted):
    done = run(["ninja", "-C", os.fspath(folder), *wanted], folder)
    if done.returncode != 0:
        raise RuntimeError(f"{folder} does not build:\n{done.stdout[-2000:]}")


def passes(root, folder, test):
    """True or false; an error of its own when the test could not be run at all."""
    path, name = test.split("::")
    if path.endswith(".c"):
        done = run([folder / path[:-2]], folder, CMOCKA_MESSAGE_OUTPUT="TAP")
        verdicts = re.findall(rf"^(ok|not ok) \d+ - {name}\b", done.stdout, re.M)
        if len(verdicts) == 1:
            return verdicts[0] == "ok"
    else:
        done = run(["/usr/bin/python3", "-B", "-m", "pytest", "-p", "no:cacheprovider", "-q", "-x", test], root,
                   HANDBACK_BUILD=os.fspath(folder))
        # a fixture that broke is an error, and says nothing of the test
        word = {0: "passed", 1: "failed"}.get(done.returncode)
        if word and re.search(rf"^\d+ {word}|, \d+ {word}", done.stdout, re.M) and not re.search(r"\d+ skipped", done.stdout):
            return word == "passed"
    raise RuntimeError(f"{test} cannot be run: status {done.returncode}\n{done.stdout[-2000:]}")


def mutate(root, mutant):
    path = source(root, mutant)
    text = path.read_text(encoding="utf-8")
    if text.count(mutant.old) != 1:
        raise RuntimeError(f"{mutant.path} does not have the text of \"{mutant.name}\" once: see tests/proofs/mutant_list.py")
    path.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")


def copy_tree(root, folder, to):
    """Sources and build folder, with their times: what is built already is not built again."""
    ignore = shutil.ignore_patterns(".git", "build*", "demo", "__pycache__")
    shutil.copytree(root, to, symlinks=True, ignore=ignore)
    shutil.copytree(folder, to / "build", symlinks=True, ignore=shutil.ignore_patterns("meson-logs", "test-results"))


def scratch_folder():
    folder = tempfile.TemporaryDirectory(prefix="handback-mutants-", dir="/tmp")
    os.chmod(folder.name, 0o755)  # a test of root drops to another user, who has to find the programs
    return folder


def try_mutant(mutant, root):
    """None when its test saw it; else what is the matter."""
    with scratch_folder() as scratch:
        copy = pathlib.Path(scratch) / "handback"
        try:
            copy_tree(root, root / "build", copy)
            mutate(copy, mutant)
            build(copy / "build", targets(mutant.test))
            return f"SURVIVED {mutant.test}" if passes(copy, copy / "build", mutant.test) else None
        except (RuntimeError, subprocess.TimeoutExpired) as e:
            return str(e)


def try_as_it_is(test, root):
    try:
        return None if passes(root, root / "build", test) else f"{test} fails without any bug"
    except (RuntimeError, subprocess.TimeoutExpired) as e:
        return str(e)


def chosen(options):
    mutants = [b for b in MUTANTS if (b.sample or not options.sample) and (options.name or "") in b.name]
    if not mutants:
        sys.exit(f"no mutant has \"{options.name}\" in its name: see tests/proofs/mutant_list.py")
    return mutants


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", action="store_true", help="only those that ./dev test makes")
    parser.add_argument("--name", help="only those with this in their name")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="so many at a time")
    parser.add_argument("--build", default=os.fspath(ROOT / "build"), help="the build folder (with -Dtest_build=true)")
    options = parser.parse_args()
    mutants, folder = chosen(options), pathlib.Path(options.build).resolve()
    tests = list(dict.fromkeys(b.test for b in mutants))
    build(folder, list(dict.fromkeys(t for test in tests for t in targets(test))))
    with scratch_folder() as scratch, concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        root = pathlib.Path(scratch) / "handback"
        copy_tree(ROOT, folder, root)
        broken = dict(zip(tests, pool.map(lambda t: try_as_it_is(t, root), tests)))
        for test, why in broken.items():
            if why:
                print(f"  {why}")
        print(f"{sum(not w for w in broken.values())} of {len(tests)} tests pass as things are; {len(mutants)} mutants\n", flush=True)
        print(f"{'mutant':<45} {'what it breaks':<76} caught by", flush=True)
        results = pool.map(lambda b: broken[b.test] or try_mutant(b, root), mutants)
        survivors = 0
        for mutant, wrong in zip(mutants, results):
            survivors += wrong is not None
            print(f"{mutant.name:<45} {mutant.breaks:<76} {wrong or mutant.test}", flush=True)
    print(f"\n{len(mutants) - survivors} passed, {survivors} failed")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())

"""Fixtures that all tests share: one cluster for a process, a fresh database for a test."""
import collections
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

import case_table
import judged
import pg

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("HANDBACK_BUILD", ROOT / "build"))
# for sanitized programs: the parser's sandbox has no place for the leak checker's helper process
os.environ.setdefault("ASAN_OPTIONS", "detect_leaks=0:abort_on_error=1")
os.environ.setdefault("UBSAN_OPTIONS", "halt_on_error=1:print_stacktrace=1")
sys.path.insert(0, str(ROOT / "fixtures"))  # ledger, layouts, generate


# What takes longest begins first, so that no process is left with one of these at the end; then what has most tests.
LONGEST = ("test_crashproof.py", "test_package.py", "test_database_faults.py", "test_model.py", "test_release.py", "test_decide.py",
           "test_parser_lies.py", "test_daemon.py", "test_sftp.py", "test_sftp_e2e.py", "test_verify.py", "test_tamper_ways.py",
           "test_permutations.py", "test_fetch.py", "test_deemed.py", "test_differential.py", "test_mutants.py", "test_bench.py")


def pytest_collection_modifyitems(items):
    place = {name: n for n, name in enumerate(LONGEST)}
    tests = collections.Counter(item.path for item in items)
    items.sort(key=lambda item: (place.get(item.path.name, len(LONGEST)), -tests[item.path]))


def pytest_configure(config):
    config.pluginmanager.register(case_table.Plugin(), "case_table")
    config.pluginmanager.register(judged, "judged")
    config.addinivalue_line("markers", "sanitize: runs once more through the sanitized programs")
    config.addinivalue_line("markers", "all_only: not in plain ./dev test; with --all, or by its room or name")


@pytest.fixture(scope="session")
def cluster():
    made = pg.Cluster()
    yield made
    made.close()


@pytest.fixture
def database(cluster):
    """A migrated database of its own, gone after the test."""
    made = cluster.database()
    yield made
    made.drop()


@pytest.fixture(scope="session")
def build():
    """Where the programs under test were built."""
    assert (BUILD / "build.ninja").exists(), f"{BUILD} is no build folder: run ./dev build, or set HANDBACK_BUILD"
    return BUILD


@pytest.fixture
def need():
    """need("strace"): skip, and say so, where a tool is not installed."""
    def need_tool(tool):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    return need_tool


@pytest.fixture(scope="session")
def strace():
    path = shutil.which("strace")
    if path is None or subprocess.run([path, "-qq", "-o", "/dev/null", "true"], capture_output=True).returncode != 0:
        pytest.skip("strace is not installed, or may not trace here")
    return path

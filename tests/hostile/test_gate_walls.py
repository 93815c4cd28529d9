"""handback-gate, taken over: what the kernel refuses it."""
import os
import pathlib
import signal
import subprocess
import tempfile

import pytest

from c_source import ROOT

BUILD = pathlib.Path(os.environ.get("HANDBACK_BUILD", ROOT / "build"))
HOOKED = BUILD / "gate/handback-gate-test"
TRIES = {
    "reads the machine's passwords": "read /etc/passwd",
    "reads a key": "read {place}/token-key",
    "makes a file": "make {place}/new",
    "makes a file where its user may": "make /tmp/handback-gate-new",
    "runs a program": "run /bin/true",
    "forks": "fork",
    "connects by TCP": "tcp 5432",
    "has a network": "network",
    "enters a name space": "namespace",
    "traces": "trace",
}


@pytest.fixture
def place():
    with tempfile.TemporaryDirectory(prefix="handback-gate-") as folder:
        (pathlib.Path(folder) / "token-key").write_bytes(b"k" * 32)
        yield pathlib.Path(folder)


def run(place, attempt, *wrapper):
    if not HOOKED.exists():
        pytest.skip("built without -Dtest_build=true")
    process = subprocess.Popen([*wrapper, HOOKED, "--listen", place / "http", "--api", place / "api"], stderr=subprocess.PIPE, text=True,
                               env={**os.environ, "HANDBACK_ATTEMPT": attempt})
    try:
        _, said = process.communicate(timeout=2)
    except subprocess.TimeoutExpired:
        process.terminate()
        _, said = process.communicate(timeout=40)
    return process.returncode, said


@pytest.mark.parametrize("what", TRIES)
def test_a_gate_cannot(what, place):
    said = TRIES[what].format(place=place)
    status, errors = run(place, said)
    assert status != 98, "the hook does not know this attempt"
    assert status == -signal.SIGSYS or f"refused: {said}" in errors, (status, errors)
    assert not (place / "new").exists()


def test_the_gates_hook_can_tell_an_escape(place):
    assert run(place, "read /dev/null")[0] == 99


@pytest.mark.parametrize("call, error", [("landlock_create_ruleset", "ENOSYS"), ("landlock_restrict_self", "EPERM"), ("seccomp", "EINVAL")])
def test_a_gate_that_cannot_be_locked_down_serves_nobody(call, error, need, place):
    need("strace")
    status, errors = run(place, "", "strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:error={error}")
    assert status == 4 and "cannot lock down" in errors and "ready" not in errors

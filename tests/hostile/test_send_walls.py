"""handback-send, taken over: what the kernel refuses it."""
import ctypes
import os
import pathlib
import signal
import socket
import tempfile

import pytest

from sender import HOOKED, Sender
from targets import redemption

CONNECTOR = 'timeout: 1s\nobjects: {{redemption: {{url: "http://127.0.0.1:{port}/r", record: {{id: "${{reference}}"}}}}}}\n'
TRIES = {
    "opens the database's socket": "local {place}/.s.PGSQL.5432",
    "connects to a port that is not its target's": "tcp {other}",
    "reads another target's key": "read {place}/other.key",
    "reads the machine's passwords": "read /etc/shadow",
    "reads the configuration of others": "read /etc/fstab",
    "reads certificates of the machine again": "read /etc/ssl/certs/ca-certificates.crt",
    "makes a file elsewhere": "make {place}/new",
    "makes a file where its user may": "make /tmp/handback-send-new",
    "runs a program": "run /bin/true",
    "forks": "fork",
    "enters a name space": "namespace",
    "traces": "trace",
    "has who closes its descriptors wait": "linger",
}


@pytest.fixture
def place():
    with tempfile.TemporaryDirectory(prefix="handback-send-") as folder, socket.socket(socket.AF_UNIX) as local, \
            socket.socket() as tcp, socket.socket() as other:
        made = pathlib.Path(folder)
        (made / "other.key").write_text("another target's key")
        local.bind(os.fspath(made / ".s.PGSQL.5432"))
        local.listen()
        for one in (tcp, other):
            one.bind(("127.0.0.1", 0))
            one.listen()
        tcp.settimeout(0.2)
        yield {"place": made, "tcp": tcp, "port": tcp.getsockname()[1], "other": other.getsockname()[1]}


def run(place, attempt, wrapper=()):
    """(status, what it said first, its errors)"""
    if not HOOKED.exists():
        pytest.skip("built without -Dtest_build=true")
    with Sender(CONNECTOR.format(port=place["port"]), {"own": "own secret"}, program=HOOKED, environment={"HANDBACK_ATTEMPT": attempt},
                wrapper=wrapper) as sender:
        pass
    return sender.process.returncode, sender.first, sender.errors


@pytest.mark.parametrize("what", TRIES)
def test_a_sender_cannot(what, place):
    said = TRIES[what].format(**place)
    version = ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
    if said.startswith("tcp") and version < 4:
        pytest.skip("this kernel's Landlock knows no ports")
    status, _, errors = run(place, said)
    assert status != 98, "the hook does not know this attempt"
    assert status == -signal.SIGSYS or f"refused: {said}" in errors, (status, errors)
    assert not (place["place"] / "new").exists()


def test_the_senders_hook_can_tell_an_escape(place):
    """What it may do it does: the test of the tests above."""
    for allowed in (f"tcp {place['port']}", "read /etc/hosts"):
        assert run(place, allowed)[0] == 99
    status, first, _ = run(place, "")
    assert (status, first.verb) == (0, "ready")


@pytest.mark.parametrize("call, error", [("landlock_create_ruleset", "ENOSYS"), ("landlock_restrict_self", "EPERM"), ("seccomp", "EINVAL")])
def test_a_sender_that_cannot_be_locked_down_sends_nothing(call, error, need, place):
    need("strace")
    _, first, _ = run(place, "", ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:error={error}"])
    assert first.verb == "fault" and "cannot lock down" in first["why"]
    with pytest.raises(TimeoutError):
        place["tcp"].accept()


def test_a_sender_goes_on_without_landlock_where_the_operator_says_so(need, place):
    need("strace")
    with Sender(CONNECTOR.format(port=place["port"]), no_landlock="yes", wrapper=[
            "strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=landlock_create_ruleset", "-e", "inject=landlock_create_ruleset:error=ENOSYS"]) as sender:
        assert sender.first.verb == "ready"
        assert sender.deliver(redemption(1))[0]["result"] == "retry"

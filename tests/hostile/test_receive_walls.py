"""handback-receive, taken over: what the kernel refuses it."""
import os
import pathlib
import signal
import socket
import subprocess
import tempfile

import pytest

from c_source import ROOT
from fetcher import packet

BUILD = pathlib.Path(os.environ.get("HANDBACK_BUILD", ROOT / "build"))
HOOKED = BUILD / "receive/handback-receive-test"
TRIES = {
    "reads the machine's passwords": "read /etc/passwd",
    "reads its own configuration again": "read {place}/handback.yaml",
    "reads another source's corner": "read {place}/spool/incoming/other/there",
    "makes a file elsewhere in the spool": "make {place}/spool/new",
    "makes a file where its user may": "make /tmp/handback-receive-new",
    "runs a program": "run /bin/true",
    "forks": "fork",
    "connects to the database's socket": "local {place}/server",
    "connects by TCP": "tcp 5432",
    "has a network": "network",
    "enters a name space": "namespace",
    "traces": "trace",
}
CONFIG = """database: {{conninfo: "host={place}/server"}}
spool: {place}/spool
profiles: {place}
sources:
  - {{name: sky, partner: SKY, profile: sky, api: {{quota_mib: 10}}}}
"""


@pytest.fixture
def place():
    with tempfile.TemporaryDirectory(prefix="handback-receive-") as folder:
        made = pathlib.Path(folder)
        (made / "handback.yaml").write_text(CONFIG.format(place=made))
        (made / "spool/incoming/other").mkdir(parents=True)
        (made / "spool/incoming/other/there").write_text("a partner's file")
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(os.fspath(made / "server"))
            server.listen()
            yield made


def run(place, attempt, *wrapper):
    """(status, what it logged, its first answer) of one that is told of a file."""
    if not HOOKED.exists():
        pytest.skip("built without -Dtest_build=true")
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    process = subprocess.Popen(["/bin/sh", "-c", 'exec "$@" 3<&0 </dev/null', "sh", *wrapper, HOOKED, "--config", place / "handback.yaml"],
                               stdin=theirs, stderr=subprocess.PIPE, text=True, env={**os.environ, "HANDBACK_ATTEMPT": attempt})
    theirs.close()
    with ours:
        ours.settimeout(30)
        ours.send(packet("file", source="sky", name="a.csv", bytes=1))
        try:
            answer = ours.recv(65536)
        except ConnectionResetError:
            answer = b""
    return process.wait(30), process.stderr.read(), answer


@pytest.mark.parametrize("what", TRIES)
def test_a_receiver_cannot(what, place):
    said = TRIES[what].format(place=place)
    status, errors, _ = run(place, said)
    assert status != 98, "the hook does not know this attempt"
    assert status == -signal.SIGSYS or f"refused: {said}" in errors, (status, errors)
    assert not (place / "spool/new").exists()


def test_a_receiver_does_its_work_and_its_hook_can_tell_an_escape(place):
    assert run(place, "")[2].startswith(b"ready")
    assert run(place, "make {}/spool/incoming/sky/new".format(place))[0] == 99


@pytest.mark.parametrize("call, error", [("landlock_create_ruleset", "ENOSYS"), ("landlock_restrict_self", "EPERM"), ("seccomp", "EINVAL")])
def test_a_receiver_that_cannot_be_locked_down_takes_nothing(call, error, need, place):
    need("strace")
    _, errors, answer = run(place, "", "strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:error={error}")
    assert answer.startswith(b"refused") and b"503" in answer and "cannot lock down" in errors

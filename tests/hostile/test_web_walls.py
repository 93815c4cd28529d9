"""handback-web, handback-desk and handback-login, taken over: what the kernel and the database refuse them."""
import getpass
import os
import pathlib
import signal
import socket
import subprocess
import tempfile

import pytest

import web
import world as worlds
from c_source import ROOT
from fetcher import packet

BUILD = pathlib.Path(os.environ.get("HANDBACK_BUILD", ROOT / "build"))
HOOKED = {"web": BUILD / "web/handback-web-test", "desk": BUILD / "web/desk/handback-desk-test", "login": BUILD / "login/handback-login-test"}
TRIES = {
    "reads the machine's passwords": "read /etc/passwd",
    "makes a file where its user may": "make /tmp/handback-web-new",
    "runs a program": "run /bin/true",
    "forks": "fork",
    "connects by TCP": "tcp 5432",
    "has a network": "network",
    "enters a name space": "namespace",
    "traces": "trace",
}
OF_A_DESK = {
    "reads its own configuration again": "read {place}/handback.yaml",
    "reads what comes in": "read {place}/spool/incoming/there",
    "makes a file in the archive": "make {place}/spool/archive/new",
    "connects to the database again": "local {server}",
    "takes its connection elsewhere": "reconnect",
}
OF_A_LOGIN = {
    "reads its own configuration again": "read {place}/handback.yaml",
    "connects to the database again": "local {server}",
}
LOCKS = [("landlock_create_ruleset", "ENOSYS"), ("landlock_restrict_self", "EPERM"), ("seccomp", "EINVAL")]


@pytest.fixture
def place():
    with tempfile.TemporaryDirectory(prefix="handback-web-") as folder:
        yield pathlib.Path(folder)


def hooked(name):
    if not HOOKED[name].exists():
        pytest.skip("built without -Dtest_build=true")
    return HOOKED[name]


def run_until_ready(argv, attempt):
    """What it ended with, and what it said."""
    process = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True, env={**os.environ, "HANDBACK_ATTEMPT": attempt})
    said = ""
    for line in process.stderr:
        said += line
        if "msg=ready" in line:
            process.terminate()
    return process.wait(40), said


def run_web(place, attempt, *wrapper):
    return run_until_ready([*wrapper, hooked("web"), "--listen", place / "http", "--desk", place / "desk"], attempt)


@pytest.mark.parametrize("what", TRIES)
def test_the_pages_face_cannot(what, place):
    status, errors = run_web(place, TRIES[what])
    assert status != 98, "the hook does not know this attempt"
    assert status == -signal.SIGSYS or f"refused: {TRIES[what]}" in errors, (status, errors)


@pytest.mark.parametrize("call, error", LOCKS)
def test_the_pages_face_that_cannot_be_locked_down_serves_nobody(call, error, need, place):
    need("strace")
    status, errors = run_web(place, "", "strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:error={error}")
    assert status == 4 and "cannot lock down" in errors and "ready" not in errors


@pytest.fixture(scope="module")
def world(cluster, build):
    with worlds.World(cluster, build, members=5, redemptions=5) as made:
        for folder in ("archive", "quarantine", "incoming"):
            (made.spool / folder).mkdir(parents=True, exist_ok=True)
        (made.spool / "incoming/there").write_text("a partner's file")
        made.pages = web.Web(made)
        made.pages.role("ann")
        made.pages.role("ben")
        yield made


def code_of(world, name):
    return world.pages.link(name).partition("code=")[2].partition(".")[2]


def run_desk(world, attempt, *wrapper, person="ann", code=None, program=None, first=None):
    """(status, what it logged, its first answer) of a desk that is told who wants in."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    process = subprocess.Popen(["/bin/sh", "-c", 'exec "$@" 3<&0 </dev/null', "sh", *wrapper, program or hooked("desk"), "--config", world.config],
                               stdin=theirs, stderr=subprocess.PIPE, text=True, env={**os.environ, "HANDBACK_ATTEMPT": attempt})
    theirs.close()
    with ours:
        ours.settimeout(30)
        ours.send(first or packet("enter", person=person, code=code or code_of(world, person)))
        try:
            answer = ours.recv(65536)
        except ConnectionResetError:
            answer = b""
    return process.wait(30), process.stderr.read(), answer


@pytest.mark.parametrize("what", [*TRIES, *OF_A_DESK])
def test_a_desk_cannot(what, world):
    said = {**TRIES, **OF_A_DESK}[what].format(place=world.dir, server=next(pathlib.Path(world.database.cluster.socket).glob(".s.PGSQL.*[0-9]")))
    status, errors, _ = run_desk(world, said)
    assert status != 98, "the hook does not know this attempt"
    assert status == -signal.SIGSYS or f"refused: {said}" in errors, (status, errors)
    assert not (world.spool / "archive/new").exists()


def test_the_desks_hook_can_tell_an_escape(world):
    assert run_desk(world, "read /dev/null")[0] == 99


@pytest.mark.parametrize("call, error", LOCKS)
def test_a_desk_that_cannot_be_locked_down_lets_nobody_in(call, error, need, world):
    need("strace")
    _, errors, answer = run_desk(world, "", "strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:error={error}")
    assert answer == b"" and "cannot lock down" in errors


@pytest.fixture(scope="module")
def vouching(world):
    config = world.dir / "login.yaml"
    config.write_text(world.config.read_text() + f"login:\n  proxy:\n    user: {getpass.getuser()}\n    header: X-Remote-User\n")
    return config


def run_login(place, config, attempt, *wrapper):
    return run_until_ready([*wrapper, hooked("login"), "--listen", place / "http", "--config", config], attempt)


@pytest.mark.parametrize("what", [*TRIES, *OF_A_LOGIN])
def test_who_vouches_cannot(what, place, world, vouching):
    said = {**TRIES, **OF_A_LOGIN}[what].format(place=world.dir, server=next(pathlib.Path(world.database.cluster.socket).glob(".s.PGSQL.*[0-9]")))
    status, errors = run_login(place, vouching, said)
    assert status != 98, "the hook does not know this attempt"
    assert status == -signal.SIGSYS or f"refused: {said}" in errors, (status, errors)


@pytest.mark.parametrize("call, error", LOCKS)
def test_who_vouches_and_cannot_be_locked_down_serves_nobody(call, error, need, place, vouching):
    need("strace")
    status, errors = run_login(place, vouching, "", "strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:error={error}")
    assert status == 4 and "cannot lock down" in errors and "ready" not in errors


def test_a_link_is_good_once_and_for_the_one_who_made_it(world, build):
    """Whoever has taken handback-web over knows no person's link: neither another's, nor one that was used, nor one that was never made."""
    desk = build / "web/desk/handback-desk"
    code = code_of(world, "ann")
    assert run_desk(world, "", person="ben", code=code, program=desk)[2].startswith(b"refused")
    assert run_desk(world, "", person="ann", code="0" * 64, program=desk)[2].startswith(b"refused")
    assert run_desk(world, "", person="ann", code=code, program=desk)[2] == b"entered"
    assert run_desk(world, "", person="ann", code=code, program=desk)[2].startswith(b"refused")
    late = code_of(world, "ann")
    with world.database.connect() as c:
        c.execute("ALTER TABLE handback.web_link DISABLE TRIGGER append_only")
        c.execute("UPDATE handback.web_link SET made_at = made_at - interval '5 minutes'")
        c.execute("ALTER TABLE handback.web_link ENABLE TRIGGER append_only")
    assert run_desk(world, "", person="ann", code=late, program=desk)[2].startswith(b"refused")


def test_a_desk_takes_no_request_before_somebody_is_in(world, build):
    status, _, answer = run_desk(world, "", program=build / "web/desk/handback-desk", first=packet("ask", path="/"))
    assert (status, answer) == (2, b"")

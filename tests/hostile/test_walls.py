"""README's table of trust, tried: each program does what its column "never" says, and the kernel does not let it."""
import ctypes
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess

import pytest

import decrypter
import fetcher

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("HANDBACK_BUILD", ROOT / "build"))
HOOKED_FETCH = BUILD / "fetch/handback-fetch-test"
HOOKED_DECRYPT = BUILD / "parsers/decrypt/handback-decrypt-test"
SHIPPED = ("fetch/handback-fetch", "parsers/decrypt/handback-decrypt")


def needs_hooks(program):
    if not program.exists():
        pytest.skip("needs -Dtest_build=true")


# ---------------------------------------------------------------- what a program that was taken over tries

def landlock_version():
    """The kernel's: what TCP may reach is held from 4 on."""
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.syscall(444, None, ctypes.c_size_t(0), ctypes.c_uint32(1))


@pytest.fixture
def secrets(tmp_path):
    """What is none of the program's business, and is there: another source's key, a database's socket, a port."""
    (tmp_path / "other.key").write_text("another source's key")
    with socket.socket(socket.AF_UNIX) as local, socket.socket() as tcp:
        local.bind(str(tmp_path / ".s.PGSQL.5432"))
        local.listen()
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        yield {"other.key": tmp_path / "other.key", "database": tmp_path / ".s.PGSQL.5432", "port": tcp.getsockname()[1],
               "place": tmp_path}


FETCH_TRIES = {
    "opens the database's socket": "local {database}",
    "connects to a port that is not its server's": "tcp {port}",
    "reads another source's key": "read {other.key}",
    "reads the machine's passwords": "read /etc/shadow",
    "reads the configuration of others": "read /etc/fstab",
    "makes a file elsewhere": "make {place}/new",
    "makes a file where its user may": "make /tmp/handback-walls-new",
    "runs a program": "run /bin/true",
    "forks": "fork",
    "enters a name space": "namespace",
    "traces": "trace",
    "has who closes its descriptors wait": "linger",
}


def attempt(text, secrets):
    return re.sub(r"\{([^}]+)\}", lambda m: str(secrets[m.group(1)]), text)


def is_refused(errors, said, status):
    """The kernel said no, or ended it at once."""
    assert status != 98, "the hook does not know this attempt"
    return status == -signal.SIGSYS or f"refused: {said}" in errors


@pytest.mark.parametrize("what", FETCH_TRIES)
def test_a_fetcher_cannot(what, secrets, tmp_path):
    said = attempt(FETCH_TRIES[what], secrets)
    if said.startswith("tcp") and landlock_version() < 4:
        pytest.skip("this kernel's Landlock knows no ports: the unit's list of addresses holds it")
    source = fetcher.Source(tmp_path, 9, "nobody", pins=["SHA256:none"], connect_ms=300, run_ms=2000)
    source.program, source.environment, source.stderr = HOOKED_FETCH, {"HANDBACK_ATTEMPT": said}, subprocess.PIPE
    needs_hooks(HOOKED_FETCH)
    run = source.start().wait()
    assert is_refused(source.process.stderr.read().decode(), said, run.code), run.replies_shown()
    assert not (secrets["place"] / "new").exists()


def test_the_fetchers_hook_can_tell_an_escape(secrets, tmp_path):
    """What it may do it does: the test of the tests above."""
    needs_hooks(HOOKED_FETCH)
    source = fetcher.Source(tmp_path, secrets["port"], "nobody", pins=["SHA256:none"], connect_ms=300, run_ms=2000)
    for allowed in (f"tcp {secrets['port']}", "read /etc/hosts", f"make {source.spool}/new"):
        source.program, source.environment, source.stderr = HOOKED_FETCH, {"HANDBACK_ATTEMPT": allowed}, subprocess.PIPE
        assert source.start().wait().code == 99, source.process.stderr.read()


def test_the_hook_is_not_in_what_is_shipped(tmp_path):
    for program in SHIPPED:
        assert b"HANDBACK_ATTEMPT" not in (BUILD / program).read_bytes(), program


@pytest.mark.parametrize("call, error", [("landlock_create_ruleset", "ENOSYS"), ("landlock_create_ruleset", "EPERM"),
                                         ("landlock_add_rule", "EINVAL"), ("landlock_restrict_self", "EPERM"), ("seccomp", "EINVAL")])
def test_a_fetcher_that_cannot_be_locked_down_does_not_connect(call, error, need, tmp_path):
    need("strace")
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.settimeout(0.2)
        source = fetcher.Source(tmp_path, server.getsockname()[1], "nobody", pins=["SHA256:none"], connect_ms=300, run_ms=2000)
        source.wrapper = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:error={error}"]
        failed = source.run().failed
        assert failed["stage"] == "sandbox" and "cannot lock down" in failed["why"], failed
        with pytest.raises(TimeoutError):
            server.accept()


def test_a_fetcher_goes_on_without_landlock_where_the_operator_says_so(need, tmp_path):
    need("strace")
    source = fetcher.Source(tmp_path, 9, "nobody", pins=["SHA256:none"], connect_ms=300, run_ms=2000, no_landlock="yes")
    source.wrapper = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=landlock_create_ruleset",
                      "-e", "inject=landlock_create_ruleset:error=ENOSYS"]
    assert source.run().failed["stage"] == "connect"


DECRYPT_TRIES = {
    "makes a network socket": "network",
    "connects by TCP": "tcp {port}",
    "reads another's key": "read {other.key}",
    "reads the machine's passwords": "read /etc/shadow",
    "makes a file elsewhere": "make {place}/new",
    "makes a file beside its keyring": "make {keyrings}/new",
    "runs a program that is not the system's": "run {place}/program",
    "enters a name space": "namespace",
    "traces": "trace",
}


def decrypt(folder, program, said, wrapper=()):
    """One run with a file that is not OpenPGP: the run, its verb and why, and what it leaves behind."""
    (folder / "keyrings").mkdir(exist_ok=True)
    run = decrypter.Run(folder / "keyrings", b"no OpenPGP", b"no key", signature="no", program=program, wrapper=wrapper,
                        environment={"HANDBACK_ATTEMPT": said})
    verb, _, why = run.end()
    return run, verb, why, os.listdir(folder / "keyrings")


@pytest.mark.parametrize("what", DECRYPT_TRIES)
def test_a_decrypter_cannot(what, secrets, tmp_path):
    needs_hooks(HOOKED_DECRYPT)
    shutil.copy("/bin/true", tmp_path / "program")
    said = attempt(DECRYPT_TRIES[what], {**secrets, "keyrings": tmp_path / "keyrings"})
    run, _, _, left = decrypt(tmp_path, HOOKED_DECRYPT, said)
    assert is_refused(run.stderr, said, run.process.returncode), run.stderr
    assert "new" not in left and not (tmp_path / "new").exists()


def test_the_decrypters_hook_can_tell_an_escape(tmp_path):
    """What it may do it does: a program of the system runs, within the same sandbox."""
    needs_hooks(HOOKED_DECRYPT)
    run, verb, _, _ = decrypt(tmp_path, HOOKED_DECRYPT, "run /usr/bin/true")
    assert run.process.returncode == 0 and verb is None and "refused" not in run.stderr, run.stderr


def test_a_decrypter_takes_its_keyring_away(tmp_path):
    _, verb, why, left = decrypt(tmp_path, decrypter.PROGRAM, "")
    assert verb == "failed" and "the private key" in why and left == [], (verb, why)


@pytest.mark.parametrize("call, error", [("landlock_create_ruleset", "ENOSYS"), ("landlock_add_rule", "EINVAL"),
                                         ("landlock_restrict_self", "EPERM"), ("seccomp", "EINVAL")])
def test_a_decrypter_that_cannot_be_locked_down_opens_nothing(call, error, need, tmp_path):
    need("strace")
    _, verb, why, left = decrypt(tmp_path, decrypter.PROGRAM, "",
                                 ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:error={error}"])
    assert verb == "failed" and "cannot lock down" in why and left == [], (verb, why)

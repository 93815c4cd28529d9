"""handback-decrypt: OpenPGP by the real GnuPG, with the partner's keys and nothing else."""
import contextlib
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import pytest

import decrypter
import parse_client
from crash_runs import descendants
from openpgp import Ring
from unit_socket import UnitSocket

CONTENT = b"".join(b"A%d;%d;Y\r\n" % (i, i * 7919 % 1000) for i in range(2000))
DONE, REFUSED, FAILED = "done", "refused", "failed"


@pytest.fixture(scope="module")
def rings():
    if shutil.which("gpg") is None:
        pytest.skip("gpg is not installed")
    # a socket's path is short
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hbk"))
    made = {name: Ring(folder / name, name, {"guarded": "s3cret", "other": "n3xt"}.get(name, ""), algorithm)
            for name, algorithm in (*((name, "ed25519") for name in ("us", "partner", "stranger", "guarded", "other", "signs")),
                                    ("rsa", "rsa2048"), ("short", "rsa1024"))}
    made["signs"].secret = made["signs"].gpg("--armor", "--export-secret-keys", "--export-filter", "drop-subkey=key_algo -gt 0")
    yield made
    for ring in made.values():
        ring.close()
    shutil.rmtree(folder, ignore_errors=True)


def decrypt(data, secret=None, signers=None, *, encrypted=True, signature=True, tmp=None, **more):
    """(verb, content, message)"""
    folder = tmp or tempfile.mkdtemp(prefix="hbk")
    run = decrypter.Run(folder, data, secret, signers, encrypted="yes" if encrypted else "no",
                        signature="yes" if signature else "no", environment={"ASAN_OPTIONS": "detect_leaks=0"}, **more)
    said = run.end()
    assert os.listdir(folder) == [], "the keyring is left behind"
    if tmp is None:
        os.rmdir(folder)
    assert run.process.returncode == 0 and "runtime error" not in run.stderr, run.stderr
    return said


@pytest.mark.sanitize
def test_encrypted_and_signed(rings):
    us, partner = rings["us"], rings["partner"]
    for more in ((), ("--armor",), ("--compress-algo", "none"), ("--cipher-algo", "AES128")):
        message = partner.protect(CONTENT, us, True, *more)
        assert decrypt(message, us.secret, partner.public) == (DONE, CONTENT, "")


def test_encrypted_only(rings):
    us, partner = rings["us"], rings["partner"]
    message = partner.protect(CONTENT, us, sign=False)
    assert decrypt(message, us.secret, signature=False) == (DONE, CONTENT, "")
    status, _, why = decrypt(message, us.secret, partner.public)
    assert status == REFUSED and "not signed" in why


def test_signed_only(rings):
    us, partner = rings["us"], rings["partner"]
    message = partner.protect(CONTENT)
    assert decrypt(message, None, partner.public, encrypted=False) == (DONE, CONTENT, "")
    status, _, why = decrypt(message, us.secret, partner.public)
    assert status == REFUSED, why


def test_who_may_sign(rings):
    us, partner, stranger = rings["us"], rings["partner"], rings["stranger"]
    message = stranger.protect(CONTENT, us)
    status, _, why = decrypt(message, us.secret, partner.public)
    assert status == REFUSED and "nobody of the signers" in why
    assert decrypt(message, us.secret, partner.public + stranger.public)[0] == DONE
    assert decrypt(stranger.protect(CONTENT), None, partner.public, encrypted=False)[0] == REFUSED


def test_another_key(rings):
    status, _, why = decrypt(rings["partner"].protect(CONTENT, rings["stranger"]), rings["us"].secret,
                            rings["partner"].public)
    assert status == REFUSED and "another key" in why


def test_passphrase(rings):
    guarded, partner = rings["guarded"], rings["partner"]
    message = partner.protect(CONTENT, guarded)
    assert decrypt(message, guarded.secret, partner.public, passphrase=b"s3cret\n") == (DONE, CONTENT, "")
    for wrong in (None, b"other\n"):
        status, _, why = decrypt(message, guarded.secret, partner.public, passphrase=wrong)
        assert status == FAILED and "passphrase" in why and "s3cret" not in why


def test_keys_that_are_none(rings):
    us, partner = rings["us"], rings["partner"]
    message = partner.protect(CONTENT, us)
    assert decrypt(message, b"no key", partner.public)[0] == FAILED
    assert decrypt(message, us.secret, b"no key")[0] == FAILED
    assert decrypt(message, us.public, partner.public)[0] == FAILED  # a public key where the private one belongs


# the machine is at fault, and not the file

NO_AGENT = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-P", "/usr/bin/gpg-agent", "-e", "trace=execve", "-e", "inject=execve:error=EACCES"]


@pytest.fixture(scope="module")
def message(rings):
    return rings["partner"].protect(CONTENT, rings["us"])


def test_w1_without_its_agent_nothing_is_said_of_the_file(rings, message, need):
    need("strace")
    for data in (message, rings["partner"].protect(CONTENT, rings["stranger"]), b"A1|5|OK\n"):
        status, _, why = decrypt(data, rings["us"].secret, rings["partner"].public, wrapper=NO_AGENT)
        assert status == FAILED and "gpg-agent" in why, (status, why)


def test_w1_a_cut_key_is_ours(rings, message):
    us, partner, stranger = rings["us"], rings["partner"], rings["stranger"]
    for secret in (us.secret[:200], us.secret[:len(us.secret) * 2 // 3], us.secret.replace(b"-----END", b"")):
        status, content, why = decrypt(message, secret, partner.public)
        assert (status, content) == (DONE, CONTENT) or status == FAILED and "cut off" in why, (status, why)
    # its first key is whole, and the one that opens is cut
    status, _, why = decrypt(message, stranger.secret + us.secret[:-200], partner.public)
    assert status == FAILED and "cut off" in why, why
    # a key of ours that only signs
    status, _, why = decrypt(message, rings["signs"].secret, partner.public)
    assert status == FAILED and "no key that opens" in why, why
    # the same of signers, one of whom is lost
    both = stranger.public + partner.public
    assert decrypt(message, us.secret, both) == (DONE, CONTENT, "")
    status, _, why = decrypt(message, us.secret, both[:-100])
    assert status == FAILED and "cut off" in why, why


def test_each_of_our_keys_has_its_passphrase(rings):
    guarded, other, partner = rings["guarded"], rings["other"], rings["partner"]
    for ring in (guarded, other):
        data = partner.protect(CONTENT, ring)
        for passphrases in (b"s3cret\nn3xt\n", b"n3xt\r\n\r\ns3cret"):
            assert decrypt(data, guarded.secret + other.secret, partner.public, passphrase=passphrases) == (DONE, CONTENT, "")
        status, _, why = decrypt(data, guarded.secret + other.secret, partner.public, passphrase=b"wrong\nneither\n")
        assert status == FAILED and "passphrase" in why, why


# whose signature, and what it proves

def test_w8_our_own_signature_is_nobodys(rings):
    us, partner = rings["us"], rings["partner"]
    ours = us.protect(CONTENT, us)
    for signers in (partner.public, partner.public + us.public):  # whoever exports everything gives us our own
        status, _, why = decrypt(ours, us.secret, signers)
        assert status == REFUSED and "our own key" in why, why
    us.gpg("--import", data=partner.secret)
    both = us.protect(CONTENT, us, True, "--local-user", "us", "--local-user", "partner")
    assert decrypt(both, us.secret, partner.public) == (DONE, CONTENT, "")


WEAK = {"sha1": ("rsa", "SHA1", "SHA-1"), "ripemd160": ("rsa", "RIPEMD160", "RIPEMD-160"), "keys": ("short", "SHA256", "2048 bits")}


@pytest.mark.parametrize("weak", WEAK)
def test_a_weak_signature_counts_where_the_profile_names_it(rings, weak):
    name, digest, said = WEAK[weak]
    data = rings[name].protect(CONTENT, rings["us"], True, "--digest-algo", digest)
    allowed = {f"weak_{weak}": "yes"}
    status, _, why = decrypt(data, rings["us"].secret, rings[name].public)
    assert status == REFUSED and said in why and "weak" in why, why
    assert decrypt(data, rings["us"].secret, rings[name].public, **allowed) == (DONE, CONTENT, "")
    status, _, why = decrypt(data, rings["us"].secret, rings["partner"].public, **allowed)
    assert status == REFUSED and "nobody of the signers" in why, why


def test_cut_and_changed(rings):
    """Never the wrong content with a good end."""
    us, partner = rings["us"], rings["partner"]
    message = partner.protect(CONTENT, us)
    dice = random.Random(7)
    for n in [0, 1, 10, len(message) // 2, len(message) - 1, *(dice.randrange(len(message)) for _ in range(6))]:
        status, content, why = decrypt(message[:n], us.secret, partner.public) if n else (REFUSED, b"", "empty")
        assert status == REFUSED, (n, status, why)
    for at in [0, 3, len(message) - 1, *(dice.randrange(len(message)) for _ in range(12))]:
        changed = bytearray(message)
        changed[at] ^= 1 << dice.randrange(8)
        status, content, why = decrypt(bytes(changed), us.secret, partner.public)
        assert status == REFUSED or content == CONTENT, (at, status, why)
    assert decrypt(CONTENT, us.secret, partner.public)[0] == REFUSED
    for _ in range(20):  # what GnuPG takes the second one for differs with each session key
        message = partner.protect(CONTENT, us)
        status, content, why = decrypt(message + message, us.secret, partner.public)
        assert status == REFUSED, why


@pytest.mark.sanitize
@pytest.mark.parametrize("more", [(), ("--armor",), ("--compress-algo", "none"), ("--compress-algo", "zlib"),
                                  ("--compress-algo", "none", "--armor")])
def test_one_message_and_nothing_besides_it(rings, more):
    """GnuPG opens the first one and says that all is well."""
    us, partner = rings["us"], rings["partner"]
    for encrypted in (False, True):
        secret, to = (us.secret, us) if encrypted else (None, None)
        first = partner.protect(CONTENT, to, True, *more)
        second = partner.protect(b"A2|5|KO\n", to, True, *more)
        assert decrypt(first, secret, partner.public, encrypted=encrypted) == (DONE, CONTENT, "")
        for data in (first + second, first + b"A3|5|OK\n", b"A3|5|OK\n" + first):
            status, _, why = decrypt(data, secret, partner.public, encrypted=encrypted)
            assert status == REFUSED, (encrypted, data)
            # much of it GnuPG finds for itself, and has its own words for
            assert encrypted or data != first + second or "besides its message" in why, why


def test_a_clearsigned_file_is_one_message_too(rings):
    partner = rings["partner"]
    signed = partner.gpg("--clearsign", "--output", "-", data=CONTENT)
    assert decrypt(signed, None, partner.public, encrypted=False) == (DONE, CONTENT, "")
    assert decrypt(b"\n" + signed + b"\r\n", None, partner.public, encrypted=False) == (DONE, CONTENT, "")
    for data in (b"A3|5|OK\n" + signed, signed + b"A3|5|OK\n", signed + signed):
        assert decrypt(data, None, partner.public, encrypted=False)[0] == REFUSED, data


def test_armor_around_two_messages(rings):
    partner = rings["partner"]
    both = partner.protect(CONTENT) + partner.protect(b"A2|5|KO\n")
    armored = partner.gpg("--enarmor", "--output", "-", data=both).replace(b"PGP ARMORED FILE", b"PGP MESSAGE")
    assert decrypt(armored, None, partner.public, encrypted=False)[0] == REFUSED


def test_a_passphrase_is_no_key_of_ours(rings):
    """Held, and not tried again for ever as if our passphrase were wrong; and nobody's guess is compared with ours."""
    for ring, passphrase in (("us", None), ("guarded", b"s3cret\n")):
        message = rings["guarded"].gpg("--symmetric", "--output", "-", data=CONTENT)  # by the very same passphrase
        status, content, why = decrypt(message, rings[ring].secret, rings["partner"].public, passphrase=passphrase)
        assert status == REFUSED and "by a passphrase" in why and content == b"", (status, why)


def test_bounded(rings):
    us, partner = rings["us"], rings["partner"]
    assert decrypt(partner.protect(CONTENT, us), us.secret, partner.public, limit=len(CONTENT))[0] == DONE
    status, content, why = decrypt(partner.protect(CONTENT, us), us.secret, partner.public, limit=len(CONTENT) - 1)
    assert status == REFUSED and "larger than" in why and len(content) < len(CONTENT)
    bomb = partner.protect(b"\0" * 50_000_000, us)
    status, content, why = decrypt(bomb, us.secret, partner.public, limit=1 << 20)
    assert status == REFUSED and "larger than" in why and len(content) <= 1 << 20


def gpg_processes(folder):
    out = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    return [line for line in out.splitlines() if "gpg-agent" in line and str(folder) in line]


def left_of(folder):
    """Whatever runs with that folder in its command line or environment."""
    found = []
    for process in pathlib.Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if process.name.isdigit() and str(folder).encode() in (process / "environ").read_bytes() + (process / "cmdline").read_bytes():
                found.append((process / "cmdline").read_text())
    return found


def test_leaves_nothing_running_and_sweeps_what_a_killed_one_left(rings, tmp_path):
    us, partner = rings["us"], rings["partner"]
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hbk"))
    old = folder / "handback-decrypt-aaaaaa"
    old.mkdir(mode=0o700)
    (old / "private-keys-v1.d").mkdir()
    (old / "private-keys-v1.d" / "x.key").write_text("secret")
    (folder / "other").mkdir()
    message = partner.protect(CONTENT, us)
    try:
        decrypt(message, us.secret, partner.public, tmp=folder)
    except AssertionError as left:
        assert "left behind" in str(left)  # the other folder, which is not ours to sweep
    assert os.listdir(folder) == ["other"]
    deadline = time.monotonic() + 5
    while gpg_processes(folder) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert gpg_processes(folder) == []
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def large(rings):
    """What takes GnuPG some seconds."""
    return rings["partner"].protect(b"\n" * 400_000_000, rings["us"], True, "--compress-algo", "zlib")


def busy(rings, large, folder):
    """A run of that, in the midst of it."""
    run = decrypter.Run(folder, large, rings["us"].secret, rings["partner"].public, limit=1 << 40)
    deadline = time.monotonic() + 20
    while not (gpg_processes(folder) and os.fstat(run.content).st_size) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert gpg_processes(folder) and run.process.poll() is None, "it ended before it could be ended"
    return run


def test_no_file_that_it_or_gnupg_writes_is_longer_than_the_content_may_be(rings, large):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hbk"))
    run = busy(rings, large, folder)
    limits = {}
    for process in [run.process.pid, *descendants(run.process.pid)]:
        with contextlib.suppress(OSError):
            text = pathlib.Path(f"/proc/{process}/limits").read_text()
            limits[pathlib.Path(f"/proc/{process}/comm").read_text().strip()] = re.search(r"Max file size +(\S+) +(\S+)", text).groups()
    run.channel.close()
    assert run.process.wait(10) == 0
    os.close(run.content)
    folder.rmdir()
    assert any(name.startswith("gpg") for name in limits), limits
    assert set(limits.values()) == {(str(1 << 40),) * 2}, limits


@pytest.mark.parametrize("how", ["hung up on", "told to stop", "killed", "killed in its work"])
def test_w10_takes_everything_with_it_when_it_is(rings, large, how):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hbk"))
    run = busy(rings, large, folder)
    if how == "hung up on":
        run.channel.close()
    elif how == "told to stop":
        run.process.terminate()
    elif how == "killed":
        run.process.kill()
    else:
        [worker] = pathlib.Path(f"/proc/{run.process.pid}/task/{run.process.pid}/children").read_text().split()
        os.kill(int(worker), signal.SIGKILL)
    assert run.process.wait(10) == (-signal.SIGKILL if "killed" in how else 0)
    deadline = time.monotonic() + 5
    while (left_of(folder) or os.listdir(folder)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert left_of(folder) == [] and os.listdir(folder) == []
    os.close(run.content)
    folder.rmdir()


def test_a_job_that_does_not_fit_is_answered_so(rings, tmp_path):
    us, partner = rings["us"], rings["partner"]
    for change, why in (({"secret": None}, "private key"), ({"signers": None}, "signers"), ({"data": None}, "lacks its file"),
                        ({"limit": 0}, "limit"), ({"limit": -1}, "limit"), ({"encrypted": "maybe"}, "encrypted"),
                        ({"encrypted": "no", "signature": "no"}, "demands nothing"), ({"shell": "/bin/sh"}, "one too many"),
                        ({"data": b""}, "empty")):
        job = {"data": b"x", "secret": us.secret, "signers": partner.public, **change}
        run = decrypter.Run(tmp_path, **job)
        verb, content, told = run.end()
        assert (verb, content) == (FAILED, b"") and why in told and run.process.returncode == 0, (change, told)
    assert os.listdir(tmp_path) == []


def test_says_what_it_is():
    done = subprocess.run([decrypter.PROGRAM], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 2 and "handback-reconcile" in done.stderr


# all the way

@pytest.fixture
def openpgp_world(rings, cluster, build):
    from world import World
    with World(cluster, build) as world:
        profiles = world.dir / "profiles"
        profiles.mkdir()
        for path in (parse_client.ROOT / "fixtures/profiles").glob("*.yaml"):
            shutil.copy(path, profiles)
        profile = profiles / "skyline.yaml"
        profile.write_text(profile.read_text(encoding="utf-8") + "\nopenpgp: {encrypted: yes, signature: yes}\n",
                           encoding="utf-8")
        keys = profiles / "skyline.keys"
        keys.mkdir()
        for name, data in (("secret.asc", rings["us"].secret), ("signers.asc", rings["partner"].public)):
            (keys / name).write_bytes(data)
            (keys / name).chmod(0o600)
        world.config.write_text(world.config.read_text(encoding="utf-8").replace(
            str(parse_client.ROOT / "fixtures/profiles"), str(profiles)), encoding="utf-8")
        world.keys = keys
        yield world


def put(world, name, data):
    (world.inbound["SKYLINE"] / name).write_bytes(data)
    os.utime(world.inbound["SKYLINE"] / name, (1, 1))


@pytest.mark.sanitize
def test_an_encrypted_file_is_posted_and_kept_as_it_came(rings, openpgp_world):
    name, data = openpgp_world.file("SKYLINE")
    message = rings["partner"].protect(data, rings["us"])
    put(openpgp_world, name, message)
    openpgp_world.run(allowed=(0,))
    assert openpgp_world.files() == {name: "posted"}
    assert openpgp_world.postings() > 0
    archived = [p for p in (openpgp_world.spool / "archive").rglob("*") if p.is_file()]
    assert [p.read_bytes() for p in archived] == [message]
    assert openpgp_world.ctl("audit", "verify").returncode == 0
    assert [p for p in (openpgp_world.spool / "work").iterdir() if p.is_file()] == []


@pytest.mark.sanitize
def test_another_signature_is_refused_and_posts_nothing(rings, openpgp_world):
    name, data = openpgp_world.file("SKYLINE")
    put(openpgp_world, name, rings["stranger"].protect(data, rings["us"]))
    openpgp_world.run(allowed=(3,))
    assert openpgp_world.files() == {name: "held"}
    assert openpgp_world.postings() == 0
    assert "nobody of the signers" in next(iter(openpgp_world.reasons().values()))
    put(openpgp_world, name.replace("000001", "000002"), data)  # neither encrypted nor signed
    openpgp_world.run(allowed=(3,))
    assert openpgp_world.postings() == 0
    assert openpgp_world.ctl("audit", "verify").returncode == 0


def test_without_keys_the_file_stays_until_they_are_there(rings, openpgp_world):
    name, data = openpgp_world.file("SKYLINE")
    put(openpgp_world, name, rings["partner"].protect(data, rings["us"]))
    secret = openpgp_world.keys / "secret.asc"
    secret.chmod(0o644)
    done = openpgp_world.ctl("run", check=False)
    assert done.returncode == 4 and "may be read by others" in done.stdout + done.stderr
    assert openpgp_world.files() == {} and (openpgp_world.inbound["SKYLINE"] / name).exists()
    secret.unlink()
    done = openpgp_world.ctl("run", check=False)
    assert done.returncode == 4 and "secret.asc" in done.stdout + done.stderr
    secret.write_bytes(rings["us"].secret)
    secret.chmod(0o600)
    openpgp_world.run(allowed=(0,))
    assert openpgp_world.files() == {name: "posted"}


def test_w1_a_good_file_waits_for_an_agent_that_cannot_start(rings, openpgp_world, need, monkeypatch):
    """It is no hold that asks the partner for it again: the same file is posted when the agent is there."""
    need("strace")
    world = openpgp_world
    program = world.dir / "libexec/handback-decrypt"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nexec {' '.join(NO_AGENT)} {decrypter.PROGRAM}\n")
    program.chmod(0o755)
    name, data = world.file("SKYLINE")
    put(world, name, rings["partner"].protect(data, rings["us"]))
    with monkeypatch.context() as patched:
        patched.setenv("HANDBACK_LIBEXEC", str(program.parent))
        for _ in range(4):  # however often
            done = world.ctl("run", check=False)
            assert done.returncode == 4 and "gpg-agent" in done.stdout + done.stderr
            assert world.files() == {} and (world.inbound["SKYLINE"] / name).exists()
    world.run(allowed=(0,))
    assert world.files() == {name: "posted"} and world.postings() > 0


def test_dry_run_opens_it_too(rings, openpgp_world):
    name, data = openpgp_world.file("SKYLINE")
    path = openpgp_world.dir / name
    path.write_bytes(rings["partner"].protect(data, rings["us"]))
    done = openpgp_world.ctl("try", path, "--partner", "SKYLINE", "--json", check=False)
    assert done.returncode in (0, 3), done.stdout + done.stderr
    assert openpgp_world.files() == {}


# ---------------------------------------------------------------- by a unit of its own

def decrypt_socket(world, monkeypatch):
    path = world.dir / "decrypt.sock"
    monkeypatch.setenv("HANDBACK_DECRYPT_SOCKET", str(path))
    return path


def test_a_unit_of_its_own(rings, openpgp_world, monkeypatch):
    """Where the socket is named, each file is a connection, and nothing else is tried."""
    world = openpgp_world
    path = decrypt_socket(world, monkeypatch)
    name, data = world.file("SKYLINE")
    put(world, name, rings["partner"].protect(data, rings["us"]))
    done = world.ctl("run", check=False)
    assert done.returncode == 4 and f"cannot connect to handback-decrypt at {path}" in done.stdout + done.stderr
    assert world.files() == {} and (world.inbound["SKYLINE"] / name).exists()
    with UnitSocket(path, decrypter.PROGRAM) as unit:
        world.run(allowed=(0,))
        assert world.files() == {name: "posted"}
        assert [run.wait(10) for run in unit.runs] == [0]


def lie_after(answer):
    """What a decrypter that was taken over may say: packets, in order; None: it stays."""
    def serve(listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                kept = []
                while (got := socket.recv_fds(connection, 65536, 1))[0] != b"go":
                    kept += got[1] if got[0] == b"content" else []
                for said in answer:
                    if said == b"WRITE":
                        os.ftruncate(kept[0], 1 << 40)
                    elif said is None:
                        connection.recv(1)  # until it is hung up on
                    elif said == b"DESCRIPTOR":
                        socket.send_fds(connection, [b"done"], kept[:1])
                    else:
                        connection.send(said)
                for fd in kept:
                    os.close(fd)
    return serve


LIES = {
    "nothing": ([], "without an answer"),
    "nonsense": ([b"\xff\x00\x01"], "what is no answer"),
    "another verb": ([b"posted"], "out of turn"),
    "a job": ([b"go"], "out of turn"),
    "a field too many": ([b"done\tbytes=5"], "one too many"),
    "no reason": ([b"refused"], "why"),
    "too long a reason": ([b"refused\twhy=" + b"x" * 300], "why"),
    "too long a packet": ([b"refused\twhy=" + b"x" * 20000], "what is no answer"),
    "a descriptor": ([b"DESCRIPTOR"], "what is no answer"),
    "that GnuPG died": ([b"crashed\twhy=x"], "x"),
    "two answers": ([b"refused\twhy=x", b"done"], "did not end"),
    "more than it may": ([b"WRITE", b"done"], "wrote more"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_decrypter_that_lies_is_not_believed(lie, rings, openpgp_world, monkeypatch):
    world = openpgp_world
    path = decrypt_socket(world, monkeypatch)
    name, data = world.file("SKYLINE")
    put(world, name, rings["partner"].protect(data, rings["us"]))
    answer, why = LIES[lie]
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(str(path))
        listener.listen()
        threading.Thread(target=lie_after(answer), args=(listener,), daemon=True).start()
        done = world.ctl("run", check=False)
        listener.shutdown(socket.SHUT_RDWR)
    assert done.returncode == 4 and why in done.stdout + done.stderr, done
    assert world.files() == {} and (world.inbound["SKYLINE"] / name).exists()


@pytest.mark.all_only
def test_a_file_that_has_no_end_is_held_after_some_tries(rings, openpgp_world, monkeypatch):
    """Two hundred hidden recipients, or a GnuPG that hangs: its time is over each time, and then it is a person's."""
    world = openpgp_world
    path = decrypt_socket(world, monkeypatch)
    name, data = world.file("SKYLINE")
    put(world, name, rings["partner"].protect(data, rings["us"]))
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(str(path))
        listener.listen()
        threading.Thread(target=lie_after([None]), args=(listener,), daemon=True).start()
        for _ in range(2):
            done = world.ctl("run", check=False)
            assert done.returncode == 4 and "took too long" in done.stdout + done.stderr, done
            assert world.files() == {} and (world.inbound["SKYLINE"] / name).exists()
        world.ctl("run", check=False)
        listener.shutdown(socket.SHUT_RDWR)
    assert world.files() == {name: "held"} and not (world.inbound["SKYLINE"] / name).exists()
    [(reason, why)] = world.query("SELECT f.hold_reason, r.message FROM handback.file f JOIN handback.refusal r USING (file_id)")
    assert reason == "file_failed" and "took too long" in why


@pytest.mark.parametrize("by", ["a process of its own", "a unit's"])
def test_a_worker_that_is_killed_takes_the_decrypter_with_it(by, large, openpgp_world, monkeypatch):
    world = openpgp_world
    homes = world.dir / "homes"
    homes.mkdir()
    profile = world.dir / "profiles/skyline.yaml"
    profile.write_text(profile.read_text(encoding="utf-8") + "\nlimits: {expansion: 2000}\n", encoding="utf-8")
    program = world.dir / "decrypter"
    program.write_text(f"#!/bin/sh\nTMPDIR={homes} exec {decrypter.PROGRAM}\n")
    program.chmod(0o755)
    with contextlib.ExitStack() as stack:
        if by == "a unit's":
            stack.enter_context(UnitSocket(decrypt_socket(world, monkeypatch), program))
        else:
            (world.dir / "libexec").mkdir()
            (world.dir / "libexec/handback-decrypt").symlink_to(program)
            monkeypatch.setenv("HANDBACK_LIBEXEC", str(world.dir / "libexec"))
        daemon = world.start_daemon()
        put(world, world.file("SKYLINE")[0], large)
        world.until(lambda: gpg_processes(homes), "GnuPG to work", 30)
        daemon.send_signal(signal.SIGSTOP)  # it would begin another worker
        for pid in descendants(daemon.pid):
            with contextlib.suppress(OSError):
                if os.path.basename(os.readlink(f"/proc/{pid}/exe")) == "handback-reconcile":
                    os.kill(pid, signal.SIGKILL)
        world.until(lambda: os.listdir(homes) == [] and left_of(homes) == [], "nothing to be left")
        daemon.kill()

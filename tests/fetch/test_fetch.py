"""handback-fetch against a real OpenSSH sshd: trust, credentials, cuts, deadlines, what comes after."""
import hashlib
import os
import random
import signal
import struct
import subprocess
import time

import pytest

pytest.importorskip("asyncssh", reason="python3-asyncssh is not installed")

from case_table import case
from fetcher import PROGRAM, Message, Source
from sftp_server import Proxy, wait_for
from sshd import SSHD, Sshd, fingerprint, make_key

pytestmark = pytest.mark.skipif(not SSHD, reason="openssh-server is not installed")
DATA = random.Random(7).randbytes(3_000_000)
SOON = 15  # seconds: not ended by the deadline of the whole run, which is 20 s


@pytest.fixture
def server(tmp_path):
    with Sshd(tmp_path) as made:
        yield made


@pytest.fixture
def source(tmp_path, server):
    return Source(tmp_path, server.port, server.user, server.key, [server.pin], directory=server.root)


def auth_attempts(server):
    """What the server saw of a login: any line that names a user or a key."""
    return [line for line in server.read_log().splitlines()
            if "Accepted" in line or "Failed" in line or "publickey" in line.lower()]


# trust


@case("host key changed")
def test_host_key_changed(tmp_path, server, source):
    other = make_key(tmp_path / "other")
    source.pins = [fingerprint(f"{other}.pub")]
    run = source.run()
    mismatch = run.one("host_key_mismatch")
    assert mismatch["got"] == server.pin and source.pins[0] in mismatch["expected"]
    assert run.failed["stage"] == "host_key" and run.one("poll")["result"] == "failed"
    assert run.code == 4 and not auth_attempts(server)
    return "refused, both fingerprints reported, no credential sent"


@case("the next host key is pinned already")
def test_next_host_key(tmp_path, server, source):
    source.pins.insert(0, fingerprint(f"{make_key(tmp_path / 'old')}.pub"))
    server.put("a.csv", b"1")
    assert "a.csv" in source.run().files
    return "either of the two pins will do"


@case("no host key pinned")
def test_no_trust_on_first_use(server, source):
    source.pins = []
    run = source.run()
    assert run.failed["stage"] == "host_key" and not auth_attempts(server)
    return "refused: no trust on first use"


@case("known_hosts: right, hashed, another, none, empty")
def test_known_hosts(tmp_path, server, source):
    source.pins = []
    source.known_hosts = tmp_path / "known_hosts"
    public = open(f"{server.host_keys[0]}.pub").read().split()[:2]
    line = f"[127.0.0.1]:{server.port} {' '.join(public)}\n"
    other = open(f"{make_key(tmp_path / 'other')}.pub").read().split()[:2]
    hashed = tmp_path / "hashed"
    hashed.write_text(line)
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", hashed], check=True, capture_output=True)
    wanted = {line: 0, hashed.read_text(): 0, f"[127.0.0.1]:{server.port} {' '.join(other)}\n": 4,
              f"elsewhere {' '.join(public)}\n": 4, "": 4}
    for text, code in wanted.items():
        source.known_hosts.write_text(text)
        run = source.run()
        assert run.code == code, (text, run.replies_shown())
        assert code == 0 or run.failed["stage"] == "host_key"
    return "only the right key will do"


@case("host keys of three types, each pinned with its type")
@pytest.mark.parametrize("type_", ["ed25519", "ecdsa", "rsa"])
def test_host_key_types(tmp_path, type_):
    with Sshd(tmp_path, host_key_types=("ed25519", "ecdsa", "rsa")) as server:
        number = ["ed25519", "ecdsa", "rsa"].index(type_)
        public = f"{server.host_keys[number]}.pub"
        pin = f"{open(public).read().split()[0]} {fingerprint(public)}"
        source = Source(tmp_path, server.port, server.user, server.key, [pin], directory=server.root)
        run = source.run()
        assert run.code == 0, run.replies_shown()
        assert run.one("connected")["host_key"] == fingerprint(public)
    return type_


@case("only weak algorithms")
@pytest.mark.parametrize("weak", ["KexAlgorithms diffie-hellman-group14-sha1", "Ciphers aes128-cbc", "MACs hmac-sha1",
                                  "HostKeyAlgorithms ssh-rsa"])
def test_weak_algorithms(tmp_path, weak):
    extra = weak if not weak.startswith("MACs") else weak + "\nCiphers aes128-ctr"
    types = ("rsa",) if "ssh-rsa" in weak else ("ed25519",)
    with Sshd(tmp_path, host_key_types=types, extra=extra) as server:
        source = Source(tmp_path, server.port, server.user, server.key, [server.pin], directory=server.root)
        run = source.run()
        assert run.code == 4 and run.failed["stage"] == "connect", run.replies_shown()
        assert not auth_attempts(server)
    return f"{weak}: refused"


# credentials


@case("RSA, Ed25519 and ECDSA keys, plain and encrypted")
@pytest.mark.sanitize
@pytest.mark.parametrize("type_,options,passphrase", [
    ("ed25519", {}, ""), ("ed25519", {}, "open sesame"), ("rsa", {"bits": 3072}, ""),
    ("rsa", {"bits": 3072, "pem": True}, "open sesame"), ("ecdsa", {}, "")])
def test_client_keys(tmp_path, server, source, type_, options, passphrase):
    source.key = make_key(tmp_path / "mine", type_, passphrase, **options)
    server.authorize(f"{source.key}.pub")
    if passphrase:
        source.passphrase = tmp_path / "passphrase"
        source.passphrase.write_text(passphrase + "\n")
        source.passphrase.chmod(0o400)
    run = source.run()
    assert run.code == 0, run.replies_shown()
    return f"{type_} {options or ''} {'with' if passphrase else 'without'} passphrase"


@case("passphrase wrong or missing")
@pytest.mark.parametrize("pem", [False, True])
@pytest.mark.parametrize("given", [None, "wrong"])
def test_wrong_passphrase(tmp_path, server, source, pem, given):
    source.key = make_key(tmp_path / "mine", "rsa", "open sesame", bits=2048, pem=pem)
    server.authorize(f"{source.key}.pub")
    if given:
        source.passphrase = tmp_path / "passphrase"
        source.passphrase.write_text(given)
        source.passphrase.chmod(0o600)
    run = source.run()
    assert run.failed["stage"] == "key_file" and run.seconds < SOON
    return "refused before anything is sent, nobody is asked"


@case("key file readable by others")
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_readable_key(server, source, mode):
    os.chmod(source.key, mode)
    if mode == 0o640 and os.getuid() == 0:
        os.chown(source.key, 0, 1)
    run = source.run()
    assert run.failed["stage"] == "key_file" and "mode" in run.failed["why"]
    assert not auth_attempts(server)
    return f"{mode:o} refused"


@case("key that the server does not know")
def test_login_denied(tmp_path, server, source):
    source.key = make_key(tmp_path / "stranger")
    run = source.run()
    assert run.failed["stage"] == "login" and run.code == 4
    return "one attempt, stage=login"


@case("~/.ssh/config is not read")
def test_no_user_config(tmp_path, server, source, monkeypatch):
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh" / "config").write_text(f"Host *\n  ProxyCommand touch {tmp_path}/was-read\n  Port 1\n  User nobody\n")
    ours = source.start
    real = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda *a, env=None, **k: real(*a, env={**env, "HOME": str(home)}, **k))
    assert ours().wait().code == 0
    assert not (tmp_path / "was-read").exists()
    return "ignored"


# looking


@case("three answers of a poll")
@pytest.mark.sanitize
def test_three_valued_poll(server, source):
    assert source.run().one("poll")["result"] == "empty"
    server.put("a.csv", b"1")
    assert source.run().one("poll")["result"] == "files"
    missing = source.run(directory=server.root / "nowhere")
    assert missing.one("poll")["result"] == "failed" and missing.failed["stage"] == "directory"
    server.stop()
    gone = source.run(connect_ms=18000)
    assert gone.one("poll")["result"] == "failed" and gone.failed["stage"] == "connect" and gone.seconds < SOON
    return "files, empty, could not and why"


@case("patterns, ignored names, directories, links")
def test_patterns(server, source):
    for name in ("a.csv", "b.txt", ".hidden.csv", "c.csv.filepart", "d.csv"):
        server.put(name, b"1")
    (server.root / "dir.csv").mkdir()
    (server.root / "link.csv").symlink_to("a.csv")
    source.patterns, source.ignores = ["*.csv"], ["d.*"]
    assert set(source.run().files) == {"a.csv"}
    return "only regular files that fit"


@case("server killed in the middle of a listing")
@pytest.mark.sanitize
def test_killed_in_a_listing(tmp_path, server):
    for i in range(20_000):
        server.put(f"{i:05}.csv", b"1")
    with Proxy(server.port, bytes_per_s=300_000) as proxy:
        source = Source(tmp_path, proxy.port, server.user, server.key, [server.pin], directory=server.root)
        source.patterns = ["0000?.csv"]
        source.start()
        wait_for(lambda: proxy.passed > 100_000)
        server.signal(signal.SIGKILL)
        server.process.wait()
        run = source.wait()
        passed = proxy.passed
        assert run.one("poll")["result"] == "failed" and run.failed["stage"] == "listing", run.replies_shown()
        assert run.code == 4 and not run.files and not source.stored()
        proxy.bytes_per_s = None
        server.start()
        assert len(source.run().files) == 10 and proxy.passed > 2 * passed
    return f"{passed >> 10} KiB of the listing came: could not poll, nothing is taken; all at the next"


@case("settled over two polls")
def test_settle(server, source):
    server.put("a.csv", b"12")
    run = source.run(settle_ms=3600000)
    assert not run.files and run.done["waiting"] == "1"
    assert not source.run(settle_ms=3600000).files
    server.put("a.csv", b"123")
    # without the change, this look would take it
    assert not source.run(settle_ms=1).files, "it changed: its time starts again"
    assert "a.csv" in source.run(settle_ms=1).files
    return "a change starts its time again"


@case("marker")
def test_marker(server, source):
    server.put("a.csv", b"12")
    job = {"sidecar": "marker", "sidecar_suffix": ".done", "settle_ms": 3600000}
    assert not source.run(**job).files
    server.put("a.csv.done", b"")
    assert set(source.run(**job).files) == {"a.csv"}
    return "fetched when its marker is there"


@case("checksum file: missing, cut, wrong, right")
@pytest.mark.sanitize
def test_checksum(server, source):
    server.put("a.csv", DATA)
    job = {"sidecar": "sha256", "sidecar_suffix": ".sha256"}
    right = hashlib.sha256(DATA).hexdigest()
    assert not source.run(**job).files
    for text in ("", right[:63], "0" * 64, "zz" * 32):
        server.put("a.csv.sha256", text.encode())
        run = source.run(**job)
        assert not run.files and run.code == 0 and len(run.all("waiting")) == 1, text
        assert not source.stored()
    server.put("a.csv.sha256", f"{right.upper()}  a.csv\n".encode())
    assert source.run(**job).files["a.csv"]["sha256"] == right
    return "stored only when it agrees"


@case("file larger than the source allows")
def test_too_large(server, source):
    server.put("a.csv", b"x" * 101)
    server.put("b.csv", b"x" * 100)
    run = source.run(file_bytes=100)
    assert set(run.files) == {"b.csv"} and run.one("refused")["name"] == "a.csv"
    return "refused at N + 1, taken at N"


# bringing


@case("same name, new content; the first still in the spool")
def test_name_again(server, source):
    server.put("a.csv", b"one")
    source.run()
    server.put("a.csv", b"three")
    assert source.run().all("waiting") and source.stored()["a.csv"].read_bytes() == b"one"
    assert source.archive() == {"a.csv": b"one"}
    assert source.run().files["a.csv"]["size"] == "5"
    return "waits, then is brought"


@case("left at the partner's: not brought again")
def test_left(server, source):
    server.put("a.csv", b"one")
    source.run()
    source.archive()
    assert not source.run().files and not source.run().files
    again = source.run(reread_ms=1)
    assert not again.files and not source.stored()
    stat = os.stat(server.root / "a.csv")
    server.put("a.csv", b"two")
    os.utime(server.root / "a.csv", (stat.st_mtime, stat.st_mtime))
    assert not source.run().files
    assert "a.csv" in source.run(reread_ms=1).files, "same name, size and time, but other bytes"
    return "and read again after a while, for other bytes under the same size and time"


@case("connection cut at seeded bytes")
@pytest.mark.sanitize
@pytest.mark.parametrize("seed", range(8))
def test_cut(tmp_path, server, seed):
    server.put("a.csv", DATA)
    dice = random.Random(seed)
    with Proxy(server.port) as proxy:
        source = Source(tmp_path, proxy.port, server.user, server.key, [server.pin], directory=server.root)
        runs = 0
        while not source.stored():
            proxy.cut_after = dice.randrange(1, 1_500_000) if runs < 12 else None
            run = source.run()
            runs += 1
            assert run.code == (0 if source.stored() else 4), run.replies_shown()
        assert source.stored()["a.csv"].read_bytes() == DATA
    return f"whole after {runs} runs, nothing partial in sight"


@case("resumed, not started over")
def test_resume(tmp_path, server):
    server.put("a.csv", DATA)
    with Proxy(server.port, cut_after=2_000_000) as proxy:
        source = Source(tmp_path, proxy.port, server.user, server.key, [server.pin], directory=server.root)
        assert source.run().failed["stage"] == "transfer"
        part, = source.spool.glob(".fetch/*.part")
        assert part.stat().st_size > 1_000_000
        proxy.cut_after = 2_000_000
        run = source.run()
        assert run.code == 0 and proxy.passed < 2_000_000
        assert source.stored()["a.csv"].read_bytes() == DATA
        assert not list(source.spool.glob(".fetch/*.part"))
    return f"{proxy.passed} bytes in the second run"


@case("what was kept of a cut is damaged, or the file is another one")
@pytest.mark.parametrize("how", ["ours", "theirs"])
def test_resume_damaged(tmp_path, server, how):
    server.put("a.csv", DATA)
    with Proxy(server.port, cut_after=2_000_000) as proxy:
        source = Source(tmp_path, proxy.port, server.user, server.key, [server.pin], directory=server.root)
        source.run()
        proxy.cut_after = None
        data = DATA
        if how == "ours":
            part, = source.spool.glob(".fetch/*.part")
            with open(part, "r+b") as out:
                out.seek(1000)
                out.write(b"damage")
        else:
            stat = os.stat(server.root / "a.csv")
            data = bytes(reversed(DATA))
            server.put("a.csv", data)
            os.utime(server.root / "a.csv", (stat.st_atime, stat.st_mtime))
        run = source.run()
        if how == "theirs":
            assert not run.files and "from the start" in run.one("waiting")["why"]
            run = source.run()
        assert source.stored()["a.csv"].read_bytes() == data
    return "started over"


@case("killed (SIGKILL) in the middle")
def test_killed(tmp_path, server):
    server.put("a.csv", DATA)
    with Proxy(server.port, bytes_per_s=1_000_000) as proxy:
        source = Source(tmp_path, proxy.port, server.user, server.key, [server.pin], directory=server.root)
        source.start()
        wait_for(lambda: list(source.spool.glob(".fetch/*.part")))
        time.sleep(0.5)
        source.process.kill()
        source.wait()
        assert not source.stored()
        proxy.bytes_per_s = None
        assert source.run().code == 0
    assert source.stored()["a.csv"].read_bytes() == DATA and not list(source.spool.glob(".fetch/*.part"))
    return "nothing partial, brought by the next run"


@case("asked to end (SIGTERM)")
def test_stopped(tmp_path, server):
    server.put("a.csv", DATA)
    with Proxy(server.port, bytes_per_s=1_000_000) as proxy:
        source = Source(tmp_path, proxy.port, server.user, server.key, [server.pin], directory=server.root)
        source.start()
        wait_for(lambda: list(source.spool.glob(".fetch/*.part")))
        time.sleep(1)
        source.process.terminate()
        run = source.wait()
        assert "asked to end" in run.failed["why"]
        proxy.bytes_per_s = None
        assert list(source.spool.glob(".fetch/*.part")) and source.run().code == 0
    return "at once, and what came is kept"


@case("its parent is gone")
def test_orphan(tmp_path, server):
    server.put("a.csv", DATA)
    with Proxy(server.port, bytes_per_s=500_000) as proxy:
        source = Source(tmp_path, proxy.port, server.user, server.key, [server.pin], directory=server.root)
        source.start()
        wait_for(lambda: list(source.spool.glob(".fetch/*.part")))
        source.channel.close()
        assert source.process.wait(10) == 4
    return "ends"


@case("stall in the middle (SIGSTOP)")
def test_stall(server, source):
    with open(server.root / "a.csv", "wb") as out:
        out.truncate(2_000_000_000)
    source.start(stall_ms=1500)
    wait_for(lambda: any(p.stat().st_size > 1_000_000 for p in source.spool.glob(".fetch/*.part")))
    for pid in server.sessions():
        os.kill(pid, signal.SIGSTOP)
    began = time.monotonic()
    run = source.wait()
    assert "stalled" in run.failed["why"]
    assert not source.stored() and list(source.spool.glob(".fetch/*.part"))
    return f"ended {time.monotonic() - began:.1f} s after, with a stall time of 1.5 s"


@case("server stopped before the login, and a listener that never speaks")
def test_silent(tmp_path, server, source):
    import socket
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        run = source.run(port=listener.getsockname()[1], connect_ms=1000)
        assert run.failed["stage"] == "connect" and run.seconds < SOON
    server.process.send_signal(signal.SIGSTOP)
    run = source.run(connect_ms=1000)
    assert run.failed["stage"] == "connect" and run.seconds < SOON
    return f"{run.seconds:.1f} s with a connect time of 1 s"


@case("slow trickle")
def test_trickle(tmp_path, server):
    server.put("a.csv", DATA)
    with Proxy(server.port, bytes_per_s=60_000) as proxy:
        source = Source(tmp_path, proxy.port, server.user, server.key, [server.pin], directory=server.root)
        run = source.run(stall_ms=2000, rate_per_s=200_000)
        assert "too slow" in run.failed["why"], run.replies_shown()
    return f"ended after {run.seconds:.1f} s: below the minimum rate"


@case("the whole run has a deadline")
def test_run_deadline(tmp_path, server):
    server.put("a.csv", DATA)
    with Proxy(server.port, bytes_per_s=300_000) as proxy:
        source = Source(tmp_path, proxy.port, server.user, server.key, [server.pin], directory=server.root)
        run = source.run(run_ms=1500)
        assert "deadline" in run.failed["why"]
        runs = 1
        proxy.bytes_per_s = 1_500_000
        while not source.stored():
            run = source.run(run_ms=1500)
            runs += 1
            assert runs < 10
    return f"and {runs} runs bring the whole file"


@case("two runs of one source at once")
def test_one_at_a_time(tmp_path, server):
    server.put("a.csv", DATA)
    with Proxy(server.port, bytes_per_s=2_000_000) as proxy:
        source = Source(tmp_path, proxy.port, server.user, server.key, [server.pin], directory=server.root)
        source.start()
        wait_for(lambda: list(source.spool.glob(".fetch/*.part")))
        second = Source(tmp_path, server.port, server.user, server.key, [server.pin], directory=server.root).run()
        assert second.failed["stage"] == "busy" and source.wait().code == 0
    return "the second leaves at once"


@case("no room in the spool")
def test_no_room(tmp_path, server):
    full = tmp_path / "full"
    full.mkdir()
    if os.getuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", full]).returncode:
        pytest.skip("a small file system cannot be mounted here")
    try:
        server.put("a.csv", DATA)
        server.put("b.csv", b"small")
        source = Source(full, server.port, server.user, server.key, [server.pin], directory=server.root)
        run = source.run()
        assert run.failed["stage"] == "spool" and "space" in run.failed["why"] and not source.stored()
        subprocess.run(["mount", "-o", "remount,size=20m", full], check=True)
        assert set(source.run().files) == {"a.csv", "b.csv"}
    finally:
        subprocess.run(["umount", full], check=True)
    return "reported, nothing partial; goes on when there is room"


# afterwards


@case("after the commit: leave, rename, delete")
@pytest.mark.sanitize
def test_after(server, source):
    (server.root / "done").mkdir()
    for name in ("a.csv", "b.csv"):
        server.put(name, name.encode())
    job = {"after": "move", "after_directory": server.root / "done"}
    run = source.run(**job)
    assert len(run.files) == 2 and not run.all("after")
    taken = source.archive()
    run = source.run(mode="after", **job)
    assert run.done["after_done"] == "2" and not run.all("poll")
    there = {p.name: p.read_bytes() for p in (server.root / "done").iterdir()}
    assert there == {f"{n}.{hashlib.sha256(d).hexdigest()[:12]}": d for n, d in taken.items()}
    assert not [p for p in server.root.iterdir() if p.is_file()]
    server.put("c.csv", b"c")
    source.run(after="delete")
    source.archive()
    source.run(after="delete")
    assert [p.name for p in server.root.iterdir()] == ["done"]
    return "renamed to a unique name; deleted"


@case("rename onto an existing name")
def test_rename_collision(server, source):
    (server.root / "done").mkdir()
    server.put("a.csv", b"a")
    taken = f"a.csv.{hashlib.sha256(b'a').hexdigest()[:12]}"
    server.put(f"done/{taken}", b"somebody's")
    job = {"after": "move", "after_directory": server.root / "done"}
    source.run(**job)
    source.archive()
    assert source.run(**job).one("after")["as"].endswith(taken + ".2")
    assert (server.root / "done" / taken).read_bytes() == b"somebody's"
    return "never overwritten"


@case("replaced by the partner before the rename")
def test_replaced(server, source):
    server.put("a.csv", b"one")
    source.run(after="delete")
    source.archive()
    server.put("a.csv", b"newer")
    run = source.run(after="delete")
    assert (server.root / "a.csv").exists() and run.files["a.csv"]["size"] == "5"
    return "the new file is left, and brought"


@case("read-only server")
def test_read_only(tmp_path):
    with Sshd(tmp_path, sftp_options="-R") as server:
        source = Source(tmp_path, server.port, server.user, server.key, [server.pin], directory=server.root,
                        after="delete")
        server.put("a.csv", b"a")
        source.run()
        source.archive()
        for _ in range(3):
            run = source.run()
            assert run.code == 0 and len(run.all("after_failed")) == 1 and not run.files
            assert (server.root / "a.csv").exists()
    return "reported in each run; not brought again"


@case("read-only directory")
@pytest.mark.parametrize("after", ["delete", "move"])
def test_read_only_directory(server, source, after):
    server.put("a.csv", b"a")
    if os.getuid() == 0:  # to whom modes mean nothing
        commands = [["mount", "--bind", server.root, server.root], ["mount", "-o", "remount,bind,ro", server.root]]
        undo = [["umount", server.root]]
    else:
        commands, undo = [["chmod", "555", server.root]], [["chmod", "755", server.root]]
    if subprocess.run(commands[0]).returncode:
        pytest.skip("a directory cannot be made read-only here")
    job = {"after": after, "answer": "{state}", "answer_name": "{name}.ack"}
    if after == "move":
        job["after_directory"] = server.root
    try:
        for command in commands[1:]:
            subprocess.run(command, check=True)
        assert source.run(**job).files
        source.archive()
        for _ in range(3):
            run = source.run(**job)
            assert run.code == 0 and not run.files, run.replies_shown()
            assert len(run.all("after_failed")) == len(run.all("answer_failed")) == 1
        assert os.listdir(server.root) == ["a.csv"]
    finally:
        for command in undo:
            subprocess.run(command, check=True)
    run = source.run(**job)
    assert run.one("after") and run.one("answered") and not (server.root / "a.csv").exists()
    return f"{after} and answer: reported in each run, not brought again, done when it may"


@case("crash between commit and remote rename")
def test_crash_before_after(server, source):
    server.put("a.csv", b"a")
    source.run(after="delete")
    source.archive(noted=False)  # the daemon died before it could note it
    assert not source.run(after="delete").files, "perhaps the news still come"
    again = source.run(after="delete")
    assert again.files["a.csv"]["sha256"] == hashlib.sha256(b"a").hexdigest()
    source.archive(state="duplicate")
    assert source.run(after="delete").done["after_done"] == "1"
    assert not (server.root / "a.csv").exists()
    return "brought again as a duplicate, then deleted"


@case("killed between fetch and note")
@pytest.mark.sanitize
def test_state_lost(server, source):
    server.put("a.csv", b"a")
    source.run()
    (source.spool / ".fetch" / "state").unlink()
    assert source.run().all("waiting"), "its local copy is still there"
    source.archive()
    assert "a.csv" in source.run().files
    (source.spool / ".fetch" / "state").write_bytes(b"entry\tname=a.csv\nrubbish\n\x00\xff" + b"entry\tname=")
    source.archive()
    assert "a.csv" in source.run().files
    return "forgetting means bringing again, never losing"


@case("killed while a file gets its name in the spool")
@pytest.mark.sanitize
@pytest.mark.parametrize("named", [True, False])
def test_killed_while_storing(server, source, named):
    """Whoever brings it again though it is stored has the partner answered for a duplicate."""
    server.put("a.csv", b"a")
    source.run()
    state = source.spool / ".fetch/state"
    text = state.read_bytes()
    state.write_bytes(text.replace(b"\n", b"\tstoring=1\n"))  # as it is before the rename
    if not named:
        entry = Message(text.rstrip(b"\n"))
        key = b"a.csv\0" + struct.pack("=Qq", int(entry["size"]), int(entry["mtime"]))
        part = hashlib.sha256(key).hexdigest()[:32] + ".part"
        source.stored()["a.csv"].rename(source.spool / ".fetch" / part)
        assert "a.csv" in source.run().files and not list((source.spool / ".fetch").glob("*.part"))
    source.archive(records=1)
    run = source.run(after="delete", answer="{state};{records}", answer_name="{name}.ack")
    assert run.one("after") and run.one("answered") and not run.files
    assert (server.root / "a.csv.ack").read_text() == "posted;1"
    return "noted as posted" if named else "downloaded again, noted as posted"


@case("answer: uploaded, read back")
@pytest.mark.sanitize
def test_answer(server, source):
    server.put("a.csv", b"a")
    job = {"answer": "{name};{sha256};{state};{records};{reversed}\n", "answer_name": "{name}.ack"}
    source.patterns = ["*.csv"]
    source.run(**job)
    source.archive(records=7, reversed=2)
    assert source.run(**job).one("answered")["name"] == "a.csv.ack"
    assert (server.root / "a.csv.ack").read_text() == f"a.csv;{hashlib.sha256(b'a').hexdigest()};posted;7;2\n"
    assert not source.run(**job).all("answered")
    return "under a temporary name, then its own"


@case("answer: the name is taken")
def test_answer_taken(server, source):
    server.put("a.csv", b"a")
    server.put("a.csv.ack", b"theirs")
    job = {"answer": "ours", "answer_name": "{name}.ack"}
    source.patterns = ["*.csv"]
    source.run(**job)
    source.archive()
    assert "taken" in source.run(**job).one("answer_failed")["why"]
    assert (server.root / "a.csv.ack").read_bytes() == b"theirs"
    (server.root / "a.csv.ack").unlink()
    assert source.run(**job).one("answered") and (server.root / "a.csv.ack").read_bytes() == b"ours"
    return "not overwritten; tried again in each run"


# other


@case("probe")
@pytest.mark.sanitize
def test_probe(tmp_path):
    with Sshd(tmp_path, host_key_types=("ed25519", "rsa")) as server:
        server.put("a.csv", b"1")
        source = Source(tmp_path, server.port, server.user, server.key, [], directory=server.root, mode="probe")
        run = source.run()
        keys = {m["fingerprint"] for m in run.all("host_key")}
        assert keys == {fingerprint(f"{k}.pub") for k in server.host_keys} and not auth_attempts(server)
        facts = {m["name"]: m["value"] for m in run.all("fact")}
        assert "curve25519-sha256" in facts["key exchange"] and "not tried" in facts["login"]
        source.pins = [server.pin]
        facts = {m["name"]: m["value"] for m in source.run(may_write="yes").all("fact")}
        assert facts["login"] == "works" and facts["names in the directory"] == "1"
        # from libssh 0.11 on renames overwrite where the server can
        assert facts["rename"] in ("refuses an existing name", "overwrites an existing name")
        assert int(facts["server's clock ahead of ours (s)"]) in (-1, 0, 1)
        assert [p.name for p in server.root.iterdir()] == ["a.csv"]
        assert f'  - "ssh-ed25519 {server.pin}"' in [m["text"] for m in run.all("line")]
    return "host keys, algorithms, renames, clock, lines for the configuration"


@case("nonsense instead of a job")
def test_bad_jobs(tmp_path, server, source):
    import socket
    from fetcher import Message, packet
    bad = [b"go", b"", b"\x00", b"job", packet("job", source="x"), packet("job", source="x", host="h", user="u"),
           packet("job", source="x", host="h", user="u", port=0), packet("job", mode="steal"), packet("pattern"),
           b"job\tsource=\\q", b"x" * 70000]
    for first in bad:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        channel = theirs.fileno()
        process = subprocess.Popen([PROGRAM], preexec_fn=lambda: os.dup2(channel, 3), close_fds=False, env={},
                                   stdin=subprocess.DEVNULL)
        theirs.close()
        for raw in (first, b"go") if first not in (b"go", b"") else (first,):
            try:
                ours.send(raw)
            except OSError:
                pass
        assert process.wait(10) == 2, first
        assert Message(ours.recv(65536)).verb == "failed"
        ours.close()
    return f"{len(bad)} kinds refused"


@case("memory of a large file")
def test_memory(server, source):
    """How fast it is, and the same with 1 GiB, is measured by ./dev bench --sftp."""
    size = 200 << 20
    with open(server.root / "big", "wb") as out:
        for _ in range(size >> 20):
            out.write(DATA[:1 << 20])
    source.start()
    peak = 0
    while source.process.poll() is None:
        try:
            status = open(f"/proc/{source.process.pid}/status").read()
            peak = max([peak] + [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")])
        except OSError:
            pass
        time.sleep(0.05)
    run = source.wait()
    assert run.code == 0 and source.stored()["big"].stat().st_size == size
    assert 0 < peak < 32 << 10, f"{peak} KiB"
    return f"{peak >> 10} MiB resident for 200 MiB"

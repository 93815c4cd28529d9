"""handback-fetch against a server that does what sshd will not."""
import asyncio
import os
import random
import struct
import time

import pytest

pytest.importorskip("asyncssh", reason="python3-asyncssh is not installed")

from case_table import case
from fetcher import Source
from sftp_server import (CLOSE, DATA, DENIED, DIRECTORY, EOF, FAILURE, LINK, NO_SUCH_FILE, OK, OPEN, READ, READDIR,
                         RENAME, STATUS, Cut, Partner, Session, SftpServer, attributes, string, wait_for)
from sshd import make_key

pytestmark = pytest.mark.sanitize
CONTENT = random.Random(11).randbytes(400_000)


@pytest.fixture(scope="session")
def client_key(tmp_path_factory):
    return make_key(tmp_path_factory.mktemp("key") / "client")


@pytest.fixture
def server():
    with SftpServer(Partner()) as made:
        yield made


@pytest.fixture
def source(tmp_path, server, client_key):
    return Source(tmp_path, server.port, server.user, client_key, [server.pin])


def resident(pid):
    """KiB of a process now, 0 when it is gone."""
    try:
        status = open(f"/proc/{pid}/status").read()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")), 0)


def nothing_partial(source):
    return not source.stored()


# bytes


@case("early end of file at every k bytes")
def test_early_eof(server, source):
    content = CONTENT[:300]

    class Early(Partner):
        honest = False

        async def read(self, name, offset, length):
            return content[offset:offset + length if self.honest else min(offset + length, int(name))]

    partner = server.partner = Early()
    partner.files = {b"%d" % k: content for k in range(len(content))}
    run = source.run()
    assert not run.files and run.done["failed"] == "300", run.replies_shown()
    assert all("before the size" in m["why"] for m in run.all("file_failed")) and nothing_partial(source)
    partner.honest = True
    assert len(source.run().files) == 300
    return "300 files, cut at 0 to 299: none taken for the whole"


@case("one-byte replies, and of 4000 bytes, and of any number")
@pytest.mark.parametrize("how", ["one", "4000", "any"])
def test_short_answers(server, source, how):
    dice = random.Random(3)

    class Short(Partner):
        async def read(self, name, offset, length):
            n = {"one": 1, "4000": 4000, "any": dice.randint(1, length)}[how]
            return await super().read(name, offset, min(n, length))

    content = CONTENT[:3000] if how == "one" else CONTENT
    server.partner = Short()
    server.partner.files = {b"a": content}
    run = source.run()
    assert run.code == 0 and source.stored()["a"].read_bytes() == content
    return f"{how}: {run.seconds:.1f} s"


@case("answers out of order")
def test_out_of_order(server, source):
    class Reorder(Partner):
        async def before(self, kind, name):
            pass

    async def answer(self, kind, body):
        """Keeps pairs of reads back and answers the second first."""
        if kind != READ:
            return await original(self, kind, body)
        held = self.__dict__.setdefault("held", [])
        held.append(body)
        if len(held) == 2:
            for one in (held[1], held[0]):
                await original(self, READ, one)
            held.clear()
            return
        self.serial = getattr(self, "serial", 0) + 1
        mine = self.serial

        async def later():
            await asyncio.sleep(0.2)
            if self.held and self.serial == mine:
                one = self.held.pop()
                await original(self, READ, one)

        asyncio.ensure_future(later())

    original, Session.answer = Session.answer, answer
    try:
        server.partner = Reorder()
        server.partner.files = {b"a": CONTENT}
        runs = 0
        while not source.stored() and runs < 3:
            run = source.run(stall_ms=1500)
            runs += 1
        assert source.stored()["a"].read_bytes() == CONTENT, run.replies_shown()
    finally:
        Session.answer = original
    return f"whole after {runs} runs; the second asks for one piece at a time"


@case("growing file")
def test_growing(server, source):
    class Growing(Partner):
        growing = True

        async def before(self, kind, name):
            if self.growing and kind in (OPEN, CLOSE):
                self.files[b"a"] += b"more\n"

    server.partner = Growing()
    server.partner.files = {b"a": bytearray(CONTENT)}
    for _ in range(3):
        run = source.run()
        assert not run.files and run.all("waiting") and nothing_partial(source)
    server.partner.growing = False
    source.run()
    assert source.run().files or source.stored()
    assert source.stored()["a"].read_bytes() == bytes(server.partner.files[b"a"])
    return "waits until it stands still"


@case("file that is longer than its size says")
def test_longer(server, source):
    class Longer(Partner):
        def attributes(self, name):
            return attributes(len(self.files[name]) - 5)

    server.partner = Longer()
    server.partner.files = {b"a": CONTENT}
    run = source.run()
    assert not run.files and "grows" in run.one("waiting")["why"] and nothing_partial(source)
    return "not taken"


@case("replaced while it is read: other time, other size, other type")
@pytest.mark.parametrize("what", ["mtime", "size", "type", "gone"])
def test_replaced_while_read(server, source, what):
    class Replaced(Partner):
        reads = 0

        async def read(self, name, offset, length):
            self.reads += 1
            return await super().read(name, offset, length)

        async def stat(self, name):
            if not self.reads or name not in self.files:
                return await super().stat(name)
            return {"mtime": attributes(len(CONTENT), 1000000001), "size": attributes(5),
                    "type": attributes(len(CONTENT), mode=LINK), "gone": NO_SUCH_FILE}[what]

        async def fstat(self, name):
            return self.attributes(name)

    server.partner = Replaced()
    server.partner.files = {b"a": CONTENT}
    run = source.run()
    assert not run.files and run.all("waiting") and nothing_partial(source)
    return f"{what}: not taken"


@case("more bytes than were asked for")
def test_too_many_bytes(server, source):
    class Generous(Partner):
        async def read(self, name, offset, length):
            return bytes(length + 100)

    server.partner = Generous()
    server.partner.files = {b"a": CONTENT, b"b": b"x"}
    run = source.run(stall_ms=2000)
    assert not run.files and nothing_partial(source) and run.code in (0, 4)
    return "refused"


@case("answers without end: to nothing, to a request that is not their turn")
@pytest.mark.parametrize("to", ["nothing", "another"])
def test_flood(server, source, to):
    async def answer(self, kind, body):
        if kind != READ:
            return await original(self, kind, body)
        first = struct.unpack(">I", body[:4])[0]
        chunk = struct.pack(">I", 4_000_000_000 if to == "nothing" else first + 1) + string(bytes(250_000))
        packet = struct.pack(">IB", len(chunk) + 1, DATA) + chunk
        while not self.channel.is_closing():
            self.write(packet)
            await asyncio.sleep(0.0005)

    original, Session.answer = Session.answer, answer
    try:
        server.partner.files = {b"a": CONTENT}
        source.start(run_ms=4000, stall_ms=2000)
        peak = 0
        while source.process.poll() is None:
            peak = max(peak, resident(source.process.pid))
            time.sleep(0.05)
        run = source.wait()
        assert not run.all("file") and nothing_partial(source) and run.seconds < 12, run.replies_shown()
        assert peak < 1 << 20
    finally:
        Session.answer = original
    return f"to {to}: ended after {run.seconds:.1f} s, {peak >> 10} MiB resident: {run.failed['why']}"


# listings


@case("names with slash, newline, and others as hostile")
def test_names(server, source):
    bad = [b"../up", b"a/b", b"/etc/passwd", b"..", b".", b"", b"new\nline", b"esc\x1b[31m", b"tab\t", b"del\x7f",
           b"x" * 256, b"x" * 5000]
    good = [b"plain.csv", b"sp ace", b"quo'te\"", b"100%", b"\xff\xfe", "ü.csv".encode(), b"y" * 255, b"-rf",
            b"a;b$(c)`d`", b".%2e", b"a..b"]

    class Names(Partner):
        def names(self):
            for name in bad + good:
                yield name, attributes(1)

        async def stat(self, name):
            return attributes(1) if name in good else NO_SUCH_FILE

        async def read(self, name, offset, length):
            return b"x"[offset:offset + length]

    server.partner = Names()
    server.partner.files = {name: b"x" for name in good}
    source.patterns = ["*", ".*"]
    before = set(os.listdir(source.spool.parent))
    run = source.run()
    assert run.code == 0 and len(run.files) == len(good), run.replies_shown()
    # "." and ".." are every directory's own
    assert int(run.done["refused"]) == len(bad) - 2 and len(run.all("refused")) == 10
    assert set(os.listdir(source.spool.parent)) == before
    stored = set(source.stored())
    assert stored == {f["stored"] for f in run.files.values()} and len(stored) == len(good)
    assert {"plain.csv", "sp ace", "100%25", "%FF%FE", "%2E%252e"} <= stored
    return f"{len(bad)} refused, {len(good)} kept under names of ours"


@case("a name with a NUL")
def test_nul(server, source):
    class Nul(Partner):
        def names(self):
            yield b"a\0b", attributes(1)

    server.partner = Nul()
    server.partner.files = {b"a\0b": b"x"}
    run = source.run()
    assert not run.files and nothing_partial(source)
    return "never brought"


class Million(Partner):
    batch = 1000

    def names(self):
        for i in range(1_000_000):
            yield b"n%07d.csv" % i, attributes(3)

    async def stat(self, name):
        return attributes(3)


@case("a million names that all fit")
def test_million(server, source):
    server.partner = Million()
    source.patterns = ["*.csv"]
    source.start(listing=2000, run_ms=8000)
    run = source.wait(40)
    poll = run.one("poll")
    assert poll["partial"] == "yes" and poll["fresh"] == "2000" and poll["result"] == "files"
    return f"{poll['names']} read, {poll['fresh']} kept, in {run.seconds:.1f} s"


@case("a million names, two of which fit")
def test_two_of_a_million(server, source):
    server.partner = Million()
    server.partner.files = {b"n0000000.csv": b"abc", b"n0999999.csv": b"abc"}
    source.patterns = ["n0000000.csv", "n0999999.csv"]
    source.start(listing=2000, run_ms=400_000)
    peak = 0

    def watched(message):
        nonlocal peak
        peak = max(peak, resident(source.process.pid))
        return message.verb == "file"

    files = source.wait(400, until=watched)[-1:] + source.wait(60, until=watched)[-1:]
    run = source.wait(60)
    assert run.code == 0 and {m["name"] for m in files} == {"n0000000.csv", "n0999999.csv"}
    assert int(run.done["failed"]) == 0 and len(source.stored()) == 2
    return f"all read, both brought, in {run.seconds:.1f} s, {peak >> 10} MiB resident"


@case("under the cap every name gets its turn")
def test_fair(server, source):
    server.partner.files = {b"n%03d" % i: b"%d" % i for i in range(100)}
    seen = set()
    for _ in range(5):
        run = source.run(listing=25)
        seen |= set(run.files)
        source.archive()
    assert len(seen) == 100
    return "100 names, 25 at a time, all brought in 5 runs although all stay there"


@case("an endless listing of names that do not fit")
def test_endless(server, source):
    class Endless(Partner):
        batch = 200

        def names(self):
            i = 0
            while True:
                i += 1
                yield b"other%d" % i, attributes(3)

    server.partner = Endless()
    source.patterns = ["*.csv"]
    run = source.run(run_ms=4000)
    assert run.one("poll")["partial"] == "yes" and run.one("poll")["result"] == "files"
    return f"ended after a quarter of the run's time: {run.seconds:.1f} s; proves nothing"


@case("cut in the middle of a listing")
def test_cut_listing(server, source):
    class Cutting(Partner):
        batch, seen = 10, 0

        async def before(self, kind, name):
            if kind == READDIR:
                self.seen += 1
                if self.seen == 5:
                    raise Cut

    server.partner = Cutting()
    server.partner.files = {b"n%03d" % i: b"x" for i in range(100)}
    run = source.run()
    assert run.one("poll")["result"] == "failed" and run.failed["stage"] == "listing" and not run.files
    server.partner.seen = 10
    assert len(source.run().files) == 100
    return "could not poll; nothing is concluded from the part that came"


@case("a name missing from one listing is not gone")
def test_mutating(server, source):
    server.partner.files = {b"a": b"1", b"b": b"2"}
    source.run()
    source.archive()
    source.run()
    hidden = server.partner.files.pop(b"a")
    source.run()
    server.partner.files[b"a"] = hidden
    assert not source.run().files
    return "remembered over a listing without it"


@case("lying sizes and types")
def test_lying(server, source):
    huge = [2**63, 2**64 - 1, 2**63 - 1, 6 << 30]
    entries = {b"h%d" % i: attributes(size) for i, size in enumerate(huge)}
    entries.update({b"nosize": attributes(has_size=False), b"dir": attributes(1, mode=DIRECTORY),
                    b"link": attributes(1, mode=LINK), b"fifo": attributes(1, mode=0o010644),
                    b"unstated": attributes(3, has_mode=False), b"notime": attributes(3, has_mtime=False)})

    class Lying(Partner):
        def names(self):
            yield from entries.items()

        async def stat(self, name):
            return entries.get(name, NO_SUCH_FILE)

    server.partner = Lying()
    server.partner.files = {name: b"abc" for name in entries}
    run = source.run()
    assert set(run.files) == {"unstated", "notime"} and run.done["refused"] == "5", run.replies_shown()
    assert source.run().code == 0
    return "checked before anything is read"


@case("cut at each kind of request")
@pytest.mark.parametrize("kind", [3, 4, 5, 7, 8, 11, 12, 13, 18])
def test_cut_at(server, source, kind):
    class Cutting(Partner):
        armed = True

        async def before(self, now, name):
            if self.armed and now == kind:
                self.armed = False
                raise Cut

    server.partner = Cutting()
    server.partner.files = {b"a": CONTENT, b"b": b"x"}
    for _ in range(4):
        source.run(after="delete")
        source.archive()
    assert not server.partner.armed and not server.partner.files
    return f"request {kind}: the next runs bring and delete all"


@case("a request that is never answered")
@pytest.mark.parametrize("kind", [3, 5, 7, 11, 12])
def test_never_answered(server, source, kind):
    class Silent(Partner):
        async def before(self, now, name):
            if now == kind:
                await asyncio.sleep(60)

    server.partner = Silent()
    server.partner.files = {b"a": b"x"}
    run = source.run(stall_ms=1000)
    assert run.code == 4 and "stalled" in run.failed["why"]
    return f"request {kind}: ended after {run.seconds:.1f} s with a stall time of 1 s"


# afterwards


@case("server accepts a rename and does nothing, or overwrites")
@pytest.mark.parametrize("how", ["nothing", "lost"])
def test_false_rename(server, source, how):
    class False_(Partner):
        async def rename(self, old, new):
            if how == "lost":
                self.files.pop(old)
            return OK

    server.partner = False_()
    server.partner.files = {b"a": b"x"}
    job = {"after": "move", "after_directory": "done"}
    source.run(**job)
    source.archive()
    run = source.run(**job)
    assert run.code == 0 and not run.files and len(run.all("after_failed")) == 1
    return f"{how}: reported, nothing is brought again"


@case("replaced between our poll and our rename")
@pytest.mark.parametrize("after", ["move", "delete"])
def test_race(server, source, after):
    class Racing(Partner):
        armed = False

        async def before(self, kind, name):
            if kind == RENAME and self.armed:
                self.armed = False
                self.files[b"a"] = b"a newer file"

    server.partner = Racing()
    server.partner.files = {b"a": b"x"}
    job = {"after": after, "after_directory": "done"}
    source.run(**job)
    source.archive()
    server.partner.armed = True
    source.run(**job)
    assert server.partner.files == {b"a": b"a newer file"}
    source.run(**job)
    assert source.archive() == {"a": b"a newer file"}
    return f"{after}: the new file is put back, and brought"


@case("delete allowed, rename not")
def test_only_delete(server, source):
    class OnlyDelete(Partner):
        async def rename(self, old, new):
            return DENIED

    server.partner = OnlyDelete()
    server.partner.files = {b"a": b"x"}
    source.run(after="delete")
    source.archive()
    assert source.run(after="delete").one("after")["what"] == "deleted" and not server.partner.files
    return "deleted after a last poll"


@case("answer: server accepts it and keeps nothing, or half, or other bytes")
@pytest.mark.parametrize("how", ["nothing", "half", "other"])
def test_false_upload(server, source, how):
    class False_(Partner):
        honest = False

        async def write(self, name, offset, data):
            if self.honest or how == "other":
                await super().write(name, offset, data if self.honest else bytes(len(data)))
            elif how == "half":
                await super().write(name, offset, data[:len(data) // 2])
            return OK

        async def closed(self, name):
            if not self.honest and how == "nothing":
                self.files.pop(name, None) if name.endswith(b".part") else None
            return OK

    server.partner = False_()
    server.partner.files = {b"a.csv": b"x"}
    source.patterns = ["*.csv"]
    job = {"answer": "{name} {state}\n", "answer_name": "{name}.ack"}
    source.run(**job)
    source.archive()
    run = source.run(**job)
    assert not run.all("answered") and len(run.all("answer_failed")) == 1 and run.code == 0, run.replies_shown()
    server.partner.honest = True
    server.partner.files.pop(b"a.csv.ack", None)
    assert source.run(**job).all("answered") and bytes(server.partner.files[b"a.csv.ack"]) == b"a.csv posted\n"
    return f"{how}: reported, kept, uploaded when it is honest"


@case("request file: cut while it is written, before and after it is renamed, and taken at once: uploaded once, and not lost")
def test_requests_once(server, source):
    class Takes(Partner):
        how, taken = None, []

        async def write(self, name, offset, data):
            if self.how == "written":
                raise Cut
            return await super().write(name, offset, data)

        async def rename(self, old, new):
            if self.how == "before":
                raise Cut
            code = await super().rename(old, new)
            if code == OK and self.how != "left":  # the partner takes it before we have the answer
                self.taken.append((new, bytes(self.files.pop(new))))
            if self.how == "after":
                raise Cut
            return code

    partner = server.partner = Takes()
    source.job["requests_directory"] = "."
    source.run()
    lies = source.spool / ".requests"
    sent = []
    for how in ("written", "before", "after", "taken", "left"):
        name, data = f"REQ_{how}.csv", CONTENT[:70_000] + how.encode()
        (lies / name).write_bytes(data)
        partner.how = how
        run = source.run()
        sent += [m["name"] for m in run.all("answered")]
        assert (lies / f".{name}.sent").exists() == (how in ("taken", "left")), run.replies_shown()
        partner.how = "left" if how == "left" else None
        sent += [m["name"] for m in source.run().all("answered")]
        assert sorted(p.name for p in lies.iterdir()) == [f".{name}.sent"] and (lies / f".{name}.sent").read_bytes() == data
        (lies / f".{name}.sent").unlink()
        got = [d for n, d in partner.taken if n.decode() == name] + ([bytes(partner.files[name.encode()])] if how == "left" else [])
        assert got == [data], (how, len(got))
    assert sent == [f"REQ_{how}.csv" for how in ("written", "before", "after", "taken", "left")]
    (lies / "REQ_left.csv").write_bytes(b"other")
    assert "taken" in source.run().one("answer_failed")["why"] and (lies / "REQ_left.csv").exists()
    return "each uploaded once, its name never over another's"


@case("password only when asked for")
def test_password(tmp_path, server, source):
    source.key = None
    run = source.run()
    assert run.failed["stage"] == "key_file"
    source.password = tmp_path / "password"
    source.password.write_text("correct horse\n")
    source.password.chmod(0o600)
    assert source.run().code == 0
    source.password.write_text("wrong\n")
    assert source.run().failed["stage"] == "login"
    source.password.chmod(0o644)
    assert source.run().failed["stage"] == "key_file"
    return "and its file is guarded like a key"


HIDDEN, SHOWN = ("Password: ", False), ("One-time code\x1b[2J: ", True)


@case("a server that asks for the password (keyboard-interactive)")
@pytest.mark.parametrize("rounds,why", [
    ([[HIDDEN]], None), ([[HIDDEN], []], None), ([[], [HIDDEN]], None), ([[HIDDEN, SHOWN]], "asks for more"),
    ([[HIDDEN], [SHOWN]], "asks for more"), ([[HIDDEN], [HIDDEN]], "asks for more"), ([[SHOWN]], "asks for more"),
    ([[]] * 9, "without end")])
def test_questions(tmp_path, server, source, rounds, why):
    server.rounds = rounds
    run = source.run()
    assert run.failed["stage"] == "login" and not server.answers, "a source with a key is asked nothing"
    source.key, source.password = None, tmp_path / "password"
    source.password.write_text("correct horse\n")
    source.password.chmod(0o600)
    run = source.run()
    if not why:
        assert run.code == 0 and server.answers == ["correct horse"], run.replies_shown()
        server.answers.clear()
        source.password.write_text("wrong\n")
        assert source.run().failed["why"] == "the server does not accept the password"
        return "the password, once"
    assert run.failed["stage"] == "login" and why in run.failed["why"] and "\x1b" not in run.failed["why"]
    assert set(server.answers) <= {"correct horse"} and len(server.answers) <= 1
    return run.failed["why"]


@case("what is not an SSH server")
def test_not_ssh(tmp_path, source):
    import socket
    import threading
    for says in (b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-1.5-old\r\n", b"\x00" * 5000, b"x" * 100_000 + b"\n",
                 b"SSH-2.0-x\r\n" + b"\xff" * 4000, b"line\r\n" * 3000):
        for mode in ("fetch", "probe"):
            with socket.socket() as listener:
                listener.bind(("127.0.0.1", 0))
                listener.listen()

                def serve():
                    peer, _ = listener.accept()
                    with peer:
                        try:
                            peer.sendall(says)
                            peer.recv(100)
                        except OSError:
                            pass

                thread = threading.Thread(target=serve)
                thread.start()
                run = source.run(port=listener.getsockname()[1], mode=mode, connect_ms=1500)
                thread.join()
                assert run.code == 4 and run.failed["stage"] == "connect" and run.seconds < 15
    return "refused within the connect time, also by the probe"

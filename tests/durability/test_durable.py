"""What must be on the disk before the next step, and what must not change meanwhile: the worker's calls, by strace."""
import hashlib
import re
import signal
import time

import proof
from worker import Desk

CALLS = "fsync,fdatasync,renameat,renameat2,linkat,mkdirat,unlinkat,sendto"


class Traced(Desk):
    """A desk whose worker runs under strace: descriptors are shown with their paths."""

    def __init__(self, database, build, strace, *inject, calls=CALLS):
        self.trace = None
        self.command = [strace, "-D", "-qq", "-y", "-s", "200", "-e", f"trace={calls}", *inject]
        super().__init__(database, build)

    def start(self, prefix=(), wait=True, **environment):
        self.trace = self.dir / "strace.log"
        return super().start([*self.command, "-o", str(self.trace)], wait, **environment)

    def restart(self):
        """Another worker, which nobody disturbs."""
        self.worker.close()
        super().start()

    def wait_stopped(self, otherwise):
        deadline = time.monotonic() + 20
        while "SIGSTOP" not in self.trace.read_text():
            assert time.monotonic() < deadline, otherwise
            time.sleep(0.01)

    def calls(self):
        return self.trace.read_text(errors="replace").splitlines()


def at(calls, pattern, start=0):
    """Where the first call from start on fits; the trace is the message when none does."""
    for n in range(start, len(calls)):
        if re.search(pattern, calls[n]):
            return n
    raise AssertionError(f"no {pattern} from call {start} on:\n" + "\n".join(calls))


COPY = r"spool/work/[0-9a-f]{16}\.copy>"


def test_a_posted_file_is_on_the_disk_before_each_next_step(database, build, strace):
    with Traced(database, build, strace) as desk:
        desk.redeem("R1")
        assert desk.deliver([("R1", "OK")])["state"] == "posted"
        calls = desk.calls()
    synced = at(calls, rf"^fsync\(\d+<.*{COPY}\) += 0")
    committed = max(n for n, call in enumerate(calls) if re.match(r"sendto\(.*COMMIT", call))  # the job's own
    assert synced < committed, "the database knows of a file that a crash can still take away"
    moved = at(calls, r'^renameat2?\(.*spool/work>, "[0-9a-f]+\.copy", .*spool/archive/\d+/\d+/\d+>', committed)
    assert at(calls, rf"^fsync\(\d+<.*{COPY}\) += 0", committed) < moved, "the name may outlive the bytes"
    named = at(calls, r"^fsync\(\d+<.*spool/archive/\d+/\d+/\d+>\) += 0", moved)
    at(calls, r"^fsync\(\d+<.*spool/work>\) += 0", moved)
    assert named < at(calls, r'^renameat2?\(\d+<.*inbound>, "AIR_1\.csv"'), "the original goes before its copy has a name"
    parents = re.findall(r'^mkdirat\(\d+<(.*?/archive.*?)>, "\d+", \d+\) += 0$', "\n".join(calls), re.M)
    assert len(parents) == 3, calls
    for made in parents:
        at(calls, rf"^fsync\(\d+<{re.escape(made)}>\) += 0")


def test_a_held_file_and_its_reason_are_on_the_disk(database, build, strace):
    with Traced(database, build, strace) as desk:
        desk.redeem("R1")
        assert desk.deliver([("R1", "OK")], count=2)["state"] == "held"
        calls = desk.calls()
    linked = at(calls, r'^linkat\(.*spool/quarantine>, "[0-9a-f]{64}-\d+\.reason"')
    assert any(re.match(r"fsync\(\d+<.*spool/quarantine/#\d+>\(deleted\)\) += 0", c) for c in calls[:linked]), \
        "\n".join(calls)
    named = at(calls, r"^fsync\(\d+<.*spool/quarantine>\) += 0", linked)
    assert named < at(calls, r"^renameat2?\(\d+<.*inbound>")


def nth_sync_of_the_copy(database, build, strace, nth):
    """Which fsync of all that a worker calls for its first file is the nth of the file's copy."""
    other = database.cluster.database()
    try:
        with Traced(other, build, strace) as desk:
            desk.redeem("R1")
            desk.deliver([("R1", "KO")])
            syncs = [c for c in desk.calls() if c.startswith("fsync(")]
    finally:
        other.drop()
    return [n for n, call in enumerate(syncs, 1) if re.search(COPY, call)][nth - 1]


def test_bytes_that_cannot_be_synced_are_not_posted(database, build, strace):
    """The job fails, nothing is asked of the disk a second time (a second fsync may say yes of lost pages)."""
    with Traced(database, build, strace, "-e", f"inject=fsync:error=EIO:when={nth_sync_of_the_copy(database, build, strace, 1)}") as desk:
        desk.redeem("R1")
        reply = desk.deliver([("R1", "KO")])
        assert reply["end"] == "failed" and "Input/output error" in reply["why"], reply
        assert sum(bool(re.search(rf"^fsync.*{COPY}", c)) for c in desk.calls()) == 1
        assert desk.reversals() == 0 and desk.query("SELECT count(*) FROM handback.file") == [(0,)]
        assert (desk.inbound / "AIR_1.csv").exists()
        desk.restart()
        assert desk.take("AIR_1.csv")["state"] == "posted" and desk.reversals() == 1


def test_an_archive_that_cannot_be_synced_keeps_the_original(database, build, strace):
    with Traced(database, build, strace, "-e", f"inject=fsync:error=EIO:when={nth_sync_of_the_copy(database, build, strace, 2)}") as desk:
        desk.redeem("R1")
        reply = desk.deliver([("R1", "KO")])
        assert reply["end"] == "failed" and "cannot be archived" in reply["why"], reply
        assert sum(bool(re.search(rf"^fsync.*{COPY}", c)) for c in desk.calls()) == 2
        assert (desk.inbound / "AIR_1.csv").exists()
        assert desk.query("SELECT archived_at IS NULL FROM handback.file") == [(True,)]
        desk.restart()
        assert desk.take("AIR_1.csv")["state"] == "posted" and desk.reversals() == 1
        assert not (desk.inbound / "AIR_1.csv").exists()


def test_opened_for_writing_while_it_is_read(database, build, strace):
    """Nobody may have it open before it is read, nor after: strace stops the worker in between."""
    with Traced(database, build, strace, "-e", "inject=sync_file_range:signal=STOP:when=1", calls="sync_file_range") as desk:
        desk.redeem("R1")
        desk.drop("AIR_1.csv", desk.file([("R1", "OK")]))
        desk.worker.send(desk.inbound, "AIR_1.csv", "air", "AIR", "air")
        desk.wait_stopped("the copy's bytes are not begun to be written")
        with open(desk.inbound / "AIR_1.csv", "r+b"):
            desk.worker.process.send_signal(signal.SIGCONT)
            reply = desk.worker.answer()
        assert reply["end"] == "busy" and "open" in reply["why"], reply
        assert desk.take("AIR_1.csv")["state"] == "posted"


def test_replaced_between_the_look_and_the_open(database, build, strace):
    """What was looked at is what is opened: strace stops the worker in between, where another file gets the name."""
    stop = ("-P", "AIR_1.csv", "-e", "inject=openat:signal=STOP:when=1")
    with Traced(database, build, strace, *stop, calls="openat") as desk:
        desk.redeem("R1")
        desk.drop("AIR_1.csv", desk.file([("unknown", "OK")]))
        desk.worker.send(desk.inbound, "AIR_1.csv", "air", "AIR", "air")
        desk.wait_stopped("it does not look")
        assert "O_PATH" in desk.trace.read_text()
        data = desk.file([("R1", "OK")])
        desk.drop("AIR_1.csv", data)
        desk.worker.process.send_signal(signal.SIGCONT)
        reply = desk.worker.answer()
        assert (reply["end"], reply["why"]) == ("busy", "it was replaced while it was opened")
        reply = desk.take("AIR_1.csv")
        assert reply["state"] == "posted" and desk.row(reply["file"])["sha256"] == hashlib.sha256(data).hexdigest()


def test_the_connection_is_lost_at_any_statement(database, build, strace):
    """At every third answer of the server's. Whatever was on its way then: one outcome, one posting, one archived file, once somebody looks again."""
    def job(desk, key):
        desk.redeem(key)
        desk.redeem(f"{key} held")
        desk.sequence += 1
        desk.drop(f"AIR_{desk.sequence}.csv", desk.file([(key, "KO"), (f"{key} held", "KO", {"Points": 99})]))
        return f"AIR_{desk.sequence}.csv"

    with Traced(database, build, strace, calls="recvfrom") as desk:
        before = len(desk.calls())
        assert desk.take(job(desk, "undisturbed"))["held"] == 1
        answers = range(before + 1, len(desk.calls()) + 1)
        assert len(answers) > 20, "these are not the answers to its statements"
        for nth in answers[::3]:
            desk.worker.close()
            desk.command = [strace, "-D", "-qq", "-e", "trace=recvfrom", "-e", f"inject=recvfrom:error=ECONNRESET:when={nth}"]
            desk.start()
            name = job(desk, f"R{nth}")
            desk.worker.send(desk.inbound, name, "air", "AIR", "air")
            ended = desk.worker.answer()
            if (desk.inbound / name).exists():
                if ended["end"] == "failed":
                    desk.worker.wait_ready()  # it has found its way back
                else:  # in the job itself; the session that was lost owns the name until the server sees that it has gone
                    assert ended["end"] == "gone", ended
                again, deadline = desk.take(name), time.monotonic() + 20
                while again["end"] == "gone" and time.monotonic() < deadline:
                    time.sleep(0.05)
                    again = desk.take(name)
                assert again["state"] == "posted", again
            assert not (desk.inbound / name).exists()
        files = len(answers[::3]) + 1
        assert desk.query("SELECT count(*), count(archived_at) FROM handback.file") == [(files, files)]
        assert desk.reversals() == files
        assert proof.differences(desk.db) == []


def test_what_is_left_in_the_spool_is_its_own(database, build):
    """Nothing but the folders and the file: no temporary name outlives a job."""
    with Desk(database, build) as desk:
        desk.redeem("R1")
        desk.deliver([("R1", "OK")])
        left = sorted(p.relative_to(desk.spool).parts[0] for p in desk.spool.rglob("*") if p.is_file())
        assert left == ["archive"]

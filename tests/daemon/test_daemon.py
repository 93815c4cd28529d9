"""handbackd and its protocol: scans, events, workers that lie, reload, stop.

The worker here is tests/support/scripted_worker.py, which does what the true one never does; the true one's tests with a
real database are in test_e2e.py.
"""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

import pg
from scripted_daemon import TAKE, Daemon, alive, processes_of, resident_mib

@pytest.fixture
def make(build):
    made = []

    def make_daemon(*args, **settings):
        made.append(Daemon(build, *args, **settings))
        return made[-1]
    yield make_daemon
    for daemon in made:
        daemon.close()


# ------------------------------------------------------------------ the way in

def test_a_file_is_handed_over_and_told(make):
    d = make(settle="2s").start()  # so that it is asked before the file is done: the answer tells of what came after
    before = time.time()
    d.drop("one.csv")
    answer = d.ask("wait")
    assert (answer["posted"], answer["held"], answer["waiting"]) == (1, 0, 0)
    [job] = d.jobs()
    assert (job["source"], job["partner"], job["profile"], job["name"]) == ("a", "A", "p", b"one.csv")
    assert before - 1 < int(job["seen"]) / 1e6 < time.time() + 1
    line = [l for l in d.log().splitlines() if "file posted" in l]
    assert len(line) == 1 and "source=a partner=A name=one.csv file_id=1" in line[0]


def test_a_file_that_grows_is_left_alone(make):
    d = make(settle="400ms").start()
    with open(d.inbound / "slow.csv", "wb") as f:
        for _ in range(20):
            f.write(b"x")
            f.flush()
            time.sleep(0.1)
        last = time.time()
    d.until(d.jobs, "the job")
    assert (d.libexec / "jobs").stat().st_mtime >= last + 0.25


def test_files_found_at_the_start_and_without_events(make):
    d = make()
    d.drop("early.csv")
    os.utime(d.inbound / "early.csv", (4070908800, 4070908800))  # 2099: whose clock is that?
    d.start()
    d.ask("wait")
    # a link into the directory and a write through another name cause no event that says "finished"
    (d.dir / "elsewhere").write_bytes(b"y")
    os.link(d.dir / "elsewhere", d.inbound / "linked.csv")
    os.unlink(d.dir / "elsewhere")
    d.until(lambda: len(d.jobs()) == 2, "the linked file")
    assert d.names() == ["early.csv", "linked.csv"]


def test_settle_zero_needs_an_event_or_two_scans(make):
    d = make(settle="0ms", rescan="60s").start()
    started = time.monotonic()
    d.drop("quick.csv")
    d.until(d.jobs, "the job")
    assert time.monotonic() - started < 30
    with open(d.inbound / "open.csv", "wb") as f:
        f.write(b"a")
        f.flush()
        time.sleep(0.05)
        f.write(b"b")
    d.until(lambda: len(d.jobs()) == 2, "the second job")


def test_ignored_names_and_patterns(make):
    d = make()
    d.sources[0].update(files="*.csv")
    d.configure()
    for name in (".hidden.csv", "a.csv.tmp", "b.csv.part", "c.csv.filepart", "d.csv~", ".e.csv.swp", "f.txt", "good.csv"):
        (d.inbound / name).write_bytes(b"x")
    d.start()
    d.ask("wait")
    assert d.names() == ["good.csv"]


def test_a_marker_says_that_a_file_is_complete(make):
    d = make()
    d.sources[0].update(marker=".done")
    d.configure()
    d.start()
    d.drop("one.csv")
    d.drop("two.csv")
    time.sleep(0.8)
    assert d.jobs() == []
    (d.inbound / "two.csv.done").touch()
    d.until(d.jobs, "the job")
    assert d.names() == ["two.csv"]
    d.until(lambda: sorted(os.listdir(d.inbound)) == ["one.csv"], "the marker to be removed")


def test_names_in_order_one_at_a_time_for_a_partner(make):
    d = make('["!sleep 0.05", "!remove", "done"]', workers=3)
    other, same = d.source("b", "B"), d.source("c", "A")
    for n in (10, 9, 2, 1):
        d.drop(f"f-{n}.csv")
        d.drop(f"g-{n}.csv", folder=other)
    d.drop("z.csv", folder=same)
    d.start()
    assert d.ask("wait")["quiet"]
    jobs = [(j["source"], j["name"].decode()) for j in d.jobs()]
    assert [n for s, n in jobs if s == "a"] == ["f-1.csv", "f-2.csv", "f-9.csv", "f-10.csv"]
    assert [n for s, n in jobs if s == "b"] == ["g-1.csv", "g-2.csv", "g-9.csv", "g-10.csv"]
    assert {s for s, _ in jobs[:3]} == {"a", "b"} or {s for s, _ in jobs[:3]} == {"a", "b", "c"}
    # what belongs to A never overlaps: stage by stage of the log, one end before the next start
    assert d.ask("status")["since_start"]["posted"] == 9


def test_what_is_committed_keeps_no_file_of_its_partner_waiting(make):
    d = make('["stage name=committed records=1", "!hang"]\n["!sleep 0.05", "!remove", "done"]', workers=2)
    for n in (1, 2, 3):
        d.drop(f"f-{n}.csv")
    d.start()
    d.until(lambda: sorted(os.listdir(d.inbound)) == ["f-1.csv"], "the others to be handled")
    assert d.names() == ["f-1.csv", "f-2.csv", "f-3.csv"]


# ------------------------------------------------------------------ many, lost, away

def test_ten_thousand_files_and_a_loop_that_stays_awake(make):
    d = make(settle="0ms", log_level="warning")
    d.start(wait=False)
    d.until(lambda: d.control.exists(), "the control socket")
    for n in range(10000):
        (d.inbound / f"f{n:05}.csv").write_bytes(b"x")
    status = d.ask("status")
    assert d.ask("wait", 120)["quiet"]
    names = d.names()
    assert len(names) == len(set(names)) == 10000
    assert status["state"] in ("starting", "running")
    assert d.ask("status")["loop"]["worst_late_ms"] < 300
    assert os.listdir(d.inbound) == []


def test_more_files_than_are_kept_in_mind(make):
    """LIMIT_LISTING names and one more, while another partner's file goes on its way."""
    limit = int(re.search(r"LIMIT_LISTING (\d+)", (pg.ROOT / "lib/base/limits.h").read_text()).group(1))
    d = make('["!remove", "done"]', rescan="1h", log_level="info")
    other = d.source("b", "B")
    d.sources[0].update(marker=".done")  # without markers they all stay
    d.configure()
    for n in range(limit):
        os.close(os.open(d.inbound / f"f{n}", os.O_CREAT | os.O_WRONLY))
    d.start(wait=False)
    d.until_log("msg=running", 30)
    d.drop("quick.csv", folder=other)
    d.until(lambda: d.names() == ["quick.csv"], "the other partner's file", 5)
    status = d.ask("status")
    kept = limit - limit // 10  # what cannot be taken leaves room for what can
    assert status["sources"][0]["settling"] == kept
    assert status["loop"]["worst_late_ms"] < 300
    assert resident_mib(d.process.pid) < 120
    (d.inbound / "one-more").touch()
    d.ask("rescan")
    d.until_log("more files than are kept in mind")
    assert d.source_state()["settling"] == kept
    # the one that can be taken is, whatever else lies there
    (d.inbound / "one-more.done").touch()
    d.until(lambda: d.names() == ["quick.csv", "one-more"], "the good file")
    assert d.source_state()["settling"] == kept
    # the partner cleans up: there is room again
    (d.inbound / "last").touch()
    (d.inbound / "last.done").touch()
    for n in range(limit):
        os.unlink(d.inbound / f"f{n}")
    d.ask("rescan")
    d.until(lambda: d.names() == ["quick.csv", "one-more", "last"], "the last file")
    d.until(lambda: d.source_state()["settling"] == 0, "the directory as it is now")


def test_many_names_that_are_no_files(make):
    """A hundred thousand links stop no file, cost a hundred log lines and one, once, and are counted."""
    many = 100_000
    d = make('["!remove", "done"]', rescan="1h", log_level="info")
    for n in range(many):
        os.symlink("x", d.inbound / f"l{n}")
    d.start(wait=False)
    d.until_log("are no files", 30)
    d.drop("good.csv")
    d.until(lambda: d.names() == ["good.csv"], "the good file", 5)
    for _ in range(2):
        d.ask("rescan")
        d.ask("wait")
    log = d.log()
    assert log.count('msg="not taken"') == 100 and log.count("are no files") == 1
    assert d.source_state()["refused"] == many
    (d.inbound / "l0").unlink()
    (d.inbound / "l0").write_bytes(b"x")  # one that is a file after all
    d.ask("rescan")
    d.until(lambda: "l0" in d.names(), "what became a file")


def test_nothing_leaks(make):
    d = make(settle="0ms", log_level="warning", workers=2)
    d.script('["!remove", "done"]', '["!remove", "done"]', '["!kill 9"]', '["!remove", "done"]')
    d.start(wait=False)
    d.until(lambda: d.control.exists(), "the control socket")

    def round_of_everything(n):
        for i in range(20):
            d.drop(f"f{n}-{i}.csv")
        d.process.send_signal(signal.SIGHUP)
        assert d.ask("wait")["quiet"]
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(d.control))
            s.sendall(b"wait\nstatus\n")
        return len(os.listdir(f"/proc/{d.process.pid}/fd")), resident_mib(d.process.pid)

    first = [round_of_everything(n) for n in range(5)]
    (d.libexec / "count").unlink()  # the killer once more
    last = [round_of_everything(n) for n in range(5, 30)]
    assert max(fds for fds, _ in last) <= max(fds for fds, _ in first) + 3  # workers that are just changing
    if b"__asan" not in d.program.read_bytes():  # which keeps what was freed for a while
        assert last[-1][1] < first[-1][1] + 2


def test_events_lost_are_made_up_for(make):
    queued = int(pathlib.Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    if queued > 40000:
        pytest.skip(f"fs.inotify.max_queued_events is {queued}: too many to fill")
    d = make(settle="0ms", rescan="1h")
    d.sources[0].update(files="keep*")
    d.configure()
    d.start()
    d.process.send_signal(signal.SIGSTOP)
    for n in range(queued // 2 + 1000):
        (d.inbound / f"noise{n}").touch()
    d.drop("keep.csv")
    d.process.send_signal(signal.SIGCONT)
    d.until_log("events were lost")
    d.until(d.jobs, "the file whose event was lost")
    assert d.names() == ["keep.csv"]


def test_empty_missing_and_back_are_three_things(make):
    d = make().start()
    d.until(lambda: d.source_state()["poll"] == "empty", "a scan")
    away = d.dir / "away"
    d.inbound.rename(away)
    d.until(lambda: d.source_state()["poll"] == "failed", "the directory to be missed")
    assert d.source_state()["error"] == "No such file or directory"
    (away / "meanwhile.csv").write_bytes(b"x")
    time.sleep(0.7)
    assert d.jobs() == []  # what was moved away is no inbound directory any more
    away.rename(d.inbound)
    d.until(d.jobs, "the file after the return")
    d.until(lambda: d.source_state()["poll"] == "empty", "an empty directory")
    # another directory in its place is watched too
    shutil.rmtree(d.inbound)
    d.until(lambda: d.source_state()["poll"] == "failed", "the directory to be missed again")
    d.inbound.mkdir()
    d.until(lambda: d.source_state()["poll"] == "empty" and d.source_state()["watched"], "a watch on the new one")
    d.drop("new.csv")
    d.until(lambda: len(d.jobs()) == 2, "the file in the new one")
    log = d.log()
    assert log.count("cannot scan the directory") == 2 and log.count("can scan the directory again") == 2


def test_no_permission_is_no_empty_directory(make):
    if os.geteuid() == 0:
        d = make()
        d.inbound.rmdir()
        d.inbound.write_bytes(b"")  # root may read everything: a file in its place is refused all the same
        d.start()
        assert d.source_state()["poll"] == "failed"
        return
    d = make()
    d.inbound.chmod(0)
    d.start()
    assert d.source_state()["poll"] == "failed"
    d.inbound.chmod(0o700)
    d.until(lambda: d.source_state()["poll"] == "empty", "permission")


def test_an_unmounted_directory_is_not_an_empty_one(make):
    d = make()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "none", d.inbound], capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        d.start()
        d.until(lambda: d.source_state()["poll"] == "empty", "a scan")
        subprocess.run(["umount", "-l", d.inbound], check=True)
        d.until(lambda: d.source_state()["poll"] == "failed", "the mount to be missed")
        assert "mount point" in d.source_state()["error"]
    finally:
        subprocess.run(["umount", "-l", d.inbound], capture_output=True)
    subprocess.run(["mount", "-t", "tmpfs", "none", d.inbound], check=True)
    try:
        d.drop("back.csv")
        d.until(d.jobs, "the file after the mount")
    finally:
        subprocess.run(["umount", "-l", d.inbound], check=True)


# ------------------------------------------------------------------ hostile

HOSTILE = [b"new\nline.csv", b"\x1b[2J.csv", b"quote\"'.csv", b"..x.csv"[1:], b"-rf", b"\xff\xfe\x80.csv", b"x" * 255,
           b" ", b"\t", b"a=b c.csv", b"%s%n.csv", b"$(reboot).csv", "ü.csv".encode(), "u\u0308.csv".encode(), b"\x7f"]


def test_hostile_names_come_through_whole_and_are_shown_escaped(make):
    d = make(log_level="info")
    d.sources[0].update(ignore="*.part")
    d.configure()
    d.start()
    for name in HOSTILE:
        d.drop(name)
    # some may be done before it waits
    assert d.ask("wait")["quiet"] and d.ask("status")["since_start"]["posted"] == len(HOSTILE)
    assert sorted(j["name"] for j in d.jobs()) == sorted(HOSTILE)
    raw = d.logs[-1].read_bytes()
    assert re.fullmatch(rb"[\x20-\x7e\n]*", raw)
    assert sum(b"file posted" in line for line in raw.splitlines()) == len(HOSTILE)
    assert all(line.startswith(b"time=") for line in raw.splitlines())


def test_what_is_no_plain_file_is_told_once_and_never_opened(make):
    d = make()
    (d.dir / "secret").write_text("secret")
    os.mkfifo(d.inbound / "fifo.csv")
    (d.inbound / "link.csv").symlink_to(d.dir / "secret")
    (d.inbound / "self.csv").symlink_to("self.csv")
    (d.inbound / "dangling.csv").symlink_to("nowhere")
    (d.inbound / "folder.csv").mkdir()
    os.link(d.dir / "secret", d.inbound / "hard.csv")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(d.inbound / "socket.csv"))
        if os.geteuid() == 0:
            os.mknod(d.inbound / "device.csv", 0o600 | 0o020000, os.makedev(1, 3))
        d.start()
        d.drop("good.csv")
        d.until(lambda: d.names() == ["good.csv"], "the good file")
        time.sleep(1.2)  # some scans more
        assert d.names() == ["good.csv"]
        told = [line for line in d.log().splitlines() if "not taken" in line]
        assert len(told) == len(os.listdir(d.inbound)) == d.source_state()["refused"]
        # the other name goes away: now it is a file of its own
        os.unlink(d.dir / "secret")
        d.until(lambda: d.names() == ["good.csv", "hard.csv"], "the file without other names")


def test_a_hundred_renames_a_second_do_no_harm(make):
    d = make(settle="0ms").start()
    d.drop("a.csv")
    end = time.monotonic() + 1.5
    n = 0
    while time.monotonic() < end:
        d.drop(f"swap{n % 2}.csv", b"%d" % n)
        n += 1
    assert d.ask("wait")["quiet"]
    assert os.listdir(d.inbound) == []


# ------------------------------------------------------------------ workers that are broken

LIES = {
    "no message": ["Hello, world!"],
    "an unknown verb": ["posted file=1"],
    "a field left out": ["!raw done\tfile=1\tstate=posted"],
    "a state that is none": ["done state=maybe"],
    "held, and not why": ["done state=held"],
    "a negative number": ["done records=-1"],
    "retried never": ["retried times=0"],
    "a number that overflows": ["done records=9223372036854775808"],
    "a key twice": ["stage name=x records=1 records=1"],
    "a NUL": ["!raw stage\x00"],
    "a bad escape": ["!raw failed\twhy=\\q"],
    "a packet too long": ["!raw " + "x" * 30000],
    "no end": ["!flood"],
    "a descriptor": ["!fd", "!hang"],
    "death": ["!kill 9"],
    "an exit": ["!exit 1"],
    "silence": ["!hang"],
    "a closed channel": ["!close"],
}


@pytest.mark.parametrize("lie", LIES)
def test_a_broken_worker_costs_its_file_a_retry(make, lie):
    d = make(deadline="1500ms")
    d.script(repr(LIES[lie]), TAKE)
    d.start()
    d.drop("victim.csv")
    d.until(lambda: "file posted" in d.log(), "the file on its second way")
    d.process.poll()
    assert d.process.returncode is None
    assert d.names() == ["victim.csv", "victim.csv"]
    log = d.log()
    assert log.count("worker ended") == 1 and log.count("file could not be handled now: it stays") == 1
    assert d.ask("wait")["quiet"]


def test_a_release_that_says_nothing_is_ended_as_a_file_is(make):
    """How long it may go on is said by the file that it takes, not by the largest that there could be."""
    d = make(deadline="1s", rescan="200ms")
    d.script('release = ["!hang"]', TAKE)
    d.start()
    d.until_log("it said nothing for 1000 ms")
    d.script('release = ["taken file=1 bytes=512000", "!hang"]', TAKE)
    d.until_log("it said nothing for 3000 ms")


def test_a_worker_without_its_database_is_given_nothing(make):
    d = make(workers=1)
    d.script('start = ["ready server=db1:5432 timeline=1"]', '["waiting", "failed why=gone", "!sleep 1", "ready server=db2:5432 timeline=2"]', TAKE)
    d.start()
    d.drop("once.csv")
    d.until(lambda: d.ask("status")["database"]["up"] is False, "the state")
    said = d.ask("status")
    assert said["workers"][0]["state"] == "waiting" and said["database"]["server"] == "db1:5432"
    d.until(lambda: "file posted" in d.log(), "the file over the other server")
    back, = [line for line in d.log().splitlines() if "the database is back" in line]
    assert "server=db2:5432" in back and "timeline=2" in back
    assert d.ask("status")["database"]["up"] is True


def test_an_end_of_a_job_that_nobody_gave_is_out_of_turn(make):
    d = make()
    d.script('start = ["ready", "done"]', TAKE)
    d.start()
    d.until_log("it spoke out of turn while idle")
    d.script(TAKE)
    d.drop("later.csv")
    d.until(lambda: "file posted" in d.log(), "a worker that behaves")


def test_other_ends_of_a_job(make):
    d = make()
    d.script('["busy why=still\\\\x20open"]', '["failed why=disk\\\\x20full"]', '["gone"]', TAKE)
    d.start()
    d.drop("file.csv")
    d.until(lambda: "file posted" in d.log(), "the fourth way")
    log = d.log()
    assert 'msg="file is still being written"' in log and 'why="disk full"' in log
    assert d.ask("status")["since_start"] | {"posted": 1, "busy": 1, "failed": 1, "gone": 1} == d.ask("status")["since_start"]


def test_a_file_that_cannot_be_removed_is_handled_once(make):
    d = make('["done"]').start()
    d.drop("stays.csv")
    d.until_log("handled, but still there")
    time.sleep(1)
    assert d.names() == ["stays.csv"]
    assert d.log().count("handled, but still there") == 1
    d.drop("stays.csv", b"another content\n")  # the same name, another file
    d.until(lambda: len(d.jobs()) == 2, "the other file")


def test_workers_that_do_not_start(make):
    d = make()
    d.script('start = ["!exit 6"]', TAKE)
    d.start(wait=False)
    d.until_log("running, but no worker is ready yet")
    d.until(lambda: d.log().count("worker ended") >= 3, "more attempts")
    d.drop("waits.csv")
    time.sleep(0.3)
    d.script(TAKE)
    d.until(lambda: "file posted" in d.log(), "a worker")
    starts = d.log().count("worker ended")
    assert starts < 12  # by back-off, not in a circle


def test_workers_end_with_the_daemon(make):
    d = make('["!hang"]', workers=2).start()
    d.drop("x.csv")
    d.until(d.jobs, "the job")
    workers = processes_of(d.process.pid)
    assert len(workers) == 2
    d.process.kill()
    d.process.wait()
    d.until(lambda: not any(alive(pid) for pid in workers), "the workers to be gone")


def test_few_descriptors(make):
    d = make()
    d.start(prefix=["/bin/sh", "-c", 'ulimit -n 20; exec "$@"', "sh"])
    sockets = []
    for _ in range(20):
        s = socket.socket(socket.AF_UNIX)
        s.setblocking(False)
        try:
            s.connect(str(d.control))
        except BlockingIOError:
            pass
        sockets.append(s)
    d.drop("x.csv")
    before = resource_seconds(d.process.pid)
    time.sleep(2)
    assert resource_seconds(d.process.pid) - before < 0.5  # no spin
    for s in sockets:
        s.close()
    d.until(lambda: "file posted" in d.log(), "the file in the end")
    assert d.ask("wait")["quiet"]


def resource_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# ------------------------------------------------------------------ reload and stop

def test_reload_takes_a_good_configuration(make):
    d = make().start()
    other = d.source("b", "B")
    d.drop("early.csv", folder=other)
    d.configure(workers=3)
    d.process.send_signal(signal.SIGHUP)
    d.until_log("msg=reloaded")
    d.until(lambda: d.names() == ["early.csv"], "the new source")
    status = d.ask("status")
    assert [s["name"] for s in status["sources"]] == ["a", "b"] and status["reload_error"] is None
    d.until(lambda: sum(w["state"] == "idle" for w in d.ask("status")["workers"]) == 3, "three workers")
    # and without it again, while a job of it is running
    d.script('["!sleep 1", "!remove", "done"]')
    d.drop("last.csv", folder=other)
    d.until(lambda: len(d.jobs()) == 2, "the job")
    d.sources.pop()
    d.configure(workers=1)
    d.process.send_signal(signal.SIGHUP)
    d.until(lambda: d.log().count("msg=reloaded") == 2, "the second reload")
    assert [s["name"] for s in d.ask("status")["sources"]] == ["a"]
    d.until(lambda: d.log().count("file posted") == 2, "the job to be finished")
    d.until(lambda: len(d.ask("status")["workers"]) == 1, "one worker")
    assert not list(other.iterdir())


@pytest.mark.parametrize("text, why", [
    ("{", "while parsing"), ("", "empty"), ("database: {conninfo: x}\nworkers: many\n", "workers: must be a whole number"),
    ("database: {conninfo: x}\nspool: /elsewhere\n", "spool cannot be changed by a reload"),
    (None, "cannot be read")])
def test_reload_keeps_the_old_when_the_new_is_bad(make, text, why):
    d = make().start()
    if text is None:
        d.config.unlink()
    else:
        d.config.write_text(text)
    d.process.send_signal(signal.SIGHUP)
    d.until_log("not reloaded: the old configuration stays")
    assert why in d.ask("status")["reload_error"]
    d.drop("still.csv")
    d.until(lambda: "file posted" in d.log(), "the old configuration at work")


def test_a_configuration_cut_anywhere_is_refused_or_used(make):
    d = make().start()
    whole = d.config.read_text()
    for n in range(0, len(whole), 23):
        d.config.write_text(whole[:n])
        d.process.send_signal(signal.SIGHUP)
        time.sleep(0.01)
    d.config.write_text(whole)
    d.process.send_signal(signal.SIGHUP)
    d.until(lambda: d.log().rstrip().splitlines() and d.ask("status")["reload_error"] is None and
            [s["name"] for s in d.ask("status")["sources"]] == ["a"], "the whole configuration")
    d.drop("after.csv")
    d.until(lambda: "file posted" in d.log(), "work afterwards")


def test_a_worker_reads_what_was_accepted(make):
    d = make().start()
    [worker] = processes_of(d.process.pid)
    d.config.write_text("not: this")
    assert pathlib.Path(f"/proc/{worker}/fd/4").read_text().startswith("database:")
    with open(f"/proc/{worker}/fd/4", "r+b", buffering=0) as sealed, pytest.raises(PermissionError):
        sealed.write(b"x")


@pytest.mark.parametrize("job", ['["!sleep 0.7", "!remove", "done"]', '["!hang"]'])
def test_stop_lets_a_job_finish_or_ends_it(make, job):
    d = make(job).start()
    d.drop("x.csv")
    d.until(d.jobs, "the job")
    workers = processes_of(d.process.pid)
    assert d.stop() == 0
    assert ("file posted" in d.log()) == ("done" in job)
    assert not any(alive(pid) for pid in workers)
    assert not d.control.exists()
    assert (d.inbound / "x.csv").exists() == ("done" not in job)


def test_stop_at_any_time(make):
    d = make(settle="0ms")
    for n in range(12):
        d.start(wait=False)
        d.drop(f"f{n}.csv")
        time.sleep(0.025 * n)
        assert d.stop() in (0, -signal.SIGTERM)  # the latter before it could say anything to signals
    d.start()
    assert d.ask("wait")["quiet"]
    assert os.listdir(d.inbound) == []


def test_one_daemon_for_a_spool(make):
    d = make().start()
    second = subprocess.run([d.program, "--config", d.config], env=d.environment(), capture_output=True, text=True, timeout=10)
    assert second.returncode == 6
    assert f"in use by another handbackd (process {d.process.pid})" in second.stderr
    d.process.kill()
    d.process.wait()
    assert d.control.exists()  # nobody was left to remove it
    d.start()
    assert d.ask("wait")["quiet"]


def test_one_daemon_for_a_control_socket(make):
    d = make().start()
    config = d.dir / "second.yaml"
    config.write_text(d.config.read_text().replace(f"spool: {d.dir}/spool", f"spool: {d.dir}/spool2"))
    second = subprocess.run([d.program, "--config", config], env=d.environment(), capture_output=True, text=True, timeout=10)
    assert second.returncode == 6 and "another handbackd listens" in second.stderr
    assert d.ask("wait")["quiet"]


# ------------------------------------------------------------------ once

@pytest.mark.parametrize("script, status, left", [
    (TAKE, 0, []), ('["!remove", "done state=held records=0 confirmed=0 reason=total"]', 3, []),
    ('["!remove", "done records=2 held=1"]', 3, []),
    ('["failed why=x"]', 4, ["x.csv"]), ('["!kill 9"]', 4, ["x.csv"]), ('["busy why=x"]', 0, ["x.csv"])])
def test_once(make, script, status, left):
    d = make(script)
    d.drop("x.csv")
    done = d.once()
    assert done.returncode == status, done.stderr
    assert os.listdir(d.inbound) == left
    assert len(d.jobs()) == 1


def test_once_with_nothing_to_do(make):
    d = make()
    assert d.once().returncode == 0
    d.script('start = ["!exit 6"]')
    done = d.once()
    assert done.returncode == 6 and "no worker can start" in done.stderr


def test_once_beside_a_daemon_asks_it(make):
    d = make(rescan="1h", settle="500ms")
    d.script(TAKE, '["failed why=x"]')
    d.start()
    d.drop("x.csv")
    assert d.once().returncode == 0
    assert os.listdir(d.inbound) == [] and len(d.jobs()) == 1
    d.drop("y.csv")
    assert d.once().returncode == 4


# ------------------------------------------------------------------ what it says

def test_control_socket_manners(make):
    d = make().start()
    assert (d.control.stat().st_mode & 0o777) == 0o600
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(d.control))
        lines = s.makefile("rw")
        lines.write("rescan\nwait\nstatus\nnonsense\n")
        lines.flush()
        answers = [json.loads(lines.readline()) for _ in range(4)]
    assert answers[0] == {"rescan": "started"} and answers[1]["quiet"] is True
    assert answers[2]["state"] == "running" and "error" in answers[3]
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(d.control))
        s.sendall(b"x" * 5000)
        with contextlib.suppress(ConnectionResetError):
            assert s.recv(100) == b""
    # many that say nothing, and some that leave while they wait
    idle = [socket.socket(socket.AF_UNIX) for _ in range(40)]
    for s in idle:
        s.connect(str(d.control))
    for s in idle:
        s.close()
    d.until(lambda: d.ask("wait")["quiet"], "an answer")


def test_what_systemd_is_told(make):
    d = make()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(d.dir / "notify"))
        systemd.settimeout(10)
        told = []

        def until(text):
            while not any(text in t for t in told):
                told.append(systemd.recv(4096).decode())

        d.start(NOTIFY_SOCKET=str(d.dir / "notify"), WATCHDOG_USEC="600000", wait=False)
        until("READY=1")
        until("WATCHDOG=1")
        until("STATUS=0 files handled")
        d.process.send_signal(signal.SIGHUP)
        until("RELOADING=1\nMONOTONIC_USEC=")
        told.clear()
        until("READY=1")
        d.process.send_signal(signal.SIGTERM)
        until("STOPPING=1")
        assert d.process.wait(5) == 0


def test_command_line(make):
    d = make()

    def run(*arguments):
        return subprocess.run([d.program, *arguments], env=d.environment(), capture_output=True, text=True, timeout=10)
    assert "example:" in run("--help").stdout
    assert run("--version").stdout.startswith("handbackd ")
    assert run("--bogus").returncode == 2 and run("extra").returncode == 2 and run("--once", "--check").returncode == 2
    assert run("--config", "/nonexistent").returncode == 2
    names = [line.split("\t")[0] for line in run("--options").stdout.splitlines()]
    assert "sources[].directory" in names and len(names) == len(set(names))
    assert run("--config", d.config, "--check").returncode == 6  # no spool, no profiles yet
    (d.dir / "spool").mkdir()
    (d.dir / "profiles").mkdir()
    checked = run("--config", d.config, "--check")
    assert checked.returncode == 6 and "p.yaml" in checked.stderr and "nothing wrong" not in checked.stdout  # there is no such profile
    good = (pathlib.Path(__file__).resolve().parents[2] / "fixtures/profiles/skyline.yaml").read_text()
    (d.dir / "profiles" / "p.yaml").write_text(good.replace("format: delimited", "format: delimitd"))
    checked = run("--config", d.config, "--check")
    assert checked.returncode == 6 and "delimitd" in checked.stderr and checked.stderr.startswith(f"{d.dir}/profiles/p.yaml:")
    (d.dir / "profiles" / "p.yaml").write_text(good)
    checked = run("--config", d.config, "--check")
    assert checked.returncode == 0 and checked.stderr == "", checked.stderr
    d.config.write_text("database: {embeded: x}\nworkers: 0\n")
    checked = run("--config", d.config, "--check")
    assert checked.returncode == 2
    assert "2:10: workers: must be a whole number" in checked.stderr and "did you mean embedded?" in checked.stderr

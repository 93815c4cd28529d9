"""handbackd and its fetchers: schedule, back-off, deadlines, what is due afterwards, and the loop's latency through it.

The worker is tests/support/scripted_worker.py; tests/fetch/test_sftp_e2e.py has the true one.
"""
import datetime
import json
import os
import signal
import subprocess
import time
import zoneinfo

import pytest

pytest.importorskip("asyncssh", reason="python3-asyncssh is not installed")

from case_table import case
from scripted_daemon import Daemon
from sftp_daemon import SftpDaemon
from sftp_server import Partner, Proxy, SftpServer
from sshd import SSHD, Sshd, fingerprint, make_key
from unit_socket import UnitSocket

pytestmark = pytest.mark.skipif(not SSHD, reason="openssh-server is not installed")
# A loop that waited for a server would be late by the stall time of 2 s. How late it is where nothing else runs (the
# goal is 50 ms) is measured by `./dev bench --sftp`: no test may fail because its machine is busy.
LATE_MS = 1000


@pytest.fixture
def server(tmp_path):
    with Sshd(tmp_path) as made:
        yield made


@pytest.fixture
def make(build):
    made = []

    def make_daemon(server, **sftp):
        made.append(SftpDaemon(build, server, **sftp))
        return made[-1]
    yield make_daemon
    for daemon in made:
        daemon.close()


def gone(server, *names):
    return lambda: not any((server.root / name).exists() for name in names)


@pytest.mark.parametrize("change,message", [
    ({"user": None}, "user is missing"), ({"key": None}, "key is missing"), ({"host_keys": None}, "never trusted unseen"),
    ({"host_keys": ["SHA256:short"]}, "no fingerprint"), ({"host_keys": ["MD5:" + "a" * 43]}, "no fingerprint"),
    ({"host_keys": ["SHA256:" + "a" * 43] * 9}, "at most 8"), ({"known_hosts": "/x"}, "exclude each other"),
    ({"after": "move"}, "needs after_directory"), ({"after_directory": "/x"}, "only for after: move"),
    ({"window": ["6:00-22:00"]}, "two times of day"), ({"window": ["06:00-06:00"]}, "two times of day"),
    ({"window": ["06:00-24:30"]}, "two times of day"), ({"answer": "{nam}"}, "no word for {nam}"),
    ({"answer_name": "{"}, "no word"), ({"passphrase": "/x", "key": None, "password": "/y"}, "no key that it would open"),
    ({"schedule": "* * * *"}, "4 of five fields"), ({"zone": "Mars/Olympus"}, "no time zone of this machine"),
    ({"zone": "Europe/Zurich", "interval": "5m"}, "only for schedule"),
    ({"schedule": "0 6 * * *", "interval": "5m"}, "exclude each other"),
    ({"schedule": "0 6 31 4 *"}, "would never come"), ({"prot": 22}, "port")])
def test_mistakes_of_the_configuration_are_reported(build, change, message):
    class Server:
        port, user, key, pin = 22, "u", "/k", "ssh-ed25519 SHA256:" + "a" * 43

    daemon = SftpDaemon(build, Server)
    try:
        daemon.sftp.update(change)
        daemon.configure()
        done = subprocess.run([daemon.program, "--config", daemon.config, "--check"], capture_output=True, text=True,
                              timeout=10)
        assert done.returncode == 2 and message in done.stderr and "handback.yaml:" in done.stderr, done
    finally:
        daemon.close()


@case("handbackd: fetched, handed to a worker, deleted on the server")
@pytest.mark.sanitize
def test_the_whole_way(make, server):
    daemon = make(server, after="delete")
    for i in range(20):
        server.put(f"f{i:02}.csv", b"x%d" % i)
    daemon.start()
    daemon.until(gone(server, *[f"f{i:02}.csv" for i in range(20)]), "all to be deleted on the server")
    jobs = [job for job in daemon.jobs() if job["source"] == "drop"]
    assert sorted(job["name"].decode() for job in jobs) == [f"f{i:02}.csv" for i in range(20)]
    assert all(job["partner"] == "D" for job in jobs)
    daemon.until(lambda: daemon.drop_state()["next_us"] > 0, "the run that deleted them to end")
    state = daemon.drop_state()
    assert state["fetched"] == 20 and state["failures"] == 0 and state["success_us"] > 0 and state["next_us"] > 0
    late = daemon.late()
    assert late < LATE_MS and daemon.stop() == 0
    return f"20 files, each given once, loop at most {late} ms late"


@case("handbackd: left on the server, not fetched again, also after a restart")
def test_left(make, server):
    daemon = make(server)
    server.put("a.csv", b"a")
    for expected in (1, 0):
        daemon.start()
        daemon.until(lambda: daemon.drop_state()["polls"]["empty"] >= 2, "two polls that find nothing new")
        assert daemon.drop_state()["fetched"] == expected
        daemon.stop()
    assert daemon.names() == ["a.csv"]
    return "one job in two lives"


@case("handbackd: killed after the worker was done, before the server's file was moved")
def test_killed_before_after(make, server):
    daemon = make(server, after="delete")
    daemon.more["settle"] = "0s"
    server.put("a.csv", b"a")
    daemon.start()
    daemon.until(lambda: daemon.names() == ["a.csv"], "the job")
    daemon.until(lambda: not list(daemon.incoming.glob("*.csv")), "the worker to be done")
    daemon.stop(signal.SIGKILL)
    daemon.start()
    daemon.until(gone(server, "a.csv"), "the file to be deleted on the server", 30)
    daemon.stop()
    return f"deleted in the next life; {len(daemon.names())} job(s), a second one would be a duplicate by content"


@case("handbackd: the fetcher of a unit of its own")
def test_a_unit_of_its_own(make, server, build, monkeypatch):
    """Where handbackd's unit names a socket, each run is a connection, and no process of handbackd's."""
    daemon = make(server, after="delete")
    path = daemon.dir / "fetch.sock"
    monkeypatch.setenv("HANDBACK_FETCH_SOCKET", str(path))
    daemon.start()
    daemon.until(lambda: "cannot be started or reached" in daemon.log(), "the failure: nobody listens")
    server.put("a.csv", b"a")
    daemon.until(lambda: daemon.drop_state()["failures"] >= 1, "a back-off")
    with UnitSocket(path, build / "fetch/handback-fetch") as unit:
        daemon.reload()
        daemon.until(lambda: daemon.names() == ["a.csv"], "the job")
        daemon.until(gone(server, "a.csv"), "the file to be deleted on the server")
        assert unit.runs and daemon.fetchers() == []
        assert daemon.stop() == 0
        assert [run.wait(10) for run in unit.runs[:1]] == [0]
    return "tried again while nobody listened, then brought by connections alone"


@case("handbackd: the fetcher of a unit of its own ends when it is hung up on")
def test_a_unit_of_its_own_is_hung_up_on(make, server, build, monkeypatch):
    daemon = make(server)
    path = daemon.dir / "fetch.sock"
    monkeypatch.setenv("HANDBACK_FETCH_SOCKET", str(path))
    server.put("large.csv", b"x" * 30_000_000)
    with Proxy(server.port, bytes_per_s=200_000) as proxy, UnitSocket(path, build / "fetch/handback-fetch") as unit:
        daemon.sftp["port"] = proxy.port
        daemon.configure()
        daemon.start()
        daemon.until(lambda: unit.runs and list(daemon.incoming.glob(".fetch/*part*")), "the download")
        daemon.stop(signal.SIGKILL)
        assert unit.runs[0].wait(15) is not None
    return "it ends by itself"


@case("handbackd: another host key")
def test_mismatch(make, server, tmp_path):
    other = fingerprint(f"{make_key(tmp_path / 'other')}.pub")
    daemon = make(server, host_keys=[other])
    daemon.start()
    daemon.until(lambda: daemon.drop_state()["failures"] == 1, "the failure")
    assert server.pin in daemon.log() and other in daemon.log() and "nothing was sent" in daemon.log()
    state = daemon.drop_state()
    assert state["poll"] == "failed" and state["stage"] == "host_key" and state["mismatches"] == 1
    daemon.sftp["host_keys"] = [other, server.pin]
    daemon.reload()
    daemon.until(lambda: daemon.drop_state()["poll"] == "empty", "the poll after the reload")
    return "reported with both fingerprints; fixed by a reload"


@case("handbackd: another host key, sent by the notification hook")
def test_mismatch_notification(make, server, tmp_path):
    other, heard = fingerprint(f"{make_key(tmp_path / 'other')}.pub"), tmp_path / "heard"
    hook = tmp_path / "hook"
    hook.write_text(f"#!/bin/sh\ncat >>{heard}\n")
    hook.chmod(0o755)
    daemon = make(server, host_keys=[other])
    daemon.top = f"notifications:\n  command: {hook}\n"
    daemon.configure()
    daemon.start()
    daemon.until(lambda: daemon.drop_state()["mismatches"] >= 3, "three runs", 30)
    sent = daemon.dir / "spool" / "notifications" / "sent"
    daemon.until(lambda: any(sent.glob("*.json")), "that its notification is kept")
    assert daemon.stop() == 0
    daemon.start()
    daemon.until(lambda: daemon.drop_state()["mismatches"] >= 1, "a run in another life")
    assert daemon.stop() == 0
    notification, = [json.loads(line) for line in heard.read_text().splitlines()]
    assert notification["notification"] == "host_key_changed" and notification["expected"] == other and notification["got"] == server.pin
    assert notification["source"] == "drop" and notification["partner"] == "D" and notification["host"] == "127.0.0.1"
    attempts = [line for line in server.read_log().splitlines() if "Accepted" in line or "Failed" in line]
    assert not attempts
    return "once in four runs of two lives, with both fingerprints; no login seen by the server"


@case("handbackd: server down, then up")
def test_down_and_up(make, server):
    server.stop()
    daemon = make(server)
    daemon.start()
    daemon.until(lambda: daemon.drop_state()["failures"] >= 1, "a failure")
    state = daemon.drop_state()
    assert state["poll"] == "failed" and state["stage"] == "connect" and "refused" in state["error"]
    assert state["next_us"] > time.time() * 1e6
    server.start()
    server.put("a.csv", b"a")
    daemon.ask("poll")
    daemon.until(lambda: daemon.drop_state()["fetched"] == 1, "the file", 30)
    daemon.until_log('msg="SFTP works again"')
    assert daemon.log().count('msg="SFTP run failed"') >= 1
    return "reported once, and when it works again"


@case("handbackd: login that fails backs off")
def test_login_backs_off(make, server, tmp_path):
    daemon = make(server, key=str(make_key(tmp_path / "stranger")))
    daemon.start()
    daemon.until(lambda: daemon.drop_state()["failures"] >= 2, "two failures", 30)
    time.sleep(2)
    attempts = server.read_log().count("Connection from")
    state = daemon.drop_state()
    assert state["stage"] == "login" and attempts <= 4 and state["next_us"] - time.time() * 1e6 > 500_000
    return f"{attempts} attempts with an interval of 1 s"


@case("handbackd: the key cannot be opened")
def test_no_key(make, server, tmp_path):
    daemon = make(server, key=str(tmp_path / "nowhere"))
    daemon.start()
    daemon.until(lambda: daemon.drop_state()["failures"] >= 1, "the failure")
    assert daemon.drop_state()["stage"] == "key_file" and "nowhere: No such file" in daemon.drop_state()["error"]
    assert not daemon.fetchers()
    return "reported, nothing started"


@case("handbackd: a server that stalls does not hold up the loop")
def test_stall(make, server):
    with open(server.root / "big.csv", "wb") as out:
        out.truncate(2_000_000_000)
    daemon = make(server)
    daemon.start()
    daemon.until(lambda: any(p.stat().st_size > 1_000_000 for p in daemon.incoming.glob(".fetch/*.part")), "bytes")
    for pid in server.sessions():
        os.kill(pid, signal.SIGSTOP)
    for i in range(10):
        daemon.drop(f"local{i}.csv")
    daemon.until(lambda: len(daemon.names()) == 10, "the local files")
    daemon.until(lambda: daemon.drop_state()["failures"] >= 1, "the stall to be reported", 15)
    assert "stalled" in daemon.drop_state()["error"]
    late = daemon.late()
    assert late < LATE_MS
    return f"local files went on; loop at most {late} ms late"


@case("handbackd: stop and restart in the middle of a download")
def test_stop_in_the_middle(make, server):
    data = os.urandom(3_000_000)
    server.put("a.csv", data)
    with Proxy(server.port, bytes_per_s=1_000_000) as proxy:
        daemon = make(server, port=proxy.port)
        daemon.start()
        daemon.until(lambda: any(p.stat().st_size > 500_000 for p in daemon.incoming.glob(".fetch/*.part")), "bytes")
        began = time.monotonic()
        assert daemon.stop() == 0
        stopped = time.monotonic() - began
        assert not daemon.fetchers() and list(daemon.incoming.glob(".fetch/*.part"))
        proxy.bytes_per_s, proxy.passed = None, 0
        daemon.start()
        daemon.until(lambda: daemon.names() == ["a.csv"], "the file")
        assert proxy.passed < 2_700_000
    return f"stopped in {stopped:.1f} s, resumed where it was"


@case("handbackd: killed in the middle of a download")
def test_killed_in_the_middle(make, server):
    server.put("a.csv", os.urandom(3_000_000))
    with Proxy(server.port, bytes_per_s=1_000_000) as proxy:
        daemon = make(server, port=proxy.port)
        daemon.start()
        daemon.until(daemon.fetchers, "the fetcher")
        fetchers = daemon.fetchers()
        daemon.stop(signal.SIGKILL)
        daemon.until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in fetchers), "the fetcher to end", 10)
    return "its fetcher dies with it"


@case("handbackd: reload takes the source away in the middle of a download")
def test_removed(make, server):
    server.put("a.csv", os.urandom(3_000_000))
    with Proxy(server.port, bytes_per_s=500_000) as proxy:
        daemon = make(server, port=proxy.port)
        daemon.start()
        daemon.until(daemon.fetchers, "the fetcher")
        Daemon.configure(daemon)
        daemon.process.send_signal(signal.SIGHUP)
        daemon.until_log("msg=reloaded")
        daemon.until(lambda: not daemon.fetchers(), "the fetcher to leave", 10)
        assert len(daemon.ask("status")["sources"]) == 1 and daemon.stop() == 0
    return "the fetcher leaves"


@case("handbackd: settled over two polls, without waiting for the interval")
def test_settle(make, server):
    daemon = make(server, interval="1h")
    daemon.more["settle"] = "1s"
    daemon.configure()
    server.put("a.csv", b"a")
    began = time.monotonic()
    daemon.start()
    daemon.until(lambda: daemon.names() == ["a.csv"], "the file")
    return f"fetched {time.monotonic() - began:.1f} s after the start, with an interval of an hour"


@case("handbackd: outside of its window it does not poll")
def test_window(make, server):
    now = datetime.datetime.now(datetime.timezone.utc)
    daemon = make(server, window=[f"{(now + datetime.timedelta(hours=h)):%H:%M}-"
                                  f"{(now + datetime.timedelta(hours=h + 1)):%H:%M}" for h in (2, 9)])
    daemon.start()
    time.sleep(2)
    state = daemon.drop_state()
    hours = (state["next_us"] / 1e6 - time.time()) / 3600
    assert state["runs"] == 0 and 1.9 < hours < 2.1
    daemon.sftp["window"] = [f"{(now - datetime.timedelta(hours=1)):%H:%M}-{(now + datetime.timedelta(hours=1)):%H:%M}"]
    daemon.reload()
    daemon.until(lambda: daemon.drop_state()["poll"] == "empty", "a poll within the window")
    return f"next poll in {hours:.1f} h; at once when the window is open"


def minute_field(at):
    return f"{at.minute} {at.hour} * * *"


@case("handbackd: a schedule in a zone: waits for its time, makes up for a missed one")
def test_schedule(make, server):
    zone = zoneinfo.ZoneInfo("Asia/Tokyo")
    now = datetime.datetime.now(zone)
    daemon = make(server, interval=None, schedule=minute_field(now + datetime.timedelta(hours=2)), zone=zone.key)
    daemon.start()
    time.sleep(2)
    state = daemon.drop_state()
    wait = state["next_us"] / 1e6 - time.time()
    assert state["runs"] == 0 and 7000 < wait < 7200 and (state["next_us"] / 1e6 + 1) % 60 < 2, state
    # the time of this hour's minute has passed since the last poll, so it is made up for, and once
    mark = daemon.incoming / ".fetch" / "last_poll"
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.touch()
    os.utime(mark, (time.time() - 7200,) * 2)
    daemon.sftp["schedule"] = minute_field(now - datetime.timedelta(hours=1))
    daemon.reload()
    daemon.until(lambda: daemon.drop_state()["poll"] == "empty", "the missed poll")
    assert time.time() - mark.stat().st_mtime < 60
    daemon.reload()
    time.sleep(2)
    state = daemon.drop_state()
    assert state["runs"] == 1 and 22.9 < (state["next_us"] / 1e6 - time.time()) / 3600 < 23
    # who asks for a poll has it
    daemon.ask("rescan")
    daemon.until(lambda: daemon.drop_state()["runs"] == 2, "the poll that was asked for")
    # a request file does not wait for the schedule, and is no poll
    lies = daemon.incoming / ".requests"
    lies.mkdir()
    (lies / "REQ_1.csv").write_text("request")
    polled = mark.stat().st_mtime
    daemon.stop()
    daemon.sftp["requests_directory"] = str(server.root)
    daemon.configure()
    daemon.start()
    daemon.until((lies / ".REQ_1.csv.sent").exists, "the request file's upload")
    assert mark.stat().st_mtime == polled and not (lies / "REQ_1.csv").exists()
    return f"next poll in {wait / 3600:.2f} h, a missed one at once, and then once"


@case("handbackd: a scheduled poll that failed is tried again, a login only by the schedule")
def test_schedule_failed(make, server, tmp_path):
    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=5)
    daemon = make(server, interval=None, schedule=minute_field(soon))
    server.put("a.csv", b"a")
    with Proxy(server.port) as proxy:
        gone_port = proxy.port
    daemon.sftp["port"] = gone_port
    daemon.configure()
    daemon.start()
    daemon.ask("rescan")
    daemon.until(lambda: daemon.drop_state()["failures"] == 1, "the failure")
    soonest = daemon.drop_state()["next_us"] / 1e6 - time.time()
    assert daemon.drop_state()["stage"] == "connect" and soonest < 8
    daemon.sftp.update(port=server.port, key=str(make_key(tmp_path / "other")))
    daemon.reload()
    daemon.until(lambda: daemon.drop_state()["stage"] == "login", "the refused login")
    assert 4.9 < (daemon.drop_state()["next_us"] / 1e6 - time.time()) / 3600 < 5.1
    return f"again in {soonest:.0f} s; a refused login waits for its time"


@case("handbackd: a server of a million names, an endless one")
def test_many_names(make, build, tmp_path):
    from sftp_server import attributes

    class Endless(Partner):
        batch = 500

        def names(self):
            i = 0
            while True:
                i += 1
                yield b"%d.csv" % i if i % 2000 == 0 else b"other%d" % i, attributes(3)

        async def stat(self, name):
            return attributes(3)

        async def read(self, name, offset, length):
            return b"abc"[offset:offset + length]

    partner = Endless()
    with SftpServer(partner) as server:
        server.key = make_key(tmp_path / "key")
        partner.files = type("All", (dict,), {"__contains__": lambda self, key: True})()
        daemon = make(server, deadline="8s")
        daemon.more["files"] = ["*.csv"]
        daemon.configure()
        daemon.start()
        daemon.until(lambda: len(daemon.names()) >= 5, "some files", 30)
        late = daemon.late()
        assert late < LATE_MS and "more names than one poll takes" in daemon.log()
        daemon.stop()
    return f"polls end, files come, loop at most {late} ms late"


@case("handbackd: a fetcher that lies, floods, hangs, dies")
@pytest.mark.parametrize("what,error", [
    ("c.send(b'nonsense\\tx')", "may not say now"), ("c.send(b'file\\tname=x')", "may not say now"),
    ("c.send(b'\\x00')", "no line"), ("c.send(b'done\\twaiting=-1')", "may not say now"),
    ("c.send(b'failed\\tstage=job\\twhy=x'); c.send(b'noted\\tarchived=0')", "may not say now"),
    ("c.send(b'poll\\tresult=empty\\tnames=0\\tmatching=0\\tfresh=0\\twaiting=0\\trefused=0\\tpartial=no')", "may not say now"),
    ("c.send(b'connected\\thost_key=k'); [c.send(b'refused\\tname=x\\twhy=y') for i in range(10**7)]", None),
    ("os._exit(9)", "status 9"),
    ("os.kill(os.getpid(), 11)", "signal 11"), ("c.close(); time.sleep(100)", None), ("time.sleep(100)", None)])
def test_bad_fetcher(make, server, what, error):
    daemon = make(server, deadline="1s")
    program = daemon.libexec / "handback-fetch"
    program.write_text(f"#!/usr/bin/python3\nimport os, socket, time\nc = socket.socket(fileno=3)\n{what}\n")
    program.chmod(0o755)
    daemon.start()
    for i in range(3):
        daemon.drop(f"local{i}.csv")
    daemon.until(lambda: len(daemon.names()) == 3, "the local files")
    if error:
        daemon.until(lambda: daemon.drop_state()["failures"] >= 1, "the failure")
        assert error in daemon.drop_state()["error"] and daemon.drop_state()["stage"] == "fetcher"
    elif "sleep(100)" in what:
        daemon.until(lambda: daemon.drop_state()["failures"] >= 1, "its end by the deadline", 15)
        assert "deadline" in daemon.drop_state()["error"]
    else:
        time.sleep(3)
    late = daemon.late()
    assert late < LATE_MS and daemon.stop() == 0 and not daemon.fetchers()
    return f"{error or 'waits for its deadline'}; loop at most {late} ms late"


@case("handbackd: a fetcher's user put something else where the news of archived files goes")
@pytest.mark.parametrize("what", ("a link for its corner", "a link for the news", "a FIFO", "a directory"))
def test_planted_in_its_corner(make, server, what):
    """That user owns what lies there; handbackd writes to nothing else for it, and waits for nothing."""
    daemon = make(server)
    fetcher = daemon.libexec / "handback-fetch"
    fetcher.write_text("#!/bin/sh\nexit 9\n")
    fetcher.chmod(0o755)
    victim, corner = daemon.dir / "victim", daemon.incoming / ".fetch"
    daemon.incoming.mkdir(parents=True)
    victim.mkdir()
    (victim / "archived").write_text("untouched")
    if what == "a link for its corner":
        corner.symlink_to(victim)
    else:
        corner.mkdir()
        news = corner / "archived"
        if what == "a link for the news":
            news.symlink_to(victim / "archived")
        elif what == "a FIFO":
            os.mkfifo(news)
        else:
            news.mkdir()
    (daemon.incoming / "a.csv").write_bytes(b"a")
    daemon.start()
    daemon.until_log("cannot note for the fetcher that a file is archived")
    assert daemon.names() == ["a.csv"] and (victim / "archived").read_text() == "untouched"
    late = daemon.late()
    assert late < LATE_MS and daemon.stop() == 0
    return f"{what}: nothing written, told, loop at most {late} ms late"


@case("handbackd --once: fetch, hand out, tidy up, leave")
def test_once(make, server):
    daemon = make(server, after="delete")
    daemon.more["settle"] = "1s"
    daemon.configure()
    server.put("a.csv", b"a")
    done = daemon.once()
    assert done.returncode == 0 and daemon.names() == ["a.csv"] and not (server.root / "a.csv").exists(), done.stderr
    server.stop()
    assert daemon.once().returncode == 4
    return "also after a second poll; 4 when the server cannot be reached"

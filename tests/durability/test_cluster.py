"""A primary and a synchronous standby: what reads on the standby, what needs it, and a primary that is frozen rather than dead."""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

import pytest

import pg
from metrics_client import get
from world import World

SECONDS = 40  # 5 of silence, 8 for the second connection, 2 for each host's, and a machine that is busy


class Two:
    def __init__(self, build):
        self.primary = pg.Cluster()
        self.world = World(self.primary, build)
        self.standby = pg.Cluster(standby_of=self.primary)
        self.name = self.world.database.name
        self.frozen = []

    def close(self):
        self.freeze(False)
        for daemon in self.world.daemons:
            if daemon.poll() is None:
                daemon.kill()
                daemon.wait()
        self.standby.close()
        self.primary.close()

    def configure(self, more=""):
        conninfo = (f"host={self.primary.socket},{self.standby.socket} user=postgres dbname={self.name}"
                    f" target_session_attrs=read-write connect_timeout=2")
        self.world.configure(conninfo=conninfo + more, workers=1, metrics=f"\n  listen: {self.world.dir}/metrics\n  interval: 200ms")

    def standbys(self, names):
        with self.primary.connect() as c:
            c.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
            c.execute("SELECT pg_reload_conf()")

    def caught_up(self):
        with self.primary.connect() as c, self.standby.connect() as s:
            lsn, = c.execute("SELECT pg_current_wal_lsn()").fetchone()
            self.world.until(lambda: s.execute("SELECT pg_last_wal_replay_lsn() >= %s", (lsn,)).fetchone()[0], "the standby")

    def freeze(self, how):
        pid = self.primary.server.pid
        if how:
            children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            self.frozen = [pid, *map(int, children)]
        for one in self.frozen:
            try:
                os.kill(one, signal.SIGSTOP if how else signal.SIGCONT)
            except ProcessLookupError:
                pass

    def metric(self, name):
        return [float(line.rsplit(" ", 1)[1]) for line in get(self.world, "/metrics")[1].splitlines()
                if line.startswith(name) and line[len(name)] in " {"]


@pytest.fixture(scope="module")
def two(build):
    made = Two(build)
    try:
        yield made
    finally:
        made.close()


def test_the_same_over_tls(build, tmp_path):
    """A socket says nothing of what its library has decrypted already: the waits are others there."""
    for name in ("key", "crt"):
        (tmp_path / name).touch()
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=db", "-days", "2", "-keyout", tmp_path / "key",
                    "-out", tmp_path / "crt"], check=True, capture_output=True)
    key, crt = ((tmp_path / name).read_text() for name in ("key", "crt"))
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    server = pg.Cluster(start=False)
    try:
        for name, text in (("server.key", key), ("server.crt", crt)):
            (server.data / name).write_text(text)
            (server.data / name).chmod(0o600)
            if os.geteuid() == 0:
                shutil.chown(server.data / name, "postgres", "postgres")
        server.settings |= {"ssl": "on"}
        server.start()
        with server.connect() as c:
            c.execute("ALTER SYSTEM SET listen_addresses = '127.0.0.1'")
            c.execute(f"ALTER SYSTEM SET port = {port}")
        server.settings = {k: v for k, v in server.settings.items() if k not in ("listen_addresses", "port")}
        server.stop()
        tls = f"host=127.0.0.1 port={port} user=postgres sslmode=require dbname="
        server.conninfo = lambda database="postgres", user="postgres": tls + database
        server.start()
        with World(server, build) as world:
            world.drop("SKYLINE", *world.file("SKYLINE", world.unusual()))
            world.run()
            world.ctl("report", "--all")
            world.ctl("audit", "verify")
            world.oracle.check(world)
    finally:
        server.close()


def test_what_only_reads_reads_on_the_standby(two):
    world = two.world
    two.configure()
    world.drop("SKYLINE", *world.file("SKYLINE", world.unusual()))
    world.run()
    two.caught_up()
    standby = ("--database", f"host={two.standby.socket} user=postgres dbname={two.name}")
    for words in (("files",), ("holds",), ("overdue",), ("report", "--all"), ("audit", "head")):
        here, there = (json.loads(world.ctl(*more, *words, "--json").stdout) for more in ((), standby))
        for said in (here, there):
            said.pop("as_of", None)
            said.get("source", {}).pop("as_of", None)
        assert here == there, words
    assert "as of the primary's last change that it has, of 20" in world.ctl(*standby, "files").stderr
    proof = world.ctl(*standby, "audit", "verify")
    assert "kept files are looked at from the primary alone" in proof.stderr
    assert f"read from the standby {two.standby.socket}:5432: as of the last change that it has" in proof.stderr
    refused = world.ctl(*standby, "hold", "comment", "1", "no", check=False)
    assert refused.returncode == 6 and "read-only" in refused.stderr
    two.configure(f"\"\n  read: \"host={two.standby.socket} user=postgres dbname={two.name}")
    assert "read from the standby" in world.ctl("files").stderr
    assert "read from the standby" not in world.ctl("hold", "comment", "1", "on the primary").stderr


def test_nothing_is_posted_without_the_standby_that_is_required(two):
    world = two.world
    two.configure("\"\n  synchronous: \"required")
    daemon = world.start_daemon()
    world.drop("MERIDIAN", *world.file("MERIDIAN"))
    world.until(lambda: "database.synchronous is required" in daemon.log.read_text(), "the reason")
    assert get(world, "/readyz")[0] == 503
    two.standbys("*")
    world.until(lambda: "MERIDIAN" in str(world.query("SELECT partner FROM handback.files WHERE state = 'posted'")), "the file")
    world.until(lambda: two.metric("handback_database_synchronous") == [1], "the metric")
    # the standby goes while the daemon is connected
    two.standbys("")
    world.drop("AURORA", *world.file("AURORA"))
    world.until(lambda: get(world, "/readyz")[0] == 503, "that it is seen")
    assert "AURORA" not in str(world.query("SELECT partner FROM handback.files"))
    two.standbys("*")
    world.until(lambda: "AURORA" in str(world.query("SELECT partner FROM handback.files")), "the other file")
    assert world.stop_daemon() == 0


def test_a_frozen_primary_costs_seconds(two):
    """Its kernel acknowledges whatever is sent: only that it does not answer tells it from a busy one."""
    world = two.world
    two.configure()
    daemon = world.start_daemon()
    world.until(lambda: get(world, "/readyz")[0] == 200, "readiness")
    assert two.metric("handback_database_up") == [1] and two.metric("handback_database_timeline") == [1]
    two.freeze(True)
    began = time.monotonic()
    world.drop("SKYLINE", *world.file("SKYLINE", world.answers("SKYLINE", start=60), sequence=2))
    status = world.ctl("status")
    assert "could not be asked" in status.stdout and time.monotonic() - began < SECONDS
    while get(world, "/readyz")[0] == 200:
        assert time.monotonic() - began < SECONDS, daemon.log.read_text()
        time.sleep(0.2)
    assert two.metric("handback_workers_ready") == two.metric("handback_database_up") == [0]
    with two.standby.connect() as s:
        assert s.execute("SELECT pg_promote(true, 60)").fetchone()[0]
    world.database.cluster = two.standby
    world.until(lambda: get(world, "/readyz")[0] == 200, "the new primary")
    world.until(lambda: world.query("SELECT count(*) FROM handback.files WHERE partner = 'SKYLINE' AND state = 'posted'") == [(2,)],
                "the file on the new primary")
    for one in reversed(two.frozen):  # what follows need not wait for it
        os.kill(one, signal.SIGKILL)
    log = daemon.log.read_text()
    assert "gives no answer: the connection is given up" in log
    assert log.count("no worker has the database") == 1
    back, = [line for line in log.splitlines() if "the database is back" in line]
    assert f"server={two.standby.socket}:5432" in back and "timeline=2" in back and "away_ms=" in back
    assert two.metric("handback_database_timeline") == [2]
    assert f"{two.standby.socket}:5432" in world.ctl("status").stdout
    world.ctl("audit", "verify")
    assert world.stop_daemon() == 0

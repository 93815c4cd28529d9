#!/usr/bin/python3
"""Play faults of a replicated PostgreSQL while files come, and see that each was posted once.

    ./dev cluster                       all faults, a table with the pause that each costs
    ./dev cluster --fault switchover    one of them (also twice and more)
    ./dev cluster --print               the configuration that it runs, and nothing else

Three PostgreSQL under Patroni on loopback with one etcd, synchronous replication, and a handbackd of two workers whose conninfo names all
three; small files of one partner come all the time.  For each fault: the longest pause between two files that were decided, what the
daemon said, and at the end the count: each file posted once, no other, `audit verify` 0.  Everything lives in one scratch directory and
ends with this program.  It wants the packages patroni, etcd-server and a PostgreSQL server.
"""
import argparse
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import psycopg  # noqa: E402

import pg  # noqa: E402
from world import ROOT, World  # noqa: E402

PATRONI = """scope: handback
name: {name}
restapi: {{listen: "127.0.0.1:{rest}", connect_address: "127.0.0.1:{rest}"}}
etcd3: {{hosts: "127.0.0.1:{etcd}"}}
bootstrap:
  dcs:
    ttl: 20
    loop_wait: 5
    retry_timeout: 5
    synchronous_mode: true
    failsafe_mode: true
    maximum_lag_on_failover: 16777216
    postgresql:
      use_pg_rewind: true
      parameters: {{synchronous_commit: "on", wal_log_hints: "on", max_connections: 60}}
  initdb: [{{encoding: UTF8}}, data-checksums, no-locale]
postgresql:
  listen: 127.0.0.1:{port}
  connect_address: 127.0.0.1:{port}
  data_dir: {data}
  bin_dir: {bin}
  pgpass: {data}.pgpass
  authentication:
    superuser: {{username: postgres, password: postgres}}
    replication: {{username: replicator, password: replicator}}
  pg_hba: ["local all all trust", "host all all 127.0.0.1/32 trust", "host replication all 127.0.0.1/32 trust"]
  basebackup: [{{checkpoint: fast}}]
  parameters: {{unix_socket_directories: "{place}", shared_buffers: 32MB}}
"""
CONNINFO = "host={hosts} port={ports} user=postgres dbname={database} target_session_attrs=read-write connect_timeout=3 keepalives_idle=5 keepalives_interval=5"
EVERY_S = 0.4  # a file


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait(condition, what, seconds=90):
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(psycopg.Error, OSError, ValueError):
            found = condition()
            if found:
                return found
        if time.monotonic() > end:
            raise RuntimeError(f"waited {seconds} s for {what}")
        time.sleep(0.1)


class Node:
    def __init__(self, cluster, name):
        self.place, self.name = cluster.place / name, name
        self.port, self.rest = free_port(), free_port()
        self.place.mkdir()
        self.config = self.place / "patroni.yaml"
        self.config.write_text(PATRONI.format(name=name, rest=self.rest, etcd=cluster.etcd_port, port=self.port, data=self.place / "data",
                                              bin=pg.bin_dir(), place=self.place))
        if os.geteuid() == 0:
            for path in (self.place, self.config):
                shutil.chown(path, "postgres", "postgres")
        self.start()

    def start(self):
        with open(self.place / "log", "ab") as log:
            self.patroni = subprocess.Popen(pg.as_server_user("patroni", self.config), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/")

    def connect(self, database="postgres"):
        return psycopg.connect(f"host=127.0.0.1 port={self.port} user=postgres dbname={database} connect_timeout=2", autocommit=True)

    def is_primary(self):
        with self.connect() as c:
            return not c.execute("SELECT pg_is_in_recovery()").fetchone()[0]

    def postmaster(self):
        return int((self.place / "data/postmaster.pid").read_text().split()[0])

    def processes(self):
        """The postmaster and its children."""
        first = self.postmaster()
        return [first, *map(int, pathlib.Path(f"/proc/{first}/task/{first}/children").read_text().split())]

    def signal(self, how, patroni=False):
        for pid in ([self.patroni.pid] if patroni else []) + self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, how)


class Cluster:
    """What World wants of one: a database, and connections to whoever is primary."""

    def __init__(self, place):
        self.place, self.nodes = place, []
        self.etcd_port, peer = free_port(), free_port()
        with open(place / "etcd.log", "wb") as log:
            self.etcd = subprocess.Popen(["etcd", "--data-dir", place / "etcd", "--listen-client-urls", f"http://127.0.0.1:{self.etcd_port}",
                                          "--advertise-client-urls", f"http://127.0.0.1:{self.etcd_port}",
                                          "--listen-peer-urls", f"http://127.0.0.1:{peer}"], stdout=log, stderr=log)
        try:
            self.nodes.append(Node(self, "n1"))
            wait(self.nodes[0].is_primary, "the first primary", 25)
            self.nodes += [Node(self, "n2"), Node(self, "n3")]
            self.wait_whole()
        except RuntimeError:
            for log in (place / "etcd.log", *(node.place / "log" for node in self.nodes)):
                print(f"{log.parent.name}/{log.name}:\n{log.read_text(errors='replace')[-2000:]}", file=sys.stderr)
            self.close()
            raise

    def close(self):
        for node in self.nodes:
            with contextlib.suppress(OSError, ValueError):
                node.signal(signal.SIGCONT)
            node.patroni.send_signal(signal.SIGCONT)
            node.patroni.kill()
            with contextlib.suppress(OSError, ValueError):
                os.kill(node.postmaster(), signal.SIGQUIT)
            node.patroni.wait()
        self.etcd.kill()
        self.etcd.wait()

    def conninfo(self, database="handback", user="postgres"):
        return CONNINFO.format(hosts=",".join(["127.0.0.1"] * 3), ports=",".join(str(n.port) for n in self.nodes), database=database)

    def connect(self, database="postgres", user="postgres", **more):
        return psycopg.connect(self.conninfo(database), autocommit=True, **more)

    def administer(self, sql, *parameters):
        with self.connect() as c:
            c.execute(sql, parameters or None)

    def database(self):
        self.administer('CREATE DATABASE "handback" TEMPLATE template0')
        made = pg.Database(self, "handback")
        with made.connect() as c:
            pg.migrate(c)
        return made

    def primary(self):
        def look():
            for node in self.nodes:
                with contextlib.suppress(psycopg.Error):
                    if node.is_primary():
                        return node
            return None
        return wait(look, "a primary")

    def standbys(self):
        first = self.primary()
        return [n for n in self.nodes if n is not first]

    def members(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.nodes[0].rest}/cluster", timeout=3) as r:
            return json.load(r)["members"]

    def wait_whole(self):
        """A primary, and two standbys that stream from it, one of them synchronous."""
        def whole():
            with self.connect() as c:
                rows = c.execute("SELECT sync_state FROM pg_stat_replication WHERE state = 'streaming'").fetchall()
                names, = c.execute("SHOW synchronous_standby_names").fetchone()
            return len(rows) == 2 and names and ("sync",) in rows
        wait(whole, "two standbys, one synchronous", 180)


# ---------------------------------------------------------------- faults

def kill_postmaster(cluster):
    """kill -9 of the primary's postmaster; Patroni lives"""
    os.kill(cluster.primary().postmaster(), signal.SIGKILL)


def lose_node(cluster):
    """kill -9 of postmaster and Patroni"""
    node = cluster.primary()
    node.patroni.kill()
    os.kill(node.postmaster(), signal.SIGKILL)
    node.patroni.wait()
    time.sleep(30)
    node.start()


def switchover(cluster):
    """patronictl switchover"""
    first = cluster.primary()
    request = urllib.request.Request(f"http://127.0.0.1:{first.rest}/switchover", json.dumps({"leader": first.name}).encode(), method="POST")
    with contextlib.suppress(OSError):
        urllib.request.urlopen(request, timeout=60).read()


def freeze_primary(cluster):
    """SIGSTOP of the primary and its Patroni for 45 s"""
    node = cluster.primary()
    node.signal(signal.SIGSTOP, patroni=True)
    time.sleep(45)
    os.kill(node.patroni.pid, signal.SIGCONT)
    node.signal(signal.SIGCONT)


def stop_standbys(cluster):
    """SIGSTOP of both standbys for 20 s"""
    both = cluster.standbys()
    for node in both:
        node.signal(signal.SIGSTOP)
    time.sleep(20)
    for node in both:
        node.signal(signal.SIGCONT)


def stop_etcd(cluster):
    """SIGSTOP of etcd for 30 s, failsafe_mode"""
    cluster.etcd.send_signal(signal.SIGSTOP)
    time.sleep(30)
    cluster.etcd.send_signal(signal.SIGCONT)


FAULTS = {"kill": kill_postmaster, "lost": lose_node, "switchover": switchover, "frozen": freeze_primary, "standbys": stop_standbys,
          "etcd": stop_etcd}


class Load(threading.Thread):
    """A partner that delivers a file of four records every EVERY_S seconds."""

    def __init__(self, world):
        super().__init__(daemon=True)
        self.world, self.names, self.ended = world, [], threading.Event()

    def run(self):
        while not self.ended.wait(EVERY_S):
            number = len(self.names) + 1
            name, data = self.world.file("SKYLINE", self.world.answers("SKYLINE", count=4, seed=number, start=number * 4 % 70), sequence=number)
            self.world.drop("SKYLINE", name, data)
            self.names.append(name)


def pause_between(world, since):
    """The longest time between two files decided since then, in seconds."""
    (longest,), = world.query("SELECT coalesce(extract(epoch FROM max(gap)), 0)::float8 FROM (SELECT decided_at - lag(decided_at) OVER (ORDER BY"
                              " decided_at) AS gap FROM handback.file WHERE decided_at >= to_timestamp(%s) - interval '3 s') g", since)
    return longest


def play(cluster, world, load, name):
    cluster.wait_whole()
    time.sleep(3)
    began, before, log = time.time(), len(load.names), world.daemons[-1].log.stat().st_size
    FAULTS[name](cluster)
    wait(lambda: world.files().get(load.names[-1]), "files to be posted again", 120)
    cluster.wait_whole()
    time.sleep(2)
    said = world.daemons[-1].log.read_text(errors="replace")[log:]
    away = [word for word in ("no worker has the database", "the database is back", "gives no answer", "waits for a synchronous standby",
                              "is served by another server") if word in said]
    return (name, FAULTS[name].__doc__, f"{pause_between(world, began):.1f} s", len(load.names) - before, "; ".join(away) or "nothing")


def count(world, load):
    """What the database has against what was delivered: lost, doubled, not posted."""
    have = world.query("SELECT convert_from(name, 'UTF8'), count(*), bool_and(state = 'posted') FROM handback.file GROUP BY 1")
    told = {name: (rows, posted) for name, rows, posted in have}
    return {"delivered": len(load.names), "lost": sum(n not in told for n in load.names),
            "doubled": sum(rows > 1 for rows, _ in told.values()), "not posted": sum(not posted for _, posted in told.values()),
            "audit verify": world.ctl("audit", "verify", check=False).returncode}


def run(build, faults):
    place = pathlib.Path(tempfile.mkdtemp(prefix="handback-cluster-", dir=pg.scratch()))
    place.chmod(0o755)
    cluster = world = None
    try:
        cluster = Cluster(place)
        world = World(cluster, build)
        world.configure(conninfo=cluster.conninfo(), workers=2, deadline="30s", metrics=f"\n  listen: {world.dir}/metrics")
        world.start_daemon()
        load = Load(world)
        load.start()
        wait(lambda: len(world.files()) > 2, "the first files")
        print("| fault | what is done | pause | files meanwhile | the log says |\n|---|---|---|---|---|", flush=True)
        for fault in faults:
            print("| " + " | ".join(map(str, play(cluster, world, load, fault))) + " |", flush=True)
        load.ended.set()
        load.join()
        world.wait_quiet(60)
        result = count(world, load)
        print("\n" + ", ".join(f"{key}: {value}" for key, value in result.items()))
        world.stop_daemon()
        return any(value for key, value in result.items() if key != "delivered")
    finally:
        if world is not None:
            for daemon in world.daemons:
                if daemon.poll() is None:
                    daemon.kill()
                    daemon.wait()
            shutil.rmtree(world.dir, ignore_errors=True)
        if cluster is not None:
            cluster.close()
        shutil.rmtree(place, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--fault", action="append", choices=FAULTS, help="this one; more than once for several")
    parser.add_argument("--print", action="store_true", help="the configuration of a node, and end")
    parser.add_argument("--build", default=os.environ.get("HANDBACK_BUILD", ROOT / "build"), type=pathlib.Path)
    options = parser.parse_args()
    if options.print:
        print(PATRONI.format(name="n1", rest=8008, etcd=2379, port=5432, data="/var/lib/postgresql/15/handback", bin=pg.bin_dir(), place="/run/postgresql"))
        return 0
    missing = [program for program in ("patroni", "etcd") if shutil.which(program) is None]
    if missing:
        print(f"not installed: {', '.join(missing)} (Debian: patroni etcd-server)", file=sys.stderr)
        return 2
    return int(run(options.build, options.fault or list(FAULTS)))


if __name__ == "__main__":
    sys.exit(main())

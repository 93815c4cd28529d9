"""The cluster, the databases and the running handback that the bench measures in."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
import uuid

import data
import measure

ROOT = pathlib.Path(__file__).resolve().parent.parent
OPPONENTS = ROOT / "bench" / "opponents"
sys.path.insert(0, str(ROOT / "tests/support"))
import pg  # noqa: E402  (the tests' private PostgreSQL)

SETTINGS = {
    # durable as everywhere: fsync, synchronous_commit and full_page_writes stay on
    "shared_buffers": "1GB", "max_wal_size": "8GB", "checkpoint_timeout": "30min",
    "track_commit_timestamp": "on",  # when exactly a file was committed
    "autovacuum": "off",             # the same work in each run
}


class Bench:
    def __init__(self, build, folder):
        self.build, self.folder = pathlib.Path(build).resolve(), pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.cluster = pg.Cluster(SETTINGS, on_disk=True)
        self.made = set()

    def close(self):
        self.cluster.close()

    # ------------------------------------------------------------ data

    def make_ledger(self, name, redemptions):
        db = self.cluster.database(name)
        with db.connect() as c:
            c.execute(data.LEDGER_SQL.replace("{m}", str(redemptions)))
            c.execute((OPPONENTS / "tables.sql").read_text())
            c.execute("RESET session_replication_role")
            c.execute("VACUUM (ANALYZE, FREEZE)")
        return db

    def ledger(self, redemptions):
        """The template database with a ledger of that many redemptions."""
        name = f"ledger_{redemptions}"
        if name not in self.made:
            self.make_ledger(name, redemptions)
            self.made.add(name)
        return name

    def forget(self, redemptions):
        """That template is not needed again: room for a larger one."""
        self.made.discard(f"ledger_{redemptions}")
        pg.Database(self.cluster, f"ledger_{redemptions}").drop()

    def copy_ledger(self, name, redemptions):
        template = self.ledger(redemptions)
        with self.cluster.connect() as c:
            strategy = " STRATEGY file_copy" if c.info.server_version >= 150000 else ""
            c.execute(f"CREATE DATABASE {name} TEMPLATE {template}{strategy}")
            c.execute(f"GRANT CREATE, CONNECT, TEMPORARY ON DATABASE {name} TO handback_owner")
            c.execute(f"GRANT CONNECT, TEMPORARY ON DATABASE {name} TO handback_daemon, handback_nightly, handback_verify, handback_operator")
        return pg.Database(self.cluster, name)

    @contextlib.contextmanager
    def database(self, redemptions, own=False):
        """A fresh ledger, everything cached and nothing left to write. own: used once, and no copy of a template."""
        db = self.make_ledger("run", redemptions) if own else self.copy_ledger("run", redemptions)
        with db.connect() as c:
            for table in ("ledger.entry", "ledger.member", "ledger.balance"):
                c.execute(f"SELECT count(*) FROM {table}")
            c.execute("SELECT count(*) FROM ledger.entry WHERE external_reference > '00000000-0000-0000-0000-000000000000'")
            c.execute("CHECKPOINT")
        try:
            yield db
        finally:
            db.drop()

    @staticmethod
    def history(db, first):
        """Years of answers: every redemption before the first is confirmed."""
        with db.connect() as c:
            c.execute((OPPONENTS / "history.sql").read_text().replace("{before}", str(first)))
            c.execute("VACUUM (ANALYZE) handback.outcome")
            c.execute("VACUUM (ANALYZE) handback.file")
            c.execute("CHECKPOINT")

    @contextlib.contextmanager
    def profiled(self, db, name):
        """Writes profile-NAME.txt: what each statement took in all, of the connections that are opened within."""
        with db.connect() as c:
            c.execute(f"ALTER DATABASE {db.name} SET log_min_duration_statement = 0")
        start = self.cluster.log.stat().st_size
        yield
        with open(self.cluster.log, encoding="utf-8", errors="replace") as log:
            log.seek(start)
            took = {}
            for ms, text in re.findall(r"duration: ([0-9.]+) ms  (?:statement|(?:parse|bind|execute) [^:]*): (.*)", log.read()):
                seen = took.setdefault(text[:110], [])
                seen.append(float(ms))
        lines = [f"{sum(t):10.1f} ms {len(t):7} times  {text}" for text, t in sorted(took.items(), key=lambda x: -sum(x[1]))]
        (self.folder / f"profile-{name}.txt").write_text("\n".join(lines) + "\n")

    def file(self, kind, first, count, sequence=1, shuffled=False):
        """A hand-back file of that kind, made once; names in the order of sequence."""
        path = self.folder / f"{kind}-{sequence:05}-{first}-{count}{'-shuffled' if shuffled else ''}{data.SUFFIX[kind]}"
        if not path.exists():
            part = path.with_suffix(".part")
            data.WRITERS[kind](part, data.records(first, count, shuffled), sequence)
            part.rename(path)
        return path

    def decoded(self, first, count):
        """The same records as a binary COPY file, for the reference."""
        path = self.folder / f"decoded-{first}-{count}.copy"
        if not path.exists():
            part = path.with_suffix(".part")
            with open(part, "wb") as f:
                f.write(b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0))
                for n, (ref, who, pts, status, reason) in enumerate(data.records(first, count), 1):
                    member, why = who.encode(), reason.encode()
                    f.write(struct.pack(">hiqiqii", 8, 8, n, 8, n * 84, 4, 84) + struct.pack(">i", 16) + uuid.UUID(ref).bytes
                            + struct.pack(">i", len(member)) + member + struct.pack(">iqih", 8, pts, 2, 1 if status == "OK" else 4)
                            + (struct.pack(">i", len(why)) + why if why else struct.pack(">i", -1)))
                f.write(struct.pack(">h", -1))
            part.rename(path)
            path.chmod(0o644)
        return path

    # ------------------------------------------------------------ opponents

    def psql(self, db, script, **variables):
        self.without_guards(db)
        argv = ["psql", "-X", "-q", "-d", db.conninfo(), "-f", str(OPPONENTS / script)]
        for key, value in variables.items():
            argv += ["-v", f"{key}='{value}'"]
        os.chdir(OPPONENTS)
        return measure.run(argv, self.cluster.server.pid)

    def reference(self, db, first, count):
        return self.psql(db, "reference.sql", stage=self.decoded(first, count))

    def script(self, db, first, count):
        return self.psql(db, "script.sql", file=self.file("delimited", first, count))

    @staticmethod
    def without_guards(db):
        """
        Opponents keep balances themselves, and the schema's triggers are off for them: what handback's own postings
        go through (member, points and balance of each checked, append-only) costs them nothing. In their favour.
        """
        with db.connect() as c:
            for table in ("ledger.entry", "ledger.balance"):
                c.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")

    def python(self, how, db, first, count):
        self.without_guards(db)
        return measure.run(["/usr/bin/python3", str(OPPONENTS / "rows.py"), how, db.conninfo(),
                            str(self.file("delimited", first, count))], self.cluster.server.pid)

    def pgloader(self, db, first, count):
        with db.connect() as c:
            c.execute("CREATE TABLE bench.raw (line bigserial PRIMARY KEY, type text, reference text, booking text, "
                      "member text, points text, status text, reason text, date text)")
        load = self.folder / "pgloader.load"
        uri = f"postgresql://postgres@unix:{self.cluster.socket}:5432/{db.name}"
        load.write_text((OPPONENTS / "pgloader.load").read_text().format(
            file=self.file("delimited", first, count), uri=uri))
        loaded = measure.run(["pgloader", "--root-dir", str(self.folder / "pgloader"), str(load)], self.cluster.server.pid)
        decided = self.psql(db, "decide_plain.sql")
        with db.connect() as c:
            assert c.execute("SELECT count(*) FROM bench.outcome").fetchone()[0] == count
        return measure.Took(loaded.seconds + decided.seconds, loaded.cpu + decided.cpu, loaded.peak)


class Handback:
    """handbackd on a database, warm, with one inbound directory for each kind of file."""

    KINDS = {"delimited": "*.csv", "fixed": "*.txt", "xml": "*.xml"}

    def __init__(self, bench, db):
        self.bench, self.db = bench, db
        self.dir = bench.folder / "handback"
        shutil.rmtree(self.dir, ignore_errors=True)
        self.inbound = {kind: self.dir / "in" / kind for kind in self.KINDS}
        for folder in self.inbound.values():
            folder.mkdir(parents=True)
        self.control = pathlib.Path("/tmp") / f"handback-bench-{os.getpid()}.sock"
        self.reads = db.conninfo("handback_verify")
        config = [f'database:\n  conninfo: "{db.conninfo("handback_daemon")}"',
                  f"spool: {self.dir}/spool", f"profiles: {ROOT}/bench/profiles", f"reports: {self.dir}/reports",
                  f"control: {self.control}", "settle: 0ms", "log_level: warning", "sources:"]
        for kind, folder in self.inbound.items():
            config += [f"  - name: {kind}", "    partner: BENCH", f"    directory: {folder}",
                       f"    profile: {kind}", f'    files: "{self.KINDS[kind]}"']
        self.config = self.dir / "handback.yaml"
        self.config.write_text("\n".join(config) + "\n")

    def __enter__(self):
        self.log = open(self.dir / "log", "wb")
        env = {**os.environ, "HANDBACK_LIBEXEC": os.environ.get("HANDBACK_LIBEXEC", "")}
        if not env["HANDBACK_LIBEXEC"]:
            del env["HANDBACK_LIBEXEC"]
        self.process = subprocess.Popen([str(self.bench.build / "daemon/handbackd"), "--config", str(self.config)],
                                        stderr=self.log, stdout=self.log, env=env)
        self.ask("wait", 30)
        self.look = self.db.connect()  # one for all questions: a session of its own for each would be measured, too
        said = (self.dir / "log").read_text()
        if "cannot be used" in said:  # it would wait for ever for a database that fits
            self.__exit__()
            raise RuntimeError(said[-3000:])
        return self

    def __exit__(self, *_):
        self.look.close()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        self.log.close()

    def ask(self, what, patience=10):
        """One request to the control socket; waits for the daemon to be there."""
        deadline = time.monotonic() + patience
        while True:
            try:
                with socket.socket(socket.AF_UNIX) as s:
                    s.settimeout(3600)
                    s.connect(str(self.control))
                    s.sendall(what.encode() + b"\n")
                    return s.makefile().readline()
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise RuntimeError((self.dir / "log").read_text()[-3000:])
                time.sleep(0.02)

    def drop(self, kind, path):
        """Move a file in; what it took from then (file closed and named) to its commit, processors until it was seen."""
        part = self.inbound[kind] / f".{path.name}"
        shutil.copyfile(path, part)
        os.sync()
        before = self.cpu()
        since = time.time()
        part.rename(self.inbound[kind] / path.name)
        committed = self.committed(path.name)
        return measure.Took(committed - since, self.cpu() - before)

    def cpu(self):
        return measure.cpu(self.process.pid) + measure.cpu(self.bench.cluster.server.pid)

    def committed(self, name, patience=1800):
        """When the decision on the file of that name was committed (audit heads never change)."""
        # the server keeps when it was: to ask sooner would only take processors from what is measured
        deadline, pause, ask = time.monotonic() + patience, 0.02, time.monotonic() + 30
        while time.monotonic() < deadline:
            time.sleep(pause)
            if time.monotonic() > ask:  # what fails is tried for ever: a bench would wait with it
                ask = time.monotonic() + 30
                if json.loads(self.ask("status"))["since_start"]["failed"]:
                    raise RuntimeError(f"{name} fails: {(self.dir / 'log').read_text()[-3000:]}")
            row = self.look.execute(
                "SELECT extract(epoch FROM pg_xact_commit_timestamp(h.xmin))::float8, f.state::text, f.hold_reason "
                "FROM handback.file f JOIN audit.head h USING (file_id) WHERE f.name = %s", (name.encode(),)).fetchone()
            if row:
                if row[1] != "posted":
                    raise RuntimeError(f"{name} was not posted but {row[1]}: {row[2]}")
                return row[0]
            pause = min(pause * 1.3, 0.05)
        raise RuntimeError(f"{name}: no decision; {json.dumps(self.ask('status'))}")

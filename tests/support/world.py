"""A scratch world: a database with a ledger, a spool, inbound directories of three partners, and the programs.

    with World(cluster, build) as world:
        world.drop("SKYLINE", "SKYLINE_20261118_000041.csv", data)
        world.run()                    # handbackctl run: all that is due, once
        world.oracle.check(world)

or world.start_daemon(), drop, world.wait_quiet(), world.stop_daemon().
"""
import datetime
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "fixtures"))

import generate  # noqa: E402
import layouts  # noqa: E402
from ledger import Ledger  # noqa: E402
from oracle import Oracle  # noqa: E402

PARTNERS = ("SKYLINE", "MERIDIAN", "AURORA")
DAEMON, CTL = "daemon/handbackd", "ctl/handbackctl"
OUTCOMES = ("confirmed", "reversed", "already_applied", "duplicate_record", "informational", "held")
NOTHING = dict.fromkeys(OUTCOMES, 0)
DAY = datetime.date(2026, 11, 18)


class World:
    def __init__(self, cluster, build, members=60, redemptions=240, seed=1, settings=None, place="/tmp"):
        self.build = build
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="handback-world-", dir=place))
        self.spool = self.dir / "spool"
        self.inbound = {p: self.dir / "inbound" / p.lower() for p in PARTNERS}
        for folder in self.inbound.values():
            folder.mkdir(parents=True)
        self.ledger = Ledger(seed, members, redemptions)
        self.oracle = Oracle(self.ledger)
        self.database = cluster.database()
        self.load(self.ledger)
        self.config = self.dir / "handback.yaml"
        self.configure(**(settings or {}))
        self.daemons = []

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.close(keep=kind is not None and "HANDBACK_KEEP" in os.environ)

    def close(self, keep=False):
        for daemon in self.daemons:
            if daemon.poll() is None:
                daemon.kill()
                daemon.wait()
        if keep:
            print(f"kept: {self.dir}, {self.database.conninfo()}")
            return
        self.database.drop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def load(self, ledger):
        with self.database.connect(autocommit=False) as c:
            copying, rows = None, []
            for line in ledger.sql():
                if copying is not None and line == "\\.":
                    with c.cursor().copy(copying) as copy:
                        copy.write("".join(row + "\n" for row in rows))
                    copying, rows = None, []
                elif copying is not None:
                    rows.append(line)
                elif line.startswith("COPY "):
                    copying = line.rstrip(";")
                elif line not in ("BEGIN;", "COMMIT;"):
                    c.execute(line)
            c.commit()

    def configure(self, conninfo=None, **settings):
        text = [f"database:\n  conninfo: \"{conninfo or self.database.conninfo()}\"",
                f"spool: {self.spool}", f"profiles: {ROOT / 'fixtures/profiles'}", f"reports: {self.dir / 'reports'}",
                f"control: {self.dir / 'control'}", "sources:"]
        text[-1:-1] = [f"{k}: {v}" for k, v in {"settle": "50ms", "rescan": "500ms", **settings}.items()]
        for partner, folder in self.inbound.items():
            text += [f"  - name: {partner.lower()}", f"    partner: {partner}", f"    profile: {partner.lower()}",
                     f"    directory: {folder}"]
        self.config.write_text("\n".join(text) + "\n", encoding="utf-8")

    def own_profiles(self):
        """The demo profiles in a folder of this world, where a test may change them; twice is once."""
        self.profiles = self.dir / "profiles"
        if not self.profiles.exists():
            shutil.copytree(ROOT / "fixtures/profiles", self.profiles)
        self.config.write_text(re.sub(r"^profiles: .*$", f"profiles: {self.profiles}", self.config.read_text(), flags=re.M))

    def want_rejects(self, partner, rule):
        """Has the partner's profile make files of rejects, in a copy of the profiles; where that is."""
        self.own_profiles()
        profile = self.profiles / f"{partner.lower()}.yaml"
        with open(profile, "a", encoding="utf-8") as out:
            out.write(f"answer: {{rejects: {rule}}}\n")
        return profile

    # what partners do

    def drop(self, partner, name, data, into=None):
        """Deliver a file by a rename into the inbound directory; told to the oracle unless it is another's."""
        self.oracle.delivered(into or partner, name, data)
        folder = self.inbound[into or partner]
        part = folder / f".{random.randrange(1 << 60):x}.part"
        part.write_bytes(data)
        part.rename(folder / name)

    def answers(self, partner, count=40, seed=1, start=0):
        """Usual answers to this partner's redemptions from start on."""
        return list(generate.usual(random.Random(seed), partner, self.ledger.of(partner)[start:start + count]))

    def unusual(self, partner="SKYLINE", foreign="AURORA"):
        """Usual answers and one of each thing that must not pass quietly: most of those are held."""
        mine = self.ledger.of(partner)
        return self.answers(partner) + list(generate.unusual(random.Random(2), partner, mine[40:60],
                                                             self.ledger.of(foreign)[-1]))

    def file(self, partner, answers=None, sequence=1, day=DAY, break_totals=0):
        """(name, bytes) of a file with these answers."""
        return layouts.WRITERS[partner](self.answers(partner) if answers is None else answers, day, sequence,
                                        break_totals)

    # the programs

    def environment(self, **more):
        return {**os.environ, "NO_COLOR": "1", "LC_ALL": "C.UTF-8", **more}

    def ctl(self, *arguments, check=True, timeout=60, **environment):
        done = subprocess.run([self.build / CTL, "--config", self.config, *map(str, arguments)], text=True,
                              env=self.environment(**environment), stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=timeout)
        if check and done.returncode != 0:
            raise AssertionError(f"handbackctl {arguments} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done

    def run(self, allowed=(0, 3), **more):
        """All that is due, once; 3 says that something is held."""
        done = self.ctl("run", check=False, **more)
        assert done.returncode in allowed, f"handbackctl run: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def start_daemon(self, prefix=(), wait=True, **environment):
        log = open(self.dir / f"daemon{len(self.daemons)}.log", "wb")
        daemon = subprocess.Popen([*prefix, self.build / DAEMON, "--config", self.config], stdin=subprocess.DEVNULL,
                                  stdout=log, stderr=log, env=self.environment(**environment))
        daemon.log = pathlib.Path(log.name)
        log.close()
        self.daemons.append(daemon)
        if wait:
            self.until(lambda: (self.dir / "control").exists() or daemon.poll() is not None, "the daemon to start")
            assert daemon.poll() is None, daemon.log.read_text(errors="replace")
        return daemon

    def stop_daemon(self, daemon=None, how=signal.SIGTERM, within=20):
        """Its exit status; how soon it goes, tests/daemon/test_stop.py asks."""
        daemon = daemon or self.daemons[-1]
        daemon.send_signal(how)
        return daemon.wait(within)

    def until(self, condition, what, seconds=20):
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                logs = "\n".join(d.log.read_text(errors="replace")[-3000:] for d in self.daemons)
                raise AssertionError(f"waited {seconds} s for {what}\n{logs}")
            time.sleep(0.02)

    def is_quiet(self):
        if any(p.is_file() and not p.name.startswith(".") for d in self.inbound.values() for p in d.iterdir()):
            return False
        with self.database.connect() as c:
            return c.execute("SELECT count(*) FROM handback.file WHERE archived_at IS NULL").fetchone()[0] == 0

    def wait_quiet(self, seconds=20):
        self.until(self.is_quiet, "all files to be taken and archived", seconds)

    # what there is to see

    def query(self, sql, *parameters):
        with self.database.connect() as c:
            return c.execute(sql, parameters).fetchall()

    def files(self):
        """{name: state} in the order taken; a name that was used twice shows its last."""
        return dict(self.query("SELECT convert_from(name, 'UTF8'), state::text FROM handback.file ORDER BY file_id"))

    def postings(self):
        return self.query("SELECT count(*) FROM ledger.entry WHERE category::text LIKE 'Redemption %%'")[0][0]

    def reasons(self):
        """{name of a quarantined file: text of its .reason}."""
        return {p.name[:-len(".reason")]: p.read_text() for p in (self.spool / "quarantine").glob("*.reason")}

    def report(self):
        """{file id: (records, {outcome: records}, {outcome: points}, difference)} as `handbackctl report` says it."""
        said = json.loads(self.ctl("report", "--all", "--json").stdout)
        points = {row["file"]: row for row in said["points"]}

        def by_outcome(row):
            return {word: row[word] for word in OUTCOMES if row[word]}
        return {row["file"]: (row["records"], by_outcome(row), by_outcome(points.get(row["file"], NOTHING)),
                              row["difference"]) for row in said["files"]}

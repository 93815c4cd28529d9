"""The database goes away at every message, says no, fills up, fails over: nothing is lost, nothing is posted twice, the
fault is named, and the work goes on by itself."""
import concurrent.futures
import contextlib
import os
import random
import signal
import subprocess
import threading
import time

import psycopg
import pytest

import pg
import proof
from case_table import case
from proxy import CUT, PASS, SENT, Proxy
from share import share
from worker import Desk

SEED = 20261121
EVERY = "HANDBACK_EVERY_MESSAGE" in os.environ  # some minutes: HANDBACK_EVERY_MESSAGE=1 ./dev test database_faults
CUTS = {False: (share(15, 6), share(10, 6)), True: (3, share(8, 5))}  # else of a posted and of a held file: before it is decided, and from then on
PATIENCE = 30  # seconds until a file must have been decided once the fault is over
EXIT_UNAVAILABLE = 6
ROLE = "handback_daemon"
UNKNOWN = "00000000-0000-0000-0000-000000000000"

STATE = """
SELECT f.state::text, f.hold_reason, f.records, f.bytes, f.archived_at IS NOT NULL,
       (SELECT count(*) FROM audit.head h WHERE h.file_id = f.file_id),
       ARRAY(SELECT (o.record_no, o.revision, n.name, o.hold_reason, o.points)::text FROM handback.outcome o
               JOIN handback.outcome_name n USING (outcome) WHERE o.file_id = f.file_id ORDER BY o.record_no, o.revision),
       ARRAY(SELECT (n.name, t.records, t.points)::text FROM handback.tie_out t
               JOIN handback.outcome_name n USING (outcome) WHERE t.file_id = f.file_id ORDER BY t.outcome),
       ARRAY(SELECT c.name FROM handback.control c WHERE c.file_id = f.file_id ORDER BY c.name),
       ARRAY(SELECT r.rule FROM handback.refusal r WHERE r.file_id = f.file_id ORDER BY r.n)
  FROM handback.file f WHERE f.name = %s
"""


class Partner:
    """One whose files each answer four redemptions: one to confirm, one to reverse, one to hold, one that nobody knows."""

    def __init__(self, database, build, conninfo=None):
        self.desk = Desk(database, build, conninfo=conninfo, start=False)
        self.names = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.desk.close()

    def drop(self, held=False):
        """A new file in the inbound directory: its name."""
        key = f"F{len(self.names) + 1}"
        for what in ("ok", "no", "fraud"):
            self.desk.redeem(f"{key}-{what}")
        name = f"AIR_{len(self.names) + 1:06d}.csv"
        answers = [(f"{key}-ok", "OK"), (f"{key}-no", "KO", {"Reason": "FULL"}), (f"{key}-fraud", "KO", {"Reason": "FRAUD"}),
                   (UNKNOWN, "OK")]
        self.desk.drop(name, self.desk.file(answers, points=1 if held else None))
        self.names.append(name)
        return name

    def start(self):
        """A worker that is ready; one that cannot have the database says so and is started again, as handbackd does."""
        deadline = time.monotonic() + PATIENCE
        while True:
            worker = self.desk.start(wait=False)
            said = worker.receive(PATIENCE)
            if said:
                assert said[0] == "ready", said
                return
            assert worker.process.wait(10) == EXIT_UNAVAILABLE and time.monotonic() < deadline, self.desk.log()
            worker.close()
            time.sleep(0.02)

    def stop(self):
        if self.desk.worker:
            assert self.desk.worker.close() == 0, self.desk.log()
            self.desk.worker = None

    def take(self, name):
        """The file is given to the worker until it is done; what was said on the way."""
        said, deadline = [], time.monotonic() + PATIENCE
        while True:
            reply = self.desk.take(name, PATIENCE)
            if reply["end"] == "ready":  # the database came back after a job that it had cost
                reply = self.desk.worker.answer(PATIENCE)
            if reply["end"] == "done":
                return said
            said.append(reply)
            if reply["end"] == "gone" and not (self.desk.inbound / name).exists():
                return said
            assert time.monotonic() < deadline, f"{name} is never done: {said[-3:]}\n{self.desk.log()[-2000:]}"
            time.sleep(0.02)

    def state(self, name):
        """What there is of a file: it must not depend on what happened on the way."""
        rows = self.desk.query(STATE, name.encode())
        assert len(rows) == 1, f"{name} has {len(rows)} rows"
        key = f"F{int(name[4:10])}"
        reversed_, = self.desk.query("""SELECT count(*), count(DISTINCT r.redemption_id) FROM ledger.reversal r
                                          JOIN ledger.redemption d USING (redemption_id)
                                         WHERE d.external_reference = ANY (%s::uuid[])""",
                                     [self.desk.references[f"{key}-{what}"] for what in ("ok", "no", "fraud")])
        kept = self.desk.query("SELECT archived_as FROM handback.file WHERE name = %s", name.encode())[0][0]
        assert kept and (self.desk.spool / kept).is_file(), f"{name} is not in the archive: {kept}"
        assert not (self.desk.inbound / name).exists(), f"{name} is still there"
        return (*rows[0], *reversed_)

    def kept(self):
        return [p for folder in ("archive", "quarantine") for p in (self.desk.spool / folder).rglob("*")
                if p.is_file() and p.suffix != ".reason"]

    def check(self):
        """Over all: one archived file for each that came, balances that fit, and a proof that does."""
        assert not [*(self.desk.spool / "work").iterdir()], "copies are left in the spool"
        kept = self.kept()
        assert len(kept) == len(self.names), f"{len(kept)} files are kept of {len(self.names)}"
        back, = self.desk.query("SELECT count(*) FROM ledger.reversal")[0]
        assert self.desk.balance() == 100 * back
        assert not proof.differences(self.desk.db)


@pytest.fixture(scope="module")
def server():
    """A cluster that may be stopped and set otherwise."""
    made = pg.Cluster()
    yield made
    made.close()


@pytest.fixture
def mine(server, build, tmp_path_factory):
    """As scene, on that cluster; the worker logs in as the daemon's role."""
    database, folder = server.database(), tmp_path_factory.mktemp("proxy")
    with Proxy(server, folder) as proxy, Partner(database, build, proxy.conninfo(database.name, ROLE)) as partner:
        yield partner, proxy, server
    database.drop()


@pytest.fixture
def scene(cluster, build, database, tmp_path_factory):
    """A partner and the proxy that its worker's connections go through."""
    folder = tmp_path_factory.mktemp("proxy")
    with Proxy(cluster, folder) as proxy, Partner(database, build, proxy.conninfo(database.name)) as partner:
        yield partner, proxy


def undisturbed(partner, proxy, held=False):
    """(the state that every file shall have, the messages of a connection that is opened and takes one file)"""
    partner.start()
    partner.take(partner.drop(held))  # the first file of all makes the partner known
    name = partner.drop(held)
    proxy.cut()
    proxy.on(None)
    assert partner.take(name) == []
    return partner.state(name), proxy.messages()


@case("connection cut at every message of a file's posting")
@pytest.mark.parametrize("held", [False, True], ids=["posted", "held"])
def test_cut_at_every_message(scene, held):
    partner, proxy = scene
    expected, messages = undisturbed(partner, proxy, held)
    # until it is decided a file that will be held is as any other: fewer of those will do
    decided = messages.index(("client", "Q"), messages.index(("client", "c")))
    numbers = range(1, len(messages) + 1)
    if not EVERY:
        before, after = CUTS[held]
        dice = random.Random(SEED)
        early, late = numbers[:decided - 1], numbers[decided - 1:]
        numbers = sorted(dice.sample(early, before) + dice.sample(late, min(after, len(late))))
    for number in numbers:
        name = partner.drop(held)
        proxy.cut()  # so that each begins with a connection of its own
        proxy.at(number, lambda m: CUT)
        partner.take(name)
        assert partner.state(name) == expected, f"cut at message {number}, {messages[number - 1]}"
    partner.check()
    return f"{len(numbers)} of {len(messages)} messages" + ("" if EVERY else f", seed {SEED}")


@case("connection cut twice, by seed")
def test_cut_and_cut_again(scene):
    partner, proxy = scene
    expected, messages = undisturbed(partner, proxy)
    dice, runs = random.Random(SEED), 30 if EVERY else share(6, 3)
    for _ in range(runs):
        name = partner.drop()
        first = dice.randint(1, len(messages))
        both = {first, first + dice.randint(1, len(messages))}
        proxy.cut()
        proxy.on(lambda m: CUT if m.number in both else PASS)
        partner.take(name)
        assert partner.state(name) == expected, f"cut at messages {both}"
    partner.check()
    return f"{runs} runs of seed {SEED}"


@case("a worker that starts while the database goes away")
def test_cut_while_a_worker_starts(scene):
    partner, proxy = scene
    expected, messages = undisturbed(partner, proxy)
    partner.stop()
    first = next(n for n, (sender, kind) in enumerate(messages, 1) if (sender, kind) == ("server", "Z"))
    for number in (1, 2, first, first + 1, first + 8, first + 30):
        name = partner.drop()
        proxy.at(number, lambda m: CUT)
        partner.start()
        partner.take(name)
        partner.stop()
        assert partner.state(name) == expected, f"cut at message {number}"
    partner.check()


def is_commit(message):
    return (message.sender, message.kind, message.payload) == ("client", "Q", b"COMMIT\0")


def is_committed(message):
    return (message.sender, message.kind, message.payload) == ("server", "C", b"COMMIT\0")


@case("COMMIT in doubt")
@pytest.mark.parametrize("held", [False, True], ids=["posted", "held"])
def test_commit_in_doubt(scene, held):
    """Not sent, sent and nobody waited, done and not told: each is found out before anything else is done."""
    partner, proxy = scene
    expected, _ = undisturbed(partner, proxy, held)
    for rule in [lambda m: CUT if is_commit(m) else PASS] + 10 * [lambda m: SENT if is_commit(m) else PASS] + \
            2 * [lambda m: CUT if is_committed(m) else PASS]:
        name, met = partner.drop(held), []

        def once(m, rule=rule, met=met):
            what = PASS if met else rule(m)
            if what is not PASS:
                met.append(m)
            return what
        proxy.on(once)
        # the session that was cut may still own the file until the server sees that it has gone
        assert {reply["end"] for reply in partner.take(name)} <= {"gone"}
        assert met and partner.state(name) == expected
    partner.check()


# ---------------------------------------------------------------- the server's own troubles, put at a message

def moments(messages, count):
    """Some of a file's messages, by seed, after those of the connection's start."""
    first = next(n for n, (sender, kind) in enumerate(messages, 1) if (sender, kind) == ("server", "Z"))
    return sorted(random.Random(SEED).sample(range(first + 1, len(messages) + 1), count))


def strike(partner, proxy, messages, count, fault, more=None):
    """A file for each of so many moments: fault() there, and then more(message) until the file is done."""
    said = []
    for number in moments(messages, count):
        name = partner.drop()
        proxy.cut()

        def rule(m, number=number):
            if m.number == number:
                fault()
            return more(m) or PASS if more and m.number > number else PASS
        proxy.on(rule)
        said.append((name, number, partner.take(name)))
        proxy.on(None)
    return said


def terminate(server):
    with server.connect() as c:
        c.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'handback-reconcile'")


@case("pg_terminate_backend at moments by seed")
def test_backends_are_terminated(mine):
    partner, proxy, server = mine
    expected, messages = undisturbed(partner, proxy)
    for name, number, _ in strike(partner, proxy, messages, share(15, 8), lambda: terminate(server)):
        assert partner.state(name) == expected, f"terminated at message {number}, {messages[number - 1]}"
    partner.check()


@case("the server stopped at once, and started again")
def test_the_server_is_stopped_at_once(mine):
    partner, proxy, server = mine
    expected, messages = undisturbed(partner, proxy)
    partner.desk.db.close()
    for number in moments(messages, share(4, 3)):
        with server.connect(partner.desk.database.name) as partner.desk.db:
            name = partner.drop()
        proxy.cut()
        stopped = threading.Event()

        def rule(m, number=number, stopped=stopped):
            if m.number == number:
                server.stop(signal.SIGQUIT)
                stopped.set()
            return PASS
        proxy.on(rule)
        # the server dies with the thread that started it, which so must be this one
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            taken = pool.submit(partner.take, name)
            assert stopped.wait(PATIENCE)
            time.sleep(0.3)
            server.start()
            said = taken.result()
        partner.desk.db = server.connect(partner.desk.database.name)
        assert partner.state(name) == expected, f"stopped at message {number}, {messages[number - 1]}"
        assert not said or "connect" in said[0]["why"] or "terminat" in said[0]["why"], said
    partner.check()


def crash(server):
    """The server dies as by an accident, its postmaster with it."""
    server.stop(signal.SIGQUIT)


def crash_within(server):
    """A backend is killed: the server starts again by itself, under the same postmaster."""
    with server.connect() as c:
        pid, = c.execute("SELECT pid FROM pg_stat_activity WHERE application_name = 'handback-reconcile'").fetchone()
        os.kill(pid, signal.SIGKILL)
        try:
            while True:  # until this session is ended, too
                c.execute("SELECT 1")
                time.sleep(0.01)
        except psycopg.OperationalError:
            pass


def burn_numbers(server, count=50):
    """So many transactions of other people, each committed."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with server.connect() as c:
                for _ in range(count):
                    c.execute("SELECT pg_current_xact_id()")
                return
        except psycopg.OperationalError:
            assert time.monotonic() < deadline
            time.sleep(0.02)


@case("a number that a crashed server gives again")
@pytest.mark.parametrize("fault", [crash, crash_within])
def test_a_number_that_is_given_again(mine, fault):
    """COMMIT did not take place, and then another's transaction of the same number did."""
    partner, proxy, server = mine
    expected, _ = undisturbed(partner, proxy)
    with server.connect() as c:  # nothing of the transaction is durable before its COMMIT
        c.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")
        c.execute("SELECT pg_reload_conf()")
    name, over, away = partner.drop(), threading.Event(), threading.Event()
    partner.desk.db.close()

    def rule(m):
        if is_commit(m) and not over.is_set():
            fault(server)
            over.set()
            return CUT
        return CUT if m.kind == "startup" and over.is_set() and not away.is_set() else PASS
    proxy.on(rule)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        taken = pool.submit(partner.take, name)
        assert over.wait(PATIENCE)
        if fault is crash:
            server.start()
        burn_numbers(server)
        away.set()
        taken.result()
    partner.desk.db = server.connect(partner.desk.database.name)
    assert partner.state(name) == expected
    partner.check()


@case("read-only (default_transaction_read_only)")
def test_a_database_that_became_read_only(mine):
    partner, proxy, server = mine
    expected, messages = undisturbed(partner, proxy)
    name = partner.desk.database.name
    tries = []

    def fault():
        tries.clear()
        with server.connect() as c:
            c.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        terminate(server)

    def more(message):
        if message.kind == "startup":
            tries.append(message)
        if len(tries) == 3:
            tries.clear()
            with server.connect() as c:
                c.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    for file, number, said in strike(partner, proxy, messages, 4, fault, more):
        assert partner.state(file) == expected, f"read-only from message {number} on"
    assert "read-only" in partner.desk.log(), partner.desk.log()
    partner.check()


@case("too many connections")
def test_no_connection_is_left(mine):
    partner, proxy, server = mine
    expected, messages = undisturbed(partner, proxy)
    tries = []

    def limit(count):
        with server.connect() as c:
            c.execute(f"ALTER ROLE {ROLE} CONNECTION LIMIT {count}")

    def fault():
        tries.clear()
        limit(0)
        terminate(server)

    def more(message):
        if message.kind == "startup":
            tries.append(message)
        if len(tries) == 3:
            tries.clear()
            limit(-1)
    for file, number, said in strike(partner, proxy, messages, 4, fault, more):
        limit(-1)  # also where the file was done before anybody connected again
        assert partner.state(file) == expected, f"no connection from message {number} on"
    assert "too many connections for role" in partner.desk.log(), partner.desk.log()
    partner.check()


@case("lock_timeout and statement_timeout")
@pytest.mark.parametrize("setting, shorter, sqlstate, said_so",
                         [(b"'30s'", b"'1s '", b"55P03", None), (b"'30min'", b"'300ms'", b"57014", "statement timeout")],
                         ids=["lock", "statement"])
def test_a_rival_that_holds_its_lock(mine, setting, shorter, sqlstate, said_so):
    """The limits that every connection sets itself, shortened on their way; the rival goes when it was waited for twice."""
    partner, proxy, server = mine
    expected, _ = undisturbed(partner, proxy)
    name, met = partner.drop(), []
    proxy.cut()
    with server.connect(partner.desk.database.name) as rival:
        rival.execute("BEGIN; LOCK TABLE ledger.entry IN EXCLUSIVE MODE")

        def rule(m):
            if m.sender == "server" and m.kind == "E" and sqlstate in m.payload:
                met.append(m)
                if len(met) == 2:
                    rival.execute("ROLLBACK")
            assert len(setting) == len(shorter)
            return m.raw.replace(setting, shorter) if m.sender == "client" and setting in m.raw else PASS
        proxy.on(rule)
        said = partner.take(name)
    assert len(met) == 2, met
    assert said_so is None or any(said_so in reply["why"] for reply in said), said
    assert partner.state(name) == expected
    partner.check()


@case("disk full")
@pytest.mark.parametrize("what", ["tables", "work"])
def test_the_disk_is_full(mine, what):
    partner, proxy, server = mine
    expected, _ = undisturbed(partner, proxy)
    small, database = server.dir / f"small-{what}", partner.desk.database.name
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", small], capture_output=True).returncode != 0:
        pytest.skip("a file system of a set size cannot be mounted here")
    try:
        subprocess.run(["chown", pg.server_user(), small], check=True)
        with server.connect(database) as c:
            c.execute(f"CREATE TABLESPACE small_{what} LOCATION '{small}'")
            if what == "tables":  # where every row needs room of its own
                c.execute("ALTER TABLE handback.outcome SET (fillfactor = 10)")
                c.execute(f"ALTER TABLE handback.outcome SET TABLESPACE small_{what}")
            else:
                c.execute(f"GRANT CREATE ON TABLESPACE small_{what} TO {ROLE}")
                c.execute(f"ALTER DATABASE {database} SET temp_tablespaces = small_{what}")
        names = [partner.drop() for _ in range(3)]
        proxy.cut()
        with open(small / "full", "wb", buffering=0) as full:
            with pytest.raises(OSError):
                while full.write(bytes(4096)):
                    pass
        reply = partner.desk.take(names[0], PATIENCE)
        assert reply["end"] == "failed" and "No space left on device" in reply["why"], reply
        (small / "full").unlink()
        for name in names:
            partner.take(name)
            assert partner.state(name) == expected
        partner.check()
        with server.connect(database) as c:
            c.execute(f"ALTER DATABASE {database} RESET temp_tablespaces")
    finally:
        partner.stop()
        partner.desk.db.close()
        partner.desk.database.drop()
        with server.connect() as c:
            c.execute(f"DROP TABLESPACE IF EXISTS small_{what}")
        subprocess.run(["umount", small], check=True)


# ---------------------------------------------------------------- replication

def set_standbys(server, names):
    with server.connect() as c:
        c.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
        c.execute("SELECT pg_reload_conf()")


@case("COMMIT that no standby confirmed")
def test_the_warning_of_a_cancelled_wait_is_a_doubt(mine):
    """Committed here is not committed for good: the file is not archived before a standby, or a person, says so."""
    partner, proxy, server = mine
    expected, _ = undisturbed(partner, proxy)
    name, warned = partner.drop(), []

    def cancel_the_wait():
        with server.connect() as c:
            while not c.execute("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'").fetchall():
                time.sleep(0.01)

    def rule(m):
        if is_commit(m) and not warned and not waiting.is_alive():
            waiting.start()
        if m.sender == "server" and m.kind == "N" and b"canceling wait for synchronous replication" in m.payload:
            warned.append(m)
        if m.kind == "startup" and warned:  # it asks: what it finds waits for nobody any more
            assert (partner.desk.inbound / name).exists(), "archived, and not replicated"
            set_standbys(server, "")
        return PASS
    waiting = threading.Thread(target=cancel_the_wait)
    set_standbys(server, "nobody")
    try:
        proxy.on(rule)
        assert partner.take(name) == []
    finally:
        set_standbys(server, "")
        waiting.join(10)
    assert len(warned) == 1
    assert partner.state(name) == expected
    partner.check()


@case("decided by a worker that died while its COMMIT waited for a standby")
def test_what_no_standby_confirmed_is_not_taken_up(mine):
    """Its row is seen, and a failover would take it back: the original stays until a standby has it."""
    partner, proxy, server = mine
    expected, _ = undisturbed(partner, proxy)
    name, desk = partner.drop(), partner.desk
    set_standbys(server, "nobody")
    try:
        with concurrent.futures.ThreadPoolExecutor(1) as pool, server.connect() as c:
            taken = pool.submit(desk.take, name, PATIENCE)
            while not c.execute("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'").fetchone():
                assert not taken.done()
                time.sleep(0.01)
            desk.worker.process.kill()
            c.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
            with contextlib.suppress(Exception):
                taken.result()
        desk.worker.close()
        seen, = desk.query("SELECT state, archived_at FROM handback.file WHERE name = %s", name.encode())
        assert seen == ("posted", None)
        desk.start(wait=False)
        deadline = time.monotonic() + PATIENCE
        while "the standby did not confirm it" not in desk.log():
            assert time.monotonic() < deadline, desk.log()
            time.sleep(0.05)
        assert (desk.inbound / name).exists() and len(partner.kept()) == len(partner.names) - 1
    finally:
        set_standbys(server, "")
    assert desk.worker.receive(PATIENCE)[0] == "ready"
    partner.take(name)
    assert partner.state(name) == expected
    partner.check()


def in_transaction(m):
    return m.sender == "server" and m.kind == "C" and m.payload == b"BEGIN\0"


MOMENTS = {"begun": in_transaction, "commit sent": is_commit, "committed and not told": is_committed,
           "noting the archive": lambda m: m.sender == "client" and m.kind == "P" and b"archived_at" in m.raw}


@case("the standby promoted in the middle of a posting")
@pytest.mark.parametrize("moment", MOMENTS)
def test_the_standby_takes_over(build, tmp_path_factory, moment):
    """A conninfo with both hosts is all that is set: what was acknowledged is there, the rest is done again, once."""
    primary = pg.Cluster()
    standby = None
    try:
        database, folder = primary.database("work"), tmp_path_factory.mktemp("proxy")
        standby = pg.Cluster(standby_of=primary)
        set_standbys(primary, "*")
        conninfo = f"host={folder},{standby.socket} user={ROLE} dbname=work target_session_attrs=read-write"
        with Proxy(primary, folder) as proxy, Partner(database, build, conninfo) as partner:
            expected, _ = undisturbed(partner, proxy)
            name, met = partner.drop(), []
            others = [partner.drop() for _ in range(2)]
            partner.desk.db.close()
            proxy.cut()

            def rule(m):
                if met or not MOMENTS[moment](m):
                    return PASS
                met.append(m)
                proxy.refuse()
                primary.stop(signal.SIGKILL if moment == "commit sent" else signal.SIGQUIT)
                with standby.connect() as c:
                    assert c.execute("SELECT pg_promote(true, 60)").fetchone()[0]
                return CUT
            proxy.on(rule)
            partner.take(name)
            for other in others:
                partner.take(other)
            assert met
            partner.desk.db = standby.connect("work")
            for file in (name, *others):
                assert partner.state(file) == expected, file
            partner.check()
    finally:
        for cluster in (standby, primary):
            if cluster:
                cluster.close()

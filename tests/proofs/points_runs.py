"""Points requests sent one by one, with random cuts of every kind, followed by the partner's hand-back file.

    /usr/bin/python3 -B tests/proofs/points_runs.py --build build --runs 10000 [--streams N] [--seed N] [--seconds N]
    /usr/bin/python3 -B tests/proofs/points_runs.py --build build --kills 300 [--seed N]

--runs: each run makes one to four requests and plays the program that sends them, on the functions that it calls: it is cut before and
behind each commit and each request, its connection is lost, what it sent arrives late, the partner answers by every kind of answer or by
none, the window passes, what waits goes by file. Each stream of runs has a database and a worker of its own for all of its runs, side by side;
where its seconds are over it ends with the runs that it has. --kills: handback-outbox and its senders are real and are killed at random, against a
partner that misbehaves. In the end the hand-back file says what the partner has; then nothing is unknown, nothing was sent under two
references or credited twice, no point is without an owner, and every batch is closed at zero.
"""
import argparse
import collections
import concurrent.futures
import pathlib
import random
import signal
import sys
import tempfile
import time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[n] / more) for n, more in ((1, "support"), (1, ""), (2, "fixtures"))]

TOGETHER = 50  # runs to one hand-back file
STREAMS = 2


class Cut(Exception):
    """The program is gone, with its connection."""


class Ledger:
    """A partner's own books and rules, and what is on its way to it."""

    def __init__(self):
        self.credited, self.seen, self.pending, self.verdicts, self.late = {}, {}, {}, {}, []
        self.idempotent = self.asks = self.missing_is_unsent = False
        self.judged = {"request": 0, "batch": 0, "points": 0}  # what was judged, and the points of it that are credited

    def change(self, dice):
        """Another partner, once all is settled with this one."""
        self.idempotent, self.asks = dice.random() < 0.5, dice.random() < 0.7
        self.missing_is_unsent = self.asks and not self.idempotent and dice.random() < 0.5

    def take(self, key, reference, points):
        self.seen.setdefault(key, set()).add(reference)
        verdict = self.verdicts[key]
        if verdict == "credited":
            self.credited.setdefault(key, []).append(points)
        elif verdict == "pending":
            self.pending[key] = points
        return verdict

    def arrive(self, key, reference, points):
        """The request is there: what the partner answers.  One that takes a reference once has it already."""
        if self.idempotent and key in self.seen:
            return "exists" if self.asks else self.verdicts[key]
        return self.take(key, reference, points)

    def decide(self, key):
        self.verdicts[key] = "credited"
        self.credited.setdefault(key, []).append(self.pending.pop(key))

    def land(self, of=None):
        """What was on its way arrives; what is missing was sent long enough ago for that."""
        for late in [x for x in self.late if of in (None, x[0])]:
            self.late.remove(late)
            self.arrive(*late)


class Run:
    """One run: requests, and a program that is cut."""

    def __init__(self, desk, seed, ledger):
        self.desk, self.dice, self.ledger, self.db = desk, random.Random(seed), ledger, desk.db
        self.session = None
        keys = [f"{seed}/{n}" for n in range(self.dice.randint(1, 4))]
        ledger.verdicts.update((key, self.dice.choice(("credited", "credited", "rejected", "pending"))) for key in keys)
        ask(desk, *((key, self.dice.randint(1, 9), self.dice.randint(1, 500)) for key in keys))

    def look(self, key):
        self.ledger.land(key)
        if key not in self.ledger.seen:
            return "missing"
        if key in self.ledger.pending and self.dice.random() < 0.3:
            self.ledger.decide(key)
        return self.ledger.verdicts[key]

    # ---- the program ----

    def cut(self, chance=0.12):
        if self.dice.random() < chance:
            self.leave()
            raise Cut

    def leave(self):
        """What a connection holds between transactions is gone with it: its locks.  A new one each time costs more than all else."""
        if self.dice.random() < 0.1:
            self.desk.spare.pop().close()
        else:
            self.session.execute("SELECT pg_advisory_unlock_all()")
        self.session = None

    def send(self, row):
        request, nth, n, what, o = row
        key = o["request_key"]
        if what == "ask":
            said = self.look(key) if self.dice.random() < 0.8 else "unknown"
        elif self.dice.random() < 0.15:
            said = "not_sent"
        elif self.dice.random() < 0.15:
            self.ledger.late.append((key, o["outbound_reference"], o["points"]))
            said = "unknown"
        elif self.dice.random() < 0.2:
            self.ledger.arrive(key, o["outbound_reference"], o["points"])
            said = "unknown"
        else:
            said = self.ledger.arrive(key, o["outbound_reference"], o["points"])
        self.cut()
        note = ("SELECT points.note_attempt(%s, %s, %s, %s, 200, NULL, NULL, NULL, %s, %s, 0)",
                (request, nth, n, said, self.ledger.idempotent, self.ledger.missing_is_unsent))
        if self.dice.random() < 0.05:  # it is noted, and the program does not hear of it
            self.session.execute(*note)
            self.cut(1)
        self.session.execute(*note)

    def turn(self):
        if self.session is None:
            session = connected(self.desk)
            if not session.execute("SELECT points.begin_requests('api')").fetchone()[0]:
                return  # the server has not seen yet that the last one is gone
            self.session = session
        window = 0 if self.dice.random() < 0.03 else 86400
        rows = self.session.execute("SELECT request, nth, n, what, object FROM points.claim_requests('api', 1, %s, %s, %s, %s)",
                                    (self.dice.randint(1, 8), self.ledger.asks, self.ledger.idempotent, window)).fetchall()
        for row in rows:
            self.cut(0.06)
            self.send(row)

    def by_file(self):
        """What certainly never left us goes by file."""
        batch = self.db.execute("SELECT points.open_batch(1, 'AIR', clock_timestamp())").fetchone()[0]
        if batch is None:
            return
        for key, reference, points in self.db.execute("SELECT request_key, outbound_reference, points FROM points.batch_rows(%s)", (batch,)).fetchall():
            assert key not in self.ledger.seen and key not in [x[0] for x in self.ledger.late], f"{key} went by file after it was sent"
            self.ledger.take(key, reference, points)
        self.db.execute("SELECT points.note_batch(%s, 'placed', 'f' || %s::text, 1, sha256('f'))", (batch, batch))

    def play(self):
        for _ in range(self.dice.randint(2, 7)):
            try:
                self.turn()
            except Cut:
                pass
            hurry(self.db)
        if self.session is not None:
            self.leave()
        if self.dice.random() < 0.4:
            self.by_file()


def connected(desk):
    """The program's connection, which it has again where it was not lost."""
    desk.spare = getattr(desk, "spare", [])
    if not desk.spare:
        desk.spare.append(desk.database.connect())
    return desk.spare[0]


def hurry(db):
    """What waits is due now."""
    db.execute("UPDATE points.unsettled SET next_at = clock_timestamp() WHERE next_at > clock_timestamp();"
               "UPDATE points.waiting SET retry_at = NULL WHERE retry_at IS NOT NULL")


def ask(desk, *requests):
    """(key, member, points) each, by one call."""
    from points import receive
    rows = [{"RequestKey": key, "RelationReference": f"M{member}", "PartnerMemberId": f"A{key}", "Partner": "AIR", "Points": points,
             "Reason": "Closed Won"} for key, member, points in requests]
    for _ in range(500):
        codes = receive(desk.db, *rows)
        assert set(codes) <= {"000", "busy"}, codes  # a claim has the balance now
        rows = [row for row, code in zip(rows, codes) if code == "busy"]
        if not rows:
            return
        time.sleep(0.01)
    raise AssertionError(f"{rows} are busy for ever")


def prepare(desk, connector):
    from points import terms
    from redemption_api import credential
    credential(desk.db)
    desk.db.execute("SELECT handback.add_target('api', 'P', %s)", (connector,))
    terms(desk.database, "AIR", account="stated", schedule="now", target="api")


CONNECTOR = """\
points:
  url: "https://partner.example/orders"
  record: {reference: "${outbound_reference}", points: "${points}"}
  answer: {status: {credited: [201]}}
"""


def settle(desk, ledger, dice):
    """The hand-back file: what the partner has of all that may have been sent."""
    # whatever the program left under way
    ledger.land()
    for key in list(ledger.pending):
        ledger.decide(key)
    session = connected(desk)
    while not session.execute("SELECT points.begin_requests('api')").fetchone()[0]:
        time.sleep(0.01)
    session.execute("SELECT pg_advisory_unlock_all()")
    rows = desk.query("SELECT r.request_key, d.external_reference, d.member, d.points FROM points.request r"
                      " JOIN ledger.redemption d ON d.redemption_id = r.entry_id JOIN points.sending s ON s.request_no = r.request_no"
                      " WHERE r.request_no > %s AND handback.redemption_state(r.entry_id) = 'open' GROUP BY 1, 2, 3, 4", ledger.judged["request"])
    answers = [(str(reference), "OK" if key in ledger.credited else "KO", {"Member": member, "Points": points}) for key, reference, member, points in rows]
    dice.shuffle(answers)
    if answers:
        done = desk.deliver(answers)
        assert done["state"] == "posted", desk.refusals(done["file"])
    desk.db.execute("SELECT points.close_batches()")


def judge(desk, ledger, since=None):
    """The oracle: [what is wrong].  since: of what came behind what was judged; None: of all that there is."""
    since = since or {"request": 0, "batch": 0, "points": 0}
    wrong, credited = [], since["points"]
    rows = desk.query("SELECT q.request_no, q.request_key, points.state_of(q.request_no), d.outbound_reference, q.points FROM points.request q"
                      " JOIN ledger.redemption d ON d.redemption_id = q.entry_id WHERE q.request_no > %s ORDER BY 1", since["request"])
    for number, key, state, reference, points in rows:
        has, seen = ledger.credited.get(key, []), ledger.seen.get(key, {reference})
        if state not in ("credited", "reversed"):
            wrong.append(f"{key} is {state}")
        if has != ([points] if state == "credited" else []):
            wrong.append(f"{key} is {state} with {points}, and the partner has {has}")
        if seen != {reference}:
            wrong.append(f"{key} was sent as {sorted(seen)}, and is {reference}")
        credited += points if state == "credited" else 0
    keys = {key for _, key, *_ in rows}
    wrong += [f"{key} is with the partner, and none of ours" for key in [*ledger.seen, *ledger.credited] if since["request"] == 0 and key not in keys]
    batches = desk.query("SELECT batch_no, ended_at IS NULL OR requested <> credited + reversed FROM points.batches WHERE batch_no > %s ORDER BY 1",
                         since["batch"])
    wrong += [f"batch {number} is open" for number, is_open in batches if is_open]
    wrong += [f"{n} unsettled" for n, in desk.query("SELECT count(*) FROM points.open_requests") if n]
    held, = desk.query("SELECT count(*) FROM handback.hold_now")[0]
    if held:
        wrong.append(f"{held} holds")
    total, = desk.query("SELECT sum(b.points) FROM ledger.balance b JOIN ledger.member m USING (member_id) WHERE m.programme_id = 1")[0]
    if total + credited != 9_000_000:
        wrong.append(f"{total + credited} points have an owner")
    ledger.judged = {"request": max([since["request"], *(r[0] for r in rows)]), "batch": max([since["batch"], *(b[0] for b in batches)]), "points": credited}
    return wrong


def model_runs(desk, runs, seed, until=None):
    """{what was seen: how often} over these runs, or as many as are over until then; raises at the first that is wrong."""
    ledger, dice, done = Ledger(), random.Random(seed), 0
    for first in range(seed, seed + runs, TOGETHER):
        if until is not None and time.monotonic() > until:
            break
        ledger.change(dice)
        for one in range(first, min(first + TOGETHER, seed + runs)):
            last = Run(desk, one, ledger)
            last.play()
        last.by_file()
        settle(desk, ledger, dice)
        wrong = judge(desk, ledger, ledger.judged)
        assert not wrong, (f"runs {first} to {first + TOGETHER}", wrong[:10])
        done = min(first + TOGETHER, seed + runs) - seed
        if done == TOGETHER:
            desk.db.execute("ANALYZE")  # as the server does by itself, after a minute
    wrong = judge(desk, ledger)
    assert not wrong, ("all runs", wrong[:10])
    return {"runs": done, "requests": desk.query("SELECT count(*) FROM points.request")[0][0],
            **{f"{what} {result or 'cut off'}": n for what, result, n in desk.query(
                "SELECT a.what, e.result, count(*) FROM points.attempt a LEFT JOIN points.attempt_end e USING (request_no, nth, n) GROUP BY 1, 2 ORDER BY 1, 2")},
            "sent again after it certainly was not sent": desk.query("SELECT count(*) FROM points.sending WHERE nth > 1")[0][0],
            "by file": desk.query("SELECT count(*) FROM points.sending s JOIN points.batch b USING (batch_no) WHERE b.target IS NULL")[0][0],
            "batches closed": desk.query("SELECT count(*) FROM points.batch_end")[0][0]}


# ---- real programs ----

def kill_runs(desk, build, folder, kills, seed, name):
    """A real outbox and real senders, killed; the partner misbehaves by itself."""
    import partners
    dice = random.Random(seed)
    with partners.KINDS[name][0]() as partner:
        connector = partners.shipped(name, partner, **({"ask:\n": "ask:\n    missing_after: 1s\n"} if name != "points-exchange" else {}))
        prepare(desk, connector)
        outbox = partners.Outbox(desk.database, build, folder, fake=False)
        (outbox.libexec / "handback-send").symlink_to(build / "outbound/send/handback-send")
        for credential_name, secret in partners.KINDS[name][1](partner).items():
            path = outbox.credentials / f"api.{credential_name}"
            path.write_text(secret, encoding="utf-8")
            path.chmod(0o600)
        asked = 0
        for _ in range(kills):
            for _ in range(dice.randint(0, 3)):
                ask(desk, (f"{seed}/{asked}", dice.randint(1, 9), dice.randint(1, 500)))
                asked += 1
            with partner.lock:
                partner.faults = [dice.choice(partners.FAULTS) for _ in range(dice.randint(0, 2))]
            hurry(desk.db)
            outbox.start()
            time.sleep(dice.uniform(0.05, 0.6))
            outbox.process.send_signal(signal.SIGKILL)
            outbox.process.wait()
        partner.faults = []
        outbox.start()
        outbox.wait(lambda: desk.query("SELECT count(*) FROM points.waiting") == [(0,)] or desk.db.execute(
            "UPDATE points.waiting SET retry_at = NULL") is None, 120)
        outbox.wait(lambda: desk.query("SELECT count(*) FROM points.unsettled WHERE state = 'sending'") == [(0,)], 120)
        outbox.kill()
        ledger, by_account = Ledger(), name == "points-exchange"
        keys = {f"A{key}" if by_account else reference: (key, reference) for key, reference in desk.query(
            "SELECT request_key, outbound_reference FROM points.requests")}
        for known, credited in partner.credits.items():
            key, reference = keys[known]
            ledger.credited[key], ledger.seen[key] = credited, {reference}
        settle(desk, ledger, dice)
        wrong = judge(desk, ledger)
        assert not wrong, wrong[:10]
        outbox.db.close()
        return {"requests": asked, "credited": len(ledger.credited), "unknown in between": desk.query(
            "SELECT count(*) FROM points.attempt_end WHERE result = 'unknown'")[0][0]}


# ---- runs side by side ----

class Server:
    """A cluster of another process."""

    def __init__(self, cluster):
        self.host = str(cluster.socket)

    def conninfo(self, database, user):
        return f"host={self.host} user={user} dbname={database}"


def stream(server, build, runs, seed, until):
    """One of them: a process with a database and a worker of its own."""
    import pg
    from worker import Desk
    with Desk(pg.Database(server, f"stream_{seed}"), build) as desk:
        prepare(desk, CONNECTOR)
        return model_runs(desk, runs, seed, until)


def streams(cluster, build, said):
    from operators import Operators
    until = time.monotonic() + said.seconds if said.seconds else None
    share = -(-said.runs // said.streams)
    firsts = range(said.seed, said.seed + said.runs, share)
    for first in firsts:
        Operators(cluster.database(f"stream_{first}")).close()  # whom all streams share
    total = collections.Counter()
    with concurrent.futures.ProcessPoolExecutor(said.streams) as pool:
        for seen in pool.map(stream, *zip(*((Server(cluster), build, min(share, said.seed + said.runs - first), first, until) for first in firsts))):
            total.update(seen)
    return dict(total)


def main():
    import pg
    from worker import Desk

    options = argparse.ArgumentParser()
    options.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build"))
    options.add_argument("--runs", type=int, default=0)
    options.add_argument("--kills", type=int, default=0)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--streams", type=int, default=STREAMS)
    options.add_argument("--seconds", type=int)
    said = options.parse_args()
    cluster = pg.Cluster()
    build = said.build.resolve()
    try:
        if said.runs:
            began = time.monotonic()
            seen = streams(cluster, build, said)
            print(f"from seed {said.seed}, {said.streams} streams: {seen['runs']} runs in {time.monotonic() - began:.0f} s, each settled; {seen}")
        if said.kills:
            for name in ("points-exchange", "fulfilment-order", "storefront-order"):
                database = cluster.database()
                with tempfile.TemporaryDirectory() as folder, Desk(database, build) as desk:
                    print(name, said.kills, "kills:", kill_runs(desk, build, pathlib.Path(folder), said.kills, said.seed, name))
    finally:
        cluster.close()


if __name__ == "__main__":
    main()

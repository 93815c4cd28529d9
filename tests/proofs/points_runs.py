"""Points requests sent one by one, with random cuts of every kind, followed by the partner's hand-back file.

    /usr/bin/python3 -B tests/proofs/points_runs.py --build build --runs 10000 [--seed N]
    /usr/bin/python3 -B tests/proofs/points_runs.py --build build --kills 300 [--seed N]

--runs: each run makes one to four requests and plays the program that sends them, on the functions that it calls: it is cut before and
behind each commit and each request, its connection is lost, what it sent arrives late, the partner answers by every kind of answer or by
none, the window passes, what waits goes by file. --kills: handback-outbox and its senders are real and are killed at random, against a
partner that misbehaves. In the end the hand-back file says what the partner has; then nothing is unknown, nothing was sent under two
references or credited twice, no point is without an owner, and every batch is closed at zero.
"""
import argparse
import pathlib
import random
import signal
import sys
import tempfile
import time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[n] / more) for n, more in ((1, "support"), (1, ""), (2, "fixtures"))]

TOGETHER = 25  # runs to one hand-back file


class Cut(Exception):
    """The program is gone, with its connection."""


class Ledger:
    """A partner's own books and rules, and what is on its way to it."""

    def __init__(self):
        self.credited, self.seen, self.pending, self.verdicts, self.late = {}, {}, set(), {}, []
        self.idempotent = self.asks = self.missing_is_unsent = False

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
            self.pending.add(key)
        return verdict

    def arrive(self, key, reference, points):
        """The request is there: what the partner answers.  One that takes a reference once has it already."""
        if self.idempotent and key in self.seen:
            return "exists" if self.asks else self.verdicts[key]
        return self.take(key, reference, points)

    def decide(self, key, points=0):
        self.pending.discard(key)
        self.verdicts[key] = "credited"
        self.credited.setdefault(key, []).append(points)

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
        for n in range(self.dice.randint(1, 4)):
            key = f"{seed}/{n}"
            ledger.verdicts[key] = self.dice.choice(("credited", "credited", "rejected", "pending"))
            ask(desk, key, self.dice.randint(1, 9), self.dice.randint(1, 500))

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
            self.session.close()
            self.session = None
            raise Cut

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
            self.session = self.desk.database.connect()
            if not self.session.execute("SELECT points.begin_requests('api')").fetchone()[0]:
                self.session.close()
                self.session = None
                return
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
            self.db.execute("UPDATE points.unsettled SET next_at = clock_timestamp() WHERE next_at IS NOT NULL")
            self.db.execute("UPDATE points.waiting SET retry_at = NULL")
        if self.session is not None:
            self.session.close()
        if self.dice.random() < 0.4:
            self.by_file()


def ask(desk, key, member, points):
    from points import receive
    row = {"RequestKey": key, "RelationReference": f"M{member}", "PartnerMemberId": f"A{key}", "Partner": "AIR", "Points": points, "Reason": "Closed Won"}
    for _ in range(500):
        code, = receive(desk.db, row)
        if code == "000":
            return
        assert code == "busy", code  # a claim has the balance now
        time.sleep(0.01)
    raise AssertionError(f"{key} is busy for ever")


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
    session = desk.database.connect()
    assert session.execute("SELECT points.begin_requests('api')").fetchone()[0]
    session.close()
    rows = desk.query("SELECT r.request_key, d.external_reference, d.member, d.points FROM points.request r"
                      " JOIN ledger.redemption d ON d.redemption_id = r.entry_id JOIN points.sending s ON s.request_no = r.request_no"
                      " WHERE handback.redemption_state(r.entry_id) = 'open' GROUP BY 1, 2, 3, 4")
    answers = [(str(reference), "OK" if key in ledger.credited else "KO", {"Member": member, "Points": points}) for key, reference, member, points in rows]
    dice.shuffle(answers)
    if answers:
        done = desk.deliver(answers)
        assert done["state"] == "posted", desk.refusals(done["file"])
    desk.db.execute("SELECT points.close_batches()")


def judge(desk, ledger):
    """The oracle: [what is wrong]."""
    wrong = [f"{key} is {state}" for key, state in desk.query("SELECT request_key, state FROM points.requests") if state not in ("credited", "reversed")]
    wrong += [f"{key} was sent under {sorted(seen)}" for key, seen in ledger.seen.items() if len(seen) != 1]
    wrong += [f"{key} was credited {points}" for key, points in ledger.credited.items() if len(points) != 1]
    for key, state, reference in desk.query("SELECT request_key, state, outbound_reference FROM points.requests"):
        if (state == "credited") != (key in ledger.credited):
            wrong.append(f"{key} is {state}, and the partner has {ledger.credited.get(key)}")
        if ledger.seen.get(key, {reference}) != {reference}:
            wrong.append(f"{key} was sent as {ledger.seen[key]}, and is {reference}")
    wrong += [f"batch {no} is open" for no, in desk.query("SELECT batch_no FROM points.batches WHERE ended_at IS NULL OR requested <> credited + reversed")]
    wrong += [f"{n} unsettled" for n, in desk.query("SELECT count(*) FROM points.open_requests") if n]
    held, = desk.query("SELECT count(*) FROM handback.hold_now")[0]
    if held:
        wrong.append(f"{held} holds")
    total, = desk.query("SELECT sum(b.points) + (SELECT coalesce(sum(r.points), 0) FROM points.request r WHERE points.state_of(r.request_no) = 'credited')"
                        " FROM ledger.balance b JOIN ledger.member m USING (member_id) WHERE m.programme_id = 1")[0]
    if total != 9_000_000:
        wrong.append(f"{total} points have an owner")
    return wrong


def model_runs(desk, runs, seed):
    """{what was seen: how often} over these runs; raises at the first that is wrong."""
    ledger, dice = Ledger(), random.Random(seed)
    for first in range(seed, seed + runs, TOGETHER):
        ledger.change(dice)
        for one in range(first, min(first + TOGETHER, seed + runs)):
            last = Run(desk, one, ledger)
            last.play()
        last.by_file()
        settle(desk, ledger, dice)
        wrong = judge(desk, ledger)
        assert not wrong, (f"runs {first} to {first + TOGETHER}", wrong[:10])
    return {"requests": desk.query("SELECT count(*) FROM points.request")[0][0],
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
                ask(desk, f"{seed}/{asked}", dice.randint(1, 9), dice.randint(1, 500))
                asked += 1
            with partner.lock:
                partner.faults = [dice.choice(partners.FAULTS) for _ in range(dice.randint(0, 2))]
            desk.db.execute("UPDATE points.unsettled SET next_at = clock_timestamp() WHERE next_at IS NOT NULL")
            desk.db.execute("UPDATE points.waiting SET retry_at = NULL")
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


def main():
    import pg
    from worker import Desk

    options = argparse.ArgumentParser()
    options.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build"))
    options.add_argument("--runs", type=int, default=0)
    options.add_argument("--kills", type=int, default=0)
    options.add_argument("--seed", type=int, default=1)
    said = options.parse_args()
    cluster = pg.Cluster()
    build = said.build.resolve()
    try:
        if said.runs:
            database = cluster.database()
            with Desk(database, build) as desk:
                prepare(desk, CONNECTOR)
                began = time.monotonic()
                seen = model_runs(desk, said.runs, said.seed)
                print(f"seeds {said.seed} to {said.seed + said.runs - 1}: {said.runs} runs in {time.monotonic() - began:.0f} s, each settled; {seen}")
        if said.kills:
            for name in ("points-exchange", "fulfilment-order", "storefront-order"):
                database = cluster.database()
                with tempfile.TemporaryDirectory() as folder, Desk(database, build) as desk:
                    print(name, said.kills, "kills:", kill_runs(desk, build, pathlib.Path(folder), said.kills, said.seed, name))
    finally:
        cluster.close()


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""Redemptions over HTTP while gate, api and server are killed, against an oracle that knows only what was asked and what was answered.

    tests/proofs/redemptions.py [--calls 1000000] [--minutes N] [--seed 1] [--callers 16] [--build build]

Callers with a key ask until they are answered, as docs/api.md says; now and then once more, with another body, or to give the
points back, two of them at once. Callers without a key ask once, and never again where it may have been done. All of them look:
at a balance, a key, a redemption. What only reads is answered, or may be asked again. Meanwhile
handback-gate, one of two handback-api, a session of the server, or the server itself is ended by SIGKILL at random moments.
In the end: no debit lost and none doubled, each key has one answer, each balance is what was credited less what stands,
and `handbackctl audit verify` finds nothing. Exit 0, or 1 and what differs.
"""
import argparse
import collections
import contextlib
import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/support"))
import pg  # noqa: E402
import psycopg  # noqa: E402
import redemption_api  # noqa: E402

MEMBERS, POOR, OPENING, POOR_OPENING = 300, 20, 10 ** 9, 40
IN_DOUBT = "it may have been done"
KILLS = ("gate", "api", "api", "session", "backend", "server")


def fill(db):
    with db.connect() as c:
        c.execute("INSERT INTO ledger.programme (programme_id, code, name, rate_points, rate_minor, currency)"
                  " VALUES (1, 'P', 'First', 1, 100, 'EUR')")
        c.execute("INSERT INTO ledger.member (programme_id, relation_reference) SELECT 1, 'M' || n FROM generate_series(0, %s) n", (MEMBERS - 1,))
        c.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points)"
                  " SELECT 1, member_id, 'Credit By Accrual', CASE WHEN substr(relation_reference, 2)::int < %s THEN %s ELSE %s END"
                  " FROM ledger.member", (POOR, POOR_OPENING, OPENING))
        redemption_api.credential(c)


def opening(member):
    return POOR_OPENING if int(member[1:]) < POOR else OPENING


class Asked:
    """One thing that a caller wanted: what it is named in the ledger, and all that it was told."""

    def __init__(self, name, member, points, keyed):
        self.name, self.member, self.points, self.keyed = name, member, points, keyed
        self.told = []          # (code, reference) of each answer
        self.doubt = False      # asked without an answer, and no key to ask again by
        self.returns = []       # codes of reversals, a list for each key; None: without a key


class Callers:
    def __init__(self, api, token, calls, callers, seed, until):
        self.api, self.token, self.calls, self.seed, self.until = api, token, calls, seed, until
        self.lock, self.begun, self.requests, self.wrong = threading.Lock(), 0, 0, []
        self.asked = []
        self.threads = [threading.Thread(target=self.run, args=(n,), daemon=True) for n in range(callers)]

    def exchange(self, line, more="", text=""):
        """(the head, the body); None where no whole answer came."""
        got = b""
        self.requests += 1
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(40)
                s.connect(str(self.api.socket))
                s.sendall(f"{line} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.token}\r\n{more}\r\n{text}".encode())
                while part := s.recv(65536):
                    got += part
        except OSError:
            return None
        top, _, rest = got.partition(b"\r\n\r\n")
        try:
            return top, json.loads(rest)
        except ValueError:  # cut off
            return None

    def once(self, name, body, key):
        """(status, code, value, reason); None where no answer came."""
        text = json.dumps(body)
        answer = self.exchange(f"POST {redemption_api.PG}{name}", f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n"
                               + (f"Idempotency-Key: {key}\r\n" if key else ""), text)
        if answer is None:
            return None
        top, said = answer[0], answer[1]["results"]
        reason = next((line[19:].decode() for line in top.split(b"\r\n") if line.startswith(b"X-Handback-Reason: ")), "")
        return int(top.split(b" ", 2)[1]), said["ErrorCode"], said["ReturnObject"], reason

    def look(self, a):
        """Reads change nothing: each is answered, or may be asked again."""
        body = {"RelationReference": a.member, "TransactionCurrency": "DEFAULT", "RelationType": 4, "ProgramId": 1}
        answer = self.once("CheckAvailability", body, None)
        if answer and answer[1] not in ("000", "503"):
            self.wrong.append(f"CheckAvailability: {answer}")
        known = a.told[0] if a.told else (None, None)
        for path, there in ((f"/v1/redemptions/{known[1]}", known[0] == "000"), (f"/v1/requests/{a.name}", a.keyed and known[0])):
            answer = self.exchange(f"GET {path}") if there else None
            if answer and answer[0].split(b" ", 2)[1] not in (b"200", b"503"):
                self.wrong.append(f"{path}: {answer}")

    def until_answered(self, name, body, key):
        while True:
            answer = self.once(name, body, key)
            if answer and answer[0] != 503:
                if answer[0] not in (200, 409):
                    self.wrong.append(f"{name} {key}: {answer}")
                return answer
            time.sleep(0.02)

    def redeem(self, a, other_points=None):
        body = redemption_api.redemption(RelationReference=a.member, Points=other_points or a.points, Amount=a.points, MerchantName=a.name)
        if a.keyed:
            return self.until_answered("RedeemPoints", body, a.name)
        while True:
            answer = self.once("RedeemPoints", body, None)
            if answer is None or answer[0] == 503 and answer[3].startswith(IN_DOUBT):
                a.doubt = True
                return None
            if answer[0] != 503:
                return answer
            time.sleep(0.02)

    def give_back(self, a, key):
        body = {"RelationReference": a.member, "MerchantName": a.name, "ExternalReference": a.told[0][1], "ProgramId": 1}
        codes = []
        a.returns.append((key, codes))
        for _ in range(2 if key else 1):
            codes.append(self.until_answered("ReversalPoints", body, key)[1])

    def one(self, dice, number):
        keyed = dice.random() < 0.8
        member = f"M{dice.randrange(POOR)}" if dice.random() < 0.1 else f"M{int(MEMBERS * dice.random() ** 3)}"
        a = Asked(f"{'K' if keyed else 'U'}{number}", member, dice.randrange(1, 9), keyed)
        with self.lock:
            self.asked.append(a)
        twin = threading.Thread(target=lambda: a.told.append(self.redeem(a)[1:3])) if keyed and dice.random() < 0.03 else None
        if twin:
            twin.start()
        answer = self.redeem(a)
        if twin:
            twin.join()
        if answer:
            a.told.append(answer[1:3])
        if keyed and dice.random() < 0.1:
            a.told.append(self.redeem(a)[1:3])
        if keyed and dice.random() < 0.03 and self.redeem(a, other_points=a.points + 1)[0] != 409:
            self.wrong.append(f"{a.name}: another body was not refused")
        if dice.random() < 0.25:
            self.look(a)
        if a.told and a.told[0][0] == "000" and dice.random() < 0.15:
            keys = [f"R{number}.{n}" if dice.random() < 0.8 else None for n in range(dice.choice((1, 1, 2)))]
            other = threading.Thread(target=self.give_back, args=(a, keys[1])) if len(keys) > 1 else None
            if other:
                other.start()
            self.give_back(a, keys[0])
            if other:
                other.join()

    def run(self, n):
        dice = random.Random(self.seed * 1000 + n)
        while True:
            with self.lock:
                number, self.begun = self.begun, self.begun + 1
            if number >= self.calls or time.monotonic() > self.until:
                return
            try:
                self.one(dice, number)
            except Exception as e:  # noqa: BLE001: the run's verdict
                self.wrong.append(f"{number}: {e!r}")


class Killer:
    def __init__(self, api, cluster, seed, most):
        self.api, self.cluster, self.dice, self.most = api, cluster, random.Random(seed), most
        self.kills = collections.Counter()

    def server(self):
        self.cluster.stop(signal.SIGKILL)
        for _ in range(100):
            try:
                self.cluster.start()
                return
            except RuntimeError:  # its children are not gone yet
                time.sleep(0.05)
        raise RuntimeError("the server does not come back")

    def sessions(self, c):
        return [row[0] for row in c.execute("SELECT pid FROM pg_stat_activity WHERE application_name = 'handback-api'")]

    def kill(self, what):
        if what == "gate":
            self.api.gate.kill()
            self.api.gate.wait()
            self.api.start_gate()
        elif what == "api":
            n = self.dice.randrange(self.api.count)
            self.api.apis[n].kill()
            self.api.apis[n].wait()
            self.api.apis[n] = self.api.start_api(n)
        elif what == "server":
            self.server()
        else:
            with contextlib.suppress(psycopg.Error, ProcessLookupError), self.api.database.connect() as c:
                for pid in self.sessions(c):
                    if what == "session":
                        c.execute("SELECT pg_terminate_backend(%s)", (pid,))
                    else:  # the server ends all sessions for it, and recovers
                        os.kill(pid, signal.SIGKILL)
                        break
        self.kills[what] += 1

    def run(self, busy, pause, tick):
        """Each kind in turn, so that a short run has all of them."""
        order = []
        while busy():
            time.sleep(self.dice.uniform(*pause))
            tick()
            if sum(self.kills.values()) < self.most:
                order = order or self.dice.sample(KILLS, len(KILLS))
                self.kill(order.pop())
            for n in range(self.api.count):  # one that found no server ended
                if self.api.apis[n].poll() is not None:
                    self.api.apis[n] = self.api.start_api(n)


def differences(db, asked):
    """What the ledger says, beside what the callers were told."""
    with db.connect() as c:
        debits = collections.defaultdict(list)
        for entry, merchant, member, points, reference in c.execute("""
                SELECT e.entry_id, e.merchant, m.relation_reference, e.points, upper(e.external_reference::text) FROM ledger.entry e
                JOIN ledger.member m USING (member_id) WHERE e.category = 'Debit By Redemption'"""):
            debits[merchant].append((entry, member, points, reference))
        reversed_ones = collections.Counter(row[0] for row in c.execute(
            "SELECT answers_entry_id FROM ledger.entry WHERE category = 'Redemption Reversal'"))
        balances = dict(c.execute("SELECT relation_reference, points FROM ledger.balance JOIN ledger.member USING (member_id)"))
        noted = collections.Counter(row[0] for row in c.execute("SELECT idempotency_key FROM api.request WHERE idempotency_key IS NOT NULL"))
    left = {member: opening(member) for member in balances}
    for a in asked:
        mine, said = debits.pop(a.name, []), set(a.told)
        if len(said) > 1 or a.keyed and not said:
            yield f"{a.name}: told {said}"
        codes = {code for code, _ in said}
        least = 1 if codes == {"000"} else 0
        if not least <= len(mine) <= (1 if a.doubt else least):
            yield f"{a.name}: told {said}, and {len(mine)} debits stand"
        if mine and (mine[0][1:3] != (a.member, a.points) or said and said != {("000", mine[0][3])}):
            yield f"{a.name}: told {said}, and the debit is {mine}"
        back = reversed_ones.pop(mine[0][0], 0) if mine else 0
        given = [set(codes) for _, codes in a.returns]
        if any(len(codes) != 1 or not codes <= {"000", "301"} for codes in given) or back != bool(given):
            yield f"{a.name}: reversals told {a.returns}, and {back} stand"
        if [codes for codes in given].count({"000"}) > 1 or all(key for key, _ in a.returns) and given and {"000"} not in given:
            yield f"{a.name}: {given.count({'000'})} of its reversals were told that they did it"
        for _, member, points, _ in mine:
            left[member] -= points * (1 - back)
    yield from (f"{name}: nobody asked for {rows}" for name, rows in debits.items())
    yield from (f"entry {entry}: nobody gave it back" for entry in reversed_ones)
    yield from (f"key {key}: {n} answers are noted" for key, n in noted.items() if n != 1)
    yield from (f"{member}: {balances[member]} points, and {left[member]} are right" for member in balances if balances[member] != left[member])


class Tick:
    """Once in a while: a fresh token, which lives half an hour, and how far it is."""

    def __init__(self, api, work, killer):
        self.api, self.work, self.killer = api, work, killer
        self.renewed = self.shown = time.monotonic()

    def tick(self):
        now = time.monotonic()
        if now - self.renewed > 600:
            with contextlib.suppress(OSError, AssertionError, ValueError):
                self.work.token, self.renewed = self.api.token(), now
        if now - self.shown > 30:
            self.shown = now
            print(f"  {self.work.begun} begun, {self.work.requests} requests, {sum(self.killer.kills.values())} kills, "
                  f"{len(self.work.wrong)} wrong", flush=True)


def prove(build, calls, seed=1, callers=16, kills=10 ** 9, pause=(0.5, 6), minutes=1e6):
    """(what differs, Counter of kills, requests sent, callers' wishes)"""
    cluster = pg.Cluster()
    try:
        db = cluster.database()
        fill(db)
        with redemption_api.Api(build, db, apis=2) as api:
            work = Callers(api, api.token(), calls, callers, seed, time.monotonic() + 60 * minutes)
            killer = Killer(api, cluster, seed, kills)
            for thread in work.threads:
                thread.start()
            # in this thread: a server ends with the thread that started it
            killer.run(lambda: any(t.is_alive() for t in work.threads), pause, Tick(api, work, killer).tick)
        wrong = [*work.wrong, *differences(db, work.asked)]
        done = subprocess.run([build / "ctl/handbackctl", "audit", "verify", "--database", db.conninfo("handback_verify")], capture_output=True,
                              text=True)
        if done.returncode != 0:
            wrong.append(f"audit verify: {done.returncode}: {done.stdout}{done.stderr}")
        return wrong, killer.kills, work.requests, work.asked
    finally:
        cluster.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--minutes", type=float, default=1e6, help="begin nothing more after so long")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--callers", type=int, default=16)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    o = parser.parse_args()
    began = time.monotonic()
    wrong, kills, requests, asked = prove(o.build.resolve(), o.calls, o.seed, o.callers, minutes=o.minutes)
    for line in wrong[:50]:
        print(line)
    print(f"{len(asked)} callers' wishes, {requests} requests, {sum(a.doubt for a in asked)} left in doubt, kills {dict(kills)}, "
          f"{time.monotonic() - began:.0f} s: {len(wrong)} differences")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

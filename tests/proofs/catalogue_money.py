#!/usr/bin/python3
"""Money between a shop, the ledger and the reports over random sessions: what each says of every member is the same.

    tests/proofs/catalogue_money.py [--sessions 1000] [--seed 1]

The shop keeps its own books from what it was answered: points taken and given back of each order.  It retries, changes its mind, asks for
too much, for parts, twice, by refund and by webhook; members are suspended in mid-session, rates and thresholds change, tokens rotate.
"""
import argparse
import collections
import fractions
import json
import os
import pathlib
import random
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/support")]

from catalogue_world import RATE, SSO, code_of, open_catalogue, rotate, settings, tap
from redemption_api import Api, redemption
from shop import Shop

MEMBERS = [f"M{n}" for n in range(1, 10)]
RATES = [(100, 1), (3, 1), (7, 2), (1, 1), (250, 1)]


class Books:
    """The shop's: order -> [points taken, member, value in minor units, given back]."""

    def __init__(self):
        self.orders, self.spent_elsewhere, self.answers = {}, collections.Counter(), collections.Counter()


class Run:
    def __init__(self, build, world, api, seed):
        self.build, self.world, self.api, self.random = build, world, api, random.Random(seed)
        self.shop, self.books, self.numbers, self.generation = Shop(api, SSO, RATE), Books(), 0, 0
        with world.connect() as c:
            c.execute("SELECT catalogue.add_delivery_key('P', decode(%s, 'hex'))", (self.shop.make_raw_key().hex(),))
            c.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points) SELECT 1, member_id, 'Credit By Accrual', 3000000"
                      " FROM ledger.member WHERE programme_id = 1 AND relation_reference ~ '^M'")

    def order(self, visit, rate, number=None, points=None):
        known = number in self.books.orders
        self.numbers += number is None
        number = number or f"o{self.numbers}"
        points = points or self.random.choice([rate[0], rate[0] * self.random.randint(1, 30), self.random.randint(1, 4000), 10**9])
        answer = visit.order(number, points)
        self.books.answers["order", answer.status, answer.json.get("code")] += 1
        if answer.status == 200 and answer.json["status"] == 1 and not known:
            value = fractions.Fraction(points * rate[1] * 100, rate[0])
            assert value.denominator == 1, "a minor unit from nowhere"
            self.books.orders[number] = [points, visit.member, int(value), 0]
        if known and answer.status == 200 and answer.json["status"] == 1:
            assert points == self.books.orders[number][0] and visit.member == self.books.orders[number][1]
        return number

    def refund(self, visit, number):
        taken = self.books.orders.get(number)
        points = self.random.choice([taken[0], taken[0], max(1, taken[0] - 1), taken[0] + 1]) if taken else 10
        answer = visit.refund(number, points)
        self.books.answers["refund", answer.status, answer.json.get("code")] += 1
        if answer.status == 200 and answer.json["status"] == 1:
            assert points == taken[0] and answer.json["data"]["points"] == str(points)
            taken[3] = points

    def webhook(self, number):
        status = self.random.choice(["delivered", "canceled", "pending"])
        key = self.random.choice([None, f"msg_{number}", "msg_1"])
        answer = self.shop.webhook(number, status, number=key)
        self.books.answers["webhook", answer.status, answer.json.get("code")] += 1
        if answer.status == 200 and answer.json["status"] == 1 and status == "canceled" and "Idempotent-Replayed" not in answer.headers:
            self.books.orders[number][3] = self.books.orders[number][0]

    def disturb(self):
        what = self.random.randrange(12)
        if what == 0:
            rate = self.random.choice(RATES)
            settings(self.world, points=rate[0], units=rate[1], minimum_balance=self.random.choice([0, 500, 4000]))
        elif what == 1:
            self.generation += 1
            with self.world.connect() as c:
                for scope in ("sso", "rate"):
                    rotate(c, scope, f"{scope}{self.generation}")
            self.shop.sso, self.shop.rate_token = f"sso{self.generation}", f"rate{self.generation}"
        elif what == 2:
            member, token = self.random.choice(MEMBERS), self.api.token()
            answer = self.api.post("RedeemPoints", redemption(RelationReference=member, Points=10, Amount=10), token)
            if answer.code == "000":
                self.books.spent_elsewhere[member] += 10

    def status(self, member, status):
        with self.world.connect() as c:
            c.execute("UPDATE ledger.member SET status = %s::ledger.member_status WHERE relation_reference = %s AND programme_id = 1", (status, member))

    def session(self):
        self.disturb()
        member = self.random.choice(MEMBERS)
        answer = tap(self.api, member)
        if answer.status != 303:
            self.books.answers["tap", answer.status, None] += 1
            return
        visit = self.shop.land(answer.headers["Location"])
        assert self.shop.exchange(code_of(answer)).status == 403  # once
        visit.member = member
        told = visit.rate()
        rate = (told["points"], fractions.Fraction(told["minor_units"], 100))
        if self.random.random() < 0.1:  # in mid-session: for this one nothing changes
            other = self.random.choice(RATES)
            settings(self.world, points=other[0], units=other[1], minimum_balance=0)
        suspended = self.random.random() < 0.05
        for _ in range(self.random.randint(1, 3)):
            number = self.order(visit, rate)
            if self.random.random() < 0.3:
                taken = self.books.orders.get(number)
                self.order(visit, rate, number, self.random.choice([taken[0], taken[0] + rate[0]]) if taken else 77)
            if suspended:
                self.status(member, "Suspended")
        own = [number for number, taken in self.books.orders.items() if taken[1] == member]
        if self.random.random() < 0.6 and own:
            self.refund(visit, self.random.choice(own))
        elif self.books.orders:
            other = self.random.choice(list(self.books.orders))
            if self.books.orders[other][1] != member:
                assert visit.refund(other, self.books.orders[other][0]).status == 404
        if self.random.random() < 0.4 and self.books.orders:
            self.webhook(self.random.choice(list(self.books.orders)))
        if suspended:
            self.status(member, "Active")

    def check(self):
        """Books, ledger, balances, API and report agree."""
        done = subprocess.run([self.build / "ctl/handbackctl", "transactions", "--programme", "P", "--merchant", "Plum", "--from", "2000-01-01", "--json",
                               "--database", self.world.conninfo("handback_finance")], capture_output=True, text=True, timeout=300, check=True)
        report = json.loads(done.stdout)
        debits = {t["order"]: t for t in report["transactions"] if t["category"] == "Debit By Redemption"}
        backs = {t["order"]: t for t in report["transactions"] if t["category"] == "Redemption Reversal"}
        assert len(debits) + len(backs) == len(report["transactions"]), "another category, or an order twice"
        assert {n: (t["points"], t["member"], t["minor_units"]) for n, t in debits.items()} == {n: tuple(o[:3]) for n, o in self.books.orders.items()}
        assert {n: t["points"] for n, t in backs.items()} == {n: o[3] for n, o in self.books.orders.items() if o[3]}
        assert {s["category"]: s["points"] for s in report["sums"]} == {
            name: points for name, points in (("Debit By Redemption", sum(o[0] for o in self.books.orders.values())),
                                              ("Redemption Reversal", sum(o[3] for o in self.books.orders.values()))) if points}
        with self.world.connect() as c:
            balances = dict(c.execute("SELECT m.relation_reference, b.points FROM ledger.balance b JOIN ledger.member m USING (member_id)"
                                      " WHERE programme_id = 1 AND relation_reference = ANY (%s)", (MEMBERS,)).fetchall())
        for member in MEMBERS:
            spent = sum(o[0] - o[3] for o in self.books.orders.values() if o[1] == member) + self.books.spent_elsewhere[member]
            assert balances[member] == 3005000 - spent, member
        proof = subprocess.run([self.build / "ctl/handbackctl", "audit", "verify", "--database", self.world.conninfo("handback_verify")], capture_output=True,
                               text=True, timeout=300)
        assert proof.returncode == 0, proof.stdout + proof.stderr
        return len(debits), len(backs)


def run(build, world, sessions, seed):
    open_catalogue(world)
    with Api(build, world, apis=2) as api:
        one = Run(build, world, api, seed)
        for n in range(sessions):
            one.session()
            if n % 250 == 249:
                one.check()
        return *one.check(), one.books.answers


def main():
    from pg import Cluster  # noqa: PLC0415: only where it is run by hand
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sessions", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    build = pathlib.Path(os.environ.get("HANDBACK_BUILD", ROOT / "build"))
    cluster = Cluster()
    try:
        debits, backs, answers = run(build, cluster.database(), asked.sessions, asked.seed)
    finally:
        cluster.close()
    print(f"{asked.sessions} sessions, seed {asked.seed}: {debits} debits, {backs} reversals, shop, ledger, balances and report agree")
    for (what, status, code), count in sorted(answers.items(), key=str):
        print(f"  {what} {status} {code}: {count}")


if __name__ == "__main__":
    main()

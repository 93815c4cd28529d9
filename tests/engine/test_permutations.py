"""The same files in every order.

Four files answer 255 redemptions: every way in which four files can each say
accepted, rejected, pending or nothing of one.  All 24 orders of the files,
each with redemptions and numbers of its own, and every file once more at the
end of its order.

Where the profile holds a file behind a gap, no order makes another ledger than
the files in their own order would: what came too early is released by what it
waited for.  Where it goes on, the orders differ only in what is held as a contradiction: what nobody
contradicted ends alike, and of the rest the newest answer either counts or
waits for a person; when people have followed it, all orders end alike again.
"""
import collections
import itertools

import pytest

import proof
import worker
from case_table import case
from operators import Operators
from share import share

FILES = 4
ORDERS = list(itertools.permutations(range(FILES)))[::share(1, 3)]
STATUS = {"accepted": "OK", "rejected": "KO", "pending": "WAIT"}
STORIES = [s for s in itertools.product((*STATUS, None), repeat=FILES) if any(s)]
POINTS = 100


def newest(story):
    """(file, verdict) of the last answer that is one; (None, None) when all are pending."""
    return next(((n, said) for n, said in reversed(list(enumerate(story))) if said not in (None, "pending")), (None, None))


def contradicts(story):
    return {"accepted", "rejected"} <= set(story)


def in_order(story, late_reject):
    """The state that the story ends in when its files come in their order."""
    state = "open"
    for said in story:
        if state == "open" and said in ("accepted", "rejected"):
            state = {"accepted": "confirmed", "rejected": "reversed"}[said]
        elif (state, said, late_reject) == ("confirmed", "rejected", "reverse"):
            state = "reversed"
    return state


class Orders:
    """A desk with 24 times the same redemptions and files."""

    def __init__(self, database, build, **settings):
        self.desk = worker.Desk(database, build, **settings)
        self.people = Operators(database)
        self.key = {(n, story): f"{n}: {story}" for n in range(len(ORDERS)) for story in STORIES}
        self.desk.redeem_all(self.key.values(), points=POINTS)
        self.of = {self.desk.references[key]: where for where, key in self.key.items()}
        self.file = {}  # (order, file) -> its number in the database

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.people.close()
        self.desk.close()

    def content(self, n, file):
        return self.desk.file([(self.key[n, story], STATUS[story[file]]) for story in STORIES if story[file]])

    def deliver(self, n):
        """All files of order n, and all of them once more, the other way round."""
        for file in ORDERS[n]:
            done = self.desk.deliver(self.content(n, file), sequence=n * FILES + file + 1)
            self.file[n, file] = done["file"]
        before = self.ledger()
        for file in reversed(ORDERS[n]):
            again = self.desk.deliver(self.content(n, file), name=f"AIR_{n * FILES + file + 1}.csv")
            assert again["state"] == "duplicate", again
        assert self.ledger() == before

    def ledger(self):
        """Changes with every entry; the table is append-only."""
        return self.desk.query("SELECT count(*), max(entry_id), sum(points) FROM ledger.entry")

    def states(self):
        """{(order, story): state}"""
        return {self.of[reference]: state for reference, state in self.desk.query(
            "SELECT external_reference::text, handback.redemption_state(redemption_id) FROM ledger.redemption")}

    def holds(self):
        """{(order, story): {file: hold}} of the open ones, which are all contradictions."""
        rows = self.desk.query(
            "SELECT h.hold_id, h.reason, h.file_id, r.external_reference::text FROM handback.hold h"
            " LEFT JOIN ledger.redemption r USING (redemption_id)"
            " WHERE NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id)")
        assert {reason for _, reason, *_ in rows} <= {"contradiction"}
        which = {number: file for (_, file), number in self.file.items()}
        made = collections.defaultdict(dict)
        for hold, _, file, reference in rows:
            made[self.of[reference]][which[file]] = hold
        return made

    def check_once(self):
        """Nothing reversed twice, no more given back than was taken, balances as the entries say."""
        assert self.desk.query("SELECT answers_entry_id FROM ledger.entry WHERE category = 'Redemption Reversal'"
                               " GROUP BY 1 HAVING count(*) > 1") == []
        debits, reversals = self.desk.query(
            "SELECT sum(points) FILTER (WHERE category = 'Debit By Redemption'),"
            " sum(points) FILTER (WHERE category = 'Redemption Reversal') FROM ledger.entry")[0]
        assert debits == POINTS * len(self.key) and reversals <= debits
        taken_back = self.desk.query("SELECT coalesce(sum(points), 0) FROM ledger.entry"
                                     " WHERE category = 'Redemption Reinstatement'")[0][0]
        assert self.desk.balance() == reversals - taken_back
        assert reversals == POINTS * sum(s in ("reversed", "reinstated") for s in self.states().values())


@case("permutations: the profile goes on at a gap")
@pytest.mark.parametrize("late_reject", ["hold", "reverse"])
def test_gap_that_goes_on(database, build, late_reject):
    with Orders(database, build, gap="continue", late_reject=late_reject) as orders:
        for n in range(len(ORDERS)):
            orders.deliver(n)
        states, holds = orders.states(), orders.holds()
        orders.check_once()
        assert all(contradicts(story) for _, story in holds)
        differ = 0
        for story in STORIES:
            ends = {states[n, story] for n in range(len(ORDERS))}
            differ += len(ends) > 1
            if not contradicts(story):
                assert ends == {in_order(story, late_reject)}, story
                continue
            file, said = newest(story)
            for n in range(len(ORDERS)):
                counts = states[n, story] == {"accepted": "confirmed", "rejected": "reversed"}[said]
                assert counts != (file in holds[n, story]), (ORDERS[n], story, states[n, story], holds[n, story])
        # people follow the newest answer wherever it waits
        for said, decision in (("accepted", "reinstate"), ("rejected", "reverse")):
            wait = [made[newest(story)[0]] for (_, story), made in holds.items()
                    if newest(story)[1] == said and newest(story)[0] in made]
            if wait:
                orders.people.decide(wait, decision)
        orders.check_once()
        assert all((state == "reversed") == (newest(story)[1] == "rejected")
                   for (_, story), state in orders.states().items())
        assert proof.differences(orders.desk.db) == []
    return f"{len(ORDERS)} orders of {FILES} files, {len(STORIES)} redemptions, {late_reject}: {differ} end by the order," \
           f" all of them contradicted"


@case("permutations: the profile holds at a gap")
def test_gap_that_holds(database, build):
    """Whatever the order, the files are decided in the partner's own, and the ledger is that of the files in order."""
    let_in = collections.Counter()
    with Orders(database, build, gap="hold") as orders:
        desk, first = orders.desk, (orders.desk.profiles / "air.yaml").read_text()
        for n, order in enumerate(ORDERS):
            # numbers are a profile's own: each order has one to itself
            (desk.profiles / f"air{n}.yaml").write_text(first.replace("profile: air\n", f"profile: air{n}\n"))
            for file in order:
                desk.drop(f"AIR_{file + 1}.csv", orders.content(n, file))
                done = desk.worker.job(desk.inbound, f"AIR_{file + 1}.csv", "air", "AIR", f"air{n}")
                assert (done["state"], done.get("reason", "")) in (("posted", ""), ("held", "sequence_gap")), done
                let_in[len(desk.release())] += 1
        orders.check_once()
        posted = dict(desk.query("SELECT f.profile, array_agg(f.sequence ORDER BY f.file_id) FROM handback.file f"
                                 " WHERE f.state = 'posted' GROUP BY 1"))
        states = orders.states()
        for n in range(len(ORDERS)):
            assert posted[f"air{n}"] == list(range(1, FILES + 1)), ORDERS[n]
            for story in STORIES:
                assert states[n, story] == in_order(story, "hold"), (ORDERS[n], story)
        assert set(let_in) == set(range(FILES)), let_in
        waited, released = desk.query("SELECT count(*) FILTER (WHERE state = 'held'), count(release_of) FROM handback.file")[0]
        assert waited == released == sum(files * many for files, many in let_in.items())
        assert proof.differences(desk.db) == []
    return f"{len(ORDERS)} orders of {FILES} files, {len(STORIES)} redemptions; released: " + \
        ", ".join(f"{k} by one file, {many} times" for k, many in sorted(let_in.items()))

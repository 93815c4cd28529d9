"""What a target is told: each object once and in its newest state, nothing skipped, nothing lost when its teller ends."""
import random
import threading

import psycopg
import pytest

from operators import Operators
from worker import Desk

KINDS = ["redemption", "balance"]


class Target:
    """A system that keeps what it is told by key, and never takes an older version over a newer one."""

    def __init__(self, database, name="crm", kinds=KINDS, most=7):
        self.name, self.kinds, self.most = name, kinds, most
        self.c = database.connect("handback_outbox")
        self.kept, self.calls, self.older = {}, 0, 0

    def close(self):
        self.c.close()

    def claim(self):
        return self.c.execute("SELECT delivery, kind, key, subject, object FROM handback.claim_delivery(%s, %s, %s)",
                              (self.name, self.kinds, self.most)).fetchall()

    def take(self, rows):
        for _, kind, key, _, what in rows:
            old = self.kept.get((kind, key))
            self.older += old is not None and old["version"] > what["version"]
            assert old is None or old["version"] != what["version"] or old == what, "one version, one content"
            if old is None or old["version"] <= what["version"]:
                self.kept[kind, key] = what

    def end(self, delivery, result="done", status=200, why=None, wait=None, objects=()):
        columns = [list(column) for column in zip(*objects, strict=True)] if objects else [[]] * 6
        self.c.execute("SELECT handback.end_delivery(%s, %s, %s, %s, %s, %s::text[], %s::text[], %s::bigint[], %s::text[], %s::int[],"
                       " %s::text[])", (delivery, result, status, why, wait, *columns))

    def told(self):
        """Tells it all that there is to tell now."""
        while rows := self.claim():
            self.calls += 1
            keys = [(kind, key) for _, kind, key, _, _ in rows]
            assert len(keys) == len(set(keys))
            self.take(rows)
            self.end(rows[0][0])
        return self.kept


@pytest.fixture
def desk(database, build):
    with Desk(database, build) as made:
        yield made


@pytest.fixture
def add(desk):
    targets = []

    def one(**more):
        targets.append(Target(desk.database, **more))
        desk.db.execute("SELECT handback.add_target(%s, 'P', 'connector')", (targets[-1].name,))
        return targets[-1]
    yield one
    for target in targets:
        target.close()


def states(desk, target):
    """{our key: what the target has as its state}"""
    return {key: target.kept["redemption", reference]["state"] for key, reference in desk.references.items()
            if ("redemption", reference) in target.kept}


def test_a_files_outcomes_and_what_was_redeemed_before(desk, add):
    crm = add()
    for n in range(20):
        desk.redeem(f"R{n}")
    assert set(crm.told()) >= {("redemption", r) for r in desk.references.values()}
    assert set(states(desk, crm).values()) == {"open"}
    desk.deliver([(f"R{n}", "KO" if n % 2 else "OK") for n in range(20)])
    crm.calls = 0
    crm.told()
    assert states(desk, crm) == {f"R{n}": "reversed" if n % 2 else "confirmed" for n in range(20)}
    assert crm.calls == 3 and crm.claim() == [] and crm.older == 0  # of seven records each
    (member, points), = desk.query("SELECT m.relation_reference, b.points FROM ledger.member m JOIN ledger.balance b USING (member_id)"
                                   " JOIN ledger.entry e USING (member_id) WHERE e.category = 'Debit By Redemption' LIMIT 1")
    assert crm.kept["balance", member]["points"] == points


def test_only_what_happens_from_now_on(desk, add):
    desk.redeem("before")
    crm = add()
    assert crm.told() == {}
    desk.redeem("after")
    desk.redeem("of another programme", member=11)
    crm.told()
    assert states(desk, crm) == {"after": "open"} and ("balance", "M11") not in crm.kept
    # a change of what was before is told whole
    desk.deliver([("before", "OK")])
    crm.told()
    assert states(desk, crm) == {"after": "open", "before": "confirmed"}


def test_what_waits_collapses_into_the_newest_state(desk, add):
    crm = add()
    desk.redeem("A")
    desk.deliver([("A", "OK", {"Points": "101"})])
    (hold,), = desk.query("SELECT hold_id FROM handback.hold")
    with Operators(desk.database) as people:
        people.decide([hold], "confirm")
    rows = [row for row in crm.claim() if row[1] == "redemption"]
    assert [(row[4]["state"], row[4]["held_for"]) for row in rows] == [("confirmed", None)]


def test_a_lost_delivery_is_sent_again_and_a_version_rises_with_each_change(desk, add):
    crm = add(kinds=["redemption"])
    desk.redeem("A")
    first = crm.claim()
    crm.close()
    again = Target(desk.database, kinds=["redemption"])
    try:
        rows = again.claim()
        assert [row[1:] for row in rows] == [row[1:] for row in first] and rows[0][0] > first[0][0]
        assert desk.query("SELECT result FROM handback.delivery_end ORDER BY delivery_id DESC LIMIT 1") == [("lost",)]
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
            again.end(first[0][0])
        again.end(rows[0][0])
        desk.deliver([("A", "OK", {"Points": "101"})])
        (held,) = again.claim()
        assert held[4]["state"] == "held" and held[4]["held_for"] == "points_mismatch"
        assert held[4]["version"] > rows[0][4]["version"]
        again.end(held[0])
    finally:
        again.close()


def test_one_program_at_a_time(desk, add):
    crm = add()
    desk.redeem("A")
    second = Target(desk.database)
    try:
        assert crm.claim() and second.claim() == []
        crm.close()
        for _ in range(100):
            if rows := second.claim():
                break
        assert rows
    finally:
        second.close()


def test_an_outage_waits_and_skips_nothing(desk, add):
    crm = add()
    desk.redeem("A")
    crm.end(crm.claim()[0][0], "again", 503, "down", 3600)
    assert crm.claim() == []
    (why, wait), = desk.query("SELECT why, retry_at - ended_at FROM handback.target_status")
    assert why == "down" and 3599 < wait.total_seconds() < 3601
    waits = []
    for _ in range(8):
        desk.db.execute("SET session_replication_role = replica")
        desk.db.execute("UPDATE handback.delivery_end SET retry_at = now() WHERE retry_at IS NOT NULL")
        desk.db.execute("SET session_replication_role = origin")
        rows = crm.claim()
        crm.end(rows[0][0], "again", None, "no answer")
        waits.append(desk.query("SELECT extract(epoch FROM retry_at - ended_at)::integer FROM handback.target_status")[0][0])
    assert all(2 ** (n + 2) * 0.49 - 1 <= wait <= 2 ** (n + 2) + 1 for n, wait in enumerate(waits)), waits
    desk.db.execute("SET session_replication_role = replica")
    desk.db.execute("UPDATE handback.delivery_end SET retry_at = now() WHERE retry_at IS NOT NULL")
    desk.db.execute("SET session_replication_role = origin")
    crm.told()
    assert states(desk, crm) == {"A": "open"}


def test_an_object_that_is_refused_is_tried_again_and_then_held_and_others_go_on(desk, add):
    crm = add(kinds=["redemption"])
    desk.redeem("A")
    desk.redeem("B")
    for attempt in range(12):
        rows = [row for row in crm.claim() if row[2] == desk.references["A"]]
        assert rows, attempt
        crm.end(rows[0][0], objects=[("redemption", rows[0][2], rows[0][3], "later", 200, "UNABLE_TO_LOCK_ROW")])
        assert crm.claim() == []
        desk.db.execute("SET session_replication_role = replica")
        desk.db.execute("UPDATE handback.delivery_object SET retry_at = now() WHERE retry_at IS NOT NULL")
        desk.db.execute("SET session_replication_role = origin")
    assert crm.claim() == []
    assert desk.query("SELECT result, tries, why FROM handback.delivery_object_now") == [("held", 12, "UNABLE_TO_LOCK_ROW")]
    # whatever happens to it next is told, and ends the hold
    desk.deliver([("A", "OK")])
    (row,) = crm.claim()
    crm.end(row[0], objects=[("redemption", row[2], row[3], "sent", 200, None)])
    assert desk.query("SELECT result FROM handback.delivery_object_now") == [("sent",)]
    assert desk.query("SELECT later, held, waiting_since FROM handback.target_status") == [(0, 0, None)]


def test_a_target_that_refuses_everything_stops_once_and_goes_on_when_a_person_says_so(desk, add):
    crm = add()
    desk.redeem("A")
    crm.end(crm.claim()[0][0], "stopped", 400, "INVALID_FIELD Status__c")
    assert crm.claim() == []
    assert desk.query("SELECT state, reason FROM handback.target_now") == [("stopped", "INVALID_FIELD Status__c")]
    assert desk.query("SELECT what, subject, why FROM audit.event WHERE what LIKE 'target%%' ORDER BY event_id")[1:] == [
        ("target_stopped", "target crm", "INVALID_FIELD Status__c")]
    with Operators(desk.database) as people:
        people.ann.execute("SELECT handback.resume_target('crm')")
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
            people.ann.execute("SELECT handback.resume_target('crm')")
        people.ann.execute("SELECT handback.pause_target('crm', 'the CRM is moved')")
        assert crm.claim() == []
        people.ann.execute("SELECT handback.resume_target('crm')")
    crm.told()
    assert states(desk, crm) == {"A": "open"}
    desk.ctl("audit", "verify")


def test_replay_tells_again(desk, add):
    crm = add()
    desk.redeem("A")
    desk.deliver([("A", "KO")])
    before = dict(crm.told())
    crm.kept.clear()
    assert crm.told() == {}
    desk.db.execute("SELECT handback.replay_target('crm', now() - interval '1 hour')")
    assert crm.told().items() >= before.items()  # and the credits from before there was a target
    assert all(v["redeemed_at"].endswith("+00:00") for k, v in crm.kept.items() if k[0] == "redemption")
    desk.redeem("B")
    crm.claim()
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
        desk.db.execute("SELECT handback.replay_target('crm', now())")


def test_a_database_that_was_restored_elsewhere_stops_the_target(desk, add):
    crm = add()
    desk.db.execute("SET session_replication_role = replica")
    desk.db.execute("UPDATE handback.delivery SET to_xid = '9000000000'")
    desk.db.execute("SET session_replication_role = origin")
    desk.redeem("A")
    assert crm.claim() == []
    assert "restored" in desk.query("SELECT reason FROM handback.target_now")[0][0]
    desk.db.execute("SELECT handback.resume_target('crm'), handback.replay_target('crm', now() - interval '1 hour')")
    crm.told()
    assert states(desk, crm) == {"A": "open"}


def results(target, rows, **said):
    """The results of a delivery's objects as end_delivery has them: sent, but for those that are named."""
    return [(kind, key, subject, said.get("all") or said.get(key, "sent"), 200, None) for _, kind, key, subject, _ in rows]


def due(desk):
    """What waits for another try is due now."""
    desk.db.execute("SET session_replication_role = replica")
    desk.db.execute("UPDATE handback.delivery_object SET retry_at = now() WHERE retry_at IS NOT NULL")
    desk.db.execute("UPDATE handback.delivery_end SET retry_at = now() WHERE retry_at IS NOT NULL")
    desk.db.execute("SET session_replication_role = origin")


def test_a_kind_that_is_not_told_any_more_is_not_claimed_again(desk, add):
    crm = add()
    desk.redeem("A")
    rows = crm.claim()
    crm.end(rows[0][0], objects=results(crm, rows, all="later"))
    crm.kinds = ["redemption"]
    due(desk)
    assert [row[1] for row in crm.claim()] == ["redemption"]
    (told,), = desk.query("SELECT objects FROM handback.delivery ORDER BY delivery_id DESC LIMIT 1")
    assert told == 1
    balances = add(name="balances", kinds=["redemption"])
    desk.db.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points) VALUES (1, 1, 'Credit By Accrual', 1)")
    before = desk.query("SELECT count(*) FROM handback.delivery")
    assert [balances.claim() for _ in range(3)] == [[], [], []] and desk.query("SELECT count(*) FROM handback.delivery") == before


def test_a_hold_that_is_opened_again_is_told(desk, add):
    crm = add()
    desk.redeem("A")
    desk.deliver([("A", "OK", {"Points": "101"})])
    (hold,), = desk.query("SELECT hold_id FROM handback.hold")
    with Operators(desk.database) as people:
        people.decide([hold], "close")
        crm.told()
        assert states(desk, crm) == {"A": "open"}
        people.decide([hold], "reopen")
    crm.told()
    assert states(desk, crm) == {"A": "held"} and crm.older == 0


def test_causes_that_tell_nothing_do_not_wait(desk, add):
    crm = add()
    desk.redeem("A")
    crm.told()
    desk.db.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points) VALUES (2, 11, 'Credit By Accrual', 1)")
    desk.db.execute("SELECT handback.pause_target('crm', 'it moves')")
    assert desk.query("SELECT waiting_since FROM handback.target_status") == [(None,)]
    desk.redeem("B")
    (since, at), = desk.query("SELECT s.waiting_since, e.posted_at FROM handback.target_status s, ledger.entry e ORDER BY e.entry_id DESC LIMIT 1")
    assert since == at


def test_a_delivery_that_ended_partly_goes_on_where_it_was(desk, add):
    """What was taken is not sent again, what was refused is held, what was not sent yet has lost no try; the target has its pause."""
    crm = add(kinds=["redemption"])
    for key in "ABC":
        desk.redeem(key)
    rows = crm.claim()
    crm.end(rows[0][0], status=429, why="too many", wait=60,
            objects=results(crm, rows, **{desk.references["B"]: "held", desk.references["C"]: "unsent"}))
    assert crm.claim() == []
    due(desk)
    assert [row[2] for row in crm.claim()] == [desk.references["C"]]
    assert desk.query("SELECT key, result, tries FROM handback.delivery_object_now ORDER BY result") == [
        (desk.references["B"], "held", 1), (desk.references["C"], "later", 0)]
    told = desk.query("SELECT redemptions, versions, states FROM handback.delivery WHERE objects = 3")
    numbers = [desk.query("SELECT redemption_id FROM ledger.redemption ORDER BY 1")]
    assert told == [([n for n, in numbers[0]], [1, 1, 1], ["open"] * 3)]


def test_held_objects_are_sent_again_when_a_person_says_so(desk, add):
    crm = add(kinds=["redemption"], most=1)
    for key in "AB":
        desk.redeem(key)
    rows = crm.claim()
    crm.end(rows[0][0], objects=results(crm, rows, all="held"))
    with Operators(desk.database) as people:
        assert people.ann.execute("SELECT handback.replay_held('crm')").fetchone() == (1,)
        again = crm.claim()
        assert again[0][2] == rows[0][2]
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
            people.ann.execute("SELECT handback.replay_held('crm')")
    crm.take(again)
    crm.end(again[0][0], objects=results(crm, again))
    crm.told()
    assert states(desk, crm) == {"A": "open", "B": "open"}


def test_a_target_of_an_old_version_is_not_stopped(desk, add):
    crm = add()
    for version, state in ((2, "active"), (1, "stopped"), (1, "stopped")):
        crm.c.execute("SELECT handback.refuse_target('crm', %s, 'no login')", (version,))
        assert desk.query("SELECT state FROM handback.target_now") == [(state,)]


def test_in_the_end_the_target_has_what_we_have_whatever_happens_meanwhile(desk, add):
    """Redemptions while it is told, deliveries that are lost, objects that come late: no key is skipped, none goes back."""
    crm = add(most=5)
    chance = random.Random(17)
    done = threading.Event()

    def applications(seed):
        with desk.database.connect() as c:
            for n in range(30):
                c.execute("SELECT ledger.redeem_points('P', %s, 1, 'Air', 6, 'AIR')", (f"M{n % 4 + 1}",))
                if n % 3 == 0:
                    c.execute("SELECT ledger.reversal_points(programme, member, merchant, external_reference) FROM ledger.redemption"
                              " ORDER BY random() LIMIT 1")

    threads = [threading.Thread(target=applications, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    while not done.is_set():
        if not any(thread.is_alive() for thread in threads):
            done.set()
        if rows := crm.claim():
            crm.take(rows)
            if chance.random() < 0.7:
                crm.end(rows[0][0])
    for thread in threads:
        thread.join()
    crm.told()
    wanted = {("redemption", r): v for r, v in desk.query(
        "SELECT external_reference::text, handback.redemption_object(redemption_id) FROM ledger.redemption")}
    assert len(wanted) == 90 and {k: v for k, v in crm.kept.items() if k[0] == "redemption"} == wanted and crm.older == 0

"""What a target is told: each object once and in its newest state, nothing skipped, nothing lost when its teller ends."""
import json
import random
import threading
import uuid

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
            self.end(rows[0][0], objects=results(self, rows))
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


def test_the_log_keeps_each_line_where_of_a_state_only_the_newest_is_told(desk, add):
    crm = add(kinds=["redemption", "log"])
    desk.redeem("A", points=120)
    desk.redeem("B")
    desk.deliver([("A", "OK", {"Points": "121"}), ("B", "KO")])
    (hold,), = desk.query("SELECT hold_id FROM handback.hold")
    with Operators(desk.database) as people:
        people.decide([hold], "confirm")
    (event, who), = desk.query("SELECT event_id, who FROM audit.event WHERE what = 'approved'")
    crm.told()
    a, b = desk.references["A"], desk.references["B"]
    assert states(desk, crm) == {"A": "confirmed", "B": "reversed"}
    log = {key: o for (kind, key), o in crm.kept.items() if kind == "log"}
    assert {key: (o["line"], o["effect"], o["outcome"]) for key, o in log.items()} == {
        f"{a}-debit": ("debit", -120, None), f"{b}-debit": ("debit", -100, None), f"{b}-reversal": ("reversal", 100, "reversed"),
        f"{a}-confirmation": ("confirmation", 0, "confirmed"), f"{a}-decision-{event}": ("decision", 0, "confirmed")}
    decision = log[f"{a}-decision-{event}"]
    assert (decision["event"], decision["decided_by"], decision["entry"]) == ("approved", who, None)
    # its entry is the ledger's, and all of it is told once
    (entry, reversal), = desk.query("SELECT entry_id, external_reference::text FROM ledger.entry WHERE category = 'Redemption Reversal'")
    assert log[f"{b}-reversal"]["entry"] == entry and log[f"{b}-reversal"]["entry_reference"] == reversal.upper()
    told = desk.query("SELECT unnest(lines) FROM handback.delivery")
    assert sorted(line for line, in told) == sorted(log) and crm.claim() == []


def test_a_line_of_the_log_that_was_not_taken_comes_again_alone(desk, add):
    crm = add(kinds=["log"])
    desk.redeem("A")
    crm.told()
    desk.deliver([("A", "KO")])
    desk.redeem("B")
    rows = crm.claim()
    reference = desk.references["A"]
    assert [row[2] for row in rows] == [f"{reference}-reversal", desk.references["B"] + "-debit"]
    crm.end(rows[0][0], objects=[("log", row[2], row[3], "later" if row is rows[0] else "held", 200, "LOCKED") for row in rows])
    assert crm.claim() == []
    desk.db.execute("SET session_replication_role = replica")
    desk.db.execute("UPDATE handback.object_waiting SET retry_at = now() WHERE retry_at IS NOT NULL")
    desk.db.execute("SET session_replication_role = origin")
    (again,) = crm.claim()
    assert again[1:4] == ("log", f"{reference}-reversal", rows[0][3]) and again[4] == rows[0][4]
    crm.end(again[0], objects=[("log", again[2], again[3], "sent", 200, None)])
    assert desk.query("SELECT later, held FROM handback.target_status") == [(0, 1)]
    # replayed from the beginning, each line comes again as it was
    desk.db.execute("SELECT handback.replay_target('crm', '2000-01-01')")
    crm.told()
    assert {key for kind, key in crm.kept} == {f"{reference}-debit", f"{reference}-reversal", desk.references["B"] + "-debit"}


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
        desk.db.execute("UPDATE handback.object_waiting SET retry_at = now() WHERE retry_at IS NOT NULL")
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
    desk.db.execute("UPDATE handback.object_waiting SET retry_at = now() WHERE retry_at IS NOT NULL")
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


def events(desk):
    return [text for text, in desk.query("SELECT detail FROM audit.event WHERE what = 'target_replayed' ORDER BY event_id")]


def test_a_replay_never_passes_over_what_was_not_told_yet(desk, add):
    """A target that lags since Friday is replayed from Monday, or from a day since which nothing was: Friday is told all the same."""
    crm = add(kinds=["redemption"])
    for n in range(20):
        desk.redeem(f"R{n}")
    crm.told()
    crm.kept.clear()
    desk.deliver([(f"R{n}", "OK") for n in range(20)])
    rows = crm.claim()  # seven of the file
    crm.take(rows)
    crm.end(rows[0][0])
    desk.redeem("A")
    (day,), = desk.query("SELECT made_at FROM handback.outgoing ORDER BY outgoing_id DESC LIMIT 1")
    for since in (day, "infinity"):
        assert desk.query("SELECT handback.replay_target('crm', %s)", since)[0][0] >= 2
    assert all(text.endswith(" causes, from where it was: it is not told so far yet") for text in events(desk)) and len(events(desk)) == 2
    crm.calls = 0
    crm.told()
    assert states(desk, crm) == {**{f"R{n}": "confirmed" for n in range(20)}, "A": "open"} and crm.calls == 2
    # one that was told all goes back, and not beyond
    crm.kept.clear()
    desk.query("SELECT handback.replay_target('crm', %s)", day)
    crm.told()
    assert states(desk, crm) == {"A": "open"} and events(desk)[2].endswith(" causes")


def test_a_replay_notes_a_delivery_as_lost_whose_program_is_gone(desk, add):
    crm = add()
    desk.redeem("A")
    crm.claim()
    desk.db.execute("SELECT handback.pause_target('crm', 'it moves')")
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
        desk.db.execute("SELECT handback.replay_held('crm')")
    crm.close()
    while desk.query("SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database"
                     " WHERE datname = current_database())"):
        pass
    assert desk.query("SELECT handback.replay_held('crm')") == [(0,)]
    assert desk.query("SELECT result FROM handback.delivery_end ORDER BY delivery_id DESC LIMIT 2") == [("done",), ("lost",)]
    desk.db.execute("SELECT handback.resume_target('crm')")
    again = Target(desk.database)
    try:
        again.told()
        assert states(desk, again) == {"A": "open"}
    finally:
        again.close()


@pytest.mark.parametrize("cause", ["a file", "accruals"])
def test_a_long_cause_that_tells_a_target_nothing_holds_up_nobody(desk, add, cause):
    """Of three times as many records as one delivery has, or of many more: what comes behind it is told by the next claims."""
    crm = add(kinds=["redemption"], most=7 if cause == "a file" else 1)
    desk.redeem("A")
    crm.told()
    if cause == "a file":
        desk.deliver([(f"unknown {n}", "OK", {"Reference": str(uuid.uuid4())}) for n in range(21)])
    else:
        desk.db.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points)"
                        " SELECT 1, 1, 'Credit By Accrual', 1 FROM generate_series(1, 8000)")
    desk.redeem("B")
    claims = next(n for n in range(60) if crm.told() and "B" in states(desk, crm))
    assert claims == 0 or cause == "accruals"
    assert crm.claim() == [] and states(desk, crm) == {"A": "open", "B": "open"}


def test_what_stopped_a_target_stays_held_and_a_resume_goes_on_behind_it(desk, add):
    """Ten wrong objects in front of all others: they are sent again when a person says so, and the others do not wait for that."""
    crm = add(kinds=["redemption"], most=12)
    for n in range(15):
        desk.redeem(f"R{n}")
    rows = crm.claim()
    wrong = {row[2]: "held" for row in rows[:10]}
    crm.end(rows[0][0], "stopped", 400, "it refuses all", objects=results(crm, rows, **wrong, **{rows[10][2]: "unsent", rows[11][2]: "later"}))
    assert desk.query("SELECT state, held, later, result FROM handback.target_status") == [("stopped", 10, 2, "stopped")]
    desk.db.execute("SELECT handback.resume_target('crm')")
    crm.told()
    assert set(states(desk, crm)) == {key for key, r in desk.references.items() if r not in wrong} and len(crm.kept) == 5
    assert desk.query("SELECT count(*), max(tries) FROM handback.delivery_object_now WHERE result = 'held'") == [(10, 1)]
    desk.db.execute("SELECT handback.replay_held('crm')")
    crm.told()
    assert len(states(desk, crm)) == 15


def waits(desk, crm, times, *end, **more):
    """The seconds that the target waits after each of so many deliveries that end so."""
    found = []
    for _ in range(times):
        due(desk)
        rows = crm.claim()
        crm.end(rows[0][0], *end, **{k: v(rows) for k, v in more.items()})
        found.append(float(desk.query("SELECT extract(epoch FROM retry_at - ended_at) FROM handback.target_status")[0][0]))
    return found


def test_a_target_that_asks_for_a_second_each_time_waits_longer_each_time(desk, add):
    crm = add(kinds=["redemption"])
    desk.redeem("A")
    found = waits(desk, crm, 6, "again", 429, "too many", 1)
    assert all(2 ** (n + 1) * 0.49 <= wait <= 2 ** (n + 1) + 1 for n, wait in enumerate(found)), found
    assert waits(desk, crm, 1, "again", 429, "too many", 7200)[0] > 7199


def test_a_target_that_takes_some_and_fails_at_some_waits_longer_each_time(desk, add):
    crm = add(kinds=["redemption"])
    for n in range(30):
        desk.redeem(f"R{n}")

    def one_is_taken(rows):
        return results(crm, rows[1:], all="unsent")
    found = waits(desk, crm, 8, "done", 503, "busy", objects=one_is_taken)
    assert all(min(2 ** (n + 2), 128) * 0.49 <= wait <= min(2 ** (n + 2), 128) + 1 for n, wait in enumerate(found)), found
    due(desk)
    crm.told()
    desk.redeem("last")
    desk.redeem("and one more")
    assert waits(desk, crm, 1, "done", 503, "busy", objects=one_is_taken)[0] <= 5


def test_objects_are_what_the_api_says_with_their_versions(desk, add):
    """Made of many in one statement, and one by one by the API: the same."""
    for key in "ABCDEF":
        desk.redeem(key)
    desk.deliver([("A", "OK"), ("B", "KO"), ("C", "OK", {"Points": "1"}), ("D", "KO"), ("E", "OK")])
    desk.deliver([("D", "OK"), ("E", "KO")])
    desk.db.execute("SET timezone = 'UTC'")
    objects = desk.query("""
        SELECT o.object, api.redemption_json(o.subject) || jsonb_build_object('version', handback.redemption_version(o.subject),
            'programme', d.programme, 'reference', d.external_reference), handback.redemption_object(o.subject)
        FROM handback.redemption_objects(ARRAY(SELECT redemption_id FROM ledger.redemption)) o
        JOIN ledger.redemption d ON d.redemption_id = o.subject""")
    for one, by_the_api, alone in objects:
        assert one == by_the_api == alone
    assert {one["state"] for one, *_ in objects} == {"confirmed", "held", "open", "reversed"}
    assert desk.query("SELECT count(*) FROM handback.redemption_objects(ARRAY[0::bigint, NULL])") == [(0,)]


def reads(desk):
    """{table: rows that this transaction read of it}"""
    return dict(desk.query("SELECT relname, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables"
                           " WHERE schemaname = 'handback' AND relname IN ('delivery', 'delivery_end', 'delivery_object', 'object_waiting')"))


def test_a_claim_and_its_end_cost_what_waits_and_not_what_ever_waited(desk, add):
    """A target with years behind it: 4,000 deliveries that were done, each of whose 3 objects was held and then taken."""
    crm = add(kinds=["redemption"])
    desk.db.execute("""
        INSERT INTO handback.delivery (target, version, to_xid, to_outgoing, objects)
            SELECT d.target, 1, d.to_xid, d.to_outgoing, 3 FROM handback.delivery d, generate_series(1, 4000);
        INSERT INTO handback.delivery_end (delivery_id, result) SELECT delivery_id, 'done' FROM handback.delivery ON CONFLICT DO NOTHING;
        INSERT INTO handback.delivery_object (delivery_id, target, kind, key, subject, result, tries)
            SELECT delivery_id, target, 'redemption', 'x', 1000 + n, CASE WHEN delivery_id % 2 = 0 THEN 'held' ELSE 'sent' END, 1
            FROM handback.delivery, generate_series(1, 3) n;
        INSERT INTO handback.delivery_object (delivery_id, target, kind, key, subject, result, tries)
            SELECT max(delivery_id), 'crm', 'redemption', 'x', 5000 + n, 'held', 1 FROM handback.delivery, generate_series(1, 2000) n GROUP BY n;
        ANALYZE handback.delivery; ANALYZE handback.delivery_end; ANALYZE handback.delivery_object; ANALYZE handback.object_waiting""")
    desk.redeem("A")
    desk.redeem("B")
    with desk.db.transaction():
        before = reads(desk)
        rows = desk.query("SELECT delivery, kind, key, subject, object FROM handback.claim_delivery('crm', '{redemption}', 7)")
        desk.db.execute("SELECT handback.end_delivery(%s, 'done', 200, NULL, NULL, %s, %s, %s, %s, %s, %s)", (rows[0][0], *(
            [list(column) for column in zip(*results(crm, rows, all="later"), strict=True)])))
        read = {table: rows_read - before.get(table, 0) for table, rows_read in reads(desk).items()}
    assert len(rows) == 2 and all(count < 60 for count in read.values()), read


def test_people_see_what_is_held_and_what_became_of_each_redemption(desk, add):
    """target held, explain, and the night's notifications, once each."""
    crm = add(kinds=["redemption"])
    desk.redeem("A")
    desk.redeem("B")
    rows = crm.claim()
    a, b = desk.references["A"], desk.references["B"]
    kinds = results(crm, rows, **{a: "held", b: "sent"})
    crm.end(rows[0][0], objects=[(*row[:4], 422, "INVALID_PHONE") if row[3] == "held" else row for row in kinds])
    held, = json.loads(desk.ctl("target", "held", "crm", "--json").stdout)["held"]
    assert (held["key"], held["status"], held["why"], held["tries"]) == (a, 422, "INVALID_PHONE", 1) and held["since"]
    assert "INVALID_PHONE" in desk.ctl("target", "held", "crm").stdout
    assert "there is no target" in desk.ctl("target", "held", "cmr", allowed=(2,)).stderr

    def story(reference):
        return [(e["what"], e["detail"]) for e in json.loads(desk.ctl("explain", reference, "--json").stdout)["events"] if "target crm" in e["what"]]
    number = rows[0][0]
    assert story(a) == [("target crm told: open, version 1: refused, and held", f"delivery {number}, try 1, HTTP 422, INVALID_PHONE")]
    assert story(b) == [("target crm told: open, version 1: taken", f"delivery {number}, HTTP 200")]
    for _ in range(2):
        desk.nightly()
    told = [json.loads(p.read_text()) for p in (desk.spool / "notifications").rglob("target_*.json")]
    assert [(n["notification"], n["message"]) for n in told] == [("target_held", "crm did not take 1 objects: handbackctl target held crm")]
    desk.db.execute("SELECT handback.refuse_target('crm', 1, 'no credential')")
    desk.nightly()
    assert {p.name.split("-")[0] for p in (desk.spool / "notifications").rglob("target_*.json")} == {"target_held", "target_stopped"}

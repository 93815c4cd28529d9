"""One answer for several redemptions that share a reference: all of them are decided the same way, or none is."""
import json
import subprocess

import psycopg
import pytest

import proof
from operators import Operators
from worker import Desk, Worker

GROUP = "group: partner_reference"


def settings(**more):
    return {"order_by": "none", "resubmission": "continue", "match": "[external_reference, partner_reference]", "more": GROUP, **more}


@pytest.fixture
def desk(database, build):
    with Desk(database, build, **settings()) as made:
        yield made
        assert proof.differences(made.db) == []
        made.ctl("audit", "verify")


def booking(desk, name="BK1", points=(100, 200, 300), member=1, **columns):
    """Redemptions that share a booking: their keys."""
    keys = [f"{name}-{n}" for n in range(len(points))]
    for key, some in zip(keys, points):
        desk.redeem(key, member=member, points=some, partner_reference=name, **columns)
    return keys


def answer(status="OK", points=600, name="BK1", **columns):
    return "", status, {"Booking": name, "Points": points, **columns}


def deliver(desk, *answers, **more):
    return desk.deliver(list(answers), **more)["file"]


def states(desk):
    return {key: desk.query("SELECT handback.redemption_state(redemption_id) FROM ledger.redemption WHERE external_reference = %s",
                            reference)[0][0] for key, reference in desk.references.items()}


def reverse_by_application(desk, entry, points):
    desk.db.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points, answers_entry_id, origin)"
                    " VALUES (1, 1, 'Redemption Reversal', %s, %s, 'application')", (points, entry))


@pytest.mark.parametrize("stated", [600, ""])
@pytest.mark.parametrize("status, outcome, state, back", [("OK", "confirmed", "confirmed", 0), ("LATE", "confirmed", "confirmed", 0), ("KO", "reversed", "reversed", 600)])
def test_all_are_decided_the_same_way_once(desk, status, outcome, state, back, stated):
    keys = booking(desk)
    desk.redeem("OTHER", points=50)
    file = deliver(desk, answer(status, stated), ("OTHER", "OK", {"Points": 50}))
    assert desk.outcomes(file) == [("informational", None), ("confirmed", None)]
    assert desk.details(file)[0] == "it answers 3 redemptions of 600 points"
    assert desk.outcomes(file, 1) == [(outcome, None)] * 3
    assert {states(desk)[key] for key in keys} == {state}
    assert (desk.reversals(), desk.balance()) == (3 if back else 0, back)
    assert desk.query("SELECT what, subject, detail FROM audit.event") == [("group_answered", f"file {file}", "3 redemptions of 1 records")]
    assert "for its group: " + outcome in desk.ctl("explain", desk.references[keys[1]]).stdout
    [row] = [r for r in json.loads(desk.ctl("report", "--all", "--json").stdout)["rematched"] if r["how"] == "group_answered"]
    assert (row[outcome], row["points"], row["ledger_points"]) == (3, 600, back)
    shown = json.loads(desk.ctl("show", file, "--records", "--json").stdout)["records"]
    assert [(r["record"], r["revision"], r["outcome"]) for r in shown] == [(1, 0, "informational")] + [(1, 1, outcome)] * 3 + [(2, 0, "confirmed")]
    # again: applied already; the opposite: a contradiction of all
    again = deliver(desk, answer(status, stated, Text="again"))
    assert desk.outcomes(again, 1) == [("already_applied", None)] * 3
    opposite = deliver(desk, answer("KO" if outcome == "confirmed" else "OK", stated))
    assert desk.outcomes(opposite) == [("held", "contradiction")] and desk.balance() == back


@pytest.mark.parametrize("status", ["OK", "KO"])
def test_one_that_the_application_reversed_holds_all(desk, status):
    keys = booking(desk, points=(100, 200))
    entry = desk.redeem("third", points=300, partner_reference="BK1")
    reverse_by_application(desk, entry, 300)
    file = deliver(desk, answer(status))
    assert desk.outcomes(file) == [("held", "group_differs")] and desk.outcomes(file, 1) == []
    assert desk.details(file) == [f"of its 3 redemptions of 600 points {desk.references['third']} is reversed" + (": contradiction" if status == "OK" else "")]
    assert (states(desk)[keys[0]], desk.reversals(), desk.balance()) == ("open", 1, 300)
    [hold] = json.loads(desk.ctl("holds", "--json").stdout)["holds"]
    facts = json.loads(desk.ctl("hold", "show", hold["hold"], "--json").stdout)
    assert facts["hold"]["reason"] == "group_differs" and len(facts["candidates"]) == 3


@pytest.mark.parametrize("change, reason, detail", [
    ({"Points": 601}, "points_mismatch", "points: stated 601, redeemed 600 by 3 redemptions"),
    ({"Cents": 299}, "amount_mismatch", "amount: stated 299, redeemed 300 by 3 redemptions"),
    ({"Currency": "USD"}, "currency_mismatch", None), ({"Member": "M2"}, "member_mismatch", None),
    ({"Reason": "FRAUD"}, "reason_holds", None), ({"Reason": "ZZ"}, "unknown_reason", None)])
def test_what_does_not_fit_holds_the_whole_record(desk, change, reason, detail):
    booking(desk)
    file = deliver(desk, answer("KO", **{"points": change.pop("Points", 600)}, **change))
    assert desk.outcomes(file) == [("held", reason)] and detail in (None, *desk.details(file))
    assert desk.reversals() == 0 and set(states(desk).values()) == {"open"}


def test_one_of_another_member_is_named(desk):
    booking(desk, points=(100, 200))
    desk.redeem("theirs", member=2, points=300, partner_reference="BK1")
    file = deliver(desk, answer("KO"))
    assert desk.outcomes(file) == [("held", "member_mismatch")] and desk.references["theirs"] in desk.details(file)[0]
    # where no member is stated it is the booking's
    assert desk.outcomes(deliver(desk, answer("KO", Member="")), 1) == [("reversed", None)] * 3 and desk.balance(2) == 300


def test_one_of_a_member_whose_status_the_profile_holds_holds_all(database, build):
    with Desk(database, build, **settings(more=GROUP + "\nhold_members: [Cancelled]")) as desk:
        booking(desk, points=(100, 200))
        desk.redeem("theirs", member=2, points=300, partner_reference="BK1")
        desk.db.execute("UPDATE ledger.member SET status = 'Cancelled' WHERE member_id = 2")
        file = deliver(desk, answer("KO", Member=""))
        assert desk.outcomes(file) == [("held", "group_differs")] and desk.reversals() == 0
        assert desk.details(file)[0].endswith(desk.references["theirs"] + " is open: member_status")


def test_a_group_of_one_and_of_none_are_as_ever(desk):
    booking(desk, points=(100,))
    assert desk.outcomes(deliver(desk, answer("KO", 100))) == [("reversed", None)]
    assert desk.outcomes(deliver(desk, answer("KO", 100, name="NONE"))) == [("held", "unknown_reference")]


def test_records_that_name_a_redemption_twice(desk):
    keys = booking(desk)
    booking(desk, "BK2"), booking(desk, "BK3")
    file = deliver(desk, answer("KO"), answer("KO"), answer("OK", name="BK2"), answer("KO", name="BK2"),
                   answer("KO", name="BK3"), ("BK3-1", "OK", {"Points": 200}))
    assert desk.outcomes(file) == [("informational", None), ("duplicate_record", None)] + [("held", "conflicting_duplicate")] * 4
    assert desk.details(file)[4:] == ["conflicting records: 5, 6"] * 2
    assert desk.reversals() == 3 and {states(desk)[key] for key in keys} == {"reversed"}


def test_pending_decides_nothing(desk):
    booking(desk)
    file = deliver(desk, answer("WAIT"))
    assert desk.outcomes(file) == [("informational", None)] and desk.outcomes(file, 1) == []
    assert set(states(desk).values()) == {"open"}


@pytest.mark.parametrize("allowed, held", [(3, False), (2, True)])
def test_the_guard_counts_each_redemption(database, build, allowed, held):
    with Desk(database, build, **settings(more=f"{GROUP}\nguard: {{rejects: {allowed}}}")) as desk:
        booking(desk)
        reply = desk.deliver([answer("KO")])
        assert (reply["state"], desk.reversals()) == (("held", 0) if held else ("posted", 3))
        if held:
            assert desk.row(reply["file"])["hold_reason"] == "guard"


def test_a_ledger_that_refuses_one_posts_none_of_the_file(desk):
    booking(desk, points=(100, 200, 300))
    desk.redeem("A", points=50), desk.redeem("B", member=2, points=2, partner_reference="BK9"), desk.redeem("C", member=3, points=2, partner_reference="BK9")
    desk.db.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points) SELECT 1, 3, 'Credit By Accrual', 9223372036854775807 - points"
                    " FROM ledger.balance WHERE member_id = 3")
    reply = desk.deliver([answer("KO"), ("A", "KO", {"Points": 50}), answer("KO", 4, name="BK9", Member="")])
    assert (reply["state"], desk.row(reply["file"])["hold_reason"], desk.reversals()) == ("held", "posting_failed", 0)
    assert "group" in desk.refusals(reply["file"])[0][1] and set(states(desk).values()) == {"open"}


def test_what_a_group_settles_ends_holds_about_it(desk):
    keys = booking(desk)
    held = deliver(desk, (keys[0], "KO", {"Points": 99}))
    assert desk.outcomes(held) == [("held", "points_mismatch")]
    deliver(desk, answer("KO"))
    assert desk.outcomes(held, 1) == [("closed", None)]
    assert desk.query("SELECT how FROM handback.hold_end") == [("overtaken",)]


def test_an_older_answer_to_a_group_moves_nothing(database, build):
    with Desk(database, build, **settings(order_by="sequence")) as desk:
        booking(desk)
        desk.deliver([answer("OK")], sequence=5)
        for status, expected in (("KO", ("held", "contradiction")), ("OK", ("informational", None))):
            file = desk.deliver([answer(status, Text="older")], sequence=4 if status == "KO" else 3)["file"]
            assert desk.outcomes(file) == [expected] and desk.outcomes(file, 1) == [] and desk.reversals() == 0


def test_an_older_answer_to_a_group_ends_no_hold_of_a_newer_file(database, build):
    """As one of a single redemption ends none."""
    with Desk(database, build, **settings(order_by="sequence")) as desk:
        keys = booking(desk)
        held = desk.deliver([(keys[0], "KO", {"Points": 99})], sequence=5)["file"]
        assert desk.outcomes(held) == [("held", "points_mismatch")]
        older = desk.deliver([answer("KO")], sequence=1)["file"]
        assert desk.outcomes(older, 1) == [("reversed", None)] * 3
        assert desk.outcomes(held, 1) == [] and desk.query("SELECT how FROM handback.hold_end") == []


def test_a_group_that_turns_up_later_is_for_people(database, build):
    with Desk(database, build, **settings()) as desk:
        file = deliver(desk, answer("KO"))
        keys = booking(desk)
        desk.nightly()
        assert desk.outcomes(file, 1) == [("held", "ambiguous")] and desk.reversals() == 0
        assert desk.outcomes(deliver(desk, answer("KO", Text="again")), 1) == [("reversed", None)] * 3
        assert {states(desk)[key] for key in keys} == {"reversed"}
        assert proof.differences(desk.db) == []
        desk.ctl("audit", "verify")


def test_the_same_file_again_and_two_files_at_once(database, build):
    with Desk(database, build, **settings()) as desk:
        booking(desk)
        data = desk.file([answer("KO")])
        assert [desk.deliver(data, sequence=1)["state"], desk.deliver(data, sequence=1)["state"]] == ["posted", "duplicate"]
        second = Worker(build, desk.config, desk.dir / "log2").wait_ready()
        for n in range(4):
            booking(desk, f"R{n}")
            for k, worker in ((1, desk.worker), (2, second)):
                name = f"AIR_{10 * n + 100 + k}.csv"
                desk.drop(name, desk.file([answer("KO", name=f"R{n}", Text=str(k))]))
                worker.send(desk.inbound, name, "air", "AIR", "air")
            assert {desk.worker.answer()["end"], second.answer()["end"]} == {"done"}
        second.close()
        assert desk.reversals() == 15 and desk.balance() == 5 * 600
        assert desk.query("SELECT n.name, count(*) FROM handback.outcome o JOIN handback.outcome_name n USING (outcome)"
                          " WHERE revision = 1 GROUP BY n.name ORDER BY n.name") == [("already_applied", 12), ("reversed", 15)]
        assert proof.differences(desk.db) == []
        desk.ctl("audit", "verify")


@pytest.mark.parametrize("change", [
    "DELETE FROM handback.outcome WHERE revision = 1", "UPDATE handback.outcome SET outcome = 1, reversal_id = NULL WHERE revision = 1 AND redemption_id % 2 = 0",
    "DELETE FROM handback.outcome WHERE ctid = (SELECT max(ctid) FROM handback.outcome)"])
def test_a_changed_group_is_named(database, build, change):
    with Desk(database, build, **settings()) as desk:
        booking(desk)
        deliver(desk, answer("KO"))
        desk.ctl("audit", "verify")
        desk.db.execute("SET session_replication_role = replica")
        desk.db.execute(change)
        desk.ctl("audit", "verify", allowed=(5,))


def test_the_database_answers_no_part_of_a_group(database, build):
    with Desk(database, build, **settings()) as desk:
        booking(desk)
        file = deliver(desk, answer("OK"))
        ids = [row[0] for row in desk.query("SELECT redemption_id FROM ledger.redemption ORDER BY 1")]
        for redemptions, outcomes in ((ids, [1, 1, 2]), (ids[:1], [1]), (ids, [1, 1, 1])):
            with pytest.raises(psycopg.errors.IntegrityError):
                desk.db.execute("SELECT handback.answer_groups(%s, %s::bigint[], %s::bigint[], %s::smallint[])",
                                (file, [1] * len(redemptions), redemptions, outcomes))


@pytest.mark.parametrize("change, says", [
    ({"match": "[external_reference]"}, "needs a key of match"), ({"more": GROUP + "\nsplit: line"}, "beside split"), ({"more": "group: line"}, "group"), ({}, None)])
def test_lint_refuses_a_group_that_no_key_finds(database, build, change, says):
    with Desk(database, build, start=False, **{**settings(), **change}) as desk:
        done = subprocess.run([desk.build / "ctl/handbackctl", "profile", "lint", desk.profiles / "air.yaml"], capture_output=True, text=True)
        assert (says or "") in done.stdout + done.stderr and (done.returncode == 0) == (says is None)


def test_people_decide_one_redemption_of_a_held_group(desk):
    keys = booking(desk)
    deliver(desk, answer("KO", 601))
    [hold] = json.loads(desk.ctl("holds", "--json").stdout)["holds"]
    with Operators(desk.database) as people:
        people.decide([hold["hold"]], "close")
    assert desk.outcomes(deliver(desk, answer("KO")), 1) == [("reversed", None)] * 3 and set(map(states(desk).get, keys)) == {"reversed"}

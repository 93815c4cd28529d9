"""Holds that end by themselves: their redemption was settled otherwise, as their record asks; and those that stay."""
import json

import pytest

import proof
from operators import Operators
from worker import Desk

OF_ANOTHER = {"Points": 101}  # does not agree with the redemption


@pytest.fixture
def desk(database, build):
    with Desk(database, build) as made, Operators(database) as people:
        made.people = people
        made.redeem("R")
        yield made
        assert proof.differences(made.db) == []
        made.ctl("audit", "verify")


def ended(desk):
    return desk.query("SELECT h.hold_id, e.how FROM handback.hold h LEFT JOIN handback.hold_end e USING (hold_id) ORDER BY 1")


def hold(desk, *answer, **more):
    """A record that is held, in a file of its own: the hold's number."""
    file = desk.deliver([answer], **more)["file"]
    return desk.query("SELECT hold_id FROM handback.hold WHERE file_id = %s", file)[0][0]


@pytest.mark.parametrize("status, state", [("OK", "confirmed"), ("KO", "reversed")])
def test_the_right_record_of_tomorrow_ends_the_hold_of_today(desk, status, state):
    """R5: one answer, one settlement, nothing left for people."""
    today = hold(desk, "R", status, OF_ANOTHER)
    proposal = desk.people.propose([today], "close")
    file = desk.deliver([("R", status)])["file"]
    assert ended(desk) == [(today, "overtaken")]
    outcome, detail = desk.query("SELECT n.name, o.detail FROM handback.outcome o JOIN handback.outcome_name n USING (outcome)"
                                 " WHERE revision = 1")[0]
    assert outcome == "closed" and detail.endswith(f" is {state} by record 1 of file {file}")
    assert desk.query("SELECT what, subject, detail FROM audit.event WHERE what = 'overtaken'") == [
        ("overtaken", f"file {file}", "1 holds whose redemption it settled")]
    assert desk.query("SELECT how, why FROM handback.proposal_end WHERE proposal_id = %s", proposal) == [
        ("withdrawn", "none of its holds is open any more")]
    assert json.loads(desk.ctl("holds", "--json").stdout)["holds"] == []
    assert json.loads(desk.ctl("proposals", "--json").stdout)["proposals"] == []
    assert "settled otherwise: closed" in desk.ctl("explain", desk.references["R"]).stdout
    assert desk.reversals() == (status == "KO")


@pytest.mark.parametrize("held, settled", [("OK", "KO"), ("KO", "OK")])
def test_a_hold_that_says_the_opposite_stays_and_says_that_it_is_settled(desk, held, settled):
    today = hold(desk, "R", held, OF_ANOTHER)
    desk.deliver([("R", settled)])
    assert ended(desk) == [(today, None)]
    [row] = json.loads(desk.ctl("holds", "--json").stdout)["holds"]
    assert row["redemption_state"] == ("reversed" if settled == "KO" else "confirmed")


def test_a_contradiction_stays_whatever_is_said_again(desk):
    desk.deliver([("R", "OK")])
    contradiction = hold(desk, "R", "KO")
    desk.deliver([("R", "OK", {"Text": "again"})])
    assert ended(desk) == [(contradiction, None)]
    desk.people.decide([hold(desk, "R", "KO", OF_ANOTHER)], "reverse")  # by another hold of the same
    assert [how for _, how in ended(desk)] == ["overtaken", "reversed"]


@pytest.mark.parametrize("status", ["OK", "KO"])
def test_what_only_waits_is_ended_by_any_answer(desk, status):
    """Pending decides nothing, and a retry asks for another answer."""
    holds = [hold(desk, "R", "WAIT", OF_ANOTHER), hold(desk, "R", "KO", {"Reason": "SYSTEM"})]
    desk.deliver([("R", status)])
    assert ended(desk) == [(h, "overtaken") for h in holds]


def test_what_the_partner_said_in_these_very_words_is_ended(desk):
    """Its reason turns the rejection into an acceptance."""
    today = hold(desk, "R", "KO", {**OF_ANOTHER, "Reason": "MOVED"})
    other = hold(desk, "R", "KO", OF_ANOTHER)
    assert desk.outcomes(desk.deliver([("R", "KO", {"Reason": "MOVED"})])["file"]) == [("confirmed", None)]
    assert ended(desk) == [(today, "overtaken"), (other, None)]


def test_an_older_file_is_no_newer_word(desk):
    newer = hold(desk, "R", "OK", OF_ANOTHER, sequence=7)
    assert desk.outcomes(desk.deliver([("R", "OK")], sequence=3)["file"]) == [("confirmed", None)]
    assert ended(desk) == [(newer, None)]


def test_a_hold_that_came_after_the_settlement_stays_until_the_partner_says_it_right(desk):
    desk.deliver([("R", "OK")])
    late = hold(desk, "R", "OK", OF_ANOTHER)
    assert desk.nightly()["done"]["overtaken"] == 0 and ended(desk) == [(late, None)]
    assert desk.outcomes(desk.deliver([("R", "OK", {"Text": "right"})])["file"]) == [("already_applied", None)]
    assert ended(desk) == [(late, "overtaken")]


def test_what_an_application_reversed_ends_by_night(desk):
    agrees, opposite = hold(desk, "R", "KO", OF_ANOTHER), hold(desk, "R", "OK", OF_ANOTHER)
    assert desk.query("SELECT (ledger.reversal_points(d.programme, d.member, d.merchant, d.external_reference)).code"
                      " FROM ledger.redemption d") == [("000",)]
    assert desk.nightly()["done"]["overtaken"] == 1
    assert ended(desk) == [(agrees, "overtaken"), (opposite, None)]
    assert desk.nightly()["done"]["overtaken"] == 0


def test_only_what_is_of_the_redemption_and_the_partner_ends(desk):
    desk.redeem("S")
    holds = [hold(desk, "S", "OK", OF_ANOTHER), hold(desk, "R", "OK", OF_ANOTHER)]
    desk.deliver([("R", "OK")])
    assert ended(desk) == [(holds[0], None), (holds[1], "overtaken")]


def test_a_file_of_many_records_ends_what_it_settles(desk):
    """More than are named one by one."""
    keys = [f"K{n}" for n in range(1200)]
    desk.redeem_all(keys)
    holds = desk.deliver([(key, "OK", OF_ANOTHER) for key in (keys[0], "R", keys[-1])])["file"]
    file = desk.deliver([(key, "OK") for key in keys])["file"]
    assert desk.query("SELECT h.record_no, e.how FROM handback.hold h LEFT JOIN handback.hold_end e USING (hold_id)"
                      " WHERE file_id = %s ORDER BY 1", holds) == [(1, "overtaken"), (2, None), (3, "overtaken")]
    assert desk.query("SELECT detail FROM audit.event WHERE what = 'overtaken' AND subject = %s", f"file {file}") == [
        ("2 holds whose redemption it settled",)]


def test_a_proposal_of_several_waits_while_one_of_its_holds_is_open(desk):
    desk.redeem("S")
    holds = [hold(desk, "S", "OK", OF_ANOTHER), hold(desk, "R", "OK", OF_ANOTHER)]
    proposal = desk.people.propose(holds, "close")
    desk.deliver([("R", "OK")])
    assert desk.query("SELECT * FROM handback.proposal_end") == []
    desk.deliver([("S", "OK")])
    assert desk.query("SELECT proposal_id, how FROM handback.proposal_end") == [(proposal, "withdrawn")]


def test_a_changed_end_is_named(desk):
    hold(desk, "R", "OK", OF_ANOTHER)
    desk.deliver([("R", "OK")])
    desk.db.execute("SET session_replication_role = replica")
    desk.db.execute("UPDATE handback.outcome SET detail = 'by nobody' WHERE revision = 1")
    assert "outcome" in desk.ctl("audit", "verify", allowed=(5,)).stdout
    desk.db.execute("UPDATE handback.outcome SET detail = (SELECT format('redemption %s is confirmed by record 1 of file %s', o.redemption_id,"
                    " o.file_id) FROM handback.outcome o WHERE o.outcome = 1) WHERE revision = 1")
    desk.db.execute("UPDATE handback.hold_end SET ended_at = ended_at + interval '1 second'")
    assert "said to have ended as overtaken" in desk.ctl("audit", "verify", allowed=(5,)).stdout
    desk.db.execute("UPDATE handback.hold_end SET ended_at = ended_at - interval '1 second'")
    desk.db.execute("SET session_replication_role = origin")


def test_holds_of_one_redemption_are_counted_once_in_points_too(desk):
    """Three records about one debit of 100 points wait for one decision."""
    desk.redeem("S")
    holds = [hold(desk, "R", "OK", OF_ANOTHER), hold(desk, "R", "KO", OF_ANOTHER), hold(desk, "R", "KO", {"Reason": "FRAUD"}),
             hold(desk, "S", "OK", OF_ANOTHER)]
    said = json.loads(desk.ctl("holds", "--json").stdout)
    assert [h["hold"] for h in said["holds"]] == holds  # each is listed
    assert [(r["reason"], r["records"], r["points"]) for r in said["reasons"]] == [("points_mismatch", 2, 200)]
    assert desk.nightly()["done"]["holds"] == 2
    report = json.loads(desk.ctl("report", "--all", "--json").stdout)
    assert report["summary"]["open_holds"] == 2 and sum(r["points"] for r in report["holds"]) == 200
    shown = json.loads(desk.ctl("hold", "show", holds[0], "--json").stdout)["siblings"]
    assert [(s["hold"], s["reason"], s["verdict"]) for s in shown] == [(holds[1], "points_mismatch", "rejected"),
                                                                     (holds[2], "reason_holds", "rejected")]

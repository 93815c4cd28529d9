"""What people decide while files of the same partner are decided, and while others decide: one after the other."""
import concurrent.futures
import time

import psycopg
import pytest

import proof
import worker
from operators import Operators

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
CHAIN = "SELECT FROM audit.chain_end()"  # whoever has it keeps every transaction from its end


@pytest.fixture
def desk(database, build):
    with worker.Desk(database, build) as made, Operators(database) as people:
        made.people = people
        made.redeem("R")
        yield made
        assert proof.differences(made.db) == []
        # confirmed and reversed is what nobody has decided
        assert made.query("SELECT redemption_id FROM handback.outcome WHERE outcome IN (1, 2) GROUP BY 1 HAVING count(*) > 1") == []


@pytest.fixture
def pool():
    with concurrent.futures.ThreadPoolExecutor() as made:
        yield made


def held(desk):
    """A hold about the redemption, which stays open."""
    file = desk.deliver([("R", "OK", {"Points": 101 + desk.sequence})])["file"]
    return desk.query("SELECT hold_id FROM handback.hold WHERE file_id = %s", file)[0][0]


def until_waiting(desk, many=1):
    for _ in range(2000):
        if desk.query(WAITING)[0][0] >= many:
            return
        time.sleep(0.01)
    raise AssertionError("nobody waits for a lock")


def decisions(desk):
    return desk.query("SELECT outcome, hold_reason FROM handback.outcome ORDER BY file_id, revision")


def test_a_confirmation_is_seen_by_the_file_that_rejects(desk, pool):
    proposal = desk.people.propose([held(desk)], "confirm")
    with desk.people.ben.transaction():
        desk.people.approve(proposal)
        file = pool.submit(desk.deliver, [("R", "KO")])
        until_waiting(desk)
    assert file.result()["state"] == "posted"
    assert decisions(desk) == [(6, "points_mismatch"), (1, None), (6, "contradiction")] and desk.reversals() == 0


def test_a_file_that_rejects_is_seen_by_the_confirmation(desk, pool):
    proposal = desk.people.propose([held(desk)], "confirm")
    with desk.database.connect(autocommit=False) as chain:
        chain.execute(CHAIN)
        file = pool.submit(desk.deliver, [("R", "KO")])
        until_waiting(desk)  # it has reversed, and is about to commit
        approval = pool.submit(desk.people.approve, proposal)
        until_waiting(desk, 2)
        chain.rollback()
    assert file.result()["reversed"] == 1
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="is reversed already"):
        approval.result()
    assert decisions(desk) == [(6, "points_mismatch"), (2, None)] and desk.reversals() == 1


@pytest.mark.parametrize("decision, word", [("confirm", "was withdrawn"), ("reverse", "is reversed already")])
def test_two_approvals_about_one_redemption(desk, pool, decision, word):
    """Each of a hold of its own, both accepted: whoever comes second is told what the first has done."""
    first, second = (desk.people.propose([held(desk)], decision) for _ in range(2))
    with Operators(desk.database) as others:
        with desk.people.ben.transaction():
            desk.people.approve(first)
            approval = pool.submit(others.approve, second)
            until_waiting(desk)
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match=word):
            approval.result()


@pytest.mark.parametrize("decision", ["confirm", "reverse", "reinstate"])
def test_one_proposal_for_two_holds_of_one_redemption(desk, decision):
    holds = [held(desk), held(desk)]
    if decision == "reinstate":
        desk.deliver([("R", "KO")])
    proposal = desk.people.propose(holds, decision)
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="are of one redemption.*close the other"):
        desk.people.approve(proposal)
    desk.people.decide(holds[:1], decision)
    if decision == "reverse":  # the other says accepted: it stays until it is closed
        desk.people.decide(holds[1:], "close")
    else:
        assert desk.query("SELECT how FROM handback.hold_end WHERE hold_id = %s", holds[1]) == [("overtaken",)]


def test_one_credit_for_two_rejections_of_what_was_reinstated(desk):
    """Both in one proposal are refused, as for every decision; one of them is credited, once, and both holds have ended."""
    for status in ("KO", "OK"):
        desk.deliver([("R", status)])
    desk.people.decide([h for h, in desk.query("SELECT hold_id FROM handback.hold")], "reinstate")
    for text in ("first", "second"):
        assert desk.outcomes(desk.deliver([("R", "KO", {"Text": text})])["file"]) == [("held", "contradiction")]
    holds = [h for h, in desk.query("SELECT hold_id FROM handback.hold_open ORDER BY 1")]
    proposal = desk.people.propose(holds, "credit")
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="are of one redemption.*close the other"):
        desk.people.approve(proposal)
    assert desk.balance() == 0
    desk.people.decide(holds[:1], "credit")
    assert desk.balance() == 100
    assert desk.query("SELECT hold_id, how FROM handback.hold_end WHERE hold_id = ANY (%s) ORDER BY 1", holds) == [
        (holds[0], "credited"), (holds[1], "overtaken")]


def test_a_file_that_goes_by_itself_while_people_close_it(database, build, pool):
    with worker.Desk(database, build, gap="hold") as desk, Operators(database) as people:
        for key in "AB":
            desk.redeem(key)
        early = desk.deliver([("B", "KO")], sequence=2)["file"]
        desk.deliver([("A", "OK")], sequence=1)
        proposal = people.propose([desk.query("SELECT hold_id FROM handback.hold WHERE file_id = %s", early)[0][0]], "close")
        with people.ben.transaction():
            people.approve(proposal)
            went = pool.submit(desk.worker.release)
            until_waiting(desk)
        assert went.result()["end"] == "gone" and desk.reversals() == 0 and desk.release() == []
        assert desk.query("SELECT how FROM handback.hold_end") == [("closed",)]
        assert proof.differences(desk.db) == []


def test_people_close_a_file_that_goes_by_itself(database, build, pool):
    with worker.Desk(database, build, gap="hold") as desk, Operators(database) as people:
        for key in "AB":
            desk.redeem(key)
        early = desk.deliver([("B", "KO")], sequence=2)["file"]
        desk.deliver([("A", "OK")], sequence=1)
        proposal = people.propose([desk.query("SELECT hold_id FROM handback.hold WHERE file_id = %s", early)[0][0]], "close")
        with desk.database.connect(autocommit=False) as chain:
            chain.execute(CHAIN)
            went = pool.submit(desk.worker.release)
            until_waiting(desk)
            approval = pool.submit(people.approve, proposal)
            until_waiting(desk, 2)
            chain.rollback()
        assert went.result()["state"] == "posted" and desk.reversals() == 1
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="was withdrawn"):
            approval.result()
        assert desk.query("SELECT how FROM handback.hold_end") == [("released",)]
        assert proof.differences(desk.db) == []

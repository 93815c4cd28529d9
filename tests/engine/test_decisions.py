"""What two people may decide, what they have to see, and many holds in one proposal: in pieces, each of them once."""
import json
import os
import signal
import subprocess
import threading
import time

import psycopg
import pytest

import proof
from operators import Operators
from worker import Desk

WRONG = {"Points": 123, "Member": "M2"}  # U7
REFUSED = psycopg.errors.ObjectNotInPrerequisiteState


@pytest.fixture
def desk(database, build):
    with Desk(database, build) as made, Operators(database) as people:
        made.people = people
        made.redeem("R")
        yield made
        assert proof.differences(made.db) == []
        made.ctl("audit", "verify")


def as_(desk, who, *arguments, allowed=(0,)):
    return desk.ctl("--database", desk.database.conninfo(who), *arguments, allowed=allowed)


def hold(desk, *answer):
    file = desk.deliver([answer])["file"]
    return desk.query("SELECT hold_id FROM handback.hold WHERE file_id = %s", file)[0][0]


def test_a_difference_is_said_again_kept_and_shown_to_the_approver(desk):
    """U7: a record of B, 123 points, decided onto a redemption of A, 100 points."""
    stranger = hold(desk, "6f0e6f1c-9d0b-4a57-8b39-0f2f4c1d7e55", "KO", WRONG)
    differs = "member: stated M2, redeemed M1; points: stated 123, redeemed 100"
    propose = ("hold", "propose", "reverse", stranger, "--redemption", desk.references["R"], "--why", "by mail")
    refused = as_(desk, "ann", *propose, allowed=(2,)).stderr
    assert f"its record and the redemption differ: {differs}; where it is meant all the same, use --accept-difference" in refused
    as_(desk, "ann", *propose, "--accept-difference")
    [waits] = json.loads(desk.ctl("proposals", "--json").stdout)["proposals"]
    assert waits["difference"] == differs
    assert desk.query("SELECT detail FROM audit.event WHERE what = 'proposed'")[0][0].endswith(f", accepting the difference: {differs}")
    assert f"record and redemption differ: {differs}" in as_(desk, "ben", "hold", "approve", waits["proposal"]).stderr
    assert desk.reversals() == 1


def test_a_mismatch_shows_both_values_before_it_is_decided(desk):
    unlike = hold(desk, "R", "KO", {"Currency": "USD"})
    with pytest.raises(REFUSED, match="differ: currency: stated USD, redeemed EUR"):
        desk.people.propose([unlike], "reverse", accept=False)
    desk.people.propose([unlike], "close", accept=False)
    with pytest.raises(REFUSED, match="differ: currency"):
        desk.people.propose([unlike, hold(desk, "R", "WAIT", {"Points": 7})], "reverse", accept=False)


def test_what_agrees_needs_no_word_more(desk):
    desk.people.decide([hold(desk, "R", "KO", {"Reason": "FRAUD"})], "reverse")
    assert desk.query("SELECT difference FROM handback.proposal") == [(None,)]


def test_a_redemption_of_another_programme_is_refused(desk):
    desk.redeem("Q", member=11)
    stranger = hold(desk, "6f0e6f1c-9d0b-4a57-8b39-0f2f4c1d7e55", "KO", {"Member": "M11"})
    with pytest.raises(REFUSED, match="is of programme Q, and its record of P"):
        desk.people.propose([stranger], "reverse", "why", desk.references["Q"])
    named = hold(desk, "R", "KO", {"Programme": "Q"})
    with pytest.raises(REFUSED, match="is of programme P, and its record of Q"):
        desk.people.propose([named], "reverse")
    assert desk.reversals() == 0


def test_what_is_not_open_any_more_is_left_out_and_listed(desk):
    """Today's bulk proposal of which one hold ended could never be approved."""
    for key in "ABC":
        desk.redeem(key)
    holds = [hold(desk, key, "KO", WRONG) for key in "ABC"]
    proposal = desk.people.propose(holds, "reverse")
    desk.deliver([("A", "KO")])  # overtaken
    desk.query("SELECT (ledger.reversal_points(d.programme, d.member, d.merchant, d.external_reference)).code"
               " FROM ledger.redemption d WHERE d.external_reference = %s", desk.references["B"])
    said = json.loads(as_(desk, "ben", "hold", "approve", proposal, "--json").stdout)
    [first, second] = said["left_out"]
    assert (first["hold"], first["why"]) == (holds[0], "has ended (overtaken)")
    assert second["hold"] == holds[1] and "is reversed already" in second["why"]
    assert desk.query("SELECT how FROM handback.hold_end ORDER BY hold_id") == [("overtaken",), ("reversed",)] and desk.reversals() == 3
    assert "left out: hold" in desk.query("SELECT detail FROM audit.event WHERE what = 'approved'")[0][0]


def test_a_member_who_has_not_the_points_any_more(desk):
    desk.deliver([("R", "KO")])
    contradiction = hold(desk, "R", "OK")
    desk.redeem("S")
    points, = desk.query("SELECT points FROM ledger.balance WHERE member_id = 1")[0]
    desk.redeem("ALL", points=points - 40)
    proposal = desk.people.propose([contradiction], "reinstate")
    refused = as_(desk, "ben", "hold", "approve", proposal, allowed=(2,)).stderr
    assert refused == f"handbackctl: hold {contradiction}: the member has not enough points: 60 are missing\n"
    desk.deliver([("S", "KO")])  # 100 points more
    desk.people.approve(proposal)


def test_one_that_the_ledger_refuses_stops_none_of_the_others(desk):
    for member, key in enumerate("ABC", 1):
        desk.redeem(key, member=member)
    desk.deliver([(key, "KO", {"Member": f"M{member}"}) for member, key in enumerate("ABC", 1)])
    holds = [hold(desk, key, "OK", {"Member": f"M{member}"}) for member, key in enumerate("ABC", 1)]
    points, = desk.query("SELECT points FROM ledger.balance WHERE member_id = 2")[0]
    desk.redeem("ALL", member=2, points=points - 1)
    desk.people.decide(holds, "reinstate")
    assert desk.query("SELECT hold_id, why FROM handback.proposal_left_out") == [
        (holds[1], "the member has not enough points: 99 are missing")]
    assert desk.query("SELECT hold_id FROM handback.hold_end ORDER BY 1") == [(holds[0],), (holds[2],)]


def test_many_holds_in_pieces_survive_a_kill_in_the_middle(desk):
    many = 3500
    keys = [f"K{n}" for n in range(many)]
    for n, key in enumerate(keys):
        desk.redeem(key, member=1 + n % 9)
    desk.deliver([(key, "KO", {"Points": 101, "Member": f"M{1 + n % 9}"}) for n, key in enumerate(keys)])
    holds = [h for h, in desk.query("SELECT hold_id FROM handback.hold ORDER BY 1")]
    proposal = desk.people.propose(holds, "reverse")
    assert len(desk.query("SELECT detail FROM audit.event WHERE what = 'proposed'")[0][0]) < 500
    with pytest.raises(psycopg.errors.CheckViolation):
        desk.people.ann.execute("SELECT handback.approve(%s)", (proposal,))
    command = [str(desk.build / "ctl/handbackctl"), "--config", str(desk.config), "--database", desk.database.conninfo("ben"), "hold",
               "approve", str(proposal)]
    with desk.database.connect(autocommit=False) as other:
        # the second piece cannot end the hold that another session has, and is killed there
        other.execute("SELECT FROM handback.hold WHERE hold_id = %s FOR UPDATE", (holds[1500],))
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert "differ: 3500 of 3500 holds" in process.stderr.readline()
        assert "decided 1,000 of 3,500 holds" in process.stderr.readline()
        time.sleep(0.5)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        other.rollback()
    [row] = json.loads(desk.ctl("proposals", "--json").stdout)["proposals"]
    assert row["state"] == "in_progress" and 0 < row["remaining"] < many
    with pytest.raises(REFUSED, match="you proposed this"):
        desk.people.ann.execute("SELECT handback.continue_proposal(%s)", (proposal,))
    said = as_(desk, "ben", "hold", "approve", proposal)
    assert "decided 3,500 of 3,500 holds" in said.stderr
    assert desk.reversals() == many and json.loads(desk.ctl("proposals", "--json").stdout)["proposals"] == []
    assert desk.query("SELECT count(*), count(DISTINCT hold_id) FROM handback.hold_end WHERE how = 'reversed'") == [(many, many)]
    assert desk.query("SELECT sum(decided) FROM handback.proposal_piece") == [(many,)]
    assert "was approved by ben" in as_(desk, "ben", "hold", "approve", proposal, allowed=(2,)).stderr
    desk.db.execute("SET session_replication_role = replica")
    desk.db.execute("UPDATE handback.proposal_piece SET last_hold = last_hold - 1 WHERE piece = 2")
    assert "piece 2 of proposal" in desk.ctl("audit", "verify", allowed=(5,)).stdout
    desk.db.execute("UPDATE handback.proposal_piece SET last_hold = last_hold + 1 WHERE piece = 2")
    desk.db.execute("SET session_replication_role = origin")


def waits_for(desk, login, event):
    """Does a session of this login wait for that by now?"""
    for _ in range(200):
        if desk.query("SELECT FROM pg_stat_activity WHERE usename = %s AND wait_event = %s AND state = 'active'", login, event):
            return True
        time.sleep(0.02)
    return False


def test_a_file_that_waits_goes_before_the_next_piece(desk):
    """The row of the partner is whose comes by when the piece before commits; what has waited for it is still being woken."""
    many = 2500
    keys = [f"K{n}" for n in range(many)]
    for n, key in enumerate(keys):
        desk.redeem(key, member=1 + n % 9)
    desk.deliver([(key, "KO", {"Points": 101, "Member": f"M{1 + n % 9}"}) for n, key in enumerate(keys)])
    proposal = desk.people.propose([h for h, in desk.query("SELECT hold_id FROM handback.hold")], "reverse")
    desk.people.approve(proposal)
    order = []

    def took(who, connection, statement, value):
        connection.execute(statement, (value,))
        order.append(who)
        connection.commit()

    with desk.database.connect(autocommit=False) as first, desk.database.connect(autocommit=False) as file, \
            desk.database.connect("ben", autocommit=False) as piece:
        lock = "SELECT handback.lock_partner(%s)"
        first.execute(lock, ("AIR",))
        waiting = [threading.Thread(target=took, args=("file", file, lock, "AIR")),
                   threading.Thread(target=took, args=("piece", piece, "SELECT handback.continue_proposal(%s)", proposal))]
        waiting[0].start()
        assert waits_for(desk, "postgres", "transactionid")
        waiting[1].start()
        assert waits_for(desk, "ben", "PgSleep"), "it stands in the row's way at once"
        first.commit()
        for thread in waiting:
            thread.join(30)
    assert order == ["file", "piece"]
    assert desk.query("SELECT sum(decided) FROM handback.proposal_piece") == [(1000,)]


def test_an_approval_and_a_posting_take_members_in_the_same_order(desk):
    """One call for all postings: neither waits for the other in a circle, in whatever order the holds are."""
    pairs = [(member, f"{member}-{n}") for n in range(12) for member in range(9, 0, -1)]
    for member, key in pairs:
        desk.redeem(key, member=member, points=100)
    half = len(pairs) // 2
    held = [desk.deliver([(key, "KO", {"Member": f"M{m}", "Points": 1}) for m, key in pairs[:half]])["file"]]
    holds = [h for h, in desk.query("SELECT hold_id FROM handback.hold WHERE file_id = %s ORDER BY 1 DESC", held[0])]
    proposal = desk.people.propose(holds, "reverse")
    deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    before = desk.query(deadlocks)
    with desk.database.connect(autocommit=False) as app:
        # an application of another session, in the members' order, as posting does
        for member in range(1, 5):
            app.execute("SELECT FROM ledger.balance WHERE member_id = %s FOR UPDATE", (member,))
        process = subprocess.Popen([str(desk.build / "ctl/handbackctl"), "--config", str(desk.config), "--database",
                                    desk.database.conninfo("ben"), "hold", "approve", str(proposal)])
        time.sleep(1)
        for member in range(5, 10):
            app.execute("SELECT FROM ledger.balance WHERE member_id = %s FOR UPDATE", (member,))
        app.commit()
    assert process.wait(30) == 0 and desk.reversals() == half and desk.query(deadlocks) == before


def test_a_wrong_close_is_reopened_by_two_people_once(desk):
    closed = hold(desk, "R", "KO", {"Reason": "FRAUD"})
    desk.people.decide([closed], "close")
    with pytest.raises(REFUSED, match="has ended"):
        desk.people.propose([closed], "reverse")
    as_(desk, "ann", "hold", "propose", "reopen", closed, "--why", "it was another record")
    again = desk.people.propose([closed], "reopen")
    with pytest.raises(psycopg.errors.CheckViolation):
        desk.people.ann.execute("SELECT handback.approve(%s)", (again,))
    as_(desk, "ben", "hold", "approve", again - 1)
    with pytest.raises(REFUSED, match="was reopened already"):
        desk.people.approve(again)
    [row] = json.loads(desk.ctl("holds", "--json").stdout)["holds"]
    assert (row["reason"], row["record"], row["points"]) == ("reason_holds", 1, 100) and row["hold"] != closed
    desk.ctl("audit", "verify")
    with pytest.raises(REFUSED, match="it is open"):
        desk.people.propose([row["hold"]], "reopen")
    desk.people.decide([row["hold"]], "reverse")
    assert desk.reversals() == 1
    with pytest.raises(REFUSED, match="only what was closed is reopened"):
        desk.people.propose([row["hold"]], "reopen")
    assert desk.query("SELECT n.name FROM handback.outcome o JOIN handback.outcome_name n USING (outcome) ORDER BY revision") == [
        ("held",), ("closed",), ("reversed",)]
    desk.db.execute("SET session_replication_role = replica")
    desk.db.execute("UPDATE handback.hold SET opened_at = opened_at - interval '1 second' WHERE reopens IS NOT NULL")
    assert "is said to reopen hold" in desk.ctl("audit", "verify", allowed=(5,)).stdout
    desk.db.execute("UPDATE handback.hold SET opened_at = opened_at + interval '1 second' WHERE reopens IS NOT NULL")
    desk.db.execute("SET session_replication_role = origin")


def test_what_expired_and_is_reopened_is_matched_again(desk):
    stranger = "6f0e6f1c-9d0b-4a57-8b39-0f2f4c1d7e55"
    closed = hold(desk, stranger, "KO")
    desk.profile(more="unknown_days: 0\n")
    assert desk.nightly()["done"]["expired"] == 1
    desk.people.decide([closed], "reopen")
    assert desk.nightly()["done"]["expired"] == 1  # never found, once more
    [second] = [h for h, in desk.query("SELECT hold_id FROM handback.hold WHERE reopens = %s", closed)]
    desk.people.decide([second], "reopen")
    desk.redeem("LATE")
    desk.db.execute("SET session_replication_role = replica")
    desk.db.execute("UPDATE ledger.entry SET external_reference = %s WHERE external_reference = %s", (stranger, desk.references["LATE"]))
    desk.db.execute("SET session_replication_role = origin")
    assert desk.nightly()["done"]["reversed"] == 1 and desk.reversals() == 1
    assert desk.query("SELECT o.revision, n.name FROM handback.outcome o JOIN handback.outcome_name n USING (outcome) ORDER BY 1") == [
        (0, "held"), (1, "closed"), (2, "closed"), (3, "reversed")]


def test_a_whole_file_is_not_reopened_but_sent_again(desk):
    desk.deliver([("R", "OK")], count=7)
    file, = desk.query("SELECT hold_id FROM handback.hold")[0]
    desk.people.decide([file], "close")
    with pytest.raises(REFUSED, match="have the partner send that again"):
        desk.people.propose([file], "reopen")


def reinstated(desk):
    desk.deliver([("R", "KO")])
    desk.people.decide([hold(desk, "R", "OK")], "reinstate")
    return desk.query("SELECT points FROM ledger.balance WHERE member_id = 1")[0][0]


def test_what_is_rejected_after_a_reinstatement_is_credited_once_by_two_people(desk):
    points = reinstated(desk)
    accepted, rejected = hold(desk, "R", "WAIT", {"Points": 7}), hold(desk, "R", "KO")
    with pytest.raises(REFUSED, match="reinstated already, and is reversed once for ever: propose to credit it"):
        desk.people.propose([rejected], "reverse")
    with pytest.raises(REFUSED, match="its record is no rejection"):
        desk.people.propose([accepted], "credit")
    first, second = (desk.people.propose([rejected], "credit") for _ in range(2))
    assert "you proposed this" in as_(desk, "ann", "hold", "approve", first, allowed=(2,)).stderr
    desk.people.approve(first)
    assert desk.query("SELECT points FROM ledger.balance WHERE member_id = 1") == [(points + 100,)]
    [(credit, of_hold)] = desk.query(
        "SELECT c.entry_id, h.hold_id FROM ledger.entry c JOIN ledger.reversal v ON v.credit_id = c.entry_id"
        " JOIN handback.outcome o ON o.redemption_id = v.redemption_id AND o.detail = 'credit ' || c.entry_id"
        " JOIN handback.hold h USING (file_id, record_no) WHERE c.category = 'Credit By Correction' AND c.points = 100")
    assert of_hold == rejected and desk.query("SELECT how FROM handback.hold_end WHERE hold_id = %s", rejected) == [("credited",)]
    assert "was withdrawn" in as_(desk, "ben", "hold", "approve", second, allowed=(2,)).stderr
    # the member has the points: the partner's next words are judged as for any reversal
    assert desk.query("SELECT handback.redemption_state(redemption_id) FROM ledger.redemption") == [("reversed",)]
    desk.deliver([("R", "KO")])
    again = hold(desk, "R", "OK")
    with pytest.raises(REFUSED, match="was credited by correction, which is never taken back"):
        desk.people.propose([again], "reinstate")
    with pytest.raises(REFUSED, match="is reversed: only one that was reinstated is credited"):
        desk.people.propose([again], "credit")
    with pytest.raises(psycopg.errors.UniqueViolation):
        desk.query("SELECT ledger.post_credits(ARRAY(SELECT reinstatement_id FROM ledger.reversal))")
    story = desk.ctl("explain", desk.references["R"]).stdout
    assert "people decided: credited" in story and "credited to the member by correction" in story and f"credit {credit}" in story


def test_a_redemption_that_was_never_reinstated_is_not_credited(desk):
    unlike = hold(desk, "R", "KO", {"Points": 7})
    with pytest.raises(REFUSED, match="is open: only one that was reinstated is credited"):
        desk.people.propose([unlike], "credit")


def test_two_people_at_once_credit_one_redemption_once(desk):
    reinstated(desk)
    holds = [hold(desk, "R", "KO"), hold(desk, "R", "KO", {"Reason": "FRAUD"})]
    desk.people.approve(desk.people.propose(holds[:1], "credit"))
    assert desk.query("SELECT how FROM handback.hold_end WHERE hold_id = %s", holds[1]) == [("overtaken",)]

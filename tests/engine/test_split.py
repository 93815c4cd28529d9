"""One redemption that is answered in parts, two legs or two gift cards: whole when they sum to the debit, never partly."""
import itertools
import json
import subprocess

import psycopg
import pytest

import proof
from operators import Operators
from worker import Desk

REFERENCE, LINE = "split: partner_reference", "split: line"
HELD = ("held", "partly_fulfilled")


def settings(how=REFERENCE, **more):
    return {"order_by": "none", "resubmission": "continue", "more": how, **more}


@pytest.fixture
def desk(database, build):
    with Desk(database, build, **settings()) as made:
        yield made
        assert proof.differences(made.db) == []
        made.ctl("audit", "verify")


def leg(name, points, status="OK", key="R", **columns):
    return key, status, {"Booking": name, "Points": points, **columns}


def deliver(desk, *answers):
    return desk.deliver(list(answers))["file"]


def states(desk):
    """{key: state} of all redemptions."""
    return {key: desk.query("SELECT handback.redemption_state(redemption_id) FROM ledger.redemption WHERE external_reference = %s",
                            reference)[0][0] for key, reference in desk.references.items()}


def open_holds(desk):
    return desk.query("SELECT h.file_id, h.record_no, h.reason FROM handback.hold h WHERE NOT EXISTS"
                      " (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id) ORDER BY h.file_id, h.record_no")


def test_parts_over_several_files_are_held_until_they_are_whole(desk):
    desk.redeem("R", points=500)
    first = deliver(desk, leg("L1", 300))
    assert desk.outcomes(first) == [HELD] and desk.details(first) == ["part L1 of 300: 300 fulfilled of 500"]
    [hold] = json.loads(desk.ctl("holds", "--json").stdout)["holds"]
    facts = json.loads(desk.ctl("hold", "show", hold["hold"], "--json").stdout)["hold"]
    assert (facts["stated_points"], facts["points"], facts["answered_points"], facts["detail"]) == (300, 500, 300, "part L1 of 300: 300 fulfilled of 500")
    second = deliver(desk, leg("L2", 100))
    assert desk.details(second) == ["part L2 of 100: 400 fulfilled of 500"] and states(desk) == {"R": "open"}
    assert json.loads(desk.ctl("hold", "show", hold["hold"], "--json").stdout)["hold"]["answered_points"] == 400
    third = deliver(desk, leg("L3", 100))
    assert desk.outcomes(third) == [("confirmed", None)] and desk.details(third) == ["part L3 of 100: 500 fulfilled of 500"]
    assert desk.outcomes(first, 1) == desk.outcomes(second, 1) == [("closed", None)] and open_holds(desk) == []
    assert desk.query("SELECT DISTINCT how FROM handback.hold_end") == [("overtaken",)]
    assert (states(desk), desk.reversals(), desk.balance()) == ({"R": "confirmed"}, 0, 0)
    said = desk.ctl("explain", desk.references["R"]).stdout
    assert "part L1 of 300" in said and "part L3 of 100" in said


def test_parts_of_one_file_are_answered_by_the_last(desk):
    desk.redeem("R", points=500), desk.redeem("S", points=500), desk.redeem("T", points=100)
    file = deliver(desk, leg("L1", 300), leg("S1", 200, key="S"), leg("", 100, key="T"), leg("L2", 200), leg("S2", 200, key="S"))
    assert desk.outcomes(file) == [("informational", None), HELD, ("confirmed", None), ("confirmed", None), HELD]
    assert desk.details(file) == ["part L1 of 300: whole with record 4", "part S1 of 200: 400 fulfilled of 500", None,
                                  "part L2 of 200: 500 fulfilled of 500", "part S2 of 200: 400 fulfilled of 500"]
    assert states(desk) == {"R": "confirmed", "S": "open", "T": "confirmed"}
    row = json.loads(desk.ctl("report", "--all", "--json").stdout)["files"][0]
    assert (row["records"], row["confirmed"], row["informational"], row["held"], row["difference"]) == (5, 2, 1, 2, 0)


@pytest.mark.parametrize("cut", range(4))
def test_any_order_of_the_parts_comes_to_the_same(database, build, cut):
    """All orders of three parts, in one to three files."""
    parts = (("A", 250), ("B", 150), ("C", 100))
    with Desk(database, build, **settings()) as desk:
        for n, order in enumerate(itertools.permutations(parts)):
            key = f"R{n}"
            desk.redeem(key, points=500)
            legs = [leg(name, points, key=key) for name, points in order]
            for some in ([legs], [legs[:1], legs[1:]], [legs[:2], legs[2:]], [[one] for one in legs])[cut]:
                deliver(desk, *some)
        assert set(states(desk).values()) == {"confirmed"} and open_holds(desk) == []
        assert desk.query("SELECT count(*), count(DISTINCT redemption_id) FROM handback.outcome WHERE outcome = 1") == [(6, 6)]
        assert proof.differences(desk.db) == []


def test_a_part_that_comes_again_is_a_repeat(desk):
    desk.redeem("R", points=500)
    first = deliver(desk, leg("L1", 250), leg("L1", 250))
    assert desk.outcomes(first) == [HELD, ("duplicate_record", None)]
    again = deliver(desk, leg("L1", 250, Text="again"))
    assert desk.outcomes(again) == [("duplicate_record", None)]
    assert desk.details(again) == [f"part L1 of 250: as record 1 of file {first}; again"]
    assert states(desk) == {"R": "open"}                       # half is not whole, however often it is said
    done = deliver(desk, leg("L1", 250), leg("L2", 250))
    assert desk.outcomes(done) == [("duplicate_record", None), ("confirmed", None)]
    last = deliver(desk, leg("L1", 250), leg("L2", 250), leg("L3", 250))
    assert desk.outcomes(last) == [("already_applied", None)] * 2 + [("held", "points_mismatch")]
    assert desk.reversals() == 0


def test_the_same_part_with_other_content_is_held_and_nothing_is_whole(desk):
    desk.redeem("R", points=500), desk.redeem("S", points=500)
    first = deliver(desk, leg("L1", 300))
    file = deliver(desk, leg("L1", 250), leg("L2", 200))
    assert desk.outcomes(file) == [("held", "points_mismatch"), HELD] and states(desk)["R"] == "open"
    assert desk.details(file)[0] == f"part L1 of 250: it was 300 fulfilled by record 1 of file {first}"
    file = deliver(desk, leg("X", 100, key="S"), leg("X", 150, key="S"), leg("A", 300, key="S"), leg("B", 200, key="S"))
    assert desk.outcomes(file) == [("held", "conflicting_duplicate")] * 2 + [HELD] * 2 and states(desk)["S"] == "open"


def test_more_than_the_debit_is_a_mismatch(desk):
    desk.redeem("R", points=500), desk.redeem("S", points=500)
    deliver(desk, leg("L1", 300))
    file = deliver(desk, leg("L2", 201))
    assert desk.outcomes(file) == [("held", "points_mismatch")] and desk.details(file) == ["part L2 of 201: 501 fulfilled of 500"]
    # it counts until people close it: what would fit does not make it whole
    assert desk.outcomes(deliver(desk, leg("L3", 200))) == [("held", "points_mismatch")] and states(desk)["R"] == "open"
    assert desk.outcomes(deliver(desk, leg("A", 300, key="S"), leg("B", 300, key="S"))) == [("held", "points_mismatch")] * 2


@pytest.mark.parametrize("late", ["hold", "reverse"])
@pytest.mark.parametrize("first, second", [("OK", "KO"), ("KO", "OK")])
@pytest.mark.parametrize("together", [True, False])
def test_unlike_verdicts_of_the_parts_are_never_a_partial_reversal(database, build, late, first, second, together):
    with Desk(database, build, **settings(late_reject=late)) as desk:
        desk.redeem("R", points=500)
        legs = [leg("L1", 300, first), leg("L2", 200, second)]
        files = [deliver(desk, *legs)] if together else [deliver(desk, one) for one in legs]
        assert [desk.outcomes(file) for file in files] == ([[HELD] * 2] if together else [[HELD], [HELD]])
        fulfilled, rejected = (300, 200) if first == "OK" else (200, 300)
        assert desk.details(files[-1])[-1].endswith(f": {fulfilled} fulfilled and {rejected} rejected of 500")
        # nor does the rest make it whole, nor a rejection of all of it beside the part that was fulfilled
        assert desk.outcomes(deliver(desk, leg("L3", 500, "KO"))) == [("held", "points_mismatch")]
        assert (desk.reversals(), desk.balance(), states(desk)) == (0, 0, {"R": "open"})
        with Operators(desk.database) as people:
            hold, = desk.query("SELECT min(hold_id) FROM handback.hold")[0]
            people.decide([hold], "reverse")
        assert (desk.reversals(), desk.balance()) == (1, 500)
        assert proof.differences(desk.db) == []
        desk.ctl("audit", "verify")


def test_parts_that_are_all_rejected_restore_the_whole_once(desk):
    desk.redeem("R", points=500), desk.redeem("S", points=500)
    assert desk.outcomes(deliver(desk, leg("L1", 300, "KO"))) == [HELD] and desk.reversals() == 0
    assert desk.outcomes(deliver(desk, leg("L2", 200, "KO"))) == [("reversed", None)]
    assert desk.outcomes(deliver(desk, leg("L1", 300, "KO", Text="again"))) == [("already_applied", None)]
    assert desk.outcomes(deliver(desk, leg("A", 250, "KO", key="S"), leg("B", 250, "KO", key="S"))) == [("informational", None), ("reversed", None)]
    assert (desk.reversals(), desk.balance(), open_holds(desk)) == (2, 1000, [])


@pytest.mark.parametrize("late", ["hold", "reverse"])
def test_a_rejected_part_of_what_is_confirmed_is_held_whatever_late_reject_says(database, build, late):
    with Desk(database, build, **settings(late_reject=late)) as desk:
        desk.redeem("R", points=500), desk.redeem("S", points=500)
        deliver(desk, leg("L1", 300), leg("L2", 200), leg("", 500, key="S"))
        for answers in ([leg("L2", 200, "KO")], [leg("L3", 200, "KO", key="S")], [leg("L1", 300), leg("", 500, "KO")]):
            file = deliver(desk, *answers)
            assert desk.outcomes(file)[-1] == ("held", "points_mismatch") and desk.reversals() == 0
        # the whole, rejected: as any other
        assert desk.outcomes(deliver(desk, leg("", 500, "KO", Text="all of it"))) == \
            [("held", "contradiction") if late == "hold" else ("reversed", None)]


def test_what_is_no_sound_part_is_not_counted(desk):
    desk.redeem("R", points=500)
    file = deliver(desk, leg("L1", 300, Member="M2"), leg("L2", 200), leg("", 300), leg("L4", 300, "KO", Reason="FRAUD"), leg("L5", 300, "WAIT"))
    assert desk.outcomes(file) == [("held", "member_mismatch"), HELD, ("held", "points_mismatch"), ("held", "reason_holds"), ("informational", None)]
    assert desk.details(file)[2] == "points: stated 300, redeemed 500; it names no part"
    assert desk.outcomes(deliver(desk, leg("L6", "", Member=""))) == [("held", "points_mismatch")]
    # what names no part, and states all, leaves open whether it is beside the part or instead of it
    assert desk.outcomes(deliver(desk, leg("", 500))) == [("held", "points_mismatch")]
    assert states(desk) == {"R": "open"}


def test_by_lines_each_line_is_a_part_and_a_whole_answer_is_none(database, build):
    with Desk(database, build, **settings(LINE)) as desk:
        desk.redeem("R", points=500), desk.redeem("S", points=500), desk.redeem("T", points=500)
        file = deliver(desk, leg("", 250), leg("", 250), leg("", 500, key="S"), leg("", 250, key="T"))
        assert desk.outcomes(file) == [("informational", None), ("confirmed", None), ("confirmed", None), HELD]
        assert desk.details(file)[0] == "part of 250: whole with record 2"
        # the same file again is a duplicate; an own file with the same line is another part
        data = desk.file([leg("", 250, key="T")])
        assert desk.deliver(data)["state"] == "posted" and states(desk)["T"] == "confirmed"
        assert desk.deliver(data, sequence=2)["state"] == "duplicate"
        assert proof.differences(desk.db) == []
        desk.ctl("audit", "verify")


def test_the_same_file_again_changes_nothing(desk):
    desk.redeem("R", points=500)
    data = desk.file([leg("L1", 250)])
    assert [desk.deliver(data, sequence=1)["state"], desk.deliver(data, sequence=1)["state"]] == ["posted", "duplicate"]
    assert desk.deliver(data, sequence=2)["duplicate_record"] == 1
    assert desk.query("SELECT count(*) FROM handback.answer_part") == [(1,)] and states(desk) == {"R": "open"}


def test_a_part_that_people_closed_may_come_again(desk):
    desk.redeem("R", points=500)
    deliver(desk, leg("L1", 300))
    with Operators(desk.database) as people:
        people.decide([desk.query("SELECT hold_id FROM handback.hold")[0][0]], "close")
    assert desk.outcomes(deliver(desk, leg("L2", 200))) == [HELD]      # what was closed does not count
    assert desk.outcomes(deliver(desk, leg("L1", 300))) == [("confirmed", None)]
    assert desk.query("SELECT part, attempt FROM handback.answer_part ORDER BY file_id") == [("L1", 0), ("L2", 0), ("L1", 1)]


@pytest.mark.parametrize("points, reason", [(200, "partly_fulfilled"), (501, "points_mismatch")])
def test_a_part_that_people_closed_is_not_reopened(desk, points, reason):
    """For whatever reason it is held: closed it counts no more, and what would be whole with it could never be posted."""
    desk.redeem("R", points=500)
    file = deliver(desk, leg("L1", points))
    assert desk.outcomes(file) == [("held", reason)]
    with Operators(desk.database) as people:
        hold = desk.query("SELECT hold_id FROM handback.hold")[0][0]
        people.decide([hold], "close")
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="it is of a part"):
            people.propose([hold], "reopen")
    assert desk.outcomes(deliver(desk, leg("L2", 200), leg("L3", 300)))[-1] == ("confirmed", None)


def test_a_redemption_that_the_application_reversed_takes_no_parts(desk):
    entry = desk.redeem("R", points=500)
    deliver(desk, leg("L1", 300))
    desk.db.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points, answers_entry_id, origin)"
                    " VALUES (1, 1, 'Redemption Reversal', 500, %s, 'application')", (entry,))
    assert desk.outcomes(deliver(desk, leg("L2", 200))) == [("held", "points_mismatch")]
    assert desk.outcomes(deliver(desk, leg("L1", 300, Text="again"))) == [("held", "points_mismatch")]
    assert states(desk) == {"R": "reversed"} and desk.reversals() == 1


def test_parts_whose_redemption_turns_up_later(database, build):
    with Desk(database, build, **settings(match="[outbound_reference]")) as desk:
        files = [deliver(desk, ("", "OK", {"Outbound": "O1", "Booking": name, "Points": points})) for name, points in (("L1", 300), ("L2", 100))]
        desk.redeem("R", points=500, outbound_reference="O1")
        desk.nightly()
        assert [desk.outcomes(file, 1) for file in files] == [[HELD], [HELD]]
        assert desk.query("SELECT sum(points) FROM handback.answer_part") == [(400,)]
        before = desk.query("SELECT count(*) FROM handback.outcome")
        desk.nightly()
        assert desk.query("SELECT count(*) FROM handback.outcome") == before
        assert desk.outcomes(deliver(desk, ("", "OK", {"Outbound": "O1", "Booking": "L3", "Points": 100}))) == [("confirmed", None)]
        assert open_holds(desk) == []
        assert proof.differences(desk.db) == []
        desk.ctl("audit", "verify")


@pytest.mark.parametrize("closed", [1, 2])
@pytest.mark.parametrize("status", ["OK", "KO"])
def test_a_part_that_people_closed_is_not_counted_when_its_redemption_turns_up(database, build, closed, status):
    with Desk(database, build, **settings(match="[outbound_reference]")) as desk:
        file = deliver(desk, *(("", status, {"Outbound": "O1", "Booking": name, "Points": points}) for name, points in (("L1", 300), ("L2", 200))))
        with Operators(desk.database) as people:
            people.decide([desk.query("SELECT hold_id FROM handback.hold WHERE record_no = %s", closed)[0][0]], "close")
        desk.redeem("R", points=500, outbound_reference="O1")
        desk.nightly()
        assert (states(desk), desk.reversals()) == ({"R": "open"}, 0)
        assert open_holds(desk) == [(file, 3 - closed, "unknown_reference")]  # as it was opened; by now:
        assert desk.outcomes(file, 1) == [HELD if n == 3 - closed else ("closed", None) for n in (1, 2)]
        assert desk.query("SELECT record_no FROM handback.answer_part") == [(3 - closed,)]
        assert proof.differences(desk.db) == []


def test_two_files_at_once_make_it_whole_once(database, build):
    with Desk(database, build, **settings()) as desk:
        for n in range(8):
            desk.redeem(f"R{n}", points=500)
        other = Desk.__new__(Desk)
        other.__dict__.update(desk.__dict__)
        from worker import Worker
        second = Worker(build, desk.config, desk.dir / "log2").wait_ready()
        for n in range(8):
            desk.drop(f"AIR_{2 * n + 1}.csv", desk.file([leg("L1", 300, key=f"R{n}")]))
            desk.drop(f"AIR_{2 * n + 2}.csv", desk.file([leg("L2", 200, key=f"R{n}")]))
            desk.worker.send(desk.inbound, f"AIR_{2 * n + 1}.csv", "air", "AIR", "air")
            second.send(desk.inbound, f"AIR_{2 * n + 2}.csv", "air", "AIR", "air")
            assert {desk.worker.answer()["end"], second.answer()["end"]} == {"done"}
        second.close()
        assert set(states(desk).values()) == {"confirmed"} and open_holds(desk) == []
        assert desk.query("SELECT count(*) FROM handback.outcome WHERE outcome = 1") == [(8,)]
        assert proof.differences(desk.db) == []


def test_an_order_of_files_does_not_keep_parts_from_being_whole(database, build):
    with Desk(database, build, more=REFERENCE) as desk:
        desk.redeem("R", points=500)
        desk.deliver([leg("L2", 200)], sequence=2)
        assert desk.outcomes(desk.deliver([leg("L1", 300)], sequence=1)["file"]) == [("confirmed", None)]
        assert open_holds(desk) == []


def test_an_older_file_ends_holds_of_its_parts_alone(database, build):
    """A file that is older than one that was posted ends no other hold, as without parts."""
    with Desk(database, build, more=REFERENCE) as desk:
        desk.redeem("R", points=500), desk.redeem("S", points=500)
        newer = desk.deliver([leg("L2", 200), ("S", "KO", {"Points": 500}), ("S", "OK", {"Points": 500})], sequence=5)["file"]
        assert desk.outcomes(newer) == [HELD] + [("held", "conflicting_duplicate")] * 2
        older = desk.deliver([leg("L1", 300), ("S", "KO", {"Points": 500})], sequence=1)["file"]
        assert desk.outcomes(older) == [("confirmed", None), ("reversed", None)]
        assert open_holds(desk) == [(newer, 2, "conflicting_duplicate"), (newer, 3, "conflicting_duplicate")]


@pytest.mark.parametrize("change", ["points = points + 1", "part = 'L9'", "redemption_id = redemption_id + 1", "rejected = true"])
def test_a_changed_part_is_named(database, build, change):
    """Also one that is taken out, where nothing but a hold says that there was one."""
    with Desk(database, build, **settings()) as desk:
        desk.redeem("R", points=500), desk.redeem("S", points=500)
        deliver(desk, leg("L1", 300), leg("S1", 300, key="S"))
        deliver(desk, leg("L2", 200))
        desk.ctl("audit", "verify")
        for which in ("L1", "L2", "S1"):
            desk.db.execute("SET session_replication_role = replica")
            desk.db.execute("CREATE TEMP TABLE kept AS TABLE handback.answer_part")
            desk.db.execute(f"UPDATE handback.answer_part SET {change} WHERE part = '{which}'")
            said = desk.ctl("audit", "verify", allowed=(5,))
            assert "part" in said.stdout + said.stderr
            desk.db.execute("DELETE FROM handback.answer_part WHERE record_no = 2")
            assert "no row keeps it" in desk.ctl("audit", "verify", allowed=(5,)).stdout
            desk.db.execute("DELETE FROM handback.answer_part")
            desk.db.execute("INSERT INTO handback.answer_part TABLE kept")
            desk.db.execute("DROP TABLE kept")


def test_the_database_refuses_parts_that_count_twice_or_do_not_sum_to_the_debit(database, build):
    with Desk(database, build, **settings()) as desk:
        desk.redeem("R", points=500), desk.redeem("S", points=500)
        first, whole = deliver(desk, leg("L1", 300)), deliver(desk, leg("", 500, key="S"))
        r, s = (desk.query("SELECT redemption_id FROM ledger.redemption WHERE external_reference = %s", desk.references[k])[0][0] for k in "RS")
        for row in ((whole, 1, r, "L1", 0, 300), (whole, 1, r, "L1", 1, 300), (whole, 1, s, "X", 0, 499)):
            with pytest.raises(psycopg.errors.IntegrityError):
                desk.db.execute("INSERT INTO handback.answer_part (file_id, record_no, redemption_id, part, attempt, points, rejected)"
                                " VALUES (%s, %s, %s, %s, %s, %s, false)", row)


@pytest.mark.parametrize("change, says", [
    ({"match": "[member + points]"}, "a key of match without points"), ({"more": REFERENCE + "\ntolerance: {points: 5}"}, "beside tolerance"),
    ({"more": "split: both"}, "split"), ({"more": LINE}, "counts again"), ({}, None)])
def test_lint_refuses_what_cannot_be_answered_in_parts(database, build, change, says):
    with Desk(database, build, start=False, **{**settings(), **change}) as desk:
        done = subprocess.run([desk.build / "ctl/handbackctl", "profile", "lint", desk.profiles / "air.yaml"], capture_output=True, text=True)
        assert (says or "") in done.stdout + done.stderr
        assert (done.returncode == 0) == (says in (None, "counts again"))

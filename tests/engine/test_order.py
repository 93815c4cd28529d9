"""Which answer is newer: an older answer moves nothing, and is never merely noted where it contradicts what stands."""
import datetime

import pytest

import worker
from operators import Operators
from releases import hold_of, verify


@pytest.fixture
def make(database, build):
    made = []

    def desk(**settings):
        made.append(worker.Desk(database, build, **settings))
        return made[-1]
    yield desk
    for one in made:
        verify(one, build)
        one.close()


@pytest.mark.parametrize("late_reject", ("hold", "reverse"))
def test_f10_a_number_that_begins_again_and_rejects_is_held(make, late_reject):
    desk = make(resubmission="continue", late_reject=late_reject)
    for key in "XY":
        desk.redeem(key)
    desk.deliver([("X", "OK"), ("Y", "KO")], sequence=999999)
    done = desk.deliver([("X", "KO"), ("Y", "OK")], sequence=1)
    assert done["state"] == "posted" and desk.outcomes(done["file"]) == [("held", "contradiction")] * 2
    assert desk.query("SELECT count(*) FROM handback.open_holds") == [(2,)] and desk.reversals() == 1


def test_f11_a_mistyped_number_is_held_and_measures_nothing(make):
    desk = make()
    desk.redeem("X")
    desk.deliver([], sequence=41)
    wrong = desk.deliver([("X", "OK")], sequence=410042)
    assert (wrong["state"], wrong["reason"]) == ("held", "sequence_jump") and "1000 further" in desk.refusals(wrong["file"])[0][1]
    done = desk.deliver([("X", "KO")], sequence=43)
    assert desk.outcomes(done["file"]) == [("reversed", None)]
    # people may mean it: then it is the measure
    with Operators(desk.database) as people:
        people.decide([hold_of(desk, wrong["file"])], "release")
    [released] = desk.release()
    assert desk.outcomes(released["file"]) == [("held", "contradiction")]
    assert desk.deliver([("X", "OK")], sequence=44)["held"] == 1


def test_a_number_at_the_limit_goes_and_one_beyond_it_is_held(make):
    desk = make(more="sequence: {jump: 5}")
    desk.deliver([], sequence=10)
    assert desk.deliver(desk.file([("a", "OK")]), sequence=16)["reason"] == "sequence_jump"
    assert desk.deliver(desk.file([("b", "OK")]), sequence=15)["state"] == "posted"


@pytest.mark.parametrize("ahead, state", ((31, "posted"), (32, "held"), (65000, "held")))
def test_a_day_that_is_far_ahead_is_held(make, ahead, state):
    desk = make(order_by="business_date", file_name="AIR_{business_date:YYYYMMDD}.csv")
    day = datetime.datetime.now(datetime.timezone.utc).date() + datetime.timedelta(days=ahead)
    done = desk.deliver([], name=f"AIR_{day:%Y%m%d}.csv")
    assert (done["state"], done.get("reason", "")) == (state, "sequence_jump" if state == "held" else "")


def test_f12_a_partner_that_begins_with_another_number(make):
    desk = make(gap="hold", more="sequence: {first: 41}")
    assert desk.deliver(desk.file([("a", "OK")]), sequence=42)["reason"] == "sequence_gap"
    assert desk.deliver(desk.file([("b", "OK")]), sequence=41)["state"] == "posted"
    assert [d["state"] for d in desk.release()] == ["posted"]


def test_an_older_answer_that_agrees_is_history(make):
    desk = make()
    for key in "XY":
        desk.redeem(key)
    desk.deliver([("X", "OK"), ("Y", "KO")], sequence=9)
    done = desk.deliver([("X", "OK"), ("Y", "KO")], sequence=8)
    assert desk.outcomes(done["file"]) == [("informational", None)] * 2

"""Which answer is newer: an older answer moves nothing, and is never merely noted where it contradicts what stands."""
import pytest

import worker
from releases import verify


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


def test_f11_what_follows_a_mistyped_number_is_not_merely_noted(make):
    desk = make()
    desk.redeem("X")
    desk.deliver([("X", "OK")], sequence=410042)
    done = desk.deliver([("X", "KO")], sequence=43)
    assert desk.outcomes(done["file"]) == [("held", "contradiction")]


def test_an_older_answer_that_agrees_is_history(make):
    desk = make()
    for key in "XY":
        desk.redeem(key)
    desk.deliver([("X", "OK"), ("Y", "KO")], sequence=9)
    done = desk.deliver([("X", "OK"), ("Y", "KO")], sequence=8)
    assert desk.outcomes(done["file"]) == [("informational", None)] * 2

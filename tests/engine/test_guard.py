"""What holds a whole file for what its records would do together: a share of few records is no pattern, and a file in which
nothing matches is one hold."""
import uuid

import pytest

import worker
from operators import Operators


@pytest.fixture
def make(database, build):
    made = []

    def desk(**settings):
        made.append(worker.Desk(database, build, **settings))
        return made[-1]
    yield desk
    for desk_ in made:
        desk_.close()


@pytest.mark.parametrize("rejects, least, state", [(1, "", "posted"), (10, "", "posted"), (11, "", "held"), (1, ", least: 0", "held")])
def test_a_share_of_few_records_is_no_pattern(make, rejects, least, state):
    """One record of a quiet day, and that one rejected: a hundred per cent, and no reason to wake two people."""
    desk = make(more=f"guard: {{share: 60{least}}}")
    keys = [f"R{i}" for i in range(rejects)]
    for key in keys:
        desk.redeem(key)
    done = desk.deliver([(key, "KO") for key in keys])
    assert done["state"] == state and (state == "posted" or done["reason"] == "guard"), done


def strangers(many):
    return [(str(uuid.UUID(int=1000 + i)), "OK") for i in range(many)]


def test_a_file_in_which_nothing_matches_is_one_hold(make, database):
    """References as somebody else writes them: not forty holds that ask for nothing. Two people may have it by the record."""
    desk = make()
    done = desk.deliver(strangers(40))
    assert (done["state"], done["reason"]) == ("held", "nothing_matches")
    holds = "SELECT record_no IS NULL, reason FROM handback.hold h WHERE NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id)"
    assert desk.query(holds) == [(True, "nothing_matches")] and "40 of its 40 records" in desk.refusals(done["file"])[0][1]
    people = Operators(database)
    people.decide([desk.query("SELECT hold_id FROM handback.hold")[0][0]], "release")
    people.close()
    released, = desk.release()
    assert released["state"] == "posted" and released["held"] == 40, released
    assert {reason for _, reason in desk.query(holds)} == {"unknown_reference"}


@pytest.mark.parametrize("known, unknown, setting, state", [
    (4, 36, "", "posted"), (3, 37, "", "held"), (0, 10, "", "posted"), (0, 11, "", "held"), (20, 20, "guard: {unmatched: 40}", "held"),
    (0, 40, "guard: {unmatched: 100}", "posted")])
def test_nearly_nothing(make, known, unknown, setting, state):
    desk = make(more=setting)
    keys = [f"R{i}" for i in range(known)]
    for key in keys:
        desk.redeem(key)
    done = desk.deliver([(key, "OK") for key in keys] + strangers(unknown))
    assert done["state"] == state and (state == "posted" or done["reason"] == "nothing_matches"), done

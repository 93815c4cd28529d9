"""The guard's bases: the file, the partner's open redemptions, and the partner's own history."""
import datetime
import json

import pytest

import worker
from operators import Operators
from releases import hold_of, verify

UTC = datetime.timezone.utc


@pytest.fixture
def make(database, build):
    made = []

    def desk(guard, **settings):
        made.append(worker.Desk(database, build, **{"lists": "rejects", **settings, "more": f"guard: {guard}" + settings.get("more", "")}))
        return made[-1]
    yield desk
    for one in made:
        verify(one, build)
        one.close()


def redeem(desk, prefix, count, **columns):
    keys = [f"{prefix}{n}" for n in range(count)]
    with desk.db.transaction():
        for key in keys:
            desk.redeem(key, points=1, **columns)
    return keys


def rejects(desk, keys):
    return desk.deliver([(k, "KO", {"Points": 1}) for k in keys])


def why(desk, done):
    return desk.refusals(done["file"])[0][1]


# ---- of what the share is

def test_a_share_of_the_open_items_means_something_where_rejects_are_listed(make):
    desk = make("{share: 20, of: open_items, least: 2}")
    keys = redeem(desk, "R", 50)
    assert rejects(desk, keys[:10])["state"] == "posted"  # 10 of 50: not more than a fifth
    # 40 are open now
    held = rejects(desk, keys[10:19])
    assert (held["state"], held["reason"]) == ("held", "guard")
    assert why(desk, held) == "it would reverse 9 redemptions, and the partner has 40 open ones; the guard allows 20 per cent"
    assert rejects(desk, keys[10:18])["state"] == "posted"
    with Operators(desk.database) as people:
        people.decide([hold_of(desk, held["file"])], "release")
    assert [d["state"] for d in desk.release()] == ["posted"]


def test_what_was_answered_is_not_open_and_what_is_another_partners_neither(make):
    desk = make("{share: 50, of: open_items, least: 2}")
    keys = redeem(desk, "R", 8)
    redeem(desk, "other", 100, partner="BUS")
    redeem(desk, "programme", 100, member=11)
    assert desk.deliver([(k, "OK", {"Points": 1}) for k in keys[:2]])["confirmed"] == 2
    held = rejects(desk, keys[2:6])
    assert "and the partner has 6 open ones; the guard allows 50 per cent" in why(desk, held)
    assert rejects(desk, keys[2:5])["state"] == "posted"


def test_few_are_never_too_great_a_share_of_the_open_items(make):
    desk = make("{share: 0, of: open_items, least: 3}")
    keys = redeem(desk, "R", 7)
    assert rejects(desk, keys[:3])["state"] == "posted"
    assert rejects(desk, keys[3:])["reason"] == "guard"


@pytest.mark.parametrize("others, guarded, reversals", ((0, 4, 0), (3, 4, 0), (4, 0, 4)))
def test_what_is_found_later_is_judged_by_the_same_basis(make, others, guarded, reversals):
    desk = make("{share: 50, of: open_items, least: 1, unmatched: 100}", more="\nunknown_days: 9")
    keys = [f"R{n}" for n in range(4)]
    for key in keys:
        desk.references[key] = worker.uuid.uuid5(worker.uuid.NAMESPACE_OID, key)
    done = desk.deliver([(str(desk.references[k]), "KO", {"Points": 1}) for k in keys])
    assert done["held"] == 4
    redeem(desk, "R", 4), redeem(desk, "more", others)
    assert desk.nightly()["done"]["guarded"] == guarded and desk.reversals() == reversals


def test_the_count_of_open_items_goes_by_an_index(make):
    desk = make("{share: 20, of: open_items}")
    redeem(desk, "R", 3)
    desk.query("SELECT count(*) FROM (SELECT 1) o")
    with desk.db.transaction():
        desk.db.execute("SET LOCAL enable_seqscan = off")
        plan = "\n".join(r for r, in desk.query(
            "EXPLAIN SELECT FROM ledger.redemption r WHERE r.partner = 'AIR' ORDER BY r.redeemed_at DESC LIMIT 5"))
    assert "entry_partner " in plan and "Sort" not in plan


# ---- the partner's history

def usual(desk, counts):
    for n, count in enumerate(counts):
        done = rejects(desk, redeem(desk, f"usual {desk.sequence} {n} ", count)) if count else desk.deliver([("nobody", "WAIT")])
        assert done["state"] == "posted", done


def test_what_is_far_from_the_partners_own_history_is_held(make):
    desk = make("{history: {files: 5, times: 3}, least: 1}")
    usual(desk, (2, 3, 4, 0, 1))
    far = rejects(desk, redeem(desk, "far", 10))
    assert (far["state"], far["reason"]) == ("held", "guard")
    assert why(desk, far) == "it would reverse 10 redemptions, and of the last 5 files only one reversed more than 3;" \
        " the guard allows 3 times that"
    assert rejects(desk, redeem(desk, "near", 9))["state"] == "posted"


def test_it_says_nothing_before_there_are_so_many_files(make):
    desk = make("{history: {files: 5, times: 3}, least: 1}")
    usual(desk, (1, 1, 1, 1))
    desk.deliver([])  # one without a record says nothing of what is usual
    assert rejects(desk, redeem(desk, "many", 50))["state"] == "posted"


def test_one_file_that_people_let_through_is_no_measure_and_two_are(make):
    desk = make("{history: {files: 5, times: 2}, least: 1}")
    usual(desk, (2, 2, 2, 2, 2))
    for n in range(2):
        done = rejects(desk, redeem(desk, f"wave {n} ", 20))
        assert done["reason"] == "guard", n
        with Operators(desk.database) as people:
            people.decide([hold_of(desk, done["file"])], "release")
        assert [d["state"] for d in desk.release()] == ["posted"]
    assert rejects(desk, redeem(desk, "wave 3 ", 40))["state"] == "posted"
    assert rejects(desk, redeem(desk, "wave 4 ", 81))["reason"] == "guard"


def test_few_rejects_are_never_far_from_the_history(make):
    desk = make("{history: {files: 5}}")
    usual(desk, (0, 0, 0, 0, 0))
    assert rejects(desk, redeem(desk, "few", 10))["state"] == "posted"
    assert rejects(desk, redeem(desk, "many", 11))["reason"] == "guard"


def test_another_profiles_files_are_no_history(make):
    desk = make("{history: {files: 5}, least: 1}")
    usual(desk, (0, 0, 0, 0, 0))
    text = (desk.profiles / "air.yaml").read_text()
    (desk.profiles / "fly.yaml").write_text(text.replace("profile: air\n", "profile: fly\n"))
    desk.drop("AIR_99.csv", desk.file([(k, "KO", {"Points": 1}) for k in redeem(desk, "other", 20)]))
    assert desk.worker.job(desk.inbound, "AIR_99.csv", "air", "AIR", "fly")["state"] == "posted"


def test_one_reject_of_one_record_is_no_share(make):
    """A quiet day's file: 100 per cent of its records, and nothing that anybody should have to look at."""
    desk = make("{share: 60}", lists="all")
    for key in redeem(desk, "R", 5):
        assert rejects(desk, [key])["state"] == "posted"
    assert desk.reversals() == 5


# ---- of what names no redemption

def test_a_file_in_which_nothing_matches_is_one_hold_and_not_one_for_each_record(make):
    """40 of 40 references as a placeholder that nobody filled in: one hold, which says so and what to do."""
    desk = make("{least: 5}")
    redeem(desk, "R", 40)
    done = desk.deliver([("{uuid}", "KO", {"Points": 1, "Booking": f"B{n}"}) for n in range(40)])
    assert (done["state"], done["reason"], desk.reversals()) == ("held", "nothing_matches", 0)
    assert "40 of its 40" in why(desk, done)
    assert desk.query("SELECT record_no, reason FROM handback.hold") == [(None, "nothing_matches")]
    [hold] = json.loads(desk.ctl("holds", "--json").stdout)["holds"]
    assert hold["reason"] == "nothing_matches" and hold["action_required"] != "none"
    # two people may have each record by itself all the same
    with Operators(desk.database) as people:
        people.decide([hold_of(desk, done["file"])], "release")
    [released] = desk.release()
    assert released["state"] == "posted" and set(desk.outcomes(released["file"])) == {("held", "unknown_reference")}


def test_a_share_that_matches_is_told_record_by_record(make):
    desk = make("{least: 2, unmatched: 50, rejects: 100}", lists="all")
    keys = redeem(desk, "R", 4)
    strange = [(f"nobody{n}", "KO", {"Points": 1}) for n in range(5)]
    assert desk.deliver([(k, "OK", {"Points": 1}) for k in keys] + strange)["reason"] == "nothing_matches"  # 5 of 9
    assert desk.deliver([(k, "OK", {"Points": 1}) for k in keys] + strange[:4])["state"] == "posted"         # 4 of 8

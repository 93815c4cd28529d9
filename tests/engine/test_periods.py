"""Numbers that begin again: each period has its own, and a file is newer by its period first."""
import datetime
import itertools
import json

import pytest

import worker
from operators import Operators
from releases import hold_of, verify
from share import share

NAME = "AIR_{business_date:YYYYMMDD}_{sequence:+}.csv"
YEARLY = {"file_name": NAME, "more": "sequence: {resets: yearly}"}


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


def send(desk, day, number, *answers):
    return desk.deliver(list(answers), name=f"AIR_{day}_{number}.csv")


def end(done):
    return done["state"], done.get("reason", "")


def why(desk, done):
    return desk.refusals(done["file"])[0][1]


def release(desk, done):
    with Operators(desk.database) as people:
        people.decide([hold_of(desk, done["file"])], "release")
    return desk.release()


# ---- periods

@pytest.mark.parametrize("resets, days", (
    ("yearly", ("20201229", "20201230", "20201231", "20210101", "20210704")),
    ("monthly", ("20200401", "20200402", "20200430", "20200501", "20200531")),
    ("daily", ("20200401", "20200401", "20200401", "20200402", "20200402"))))
def test_f9_numbers_begin_again_each_period(make, resets, days):
    desk = make(gap="hold", file_name=NAME, more=f"sequence: {{resets: {resets}}}")
    for key in "abcde":
        desk.redeem(key)
    for key, day, number in zip("abcde", days, ("0000001", "0000002", "0000003", "0000001", "0000002")):
        done = send(desk, day, number, (key, "OK"))
        assert end(done) == ("posted", "") and desk.outcomes(done["file"]) == [("confirmed", None)], (day, number)


def test_f9_a_later_period_is_newer_and_an_earlier_one_is_older(make):
    desk = make(**YEARLY, late_reject="reverse")
    for key in "XYZ":
        desk.redeem(key)
    send(desk, "20201231", 999, ("X", "OK"), ("Y", "OK"))
    done = send(desk, "20210101", 1, ("X", "KO"), ("Z", "OK"))
    assert desk.outcomes(done["file"]) == [("reversed", None), ("confirmed", None)]
    # one that comes late is older, whatever its number
    late = send(desk, "20201231", 1000, ("X", "OK"), ("Z", "KO"), ("Y", "OK"))
    assert end(late) == ("posted", "")
    assert desk.outcomes(late["file"]) == [("held", "contradiction"), ("held", "contradiction"), ("already_applied", None)]
    assert desk.reversals() == 1


def test_each_period_has_gaps_of_its_own(make):
    desk = make(**YEARLY, gap="hold")
    assert [end(send(desk, "20200105", n)) for n in (1, 2)] == [("posted", "")] * 2
    second = send(desk, "20210105", 2)
    assert end(second) == ("held", "sequence_gap")
    assert why(desk, second) == "number 2 of 2021 came, and no file of that period before it: it begins with 1"
    fourth = send(desk, "20200105", 4)
    assert why(desk, fourth) == "number 4 of 2020 came, and number 2 is the last before it"
    assert end(send(desk, "20210104", 1)) == ("posted", "")
    assert [desk.row(d["file"])["release_of"] for d in desk.release()] == [second["file"]]
    assert end(send(desk, "20200105", 3)) == ("posted", "")
    assert [desk.row(d["file"])["release_of"] for d in desk.release()] == [fourth["file"]]


def test_the_same_number_of_a_period_is_a_resubmission_and_of_another_is_none(make):
    desk = make(**YEARLY)
    send(desk, "20200105", 1)
    again = send(desk, "20200106", 1, ("nobody", "OK"))
    assert end(again) == ("held", "resubmission") and why(desk, again).startswith("number 1 of 2020 was posted before, as file 1 ")
    assert end(send(desk, "20210106", 1)) == ("posted", "")


def test_a_number_that_jumps_in_a_period_is_held(make):
    desk = make(file_name=NAME, more="sequence: {resets: yearly, jump: 5}")
    assert end(send(desk, "20200105", 900)) == ("posted", "")  # the first that there ever is
    far = send(desk, "20210105", 6)
    assert end(far) == ("held", "sequence_jump") and "number 0 is the last before it: the profile allows 5" in why(desk, far)
    assert end(send(desk, "20210105", 5)) == ("posted", "")


@pytest.mark.parametrize("first, ends", ((41, {41: "posted", 42: "posted", 44: "held"}), (0, {0: "posted", 1: "posted", 3: "held"})))
def test_a_partner_begins_with_its_first_and_each_period_with_1_or_0(make, first, ends):
    desk = make(gap="hold", file_name=NAME, more=f"sequence: {{resets: yearly, first: {first}}}")
    assert {n: send(desk, "20200105", n)["state"] for n in ends} == ends
    begin = min(first, 1)
    assert end(send(desk, "20190105", begin + 1)) == ("held", "sequence_gap")
    assert end(send(desk, "20210105", begin + 1)) == ("held", "sequence_gap")
    assert end(send(desk, "20210105", begin)) == ("posted", "") and len(desk.release()) == 1


def test_a_number_without_a_day_has_no_place(make):
    desk = make(**YEARLY)
    profile = desk.profiles / "air.yaml"
    profile.write_text(profile.read_text().replace(f'file_name: "{NAME}"', f'file_name: ["{NAME}", "AIR_{{sequence:+}}.csv"]'))
    desk.redeem("X")
    send(desk, "20200105", 7)
    done = desk.deliver([("X", "OK")], name="AIR_6.csv")
    assert end(done) == ("held", "sequence_jump") and "without a day" in why(desk, done)
    [released] = release(desk, done)
    assert desk.outcomes(released["file"]) == [("confirmed", None)]
    assert end(send(desk, "20200106", 6)) == ("posted", "")  # its number is free


# ---- a restart that the profile does not know

@pytest.mark.parametrize("days", (True, False))
def test_a_restart_is_told_for_what_it_is(make, days):
    desk = make(file_name=NAME if days else "AIR_{sequence:+}.csv", gap="hold", more="sequence: {first: 998}")
    for key in "XY":
        desk.redeem(key)

    def deliver(day, number, *answers):
        return desk.deliver(list(answers), name=f"AIR_{day}_{number}.csv" if days else f"AIR_{number}.csv")
    assert end(deliver("20201230", 1)) == ("posted", "")
    for number in (998, 999):
        deliver("20201231", number)
    with Operators(desk.database) as people:
        people.decide([h for h, in desk.query("SELECT hold_id FROM handback.open_holds ORDER BY 1")], "release")
    desk.release()
    held = deliver("20210101", 1, ("X", "OK"))
    assert end(held) == ("held", "sequence_restart")
    assert why(desk, held).startswith("number 1 came after 999: does the partner begin again?")
    # as it says: the profile is told, and two people release it
    desk.profile(file_name=NAME if days else "AIR_{sequence:+}.csv", gap="hold",
                 more="sequence: {resets: yearly}" if days else "sequence: {after: 999}")
    [released] = release(desk, held)
    assert end(released) == ("posted", "") and desk.outcomes(released["file"]) == [("confirmed", None)]
    assert end(deliver("20210102", 2, ("Y", "OK"))) == ("posted", "")


def test_a_later_day_under_a_lower_number_is_a_restart_even_where_that_number_never_came(make):
    desk = make(file_name=NAME, more="sequence: {first: 41}")
    send(desk, "20200105", 41)
    assert end(send(desk, "20210101", 1)) == ("held", "sequence_restart")
    assert end(send(desk, "20200105", 40)) == ("posted", "")  # a late one of the same day is none


def test_the_same_number_once_more_is_no_restart(make):
    desk = make(file_name=NAME)
    for number in (1, 2, 3):
        send(desk, "20200105", number)
    assert [end(send(desk, day, n, ("nobody", "OK"))) for day, n in (("20200105", 2), ("20200106", 3))] == [("held", "resubmission")] * 2


# ---- numbers that go round

def test_after_9999_comes_1(make):
    desk = make(gap="hold", more="sequence: {first: 9998, after: 9999}", late_reject="reverse")
    desk.redeem("X"), desk.redeem("Y")
    assert end(desk.deliver([("X", "OK")], sequence=9998)) == ("posted", "")
    first = desk.deliver([("X", "KO"), ("Y", "OK")], sequence=1)
    assert why(desk, first) == "number 1 came, and number 9998 is the last before it"
    assert end(desk.deliver([], sequence=9999)) == ("posted", "")
    [released] = desk.release()
    assert desk.outcomes(released["file"]) == [("reversed", None), ("confirmed", None)]
    # once round, the number of the round before is another file's
    assert end(desk.deliver([("Y", "OK")], sequence=2)) == ("posted", "")
    assert end(desk.deliver([("X", "KO")], sequence=9998)) == ("held", "resubmission")
    assert desk.query("SELECT sequence, place FROM handback.file WHERE state = 'posted' ORDER BY file_id") == \
        [(9998, 9998), (9999, 9999), (1, 10000), (2, 10001)]


def test_a_number_before_the_turn_is_older_after_it(make):
    desk = make(more="sequence: {after: 9999}")
    desk.redeem("X")
    for number in (9990, 9998):
        desk.deliver([], sequence=number)
    desk.deliver([("X", "OK")], sequence=3)
    late = desk.deliver([("X", "KO")], sequence=9999)
    assert desk.outcomes(late["file"]) == [("held", "contradiction")] and desk.reversals() == 0


@pytest.mark.parametrize("number, state", ((4500, "posted"), (3999, "held"), (4000, "posted"), (6000, "posted"), (6001, "held"), (9999, "held"), (1, "held")))
def test_what_is_not_near_the_last_is_held(make, number, state):
    desk = make(more="sequence: {after: 9999}")
    desk.deliver([], sequence=5000)
    done = desk.deliver([("nobody", "OK")], sequence=number)
    assert end(done) == (state, "sequence_jump" if state == "held" else "")


def test_two_people_say_that_a_number_far_off_is_the_next(make):
    desk = make(more="sequence: {after: 9999}")
    for number in (5000, 1):
        done = desk.deliver([("nobody", "OK")], sequence=number)
    assert "whether it is an older one or the next is not clear" in why(desk, done)
    assert [end(d) for d in release(desk, done)] == [("posted", "")]
    assert end(desk.deliver([("somebody", "OK")], sequence=2)) == ("posted", "")
    assert desk.query("SELECT max(place) FROM handback.file") == [(10001,)]


@pytest.mark.parametrize("number", (0, 10000, 10**18))
def test_a_number_that_cannot_be_is_held_and_measures_nothing(make, number):
    desk = make(more="sequence: {after: 9999}")
    done = desk.deliver([("nobody", "OK")], sequence=number)
    assert end(done) == ("held", "sequence_jump") and "numbers are 1 to 9999" in why(desk, done)
    assert [end(d) for d in release(desk, done)] == [("posted", "")]
    assert end(desk.deliver([], sequence=1)) == ("posted", "")


@pytest.mark.parametrize("number", (2**63 - 1, -2**63 + 1, 10**18 + 1))
def test_a_number_that_no_partner_counts_to_is_held(make, number):
    desk = make(file_name="AIR_*", more="sequence: {jump: 9223372036854775807}")
    profile = desk.profiles / "air.yaml"
    profile.write_text(profile.read_text().replace("columns: 3\n", "columns: 4\n").replace("      count:", "      sequence: {at: 4, type: integer}\n      count:"))
    content = desk.file([("nobody", "OK")]).replace(b",100\n", b",100,%d\n" % number)
    done = desk.deliver(content, name="AIR_1.csv")
    assert end(done)[0] == "held"


# ---- in whatever order

BORDER = (("20201230", 8), ("20201231", 9), ("20210101", 1), ("20210102", 2))
ORDERS = list(itertools.permutations(range(4)))[::share(1, 3)]


@pytest.mark.parametrize("how", ("yearly", "after"))
def test_all_orders_over_a_border_end_in_one_state(make, how):
    """What nobody contradicts ends alike; what is contradicted over the border is never decided in silence."""
    more = "sequence: {first: 8, resets: yearly}" if how == "yearly" else "sequence: {first: 8, after: 9}"
    desk = make(gap="hold", file_name=NAME, more=more)
    text, ends = (desk.profiles / "air.yaml").read_text(), set()
    for n, order in enumerate(ORDERS):
        (desk.profiles / f"air{n}.yaml").write_text(text.replace("profile: air\n", f"profile: air{n}\n"))
        keys = [f"{n} {k}" for k in ("first", "second", "third", "fourth", "repeated", "contradicted")]
        for key in keys:
            desk.redeem(key)
        for i in order:
            answers = [(keys[i], "KO" if i % 2 else "OK"), (keys[4], "OK")]
            if i in (1, 2):
                answers.append((keys[5], "OK" if i == 1 else "KO"))
            day, number = BORDER[i]
            name = f"AIR_{day}_{number}.csv"
            desk.drop(name, desk.file(answers))
            done = desk.worker.job(desk.inbound, name, "air", "AIR", f"air{n}")
            assert end(done) in (("posted", ""), ("held", "sequence_gap")), (order, i, done)
            desk.release()
        posted = desk.query("SELECT sequence FROM handback.file WHERE state = 'posted' AND profile = %s ORDER BY period, place", f"air{n}")
        assert [s for s, in posted] == [8, 9, 1, 2], order
        states = [desk.query("SELECT handback.redemption_state(redemption_id) FROM ledger.redemption WHERE external_reference = %s",
                             desk.references[key])[0][0] for key in keys]
        ends.add(tuple(states[:5]))
        assert desk.query("SELECT reason FROM handback.open_holds h JOIN ledger.redemption r USING (redemption_id)"
                          " WHERE r.external_reference = %s", desk.references[keys[5]]) == [("contradiction",)], order
        # numbers that go round wait for each other; over a border of periods nothing can
        assert states[5] == "confirmed" or how == "yearly", order
    assert ends == {("confirmed", "reversed", "confirmed", "reversed", "confirmed")}
    assert desk.query("SELECT count(*) FROM handback.open_holds") == [(len(ORDERS),)]


# ---- what the night reads from it

def test_what_is_not_listed_over_a_border_is_shown_where_the_next_period_begins_with_its_first(make):
    desk = make(lists="rejects", file_name=NAME, more="sequence: {resets: daily}\nanswer_within: 5\n")
    now = datetime.datetime.now(datetime.timezone.utc)
    desk.redeem("R", posted_at=(now - datetime.timedelta(days=30)).replace(hour=12))

    def deemed():
        return [r["deemed_accepted"] for r in json.loads(desk.ctl("nightly", "--plan", "--json").stdout)["overdue"]]
    for number in (1, 2):
        send(desk, f"{now - datetime.timedelta(days=29):%Y%m%d}", number)
    assert end(send(desk, f"{now:%Y%m%d}", 2)) == ("posted", "")  # gap: continue
    assert deemed() == [0]  # one of today's is missing
    send(desk, f"{now:%Y%m%d}", 1)
    assert deemed() == [1] and desk.nightly()["done"]["deemed_accepted"] == 1

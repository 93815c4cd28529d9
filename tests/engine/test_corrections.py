"""Records that replace earlier ones of the same partner, and files that are void: what is settled waits for two people."""
import datetime
import itertools
import json
import time

import pytest

import proof
import worker
from operators import Operators
from releases import hold_of, released

FIELDS = """\
      record_id: {at: Id, type: id, optional: yes}
      replaces: {at: Replaces, type: id, optional: yes}
      replaces_file: {at: OfFile, optional: yes}
      replaces_record: {at: OfRecord, optional: yes}
"""
HELD = ("held", "correction")
VOID = ("held", "file_void")
DATED = {"file_name": "AIR_{business_date:YYYYMMDD}_{sequence:+}.csv", "more": "sequence: {resets: yearly}"}


@pytest.fixture(autouse=True)
def fields(monkeypatch):
    at = "      change: {at: Change, type: id, optional: yes}\n"
    monkeypatch.setattr(worker, "PROFILE", worker.PROFILE.replace(at, at + FIELDS))
    monkeypatch.setattr(worker, "COLUMNS", worker.COLUMNS + ("Id", "Replaces", "OfFile", "OfRecord"))


@pytest.fixture
def make(database, build):
    made = []

    def desk(**settings):
        made.append(worker.Desk(database, build, **settings))
        made[-1].people = Operators(database)
        return made[-1]
    yield desk
    for one in made:
        assert proof.differences(one.db) == []
        one.ctl("audit", "verify")
        one.people.close()
        one.close()


def of(file, record):
    return {"OfFile": file, "OfRecord": record}


def void(number):
    return ("", "WAIT", {"OfFile": number, "Points": "", "Member": ""})


def dated(desk, year, number, *answers):
    return desk.deliver(list(answers), name=f"AIR_{year}0301_{number}.csv")


def hold_at(desk, file, record=1):
    return desk.query("SELECT max(hold_id) FROM handback.hold WHERE file_id = %s AND record_no = %s", file, record)[0][0]


def ended(desk):
    return desk.query("SELECT h.file_id, h.record_no, h.reason, e.how FROM handback.hold h LEFT JOIN handback.hold_end e USING (hold_id)"
                      " ORDER BY 1, 2")


def links(desk):
    return desk.query("SELECT file_id, record_no, corrected_file, corrected_record FROM handback.correction_of ORDER BY 1, 2, 3, 4")


@pytest.mark.parametrize("late_reject", ["hold", "reverse"])
def test_what_is_settled_is_changed_as_the_table_allows_and_else_held(make, late_reject):
    """Every pair: the same as any newer answer, but that a contradiction is told as what it is."""
    desk = make(late_reject=late_reject)
    pairs = list(itertools.product(["OK", "KO"], ["OK", "KO", "NEW", "WAIT"]))
    for n in range(len(pairs)):
        desk.redeem(f"R{n}")
    original = desk.deliver([(f"R{n}", first) for n, (first, _) in enumerate(pairs)])["file"]
    file = desk.deliver([(f"R{n}", then, of(1, n + 1)) for n, (_, then) in enumerate(pairs)])["file"]
    expected = []
    for first, then in pairs:
        agrees = (then == "KO") == (first == "KO")
        expected.append(("informational", None) if then == "WAIT" else ("already_applied", None) if agrees
                        else ("reversed", None) if first == "OK" and late_reject == "reverse" else HELD)
    assert desk.outcomes(file) == expected
    for n, (detail, (first, _)) in enumerate(zip(desk.details(file), pairs), 1):
        assert detail.startswith(f"replaces record {n} of file {original}, which is {'confirmed' if first == 'OK' else 'reversed'}, redemption")
    assert links(desk) == [(file, n + 1, original, n + 1) for n in range(len(pairs))]
    assert desk.balance() == 100 * (4 + (late_reject == "reverse"))


@pytest.mark.parametrize("first, then, outcome, name", [
    (("A", "OK", {"Points": 101}), "OK", "confirmed", "id"), (("A", "KO", {"Points": 101}), "OK", "confirmed", "number"),
    (("A", "OK", {"Points": 101}), "KO", "reversed", "id"), (("nobody's", "KO"), "KO", "reversed", "number")])
def test_what_had_no_effect_is_overtaken(make, first, then, outcome, name):
    """What waits is replaced, also where the new record says the opposite; and what was unknown is never found any more."""
    desk = make()
    desk.redeem("A")
    key, status, *more = first
    original = desk.deliver([(key, status, {**(more[0] if more else {}), "Id": "X1"})])["file"]
    assert desk.outcomes(original)[0][0] == "held"
    file = desk.deliver([("A", then, of("000001", 1) if name == "number" else {"Replaces": "X1"})])["file"]
    assert desk.outcomes(file) == [(outcome, None)]
    assert [how for *_, how in ended(desk)] == ["overtaken"]
    assert desk.query("SELECT detail FROM handback.outcome WHERE revision = 1") == [(f"it is replaced by record 1 of file {file}",)]
    assert desk.balance() == (100 if outcome == "reversed" else 0)
    explained = desk.ctl("explain", desk.references["A"]).stdout
    assert f"replaces record 1 of file {original}" in " ".join(explained.split())


@pytest.mark.parametrize("names, why", [
    (of(7, 1), "no file with that number was posted before this one"), (of(1, 9), "there is no such record before this one"),
    (of(2, 1), "no file with that number was posted before this one"), ({"Replaces": "X9"}, "there is no such record before this one"),
    (of("", 1), "it names no record"), (of(1, 1), "that one is of redemption"), (of(1, 3), "nothing shows that both mean the same redemption"),
    ({"Replaces": "twice"}, "several records have that name"), ({"Replaces": "X2", "OfFile": 1, "OfRecord": 1}, "there is no such record")])
def test_what_is_not_clear_beyond_doubt_is_held(make, names, why):
    desk, status = make(late_reject="reverse"), "KO"
    desk.redeem("A"), desk.redeem("B"), desk.redeem("C")
    desk.deliver([("B", "OK", {"Id": "twice"}), ("C", "OK", {"Id": "X2"}), ("nobody's", "KO", {"Member": "M2", "Id": "twice"})])
    file = desk.deliver([("A", status, names)])["file"]
    assert desk.outcomes(file) == [HELD] and why in desk.details(file)[0]
    assert desk.balance() == 0 and desk.query("SELECT count(*) FROM handback.hold_end") == [(0,)]
    # neither a newer answer nor a night ends it
    desk.deliver([("A", status, {"Text": "said again"})])
    desk.nightly()
    assert (file, 1, "correction", None) in ended(desk)
    assert [h["record"] for h in json.loads(desk.ctl("holds", "--reason", "correction", "--json").stdout)["holds"]] == [1]


def test_a_correction_of_an_unknown_redemption_is_not_found_by_night(make):
    desk = make()
    desk.deliver([("late", "KO", {"Id": "X1"})])
    file = desk.deliver([("late", "OK", {"Replaces": "X1"})])["file"]
    assert desk.outcomes(file) == [HELD]
    desk.references.pop("late", None)
    desk.nightly()
    assert desk.outcomes(file, 1) == []


def test_what_a_held_correction_replaces_is_not_found_by_night(make):
    """The redemption turns up: the replaced record is for people, and posts nothing by itself."""
    desk = make()
    key = "0b0e1c9c-5df5-5d37-9d3c-000000000001"
    original = desk.deliver([(key, "KO")])["file"]
    file = desk.deliver([(key, "OK", of(1, 1))])["file"]
    assert desk.outcomes(original) == [("held", "unknown_reference")] and desk.outcomes(file) == [HELD]
    desk.db.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points, partner, amount, currency, merchant,"
                    " transaction_type, external_reference) VALUES (1, 1, 'Debit By Redemption', 100, 'AIR', 100, 'EUR', 'Air', 6, %s)", (key,))
    desk.nightly()
    assert desk.outcomes(original, 1) == [HELD] and desk.reversals() == 0
    assert f"record 1 of file {file} replaces it" in desk.query("SELECT detail FROM handback.outcome WHERE revision = 1")[0][0]


@pytest.mark.parametrize("name, first, then", [("number", "OK", "KO"), ("id", "KO", "OK"), ("number", "KO", "KO")])
def test_a_correction_before_what_it_corrects_holds_both(make, name, first, then):
    desk = make(late_reject="reverse")
    desk.redeem("A")
    file = desk.deliver([("A", then, of(1, 1) if name == "number" else {"Replaces": "X1"})], sequence=2)["file"]
    original = desk.deliver([("A", first, {"Id": "X1"})], sequence=1)["file"]
    assert desk.outcomes(file) == [HELD] and desk.outcomes(original) == [HELD] and desk.balance() == 0
    assert f"record 1 of file {file}, which came before this one, replaces it" in desk.details(original)[0]
    assert links(desk) == [(file, 1, original, 1)]
    # both are shown, and people decide
    hold, = desk.query("SELECT hold_id FROM handback.hold WHERE file_id = %s", file)[0]
    shown = json.loads(desk.ctl("hold", "show", hold, "--json").stdout)
    assert [(r["file"], r["record"], r["relation"]) for r in shown["corrections"]] == [(original, 1, "it is replaced by this record")]
    desk.people.decide([hold], "reverse" if then == "KO" else "confirm")
    other, = desk.query("SELECT hold_id FROM handback.hold WHERE file_id = %s", original)[0]
    desk.people.decide([other], "close")
    assert desk.balance() == (100 if then == "KO" else 0)


@pytest.mark.parametrize("first", ["OK", "KO"])
def test_the_same_correction_twice_is_a_repeat(make, first):
    desk = make()
    desk.redeem("A")
    desk.deliver([("A", first)])
    said = ("A", "KO" if first == "OK" else "OK", of(1, 1))
    assert desk.outcomes(desk.deliver([said])["file"]) == [HELD]
    again = desk.deliver([said, ("A", said[1], {**said[2], "Text": "a repeat"})])["file"]
    assert desk.outcomes(again) == [("duplicate_record", None)] * 2 and "as record 1 of file" in desk.details(again)[0]
    # another one of the same record is none
    other = desk.deliver([("A", first, of(1, 1))])["file"]
    assert desk.outcomes(other) == [HELD] and "replaced it already" in desk.details(other)[0]
    hold, = desk.query("SELECT min(hold_id) FROM handback.hold")[0]
    desk.people.decide([hold], "close")
    # reopened, it is said; closed, it is not
    desk.people.decide([hold], "reopen")
    assert desk.outcomes(desk.deliver([said, ("C", "OK")])["file"])[0] == ("duplicate_record", None)
    desk.people.decide([desk.query("SELECT max(hold_id) FROM handback.hold WHERE reopens IS NOT NULL")[0][0]], "close")
    assert desk.outcomes(desk.deliver([said, ("B", "OK")])["file"])[0] == HELD


@pytest.mark.parametrize("since", ["replaced", "void", "void here", "decided otherwise", "done, and taken back"])
def test_what_is_said_no_more_is_no_repeat(make, since):
    """The first one waits no more, and nothing stands of it: the same words are the partner's newest, and never dropped in silence."""
    desk = make(late_reject="reverse" if since.startswith("done") else "hold")
    desk.redeem("A")
    desk.deliver([("A", "OK")])
    said = ("A", "KO", of(1, 1))
    first = desk.deliver([said])["file"]
    if since == "decided otherwise":
        desk.people.decide([hold_at(desk, first)], "reverse")
        desk.people.decide([hold_at(desk, desk.deliver([("A", "OK")])["file"])], "reinstate")
    elif since == "void":
        desk.deliver([void(2)])
    elif since != "void here":
        back = desk.deliver([("A", "OK", of(2, 1))])["file"]
        if since.startswith("done"):
            desk.people.decide([hold_at(desk, back)], "reinstate")
    again = desk.deliver([*([void(2)] if since.endswith("here") else []), said])["file"]
    assert desk.outcomes(again)[-1] == HELD and "replaced it already" in desk.details(again)[-1]
    # it waits once, and people do it
    assert desk.outcomes(desk.deliver([said, ("Z", "OK")])["file"])[0] == ("duplicate_record", None)
    desk.people.decide([hold_at(desk, again, len(desk.outcomes(again)))], "credit" if since.startswith("d") else "reverse")
    assert desk.balance() == 100


def test_a_void_that_was_taken_back_and_is_said_again_waits_again(make):
    desk = make()
    desk.redeem("A")
    original = desk.deliver([("A", "OK")])["file"]
    first = desk.deliver([void(1)])["file"]
    assert desk.outcomes(desk.deliver([void(2)])["file"]) == [VOID] and (first, 1, "file_void", "overtaken") in ended(desk)
    again = desk.deliver([void(1), ("Z", "OK")])["file"]
    assert desk.outcomes(again)[0] == VOID and (again, 1, original, 0) in links(desk)
    assert open_void(desk, again)["opened"] == 1
    assert desk.outcomes(desk.deliver([void(1)])["file"]) == [("duplicate_record", None)]


def test_a_void_file_that_comes_again_as_it_was_waits_for_two_people(make):
    """What it did may have been undone: the same delivery is no duplicate of it, before people decided the void or after."""
    desk = make()
    desk.redeem("A"), desk.redeem("B")
    data = desk.file([("A", "OK"), ("B", "KO")])
    original = desk.deliver(data, name="AIR_1.csv")["file"]
    # what came before the void is what it repeats
    assert desk.deliver(data, name="AIR_1.csv", sequence=1)["state"] == "duplicate"
    called = desk.deliver([void(1)])["file"]
    assert open_void(desk, called)["opened"] == 2
    desk.people.decide([hold_at(desk, original, 1)], "reverse"), desk.people.decide([hold_at(desk, original, 2)], "reinstate")
    desk.people.decide([hold_at(desk, called)], "close")
    again = desk.deliver(data, name="AIR_1.csv", sequence=1)
    assert (again["state"], again["reason"]) == ("held", "resubmission")
    # it waits once
    assert desk.deliver(data, name="AIR_1.csv", sequence=1)["state"] == "duplicate"
    done = released(desk, again["file"])
    assert desk.outcomes(done["file"]) == [("held", "contradiction")] * 2
    assert desk.deliver(data, name="AIR_1.csv", sequence=1)["state"] == "duplicate"


def test_a_correction_that_was_done_is_done_once(make):
    desk = make()
    desk.redeem("A")
    desk.deliver([("A", "KO", {"Points": 99})])
    said = ("A", "KO", of(1, 1))
    assert desk.outcomes(desk.deliver([said])["file"]) == [("reversed", None)]
    assert desk.outcomes(desk.deliver([said, ("Z", "OK")])["file"])[0] == ("duplicate_record", None) and desk.balance() == 100


def test_parts_and_groups_are_corrected_by_people(make):
    desk = make(more="split: partner_reference")
    desk.redeem("A", points=500)
    desk.deliver([("A", "OK", {"Points": 300, "Booking": "L1"})])
    file = desk.deliver([("A", "OK", {"Points": 200, "Booking": "L1", **of(1, 1)})])["file"]
    assert desk.outcomes(file) == [HELD] and "in parts or as a group" in desk.details(file)[0]
    assert desk.query("SELECT count(*) FROM handback.answer_part") == [(1,)]
    assert desk.outcomes(desk.deliver([("A", "OK", {"Points": 200, "Booking": "L2"})])["file"]) == [("confirmed", None)]
    assert (file, 1, "correction", None) in ended(desk)


def test_a_correction_is_no_part_when_its_redemption_turns_up(make):
    """Held for people it is beside what the file says: it makes nothing whole that is found later, nor is it what a part repeats."""
    desk = make(more="split: partner_reference", match="[outbound_reference]")

    def part(name, points, reference="O1", **more):
        return "", "OK", {"Outbound": reference, "Points": points, "Booking": name, **more}
    desk.deliver([part("L1", 300, "O2")])
    file = desk.deliver([part("L1", 200, **of(1, 1)), part("L2", 300)])["file"]
    desk.redeem("A", points=500, outbound_reference="O1")
    desk.nightly()
    assert desk.query("SELECT handback.redemption_state(redemption_id) FROM ledger.redemption") == [("open",)]
    assert desk.outcomes(file) == [HELD, ("held", "unknown_reference")] and ("held", "partly_fulfilled") in desk.outcomes(file, 1)
    assert desk.query("SELECT points FROM handback.answer_part") == [(300,)]


@pytest.mark.parametrize("name", ["L1", "L3"])
@pytest.mark.parametrize("together", [True, False])
def test_parts_of_a_void_file_count_no_more(make, name, together):
    """What the partner sends in their place counts, under the same name or another one, beside the void or after it."""
    desk = make(more="split: partner_reference")
    desk.redeem("A", points=500)

    def part(name, points):
        return "A", "OK", {"Points": points, "Booking": name}
    desk.deliver([part("L1", 300)])
    instead = [part(name, 200), part("L2", 300)]
    files = [[void(1), *instead]] if together else [[void(1)], instead[:1], instead[1:]]
    outcomes = [one for answers in files for one in desk.outcomes(desk.deliver(answers)["file"])]
    assert outcomes == [VOID, ("informational", None) if together else ("held", "partly_fulfilled"), ("confirmed", None)]
    assert [(reason, how) for _, _, reason, how in ended(desk) if reason == "partly_fulfilled"] == [("partly_fulfilled", "overtaken")] * (1 if together else 2)


def test_a_part_that_was_whole_before_its_file_was_void_counts(make):
    desk = make(more="split: partner_reference")
    desk.redeem("A", points=500)
    desk.deliver([("A", "OK", {"Points": 300, "Booking": "L1"})])
    assert desk.outcomes(desk.deliver([("A", "OK", {"Points": 200, "Booking": "L2"})])["file"]) == [("confirmed", None)]
    assert desk.outcomes(desk.deliver([void(1)])["file"]) == [VOID]
    again = desk.deliver([("A", "OK", {"Points": 300, "Booking": "L1"}), ("A", "KO", {"Points": 200, "Booking": "L4"})])["file"]
    assert desk.outcomes(again) == [("already_applied", None), ("held", "points_mismatch")]


def test_a_void_file_shows_what_stands_and_what_never_had_effect_ends(make):
    desk = make()
    for key in "ABC":
        desk.redeem(key)
    original = desk.deliver([("A", "OK"), ("B", "KO"), ("C", "OK", {"Points": 99}), ("nobody's", "KO", {"Points": 7})])["file"]
    void = desk.deliver([("", "WAIT", {"OfFile": 1, "Points": "", "Member": ""})])["file"]
    assert desk.outcomes(void) == [("held", "file_void")]
    assert desk.details(void) == [f"file number 1 is void, which is file {original}: 1 confirmed of 100 points, 1 reversed of 100 points, 2 held of 107 points"]
    assert ended(desk) == [(original, 3, "points_mismatch", "overtaken"), (original, 4, "unknown_reference", "overtaken"), (void, 1, "file_void", None)]
    assert links(desk) == [(void, 1, original, 0)] and desk.balance() == 100
    # the same again is a repeat
    assert desk.outcomes(desk.deliver([("", "WAIT", {"OfFile": 1, "Points": "", "Member": ""}), ("C", "OK")])["file"]) == [
        ("duplicate_record", None), ("confirmed", None)]


def test_a_file_that_is_void_before_it_comes_is_held_for_two_people(make):
    desk = make()
    desk.redeem("A")
    void = desk.deliver([("", "WAIT", {"OfFile": 1, "Points": "", "Member": ""})], sequence=2)["file"]
    assert desk.outcomes(void) == [("held", "file_void")]
    done = desk.deliver([("A", "KO")], sequence=1)
    assert (done["state"], done["reason"]) == ("held", "file_void") and desk.balance() == 0
    assert f"record 1 of file {void}" in desk.refusals(done["file"])[0][1]
    desk.people.decide([hold_of(desk, done["file"])], "release")
    [released] = desk.release()
    assert desk.outcomes(released["file"]) == [("reversed", None)] and links(desk) == [(void, 1, released["file"], 0)]


def test_a_file_that_was_called_void_twice_is_linked_once(make):
    desk = make()
    desk.redeem("A")
    first = desk.deliver([void(1)], sequence=2)["file"]
    second = desk.deliver([void(1), ("Z", "OK")], sequence=3)["file"]
    assert desk.outcomes(first) == [VOID] and desk.outcomes(second)[0] == ("duplicate_record", None)
    done = desk.deliver([("A", "KO")], sequence=1)
    assert done["reason"] == "file_void" and f"record 1 of file {first}" in desk.refusals(done["file"])[0][1]
    desk.people.decide([hold_of(desk, done["file"])], "release")
    [released] = desk.release()
    assert desk.outcomes(released["file"]) == [("reversed", None)] and links(desk) == [(first, 1, released["file"], 0)]


def test_a_void_of_this_periods_file_repeats_none_of_an_older_period(make):
    desk = make(**DATED)
    for key in "ABC":
        desk.redeem(key)
    old = dated(desk, 2024, 1, ("A", "OK"))["file"]
    said = dated(desk, 2024, 2, void(1), ("A", "KO", of(1, 1)))["file"]
    new = dated(desk, 2025, 1, ("B", "OK"))["file"]
    again = dated(desk, 2025, 2, void(1), ("B", "KO", of(1, 1)))["file"]
    assert desk.outcomes(said) == desk.outcomes(again) == [VOID, HELD]
    assert links(desk) == [(said, 1, old, 0), (said, 2, old, 1), (again, 1, new, 0), (again, 2, new, 1)]


def test_a_void_of_what_is_missing_of_this_period_is_none_of_an_older_one(make):
    desk = make(**DATED)
    desk.redeem("A"), desk.redeem("B")
    old = dated(desk, 2024, 1, ("A", "OK"))["file"]
    dated(desk, 2024, 2, void(1))
    missed = dated(desk, 2025, 2, void(1), void(3))["file"]
    assert desk.outcomes(missed) == [VOID, VOID] and [link[2] for link in links(desk)] == [old]
    assert (dated(desk, 2025, 1, ("B", "KO"))["reason"], desk.balance()) == ("file_void", 0)
    # and none of a later period
    dated(desk, 2026, 1, ("Z", "OK")), dated(desk, 2026, 2, ("Y", "OK"))
    assert dated(desk, 2026, 3, ("B", "KO"))["state"] == "posted" and desk.balance() == 100


@pytest.mark.parametrize("before, now", [({"Member": "M2"}, {}), ({"Points": 99}, {}), ({"Cents": 99}, {}),
                                         ({"Cents": 99}, {"Cents": 100}), ({"Reason": "FRAUD"}, {"Reason": "FULL"})])
def test_what_differs_from_a_held_correction_is_no_repeat(make, before, now):
    desk = make()
    desk.redeem("A")
    desk.deliver([("A", "OK", {"Points": 98})])
    said = desk.deliver([("A", "KO", {**of(1, 1), **before})])["file"]
    assert desk.outcomes(said)[0][0] == "held"
    other = desk.deliver([("A", "KO", {**of(1, 1), **now})])["file"]
    assert desk.outcomes(other) == [HELD] and "replaced it already" in desk.details(other)[0]


@pytest.mark.parametrize("before, now", [({"Member": "M2"}, {"Member": "M3"}), ({"Reason": "FULL"}, {"Reason": "FRAUD"}),
                                         ({"Cents": 99}, {"Cents": 100}), ({"Currency": "EUR"}, {"Currency": "CHF"})])
def test_what_differs_from_an_unclear_correction_is_no_repeat(make, before, now):
    desk = make()
    desk.redeem("A")
    for said in (before, now):
        assert desk.outcomes(desk.deliver([("A", "KO", {**of(7, 1), **said})])["file"]) == [HELD]


@pytest.mark.parametrize("keys", ["AB", "A?"])
def test_several_records_of_a_file_that_replace_one_are_held(make, keys):
    desk = make(late_reject="reverse")
    desk.redeem("A"), desk.redeem("B")
    original = desk.deliver([("nobody's", "KO", {"Id": "X1"})])["file"]
    file = desk.deliver([(keys[0], "KO", of(1, 1)), (keys[1], "KO", {"Replaces": "X1"})])["file"]
    assert desk.outcomes(file) == [HELD] * 2 and desk.balance() == 0
    assert "other records of this file replace it, too" in desk.details(file)[0]
    assert (original, 1, "unknown_reference", None) in ended(desk)


def test_a_correction_that_repeats_one_on_hold_ends_no_hold(make):
    desk = make()
    desk.redeem("A")
    desk.deliver([("A", "OK")])
    held = desk.deliver([("A", "KO")])["file"]
    # the first is held, and the second repeats it
    file = desk.deliver([("A", "KO", of(2, 1))] * 2)["file"]
    assert desk.outcomes(file) == [HELD, ("duplicate_record", None)]
    assert (held, 1, "contradiction", None) in ended(desk)


@pytest.mark.parametrize("said, done", [("OK", "confirmed"), ("KO", "reversed")])
def test_a_correction_of_an_older_file_that_says_what_is_done_ends_the_hold(make, said, done):
    """As in the order of their numbers, where the correction itself would have been done."""
    desk = make()
    desk.redeem("A")
    original = desk.deliver([("nobody's", "KO")])["file"]
    assert desk.outcomes(desk.deliver([("A", said)], sequence=9)["file"]) == [(done, None)]
    older = desk.deliver([("A", said, of(1, 1))], sequence=5)["file"]
    assert desk.outcomes(older) == [("informational", None)] and ended(desk) == [(original, 1, "unknown_reference", "overtaken")]
    contradicts = desk.deliver([("A", "KO" if said == "OK" else "OK", of(1, 1))], sequence=6)["file"]
    assert desk.outcomes(contradicts) == [HELD]


def test_a_void_holds_its_file_also_when_people_closed_it_before_that_came(make):
    """Nothing but to close it can be decided about a void, so that says nothing of the file."""
    desk = make()
    desk.redeem("A")
    said = desk.deliver([void(1)], sequence=2)["file"]
    desk.people.decide([hold_at(desk, said)], "close")
    done = desk.deliver([("A", "KO")], sequence=1)
    assert (done["state"], done["reason"]) == ("held", "file_void") and desk.balance() == 0
    # said again after that it is a hold of its own, and the number is one people can take up
    assert desk.outcomes(desk.deliver([void(1)], sequence=3)["file"]) == [VOID]
    desk.people.decide([hold_of(desk, done["file"])], "release")
    assert desk.outcomes(desk.release()[0]["file"]) == [("reversed", None)]


def test_what_a_correction_costs_does_not_grow_with_its_partners(make):
    """Rows that are read, which no load changes: of 30,000 earlier corrections of the partner by name and number, a few."""
    desk = make()
    for n in range(20):
        desk.redeem(f"R{n}")
    original = desk.deliver([(f"R{n}", "OK", {"Id": f"X{n}"}) for n in range(20)])["file"]
    said = [(f"R{n}", "NEW", of(1, n + 1) if n % 2 else {"Replaces": f"X{n}"}) for n in range(20)]
    desk.deliver(said)
    counted = "SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables WHERE relname = 'correction'"

    def total():
        """A session's counts are there when it has ended."""
        desk.worker.close()
        while desk.query("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
                         " AND backend_type = 'client backend'") != [(2,)]:   # the two people's
            time.sleep(0.01)
        desk.start()
        return desk.query(counted)[0][0]

    desk.db.execute("SET session_replication_role = replica")
    desk.db.execute("INSERT INTO handback.correction SELECT %s, n, partner_id, profile, CASE WHEN n %% 2 = 0 THEN 'N' || n END,"
                    " CASE WHEN n %% 2 = 1 THEN n / 100 + 1000 END, CASE WHEN n %% 2 = 1 THEN n END, sha256(n::text::bytea)"
                    " FROM handback.file, generate_series(101, 30100) n WHERE file_id = %s", (original, original))
    desk.db.execute("ANALYZE handback.correction")
    # one repeats what was said, one says otherwise, and one brings what others may mean
    for deliver, expected in ((lambda: desk.deliver(said + [("Z", "OK")]), ("duplicate_record", None)),
                              (lambda: desk.deliver([(k, "KO", names) for k, _, names in said]), HELD),
                              (lambda: desk.deliver([(f"R{n}", "OK", {"Id": f"Y{n}"}) for n in range(20)]), ("already_applied", None))):
        before = total()
        file = deliver()["file"]
        rows = total() - before
        assert desk.outcomes(file)[0] == expected and rows < 100, rows
    desk.db.execute("DELETE FROM handback.correction WHERE file_id = %s", (original,))
    desk.db.execute("SET session_replication_role = origin")


@pytest.mark.parametrize("names, first", [(of(1, 1), "reversed"), ({"Replaces": "X1"}, "reversed")])
def test_what_people_closed_holds_nothing_that_comes_later(make, names, first):
    """A mistyped number or name; reopened it holds again."""
    desk = make()
    desk.redeem("A"), desk.redeem("B")
    blank = {}
    for number, key, again in ((1, "A", False), (2, "B", True)):
        names = {**names, **({"OfFile": number} if "OfFile" in names else {"Replaces": f"X{number}"})}
        file = desk.deliver([("" if blank else key, "WAIT", {**names, **blank})], sequence=number + 10)["file"]
        assert desk.outcomes(file)[0][0] == "held"
        desk.people.decide([hold_at(desk, file)], "close")
        if again:
            desk.people.decide([hold_at(desk, file)], "reopen")
            desk.ctl("audit", "verify")
        done = desk.deliver([(key, "KO", {"Id": f"X{number}"})], sequence=number)
        if blank:
            assert done["state"] == ("held" if again else "posted")
        else:
            assert desk.outcomes(done["file"]) == [HELD if again else ("reversed", None)]
    assert desk.balance() == 100


def test_of_a_void_file_nothing_is_deemed_accepted(make):
    now = datetime.datetime.now(datetime.timezone.utc)
    desk = make(lists="rejects", more="answer_within: 5\n")

    def back(file, days):
        desk.db.execute("SET session_replication_role = replica")
        desk.db.execute("UPDATE handback.file SET seen_at = seen_at - %s, decided_at = decided_at - %s WHERE file_id = %s",
                        (datetime.timedelta(days=days),) * 2 + (file,))
        desk.db.execute("SET session_replication_role = origin")
    desk.redeem("A", posted_at=(now - datetime.timedelta(days=30)).replace(hour=12))
    first = desk.deliver([])["file"]
    back(first, 40)
    desk.deliver([])
    said = desk.deliver([void(2)])["file"]
    assert desk.nightly()["done"]["deemed_accepted"] == 0
    desk.people.decide([hold_at(desk, said)], "close")
    assert desk.nightly()["done"]["deemed_accepted"] == 0
    back(first, -40)


@pytest.mark.parametrize("several", [False, True])
def test_what_a_correction_may_mean_is_not_found_by_night(make, several):
    """Two records have the name: neither is linked, and neither is posted by itself when its redemption turns up."""
    desk = make()
    key = "0b0e1c9c-5df5-5d37-9d3c-000000000001"
    desk.redeem("B")
    original = desk.deliver([(key, "KO", {"Id": "X1"}), ("B", "OK", {"Id": "X1" if several else "X2"})])["file"]
    file = desk.deliver([("B", "KO", {"Replaces": "X1"})])["file"]
    assert desk.outcomes(file) == [HELD] and (links(desk) == []) == several
    desk.db.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points, partner, amount, currency, merchant,"
                    " transaction_type, external_reference) VALUES (1, 1, 'Debit By Redemption', 100, 'AIR', 100, 'EUR', 'Air', 6, %s)", (key,))
    desk.nightly()
    assert desk.outcomes(original, 1) == [HELD] and desk.reversals() == 0
    assert f"record 1 of file {file} {'may replace' if several else 'replaces'} it" in desk.query(
        "SELECT detail FROM handback.outcome WHERE revision = 1")[0][0]


@pytest.mark.parametrize("lines, word", [("      replaces: {at: Replaces, optional: yes}\n", "record_id"),
                                         ("      replaces_record: {at: OfRecord, optional: yes}\n", "replaces_file")])
def test_a_profile_that_could_find_nothing_is_refused(make, monkeypatch, lines, word):
    desk = make()
    (desk.profiles / "air.yaml").write_text((desk.profiles / "air.yaml").read_text().replace(FIELDS, lines))
    said = desk.ctl("profile", "lint", desk.profiles / "air.yaml", allowed=(1, 2, 3, 4, 5, 6))
    assert word in said.stdout + said.stderr


CHANGES = ("DELETE FROM handback.correction_of", "DELETE FROM handback.correction", "UPDATE handback.correction_of SET corrected_record = 2",
           "UPDATE handback.correction_of SET file_id = corrected_file, corrected_file = file_id",
           "INSERT INTO handback.correction_of VALUES (2, 1, 1, 2)")


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_a_changed_link_is_named(database, build, order):
    with worker.Desk(database, build) as desk:
        for key in "AB":
            desk.redeem(key)
        files = {1: [("A", "OK", {"Points": 99}), ("B", "OK")], 2: [("A", "KO", of(1, 1))]}
        for number in order:
            desk.deliver(files[number], sequence=number)
        desk.ctl("audit", "verify")
        desk.db.execute("SET session_replication_role = replica")
        for change in CHANGES:
            kept = {t: desk.query(f"SELECT * FROM handback.{t}") for t in ("correction", "correction_of")}
            desk.db.execute(change)
            said = desk.ctl("audit", "verify", allowed=(5,))
            assert "replace" in said.stdout or "correction" in said.stdout, change
            for table, rows in kept.items():
                desk.db.execute(f"DELETE FROM handback.{table}")
                for row in rows:
                    desk.db.execute(f"INSERT INTO handback.{table} VALUES ({', '.join(['%s'] * len(row))})", row)
        desk.ctl("audit", "verify")


def open_void(desk, void, allowed=(0,)):
    """What hold open says of the record that calls a file void."""
    done = desk.ctl("--database", desk.database.conninfo("ann"), "hold", "open", hold_at(desk, void), "--why", "sent by mistake", "--json",
                    allowed=allowed)
    return json.loads(done.stdout)["opened"] if done.returncode == 0 else done.stderr


def in_bulk(desk, decision, *filter):
    """Proposed by a filter, and approved by another person: what the first of them was told."""
    proposed = desk.ctl("--database", desk.database.conninfo("ann"), "hold", "propose", decision, *filter, "--why", "sent by mistake", "--yes", "--json")
    desk.ctl("--database", desk.database.conninfo("ben"), "hold", "approve", json.loads(proposed.stdout)["done"]["number"])
    return proposed.stderr


def test_what_a_void_file_did_is_decided_in_bulk(make):
    """What it confirmed is reversed, what it reversed reinstated, and what is to stand closed: all that did anything, and no more."""
    desk = make(late_reject="reverse")
    for key in "ABCDEFGH":
        desk.redeem(key)
    original = desk.deliver([("A", "OK"), ("B", "OK"), ("C", "KO"), ("D", "OK"), ("E", "OK"), ("F", "OK", {"Points": 99}), ("G", "WAIT"),
                             ("H", "KO")])["file"]
    # people decided F; D is reversed since, E said again: that stands by itself
    desk.people.decide([hold_at(desk, original, 6)], "confirm")
    desk.deliver([("D", "KO"), ("E", "OK")])
    called = desk.deliver([void(1)])["file"]
    opened = open_void(desk, called)
    assert opened == {"opened": 5, "settled": 1, "said_too": 1, "deemed": 0, "in_parts": 0, "in_groups": 0}
    held = desk.query("SELECT record_no, reason, points FROM handback.hold_open WHERE file_id = %s ORDER BY 1", original)
    assert held == [(n, "file_void", 100) for n in (1, 2, 3, 6, 8)] and desk.balance() == 300
    # said again it opens nothing
    assert open_void(desk, called)["opened"] == 0
    desk.people.decide([hold_at(desk, original, 2)], "close")
    told = in_bulk(desk, "reverse", "--file", original, "--reason", "file_void", "--accept-difference")
    assert "to reverse: 2 holds of 200 points; 2 not among them, the first: hold" in told and "is reversed already" in told
    assert desk.balance() == 500
    told = in_bulk(desk, "reinstate", "--file", original, "--reason", "file_void", "--verdict", "rejected")
    assert "to reinstate: 2 holds of 200 points\n" in told and desk.balance() == 300
    assert open_void(desk, called)["opened"] == 0
    assert desk.query("SELECT count(*) FROM handback.hold_open WHERE file_id = %s", original) == [(0,)]
    explained = " ".join(desk.ctl("explain", desk.references["A"]).stdout.split())
    assert f"its file is void by record 1 of file {called}" in explained
    desk.people.decide([hold_at(desk, called)], "close")
    assert "has ended" in open_void(desk, called, (2,))


def test_what_a_void_file_did_is_shown_and_left_where_no_record_stands_for_it(make):
    desk = make(more="split: partner_reference")
    desk.redeem("A", points=500), desk.redeem("B")
    desk.deliver([("A", "OK", {"Points": 300, "Booking": "L1"}), ("B", "OK")])
    assert desk.outcomes(desk.deliver([("A", "OK", {"Points": 200, "Booking": "L2"})])["file"]) == [("confirmed", None)]
    called = [desk.deliver([void(n)])["file"] for n in (1, 2)]
    assert open_void(desk, called[0]) == {"opened": 1, "settled": 0, "said_too": 0, "deemed": 0, "in_parts": 1, "in_groups": 0}
    assert open_void(desk, called[1]) == {"opened": 0, "settled": 0, "said_too": 0, "deemed": 0, "in_parts": 1, "in_groups": 0}
    # by the void itself
    desk.people.decide([hold_at(desk, called[1])], "reverse", redemption=desk.references["A"])
    assert desk.balance() == 500


def test_a_group_that_a_void_file_answered_is_counted_and_left(make):
    desk = make(match="[external_reference, partner_reference]", more="group: partner_reference")
    for n, points in enumerate((100, 200)):
        desk.redeem(f"BK-{n}", points=points, partner_reference="BK")
    desk.redeem("A")
    file = desk.deliver([("", "OK", {"Booking": "BK", "Points": 300}), ("A", "OK")])["file"]
    assert desk.outcomes(file, 1) == [("confirmed", None)] * 2
    called = desk.deliver([void(1)])["file"]
    assert open_void(desk, called) == {"opened": 1, "settled": 0, "said_too": 0, "deemed": 0, "in_parts": 0, "in_groups": 2}


def test_only_the_record_of_a_void_file_that_came_opens_its_records(make):
    desk = make()
    desk.redeem("A")
    missing = desk.deliver([void(1)], sequence=2)["file"]
    assert "has not come" in open_void(desk, missing, (2,))
    other = desk.deliver([("A", "OK", {"Points": 99})], sequence=3)["file"]
    assert "does not say that a file is void" in open_void(desk, other, (2,))


def test_many_records_of_a_void_file_go_in_pieces(make):
    """More than two pieces: each by itself under the chain, and the file's other records are left."""
    desk = make()
    desk.db.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points, partner, amount, currency, merchant, transaction_type,"
                    " external_reference) SELECT 1, 1 + mod(n, 9), 'Debit By Redemption', 1, 'AIR', 100, 'EUR', 'Air', 6, gen_random_uuid()"
                    " FROM generate_series(1, 2300) n")
    rows = desk.query("SELECT external_reference::text, 'M' || member_id FROM ledger.redemption ORDER BY redemption_id")
    original = desk.deliver([(uuid, "OK", {"Points": 1, "Member": member}) for uuid, member in rows])["file"]
    called = desk.deliver([void(1)])["file"]
    assert open_void(desk, called)["opened"] == 2300
    assert desk.query("SELECT count(*) FROM audit.event WHERE what = 'void_opened'") == [(3,)]
    in_bulk(desk, "reverse", "--file", original, "--reason", "file_void")
    assert desk.reversals() == 2300 and desk.query("SELECT count(*) FROM handback.hold_open WHERE record_no > 0 AND file_id = %s", original) == [(0,)]


def test_corrections_of_many_lines_are_decided_in_bulk_by_what_they_say(make):
    """Rejections and acceptances in one file: each by the decision that its verdict asks for, and what that cannot decide is told."""
    desk = make()
    for n in range(6):
        desk.redeem(f"R{n}")
    desk.deliver([(f"R{n}", "OK" if n < 3 else "KO") for n in range(6)])
    file = desk.deliver([(f"R{n}", "KO" if n < 3 else "OK", of(1, n + 1)) for n in range(6)])["file"]
    assert desk.outcomes(file) == [HELD] * 6
    told = in_bulk(desk, "reverse", "--reason", "correction", "--file", file, "--verdict", "rejected")
    assert "to reverse: 3 holds of 300 points\n" in told
    told = in_bulk(desk, "reinstate", "--reason", "correction", "--file", file, "--verdict", "accepted")
    assert "to reinstate: 3 holds of 300 points\n" in told
    assert [how for *_, how in ended(desk)] == ["reversed"] * 3 + ["reinstated"] * 3 and desk.balance() == 300

"""Deemed acceptance: what is overdue, and where no response is acceptance. Money never moves by it."""
import datetime
import json
import random
import uuid

import pytest

import proof
from operators import Operators
from worker import Desk

UTC = datetime.timezone.utc
NOW = datetime.datetime.now(UTC)
TERMS = "answer_within: 5\n"
# at noon: the same day in every zone, whatever its summer time was then
LONG_AGO = (NOW - datetime.timedelta(days=30)).replace(hour=12)


@pytest.fixture
def desk(database, build):
    with Desk(database, build, lists="rejects", more=TERMS) as made:
        yield made
        assert proof.differences(made.db) == []
        made.ctl("audit", "verify")


def past(desk, file, days):
    """As if the file had come so long ago: the proof no longer fits then."""
    desk.db.execute("SET session_replication_role = replica")
    desk.db.execute("UPDATE handback.file SET seen_at = seen_at - %s, decided_at = decided_at - %s WHERE file_id = %s",
                    (datetime.timedelta(days=days),) * 2 + (file,))
    desk.db.execute("SET session_replication_role = origin")


def state(desk, key):
    return desk.query("SELECT handback.redemption_state(redemption_id) FROM ledger.redemption WHERE external_reference = %s",
                      desk.references[key])[0][0]


def plan(desk):
    rows = json.loads(desk.ctl("nightly", "--plan", "--json").stdout)["overdue"]
    return [(r["redemptions"], r["points"], r["deemed_accepted"]) for r in rows]


def test_what_is_not_rejected_in_time_is_confirmed(desk):
    for key in ("R1", "R2", "R3"):
        desk.redeem(key, posted_at=LONG_AGO)
    desk.redeem("YOUNG", posted_at=NOW)
    file = desk.deliver([("R1", "KO")])["file"]
    assert plan(desk) == [(2, 200, 2)]
    entries = desk.query("SELECT count(*) FROM ledger.entry")
    assert desk.nightly()["done"]["deemed_accepted"] == 2
    assert [state(desk, k) for k in ("R1", "R2", "R3", "YOUNG")] == ["reversed", "confirmed", "confirmed", "open"]
    assert desk.query("SELECT count(*) FROM ledger.entry") == entries and desk.balance() == 100
    [(what, subject, why, detail)] = desk.query("SELECT what, subject, why, detail FROM audit.event")
    assert (what, subject) == ("deemed_accepted", f"file {file}")
    assert why == "the partner lists its rejects, and answers within 5 business days (Europe/Zurich)"
    assert detail.startswith("2 redemptions of 200 points, by term 1 of source air: partner AIR, programme P, profile air,"
                             " lists rejects, order_by sequence, answer_within 5, zone Europe/Zurich, 0 holidays (e3b0c442")
    assert desk.query("SELECT DISTINCT file_id, record_no, revision FROM handback.outcome WHERE revision > 0") == [(file, 0, 1)]
    before = desk.query("SELECT count(*), max(head_no) FROM audit.head")
    assert desk.nightly()["done"]["deemed_accepted"] == 0 and desk.query("SELECT count(*), max(head_no) FROM audit.head") == before
    assert plan(desk) == [(0, 0, 0)]
    assert "deemed accepted, since the partner did not reject it in time: confirmed" in desk.ctl("explain", desk.references["R2"]).stdout
    assert [r["record"] for r in json.loads(desk.ctl("show", file, "--records", "--json").stdout)["records"]] == [1]


def test_silence_says_nothing_before_a_file_has_come(desk):
    desk.redeem("R1", posted_at=LONG_AGO)
    assert desk.nightly()["done"]["deemed_accepted"] == 0 and plan(desk) == [(1, 100, 0)]
    desk.deliver([])  # an empty file is one
    assert plan(desk) == [(1, 100, 1)] and desk.nightly()["done"]["deemed_accepted"] == 1


def test_a_file_from_before_the_end_of_the_time_shows_nothing(desk):
    past(desk, desk.deliver([])["file"], 25)  # five business days were not over
    desk.redeem("R1", posted_at=LONG_AGO)
    try:
        assert desk.nightly()["done"]["deemed_accepted"] == 0
    finally:
        past(desk, 1, -25)


@pytest.mark.parametrize("lists", ["all", "accepted"])
def test_elsewhere_silence_is_overdue_and_nothing_else(desk, lists):
    desk.profile(lists=lists, more=TERMS)
    desk.redeem("R1", posted_at=LONG_AGO)
    desk.deliver([])
    assert desk.nightly()["done"]["deemed_accepted"] == 0
    assert state(desk, "R1") == "open" and desk.reversals() == 0 and plan(desk) == [(1, 100, 0)]


@pytest.mark.parametrize("said", [
    [("R1", "WAIT")], [("R1", "KO", {"Points": 99})], [("R1", "KO", {"Reason": "FRAUD"})], [("R1", "KO", {"Reason": "Z9"})],
    [("R1", "OK"), ("R1", "KO")]])
def test_what_was_said_anything_of_is_not_silent(desk, said):
    desk.redeem("R1", posted_at=LONG_AGO)
    desk.deliver(said)
    assert desk.nightly()["done"]["deemed_accepted"] == 0 and state(desk, "R1") == "open"


@pytest.mark.parametrize("status, silent", [("KO", False), ("WAIT", False), ("OK", True)])
def test_what_was_said_of_a_booking_is_no_silence_about_what_came_later(desk, status, silent):
    """A record of 150 points meets one redemption of its booking, of 100; the other one of 50 comes upon the ledger afterwards."""
    desk.profile(lists="rejects", match="[external_reference, partner_reference]", more=TERMS + "group: partner_reference\n")
    desk.redeem("first", partner_reference="BK1", posted_at=LONG_AGO)
    desk.deliver([("", status, {"Booking": "BK1", "Points": 100 if silent else 150})])
    desk.redeem("later", points=50, partner_reference="BK1", posted_at=LONG_AGO)
    desk.deliver([])
    assert desk.nightly()["done"]["deemed_accepted"] == (1 if silent else 0)
    assert state(desk, "later") == ("confirmed" if silent else "open")


def test_a_record_that_could_be_about_it_is_decided_first(desk):
    desk.redeem("R1", posted_at=LONG_AGO)
    desk.deliver([(str(uuid.uuid4()), "KO")])
    desk.redeem("OTHER POINTS", points=101, posted_at=LONG_AGO), desk.redeem("OTHER MEMBER", member=2, posted_at=LONG_AGO)
    assert desk.nightly()["done"]["deemed_accepted"] == 0  # a mistyped reference: whose reject is it?
    desk.profile(lists="rejects", more=TERMS + "unknown_days: 0\n")
    done = desk.nightly()["done"]
    # it was never found; but this member's points were rejected, and nobody knows of which redemption
    assert (done["expired"], done["deemed_accepted"]) == (1, 2)
    assert [state(desk, key) for key in ("R1", "OTHER POINTS", "OTHER MEMBER")] == ["open", "confirmed", "confirmed"]
    assert desk.nightly()["done"]["deemed_accepted"] == 0 and state(desk, "R1") == "open"
    # what the member redeems afterwards it cannot have meant
    [owed] = json.loads(desk.ctl("report", "--json").stdout)["overdue"]
    assert (owed["redemptions"], owed["unanswered"]) == (1, 0)


def test_a_held_file_is_decided_first(desk):
    desk.redeem("R1", posted_at=LONG_AGO)
    desk.deliver([], count=7)
    desk.deliver([])
    assert desk.nightly()["done"]["deemed_accepted"] == 0
    with Operators(desk.database) as people:
        people.decide([h for h, in desk.query("SELECT hold_id FROM handback.hold")], "close")
    assert desk.nightly()["done"]["deemed_accepted"] == 1


def tests_too(desk):
    """A fourth column of the trailer says whether the file is a test."""
    profile = desk.profiles / "air.yaml"
    profile.write_text(profile.read_text().replace("columns: 3\n    fields:\n", "columns: 4\n    fields:\n"
                                                   "      test: {at: 4, words: {T: yes, P: no}}\n"))


def test_a_file_that_was_released_shows_silence(desk):
    """Held by the guard, and released by two people: what it does not reject is accepted, once."""
    desk.profile(lists="rejects", more=TERMS + "guard: {rejects: 0}\n")
    for key in ("R1", "R2"):
        desk.redeem(key, posted_at=LONG_AGO)
    held = desk.deliver([("R1", "KO")])
    assert held["reason"] == "guard" and desk.nightly()["done"]["deemed_accepted"] == 0
    with Operators(desk.database) as people:
        people.decide([h for h, in desk.query("SELECT hold_id FROM handback.hold")], "release")
    [released] = desk.release()
    assert desk.nightly()["done"]["deemed_accepted"] == 1
    assert [state(desk, k) for k in ("R1", "R2")] == ["reversed", "confirmed"]
    assert desk.query("SELECT file_id, record_no FROM handback.outcome WHERE event_id IS NOT NULL") == [(released["file"], 0)]
    assert released["file"] != held["file"] and desk.nightly()["done"]["deemed_accepted"] == 0


def test_a_test_that_was_released_shows_no_silence(desk):
    """Two people said that it is none, so what it says is an answer; that nothing else is in it says nothing."""
    tests_too(desk)
    for key in ("R1", "R2", "R3"):
        desk.redeem(key, posted_at=LONG_AGO)
    said = desk.file([("R1", "KO"), ("R2", "WAIT")])
    assert desk.deliver(said.replace(b"TRAILER,2,200", b"TRAILER,2,200,T"))["reason"] == "test_file"
    # while it is held it is neither
    assert desk.nightly()["done"]["deemed_accepted"] == 0 and desk.reversals() == 0
    with Operators(desk.database) as people:
        people.decide([h for h, in desk.query("SELECT hold_id FROM handback.hold")], "release")
    [released] = desk.release()
    assert desk.outcomes(released["file"]) == [("reversed", None), ("informational", None)]
    assert plan(desk) == [(2, 200, 0)] and desk.nightly()["done"]["deemed_accepted"] == 0
    desk.deliver(desk.file([]).replace(b"TRAILER,0,0", b"TRAILER,0,0,P"))
    assert desk.nightly()["done"]["deemed_accepted"] == 1
    assert [state(desk, k) for k in ("R1", "R2", "R3")] == ["reversed", "open", "confirmed"] and desk.reversals() == 1


@pytest.mark.parametrize("guard, ends", [("{rejects: 0}", "guarded"), ("{rejects: 9}", "expired")])
def test_a_reject_that_came_too_early_is_no_silence(desk, guard, ends):
    """It named a redemption that was not on the ledger yet: then the guard stopped it, or it had expired."""
    desk.redeem("R2", points=200, posted_at=LONG_AGO)
    strange = str(uuid.uuid5(uuid.NAMESPACE_OID, "R1"))
    desk.deliver([(strange, "KO")] if ends == "expired" else [(strange, "KO", {"Text": "no seat"})])
    if ends == "expired":
        desk.profile(lists="rejects", more=TERMS + f"unknown_days: 0\nguard: {guard}\n")
        assert (desk.nightly()["done"]["expired"], state(desk, "R2")) == (1, "confirmed")
        desk.redeem("R1", posted_at=LONG_AGO)
    else:
        desk.profile(lists="rejects", more=TERMS + f"guard: {guard}\n")
        desk.redeem("R1", posted_at=LONG_AGO)
        assert (desk.nightly()["done"]["guarded"], state(desk, "R2")) == (1, "confirmed")
    desk.deliver([])
    assert desk.nightly()["done"]["deemed_accepted"] == 0 and state(desk, "R1") == "open"
    [owed] = json.loads(desk.ctl("report", "--json").stdout)["overdue"]
    assert (owed["redemptions"], owed["unanswered"], owed["shown"]) == (1, 0, 0)


@pytest.mark.parametrize("change", [
    "lists = 'all'", "order_by = 'none'", "within_days = 4", "zone = 'UTC'", "holidays = '{2026-12-25}'", "partner = 'SEA'",
    "programme = NULL", "profile = 'sea'", "source = 'sea'", "since = since + interval '1 microsecond'", "term_id = 7"])
def test_terms_that_were_changed_after_a_confirmation_are_named(desk, change):
    desk.redeem("R1", posted_at=LONG_AGO)
    file = desk.deliver([])["file"]
    assert desk.nightly()["done"]["deemed_accepted"] == 1
    desk.db.execute("SET session_replication_role = replica")
    desk.db.execute("CREATE TEMP TABLE kept AS TABLE handback.term")
    desk.db.execute(f"UPDATE handback.term SET {change}")
    said = json.loads(desk.ctl("audit", "verify", "--json", allowed=(5,)).stdout)["difference"]
    desk.db.execute("DELETE FROM handback.term; INSERT INTO handback.term TABLE kept; DROP TABLE kept")
    desk.db.execute("SET session_replication_role = origin")
    assert (said["part"], said["file"]) == ("term", file) and "terms" in said["message"]


def test_a_gap_in_the_sequence_is_no_silence(desk):
    first = desk.deliver([], sequence=7)["file"]
    past(desk, first, 40)
    desk.redeem("R1", posted_at=LONG_AGO)
    desk.redeem("R2", posted_at=NOW)
    desk.deliver([("R2", "WAIT")], sequence=9)
    assert desk.nightly()["done"]["deemed_accepted"] == 0
    desk.deliver([("R2", "KO")], sequence=8)
    assert desk.nightly()["done"]["deemed_accepted"] == 1
    past(desk, first, -40)


@pytest.mark.parametrize("late_reject, becomes", [("hold", "confirmed"), ("reverse", "reversed")])
@pytest.mark.parametrize("sequence", [1, 9])
def test_a_reject_after_the_silence_is_a_contradiction(desk, late_reject, becomes, sequence):
    desk.profile(lists="rejects", late_reject=late_reject, more=TERMS)
    desk.redeem("R1", posted_at=LONG_AGO)
    desk.deliver([], sequence=5)
    assert desk.nightly()["done"]["deemed_accepted"] == 1
    # by an older file, too: silence is no answer that is newer than one
    file = desk.deliver([("R1", "KO")], sequence=sequence)["file"]
    assert desk.outcomes(file) == ([("held", "contradiction")] if late_reject == "hold" else [("reversed", None)])
    assert state(desk, "R1") == becomes
    again = desk.deliver([("R1", "OK")], sequence=10)["file"]
    assert desk.outcomes(again) == ([("already_applied", None)] if late_reject == "hold" else [("held", "contradiction")])


@pytest.mark.parametrize("days_later, covers", [(-1, 0), (0, 1), (1, 1)])
def test_a_business_date_says_what_a_file_covers(desk, days_later, covers):
    """Redeemed on a Monday and due by the end of the next Monday: of that Monday's file, or a later one's."""
    desk.profile(lists="rejects", order_by="business_date", file_name="AIR_{business_date:YYYYMMDD}_{sequence:+}.csv", more=TERMS)
    monday = (NOW - datetime.timedelta(days=28 + NOW.weekday())).replace(hour=12)
    desk.redeem("R1", posted_at=monday)
    day = monday + datetime.timedelta(days=7 + days_later)
    desk.deliver([], name=f"AIR_{day:%Y%m%d}_1.csv")
    assert desk.nightly()["done"]["deemed_accepted"] == covers


def test_a_missing_file_is_no_silence(desk):
    desk.redeem("R1", posted_at=LONG_AGO)
    desk.profile(lists="rejects", more=TERMS + 'expected:\n  daily: {due: "00:01", days: mon-sun, empty: yes}\n')
    day = (NOW - datetime.timedelta(days=20)).date()
    desk.query("INSERT INTO handback.expected_delivery (source, kind, day, zone, opens_at, due_at, late_at, files, empty) VALUES"
               " ('air', 'daily', %s, 'UTC', %s, %s, %s, 1, true) RETURNING 1", day, *[
                   NOW - datetime.timedelta(days=20, hours=h) for h in (2, 1, 0)])
    desk.deliver([])
    assert desk.nightly()["done"]["missing"] > 0
    assert state(desk, "R1") == "open"


def test_holidays_are_no_business_days(desk):
    desk.redeem("R1", posted_at=NOW - datetime.timedelta(days=9))
    days = [(NOW - datetime.timedelta(days=n)).date() for n in range(8)]
    (desk.profiles / "swiss.holidays").write_text("# as agreed\n\n" + "".join(f"{d}  Carnival\n" for d in days))
    desk.profile(lists="rejects", more=TERMS + "holidays: swiss\n")
    desk.deliver([])
    assert desk.nightly()["done"]["deemed_accepted"] == 0
    desk.profile(lists="rejects", more=TERMS)
    assert desk.nightly()["done"]["deemed_accepted"] == 1
    assert desk.query("SELECT cardinality(holidays) FROM handback.term ORDER BY term_id") == [(8,), (0,)]


@pytest.mark.parametrize("text", [None, "2026-02-30\n", "25.12.2026\n", "2026-1-1\n"])
def test_without_its_list_of_holidays_nothing_is_judged(desk, text):
    desk.redeem("R1", posted_at=LONG_AGO)
    desk.deliver([])
    if text:
        (desk.profiles / "swiss.holidays").write_text("2026-01-01\n" + text)
    desk.profile(lists="rejects", more=TERMS + 'holidays: swiss\nexpected:\n  daily: {due: "00:01"}\n')
    done = desk.ctl("nightly", allowed=(2,))
    assert "swiss.holidays" in done.stderr and (not text or "swiss.holidays:2: must begin with a day" in done.stderr)
    found = [row["detail"] for row in json.loads(desk.ctl("check", "--json", allowed=(2, 6)).stdout)["checks"]
             if "swiss.holidays" in row["detail"]]
    assert len(found) == 1 and (not text or ":2: must begin with a day" in found[0]), found
    assert state(desk, "R1") == "open" and desk.query("SELECT * FROM handback.expected_delivery") == []


def test_two_profiles_for_the_same_redemptions_make_silence_unclear(desk):
    desk.redeem("R1", posted_at=LONG_AGO)
    desk.deliver([])
    other = (desk.profiles / "air.yaml").read_text().replace("profile: air", "profile: hotel")
    (desk.profiles / "hotel.yaml").write_text(other)
    with desk.config.open("a") as out:
        out.write(f"  - name: hotel\n    partner: AIR\n    profile: hotel\n    directory: {desk.dir}/hotel\n")
    (desk.dir / "hotel").mkdir()
    said = desk.ctl("nightly", allowed=(2,))
    assert "no response means nothing" in said.stderr and state(desk, "R1") == "open"
    (desk.profiles / "hotel.yaml").write_text(other.replace("programme: P", "programme: Q"))
    assert desk.nightly()["done"]["deemed_accepted"] == 1


@pytest.mark.parametrize("seed", range(6))
def test_random_runs_against_the_model(desk, seed):
    """Redemptions of any age, files that say anything of some of them: what is confirmed is what was never spoken of."""
    chance = random.Random(seed)
    keys = [f"R{n}" for n in range(30)]
    ages = {k: chance.randrange(0, 20) for k in keys}
    for key in keys:
        desk.redeem(key, points=chance.randrange(1, 500), posted_at=NOW - datetime.timedelta(days=ages[key]))
    points = dict(desk.query("SELECT external_reference::text, points FROM ledger.redemption"))
    spoken, rejected = set(), set()
    for _ in range(chance.randrange(0, 3)):
        chosen = [k for k in chance.sample(keys, 6) if k not in spoken]
        answers = [(k, chance.choice(["KO", "WAIT", "OK"]), {"Points": points[desk.references[k]]}) for k in chosen]
        desk.deliver(answers)
        spoken.update(chosen)
        rejected.update(k for k, status, _ in answers if status == "KO")
    came = desk.sequence > 0
    zurich = datetime.timezone(datetime.timedelta(seconds=desk.query(
        "SELECT extract(epoch FROM now() AT TIME ZONE 'Europe/Zurich' - now() AT TIME ZONE 'UTC')::integer")[0][0]))

    def over(age):
        day, left = (NOW - datetime.timedelta(days=age)).astimezone(zurich).date(), 5
        while left:
            day += datetime.timedelta(days=1)
            left -= day.weekday() < 5
        return day < datetime.datetime.now(zurich).date()
    want = {k for k in keys if came and k not in spoken and over(ages[k])}
    before = desk.balance()
    assert desk.nightly()["done"]["deemed_accepted"] == len(want)
    got = {r for r, in desk.query("SELECT d.external_reference::text FROM handback.outcome o JOIN ledger.redemption d"
                                  " USING (redemption_id) WHERE o.record_no = 0")}
    assert got == {desk.references[k] for k in want} and desk.balance() == before
    assert {k for k in keys if state(desk, k) == "reversed"} == rejected
    assert desk.nightly()["done"]["deemed_accepted"] == 0


def overdue(desk, *options):
    return json.loads(desk.ctl("overdue", "--json", *options).stdout)["overdue"]


def test_each_overdue_redemption_is_listed(desk):
    longer = LONG_AGO - datetime.timedelta(days=7)
    for key, points, at in (("R1", 100, LONG_AGO), ("R2", 200, longer), ("R3", 300, LONG_AGO), ("YOUNG", 400, NOW)):
        desk.redeem(key, points=points, posted_at=at)
    assert overdue(desk) == []  # no night has found the terms
    assert "the last nightly run" in desk.ctl("overdue").stdout
    desk.nightly()
    file = desk.deliver([("R1", "WAIT"), ("R3", "KO", {"Points": 300})])["file"]
    rows = overdue(desk)
    assert [(r["external_reference"], r["points"], r["last_reply"], r["file"], r["partner"]) for r in rows] == \
        [(desk.references["R2"], 200, None, file, "AIR"), (desk.references["R1"], 100, "pending", None, "AIR")]
    assert rows[0]["days"] - rows[1]["days"] == 7 and rows[0]["due"] < rows[1]["due"] < NOW.isoformat()
    assert overdue(desk, "--limit", 1) == rows[:1] and "no such partner" in desk.ctl("overdue", "--partner", "OTHER", allowed=(2,)).stderr
    shown = desk.ctl("overdue", "--limit", 1).stdout
    assert desk.references["R2"] in shown and "--all" in shown
    desk.nightly()
    assert [r["external_reference"] for r in overdue(desk)] == [desk.references["R1"]]


def test_nothing_is_cut_for_programs(desk):
    """100 rows are enough for people, who are told that there are more; JSON and CSV have every one."""
    for n in range(101):
        desk.redeem(f"R{n}", points=100, posted_at=LONG_AGO)
    desk.nightly()
    assert len(overdue(desk)) == 101 and len(overdue(desk, "--limit", 100)) == 100
    assert len(desk.ctl("overdue", "--format", "csv").stdout.splitlines()) == 1 + 101
    for shown in (desk.ctl("overdue").stdout, desk.ctl("overdue", "--format", "html").stdout):
        assert sum(reference in shown for reference in desk.references.values()) == 100 and "--all" in shown


def test_the_report_counts_silence_what_expired_and_what_is_overdue_apart(desk):
    for key in ("R1", "R2", "R3", "R4"):
        desk.redeem(key, points=150, posted_at=LONG_AGO)
    file = desk.deliver([(str(uuid.uuid4()), "KO"), ("R1", "WAIT", {"Points": 150}), ("R2", "KO", {"Points": 150})])["file"]
    desk.profile(lists="rejects", more=TERMS + "unknown_days: 0\n")
    desk.nightly()
    desk.redeem("R5", points=7, posted_at=LONG_AGO)  # not yet seen by a nightly run
    said = json.loads(desk.ctl("report", "--json").stdout)
    rematched = {row["how"]: row for row in said["rematched"]}
    assert (rematched["deemed_accepted"]["file"], rematched["deemed_accepted"]["confirmed"],
            rematched["deemed_accepted"]["points"]) == (file, 2, 300)
    assert (rematched["unknown_reference_expired"]["closed"], rematched["unknown_reference_expired"]["points"]) == (1, 100)
    [owed] = said["overdue"]
    assert (owed["redemptions"], owed["points"], owed["unanswered"], owed["shown"]) == (2, 157, 1, 1)
    # no break: the file's own sums are as they were
    [row] = [f for f in said["files"] if f["file"] == file]
    assert (row["records"], row["confirmed"], row["reversed"], row["held"], row["difference"]) == (3, 0, 1, 1, 0)
    for table, value in (("rematched", "300"), ("overdue", "157")):
        assert value in desk.ctl("report", "--format", "csv", "--table", table).stdout
    for shown in ("text", "html"):
        text = desk.ctl("report", "--format", shown).stdout
        assert "deemed_accepted" in text and "157" in text and "All of them" in text and "400" in text


def test_an_overdue_answer_that_is_counted_wrong_gives_no_report(desk):
    desk.redeem("R1", posted_at=LONG_AGO)
    desk.profile(lists="all", more=TERMS)
    desk.nightly()
    definition, = desk.query("SELECT pg_get_functiondef('handback.unanswered_redemptions(handback.term,timestamptz)'::regprocedure)")[0]
    wrong = definition.replace("AND i.partner = t.partner", "AND i.partner = t.partner AND i.points > 100")
    assert wrong != definition
    desk.db.execute(wrong)
    assert "the two sums differ" in desk.ctl("report", allowed=(5,)).stderr
    desk.db.execute(definition)
    desk.ctl("report")

"""Due times, business days and which file was which: on days when clocks change, too."""
import datetime

import pytest

UTC = datetime.timezone.utc


def moment(text):
    return datetime.datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize("day,minute,zone,utc", [
    ("2026-11-18", 390, "Europe/Lisbon", "2026-11-18T06:30"),
    ("2026-07-01", 390, "Europe/Lisbon", "2026-07-01T05:30"),
    ("2026-03-28", 390, "Europe/Lisbon", "2026-03-28T06:30"),
    ("2026-03-29", 390, "Europe/Lisbon", "2026-03-29T05:30"),   # summer time begins at 01:00
    ("2026-03-29", 90, "Europe/Lisbon", "2026-03-29T01:30"),    # 01:30 was skipped: as much later
    ("2026-10-25", 90, "Europe/Lisbon", "2026-10-25T01:30"),    # 01:30 came twice: the second
    ("2026-10-25", 390, "Europe/Lisbon", "2026-10-25T06:30"),
    ("2026-11-01", 90, "America/New_York", "2026-11-01T06:30"),  # came twice
    ("2026-03-08", 150, "America/New_York", "2026-03-08T07:30"),  # skipped
    ("2026-11-18", 0, "Asia/Kolkata", "2026-11-17T18:30"),
])
def test_due_at(database, day, minute, zone, utc):
    with database.connect() as c:
        assert c.execute("SELECT handback.due_at(%s::date, %s, %s)", (day, minute, zone)).fetchone()[0] == moment(utc)


@pytest.mark.parametrize("at,days,zone,utc", [
    ("2026-11-16T10:00", 1, "UTC", "2026-11-18T00:00"),               # Monday: the end of Tuesday
    ("2026-11-20T10:00", 1, "UTC", "2026-11-24T00:00"),               # Friday: the end of Monday
    ("2026-11-21T10:00", 5, "UTC", "2026-11-28T00:00"),               # Saturday: the end of next Friday
    ("2026-11-16T23:30", 1, "Asia/Kolkata", "2026-11-18T18:30"),      # there it is Tuesday already
    ("2026-03-27T12:00", 1, "Europe/Lisbon", "2026-03-30T23:00"),     # over the change: Monday ends an hour earlier
    ("2026-10-23T12:00", 1, "Europe/Lisbon", "2026-10-27T00:00"),
    ("2026-11-16T10:00", 0, "UTC", "2026-11-18T00:00"),
])
def test_business_days_after(database, at, days, zone, utc):
    with database.connect() as c:
        said = c.execute("SELECT handback.business_days_after(%s, %s, %s)", (moment(at), days, zone)).fetchone()[0]
        assert said == moment(utc)
        # what was redeemed in the last moment of that day is due then, what came after it is not
        before = c.execute("SELECT handback.answers_due_before(%s, %s, %s)", (days, zone, moment(utc))).fetchone()[0]
        assert moment(at) < before
        just = moment(utc) - datetime.timedelta(seconds=1)
        assert c.execute("SELECT handback.answers_due_before(%s, %s, %s)", (days, zone, just)).fetchone()[0] <= moment(at)


def make(c, now, days=0x1f, grace=60, files=1, kind="daily", minute=390):
    return c.execute("SELECT handback.make_expected_deliveries('skyline', %s, 'Europe/Lisbon', %s, %s, %s, %s, %s)",
                     (kind, minute, days, grace, files, moment(now))).fetchone()[0]


def test_deliveries_begin_today_and_reach_tomorrow(database):
    with database.connect() as c:
        assert make(c, "2026-11-20T03:00") == 1, "Friday is made, Saturday is no day of it"
        assert make(c, "2026-11-20T03:00") == 0, "twice is once"
        assert make(c, "2026-11-26T03:00") == 5, "a machine that was off judges the days in between"
        days = c.execute("SELECT day::text, opens_at, due_at FROM handback.expected_delivery ORDER BY day").fetchall()
        assert [d for d, *_ in days] == ["2026-11-20", "2026-11-23", "2026-11-24", "2026-11-25", "2026-11-26", "2026-11-27"]
        assert days[1][1] == moment("2026-11-20T07:30"), "each opens when the one before is late"


@pytest.mark.parametrize("changed, opens", [
    ({"minute": 1, "grace": 0}, "2026-11-19T00:00"),  # due earlier
    ({"grace": 0}, "2026-11-19T00:00"),
    ({"minute": 1435}, "2026-11-22T01:50")])          # when the one before is late
def test_a_delivery_made_under_another_profile_stops_no_night(database, changed, opens):
    """Tomorrow's delivery is expected already, and may be late only after the one that the changed profile wants next."""
    before = {"minute": 1430, "grace": 50 * 60}
    with database.connect() as c:
        make(c, "2026-11-18T03:00", **before)
        assert make(c, "2026-11-19T03:00", **{**before, **changed}) == 1
        assert c.execute("SELECT opens_at FROM handback.expected_delivery WHERE day = '2026-11-20'").fetchone()[0] == moment(opens)


def came(c, name, at, stated=None):
    c.execute("INSERT INTO handback.partner (partner_id, code) VALUES (1, 'SKYLINE') ON CONFLICT DO NOTHING")
    c.execute("SET session_replication_role = replica")  # a file by itself, for this test alone
    made = c.execute("INSERT INTO handback.file (partner_id, source, name, name_shown, sha256, bytes, state, profile,"
                     " profile_sha256, seen_at, business_date) VALUES (1, 'skyline', %s, %s, sha256(%s), 1, 'posted', 'skyline',"
                     " sha256(''), %s, %s) RETURNING file_id",
                     (name.encode(), name, name.encode(), moment(at), stated)).fetchone()[0]
    c.execute("SET session_replication_role = origin")
    return made


def placed(c):
    c.execute("SELECT handback.assign_deliveries('skyline')")
    return c.execute("SELECT f.name_shown, i.day::text, p.how FROM handback.expected_delivery_file p JOIN handback.file f USING (file_id)"
                     " LEFT JOIN handback.expected_delivery i USING (expected_delivery_id) ORDER BY f.seen_at").fetchall()


def test_early_on_time_late_and_unexpected(database):
    with database.connect() as c:
        make(c, "2026-11-18T00:00")
        make(c, "2026-11-20T00:00")
        for name, at in (("a", "2026-11-18T06:00"), ("b", "2026-11-18T22:00"), ("c", "2026-11-19T06:00"),
                         ("d", "2026-11-20T09:00"), ("e", "2026-11-20T10:00")):
            came(c, name, at)
        assert placed(c) == [("a", "2026-11-18", "on_time"), ("b", "2026-11-19", "early"), ("c", None, "unexpected"),
                             ("d", "2026-11-20", "late"), ("e", None, "unexpected")]
        assert c.execute("SELECT handback.assign_deliveries('skyline')").fetchone()[0] == 0, "twice is once"


@pytest.mark.parametrize("stated, counts", (
    ("2026-11-12", None), ("2026-11-19", None), ("2026-11-20", "2026-11-23"), ("2026-11-22", "2026-11-23"), ("2026-11-23", "2026-11-23"),
    (None, "2026-11-23")))
@pytest.mark.parametrize("at, how", (("2026-11-22T12:00", "early"), ("2026-11-23T06:00", "on_time"), ("2026-11-23T08:00", "late")))
def test_f13_a_file_counts_by_the_day_that_it_states(database, stated, counts, at, how):
    """Monday's, due at 06:30: the expected day before it is Friday the 20th."""
    with database.connect() as c:
        make(c, "2026-11-20T00:00")
        make(c, "2026-11-22T00:00")
        came(c, "friday's", "2026-11-20T06:00", "2026-11-20")
        came(c, "it", at, stated)
        assert placed(c)[1] == ("it", counts, how if counts else "unexpected")
        # and leaves the place to the right one
        came(c, "monday's", "2026-11-23T09:00", "2026-11-23")
        assert placed(c)[2] == ("monday's", None if counts else "2026-11-23", "unexpected" if counts else "late")


def test_an_old_day_is_the_late_one_of_its_own(database):
    with database.connect() as c:
        make(c, "2026-11-18T00:00")
        make(c, "2026-11-22T00:00")
        came(c, "it", "2026-11-22T12:00", "2026-11-18")
        assert placed(c) == [("it", "2026-11-19", "late")]  # the newest that it can be


@pytest.mark.parametrize("back, days, holidays, first", (
    (0, 0x1f, [], "2026-11-23"), (1, 0x1f, [], "2026-11-20"), (1, 0x1f, ["2026-11-20"], "2026-11-19"), (3, 0x1f, [], "2026-11-18"),
    (1, 0x01, [], "2026-11-16"), (60, 0x01, [], "2025-11-22")))
def test_expected_days_before(database, back, days, holidays, first):
    with database.connect() as c:
        assert c.execute("SELECT handback.expected_days_before('2026-11-23', %s, %s, %s::date[])::text", (back, days, holidays)).fetchone()[0] == first


def test_a_partner_whose_dates_lie_further_back(database):
    with database.connect() as c:
        c.execute("SELECT handback.make_expected_deliveries('skyline', 'daily', 'Europe/Lisbon', 390, 31, 60, 1, %s, holidays => %s::date[],"
                  " days_back => 2)", (moment("2026-11-23T00:00"), ["2026-11-20"]))
        assert c.execute("SELECT dated_from::text FROM handback.expected_delivery ORDER BY day").fetchall() == [("2026-11-18",), ("2026-11-19",)]
        came(c, "old", "2026-11-23T06:00", "2026-11-17")
        came(c, "it", "2026-11-23T06:10", "2026-11-18")
        assert placed(c) == [("old", None, "unexpected"), ("it", "2026-11-23", "on_time")]


def test_two_files_of_one_delivery(database):
    with database.connect() as c:
        make(c, "2026-11-18T00:00", files=2)
        came(c, "a", "2026-11-18T06:00")
        came(c, "b", "2026-11-18T08:00")
        assert placed(c) == [("a", "2026-11-18", "on_time"), ("b", "2026-11-18", "late")]


def test_absence_needs_a_poll_that_read_the_whole_listing(database):
    with database.connect() as c:
        make(c, "2026-11-18T00:00")
        states = "SELECT state FROM handback.expected_files ORDER BY day LIMIT 1"
        state = c.execute(states).fetchone()[0]
        assert state in ("poll_failed", "due")
        if state == "due":
            return  # the clock of this machine stands before that day
        c.execute("INSERT INTO handback.source_poll (source, polled_at, result) VALUES ('skyline', now(), 'empty')")
        assert c.execute(states).fetchone()[0] == "overdue"
        c.execute("INSERT INTO handback.source_poll (source, polled_at, result, why) VALUES ('skyline', now(), 'failed', 'x')")
        assert c.execute(states).fetchone()[0] == "poll_failed"


def state_of(c, day):
    return c.execute("SELECT state, came FROM handback.expected_files WHERE day = %s", (day,)).fetchone()


def make_kind(c, now, kind, pattern=None, files=1, empty=False, holidays=()):
    c.execute("SELECT handback.make_expected_deliveries('skyline', %s, 'Europe/Lisbon', 390, 127, 60, %s, %s, %s, %s, %s::date[])",
              (kind, files, moment(now), pattern, empty, list(holidays)))


def test_kinds_are_told_apart_by_name(database):
    with database.connect() as c:
        make_kind(c, "2026-11-18T00:00", "daily")
        make_kind(c, "2026-11-18T00:00", "monthly", "MONTH_*.csv")
        make_kind(c, "2026-11-18T00:00", "zone", "Z?_100%.csv")
        for name in ("DAILY_1.csv", "MONTH_11.csv", "MONTH_12.csv", "ZA_100%.csv", "ZAB_100%.csv", "ZA_1000.csv"):
            came(c, name, "2026-11-18T06:00")
        placed(c)
        found = dict(c.execute("SELECT f.name_shown, coalesce(i.kind, p.how) FROM handback.expected_delivery_file p JOIN handback.file f"
                               " USING (file_id) LEFT JOIN handback.expected_delivery i USING (expected_delivery_id)").fetchall())
        # a second one of a kind with one is unexpected, and takes no other kind's place
        assert found["MONTH_11.csv"] == "monthly" and found["ZA_100%.csv"] == "zone"
        assert found["MONTH_12.csv"] == "unexpected" and found["DAILY_1.csv"] == "daily"
        assert {found["ZAB_100%.csv"], found["ZA_1000.csv"]} == {"unexpected"}


@pytest.mark.parametrize("name, pattern, fits", [
    ("a_b.csv", "a_b.csv", True), ("axb.csv", "a_b.csv", False), ("100%", "100%", True), ("100x", "100%", False),
    ("a.csv", "?.csv", True), ("ab.csv", "?.csv", False), ("x", "*", True), ("", "*", True), ("a\\x41b", "a\\x41?", True)])
def test_patterns_of_names(database, name, pattern, fits):
    with database.connect() as c:
        assert c.execute("SELECT handback.matches(%s, %s)", (name, pattern)).fetchone()[0] is fits


def test_none_is_expected_on_a_holiday(database):
    with database.connect() as c:
        make_kind(c, "2026-12-24T00:00", "daily", holidays=["2026-12-25", "2026-12-26"])
        make_kind(c, "2026-12-27T00:00", "daily", holidays=["2026-12-25", "2026-12-26"])
        assert [d for d, in c.execute("SELECT day::text FROM handback.expected_delivery ORDER BY day")] == \
            ["2026-12-24", "2026-12-27", "2026-12-28"]


@pytest.mark.parametrize("at, days, holidays, utc", [
    ("2026-12-24T10:00", 1, ["2026-12-25"], "2026-12-29T00:00"),                  # Friday is none: the end of Monday
    ("2026-12-24T10:00", 2, ["2026-12-25", "2026-12-28"], "2026-12-31T00:00"),
    ("2026-11-16T10:00", 1, ["2026-11-21", "2026-11-22"], "2026-11-18T00:00"),    # at a weekend they change nothing
    ("2026-11-16T10:00", 1, ["2026-11-16"], "2026-11-18T00:00"),                  # the day itself never counts
])
def test_business_days_leave_out_holidays(database, at, days, holidays, utc):
    with database.connect() as c:
        said = c.execute("SELECT handback.business_days_after(%s, %s, 'UTC', %s::date[])", (moment(at), days, holidays)).fetchone()[0]
        assert said == moment(utc)
        before = c.execute("SELECT handback.answers_due_before(%s, 'UTC', %s, %s::date[])", (days, moment(utc), holidays)).fetchone()[0]
        assert moment(at) < before


def test_each_state_of_an_expected_file(database):
    """Of the days before today: due, early, on time, late, missing, nothing due, overdue, and could not poll."""
    with database.connect() as c:
        today, = c.execute("SELECT (now() AT TIME ZONE 'UTC')::date").fetchone()

        def delivery(back, files=1):
            day = today - datetime.timedelta(days=back)
            return day, c.execute(
                "INSERT INTO handback.expected_delivery (source, kind, day, zone, opens_at, due_at, late_at, files) SELECT 'skyline', 'daily',"
                " %(day)s, 'UTC', m - interval '20 hours', m, m + interval '1 hour', %(files)s FROM (SELECT %(day)s::date"
                " + time '23:00' AT TIME ZONE 'UTC' AS m) x RETURNING expected_delivery_id", {"day": day, "files": files}).fetchone()[0]

        def comes(number, name, how):
            file = came(c, name, "2026-11-18T06:00")
            c.execute("INSERT INTO handback.expected_delivery_file (file_id, expected_delivery_id, how) VALUES (%s, %s, %s)", (file, number, how))
        days = {}
        for back, how in ((7, "early"), (6, "on_time"), (5, "late")):
            days[how], number = delivery(back)
            comes(number, how, how)
        days["half"], number = delivery(4, files=2)
        comes(number, "half", "on_time")
        days["missing"], missing = delivery(3)
        days["nothing_due"], nothing = delivery(2)
        c.execute("INSERT INTO handback.expected_delivery_missing (expected_delivery_id, files, judged) VALUES (%s, 1, 'missing'), (%s, 1, 'nothing_due')",
                  (missing, nothing))
        days["due"], _ = delivery(-1)
        for how in ("early", "on_time", "late", "missing", "nothing_due"):
            assert state_of(c, days[how])[0] == how
        assert state_of(c, days["due"]) == ("due", 0)
        assert state_of(c, days["half"]) == ("poll_failed", 1), "nobody has looked: it may lie there"
        for result, state in (("empty", "overdue"), ("failed", "poll_failed"), ("files", "overdue")):
            c.execute("INSERT INTO handback.source_poll (source, polled_at, result) VALUES ('skyline', now(), %s)", (result,))
            assert state_of(c, days["half"]) == (state, 1)

"""Windows of points requests: when they close, by the clock of the partner's zone, and what goes into the batch of which."""
import datetime

import psycopg
import pytest

from case_table import case
from points import PARTNER, balance, points_world, receive, row, sponsored, terms

UTC = datetime.timezone.utc


def at(text):
    return datetime.datetime.fromisoformat(text).replace(tzinfo=UTC)


def closes(c, schedule, zone, when, holidays=(), days=()):
    return c.execute("SELECT points.closes_next(ROW(0, 'partner', 1, 'X', true, 'member', 'Q', NULL, NULL, NULL, %s, %s, %s::date[], %s::date[],"
                     " NULL, NULL, NULL)::points.partner_now, %s)", (schedule, zone, list(holidays), list(days), at(when))).fetchone()[0].astimezone(UTC)


CLOSINGS = [
    ("daily 18:00", "Asia/Kolkata", "2026-11-30T12:29:59", "2026-11-30T12:30:00"),
    ("daily 18:00", "Asia/Kolkata", "2026-11-30T12:30:00", "2026-12-01T12:30:00"),  # what comes as it closes is for the next one
    ("weekly Fri 18:00", "Europe/Zurich", "2026-11-30T00:00:00", "2026-12-04T17:00:00"),
    # a night that has no 02:30: an hour later by that clock; one that has it twice: the second
    ("daily 02:30", "Europe/Zurich", "2026-03-28T12:00:00", "2026-03-29T01:30:00"),
    ("daily 02:30", "Europe/Zurich", "2026-03-29T01:30:00", "2026-03-30T00:30:00"),
    ("daily 02:30", "Europe/Zurich", "2026-10-24T12:00:00", "2026-10-25T01:30:00"),
    ("daily 02:30", "Europe/Zurich", "2026-10-25T01:30:00", "2026-10-26T01:30:00"),
    ("daily 18:00", "America/New_York", "2026-03-08T12:00:00", "2026-03-08T22:00:00"),
    ("daily 18:00", "America/New_York", "2026-11-01T12:00:00", "2026-11-01T23:00:00"),
]


@case("points request: windows close by the partner's clock, right on both nights of the year, and never on a holiday")
def test_closings(database):
    with database.connect() as c:
        for schedule, zone, when, then in CLOSINGS:
            assert closes(c, schedule, zone, when) == at(then), (schedule, when)
        assert closes(c, "daily 18:00", "UTC", "2026-12-24T19:00:00", holidays=["2026-12-25", "2026-12-26"]) == at("2026-12-27T18:00:00")
        assert closes(c, "weekly Fri 18:00", "UTC", "2026-12-24T00:00:00", holidays=["2026-12-25"]) == at("2026-12-26T18:00:00")
        assert closes(c, "calendar 09:00", "UTC", "2026-12-01T00:00:00", days=["2026-11-28", "2026-12-28"]) == at("2026-12-28T09:00:00")
        # each moment of both nights belongs to one window: closings only ever rise
        for zone in ("Europe/Zurich", "America/New_York", "Australia/Lord_Howe"):
            rows = [r[0] for r in c.execute("SELECT points.closings('daily 02:15', %s, '{}', '{}', '2026-01-01', '2026-12-31')", (zone,))]
            assert len(rows) == 365 and all(datetime.timedelta(hours=22) < b - a < datetime.timedelta(hours=26) for a, b in zip(rows, rows[1:]))


def open_batch(c, when):
    return c.execute("SELECT points.open_batch(1, %s, %s)", (PARTNER, when)).fetchone()[0]


def members(c, batch):
    return [r[0] for r in c.execute("SELECT request_key FROM points.batch_rows(%s)", (batch,))]


@case("points request: a window's batch has what came before its cut-off, once; a change of the window changes nothing for the caller")
def test_batches(database):
    world = points_world(database, schedule="daily 18:00", zone="Asia/Kolkata")
    with world.connect() as c:
        assert receive(c, row("a"), row("b", RelationReference="M2"), row("late", NotBefore="2099-01-01T00:00:00Z")) == ["000"] * 3
        now = c.execute("SELECT clock_timestamp()").fetchone()[0]
        assert open_batch(c, now) is None
        first = open_batch(c, now + datetime.timedelta(days=1))
        assert members(c, first) == ["a", "b"] and open_batch(c, now + datetime.timedelta(days=1)) is None
        assert receive(c, row("c")) == ["000"]
        terms(world, schedule="now")
        second = open_batch(c, now + datetime.timedelta(days=1))
        assert members(c, second) == ["c"]
        assert c.execute("SELECT sequence, requested, open, unknown FROM points.batches ORDER BY 1").fetchall() == [(1, 200, 200, 200), (2, 100, 100, 100)]
        # in no second batch, whoever says so
        with pytest.raises(psycopg.errors.CheckViolation):
            c.execute("INSERT INTO points.sending (request_no, nth, batch_no, place) SELECT request_no, 2, %s, 7 FROM points.request LIMIT 1", (second,))
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            c.execute("INSERT INTO points.sending (request_no, nth, batch_no, place, after_nth, after_result)"
                      " SELECT request_no, 2, %s, 7, 1, 'not_sent' FROM points.request LIMIT 1", (second,))


@case("points request: what is no longer eligible when it is to be sent is refused and given back; what was reversed is not sent; what was sent is not reversed")
def test_dispatch(database):
    world = points_world(database, schedule="now")
    with world.connect() as c:
        assert receive(c, row("a"), row("b", RelationReference="M2"), row("c", RelationReference="M3"), sponsored("d", PartnerMemberId="A4")) == ["000"] * 4
        c.execute("UPDATE ledger.member SET status = 'Blocked' WHERE relation_reference = 'M1'")
        c.execute("SELECT points.unlink_account('P', %s, 'A4', 'lost')", (PARTNER,))
        reverse = "SELECT code FROM ledger.reversal_points('P', %s, %s, (SELECT d.external_reference FROM ledger.redemption d WHERE d.member = %s))"
        assert c.execute(reverse, ("M2", PARTNER, "M2")).fetchone()[0] == "000"
        batch = open_batch(c, c.execute("SELECT clock_timestamp() + interval '1 s'").fetchone()[0])
        assert members(c, batch) == ["c"]
        assert [balance(c, m) for m in ("M1", "M2", "M3", "SPONSOR")] == [5000, 5000, 4900, 50000]
        assert [c.execute("SELECT state FROM points.requests WHERE request_key = %s", (k,)).fetchone()[0] for k in "abcd"] == \
            ["refused", "reversed", "sending", "refused"]
        assert c.execute(reverse, ("M3", PARTNER, "M3")).fetchone()[0] == "301" and balance(c, "M3") == 4900
        # and who asks by the API does not hear that it was done
        told = c.execute("SELECT code, reason FROM api.reverse('app', 1, 'q', 'k', sha256('b'), 'M3', %s,"
                         " (SELECT d.external_reference FROM ledger.redemption d WHERE d.member = 'M3'))", (PARTNER,)).fetchone()
        assert told == ("301", "the partner was asked for it, and only its answer gives the points back") and balance(c, "M3") == 4900
        assert c.execute("SELECT count(*) FROM audit.event WHERE what = 'points_refused'").fetchone()[0] == 2


@case("points request: a batch is closed at zero, and not before")
def test_control_account(database):
    world = points_world(database, schedule="now")
    with world.connect() as c:
        receive(c, row("a"), row("b", RelationReference="M2", Points=70))
        batch = open_batch(c, c.execute("SELECT clock_timestamp() + interval '1 s'").fetchone()[0])
        c.execute("SELECT points.note_batch(%s, 'placed', 'f', 1, sha256('f'))", (batch,))
        account = "SELECT requested, sent, credited, rejected, reversed, unknown, open FROM points.batches"
        assert c.execute(account).fetchone() == (170, 170, 0, 0, 0, 0, 170)
        assert c.execute("SELECT partner, days, requests, points FROM points.unanswered").fetchall() == [(PARTNER, 0, 2, 170)]
        assert c.execute("SELECT points.close_batches()").fetchone()[0] == 0
        c.execute("SELECT ledger.post_reversals(ARRAY[entry_id]) FROM points.request WHERE request_key = 'a'")
        assert c.execute("SELECT points.close_batches()").fetchone()[0] == 0 and c.execute(account).fetchone() == (170, 170, 0, 100, 100, 0, 70)
        c.execute("SELECT ledger.post_reversals(ARRAY[entry_id]) FROM points.request WHERE request_key = 'b'")
        assert c.execute("SELECT points.close_batches(), points.close_batches()").fetchone() == (1, 0)
        assert c.execute("SELECT detail FROM audit.event WHERE what = 'batch_closed'").fetchone()[0].endswith("requested 170, credited 0, reversed 170")
        with pytest.raises(psycopg.errors.CheckViolation):
            c.execute("INSERT INTO points.batch_end SELECT 99, 5, 2, 2, now(), 1")

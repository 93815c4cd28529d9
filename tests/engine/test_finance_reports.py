"""The reports of finance: each figure, and the rows behind it, against a count in Python over the tables themselves."""
import collections
import csv
import datetime
import decimal
import io
import json

import pytest

from finance_history import PEOPLE, answer, day, desk, fill  # noqa: F401  desk is a fixture

UTC = datetime.timezone.utc
EDGES = ((8, "0-7"), (31, "8-30"), (61, "31-60"), (91, "61-90"))


def told(desk, report, *options, allowed=(0,)):  # noqa: F811
    return json.loads(desk.ctl("report", report, "--json", *options, allowed=allowed).stdout)


def rows(desk, report, figure, *options):  # noqa: F811
    return list(csv.DictReader(io.StringIO(desk.ctl("report", report, "--rows", figure, "--format", "csv", *options).stdout)))


def open_items(desk, at):  # noqa: F811
    """{(partner, programme, currency, age): [items, points, minor units, on hold, past the SLA]} at a moment."""
    programmes = dict(desk.db.execute("SELECT programme_id, code FROM ledger.programme").fetchall())
    answered = {redemption for redemption, when in desk.db.execute(
        "SELECT redemption_id, decided_at FROM handback.outcome WHERE outcome = 1").fetchall() if when < at}
    answered |= {debit for debit, when in desk.db.execute(
        "SELECT answers_entry_id, posted_at FROM ledger.entry WHERE category = 'Redemption Reversal'").fetchall() if when < at}
    ended = {hold for hold, when in desk.db.execute("SELECT hold_id, ended_at FROM handback.hold_end").fetchall() if when < at}
    held = {redemption for hold, redemption, opened in desk.db.execute(
        "SELECT hold_id, redemption_id, opened_at FROM handback.hold").fetchall() if opened < at and hold not in ended}
    table = collections.defaultdict(lambda: [0, 0, 0, 0])
    for debit, programme, partner, currency, points, amount, when in desk.db.execute(
            "SELECT entry_id, programme_id, partner, currency, points, amount, posted_at FROM ledger.entry"
            " WHERE category = 'Debit By Redemption'").fetchall():
        if when >= at or debit in answered:
            continue
        age = next((name for days, name in EDGES if when >= at - datetime.timedelta(days=days)), "over-90")
        for place, value in enumerate((1, points, amount or 0, debit in held)):
            table[partner, programmes[programme], currency, age][place] += value
    return dict(table)


def ages_agree(desk, at, *options):  # noqa: F811
    said, count = told(desk, "ageing", *options)["ageing"], open_items(desk, at)
    assert {(r["partner"], r["programme"], r["currency"], r["age"]): [r["items"], r["points"], r["minor_units"] or 0, r["on_hold"]]
            for r in said} == count
    for row in said:
        assert row["on_hold"] + row["past_sla"] + row["in_time"] == row["items"]
        assert row["on_hold_points"] + row["past_sla_points"] + row["in_time_points"] == row["points"]
    listed = collections.Counter()
    for _, age in (*EDGES, (0, "over-90")):
        for row in rows(desk, "ageing", age, *options):
            listed[row["partner"], row["programme"], row["currency"] or None, age] += int(row["points"])
    assert listed == collections.Counter({key: figures[1] for key, figures in count.items()})
    return said


def test_open_items_by_age(desk):  # noqa: F811
    fill(desk)
    now = datetime.datetime.now(UTC)
    second = datetime.timedelta(seconds=1)
    for days in (8, 31, 61, 91):
        for n, at in enumerate((now - datetime.timedelta(days=days) - 60 * second, now - datetime.timedelta(days=days) + 600 * second)):
            desk.redeem(f"E{days}-{n}", points=7 * days + n, posted_at=at)
    ages_agree(desk, datetime.datetime.now(UTC))
    answer(desk)
    desk.deliver([("E8-0", "KO", {"Points": 1})])
    desk.ctl("--database", desk.database.conninfo(PEOPLE[0]), "hold", "assign", "2", "roll_bob", "--why", "knows AIR")
    said = ages_agree(desk, datetime.datetime.now(UTC))
    # what is open by age is what the roll-forward ends with
    closing = collections.Counter()
    for row in told(desk, "roll-forward", "--from", "2025-01-01")["roll_forward"]:
        if row["figure"] == "closing":
            closing[row["partner"], row["programme"], row["currency"]] += row["points"]
    assert sum((collections.Counter({(r["partner"], r["programme"], r["currency"]): r["points"]}) for r in said),
               collections.Counter()) == +closing
    owner, = told(desk, "ageing")["owners"]
    assert (owner["owner"], owner["partner"], owner["reason"], owner["holds"], owner["points"]) == ("roll_bob", "AIR", "points_mismatch", 1, 56)
    held, = rows(desk, "ageing", "on_hold")
    assert (held["owner"], held["reason"], held["comment"]) == ("roll_bob", "points_mismatch", "knows AIR")
    assert rows(desk, "ageing", "nobody") == []
    # as it was: nothing of today counts
    for text in ("2026-01-12", "2026-01-20"):
        ages_agree(desk, day(text) + datetime.timedelta(days=1), "--as-of", text)


def test_past_the_sla(desk):  # noqa: F811
    """By the terms that a night found: five business days in Zurich, and midnight there."""
    desk.db.execute("INSERT INTO handback.term (source, partner, programme, profile, lists, order_by, within_days, zone, holidays, since)"
                    " VALUES ('air', 'AIR', NULL, 'air', 'all', 'sequence', 5, 'Asia/Kolkata', '{}', '2026-01-01Z')")
    midnight = datetime.datetime.fromisoformat("2026-01-13T00:00:00+05:30")
    desk.redeem("A", points=3, posted_at=midnight - datetime.timedelta(microseconds=1))
    desk.redeem("B", points=5, posted_at=midnight)
    desk.redeem("C", points=7, partner="OTHER", posted_at=midnight)
    # Monday the 12th and five business days: over with the 19th; the 20th for Tuesday the 13th
    for at, past in (("2026-01-18", 0), ("2026-01-19", 3), ("2026-01-20", 8)):
        said = told(desk, "ageing", "--as-of", at)["ageing"]
        assert sum(row["past_sla_points"] for row in said) == past, at
        assert sum(row["in_time_points"] for row in said) == 15 - past
        assert sum(int(row["points"]) for row in rows(desk, "ageing", "past_sla", "--as-of", at)) == past
        by = {(row["partner"], row["age"]): row["points"] for row in told(desk, "ageing", "--as-of", at, "--by", "due")["ageing"]}
        assert by == {key: points for key, points in {("AIR", "0-7"): past, ("AIR", "not_due"): 8 - past, ("OTHER", "no_sla"): 7}.items() if points}


def test_why_partners_reject(desk):  # noqa: F811
    for n in range(12):
        desk.redeem(f"R{n}", points=10 + n, amount=100 * n, currency="JPY" if n % 2 else "EUR", merchant="<b>Air</b>" if n < 4 else "Inn")
    desk.deliver([(f"R{n}", "KO", {"Points": 10 + n, "Reason": ("FULL", "FRAUD", "FULL+MOVED", "=1+1")[n % 4]}) for n in range(8)]
                 + [(f"R{n}", "OK", {"Points": 10 + n}) for n in range(8, 11)] + [("R11", "KO", {"Points": 21})])
    said = told(desk, "reasons")
    partner, = said["partners"]
    assert (partner["records"], partner["rejected"], partner["rate"], partner["before_records"]) == (12, 9, "75.00", 0)
    assert partner["points"] == sum(10 + n for n in (*range(8), 11))
    counted = collections.defaultdict(lambda: [0, 0, 0])
    for reasons, currency, points, amount in desk.db.execute(
            "SELECT o.reasons, e.currency, e.points, e.amount FROM handback.outcome o JOIN ledger.entry e ON e.entry_id = o.redemption_id"
            " WHERE o.verdict = 4 AND o.revision = 0").fetchall():
        for place, value in enumerate((1, points, amount)):
            counted[reasons, currency][place] += value
    assert {(r["reasons"], r["currency"]): [r["records"], r["points"], r["minor_units"]] for r in said["reasons"]} == dict(counted)
    assert all(r["reversed"] + r["held"] + r["other"] == r["records"] for r in said["reasons"])
    assert sum(decimal.Decimal(r["share"]) for r in said["reasons"]).quantize(decimal.Decimal(1)) == 100
    for reasons in {key[0] for key in counted}:
        listed = rows(desk, "reasons", reasons or "none")
        assert sum(int(r["points"]) for r in listed) == sum(f[1] for key, f in counted.items() if key[0] == reasons)
    assert sum(r["records"] for r in said["merchants"]) == 9
    page = desk.ctl("report", "reasons", "--format", "html").stdout
    assert "<b>Air" not in page and "&lt;b&gt;Air" in page
    assert "'=1 1" in desk.ctl("report", "reasons", "--table", "reasons", "--format", "csv").stdout


def test_the_period_before(desk):  # noqa: F811
    for n in range(4):
        desk.redeem(f"R{n}")
    first = desk.deliver([("R0", "KO"), ("R1", "OK")])["file"]
    desk.deliver([("R2", "KO"), ("R3", "KO")])
    with desk.db.transaction():
        desk.db.execute("SET LOCAL session_replication_role = replica")
        desk.db.execute("UPDATE handback.file SET decided_at = decided_at - interval '7 days' WHERE file_id = %s", (first,))
    partner, = told(desk, "reasons")["partners"]
    assert (partner["rate"], partner["before_records"], partner["before_rejected"], partner["before_rate"], partner["change"]) == (
        "100.00", 2, 1, "50.00", "50.00")
    reason, = told(desk, "reasons")["reasons"]
    assert (reason["records"], reason["before"], reason["change"]) == (2, 1, "50.00")


def test_who_decided(desk):  # noqa: F811
    fill(desk)
    answer(desk)
    said = told(desk, "decisions")
    alice, bob = said["people"]
    assert (alice["person"], alice["proposed"], alice["approved"]) == (PEOPLE[0], 1, 0)
    assert (bob["person"], bob["proposed"], bob["approved"], bob["approved_points"]) == (PEOPLE[1], 0, 1, 105)
    end, = said["ends"]
    assert (end["how"], end["by_two_people"], end["points"], end["currency"], end["amount"]) == ("reversed", True, 105, "JPY", "777")
    decided, = said["decided"]
    assert (decided["proposed_by"], decided["approved_by"], decided["four_eyes"], decided["why"]) == (*PEOPLE, True, "refused by mail")
    assert len(rows(desk, "decisions", PEOPLE[0])) == 1 and rows(desk, "decisions", "nobody") == []


def test_day_by_day_is_the_roll_forward(desk):  # noqa: F811
    fill(desk)
    answer(desk)
    said = told(desk, "trend", "--from", "2026-01-09", "--to", "2026-01-12")["points"]
    assert len({row["day"] for row in said}) == 4
    before = {}
    for row in said:
        day_ = told(desk, "roll-forward", "--from", row["day"], "--to", row["day"])["roll_forward"]
        figures = collections.Counter()
        for line in day_:
            if line["programme"] == row["programme"]:
                figures[line["figure"]] += line["points"]
        assert (row["debit_points"], row["open_points"]) == (figures["debits"], figures["closing"]), row
        assert row["open_points"] - row["change"] == figures["opening"] == before.get(row["programme"], figures["opening"])
        before[row["programme"]] = row["open_points"]
    work, = (row for row in told(desk, "trend")["work"])
    assert work["records"] == work["confirmed"] + work["reversed"] + work["held"] + work["other"] == 23
    for by in ("week", "month"):
        last = told(desk, "trend", "--from", "2025-12-01", "--by", by)["points"]
        assert {r["programme"]: r["open_points"] for r in last} == {
            p: sum(line["points"] for line in told(desk, "roll-forward")["roll_forward"] if (line["programme"], line["figure"]) == (p, "closing"))
            for p in ("P", "Q")}
    page = desk.ctl("report", "trend", "--from", "2026-01-08", "--to", "2026-01-22", "--format", "html").stdout
    assert page.count("<svg class=\"chart\"") >= 3 and "2026-01-08 to 2026-01-22" in page


def test_files_that_should_have_come(desk):  # noqa: F811
    desk.db.execute("INSERT INTO handback.term (source, partner, profile, lists, order_by, within_days, zone, holidays)"
                    " VALUES ('air', 'AIR', 'air', 'all', 'sequence', 0, 'UTC', '{}')")
    desk.redeem("R")
    files = [desk.deliver([("R", "OK")], sequence=n)["file"] for n in (1, 2)]
    today = datetime.datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for n, (how, file) in enumerate((("on_time", files[0]), ("late", files[1]), ("missing", None), (None, None))):
        due = today - datetime.timedelta(days=n + 1)
        number, = desk.db.execute(
            "INSERT INTO handback.expected_delivery (source, kind, day, zone, opens_at, due_at, late_at, files)"
            " VALUES ('air', 'daily', %s, 'UTC', %s, %s, %s, 1) RETURNING expected_delivery_id",
            (due.date(), due - datetime.timedelta(days=1), due, due)).fetchone()
        if file:
            desk.db.execute("INSERT INTO handback.expected_delivery_file VALUES (%s, %s, %s)", (file, number, how))
        elif how:
            desk.db.execute("INSERT INTO handback.expected_delivery_missing (expected_delivery_id, files) VALUES (%s, 1)", (number,))
    row, = told(desk, "deliveries")["deliveries"]
    assert [row[k] for k in ("expected", "on_time", "late", "missing", "poll_failed", "unexpected")] == [4, 1, 1, 1, 1, 0]
    assert row["missing_since"] == (today - datetime.timedelta(days=3)).date().isoformat()
    assert [r["day"] for r in rows(desk, "deliveries", "missing")] == [row["missing_since"]]
    assert len(rows(desk, "deliveries", "all")) == 4


@pytest.mark.parametrize("report", ("roll-forward", "ageing", "reasons", "deliveries", "decisions", "trend"))
def test_what_is_asked_wrongly_is_said(desk, report):  # noqa: F811
    done = desk.ctl("report", report, "--partner", "SKYLIN", allowed=(2,))
    assert "--partner SKYLIN: no such partner" in done.stderr and not done.stdout
    assert "Taken from" in desk.ctl("report", report).stdout
    written = desk.ctl("report", report, "--write").stdout.split()
    assert any(name.endswith(".html") for name in written) and written[-1].endswith(".sha256")

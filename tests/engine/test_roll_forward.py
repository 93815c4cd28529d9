"""The roll-forward: every figure of it, and the rows behind each, against a count in Python over the ledger's own tables."""
import collections
import csv
import datetime
import decimal
import io
import json

import pytest

from worker import Desk

UTC = datetime.timezone.utc
FROM, TO = "2026-01-10", "2026-01-20"
BEGINS, ENDS = (datetime.datetime.fromisoformat(day).replace(tzinfo=UTC) for day in (FROM, "2026-01-21"))
DIGITS = {"EUR": 2, "JPY": 0, "KWD": 3}
SIGN = {"opening": 1, "debits": 1, "confirmed": -1, "reversed_by_file": -1, "reversed_by_people": -1, "reversed_by_application": -1,
        "corrections": 1}


PEOPLE = ("roll_alice", "roll_bob")


@pytest.fixture
def desk(cluster, build):
    made = cluster.database()
    with cluster.connect() as c:
        for name in PEOPLE:
            c.execute(f"CREATE ROLE {name} LOGIN IN ROLE handback_operator")
    with Desk(made, build, late_reject="reverse") as desk:
        yield desk
    made.drop()
    with cluster.connect() as c:
        for name in PEOPLE:
            c.execute(f"DROP ROLE {name}")


def figures(desk, *options, allowed=(0,)):
    """{(partner, programme, currency): {figure: (items, points, minor units, amount)}}"""
    said = json.loads(desk.ctl("report", "roll-forward", "--json", *options, allowed=allowed).stdout)["roll_forward"]
    table = collections.defaultdict(dict)
    for row in said:
        table[row["partner"], row["programme"], row["currency"]][row["figure"]] = (row["items"], row["points"], row["minor_units"],
                                                                                   row["amount"])
    return dict(table)


def rows(desk, figure, *options):
    return list(csv.DictReader(io.StringIO(desk.ctl("report", "roll-forward", "--rows", figure, "--format", "csv", *options).stdout)))


def counted(desk, begins, ends):
    """The same from the tables alone, redemption by redemption: {account: {figure: (items, points, minor units)}}."""
    programmes = dict(desk.db.execute("SELECT programme_id, code FROM ledger.programme").fetchall())
    confirmed = dict(desk.db.execute("SELECT redemption_id, decided_at FROM handback.outcome WHERE outcome = 1").fetchall())
    named = {reversal: (what or "file") for reversal, what in desk.db.execute(
        "SELECT o.reversal_id, a.what FROM handback.outcome o LEFT JOIN audit.event a USING (event_id) WHERE o.outcome = 2").fetchall()}
    reversed_ = {debit: (at, named.get(entry, "application")) for entry, debit, at in desk.db.execute(
        "SELECT entry_id, answers_entry_id, posted_at FROM ledger.entry WHERE category = 'Redemption Reversal'").fetchall()}
    how = {"file": "reversed_by_file", "rematched": "reversed_by_file", "approved": "reversed_by_people",
           "application": "reversed_by_application"}
    table = collections.defaultdict(lambda: {figure: [0, 0, 0] for figure in (*SIGN, "closing")})
    for debit, programme, partner, currency, points, amount, at in desk.db.execute(
            "SELECT entry_id, programme_id, partner, currency, points, amount, posted_at FROM ledger.entry"
            " WHERE category = 'Debit By Redemption'").fetchall():
        ends_of = [max(at, when) for when in (confirmed.get(debit), reversed_.get(debit, (None,))[0]) if when is not None]
        hit = []
        if at >= ends:
            continue
        if at < begins and not any(end < begins for end in ends_of):
            hit.append("opening")
        if at >= begins:
            hit.append("debits")
        if debit in confirmed and begins <= max(at, confirmed[debit]) < ends:
            hit.append("confirmed")
        if debit in reversed_ and begins <= max(at, reversed_[debit][0]) < ends:
            hit.append(how[reversed_[debit][1]])
        if len(ends_of) == 2 and begins <= max(ends_of) < ends:
            hit.append("corrections")
        if not any(end < ends for end in ends_of):
            hit.append("closing")
        for figure in hit:
            for place, value in enumerate((1, points, amount or 0)):
                table[partner, programmes[programme], currency][figure][place] += value
    return {account: figures for account, figures in table.items() if any(any(v) for v in figures.values())}


def agrees(desk, options, begins, ends):
    said, count = figures(desk, *options), counted(desk, begins, ends)
    assert set(said) == set(count)
    for account, lines in said.items():
        for figure, numbers in count[account].items():
            sign = SIGN.get(figure, 1)
            items, points, minor, amount = lines[figure]
            assert [sign * items, sign * points, sign * (minor or 0)] == numbers, (account, figure)
            digits = DIGITS.get(account[2])
            assert amount == (None if digits is None else str(decimal.Decimal(minor).scaleb(-digits).quantize(
                decimal.Decimal(1).scaleb(-digits)))), (account, figure)
        assert lines["difference"][:2] == (0, 0) and lines["ledger"] == lines["closing"]
        assert lines["closing"][0] == sum(lines[figure][0] for figure in SIGN)
    for figure in (*SIGN, "closing"):
        listed = collections.Counter()
        for row in rows(desk, figure, *options):
            listed[row["partner"] or None, row["programme"], row["currency"] or None] += int(row["points"])
        assert listed == collections.Counter({a: f[figure][1] for a, f in count.items() if f[figure][1]}), figure


def day(text):
    return datetime.datetime.fromisoformat(text).replace(tzinfo=UTC)


def fill(desk):
    """Debits on both sides of the period's edges, in three currencies and none, of two programmes and two partners."""
    edge = datetime.timedelta(microseconds=1)
    for n, at in enumerate((BEGINS - edge, BEGINS, ENDS - edge, ENDS, day("2025-12-31"), day("2026-01-15"),
                            # midnight of the edge in Singapore and in New York: other days there, and UTC's rule
                            datetime.datetime.fromisoformat(FROM + "T00:00:00+08:00"),
                            datetime.datetime.fromisoformat(FROM + "T00:00:00-05:00"))):
        for m, (currency, amount) in enumerate((("EUR", 1234), ("JPY", 777), ("KWD", 10005), (None, None))):
            desk.redeem(f"D{n}-{m}", points=100 + n, amount=amount, currency=currency, posted_at=at)
        desk.redeem(f"Q{n}", member=11, points=200 + n, posted_at=at)
        desk.redeem(f"O{n}", partner="OTHER", points=300 + n, posted_at=at)


def answer(desk):
    """By file both ways, late to a confirmation, by two people, and by the application; it all happens now."""
    said = [(f"D{n}-{m}", ("OK", "KO")[m % 2], {"Points": 100 + n}) for n in range(5) for m in range(4)]
    assert desk.deliver(said)["state"] == "posted"
    assert desk.deliver([("D0-0", "KO", {"Points": 100}), ("D5-0", "OK", {"Points": 105})])["state"] == "posted"
    # other points than the debit's: held, and two people reverse it
    assert desk.deliver([("D5-1", "KO", {"Points": 99})])["state"] == "posted"
    hold, = desk.db.execute("SELECT hold_id FROM handback.hold_open").fetchone()
    alice, bob = (("--database", desk.database.conninfo(name)) for name in PEOPLE)
    said = desk.ctl(*alice, "hold", "propose", "reverse", hold, "--why", "refused by mail", "--accept-difference", "--json").stdout
    desk.ctl(*bob, "hold", "approve", json.loads(said)["done"]["number"], "--why", "seen the mail")
    assert desk.db.execute("SELECT (ledger.reversal_points(d.programme, d.member, d.merchant, d.external_reference)).code"
                           " FROM ledger.redemption d WHERE d.external_reference = %s", (desk.references["O5"],)).fetchone() == ("000",)


def test_every_figure_is_the_ledgers(desk):
    fill(desk)
    agrees(desk, ("--from", FROM, "--to", TO), BEGINS, ENDS)
    answer(desk)
    now = datetime.datetime.now(UTC)
    today = now.date().isoformat()
    begins = day(today)
    for options, begins, ends in ((("--from", FROM, "--to", TO), BEGINS, ENDS), (("--from", today), begins, day("9999-01-01")),
                                  (("--from", "2025-01-01"), day("2025-01-01"), day("9999-01-01"))):
        agrees(desk, options, begins, ends)
    said = figures(desk, "--from", "2025-01-01")
    assert said["AIR", "P", "EUR"]["corrections"][0] == 1
    assert said["AIR", "P", "JPY"]["reversed_by_people"] == (-1, -105, -777, "-777")
    assert said["OTHER", "P", "EUR"]["reversed_by_application"][:2] == (-1, -305)
    assert set(figures(desk, "--from", "2025-01-01", "--partner", "OTHER")) == {("OTHER", "P", "EUR")}


def test_a_reversal_that_nothing_explains_is_a_difference(desk):
    """handback posted it, says the ledger, and no outcome names it: a line of its own, and the exit status of differences."""
    fill(desk)
    debit = desk.db.execute("SELECT redemption_id FROM ledger.redemption WHERE external_reference = %s",
                            (desk.references["D5-0"],)).fetchone()
    desk.db.execute("SELECT ledger.post_reversals(%s)", (list(debit),))
    done = desk.ctl("report", "roll-forward", "--from", "2025-01-01", allowed=(5,))
    assert "partner AIR, programme P, EUR: the ledger has -1 items with -105 points more open" in done.stderr
    assert "Difference" in done.stdout
    assert figures(desk, "--from", "2025-01-01", allowed=(5,))["AIR", "P", "EUR"]["difference"] == (-1, -105, -1234, "-12.34")
    assert [row["points"] for row in rows(desk, "difference", "--from", "2025-01-01")] == ["105"]


def test_words_that_are_no_figure(desk):
    assert "opening" in desk.ctl("report", "roll-forward", "--rows", "all", allowed=(2,)).stderr

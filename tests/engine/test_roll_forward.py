"""The roll-forward: every figure of it, and the rows behind each, against a count in Python over the ledger's own tables."""
import collections
import csv
import datetime
import decimal
import io
import json

from finance_history import BEGINS, ENDS, FROM, TO, UTC, answer, day, desk, fill  # noqa: F401  desk is a fixture

DIGITS = {"EUR": 2, "JPY": 0, "KWD": 3}
SIGN = {"opening": 1, "debits": 1, "confirmed": -1, "reversed_by_file": -1, "reversed_by_people": -1, "reversed_by_application": -1,
        "corrections": 1}


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

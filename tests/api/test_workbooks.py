"""Workbooks: what they say is what CSV says, texts stay texts, numbers stay exact, and what was not written whole is no workbook."""
import csv
import datetime
import io
import resource
import signal
import subprocess

import pytest

import xlsx
from catalogue_world import open_catalogue

# what a partner, a shop or a member may be called, and a spreadsheet must not take for anything else
TEXTS = ("=1+1", "+1", "-1", "@SUM(A1)", "=cmd|' /C calc'!A0", "\t=1", "0012345678", "1e5", "TRUE", "01/02/2026", "https://evil.example/", "_x0041_",
         "_x005F_", "<b>&\"'", "zwei\nZeilen", "\u202egnp", "\u0001x", "\ufffe", "Zürich 東京 🦀", "x" * 300)


@pytest.fixture
def world(database):
    with open_catalogue(database).connect() as c:
        for n, text in enumerate(TEXTS):
            c.execute("INSERT INTO ledger.member (programme_id, relation_reference) VALUES (1, %s)", (f"T{n}",))
            c.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points) SELECT 1, member_id, 'Credit By Accrual', 1000 + %s"
                      " FROM ledger.member WHERE relation_reference = %s", (n, f"T{n}"))
            c.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points, merchant, amount, currency, transaction_type)"
                      " SELECT 1, member_id, 'Debit By Redemption', 1, %s, 123456 + %s, %s, 30 FROM ledger.member WHERE relation_reference = %s",
                      (text[:200], n, ("INR", "JPY", "KWD")[n % 3], f"T{n}"))
        # beside what a cell keeps of a number
        c.execute("INSERT INTO ledger.member (programme_id, relation_reference) VALUES (1, 'Rich'), (1, 'Richer')")
        c.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points) SELECT 1, member_id, 'Credit By Accrual',"
                  " CASE relation_reference WHEN 'Rich' THEN 999999999999999 ELSE 9007199254740993 END FROM ledger.member"
                  " WHERE relation_reference LIKE 'Rich%'")
    return database


@pytest.fixture
def run(build, world):
    def run(*words, status=0, text=False, **how):
        done = subprocess.run([build / "ctl/handbackctl", *words, "--database", world.conninfo("handback_finance")],
                              capture_output=True, timeout=120, **how)
        assert done.returncode == status, (done.returncode, done.stderr)
        return done.stderr.decode() if status else done.stdout
    return run


def shown(text):
    """As a page shows it, where a reader would not see a character."""
    return "".join({"\n": "\\n", "\t": "\\t"}.get(c) or (f"\\x{ord(c):02x}" if c < " " else f"\\u{{{ord(c):x}}}" if c in "\u202e\ufffe" else c) for c in text)


def test_a_workbook_says_what_csv_says(run):
    book = xlsx.read(run("transactions", "--format", "xlsx"))
    assert list(book) == ["about", "transactions", "sums"]
    assert book["about"][0] == ["Transactions"] and book["about"][1][0].startswith("From ")
    rows, told = list(csv.reader(io.StringIO(run("transactions", "--format", "csv").decode(), newline=""))), book["transactions"]
    assert len(told) == len(rows) > 2 * len(TEXTS) and told[0][3:6] == ["Member", "Transaction category", "Points"]
    keys = rows[0]
    merchants = 0
    for ours, theirs in zip(told[1:], rows[1:]):
        for n, (key, text) in enumerate(zip(keys, theirs)):
            cell = ours[n] if n < len(ours) else None
            if key in ("entry", "points", "change", "type", "minor_units", "amount") and text:
                number = isinstance(cell, (int, float))
                assert number == (len(text.lstrip("-").replace(".", "")) <= 15), (key, text, cell)
                assert (f"{cell:.{len(text.partition('.')[2])}f}" if number else cell) == text, (key, text, cell)
            elif key == "at":
                assert cell == datetime.datetime.fromisoformat(text[:19]), text
            elif key == "merchant":
                merchants += cell is not None
            else:
                assert (cell or "") == text, key
    assert merchants == len(TEXTS)
    # text by text, and none of them is a formula or a number (xlsx.value asserts the first)
    assert [row[7] for row in told[1:] if row[7:8] != [None] and len(row) > 7 and row[7] is not None] == [shown(t[:200]) for t in TEXTS]
    assert sum(s["Entries"] for s in xlsx.table(book["sums"])) == len(rows) - 1


def test_chosen_columns_and_documents(run):
    book = xlsx.read(run("transactions", "--format", "xlsx", "--columns", "points,category", "--limit", "3"))
    assert book["transactions"][0] == ["Points", "Transaction category"] and len(book["transactions"]) == 4
    book = xlsx.read(run("transactions", "--format", "xlsx", "--points-from", str(2**63 - 1)))
    assert len(book["transactions"]) == 1 and book["sums"][1:] == []
    book = xlsx.read(run("report", "roll-forward", "--format", "xlsx"))
    assert {"about", "roll_forward", "source"} <= set(book)
    told = xlsx.table(book["roll_forward"])
    assert {r["Figure"] for r in told} and all(isinstance(r["Points"], int) for r in told)
    assert "text, json, csv or html" in run("nightly", "--plan", "--format", "xlsx", status=2)


@pytest.mark.parametrize("most", (1000, 20_000))
def test_what_the_disk_does_not_take_is_no_workbook(run, most):
    """A temporary file that ends early: the library does not look at its own writes."""
    def bound():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    told = run("transactions", "--format", "xlsx", "--columns", ",".join(["member,category,merchant,points"] * 4), status=1, preexec_fn=bound)
    assert "cannot write" in told

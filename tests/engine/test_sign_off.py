"""A month's end: three people prepare, review and sign its figures, sealed in the chain; and what is another figure later is seen."""
import concurrent.futures
import json

import psycopg
import pytest

from case_table import case
from finance_history import PEOPLE, desk, day, fill  # noqa: F401  desk is a fixture

MONTH, FINANCE = "2026-01", "roll_carol"
PREPARE, REVIEW, SIGN, SHOW = (("month-end", word, MONTH) for word in ("prepare", "review", "sign", "show"))


@pytest.fixture
def people(desk):  # noqa: F811
    """run(person, words): two who may decide, and one of finance."""
    fill(desk)
    desk.db.execute(f"CREATE ROLE {FINANCE} LOGIN IN ROLE handback_finance")

    def run(person, *words, allowed=(0,)):
        return desk.ctl("--database", desk.database.conninfo(person), *words, "--json", allowed=allowed)
    yield run
    desk.db.execute(f"DROP ROLE {FINANCE}")


def steps(run, status=0):
    return [(s["step"], s["person"]) for s in json.loads(run(FINANCE, *SHOW, allowed=(status,)).stdout)["sign_off"]]


@case("Month end: prepared, reviewed and signed by three people, sealed by heads of the chain, on the pack's title page")
def test_three_people_sign(desk, people):  # noqa: F811
    alice, bob = PEOPLE
    assert steps(people) == [("prepared", None), ("reviewed", None), ("signed", None)]
    assert "nobody has prepared" in people(bob, *REVIEW, allowed=(2,)).stderr
    people(alice, *PREPARE)
    assert "another person" in people(alice, *REVIEW, allowed=(2,)).stderr and "nobody has reviewed" in people(bob, *SIGN, allowed=(2,)).stderr
    people(bob, *REVIEW, "--why", "compared with the bank")
    for person in PEOPLE:
        assert "another person" in people(person, *SIGN, allowed=(2,)).stderr
    signed = json.loads(people(FINANCE, *SIGN).stdout)
    assert [(s["step"], s["person"]) for s in signed["sign_off"]] == [("prepared", alice), ("reviewed", bob), ("signed", FINANCE)] and signed["changes"] == []
    assert "signed already" in people(FINANCE, *SIGN, allowed=(2,)).stderr
    # each step is sealed by its own head, which the proof knows
    for step in signed["sign_off"]:
        desk.ctl("audit", "verify", "--head", step["sealed"])
    assert desk.db.execute("SELECT what, who, subject, why FROM audit.event WHERE what LIKE 'month_end%%' ORDER BY event_id").fetchall() == [
        ("month_end_prepared", alice, "month end 2026-01", None), ("month_end_reviewed", bob, "month end 2026-01", "compared with the bank"),
        ("month_end_signed", FINANCE, "month end 2026-01", None)]
    desk.ctl("report", "month-end", MONTH)
    title = next((desk.dir / "reports").glob("month-end-2026-01-*/month-end.html")).read_text()
    title = title[:title.index("<h1>Roll-forward of open items")]
    assert all(step["person"] in title and step["sealed"] in title for step in signed["sign_off"])


@case("Month end: a figure that changes after it was prepared stops the signing, and is seen for ever after")
def test_a_changed_figure_is_seen(desk, people):  # noqa: F811
    alice, bob = PEOPLE
    people(alice, *PREPARE)
    people(bob, *REVIEW)
    desk.redeem("late", points=77, posted_at=day("2026-01-31"))
    assert "the figures are others" in people(FINANCE, *SIGN, allowed=(2,)).stderr
    shown = people(FINANCE, *SHOW, allowed=(5,))
    changed = [(c["said"], c["figure"].split(",")[3]) for c in json.loads(shown.stdout)["changes"]]
    assert set(changed) == {(said, figure) for said in ("then", "now") for figure in ("debits", "closing", "ledger")} and "are others" in shown.stderr
    assert "are others" in desk.ctl("report", "month-end", MONTH).stderr
    # prepared again by whoever, it begins from the first step
    people(bob, *PREPARE)
    assert steps(people) == [("prepared", bob), ("reviewed", None), ("signed", None)]
    people(alice, *REVIEW)
    people(FINANCE, *SIGN)
    desk.redeem("later", points=78, posted_at=day("2026-01-31"))
    assert steps(people, status=5) == [("prepared", bob), ("reviewed", alice), ("signed", FINANCE)]


def test_the_database_holds_it(desk, people):  # noqa: F811
    alice, bob = PEOPLE
    people(alice, *PREPARE)
    figures, = desk.db.execute("SELECT figures FROM handback.month_end").fetchone()
    # at the same moment one of many reviews it, and past the function the constraint holds as well
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        codes = [f.result().returncode for f in [pool.submit(people, bob, *REVIEW, allowed=(0, 2)) for _ in range(4)]]
    assert sorted(codes) == [0, 2, 2, 2]
    with pytest.raises(psycopg.errors.UniqueViolation):
        desk.db.execute("INSERT INTO handback.sign_off (month_end_id, step, person, event_id) SELECT month_end_id, 'signed', person, event_id FROM handback.sign_off LIMIT 1")
    for statement in ("UPDATE handback.sign_off SET person = 'x'", "DELETE FROM handback.month_end"):
        with pytest.raises(Exception, match="append-only"):
            desk.db.execute(statement)
    with desk.database.connect(FINANCE) as c:
        for month, step, refused in (("2999-01-01", "prepared", "is not over"), ("2026-01-02", "prepared", "month_check"), (f"{MONTH}-01", "read", "check")):
            with pytest.raises(psycopg.Error, match=refused):
                c.execute("SELECT handback.sign_month(%s, %s, %s, NULL)", (month, step, figures))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            c.execute("INSERT INTO handback.month_end (month, figures) VALUES ('2026-01-01', 'x')")
    assert people(FINANCE, "month-end", "prepare", "2026-13", allowed=(2,)).stderr

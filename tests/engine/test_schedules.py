"""Reports by schedule: of each period that is over one, whatever nights were missed, killed or run at once; and what they say is the ledger's."""
import datetime
import hashlib
import json
import subprocess

import pytest

import xlsx
from finance_history import PEOPLE, desk, fill  # noqa: F401  desk is a fixture
from redemption_api import until

DAY = datetime.timedelta(days=1)
TODAY = datetime.datetime.now(datetime.timezone.utc).date()


def periods(every, since, begins_on=1):
    """[(first, last)] of every period that is over, counted day by day."""
    def key(day):
        if every == "week":
            return day.isocalendar()[:2]
        month = day - (begins_on - 1) * DAY
        return {"day": day, "month": (month.year, month.month), "quarter": (day.year, (day.month - 1) // 3), "year": day.year}[every]
    found, day = {}, since
    while key(day - DAY) == key(since):
        day -= DAY
    while day <= TODAY + 366 * DAY:
        first, _ = found.get(key(day), (day, day))
        found[key(day)] = first, day
        day += DAY
    return [(first, last) for first, last in found.values() if last < TODAY]


def night(desk):  # noqa: F811
    return desk.ctl("nightly", allowed=(0, 3)).stdout


def reports(desk):  # noqa: F811
    return {p.name for p in (desk.dir / "reports").iterdir() if not p.name.startswith("report-of-")}


def told(desk):  # noqa: F811
    return {n["subject"]: n for n in (json.loads(p.read_text()) for p in (desk.spool / "notifications").rglob("report_written-*.json"))}


def person(desk, name=PEOPLE[0]):  # noqa: F811
    return "--database", desk.database.conninfo(name)


def test_of_each_period_one(desk):  # noqa: F811
    fill(desk)
    long, short = TODAY - 400 * DAY, TODAY - 9 * DAY
    asked = {"daily": ("day", short, 1), "weekly": ("week", TODAY - 30 * DAY, 1), "monthly": ("month", long, 1), "mid-month": ("month", long, 15),
             "last-days": ("month", long, 28), "quarterly": ("quarter", long, 1), "yearly": ("year", TODAY - 800 * DAY, 1)}
    expected = {}
    for name, (every, since, begins_on) in asked.items():
        desk.ctl(*person(desk), "schedule", "add", name, "--every", every, "--from", since, *(("--begins-on", begins_on) if begins_on > 1 else ()),
                 "--category", "Debit By Redemption", "--columns", "entry,category,points", "--format", "json")
        expected |= {f"{name}-{a}-to-{b}.json": (a, b) for a, b in periods(every, since, begins_on)}
    desk.ctl(*person(desk), "schedule", "add", "one", "--every", "once", "--from", "2026-01-10", "--to", "2026-01-20", "--format", "xlsx")
    desk.ctl(*person(desk), "schedule", "add", "later", "--every", "month", "--programme", "Q")
    assert not (desk.dir / "reports").exists() and len(periods("day", short)) == 9
    plan = json.loads(desk.ctl("nightly", "--plan", "--json", allowed=(0, 3)).stdout)["scheduled"]
    assert len(plan) == len(expected) + 1
    night(desk)
    assert reports(desk) == set(expected) | {"one-2026-01-10-to-2026-01-20.xlsx"}
    for name in (min(n for n in expected if n.startswith(f"{s}-")) for s in asked):
        a, b = expected[name]
        own = json.loads(desk.ctl("transactions", "--from", a, "--to", b, "--category", "Debit By Redemption", "--columns", "entry,category,points", "--json").stdout)
        assert json.loads((desk.dir / "reports" / name).read_text()) == own, name
    assert len(xlsx.read((desk.dir / "reports/one-2026-01-10-to-2026-01-20.xlsx").read_bytes())["transactions"]) > 10
    # what is told is where it lies, its sums and its hash, and nothing of a member
    notes = told(desk)
    assert len(notes) == len(expected) + 1
    note = notes["one-2026-01-10"]
    assert hashlib.sha256(open(note["file"], "rb").read()).hexdigest() == note["sha256"] and "Debit By Redemption: " in note["sums"]
    assert "M1" not in json.dumps(note)
    listed = json.loads(desk.ctl("schedule", "list", "--json").stdout)["schedules"]
    assert {s["schedule"]: s["reports"] for s in listed}["later"] == 0
    assert sum(s["reports"] for s in listed) == len(notes)
    before = {p.name: (p.stat().st_mtime_ns, p.read_bytes()) for p in (desk.dir / "reports").iterdir()}
    night(desk)
    assert {p.name: (p.stat().st_mtime_ns, p.read_bytes()) for p in (desk.dir / "reports").iterdir()} == before and told(desk) == notes


def test_nights_that_are_killed_or_run_at_once(desk):  # noqa: F811
    fill(desk)
    desk.ctl(*person(desk), "schedule", "add", "daily", "--every", "day", "--from", TODAY - 20 * DAY)
    command = [desk.build / "ctl/handbackctl", "--config", desk.config, "nightly"]
    for seconds in (0.05, 0.1, 0.15, 0.2, 0.3, 0.4):
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
    # of two at once one may find the spool in use (6), as after one that was killed
    both = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(2)]
    assert {p.wait(120) for p in both} <= {0, 3, 6}
    until(lambda: subprocess.run(command, capture_output=True).returncode in (0, 3), 60)
    rows = desk.db.execute("SELECT file_name, encode(sha256, 'hex') FROM handback.scheduled_report ORDER BY 1").fetchall()
    assert len(rows) == 20
    # after the note and before the name: the next night finds it
    lost, sha = rows[3]
    (desk.dir / "reports" / lost).rename(desk.dir / "reports" / f".pending-{lost}-{sha}")
    night(desk)
    assert {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in (desk.dir / "reports").iterdir()
            if p.name.startswith("daily-")} == {name: h for name, h in rows}
    assert len(told(desk)) == 20


def test_what_does_not_tie_is_written_once_it_does(desk):  # noqa: F811
    fill(desk)
    desk.ctl(*person(desk), "schedule", "add", "daily", "--every", "day", "--from", TODAY - DAY)
    change = "UPDATE ledger.balance SET points = points %s 1 WHERE member_id = (SELECT min(member_id) FROM ledger.member)"
    with desk.db.transaction():
        desk.db.execute("SET LOCAL session_replication_role = replica")
        desk.db.execute(change % "+")
    assert "entries say" in desk.ctl("nightly", allowed=(5,)).stderr and not told(desk)
    with desk.db.transaction():
        desk.db.execute("SET LOCAL session_replication_role = replica")
        desk.db.execute(change % "-")
    night(desk)
    assert len(told(desk)) == 1


def test_who_has_reports_written(desk):  # noqa: F811
    add = "schedule", "add", "s", "--every"
    assert desk.ctl("--database", desk.database.conninfo("handback_finance"), *add, "day", allowed=(6,)).stderr
    for words in (("hour",), ("week", "--begins-on", "3"), ("month", "--begins-on", "29"), ("once",), ("once", "--to", "2026-01-31"), ("day", "--to", "2026-01-31"),
                  ("day", "--columns", "point"), ("day", "--category", "Debit"), ("day", "--format", "html"), ("day", "--programme", "NONE")):
        assert desk.ctl(*person(desk), *add, *words, allowed=(2,)).stderr, words
    assert "how often" in desk.ctl(*person(desk), "schedule", "add", "s", allowed=(2,)).stderr
    desk.ctl(*person(desk), *add, "day")
    assert "already" in desk.ctl(*person(desk), *add, "day", allowed=(2,)).stderr
    desk.ctl(*person(desk, PEOPLE[1]), "schedule", "end", "s")
    assert desk.ctl(*person(desk), "schedule", "end", "s", allowed=(2,)).stderr
    ended, = json.loads(desk.ctl("schedule", "list", "--json").stdout)["schedules"]
    assert (ended["made_by"], ended["ended_by"]) == PEOPLE
    for statement in ("DELETE FROM handback.scheduled_report", "UPDATE handback.report_schedule SET name = 'x'"):
        with pytest.raises(Exception, match="append-only"):
            desk.db.execute(statement)

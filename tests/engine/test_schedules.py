"""Reports by schedule: of each period that is over one, whatever nights were missed, killed or run at once; and what they say is the ledger's."""
import datetime
import email
import email.policy
import hashlib
import json
import subprocess

import pytest

import xlsx
from case_table import case
from finance_history import FROM, PEOPLE, TO, desk, fill  # noqa: F401  desk is a fixture
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
                  ("day", "--columns", "point"), ("day", "--category", "Debit"), ("day", "--format", "html"), ("day", "--programme", "NONE"), ("day", "--type", "x"), ("day", "--points-from", "0"),
                  *(("day", "--mail", wrong) for wrong in ("", "ann", "a@b,", "a b@c.example", "a@b.example\nBcc: x@y.example", "-oX@b.example", "a@-b.example",
                                                           "\"a\"@b.example", "a@b.example;x", ",".join(["a@b.example"] * 21)))):
        assert desk.ctl(*person(desk), *add, *words, allowed=(2,)).stderr, words
    assert "--type x: a transaction type is a number" in desk.ctl(*person(desk), *add, "day", "--type", "x", allowed=(2,)).stderr
    assert "how often" in desk.ctl(*person(desk), "schedule", "add", "s", allowed=(2,)).stderr
    desk.ctl(*person(desk), *add, "day", "--merchant", "Plum Hotels")
    assert "already" in desk.ctl(*person(desk), *add, "day", allowed=(2,)).stderr
    desk.ctl(*person(desk, PEOPLE[1]), "schedule", "end", "s")
    assert desk.ctl(*person(desk), "schedule", "end", "s", allowed=(2,)).stderr
    ended, = json.loads(desk.ctl("schedule", "list", "--json").stdout)["schedules"]
    assert (ended["made_by"], ended["ended_by"]) == PEOPLE and (ended["merchant"], ended["partner"]) == ("Plum Hotels", None)
    assert desk.db.execute("SELECT what, subject, who, detail FROM audit.event WHERE what LIKE 'schedule%%' ORDER BY event_id").fetchall() == [
        ("schedule_added", "schedule s", PEOPLE[0], "each day"), ("schedule_ended", "schedule s", PEOPLE[1], None)]
    for statement in ("DELETE FROM handback.scheduled_report", "UPDATE handback.report_schedule SET name = 'x'"):
        with pytest.raises(Exception, match="append-only"):
            desk.db.execute(statement)


@case("Reports: a scheduled report goes by mail to its own list, with the file, and no header that somebody else wrote")
def test_reports_go_by_mail(desk, build):  # noqa: F811
    fill(desk)
    to = "finance@loyalty.example,audit+p@loyalty.example"
    desk.ctl(*person(desk), "schedule", "add", "once", "--every", "once", "--from", FROM, "--to", TO, "--mail", to)
    desk.ctl(*person(desk), "schedule", "add", "book", "--every", "once", "--from", FROM, "--to", TO, "--mail", to, "--format", "xlsx")
    night(desk)
    desk.ctl("report", "month-end", "2026-01", "--mail", to)
    assert "1 to 20 plain addresses" in desk.ctl("report", "month-end", "2026-01", "--mail", "a b", allowed=(2,)).stderr
    waiting = desk.spool / "notifications"
    pack, = (p.stem for p in waiting.glob("month_end_written-month-end-2026-01-*.json"))
    note, = waiting.glob("report_written-once-*.json")
    # what somebody forged in the spool, and what is too long
    forged = {**json.loads(note.read_text()), "message": "x\nBcc: evil@evil.example\n.\n\n--handback-report\n"}
    for name, more in {"a-evil": {"mail": "a@b.example\nBcc: evil@evil.example"}, "b-path": {"report": "../spool/incoming"}, "c-long": {"report": "long.csv"}}.items():
        (waiting / f"{name}.json").write_text(json.dumps({**forged, **more}))
    (desk.dir / "reports/long.csv").write_bytes(b"x" * ((10 << 20) + 1))
    taker = desk.dir / "sendmail"
    taker.write_text(f"#!/bin/sh\n[ -e {desk.dir}/refused ] || {{ : >{desk.dir}/refused; exit 75; }}\n"
                     f"n=$(mktemp {desk.dir}/mail-XXXXXX)\ncat >$n\nprintf '%s\\n' \"$@\" >$n.words\n")
    taker.chmod(0o755)
    config = desk.config.read_text()
    desk.config.write_text(config.replace("spool:", f"notifications: {{mail: ops@loyalty.example, sendmail: {taker}}}\nspool:", 1))
    with subprocess.Popen([build / "daemon/handbackd", "--config", desk.config], stderr=subprocess.DEVNULL) as daemon:
        try:
            until(lambda: not list(waiting.glob("*.json")), 40)
        finally:
            daemon.terminate()
    mails = {}
    for path in desk.dir.glob("mail-??????"):
        mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        assert not mail.defects and set(mail.keys()) <= {"To", "Subject", "Auto-Submitted", "MIME-Version", "Content-Type"}, mail.items()
        words = path.with_suffix(".words").read_text().split()
        assert words[:2] == ["-oi", "--"] and mail["To"] == ", ".join(words[2:])
        mails[mail["Subject"].removeprefix("handback: "), words[2]] = mail
    assert {name for name, first in mails if first == "ops@loyalty.example"} == {p.stem for p in (waiting / "sent").glob("*.json")}
    listed = {name: list(mail.iter_parts()) for (name, first), mail in mails.items() if first == "finance@loyalty.example"}
    assert set(listed) == {note.stem, f"report_written-book-{FROM}", pack, "b-path", "c-long"}, "to a list that is none, nothing goes"
    report, = (p for p in (desk.dir / "reports").glob("once-*.csv"))
    text, attached = listed[note.stem]
    assert attached.get_filename() == report.name and attached.get_payload(decode=True) == report.read_bytes() and attached.get_content_type() == "text/csv"
    assert hashlib.sha256(report.read_bytes()).hexdigest() in text.get_content() and "Debit By Redemption: " in text.get_content()
    _, book = listed[f"report_written-book-{FROM}"]
    assert len(xlsx.read(book.get_payload(decode=True))["transactions"]) > 10
    _, workbook = listed[pack]
    assert workbook.get_filename() == "month-end.xlsx" and {"pack", "sign_off"} <= set(xlsx.read(workbook.get_payload(decode=True)))
    assert "longer than 10 MiB" in listed["c-long"][0].get_content() and "cannot be read" in listed["b-path"][0].get_content()
    assert len(listed["c-long"]) == len(listed["b-path"]) == 1 and "Bcc: evil" in listed["b-path"][0].get_content()
    return f"{len(mails)} mails, {len(listed)} of them to the list"

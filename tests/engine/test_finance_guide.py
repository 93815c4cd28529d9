"""docs/finance.md: each command that it shows is run, as one who only reads; and the month-end pack proves itself."""
import datetime
import hashlib
import json
import re
import shlex
import subprocess

import xlsx
from c_source import ROOT
from finance_history import answer, desk, fill  # noqa: F401  desk is a fixture

TEXT = (ROOT / "docs/finance.md").read_text(encoding="utf-8")
COMMANDS = [shlex.split(line.split(" >")[0])[1:] for line in re.findall(r"^ {4,}(handbackctl .*)$", TEXT, re.M)]


def test_each_command_of_the_guide(desk):  # noqa: F811
    assert len(COMMANDS) > 20
    fill(desk)
    answer(desk)
    # the guide's own programme: one that is unknown is refused
    desk.db.execute("INSERT INTO ledger.programme (programme_id, code, name, rate_points, rate_minor, currency) VALUES (3, 'NORTHSTAR', 'Northstar', 1, 1, 'EUR')")
    finance = ("--database", desk.database.conninfo("handback_finance"))
    for command in COMMANDS:
        assert desk.ctl(*finance, *command).stdout, command
    documented = {" ".join(c[:2]) for c in COMMANDS if c[0] == "report" and len(c) > 1 and not c[1].startswith("-")}
    assert documented == set(re.findall(r"^### handbackctl (report \S+)$", (ROOT / "docs/handbackctl.md").read_text(encoding="utf-8"), re.M))


def test_the_pack_is_proved_later(desk):  # noqa: F811
    fill(desk)
    answer(desk)
    month = datetime.date.today().strftime("%Y-%m")
    desk.config.write_text(desk.config.read_text() + "company: Example Airways\n")
    names = desk.ctl("report", "month-end", month).stdout.split()
    pack, = (desk.dir / "reports").iterdir()
    assert pack.name.startswith(f"month-end-{month}-") and {n.rsplit("/", 1)[1] for n in names} == {p.name for p in pack.iterdir()}
    assert names[-1].endswith("/MANIFEST.sha256")
    listed = dict(reversed(line.split("  ")) for line in (pack / "MANIFEST.sha256").read_text().splitlines())
    assert set(listed) == {p.name for p in pack.iterdir()} - {"MANIFEST.sha256"}
    assert all(hashlib.sha256((pack / name).read_bytes()).hexdigest() == told for name, told in listed.items())
    for report in ("roll-forward", "ageing", "reasons", "deliveries", "decisions", "trend", "points"):
        assert {f"{report}.html", f"{report}.json"} <= set(listed)
    assert not {"month-end-contents.csv", "month-end-sign_off.csv"} & set(listed)
    title = (pack / "month-end.html").read_text(encoding="utf-8")
    programmes = re.search("<dt>Programmes</dt><dd[^>]*>([^<]+)<", title)
    assert set(programmes[1].split(", ")) == {r["programme"] for r in json.loads((pack / "roll-forward.json").read_text())["roll_forward"]}
    assert title.index("Example Airways") < programmes.start() < title.index("<h1>Roll-forward of open items") < title.index("<h1>From day to day")
    book = xlsx.read((pack / "month-end.xlsx").read_bytes())
    assert {"about", "pack", "contents", "sign_off", "roll_forward", "ageing", "decided"} <= set(book) and sum(n.startswith("source") for n in book) == 1
    told = json.loads((pack / "roll-forward.json").read_text())["roll_forward"]
    assert [(r["Points"], r["Items"]) for r in xlsx.table(book["roll_forward"])] == [(r["points"], r["items"]) for r in told]
    snapshots = {json.loads((pack / name).read_text())["source"]["snapshot"] for name in listed if name.endswith(".json")}
    assert len(snapshots) == 1
    desk.ctl("audit", "verify", "--head", (pack / "HEAD").read_text().strip())
    changed = pack / "roll-forward.json"
    changed.chmod(0o640)
    changed.write_bytes(changed.read_bytes().replace(b"1", b"2", 1))
    assert subprocess.run(["sha256sum", "--status", "-c", "MANIFEST.sha256"], cwd=pack).returncode == 1


def test_no_pack_of_what_does_not_tie(desk):  # noqa: F811
    fill(desk)
    debit = desk.db.execute("SELECT redemption_id FROM ledger.redemption WHERE external_reference = %s", (desk.references["D5-0"],)).fetchone()
    desk.db.execute("SELECT ledger.post_reversals(%s)", (list(debit),))
    month = datetime.date.today().strftime("%Y-%m")
    assert "more open" in desk.ctl("report", "month-end", month, allowed=(5,)).stderr
    assert not (desk.dir / "reports").exists()


def test_what_is_no_month(desk):  # noqa: F811
    for word in ("2026-13", "2026-1", "January", "2026-01-01"):
        assert "not a month" in desk.ctl("report", "month-end", word, allowed=(2,)).stderr

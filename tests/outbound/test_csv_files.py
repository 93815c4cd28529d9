"""Systems that take nothing but files: CSV by YAML alone, whole, once, and no formula in it."""
import collections
import csv
import json
import signal
import subprocess

import pytest

from c_source import ROOT
from outbox import Outbox
from worker import Desk

CONNECTOR = (ROOT / "fixtures/connectors/files.yaml").read_text()


@pytest.fixture(scope="module")
def world(cluster, build, tmp_path_factory):
    database = cluster.database()
    folder = tmp_path_factory.mktemp("files")
    with Desk(database, build) as desk, Outbox(database, build, folder) as outbox:
        outbox.files = folder / "files"
        (outbox.files / "hr").mkdir(parents=True)
        path = folder / "hr.yaml"
        path.write_text(CONNECTOR.replace("every: 15m", "every: 1s"))
        desk.ctl("target", "add", "hr", "P", path)
        yield desk, outbox
    database.drop()


def start(outbox, *prefix):
    with open(outbox.log, "ab") as out:
        outbox.process = subprocess.Popen([*prefix, outbox.build / "outbound/handback-outbox", "--database",
                                           outbox.database.conninfo("handback_outbox"), "--credentials", outbox.credentials, "--files", outbox.files],
                                          stdin=subprocess.DEVNULL, stdout=out, stderr=out)


def rows(outbox, kind):
    """All rows of all files of a kind, in the order of their names."""
    found = []
    for path in sorted((outbox.files / "hr").glob(f"{kind}-*.csv")):
        with open(path, encoding="utf-8", newline="") as file:
            found += csv.DictReader(file, delimiter=";", strict=True)
    return found


def told(outbox):
    return outbox.query("SELECT later, held, waiting_since FROM handback.target_status WHERE name = 'hr'") == [(0, 0, None)]


@pytest.mark.parametrize("was, now, said", [
    ("files: {", "login: {kind: basic, user: a, secret: b}\nfiles: {", "login is of requests: a file has none"),
    ('file: "redemptions-"', 'file: "../redemptions-"', "what names of files begin with"),
    ('file: "redemptions-"', 'file: ".redemptions"', "what names of files begin with"),
    ('file: "redemptions-"', 'file: "log-"', "two kinds of object have files of one name"),
    ('    file: "redemptions-"', '    url: "https://hr.example/"\n    record: {a: "${state}"}', "file and url: files are a target of their own"),
    ("every: 15m", "every: 13h", "from 1s to 12h"),
    ('delimiter: ";"', 'delimiter: "ab"', "one of , ; |"),
    ('"${state}"', '"${staat}"', "a redemption has no field staat"),
    ("      member: \"${member}\"\n      version", "      read: {}\n      version", "a text with fields of ours is required"),
    ('    file: "balances-"', '    file: "balances-"\n    read: {}', "unknown key"),
])
def test_a_mistake_is_told_in_words(build, tmp_path, was, now, said):
    assert was in CONNECTOR
    path = tmp_path / "c.yaml"
    path.write_text(CONNECTOR.replace(was, now, 1))
    done = subprocess.run([build / "ctl/handbackctl", "target", "lint", path], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and said in done.stdout, done.stdout


def test_files_say_what_became_of_each_redemption(world):
    desk, outbox = world
    desk.db.execute("INSERT INTO ledger.member (programme_id, relation_reference) VALUES (1, %s)", ("=cmd|'/c calc'!A1",))
    member, = desk.query("SELECT member_id FROM ledger.member WHERE relation_reference LIKE '=cmd%%'")[0]
    desk.db.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points) VALUES (1, %s, 'Credit By Accrual', 1000)", (member,))
    desk.opening[member] = 1000
    for n in range(6):
        desk.redeem(f"R{n}", member=member if n == 0 else n, points=100 + n)
    shown = json.loads(desk.ctl("target", "show", "hr", desk.references["R0"], "--json").stdout)["requests"][0]
    assert (shown["method"], shown["url"]) == ("FILE", "redemptions-") and "'=cmd|" in shown["body"].splitlines()[1]
    assert "balances-" in desk.ctl("target", "try", "hr", desk.references["R1"]).stdout
    start(outbox)
    outbox.wait(lambda: told(outbox) and len(rows(outbox, "redemptions")) == 6)
    desk.deliver([(f"R{n}", "KO" if n % 2 else "OK", {"Points": 100 + n, "Member": f"M{n}"}) for n in range(1, 6)])
    outbox.wait(lambda: told(outbox) and len(rows(outbox, "redemptions")) == 11)
    newest = {row["reference"]: row for row in rows(outbox, "redemptions")}
    assert {key: (row["status"], row["points"]) for key, row in newest.items()} == {
        desk.references[f"R{n}"]: ("open" if n == 0 else "reversed" if n % 2 else "confirmed", str(100 + n)) for n in range(6)}
    assert newest[desk.references["R0"]]["member"] == "'=cmd|'/c calc'!A1"  # no formula; a number stays one
    assert {row["effect"] for row in rows(outbox, "log") if row["line"] == "debit"} == {str(-100 - n) for n in range(6)}
    balances = {row["member"]: int(row["points"]) for row in rows(outbox, "balances")}
    assert balances["M1"] == 1_000_000 and balances["M2"] == 1_000_000 - 102
    once = collections.Counter((row["reference"], row["version"]) for row in rows(outbox, "redemptions"))
    assert set(once.values()) == {1}
    assert not [p for p in (outbox.files / "hr").iterdir() if p.name.startswith(".")]
    assert {p.stat().st_mode & 0o7777 for p in (outbox.files / "hr").iterdir()} == {0o640}
    assert "redemptions-" in str(outbox.query("SELECT job FROM handback.delivery_job"))
    outbox.stop()


def test_a_cut_at_each_step_gives_no_row_twice_and_loses_none(world, strace):
    """Killed at each call that writes, names or notes a file; what the system has fetched meanwhile is not given again."""
    desk, outbox = world
    for path in (outbox.files / "hr").iterdir():
        path.unlink()
    wanted, fetched = set(), []
    # three files: written by two each, named by three each
    for n, (call, nth) in enumerate([("fsync", n) for n in (1, 2, 5, 7, 8, 11, 15)] + [("renameat2", n) for n in (1, 2, 3)]):
        desk.redeem(f"C{n}")
        wanted.add(desk.references[f"C{n}"])
        start(outbox, strace, "-D", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={nth}")
        assert outbox.process.wait(30) == -signal.SIGKILL
        for path in (outbox.files / "hr").glob("[a-z]*.csv"):  # the HR system fetches
            fetched.append((path.name, path.read_text(encoding="utf-8")))
            path.unlink()
    start(outbox)
    outbox.wait(lambda: told(outbox))
    outbox.stop()
    fetched += [(path.name, path.read_text(encoding="utf-8")) for path in (outbox.files / "hr").glob("[a-z]*.csv")]
    found = collections.Counter(row["reference"] for name, text in fetched if name.startswith("redemptions")
                                for row in csv.DictReader(text.splitlines(), delimiter=";", strict=True))
    assert set(found) == wanted and set(found.values()) == {1}
    logs = collections.Counter(row["id"] for name, text in fetched if name.startswith("log")
                               for row in csv.DictReader(text.splitlines(), delimiter=";", strict=True))
    assert len(logs) == len(wanted) and set(logs.values()) == {1}


def test_without_a_directory_it_waits_and_says_why(world):
    desk, outbox = world
    (outbox.files / "hr").rename(outbox.files / "away")
    desk.redeem("W")
    start(outbox)
    outbox.wait(lambda: "no directory for its files" in str(outbox.query("SELECT why FROM handback.delivery_end ORDER BY delivery_id DESC LIMIT 1")))
    (outbox.files / "away").rename(outbox.files / "hr")
    outbox.wait(lambda: told(outbox))
    assert desk.references["W"] in {row["reference"] for row in rows(outbox, "redemptions")}
    outbox.stop()


def test_what_cannot_be_written_or_named_leaves_nothing_and_replaces_nothing(world, strace):
    """A full disk, a name that is taken by a link to elsewhere: each is tried again, and no try leaves its own behind."""
    desk, outbox = world
    folder, elsewhere = outbox.files / "hr", outbox.folder / "elsewhere"
    elsewhere.write_text("kept")
    number, = outbox.query("SELECT max(delivery_id) + 1 FROM handback.delivery")[0]
    (folder / f"redemptions-{number + 1:012d}.csv").symlink_to(elsewhere)
    (folder / ".of-others-000000000001.csv.part").touch()
    desk.redeem("D")
    # the first file is written, the second is not
    start(outbox, strace, "-D", "-qq", "-o", "/dev/null", "-e", "trace=fsync", "-e", "inject=fsync:error=ENOSPC:when=3")
    outbox.wait(lambda: told(outbox))
    outbox.stop()
    whys = [why or "" for why, in outbox.query("SELECT why FROM handback.delivery_end WHERE delivery_id >= %s ORDER BY delivery_id", number)]
    assert len(whys) == 3 and "No space left" in whys[0] and "File exists" in whys[1] and whys[2] == "", whys
    assert [p.name for p in folder.iterdir() if p.name.startswith(".")] == [".of-others-000000000001.csv.part"]
    assert elsewhere.read_text() == "kept"
    found = [row["reference"] for path in folder.glob("redemptions-*.csv") if not path.is_symlink()
             for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines(), delimiter=";", strict=True)]
    assert found.count(desk.references["D"]) == 1

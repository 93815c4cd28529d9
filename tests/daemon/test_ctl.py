"""handbackctl: help, exit statuses, formats, widths, colours, hostile names, reports, dry runs."""
import csv
import fcntl
import hashlib
import html.parser
import io
import json
import os
import pathlib
import pty
import re
import select
import struct
import subprocess
import termios
import time
import unicodedata

import pytest

from ctl_terminal import on_terminal
from world import CTL, ROOT, World

LISTS = [["files"], ["holds"], ["overdue"], ["report", "--all"], ["transactions"], ["report", "roll-forward"],
         ["report", "roll-forward", "--rows", "confirmed"], ["audit", "head"], ["proposals"], ["show", "1"],
         ["show", "1", "--records"], ["show", "2"], ["explain", "1:1"], ["hold", "show", "1"]]


@pytest.fixture(scope="module")
def world(cluster, build):
    """A posted file with holds, a refused one, one delivered twice, one with a name that means harm."""
    with World(cluster, build) as made:
        name, data = made.file("SKYLINE", made.unusual())
        made.drop("SKYLINE", name, data)
        made.run()
        made.drop("MERIDIAN", *made.file("MERIDIAN", break_totals=1))
        made.drop("AURORA", *made.file("AURORA"))
        made.run()
        made.drop("SKYLINE", name, data)
        made.run()
        odd = made.inbound["SKYLINE"] / "=cmd|' '!A1 <script>alert(1)<script>\x1b[31m.csv"
        odd.write_bytes(data + b"\n")
        made.run()
        yield made


def ctl(build, *arguments, **environment):
    return subprocess.run([build / CTL, *map(str, arguments)], text=True, capture_output=True, stdin=subprocess.DEVNULL,
                          env={**os.environ, "LC_ALL": "C.UTF-8", **environment})


def commands(build):
    """The names of all commands, from the overview."""
    text = ctl(build, "--help").stdout
    return re.findall(r"^  ([a-z]+(?: [a-z]+)?)  +\S", text.split("Options of every command")[0], re.M)


# help

def test_every_command_helps_and_shows_an_example(build):
    names = commands(build)
    assert {"files", "show", "explain", "holds", "report", "audit verify", "run", "try", "migrate", "check"} <= set(names)
    for name in names:
        done = ctl(build, *name.split(), "--help")
        assert done.returncode == 0 and done.stderr == ""
        assert done.stdout.startswith(f"handbackctl {name}: ")
        assert f"\nExample\n  handbackctl {name}" in done.stdout
        assert all(len(line) <= 120 for line in done.stdout.splitlines()), name
        assert ctl(build, "help", *name.split()).stdout == done.stdout


def test_the_reference_is_what_the_program_says(build):
    text = (ROOT / "docs/handbackctl.md").read_text(encoding="utf-8")
    assert text == ctl(build, "help", "--all").stdout, "docs/handbackctl.md: write it again with handbackctl help --all"


def test_the_reference_has_every_exit_status(build):
    header = (ROOT / "lib/base/exit_codes.h").read_text()
    text = (ROOT / "docs/handbackctl.md").read_text(encoding="utf-8")
    for number in re.findall(r"EXIT_\w+ = (\d)", header):
        assert re.search(rf"^\| {number} \| ", text, re.M)


@pytest.mark.parametrize("typed, hint", [(["reprot"], "report"), (["audit", "verfy"], "audit verify"), (["explian", "x"], "explain")])
def test_an_unknown_command_gets_the_nearest(build, typed, hint):
    done = ctl(build, *typed)
    assert done.returncode == 2 and f"did you mean `handbackctl {hint}" in done.stderr


def test_half_a_command_shows_the_other_halves(build):
    done = ctl(build, "hold")
    assert done.returncode == 2 and re.search(r"hold what\? .*\bpropose\b.* or \w+; `handbackctl hold COMMAND --help`", done.stderr), done.stderr
    assert "verify" in ctl(build, "audit").stderr


def test_an_unknown_option_gets_the_nearest_that_the_command_takes(build):
    for typed, near in ((("holds", "--partnr", "X"), "--partner"), (("show", "1", "--recrods"), "--records"), (("--jsn", "files"), "--json"),
                        (("holds", "--resaon=gap"), "--reason")):
        done = ctl(build, *typed)
        assert done.returncode == 2 and f"did you mean {near}? `handbackctl" in done.stderr, done.stderr
    assert "did you mean" not in ctl(build, "files", "--no-such-thing").stderr


@pytest.mark.parametrize("typed", [["show"], ["show", "1", "2"], ["files", "--no-such"], ["files", "--limit", "x"],
                                   ["files", "--from", "2026-02-30"], ["report", "--from", "2026-02-02", "--to", "2026-02-01"],
                                   ["--format", "xml", "files"], ["files", "--config"], ["xyzzy"],
                                   ["--config", "/nonexistent/handback.yaml", "files"]])
def test_a_wrong_call_ends_with_2_and_says_why(build, typed):
    done = ctl(build, *typed)
    assert done.returncode == 2 and done.stdout == "" and done.stderr.startswith("handbackctl: ")


def test_a_database_that_is_not_there_ends_with_6(build):
    done = ctl(build, "--database", "host=/nonexistent user=x", "files")
    assert done.returncode == 6 and "handbackctl: " in done.stderr


# formats

def of(world):
    return world.build / CTL, "--config", world.config


@pytest.mark.parametrize("command", LISTS, ids=" ".join)
def test_json_is_json_and_nothing_else_is_said(world, command):
    done = world.ctl(*command, "--json")
    said = json.loads(done.stdout)
    assert isinstance(said, dict) and said and done.stderr == ""


def columns(text):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


@pytest.mark.parametrize("width", [80, 100, 120, 200])
@pytest.mark.parametrize("command", LISTS, ids=" ".join)
def test_tables_fit_the_terminal(world, command, width):
    for line in on_terminal(*of(world), *command, width=width, NO_COLOR="1")[0].splitlines():
        assert columns(line) <= width, line
        assert line == line.rstrip()


def test_what_is_left_out_is_named(world):
    assert "not shown for want of width: " in on_terminal(*of(world), "files", width=60)[0]


def test_a_pipe_gets_everything(world):
    """Whatever a shell or a test runner put into the environment: a file has no width."""
    text = world.ctl("files", COLUMNS="60").stdout
    assert "…" not in text and "not shown" not in text


def test_colours_are_for_terminals_without_no_color(world):
    text, status = on_terminal(*of(world), "files")
    assert status == 0 and "\x1b[32mposted\x1b[0m" in text
    assert "\x1b[" not in on_terminal(*of(world), "files", NO_COLOR="1")[0]
    assert "\x1b[" not in on_terminal(*of(world), "files", TERM="dumb")[0]
    assert "\x1b[" not in world.ctl("files", NO_COLOR="").stdout


def test_the_terminal_s_own_width_counts(world):
    text = re.sub(r"\x1b\[[0-9;]*m", "", on_terminal(*of(world), "files", width=72)[0])
    assert max(columns(line) for line in text.splitlines()) <= 72


def test_a_reader_that_has_enough_is_no_error(world):
    done = subprocess.run(f'"{world.build / CTL}" --config "{world.config}" report --all --format html | head -c 10',
                          shell=True, capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == ""


class Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self.attributes = [], "", []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text += data


def test_a_hostile_name_harms_no_format(world):
    page = Page(world.ctl("report", "--all", "--format", "html").stdout)
    assert "script" not in page.tags and "<script>alert(1)<script>" in page.text
    assert not [a for a in page.attributes if a[0].startswith("on") or a[0] == "style" or "http:" in (a[1] or "")]
    assert "\x1b" not in page.text
    text = world.ctl("files").stdout
    assert "\x1b" not in text and "\\x1b[31m" in text
    for row in csv.reader(io.StringIO(world.ctl("files", "--format", "csv").stdout)):
        assert all(cell == "" or cell[0] not in "=+@\t\r" for cell in row), row


def test_the_page_may_run_nothing_and_only_its_own_style(world):
    text = world.ctl("report", "--all", "--format", "html").stdout
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    style = re.search(r"<style>(.*?)</style>", text, re.S)[1]
    import base64
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert not re.search(r"https?://|src=|@import|url\(", text)


def test_csv_numbers_stay_numbers(world):
    rows = list(csv.DictReader(io.StringIO(world.ctl("report", "--all", "--format", "csv", "--table", "points").stdout)))
    assert rows and all(re.fullmatch(r"-?\d+", row["confirmed"]) for row in rows)
    done = world.ctl("report", "--all", "--format", "csv", "--table", "nothing", check=False)
    assert done.returncode == 2


@pytest.mark.parametrize("width", [80, 120])
def test_profiles_are_shown_and_linted(build, width):
    profiles = sorted((ROOT / "fixtures/profiles").glob("*.yaml"))
    for path in profiles:
        text, status = on_terminal(build / CTL, "profile", "show", path, width=width, errors=subprocess.DEVNULL,
                                   NO_COLOR="1")
        assert status == 0 and text and all(columns(line) <= width for line in text.splitlines())
    done = ctl(build, "profile", "lint", *profiles, "--json")
    assert done.returncode == 0 and len(json.loads(done.stdout)["profiles"]) == len(profiles)


def test_mistakes_in_a_profile_are_told_with_their_place(build, tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("profile: bad\npartner: X\nformat: delimted\nrecord:\n  a: b\n")
    done = ctl(build, "profile", "lint", path)
    assert done.returncode == 2
    assert f"{path}:3:9: format: " in done.stdout and f"{path}:4:1: record: " in done.stdout
    assert ctl(build, "profile", "lint", tmp_path / "missing.yaml").returncode == 2


# the report

def test_records_in_are_the_sum_of_the_outcomes(world):
    said = json.loads(world.ctl("report", "--all", "--json").stdout)
    outcomes = ("confirmed", "reversed", "already_applied", "duplicate_record", "informational", "held", "not_processed")
    assert len(said["files"]) == 5
    for row in said["files"]:
        assert row["records"] == sum(row[k] for k in outcomes) and row["difference"] == 0
    [again] = said["duplicates"]
    assert again["postings"] == 0 and again["duplicate_of"] == 1
    bad = [c for c in said["controls"] if c["agrees"] != "ok"]
    assert bad and all(c["stated"] != c["counted"] and c["difference"] == c["counted"] - c["stated"] for c in bad)
    assert said["summary"]["difference"] == 0 and said["source"]["head_no"] == 5


def test_the_report_is_what_the_ledger_has(world):
    said = json.loads(world.ctl("report", "--all", "--json").stdout)
    reversals, points = world.query("SELECT count(*), coalesce(sum(points), 0) FROM ledger.entry"
                                    " WHERE category = 'Redemption Reversal'")[0]
    assert sum(row["reversals"] for row in said["points"]) == reversals
    assert sum(row["ledger_points"] for row in said["points"]) == points == said["summary"]["reversed_points"]
    assert sum(row["reversed_points"] for row in said["partners"]) == points


def test_scopes(world):
    one = json.loads(world.ctl("report", "--partner", "AURORA", "--json").stdout)
    assert {row["partner"] for row in one["files"]} == {"AURORA"}
    one = json.loads(world.ctl("report", "--file", "1", "--json").stdout)
    assert [row["file"] for row in one["files"]] == [1]
    assert json.loads(world.ctl("report", "--to", "2001-01-01", "--json").stdout)["files"] == []


def test_no_report_when_the_two_sums_differ(world):
    copy = world.database.copy()
    try:
        with copy.connect() as c:
            c.execute("SET session_replication_role = replica")
            c.execute("UPDATE handback.tie_out SET points = points + 1 WHERE outcome = 1 AND file_id = 1")
        done = world.ctl("--database", copy.conninfo(), "report", "--all", check=False)
        assert done.returncode == 5 and done.stdout == "" and "file 1" in done.stderr and "no report" in done.stderr
    finally:
        copy.drop()


def test_kept_reports_are_whole_immutable_and_hashed(world):
    written = [pathlib.Path(line) for line in world.ctl("report", "--all", "--write").stdout.split()]
    again = [pathlib.Path(line) for line in world.ctl("report", "--all", "--write").stdout.split()]
    assert not set(written) & set(again)
    assert {p.suffix for p in written} == {".html", ".json", ".csv", ".sha256"}
    for path in written:
        assert path.parent == world.dir / "reports" and path.stat().st_mode & 0o777 == 0o440
    [sums] = [p for p in written if p.suffix == ".sha256"]
    assert subprocess.run(["sha256sum", "-c", "--quiet", sums.name], cwd=sums.parent).returncode == 0
    assert len(sums.read_text().splitlines()) == len(written) - 1


# one redemption, one record

def test_explain_shows_the_bytes_of_the_answer(world):
    row = world.query("SELECT d.external_reference::text, o.record_no, o.byte_offset, o.byte_length, f.archived_as"
                      "  FROM handback.outcome o JOIN handback.file f USING (file_id)"
                      "  JOIN ledger.redemption d USING (redemption_id) WHERE o.outcome = 2 AND f.file_id = 1 LIMIT 1")[0]
    reference, record, offset, length, kept = row
    data = (world.spool / kept).read_bytes()[offset:offset + length]
    said = json.loads(world.ctl("explain", reference, "--json").stdout)["events"]
    [answer] = [e for e in said if e["record"] == record and e["content"]]
    assert answer["content"].encode().decode("unicode_escape").encode("latin-1") == data
    assert answer["outcome"] == "reversed" and answer["file"] == 1
    assert [e["what"] for e in said][0] == "points debited from the member"
    assert any("credited" in e["what"] for e in said) and any("covered by audit head" in e["what"] for e in said)
    same = world.ctl("explain", f"1:{record}", "--json").stdout
    assert reference in world.ctl("explain", reference).stdout and json.loads(same)["events"]


def test_explain_of_nothing(world):
    for reference in ("00000000-0000-0000-0000-000000000000", "no such", "1:99999", "x:y"):
        assert world.ctl("explain", reference, check=False).returncode == 2


def test_files_are_found_by_number_hash_and_name(world):
    sha, name = world.query("SELECT encode(sha256, 'hex'), name_shown FROM handback.file WHERE file_id = 3")[0]
    for said in ("3", sha[:12], name):
        assert json.loads(world.ctl("show", said, "--json").stdout)["file"]["file"] == 3
    assert world.ctl("show", "no such file", check=False).returncode == 2


# without effect, and all that is due

STATE = ("SELECT (SELECT count(*) FROM handback.file), (SELECT count(*) FROM handback.outcome),"
         " (SELECT count(*) FROM ledger.entry), (SELECT count(*) FROM audit.head), (SELECT count(*) FROM handback.partner)")


def test_try_changes_nothing_and_tells_what_would_be(cluster, build):
    with World(cluster, build) as world:
        name, data = world.file("SKYLINE")
        path = world.dir / name
        path.write_bytes(data)
        before = world.query(STATE)
        done = world.ctl("try", path, "--partner", "SKYLINE", "--all", "--json", check=False)
        assert done.returncode in (0, 3), done.stderr
        told = json.loads(done.stdout)
        assert world.query(STATE) == before
        assert not any(p.is_file() for p in world.spool.rglob("*")) if world.spool.exists() else True
        world.drop("SKYLINE", name, data)
        world.run()
        got = world.query("SELECT n.name, count(*) FROM handback.outcome JOIN handback.outcome_name n USING (outcome)"
                          " GROUP BY 1 ORDER BY 1")
        assert sorted((o["outcome"], o["records"]) for o in told["outcomes"]) == got
        assert told["result"]["records"] == sum(n for _, n in got) == len(told["records"])
        # once more it would be what it is when it is delivered once more; other bytes of the same number are another file
        before = world.query(STATE)
        done = world.ctl("try", path, "--partner", "SKYLINE", "--json")
        again = json.loads(done.stdout)["result"]
        assert (again["state"], again["reason"], again["why"]) == ("duplicate", None, "the same file came before, as file 1: nothing would be posted")
        path.write_bytes(data + b"\n")
        assert json.loads(world.ctl("try", path, "--partner", "SKYLINE", "--json", check=False).stdout)["result"]["state"] == "held"
        assert world.query(STATE) == before


def test_try_shows_the_bytes_and_what_is_no_longer_as_expected(cluster, build):
    with World(cluster, build) as world:
        name, data = world.file("SKYLINE")
        path, kept = world.dir / name, world.dir / "expected.json"
        path.write_bytes(data)

        def differences(expected):
            kept.write_text(json.dumps(expected))
            done = world.ctl("try", path, "--partner", "SKYLINE", "--diff", kept, "--json", check=False)
            assert done.returncode in (0, 5), done.stderr
            found = json.loads(done.stdout)["differences"]
            assert (done.returncode == 5) == bool(found)
            return [(d["table"], d["row"], d["value"], d["expected"], d["got"]) for d in found]

        told = json.loads(world.ctl("try", path, "--partner", "SKYLINE", "--all", "--json", check=False).stdout)
        lines = data.decode().splitlines()
        for record in told["records"]:
            raw = data[record["byte_offset"]:record["byte_offset"] + record["byte_length"]]
            assert raw.decode() in lines
            assert record["as_written"].encode().decode("unicode_escape").encode("latin-1") == raw
        assert differences(told) == []
        other = json.loads(json.dumps(told))
        other["records"][2]["points"] += 1
        other["records"][3]["outcome"] = "nothing"
        gone = other["records"].pop(5)
        other["records"].append({**gone, "record": 100000})
        other["result"]["records"] = 7
        assert differences(other) == [
            ("result", None, "records", "7", str(told["result"]["records"])),
            ("records", "3", "points", str(told["records"][2]["points"] + 1), str(told["records"][2]["points"])),
            ("records", "4", "outcome", "nothing", told["records"][3]["outcome"]),
            ("records", str(gone["record"]), None, None, "a row"),
            ("records", "100000", None, "a row", None)]
        # by hand one writes less
        assert differences({"records": [{"record": r["record"], "points": r["points"]} for r in told["records"]]}) == []
        for text in ("", "[]", "{", '{"a": 1}}'):
            kept.write_text(text)
            done = world.ctl("try", path, "--partner", "SKYLINE", "--diff", kept, check=False)
            assert done.returncode == 2 and "not what `handbackctl try --json` writes" in done.stderr


def test_try_of_a_bad_file_says_why(cluster, build):
    with World(cluster, build) as world:
        name, data = world.file("MERIDIAN", break_totals=1)
        path = world.dir / name
        path.write_bytes(data)
        done = world.ctl("try", path, "--partner", "MERIDIAN", "--json", check=False)
        told = json.loads(done.stdout)
        assert done.returncode == 3 and told["result"]["state"] == "held"
        assert any(not c["agrees"] for c in told["controls"])
        assert world.ctl("try", path, check=False).returncode == 2
        assert world.ctl("try", world.dir / "missing", "--partner", "SKYLINE", check=False).returncode == 2
        assert world.ctl("try", path, "--partner", "NOBODY", check=False).returncode == 2


def test_run_tells_clean_and_held(cluster, build):
    with World(cluster, build) as world:
        assert world.ctl("run").returncode == 0
        world.drop("MERIDIAN", *world.file("MERIDIAN", break_totals=1))
        assert world.ctl("run", check=False).returncode == 3


# a site

def test_status(cluster, build):
    with World(cluster, build) as world:
        done = world.ctl("status", check=False)
        assert done.returncode == 6 and "no handbackd answers" in done.stderr
        world.start_daemon()
        said = json.loads(world.ctl("status", "--json").stdout)
        assert {s["partner"] for s in said["sources"]} == {"SKYLINE", "MERIDIAN", "AURORA"}
        assert said["daemon"]["pid"] == world.daemons[-1].pid or int(said["daemon"]["pid"]) == world.daemons[-1].pid
        assert "skyline" in world.ctl("status").stdout


def test_status_tells_what_waits_and_what_is_due(cluster, build):
    with World(cluster, build) as world:
        world.query("INSERT INTO handback.expected_delivery (source, kind, day, zone, opens_at, due_at, late_at, files) VALUES"
                    " ('skyline', 'daily', current_date, 'UTC', now() - interval '1 day', now() + interval '1 hour',"
                    " now() + interval '2 hours', 1) RETURNING expected_delivery_id")
        world.drop("MERIDIAN", *world.file("MERIDIAN", break_totals=1))
        world.start_daemon()
        world.wait_quiet()
        said = json.loads(world.ctl("status", "--json").stdout)
        assert [(h["partner"], h["reason"], h["holds"]) for h in said["holds"]] == [("MERIDIAN", "control_total", 1)]
        assert [(d["source"], d["kind"], d["state"]) for d in said["due"]] == [("skyline", "daily", "due")]
        world.configure(conninfo="host=/nonexistent")
        done = world.ctl("status")
        assert "the database could not be asked" in done.stdout and "skyline" in done.stdout and "/nonexistent" in done.stderr


class Watching:
    """A command on a terminal of its own, and what is to be seen there."""

    def __init__(self, world, *command, height=60, width=100):
        self.master, self.slave = pty.openpty()
        self.size(height, width)
        self.before = termios.tcgetattr(self.slave)
        self.data = b""

        def take_terminal():
            os.setsid()
            fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)
        env = {**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8"}
        self.process = subprocess.Popen([world.build / CTL, "--config", world.config, *command], stdin=self.slave,
                                        stdout=self.slave, stderr=self.slave, env=env, preexec_fn=take_terminal)

    def size(self, height, width):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def until(self, condition, what):
        deadline = time.monotonic() + 30
        while not condition(self.data):
            assert time.monotonic() < deadline, f"waited for {what}: {self.data[-3000:]}"
            if select.select([self.master], [], [], 0.2)[0]:
                try:
                    self.data += os.read(self.master, 65536)
                except OSError:
                    return

    def pictures(self):
        """What was drawn, picture by picture, as lines without colours."""
        return [[re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line) for line in picture.split("\r\n")]
                for picture in re.findall(r"\x1b\[H(.*?)\x1b\[J", self.data.decode(errors="replace"), re.S)]

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)


def test_status_watch(cluster, build):
    with World(cluster, build) as world:
        world.start_daemon()
        seen = Watching(world, "status", "--watch")
        try:
            seen.until(lambda data: len(seen.pictures()) >= 2, "two pictures")
            assert seen.data.startswith(b"\x1b[?1049h\x1b[?25l")
            world.drop("MERIDIAN", *world.file("MERIDIAN", break_totals=1))
            seen.until(lambda data: any("control_total" in line for line in seen.pictures()[-1]), "the hold")
            # another size is taken up, and nothing is drawn beyond it
            seen.size(12, 50)
            drawn = len(seen.pictures())
            seen.until(lambda data: len(seen.pictures()) > drawn + 1, "pictures of the new size")
            assert len(seen.pictures()[-1]) <= 12 and max(map(len, seen.pictures()[-1])) <= 50
            # a daemon that goes is told, and that it is back
            world.stop_daemon()
            seen.until(lambda data: "no handbackd answers" in seen.pictures()[-1][0], "the daemon's absence")
            world.start_daemon()
            seen.until(lambda data: "no handbackd answers" not in seen.pictures()[-1][0], "its return")
            os.write(seen.master, b"\x03")
            assert seen.process.wait(10) == 0
            seen.until(lambda data: data.endswith(b"\x1b[?25h\x1b[?1049l"), "the terminal as it was")
            assert termios.tcgetattr(seen.slave) == seen.before
        finally:
            seen.close()


def test_check_finds_what_is_wrong(cluster, build):
    with World(cluster, build) as world:
        done = world.ctl("check", "--json", check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        world.inbound["AURORA"].rmdir()
        done = world.ctl("check", "--json", check=False)
        wrong = [c for c in json.loads(done.stdout)["checks"] if c["state"] == "error"]
        assert done.returncode == 2 and [c["what"] for c in wrong] == ["source aurora"]


def test_check_looks_after_what_goes_back(cluster, build):
    """Rejects that have nowhere to go, a directory that is not there, two answers of one name: each with its place."""
    def findings(world):
        done = world.ctl("check", "--json", check=False)
        said = [c for c in json.loads(done.stdout)["checks"] if c["what"] == "source aurora" and c["state"] != "ok"]
        return done.returncode, [(c["state"], c["detail"]) for c in said]

    with World(cluster, build) as world:
        names = [line.split()[-1] for line in world.config.read_text().splitlines() if "- name:" in line]
        number = names.index("aurora")
        place = f"sources[{number}]"
        assert findings(world) == (0, [])
        profile = world.want_rejects("AURORA", "{name: '{name}.ack'}")
        code, ((state, why),) = findings(world)
        assert code == 0 and state == "warning" and f"{place} in {world.config}" in why and str(profile) in why
        text, inbound = world.config.read_text(), f"    directory: {world.inbound['AURORA']}\n"
        answers = world.dir / "answers"
        world.config.write_text(text.replace(inbound, f"{inbound}    answers: {answers}\n"))
        code, ((state, why),) = findings(world)
        assert code == 2 and state == "error" and f"{place}.answers" in why and f"{answers}: No such file" in why
        answers.mkdir()
        assert findings(world) == (0, [])
        server = 'host: h, user: u, key: /k, host_keys: ["SHA256:' + "a" * 43 + '"]'
        for answer, expected in (('answer: "{state}"', 2), ('answer: "{state}", answer_name: "{name}.ok"', 0),
                                 ("answer_name: '{name}.ack'", 0)):
            world.config.write_text(text.replace(inbound, f"    sftp: {{{server}, {answer}}}\n"))
            code, found = findings(world)
            assert code == expected and bool(found) == bool(expected), (answer, found)
            for state, why in found:
                assert state == "error" and f"{place}.sftp.answer_name in {world.config}" in why
                assert f"answer.rejects.name in {profile} are both {{name}}.ack" in why


def test_migrate_an_empty_database_and_again(cluster, build):
    database = cluster.database(migrated=False)
    try:
        assert ctl(build, "--database", database.conninfo(), "files").returncode == 6
        said = json.loads(ctl(build, "--database", database.conninfo(), "migrate", "--json").stdout)
        assert [m["version"] for m in said["migrations"]] == list(range(1, len(said["migrations"]) + 1))
        done = ctl(build, "--database", database.conninfo(), "migrate")
        assert done.returncode == 0 and "up to date" in done.stdout
        assert "no files" in ctl(build, "--database", database.conninfo(), "files").stdout
        with database.connect() as c:
            c.execute("UPDATE handback_schema.migration SET sha256 = sha256('x') WHERE version = 2")
        for command in ("files", "migrate", "report"):
            assert ctl(build, "--database", database.conninfo(), command).returncode == 6
    finally:
        database.drop()


def test_each_login_needs_a_role(cluster, build, database):
    with cluster.connect() as c:
        c.execute("DROP ROLE IF EXISTS nobody_special")
        c.execute("CREATE ROLE nobody_special LOGIN")
    try:
        done = ctl(build, "--database", database.conninfo("nobody_special"), "files")
        assert done.returncode == 6 and "member of handback_finance or" in done.stderr
        assert ctl(build, "--database", database.conninfo("handback_finance"), "files").returncode == 0
        done = ctl(build, "--database", database.conninfo("handback_finance"), "hold", "comment", "1", "x")
        assert done.returncode == 6
    finally:
        with cluster.connect() as c:
            c.execute("DROP ROLE nobody_special")

"""`./dev demo`, as somebody new would run it: with a database of its own, by the daemon."""
import csv
import html
import os
import pathlib
import re
import subprocess
import urllib.parse
import urllib.request

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def demo(build, tmp_path_factory):
    """(what it printed, its folder); the folder is reachable for the database's user."""
    home = pathlib.Path(f"/var/tmp/handback-demo-test.{os.getpid()}")
    run = subprocess.Popen([ROOT / "dev", "demo", "--keep"], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                           env={**os.environ, "HANDBACK_BUILD": str(build), "HANDBACK_DEMO": str(home),
                                "NO_COLOR": "1", "LC_ALL": "C.UTF-8"})
    said = ""
    try:
        while "# names the balance" not in said:
            line = run.stdout.readline()
            assert line, said[-3000:]
            said += line
        said += try_it(said)
    finally:
        run.terminate()
    said += run.communicate(timeout=60)[0]
    assert run.returncode == 0, said[-3000:]
    yield said, home
    subprocess.run(["rm", "-rf", home], check=True)


def try_it(said):
    """What it offers while it runs: it answers, and a digit that is changed is found."""
    answers = []
    for command in re.findall(r"^  (.*)$", said.split("in another terminal:")[1], re.M):
        done = subprocess.run(["sh", "-c", command], cwd=ROOT, text=True, capture_output=True, timeout=60)
        assert done.returncode == (5 if "names the balance" in command else 0), (command, done)
        answers.append(done.stdout + done.stderr)
    assert "handbackd is" in answers[0] and '"openapi"' in answers[1] and re.search("member 7 has a balance of", answers[4]), answers
    links = re.findall(r"http://127\.0\.0\.1:\d+/login\?code=\S+", said + answers[2])
    assert len(links) == 3, said
    for link in links:
        with urllib.request.urlopen(link, timeout=30) as page:
            assert "Log in with this link?" in page.read().decode(), link
    follow(links[-1])
    return "".join(answers)


def follow(link):
    """Every link of the pages that the menu has answers."""
    base, _, path = link.partition("/login?code=")
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    browser.addheaders = [("Sec-Fetch-Site", "same-origin"), ("Origin", base)]
    first = browser.open(base + "/login", urllib.parse.urlencode({"code": path}).encode(), timeout=30).read().decode()

    def found(text):
        return {html.unescape(href) for href in re.findall(r'<a [^>]*href="(/[^"]*)"', text)}
    menu, leaves = found(first), set()
    assert {"/points", "/files", "/holds"} <= menu, first
    for href in sorted(menu):
        leaves |= found(browser.open(base + href, timeout=30).read().decode())
    # of those that differ in a number or value alone, the first
    kinds = {re.sub(r"\d+|=[^&]*", "#", href): href for href in sorted(leaves - menu, reverse=True)}
    for href in kinds.values():
        assert browser.open(base + href, timeout=30).status == 200, href
    assert len(kinds) > 15, kinds


def test_it_shows_the_report_and_the_proof(demo):
    said, _ = demo
    for word in ("SKYLINE", "MERIDIAN", "AURORA", "POLARIS", "duplicate", "held", "control_total", "Confirmed", "Reversed"):
        assert word in said, f"{word} is not in what the demo prints:\n{said}"
    assert "8,007,200" in said and "8,007,100" in said, "both totals of the refused file are shown"
    assert "\x1b" not in said, "no colours without a terminal"


def test_a_system_is_told(demo):
    said, home = demo
    told = list(csv.DictReader((home / "told/told.csv").open(encoding="utf-8")))
    assert {"confirmed", "reversed", "held", "open"} <= {row["state"] for row in told}
    assert re.search(r"^2\S+,[0-9a-f-]{36},\d+,reversed$", said, re.M), "the redemption by the API, as the told system has it"


def test_a_shop_takes_points_and_gives_them_back(demo):
    said = demo[0].split("A shop: one tap")[1].split("Points requests: two deals")[0]
    assert '"points": "' in said and re.search(r"Debit By Redemption\s+500\s.*\b4711\b", said) and re.search(r"Redemption Reversal\s+700\s.*\b4712\b", said), said


def test_points_go_at_once_and_by_a_file_that_rejects_them(demo):
    said = demo[0].split("Points requests: two deals")[1].split("look further")[0]
    assert re.search(r"REQUESTS_\d{8}_000001\.csv\n  HEADER,1,", said) and re.findall(r",(SK123456\d),(\d+),Closed Won$", said, re.M) == [
        ("SK1234562", "2000")], said
    assert re.search(r"^  reference,account,points\n  \S+,OR1234561,1000$", said, re.M), said
    assert re.search(r"deal-2-won .*reversed", said) and re.search(r"deal-1-won .*credited", said) and '"state": "reversed"' in said, said
    for words in ("asked for by deals: deal-2-won", "sent to the partner in a request file", "points credited to the member by the reversal", "closed at zero"):
        assert words in said, said


def test_links_open_the_pages(demo):
    said = demo[0].split("The pages")[1].split("look further")[0]
    links = re.findall(r"^  (ann|ben)  http://127\.0\.0\.1:\d+/login\?code=([0-9a-f]+)\.[0-9a-f]{64}$", said, re.M)
    assert [(name, bytes.fromhex(person).decode()) for name, person in links] == [("ann", "ann"), ("ben", "ben")]


def test_the_reports_lie_where_it_says(demo):
    said, home = demo
    reports = list((home / "reports").rglob("*"))
    kinds = {p.suffix for p in reports}
    assert {".html", ".csv", ".json", ".sha256"} <= kinds, reports
    assert any(str(p) in said or p.name in said for p in reports if p.suffix == ".html")
    for path in reports:
        if path.suffix == ".csv":
            assert len(list(csv.reader(path.open(encoding="utf-8")))) >= 1


def test_the_commands_to_look_further_work(demo):
    said, home = demo
    commands = re.findall(r"^  (\S+handbackctl .*|cat .*)$", said.split("look further")[1], re.M)
    assert len(commands) >= 3, said
    for command in commands:
        done = subprocess.run(["sh", "-c", command], cwd=ROOT, text=True, capture_output=True, timeout=60)
        assert done.returncode in (0, 3), f"{command}: {done.stdout}{done.stderr}"
        assert done.stdout.strip()


def test_nothing_is_left_running(demo):
    _, home = demo
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            command = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        assert str(home) not in command, f"still there: {command}"

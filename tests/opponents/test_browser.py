"""The pages in a real browser: Debian's chromium, driven by Playwright, with axe and html-validate as judges of each page.

HANDBACK_PICTURES=docs/pictures takes the pictures of docs/finance.md. The suite looks at one page of each kind. HANDBACK_SCREENS=FOLDER looks at all of them, and keeps a picture of each to look at.
"""
import json
import os
import pathlib
import subprocess

import pytest

import opponents
import web
import world as worlds
from case_table import case

pytestmark = pytest.mark.all_only
HERE = pathlib.Path(__file__).resolve().parent
# what somebody may do decides what their pages have; the first two operators are one who proposes and one who approves
PEOPLE = {"ann": "handback_operator", "ben": "handback_operator", "fin": "handback_finance", "aud": "handback_finance"}
HOSTILE = "\"><img src=x onerror=injected=1><script>injected=1<script>"
SCREENS = os.environ.get("HANDBACK_SCREENS")
# a phone; 1280 pixels at 200 %; a sheet of A4, across
LOOKS = [[[1280, 800], "light"], [[390, 844], "dark"], [[640, 400], "light"], [[1032, 700], "light", "print"]]


@pytest.fixture(scope="module")
def chromium():
    return opponents.chromium()


@pytest.fixture(scope="module")
def world(cluster, build):
    with worlds.World(cluster, build) as made:
        made.drop("SKYLINE", *made.file("SKYLINE", made.unusual()))
        made.drop("MERIDIAN", HOSTILE, made.file("MERIDIAN", break_totals=1)[1])
        made.run()
        with made.database.connect() as c:
            c.execute("SELECT handback.add_target('crm', (SELECT min(code) FROM ledger.programme), 'connector')")
        yield made


@pytest.fixture(scope="module")
def pages(world):
    with web.Web(world) as made:
        yield made


def browse(chromium, script, told):
    done = subprocess.run(["node", HERE / script], input=json.dumps({"chromium": chromium, **told}), cwd=opponents.folder(), capture_output=True,
                          text=True, timeout=600, env={**os.environ, "HOME": "/tmp"})
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def every_page(world):
    hold, = world.query("SELECT min(hold_id) FROM handback.hold WHERE redemption_id IS NOT NULL")[0]
    file, = world.query("SELECT file_id FROM handback.file WHERE state = 'posted' LIMIT 1")[0]
    kinds = ["/", f"/files/{file}", f"/explain?reference={file}%3A1", "/holds", f"/holds/{hold}", "/proposals/1", "/reports/ageing", "/marketplace", "/try"]
    more = ["/files", "/holds?state=ended", "/proposals", "/reports", "/reports/reconciliation", "/reports/overdue", "/reports/roll-forward", "/reports/reasons",
            "/reports/deliveries", "/reports/decisions", "/reports/trend", "/reports/transactions", "/month-end?month=2026-01", "/partners", "/partners/SKYLINE", "/points", "/targets", "/credentials", "/audit",
            "/people"]
    return kinds + (more + ["/holds?reason=points_mismatch", "/targets/crm"] if SCREENS else [])


@case("pages: walked by a real browser as four people, judged by axe and html-validate")
def test_every_page_is_fit_for_everybody(chromium, world, pages):
    ann = pages.person("ann")
    hold, = world.query("SELECT min(hold_id) FROM handback.hold WHERE reason = 'member_mismatch'")[0]
    ann.send(ann.get(f"/holds/{hold}"), "/holds/propose", hold=hold, decision="close", why=HOSTILE, accept_difference="yes")
    every = every_page(world)
    to_try = world.dir / "SKYLINE_20261118_000002.csv"
    to_try.write_bytes(world.file("SKYLINE", world.unusual(), sequence=2)[1].replace(b",CONFIRMED,", b"," + HOSTILE.replace('"', "").encode() + b",", 1))
    people = []
    for name, role in reversed(PEOPLE.items()):  # a link is good for five minutes: who sees every page goes last
        pages.role(name, role)
        people.append({"name": name, "link": pages.link(name), "pages": every if name == "ann" else every[4:5], "axe": name == "ann"})
    found = browse(chromium, "browse.mjs", {"base": pages.on_loopback(), "people": people, "looks": LOOKS, "again": every if SCREENS else every[3:5], "screens": SCREENS,
                                             "file": str(to_try)})
    assert {(f["person"], f["path"]) for f in found} == {(p["name"], path) for p in people for path in p["pages"]}
    wrong = [f for f in found if f["status"] != 200 or f["wide"] or f["axe"] or f["html"] or f["console"] or f["injected"]]
    assert not wrong, "\n".join(json.dumps(f) for f in wrong)


# docs/finance.md, "Four questions": by which links, and what stands there then
QUESTIONS = {"open-items": (["Open items"], ("8 to 30 days", "POINTS", "AMOUNT", "USD")),
             "than-yesterday": (["Reports", "From day to day"], ("THAN BEFORE", "THAN A WEEK BEFORE")),
             "why-rejected": (["Reports", "Why partners reject"], ("SKYLINE", "NO_SEAT")),
             "ties-to-the-ledger": (["Reports", "Roll-forward of open items"], ("Open by the ledger", "Difference", "Its hash"))}


@case("pages: finance's four questions answered in at most two clicks each")
def test_finances_questions_are_answered_by_two_clicks(chromium, world, pages):
    pages.role("fin", PEOPLE["fin"])
    found = {f["name"]: f for f in browse(chromium, "clicks.mjs", {
        "base": pages.on_loopback(), "link": pages.link("fin"), "pictures": os.environ.get("HANDBACK_PICTURES") and os.path.abspath(os.environ["HANDBACK_PICTURES"]),
        "questions": [{"name": name, "clicks": clicks} for name, (clicks, _) in QUESTIONS.items()]})}
    guide = (HERE.parents[1] / "docs/finance.md").read_text(encoding="utf-8")
    for name, (clicks, told) in QUESTIONS.items():
        text = found[name]["text"].upper()
        assert len(clicks) <= 2 and all(word.upper() in text for word in told), (name, found[name])
        assert f"*{'*, *'.join(clicks)}*" in guide and f"pictures/{name}.png" in guide, name


@case("pages: proposed and approved by two people with keyboards alone")
def test_two_people_decide_by_keyboard(chromium, world, pages):
    hold, reason = world.query("""SELECT hold_id, reason FROM handback.hold h WHERE redemption_id IS NOT NULL AND reason = 'points_mismatch'
        AND NOT EXISTS (SELECT FROM handback.proposal_hold p WHERE p.hold_id = h.hold_id) ORDER BY hold_id DESC LIMIT 1""")[0]
    for name in ("ann", "ben"):
        pages.role(name)
    seen, = browse(chromium, "decide.mjs", {"base": pages.on_loopback(), "links": [pages.link("ann"), pages.link("ben")], "list": f"/holds?reason={reason}",
                                            "hold": hold, "decision": "close"})
    assert seen["back"] == f"/holds?reason={reason}" and seen["filter"] == reason, "Back keeps the filter"
    assert "another person must approve it" in seen["own"] and "approved" in seen["approved"]
    proposal = int(seen["proposal"].rpartition("/")[2])
    assert world.query("SELECT p.decision, p.why, p.proposed_by, e.ended_by, e.how FROM handback.proposal p JOIN handback.proposal_end e USING (proposal_id)"
                       " WHERE proposal_id = %s", proposal) == [("close", "by keyboard", "ann", "ben", "approved")]
    assert world.query("SELECT ended_by FROM handback.hold_end WHERE hold_id = %s", hold) == [("ben",)]

"""The pages, as people's browsers have them, without a script."""
import re

import pytest
import web
import world as worlds

EVERY = ("/", "/files", "/files?state=held&from=2020-01-01", "/files/1", "/files/1?outcome=held", "/holds",
         "/holds?reason=points_mismatch", "/holds?ended=yes", "/holds/1", "/proposals", "/proposals?all=yes", "/reports", "/reports/reconciliation",
         "/reports/overdue", "/reports/ageing", "/reports/ageing?by=due", "/reports/roll-forward", "/reports/reasons", "/reports/deliveries",
         "/reports/decisions", "/reports/trend")


@pytest.fixture(scope="module")
def world(cluster, build):
    with worlds.World(cluster, build) as made:
        made.drop("SKYLINE", *made.file("SKYLINE", made.unusual()))
        made.drop("MERIDIAN", *made.file("MERIDIAN", break_totals=1))
        made.run()
        yield made


@pytest.fixture(scope="module")
def pages(world):
    with web.Web(world) as made:
        yield made


@pytest.fixture(scope="module")
def ann(pages):
    return pages.person("ann")


@pytest.fixture(scope="module")
def ben(pages):
    return pages.person("ben")


def open_holds(world):
    return [row[0] for row in world.query("""SELECT h.hold_id FROM handback.hold h WHERE h.record_no IS NOT NULL AND h.redemption_id IS NOT NULL
        AND NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id)
        AND NOT EXISTS (SELECT FROM handback.proposal_hold p WHERE p.hold_id = h.hold_id) ORDER BY 1""")]


def propose(person, hold, decision="reverse", why="the partner wrote so"):
    page = person.get(f"/holds/{hold}")
    sent = person.send(page, "/holds/propose", hold=hold, decision=decision, why=why, accept_difference="yes")
    assert sent.status == 303, sent.text
    return int(sent.location.rpartition("/")[2])


def how(world, proposal):
    return world.query("SELECT e.how, e.ended_by FROM handback.proposal_end e WHERE e.proposal_id = %s", proposal)


@pytest.mark.parametrize("path", EVERY)
def test_every_page_is_there(ann, path):
    page = ann.get(path)
    assert page.status == 200 and page.text.startswith("<!doctype html>") and page.text.endswith("</html>\n")
    assert "script-src 'self'" in page.headers["Content-Security-Policy"] and "unsafe" not in page.headers["Content-Security-Policy"]
    assert page.headers["Cache-Control"] == "no-store" and page.headers["X-Content-Type-Options"] == "nosniff"


def test_a_record_leads_to_its_story(ann, world):
    file, = world.query("SELECT file_id FROM handback.file WHERE state = 'posted' LIMIT 1")[0]
    link = re.search(rf'href="(/explain\?reference={file}%3A\d+)"', ann.get(f"/files/{file}").text).group(1)
    assert "What the partner sent" in ann.get(link).text


def test_the_same_as_a_file(ann, world):
    for path, name in (("/holds", "holds"), ("/reports/ageing", "ageing"), ("/files", "files")):
        table = ann.get(path + "?format=csv")
        assert table.headers["Content-Type"].startswith("text/csv") and f'filename="{name}.csv"' in table.headers["Content-Disposition"]
        assert ann.get(path + "?format=json").text.startswith("{")
    assert ann.get("/holds?format=csv").text.replace("\r", "") == world.ctl("holds", "--format", "csv").stdout.replace("\r", "")


def test_whoever_is_not_logged_in_sees_nothing(pages):
    nobody = web.Browser(pages)
    for path in ("/", "/holds/1", "/reports/ageing?format=csv"):
        page = nobody.get(path)
        assert (page.status, page.location, page.body) == (303, "/login", b"")
    assert nobody.post("/holds/propose", {"hold": 1, "decision": "reverse", "why": "mine"}).status == 403
    nobody.cookie = "handback=" + "0" * 64
    assert nobody.get("/").status == 303


def test_the_link_is_good_once(pages):
    pages.role("ann")
    link = pages.link("ann")
    first, second = web.Browser(pages), web.Browser(pages)
    form = first.get(link)
    assert first.get(link).status == 200, "to look at it takes nothing"
    assert first.send(form, "/login").status == 303 and first.get("/").status == 200
    assert second.send(form, "/login").status == 403 and second.get("/").status == 303


def test_the_cookie_is_the_browsers_alone(pages, world):
    page = web.Browser(pages)
    answer = page.send(page.get(pages.link("ann")), "/login")
    assert re.fullmatch(r"handback=[0-9a-f]{64}; Path=/; HttpOnly; SameSite=Strict", answer.headers["Set-Cookie"])
    with web.Web(world, plain=False) as behind:
        page = web.Browser(behind)
        answer = page.send(page.get(behind.link("ann")), "/login")
        assert re.fullmatch(r"__Host-handback=[0-9a-f]{64}; Path=/; Secure; HttpOnly; SameSite=Strict", answer.headers["Set-Cookie"])


def test_the_partners_bytes_stand_beside_the_ledger_line(ann, world):
    hold = open_holds(world)[0]
    reference, points = world.query("""SELECT d.external_reference::text, d.points FROM handback.hold h
        JOIN ledger.redemption d ON d.redemption_id = h.redemption_id WHERE h.hold_id = %s""", hold)[0]
    page = ann.get(f"/holds/{hold}").text
    beside = page[page.index('<section class="beside">'):]
    beside = beside[:beside.index("</section>")]
    assert "What the partner sent" in beside and "The ledger line" in beside
    assert len(re.findall(rf'<mark title="[^"]*">{reference}</mark>', beside)) == 2, beside
    assert f"{points:,}" in beside


def test_one_proposes_and_another_approves(ann, ben, world):
    hold = open_holds(world)[0]
    proposal = propose(ann, hold)
    own = ann.get(f"/proposals/{proposal}")
    assert "another person must approve it" in own.text and f"/proposals/{proposal}/approve" not in own.forms()
    page = ben.get(f"/proposals/{proposal}")
    done = ben.send(page, f"/proposals/{proposal}/approve")
    assert done.status == 303 and how(world, proposal) == [("approved", "ben")]
    assert world.query("SELECT proposed_by FROM handback.proposal WHERE proposal_id = %s", proposal) == [("ann",)]
    assert world.query("SELECT e.ended_by FROM handback.hold_end e WHERE e.hold_id = %s", hold) == [("ben",)]


def test_the_same_person_approves_by_no_form(ann, ben, world):
    """Forged with a good token, of another session, sent again, and from a page that is out of date."""
    proposal = propose(ann, open_holds(world)[0])
    path = f"/proposals/{proposal}/approve"
    token = ann.get("/holds/1").forms()["/logout"]["form"]
    forged = ann.post(path, {"form": token})
    assert forged.status == 409 and "another person must approve it" in forged.text
    for fields in ({}, {"form": "0" * 32}, {"form": ben.get("/").forms()["/logout"]["form"]}, {"form": token}):
        assert ann.post(path, fields).status == 403
    assert how(world, proposal) == []
    page = ben.get(f"/proposals/{proposal}")
    assert ben.send(page, f"/proposals/{proposal}/reject", why="no").status == 303
    stale = ben.post(path, {"form": ben.get("/").forms()["/logout"]["form"]})
    assert stale.status == 409 and how(world, proposal) == [("rejected", "ben")]
    assert ben.send(page, f"/proposals/{proposal}/reject", why="no").status == 403, "sent again"


def test_a_form_is_sent_once(ann, world):
    hold = open_holds(world)[0]
    page = ann.get(f"/holds/{hold}")
    fields = {"hold": hold, "decision": "reverse", "why": "twice", "accept_difference": "yes"}
    assert ann.send(page, "/holds/propose", **fields).status == 303
    assert ann.send(page, "/holds/propose", **fields).status == 403
    assert world.query("SELECT count(*) FROM handback.proposal WHERE why = 'twice'") == [(1,)]


def test_another_sites_form_does_nothing(ann, world):
    hold = open_holds(world)[0]
    fields = {"form": ann.get(f"/holds/{hold}").forms()["/logout"]["form"], "hold": hold, "decision": "reverse", "why": "elsewhere"}
    for headers in ({"Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "same-site"}, {"Sec_Fetch_Site": None},
                    {"Sec_Fetch_Site": None, "Origin": "https://evil.example"}, {"Sec_Fetch_Site": None, "Origin": "null"}):
        assert ann.post("/holds/propose", fields, **headers).status == 403
    assert ann.post("/holds/propose", fields, Content_Type="text/plain").status == 403
    assert world.query("SELECT count(*) FROM handback.proposal WHERE why = 'elsewhere'") == [(0,)]
    assert ann.post("/holds/propose", fields, Sec_Fetch_Site=None, Origin="http://localhost").status == 303


def test_who_reads_decides_nothing(pages, world):
    eve = pages.person("eve", "handback_finance")
    hold = open_holds(world)[0]
    page = eve.get(f"/holds/{hold}")
    assert page.status == 200 and list(page.forms()) == ["/logout"]
    sent = eve.post("/holds/propose", {**page.forms()["/logout"], "hold": hold, "decision": "reverse", "why": "mine"})
    assert sent.status == 403 and "Only an operator decides" in sent.text


def test_a_session_ends_with_its_rights_its_login_and_its_desk(pages, world):
    dan = pages.person("dan")
    with world.database.connect() as c:
        c.execute("REVOKE handback_operator FROM dan")
    assert dan.get("/").status == 403 and dan.get("/").status == 303
    with world.database.connect() as c:
        c.execute("GRANT handback_operator TO dan")
    dan = pages.person("dan")
    assert dan.send(dan.get("/"), "/logout").status == 303 and dan.get("/").status == 303
    dan = pages.person("dan")
    with world.database.connect() as c:
        c.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'dan'")
    assert dan.get("/holds").status in (403, 503) and dan.get("/holds").status == 303


def test_what_is_no_request_of_ours(ann):
    for path in ("/nothing", "/files/x", "/files/0", "/files/999999", "/holds/1/2/3/4/5", "/reports/none", "/explain?reference=nothing"):
        assert ann.get(path).status in (400, 404)
    assert ann.get("/files/%00").status == 400 and ann.get("/explain?reference=%zz").status == 400
    assert ann.get("/explain?reference=" + "x" * 3000).status == 413
    assert ann.get("/").status == 200, "the session goes on"

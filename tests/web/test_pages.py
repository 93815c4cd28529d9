"""The pages, as people's browsers have them, without a script."""
import datetime
import getpass
import html
import json
import re

import pytest
import web
import world as worlds

EVERY = ("/", "/files", "/files?state=held&from=2020-01-01", "/files/1", "/files/1?outcome=held", "/holds",
         "/holds?reason=points_mismatch", "/holds?state=ended", "/holds?owner=ann&partner=SKYLINE&file=1", "/holds/1", "/proposals", "/proposals?all=yes", "/reports", "/reports/reconciliation",
         "/reports/overdue", "/reports/ageing", "/reports/ageing?by=due", "/reports/roll-forward", "/reports/reasons", "/reports/deliveries",
         "/reports/decisions", "/reports/trend", "/reports/transactions", "/reports/transactions?from=2020-01-01&category=Redemption+Reversal", "/partners", "/partners/SKYLINE", "/partners/NOBODY", "/points", "/marketplace",
         "/month-end", "/month-end?month=2026-01", "/targets", "/targets/none", "/credentials", "/audit", "/audit?who=ann&after=3", "/people")


@pytest.fixture(scope="module")
def world(cluster, build):
    with worlds.World(cluster, build) as made:
        made.drop("SKYLINE", *made.file("SKYLINE", made.unusual()))
        made.drop("MERIDIAN", *made.file("MERIDIAN", break_totals=1))
        made.drop("AURORA", *made.file("AURORA", made.unusual("AURORA", "SKYLINE")))
        made.run()
        with made.database.connect() as c:
            c.execute("SELECT handback.add_target('crm', (SELECT min(code) FROM ledger.programme), 'connector')")
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


@pytest.mark.parametrize("path", (*EVERY, "/targets/crm", "/try"))
def test_every_page_is_there(ann, path):
    page = ann.get(path)
    assert page.status == 200 and page.text.startswith("<!doctype html>") and page.text.endswith("</html>\n")
    assert "script-src 'self'" in page.headers["Content-Security-Policy"] and "unsafe" not in page.headers["Content-Security-Policy"]
    assert page.headers["Cache-Control"] == "no-store" and page.headers["X-Content-Type-Options"] == "nosniff"


def test_the_first_page_is_small(ann):
    assert sum(len(ann.get(path).body) for path in ("/", "/style.css", "/script.js", "/icon.svg")) <= 60_000


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


def test_transactions_by_page_and_as_a_file(ann, world):
    """Page by page with the filter kept, each entry once; and the whole as the command line has it."""
    path, shown, sums = "/reports/transactions?from=2000-01-01&category=Debit+By+Redemption", [], set()
    whole = json.loads(world.ctl("transactions", "--from", "2000-01-01", "--category", "Debit By Redemption", "--format", "json").stdout)
    while path:
        page = ann.get(path).text
        shown += re.findall(r'<a href="/explain\?reference=([0-9A-F-]{36})">', page)
        sums.add(page[page.index(">Sums<"):page.rindex("</table>")])
        path = html.unescape((re.findall(r'<a rel="next" href="([^"]*)">', page) or [""])[0])
    assert shown == [t["reference"] for t in whole["transactions"]] and len(set(shown)) == len(shown) > 200
    assert len(sums) == 1, "the sums are of all, on each page"
    table = ann.get("/reports/transactions?from=2000-01-01&category=Debit+By+Redemption&after=99&format=csv")
    assert table.headers["Content-Disposition"].endswith('filename="transactions.csv"') and len(table.text.splitlines()) == len(shown) + 1
    assert ann.get("/reports/transactions?from=2000-01-01&category=Debit+By+Redemption&format=json").text == world.ctl(
        "transactions", "--from", "2000-01-01", "--category", "Debit By Redemption", "--format", "json").stdout
    for wrong in ("category=Debit", "type=x", "points-from=0", "state=lost", "from=2026-02-02&to=2026-02-01", "after=x", "columns=all"):
        assert ann.get("/reports/transactions?" + wrong).status == 400, wrong


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
    assert len(re.findall(rf'<mark class="m0" title="[^"]*">{reference}</mark>', beside)) == 2, "the field has one colour on both sides"
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


def test_many_are_proposed_at_once_after_their_sum_was_shown(ann, ben, world):
    holds = open_holds(world)[:2]
    page = ann.get("/holds")
    assert all(f'form="pick" name="hold" value="{hold}"' in page.text for hold in holds)
    token = page.forms()["/holds/bulk"]["form"]
    shown = ann.post("/holds/bulk", [("form", token), *[("hold", hold) for hold in holds], ("decision", "close"), ("which", "ticked")])
    points, = world.query("SELECT sum(points) FROM handback.hold WHERE hold_id = ANY (%s)", holds)[0]
    assert shown.status == 200 and ">close</dd>" in shown.text and ">2</dd>" in shown.text and f">{points:,}</dd>" in shown.text
    fields = [("hold", hold) for hold in holds]
    sent = ann.post("/holds/propose", [*[(n, v) for n, v in shown.forms()["/holds/propose"].items() if n != "hold"], *fields, ("why", "both")])
    assert sent.status == 303, sent.text
    proposal = int(sent.location.rpartition("/")[2])
    assert world.query("SELECT holds, points, decision FROM handback.proposal WHERE proposal_id = %s", proposal) == [(2, points, "close")]
    listed = ann.get("/holds").text
    assert f'<a href="/proposals/{proposal}">' in listed, "who looks at the list sees that it was proposed"
    page = ben.get(f"/proposals/{proposal}")
    assert ben.send(page, f"/proposals/{proposal}/reject", why="not these").status == 303


def test_what_a_filter_means_is_proposed_as_it_was_shown_or_not_at_all(ann, world):
    reason, many, points = world.query("""SELECT reason, count(*), sum(points) FROM handback.hold h WHERE NOT EXISTS (SELECT FROM handback.hold_end e
        WHERE e.hold_id = h.hold_id) AND record_no IS NOT NULL GROUP BY reason ORDER BY count(*) DESC, reason LIMIT 1""")[0]

    def bulk():
        page = ann.get(f"/holds?reason={reason}")
        shown = ann.send(page, "/holds/bulk", decision="close", which="all")
        assert shown.status == 200 and f">{many:,}</dd>" in shown.text and f">{points:,}</dd>" in shown.text
        return shown
    stale = ann.post("/holds/propose", {**bulk().forms()["/holds/propose"], "many": many + 1, "why": "all"})
    assert stale.status == 409 and f"it is now {many} holds of {points} points" in stale.text
    assert world.query("SELECT count(*) FROM handback.proposal WHERE why = 'all'") == [(0,)]
    sent = ann.send(bulk(), "/holds/propose", why="all")
    assert sent.status == 303 and world.query("SELECT holds, points FROM handback.proposal WHERE why = 'all'") == [(many, points)]


def test_a_bulk_form_without_holds_does_nothing(ann):
    def token():
        return ann.get("/").forms()["/logout"]["form"]
    for fields in ([("decision", "close")], [("decision", "close"), ("which", "all")], [("decision", "close"), ("hold", "x")],
                   [("decision", "close"), ("hold", "1"), ("hold", "1}{")], [("which", "all"), ("reason", "no_such"), ("decision", "close")],
                   [("hold", "1"), ("which", "ticked")]):
        for path in ("/holds/bulk", "/holds/propose"):
            assert ann.post(path, [("form", token()), ("why", "x"), *fields]).status == 400, fields


def test_holds_are_filtered_by_whom_they_were_given_to(ann, world):
    hold = open_holds(world)[0]
    page = ann.get(f"/holds/{hold}")
    assert ann.send(page, f"/holds/{hold}/assign", who="ann").status == 303
    assert ann.send(page, f"/holds/{hold}/comment", text="asked the partner").status == 303
    assert f'value="{hold}" aria-label' in ann.get("/holds?owner=ann").text and "asked the partner" in ann.get("/holds?owner=ann").text
    assert "nothing waits for anyone" in ann.get("/holds?owner=ben").text


def test_several_are_given_to_somebody_at_once(ann, world):
    holds = open_holds(world)[:2]
    token = ann.get("/holds").forms()["/holds/bulk"]["form"]
    sent = ann.post("/holds/bulk", [("form", token), *[("hold", hold) for hold in holds], ("decision", "close"), ("which", "assign"), ("who", "dee & co")])
    assert (sent.status, sent.location) == (303, "/holds?owner=dee%20%26%20co")
    assert all(f'value="{hold}" aria-label' in ann.get(sent.location).text for hold in holds)
    for fields in ([("who", "dee")], [("hold", holds[0])], [("hold", "x"), ("who", "dee")]):
        token = ann.get("/holds").forms()["/holds/bulk"]["form"]
        assert ann.post("/holds/bulk", [("form", token), ("which", "assign"), *fields]).status == 400


def test_a_filter_is_kept_under_a_name_by_its_person(ann, ben, pages, world):
    shown = "/holds?partner=SKYLINE&reason=points_mismatch"
    name = "mine & <theirs>"
    page = ann.get(shown)
    assert page.forms()["/holds/views"]["reason"] == "points_mismatch"
    kept = ann.send(page, "/holds/views", name=name)
    assert (kept.status, kept.location) == (303, shown), kept.text
    link = '<a href="/holds?partner=SKYLINE&amp;reason=points_mismatch">mine &amp; &lt;theirs&gt;</a>'
    assert link in ann.get("/holds").text and link not in ben.get("/holds").text
    page = ann.get(shown)
    assert "/holds/views" not in page.forms() and ann.send(page, "/holds/views/drop").status == 303
    assert world.query("SELECT count(*) FROM handback.saved_view") == [(0,)] and link not in ann.get("/holds").text
    page = ann.get(shown)
    for fields in ({"name": ""}, {"name": "x", "partner": "", "reason": ""}):
        assert ann.send(ann.get(shown), "/holds/views", **fields).status == 400
    assert "/holds/views" not in pages.person("eve", "handback_finance").get(shown).forms()


def test_a_target_is_paused_resumed_asked_and_given_to_somebody(ann, pages, world):
    def act(name, **fields):
        return ann.send(ann.get("/targets/crm"), f"/targets/crm/{name}", **fields)
    done = act("pause", why="the CRM moves")
    assert (done.status, done.location) == (303, "/targets/crm")
    assert world.query("SELECT state, reason, made_by FROM handback.target_now WHERE name = 'crm'") == [("paused", "the CRM moves", "ann")]
    paused = ann.get("/targets/crm")
    assert "the CRM moves" in paused.text and "/targets/crm/pause" not in paused.forms()
    token = paused.forms()["/logout"]["form"]
    assert ann.post("/targets/crm/pause", {"form": token, "why": "again"}).status == 409, "a page that is out of date"
    assert act("resume").status == 303 and world.query("SELECT state FROM handback.target_now WHERE name = 'crm'") == [("active",)]
    assert act("parity").status == 303 and world.query("SELECT count(*) FROM handback.parity WHERE target = 'crm'") == [(1,)]
    assert act("replay").status == 303 and act("assign", who="dee").status == 303
    assert world.query("SELECT owner FROM handback.target_owner WHERE target = 'crm'") == [("dee",)]
    assert act("pause").status == 400 and act("assign", who="").status == 400
    token = ann.get("/").forms()["/logout"]["form"]
    assert ann.post("/targets/none/pause", {"form": token, "why": "x"}).status == 409
    eve = pages.person("eve", "handback_finance")
    page = eve.get("/targets/crm")
    assert list(page.forms()) == ["/logout"] and eve.post("/targets/crm/pause", {**page.forms()["/logout"], "why": "mine"}).status == 403


def test_the_whole_proof_is_checked_from_the_page_and_a_change_is_found(pages, world):
    fin = pages.person("fin", "handback_finance")

    def verify():
        return fin.send(fin.get("/audit"), "/audit/verify").text
    good = verify()
    assert '<dd class="word good">ok</dd>' in good and "everything is as it was decided" in good, good
    with world.database.connect() as c:
        c.execute("ALTER TABLE handback.outcome DISABLE TRIGGER USER")
        c.execute("UPDATE handback.outcome SET points = points + 1 WHERE (file_id, record_no) = (SELECT file_id, 1 FROM handback.file WHERE state = 'posted' LIMIT 1)")
        try:
            assert '<dd class="word bad">differs</dd>' in verify()
        finally:
            c.execute("UPDATE handback.outcome SET points = points - 1 WHERE (file_id, record_no) = (SELECT file_id, 1 FROM handback.file WHERE state = 'posted' LIMIT 1)")
            c.execute("ALTER TABLE handback.outcome ENABLE TRIGGER USER")
    copy = next(path for path in (world.spool / "archive").rglob("*-*") if path.is_file())
    kept, mode = copy.read_bytes(), copy.stat().st_mode
    copy.chmod(0o600)
    try:
        copy.write_bytes(kept[:-1] + b"!")
        assert '<dd class="word bad">differs</dd>' in verify(), "down to every kept byte"
    finally:
        copy.write_bytes(kept)
        copy.chmod(mode)
    assert '<dd class="word good">ok</dd>' in verify()


def test_a_list_that_is_cut_says_so_and_goes_on(ann, world):
    file, = world.query("SELECT file_id FROM handback.file WHERE state = 'posted' LIMIT 1")[0]
    page = ann.get(f"/files/{file}?outcome=confirmed&after=3").text
    assert "/explain?reference=" in page and f'{file}%3A3"' not in page and f'{file}%3A4"' in page
    assert ann.get(f"/files/{file}?after=x").status == 404
    for path in ("/holds", "/files", "/proposals", "/reports/overdue", "/reports/ageing", "/reports/decisions", "/reports/deliveries", "/audit"):
        assert "--" not in ann.get(path).text, "the command line's options are not the pages'"


def test_approving_takes_a_login_of_the_last_minutes(pages, ann, world):
    proposal = propose(ann, open_holds(world)[0])
    cat = pages.person("cat")
    page = cat.get(f"/proposals/{proposal}")

    def age(interval):
        with world.database.connect() as c:
            c.execute("ALTER TABLE handback.web_login DISABLE TRIGGER append_only")
            c.execute(f"UPDATE handback.web_login SET authenticated_at = authenticated_at - interval '{interval}' WHERE person = 'cat'")
            c.execute("ALTER TABLE handback.web_login ENABLE TRIGGER append_only")
    age("301 seconds")
    refused = cat.send(page, f"/proposals/{proposal}/approve")
    assert refused.status == 403 and "log in again" in refused.text and how(world, proposal) == []
    again = cat.get(f"/proposals/{proposal}")
    assert "log in again" in again.text and f"/proposals/{proposal}/approve" not in again.forms()
    assert cat.send(again, f"/proposals/{proposal}/reject", why="to reject takes none").status == 303


def test_whom_a_proxy_vouches_for_approves_as_the_configuration_says(pages, ann, world):
    """Nobody knows when such a person last showed who it is."""
    pages.role("dan")
    proxy = pages.vouch("proxy:", f"  user: {getpass.getuser()}", "  header: X-Remote-User")
    proposal, before = propose(ann, open_holds(world)[0]), world.config.read_text()

    def vouched():
        dan = web.Browser(pages)
        assert dan.send(dan.get(proxy.get("/login/proxy", X_Remote_User="dan").location), "/login").status == 303
        return dan, dan.get(f"/proposals/{proposal}")
    dan, page = vouched()
    assert "log in again" in page.text and f"/proposals/{proposal}/approve" not in page.forms()
    # a form of another page, sent to where one approves
    token = dan.get(f"/proposals/{proposal}").forms()["/logout"]["form"]
    assert dan.post(f"/proposals/{proposal}/approve", {"form": token}).status == 403 and how(world, proposal) == []
    world.config.write_text(before + "approve_within: 0s\n")
    try:
        dan, page = vouched()
        assert dan.send(page, f"/proposals/{proposal}/approve").status == 303 and how(world, proposal) == [("approved", "dan")]
    finally:
        world.config.write_text(before)


def test_a_shops_settings_are_changed_by_two(ann, ben, world):
    programme, = world.query("SELECT min(code) FROM ledger.programme")[0]
    page = ann.get("/marketplace")
    wish = {"programme": programme, "points": "100", "minimum_balance": "500", "shop": "Plum", "address": "https://shop.example/in", "why": "the contract"}
    assert ann.send(page, "/marketplace/propose", **wish).status == 303
    own = ann.get("/marketplace")
    assert "another person must approve it" in own.text and "/marketplace/approve" not in own.forms()
    forged = ann.post("/marketplace/approve", {"form": own.forms()["/logout"]["form"], "setting": own.forms()["/marketplace/reject"]["setting"]})
    assert forged.status == 409 and "another person must approve it" in forged.text
    assert ben.send(ben.get("/marketplace"), "/marketplace/approve").status == 303
    assert world.query("SELECT state, proposed_by, ended_by FROM catalogue.settings") == [("in force", "ann", "ben")]
    for wrong in ({"points": "1e3"}, {"minimum_balance": "-1"}, {"why": ""}, {"programme": ""}):
        assert ann.send(ann.get("/marketplace"), "/marketplace/propose", **{**wish, **wrong}).status == 400
    assert ann.send(ann.get("/marketplace"), "/marketplace/propose", **{**wish, "address": "javascript:alert(1)"}).status == 409


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


def test_a_month_is_signed_by_three_people(pages, ann, ben, world):
    """The next step is a form of the page; a form that one has, sent by another, or sent twice, is no other person."""
    month = (datetime.date.today().replace(day=1) - datetime.timedelta(days=1)).strftime("%Y-%m")
    fin, path = pages.person("fin", "handback_finance"), f"/month-end?month={month}"
    assert "Which month?" in ann.get("/month-end").text and ann.get("/month-end?month=x").status == 400
    page = ann.get(path)
    assert ann.send(page, "/month-end").location == path and ann.send(page, "/month-end").status == 403, "a form is good once"
    own = ann.get(path)
    assert ann.send(own, "/month-end").status == 409 and "another person" in ann.send(ann.get(path), "/month-end").text
    assert ben.send(ben.get(path), "/month-end", why="compared").status == 303
    assert ben.send(ben.get(path), "/month-end", step="signed").status == 409
    others = fin.send(fin.get(path), "/month-end", seen="0" * 64)
    assert others.status == 409 and "others than those that you saw" in others.text
    assert fin.send(fin.get(path), "/month-end", step="approved").status == 400
    assert fin.send(fin.get(path), "/month-end").status == 303
    assert world.query("SELECT step, person FROM handback.sign_offs WHERE counts ORDER BY at") == [("prepared", "ann"), ("reviewed", "ben"), ("signed", "fin")]
    signed = fin.get(path).text
    assert all(who in signed for who in ("ann", "ben", "fin")) and "Prepare these figures" in signed

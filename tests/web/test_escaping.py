"""Whatever partners and people write stays text on every page, and no formula in a CSV: a corpus through each field that somebody else controls."""
import csv
import dataclasses
import html.parser
import io
import re
import urllib.parse

import pytest
import web
import world as worlds

import generate

# each would set `injected` in a browser that took it for more than text; a file's name has no "/"
CORPUS = ("<script>injected=1</script>", "\"><img src=x onerror=injected=1>", "'><svg onload=injected=1>", "</td></table><script src=//evil.example>",
          "</title><style onload=injected=1>", "javascript:injected=1", "&lt;script&gt;injected=1&lt;/script&gt;", "<!--><img src=x onerror=injected=1>",
          "<a href=\"javascript:injected=1\">x</a>", "` onmouseover=injected=1 x=`", "\u2028<script>injected=1</script>", "%3Cscript%3Einjected=1%3C/script%3E",
          "<math><mtext></form><form><mglyph><style></math><img src onerror=injected=1>", "x\" autofocus onfocus=injected=1 y=\"", "{{injected=1}}${injected=1}",
          "<iframe srcdoc=\"<script>parent.injected=1</script>\">")
FORMULAS = ("=HYPERLINK(\"http://evil.example\",\"x\")", "+1+cmd|' /C calc'!A0", "-2+3+cmd|' /C calc'!A0", "@SUM(1+9)*cmd|' /C calc'!A0", "\t=1+1",
            "\uff1dcmd|' /C calc'!A0", "  =1+1")
FIELDS = ("reference", "member", "reason", "text", "confirmation", "new_member")
TAGS = set("""html head meta title link script body a header nav ul li form label span input button main h1 h2 p section div table thead tbody tfoot tr th td dl dt
    dd ol time strong svg rect select option textarea pre mark code figure figcaption title desc g path text line polyline""".split())
ATTRIBUTES = set("""lang charset name content rel href src defer class id aria-label aria-current action role type placeholder required method value scope title
    tabindex for rows pattern checked selected form inputmode size maxlength autofocus viewbox preserveaspectratio width height x y fill d points style
    focusable aria-hidden aria-labelledby aria-describedby viewBox x1 x2 y1 y2 rx ry""".split())


class Reader(html.parser.HTMLParser):
    """As a browser takes a page apart; what is in it that a page of ours never has."""

    def __init__(self, text):
        super().__init__()
        self.wrong = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag not in TAGS or (tag == "script" and dict(attributes) != {"src": "/script.js", "defer": None}):
            self.wrong.append((tag, attributes))
        for name, value in attributes:
            if name not in ATTRIBUTES or (name in ("href", "src", "action") and not re.match(r"/(?!/)|#main$", value)):
                self.wrong.append((tag, name, value))

    def handle_comment(self, data):
        self.wrong.append(("comment", data))


@pytest.fixture(scope="module")
def world(cluster, build):
    with worlds.World(cluster, build, redemptions=700) as made:
        # what is no id is refused, and shown as the reason for it; what could be one is judged, and mostly held
        for sequence, change in enumerate((lambda text: re.sub("[^!-~]", "/", text), lambda text: text), 1):
            mine, answers = made.ledger.of("SKYLINE"), made.answers("SKYLINE", 60, start=170)
            for n, (payload, field) in enumerate((payload, field) for payload in (*CORPUS, *FORMULAS) for field in FIELDS):
                known = mine[n]
                whole = generate.reject(known, "NO_SEAT") if field == "reason" else generate.accept(known)
                answers.append(dataclasses.replace(whole, **{field: payload if field == "text" else change(payload)}))
            made.drop("SKYLINE", *made.file("SKYLINE", answers, sequence=sequence))
        for n, payload in enumerate((CORPUS[0], CORPUS[1], CORPUS[4], CORPUS[9], " ".join(CORPUS)[60:])):
            made.drop("MERIDIAN", payload.replace("/", "\\")[:200], made.file("MERIDIAN", break_totals=1, sequence=n + 1)[1])
        made.run()
        yield made


@pytest.fixture(scope="module")
def pages(world):
    with web.Web(world) as made:
        yield made


@pytest.fixture(scope="module")
def ann(pages, world):
    """Somebody who writes all of it into every field that a person has, too."""
    person = pages.person("ann")
    hold, = world.query("SELECT min(hold_id) FROM handback.hold WHERE redemption_id IS NOT NULL")[0]
    for payload in (" ".join(CORPUS), *FORMULAS[:4]):
        page = person.get(f"/holds/{hold}")
        assert person.send(page, f"/holds/{hold}/comment", text=payload).status == 303
        assert person.send(page, f"/holds/{hold}/assign", who=payload).status == 303
    for payload in CORPUS[:2]:
        sent = person.send(person.get(f"/holds/{hold}"), "/holds/propose", hold=hold, decision="close", why=payload, accept_difference="yes")
        assert sent.status == 303
        assert person.send(person.get(sent.location), sent.location + "/reject", why=payload).status == 303
    programme, = world.query("SELECT min(code) FROM ledger.programme")[0]
    for payload in (CORPUS[0], " ".join(CORPUS)):
        person.send(person.get("/marketplace"), "/marketplace/propose", programme=programme, points="100", minimum_balance="5", shop=payload[:60], why=payload,
                    address="https://shop.example/x")
    return person


def every_page(world):
    files = [row[0] for row in world.query("SELECT file_id FROM handback.file ORDER BY file_id")]
    posted, records = world.query("SELECT file_id, records FROM handback.file WHERE state = 'posted'")[0]
    # of many that are alike, some
    holds = [row[0] for row in world.query("""SELECT hold_id FROM (SELECT hold_id, row_number() OVER (PARTITION BY reason ORDER BY hold_id) AS n
        FROM handback.hold) h WHERE n <= 2 ORDER BY hold_id""")]
    return ["/", "/files", *(f"/files/{file}" for file in files), "/holds", "/holds?state=ended", *(f"/holds/{hold}" for hold in holds), "/proposals?all=yes",
            "/proposals/1", *(f"/explain?reference={posted}%3A{n}" for n in range(61, records + 1, 15)), "/reports/reconciliation", "/reports/reasons",
            "/reports/decisions", "/reports/ageing", "/partners", "/partners/SKYLINE", "/marketplace", "/audit", "/people"]


def test_what_others_write_stays_text(ann, world):
    held = world.query("SELECT count(*) FROM handback.hold")[0][0]
    assert held > len(CORPUS), "most of it waits for people"
    seen = ""
    for path in every_page(world):
        page = ann.get(path)
        assert page.status == 200, path
        assert Reader(page.text).wrong == [], path
        seen += page.text
    for payload in CORPUS:
        shown = payload.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
        assert shown in seen or shown.replace("'", "&#39;") in seen or not payload.isascii(), payload


def test_what_a_browser_sends_stays_text(ann):
    for payload in (CORPUS[1], CORPUS[9], " ".join(CORPUS)[:450]):
        q = urllib.parse.quote(payload, safe="")[:450].rpartition("%")[0]
        for path in (f"/explain?reference={q}", f"/holds?partner={q}&reason={q}&owner={q}&after=1", f"/holds?file={q}", f"/files?partner={q}&state={q}",
                     f"/files/{q}", f"/partners/{q}", f"/targets/{q}", f"/audit?who={q}", f"/reports/ageing?partner={q}&by={q}", f"/reports/{q}", f"/{q}", f"/holds?{q}={q}"):
            page = ann.get(path)
            assert Reader(page.text).wrong == [], path


def test_the_reader_would_see_it():
    for payload in CORPUS[:5]:
        assert Reader(f'<table><td class="text">{payload}</td></table>').wrong
    assert Reader('<input value="x" autofocus onfocus=injected=1 y="">').wrong and Reader('<a href="javascript:injected=1">x</a>').wrong


def test_a_csv_has_no_formula(ann, world):
    cells = 0
    for path in ("/holds", "/files", "/audit", "/marketplace", "/files/%s?table=records" % world.query("SELECT file_id FROM handback.file WHERE state = 'posted'")[0],
                 "/reports/decisions", "/proposals?all=yes"):
        table = ann.get(path + ("&" if "?" in path else "?") + "format=csv")
        assert table.status == 200 and table.headers["Content-Type"].startswith("text/csv"), path
        for row in csv.reader(io.StringIO(table.text)):
            for cell in row:
                cells += 1
                assert not re.match(r"\s*[=+@\uff1d\uff0b\uff20|%]|[\t\r\n]", cell), (path, cell)
    assert cells > 1000 and "'=HYPERLINK" in ann.get("/audit?format=csv").text

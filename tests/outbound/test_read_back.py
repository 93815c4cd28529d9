"""Reading back: each night a target is asked for what it was told; what it lost or changed is counted, and told again."""
import json
import os
import subprocess
import time

import pytest

import targets
from c_source import ROOT
from outbox import Outbox
from sender import Sender
from targets import redemption
from worker import Desk

ROWS = int(os.environ.get("HANDBACK_READ_BACK_ROWS", "600"))
LINT = """
batch: 2
answer: {{rows: {{result: ok, delivered: ["true"]}}}}
objects:
  redemption:
    url: "https://crm.example/r"
    record: {{id: "${{reference}}"}}
    body: {{list: "${{records}}"}}
    read: {{{read}}}
"""
GOOD = "url: \"https://crm.example/q?k=${keys}\", each: \"'${reference}'\", batch: 50, list: rows, key: id, compare: {v: \"${version}\"}"


def lint(build, tmp_path, read, more=""):
    path = tmp_path / "c.yaml"
    path.write_text(more + LINT.format(read=read))
    done = subprocess.run([build / "ctl/handbackctl", "target", "lint", path], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout


def test_a_question_that_can_be_asked_is_sound(build, tmp_path):
    assert lint(build, tmp_path, GOOD)[0] == 0
    assert lint(build, tmp_path, 'url: "https://crm.example/q/${reference}", compare: {v: "${version}"}')[0] == 0
    assert lint(build, tmp_path, 'url: "https://crm.example/q", body: {ids: "${records}"}, each: "${reference}", batch: 9, list: rows, key: id, '
                'compare: {v: "${version}"}', 'login: {kind: body, name: k, secret: s}\n')[0] == 0


@pytest.mark.parametrize("read, more, said", [
    (GOOD.replace("url", "uri"), "", "a map with the url that is asked is required"),
    (GOOD.replace("https://", "http://"), "", "no URL of https, nor of http to this machine"),
    (GOOD.replace(", each: \"'${reference}'\"", ""), "", "each is missing: what stands for one object in ${keys} or ${records}"),
    (GOOD.replace("?k=${keys}", ""), "", "the question names no object: write ${keys}, or a body with ${records}"),
    (GOOD.replace("${keys}", "${reference}"), "", "a question of a batch is for many: ${reference} is of one; write ${keys}"),
    (GOOD.replace("list: rows, ", ""), "", "a batch of more than one has list and key: whose each row of the answer is"),
    (GOOD.replace("'${reference}'", "${entry}"), "", "a redemption has no field entry"),
    (GOOD.replace("${version}", "${entry}"), "", "a redemption has no field entry"),
    (GOOD.replace(', compare: {v: "${version}"}', ""), "", 'compare: what stands where in the target, as {Status__c: "${state}"}, is required'),
    (GOOD + ", method: POST", "", "GET has no body, POST has one"),
    (GOOD + ", body: {}", "", "a body has ${records} or ${record}, once"),
    (GOOD.replace("batch: 50", "batch: 1001"), "", "from 1 to 1000"),
    (GOOD, "login: {kind: body, name: k, secret: s}\n", "a login in the body has to have a map there, in read, too"),
])
def test_one_that_cannot_is_a_mistake_in_words(build, tmp_path, read, more, said):
    code, out = lint(build, tmp_path, read, more)
    assert code == 2 and said in out, out


# ---- one question ----

class Asked(targets.Target):
    """Answers what it was told to."""

    said = (200, b"{}", {})

    def answer(self, method, path, headers, body):
        return self.said


def asking(target, read=None):
    read = read or "url: \"" + target.url + "/q?k=${keys}\", each: \"'${reference}'\", batch: 4, list: rows, key: id, more: next, " \
        "compare: {v: \"${version}\", s: \"${state}\", p: \"${points}\", h: \"${held_for}\"}"
    return LINT.format(read=read).replace("https://crm.example", target.url).replace("batch: 2", "batch: 4")


def row(n, **more):
    o = redemption(n)
    return {"id": o["reference"].upper(), "v": o["version"], "s": o["state"], "p": o["points"], **more}


def ask(sender, *numbers, **fields):
    done, rows = sender.end(sender.start(*[redemption(n, **fields) for n in numbers], reads="yes"))
    return done["result"], {numbers[place]: said["code"] for place, said in rows.items()}, done


def test_each_object_is_there_lost_or_otherwise():
    with Asked() as target, Sender(asking(target)) as sender:
        # numbers as texts and with .0, null as absent or empty: the same
        target.said = 200, {"rows": [row(3, p="300", h=""), row(1, p=100.0, h=None), row(4, s="open")]}, {}
        assert ask(sender, 1, 2, 3, 4)[:2] == ("delivered", {2: "missing", 4: "differs: s"})
        method, path, headers, body = target.requests[-1]
        assert method == "GET" and body == b"" and "Content-Type" not in headers
        assert path == "/q?k=" + "%2C".join(f"%27{redemption(n)['reference']}%27" for n in (1, 2, 3, 4))
        target.said = 200, {"rows": [row(1), row(1), row(9)]}, {}
        assert ask(sender, 1)[:2] == ("delivered", {1: "differs: it is there twice"})
        target.said = 200, {"rows": [row(1, p=100.5), row(2, p=200), row(3, p=[300]), row(4, h="x")]}, {}
        assert ask(sender, 1, 2, 3, 4)[:2] == ("delivered", {1: "differs: p", 3: "differs: p", 4: "differs: h"})


@pytest.mark.parametrize("said, result, why", [
    ((200, b"", {}), "retry", "its answer is not what was promised"),
    ((200, b"[]", {}), "retry", "its answer is not what was promised"),
    ((200, b'{"rows": {}}', {}), "retry", "its answer is not what was promised"),
    ((200, b'{"rows": []' + b"\0}", {}), "retry", "its answer is not what was promised"),
    ((200, b'{"rows": [' + b"[" * 200 + b"]" * 200 + b"]}", {}), "retry", "its answer is not what was promised"),
    ((200, {"rows": [], "next": "/more"}, {}), "held", "its answer is a part: there is more"),
    ((200, {"rows": [], "next": {"deferred": 1}}, {}), "held", "its answer is a part: there is more"),
    ((414, b"", {}), "held", "HTTP 414"), ((503, b"", {}), "retry", "HTTP 503"), ((403, b"", {}), "stop", "HTTP 403"),
    ((404, b"", {}), "stop", "HTTP 404"), ((302, b"", {"Location": "/"}), "stop", "HTTP 302"),
])
def test_what_is_no_answer_says_nothing_of_any_object(said, result, why):
    with Asked() as target, Sender(asking(target)) as sender:
        target.said = said
        got, rows, done = ask(sender, 1, 2)
        assert (got, rows, done["why"]) == (result, {}, why)


@pytest.mark.parametrize("rows", [[7], ["x"], [None], [[]], [{"id": 7}], [{"id": {}}], [{}], [{"id": "x" * 5000}]])
def test_rows_that_are_none_are_nobodys(rows):
    with Asked() as target, Sender(asking(target)) as sender:
        target.said = 200, {"rows": rows}, {}
        assert ask(sender, 1)[:2] == ("delivered", {1: "missing"})


def test_false_and_nothing_mean_that_there_is_no_more():
    with Asked() as target, Sender(asking(target)) as sender:
        for none in (False, None, ""):
            target.said = 200, {"rows": [row(1)], "next": none}, {}
            assert ask(sender, 1)[:2] == ("delivered", {})


def test_one_alone_is_asked_for_by_its_url_and_a_404_means_that_it_is_lost():
    with Asked() as target, Sender(asking(target, f'url: "{target.url}/q/${{member}}/${{reference}}", compare: {{v: "${{version}}"}}')) as sender:
        target.said = 200, {"v": 1}, {}
        assert ask(sender, 1)[:2] == ("delivered", {})
        assert target.requests[-1][1] == "/q/M1/" + redemption(1)["reference"]
        target.said = 404, b"", {}
        assert ask(sender, 1)[:2] == ("delivered", {1: "missing"})
        target.said = 200, {"v": 2}, {}
        assert ask(sender, 1)[:2] == ("delivered", {1: "differs: v"})


@pytest.mark.parametrize("member", ["a' or '1' eq '1", "a,b", "a)", "a\\", "a\nb", "", 'a"b', "a;b", "a&b"])
def test_no_members_name_becomes_another_question(member):
    read = 'url: "https://crm.example/q?k=${keys}", each: "\'${member}\'", batch: 4, list: rows, key: id, compare: {v: "${version}"}'
    with Asked() as target, Sender(asking(target, read.replace("https://crm.example", target.url))) as sender:
        got, rows, done = ask(sender, 1, 2, member=member)
        assert got == "held" and target.requests == [] and done["why"] == "member has a character that a query may not have"


# ---- the night ----

@pytest.fixture
def desk(database, build):
    with Desk(database, build) as made:
        yield made


def runs(desk):
    return json.loads(desk.ctl("target", "parity", "crm", "--all", "--json").stdout)


def counts(desk):
    run = runs(desk)["parity"][0]
    return run["result"], run["objects"], run["missing"], run["differing"], run["resent"], run["open"]


@pytest.fixture
def night(desk, build, tmp_path):
    """A strict CRM that was told of so many redemptions: (it, the outbox, its connector)."""
    with targets.Salesforce() as crm, Outbox(desk.database, build, tmp_path, fake=False) as outbox:
        crm.tokens.add("token")
        crm.daily = 100_000
        text = (ROOT / "fixtures/connectors/salesforce.yaml").read_text().replace("https://your-domain.my.salesforce.com", crm.url)
        text = text[:text.index("  balance:")]
        login = text[text.index("login:"):text.index("answer:")]
        text = text.replace(login, 'login: {kind: header, name: Authorization, begins: "Bearer ", secret: token}\n')
        (outbox.credentials / "crm.token").write_text("token")
        (outbox.credentials / "crm.token").chmod(0o600)
        outbox.db.execute("SELECT handback.add_target('crm', 'P', %s)", (text,))
        yield crm, outbox


def redeem_many(desk, count):
    desk.db.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points, partner, merchant, transaction_type)"
                    " SELECT 1, 1, 'Debit By Redemption', 1, 'AIR', 'Air', 6 FROM generate_series(1, %s)", (count,))


def test_what_a_target_loses_is_found_the_same_night_and_told_again(desk, night):
    """One of three in ten thousand, by its own YAML: nothing but what was lost comes again, and there is no false alarm."""
    crm, outbox = night
    redeem_many(desk, ROWS)
    outbox.start(HANDBACK_LIBEXEC="")
    outbox.wait(lambda: len(crm.records) == ROWS, 120)
    outbox.wait(lambda: outbox.query("SELECT result FROM handback.target_status") == [("done",)])
    with crm.lock:
        lost = sorted(crm.records)[::ROWS // 3][:3]
        for key in lost:
            del crm.records[key]
        changed = sorted(crm.records)[ROWS // 2]
        crm.records[changed] = {**crm.records[changed], "Points__c": 77}
        writes = crm.writes
    desk.nightly()
    outbox.wait(lambda: counts(desk)[0] == "done", 120)
    assert counts(desk) == ("done", ROWS, 3, 1, 4, 0)
    said = runs(desk)
    assert {(d["key"], d["difference"], d["state"]) for d in said["differences"]} == {
        *((key, "missing", "told again") for key in lost), (changed, "differs: Points__c", "told again")}
    outbox.wait(lambda: len(crm.records) == ROWS and crm.records[changed]["Points__c"] == 1)
    assert crm.writes == writes + 4
    # the next night nothing is said of what was right, and what was told again is read
    desk.nightly()
    outbox.wait(lambda: len(runs(desk)["parity"]) == 2 and counts(desk)[0] == "done")
    assert counts(desk) == ("done", 4, 0, 0, 0, 0) and runs(desk)["differences"] == []
    assert outbox.query("SELECT why, detail FROM audit.event WHERE what = 'target_replayed'") == [(None, "4 objects that it had lost or changed")] \
        or outbox.query("SELECT sum(split_part(detail, ' ', 1)::integer) FROM audit.event WHERE what = 'target_replayed'") == [(4,)]


def test_what_differs_again_stays_for_a_person(desk, night):
    crm, outbox = night
    redeem_many(desk, 5)
    outbox.start(HANDBACK_LIBEXEC="")
    outbox.wait(lambda: len(crm.records) == 5)
    crm.shows = {"Status__c": "translated"}
    desk.nightly()
    outbox.wait(lambda: counts(desk) == ("done", 5, 0, 5, 5, 0))
    outbox.wait(lambda: outbox.query("SELECT later, held FROM handback.target_status") == [(0, 0)])
    desk.nightly()
    outbox.wait(lambda: counts(desk) == ("done", 5, 0, 5, 0, 5))
    assert {d["state"] for d in runs(desk)["differences"]} == {"open"}
    desk.nightly()
    outbox.wait(lambda: counts(desk) == ("done", 0, 0, 0, 0, 0))
    # a person asks again for all of it
    crm.shows = {}
    desk.ctl("target", "parity", "crm", "--from", "2000-01-01")
    outbox.wait(lambda: counts(desk)[:2] == ("done", 10))
    assert counts(desk) == ("done", 10, 0, 0, 0, 0)


def test_what_changed_since_is_no_difference_and_a_target_that_cannot_be_asked_is_told_on(desk, night):
    crm, outbox = night
    desk.redeem("A")
    desk.redeem("B")
    outbox.start(HANDBACK_LIBEXEC="")
    outbox.wait(lambda: len(crm.records) == 2)
    outbox.db.execute("SELECT handback.pause_target('crm', 'for the test')")
    desk.deliver([("A", "KO")])
    desk.ctl("target", "parity", "crm", "--from", "2000-01-01")
    crm.queries = "403"
    outbox.db.execute("SELECT handback.resume_target('crm')")
    outbox.wait(lambda: counts(desk)[0] == "failed")
    assert runs(desk)["parity"][0]["why"] == "HTTP 403 INSUFFICIENT_ACCESS"
    assert outbox.query("SELECT state FROM handback.target_now") == [("active",)]
    outbox.wait(lambda: crm.records[desk.references["A"]]["Status__c"] == "reversed")
    crm.queries = None
    desk.nightly()
    # B of the first delivery, and A of the second: of the first one it has changed
    outbox.wait(lambda: counts(desk) == ("done", 2, 0, 0, 0, 0))


def test_a_pause_holds_up_questions_too(desk, night):
    """Four fifths of a limit are used, by small deliveries: what is left of the day is not spent on questions."""
    crm, outbox = night
    outbox.start(HANDBACK_LIBEXEC="")
    for n in range(1, 5):
        desk.redeem(f"R{n}")
        outbox.wait(lambda n=n: len(crm.records) == n and outbox.query("SELECT result FROM handback.target_status") == [("done",)])
    with crm.lock:
        crm.daily, asked = crm.calls + 4, len(crm.requests)
    desk.nightly()
    outbox.wait(lambda: len(crm.requests) > asked)
    desk.redeem("R5")
    time.sleep(1.5)  # a poll and a half
    assert len(crm.requests) == asked + 1 and len(crm.records) == 4 and counts(desk)[0] == "running"
    outbox.stop()
    crm.daily = 100_000
    outbox.start(HANDBACK_LIBEXEC="")
    outbox.wait(lambda: counts(desk) == ("done", 4, 0, 0, 0, 0) and len(crm.records) == 5)


def test_one_without_a_word_about_reading_is_skipped(desk, build, tmp_path):
    with Outbox(desk.database, build, tmp_path) as outbox:
        outbox.connector("crm")
        outbox.start()
        desk.redeem("A")
        outbox.wait(lambda: outbox.states("crm") == {desk.references["A"]: "open"})
        desk.nightly()
        outbox.wait(lambda: counts(desk) == ("skipped", 0, 0, 0, 0, 0))


def test_breaks_have_an_owner_are_counted_and_end_when_they_are_put_right(desk, night):
    crm, outbox = night
    redeem_many(desk, 3)
    outbox.start(HANDBACK_LIBEXEC="")
    outbox.wait(lambda: len(crm.records) == 3)
    crm.shows = {"Status__c": "translated"}
    for _ in range(2):
        desk.nightly()
        outbox.wait(lambda: runs(desk)["parity"] and counts(desk)[0] == "done" and outbox.query("SELECT later FROM handback.target_status") == [(0,)])
    named, = outbox.query("SELECT made_by FROM handback.target WHERE version = 1")[0]
    breaks = runs(desk)["breaks"]
    assert len(breaks) == 3 and {(b["owner"], b["difference"], b["kind"]) for b in breaks} == {(named, "differs: Status__c", "redemption")}
    desk.ctl("target", "assign", "crm", "alice", "--why", "knows the CRM")
    assert {b["owner"] for b in runs(desk)["breaks"]} == {"alice"}
    assert json.loads(desk.ctl("target", "status", "--json").stdout)["targets"][0]["breaks"] == 3
    # a limit holds for people, of each list; a machine has all
    text = desk.ctl("target", "parity", "crm", "--limit", "1").stdout
    assert text.count("differs: Status__c") == 2 and text.count("done") == 1
    desk.nightly()
    said = [json.loads(path.read_text()) for path in (desk.spool / "notifications").rglob("target_differs*.json")]
    assert [n["message"] for n in said] == ["crm has 3 objects otherwise than it was told, which alice has to see to: handbackctl target parity crm"]
    outbox.wait(lambda: counts(desk)[0] == "done")
    crm.shows = {}
    desk.ctl("target", "parity", "crm", "--from", "2000-01-01")
    outbox.wait(lambda: counts(desk)[:2] == ("done", 6))
    assert runs(desk)["breaks"] == [] and outbox.query("SELECT detail FROM audit.event WHERE what = 'target_changed'") == [
        ("its breaks are given to alice",)]

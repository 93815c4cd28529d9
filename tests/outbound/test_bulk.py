"""Bulk: very many objects go by a job of the target, whose steps are written down, so that a job outlives whoever told of it."""
import json
import subprocess
import threading
import time

import pytest

import targets
from c_source import ROOT
from outbox import Outbox
from sender import Sender
from targets import Refused, redemption
from worker import Desk

CONNECTOR = (ROOT / "fixtures/connectors/salesforce.yaml").read_text()


def connector(url, **of):
    """The shipped one, for redemptions alone and with a fixed token; of: other values of its keys."""
    text = CONNECTOR.replace("https://your-domain.my.salesforce.com", url)
    text = text[:text.index("  balance:")]
    login = text[text.index("login:"):text.index("answer:")]
    text = text.replace(login, 'login: {kind: header, name: Authorization, begins: "Bearer ", secret: token}\n')
    for key, value in of.items():
        head, tail = text.split(f"      {key}:", 1)
        text = f"{head}      {key}: {value}\n" + tail.split("\n", 1)[1]
    return text


# ---- the language ----

@pytest.mark.parametrize("was, now, said", [
    ("/jobs/ingest/${job}/batches", "/jobs/ingest/batches", "the URL has to have ${job}, once"),
    ('/jobs/ingest"', '/jobs/${job}"', "there is no ${job} before it is created"),
    ("/jobs/ingest/${job}/batches", "/jobs/${member}/${job}", "${member}: the URL of a job has ${job} alone"),
    ("      key: External_Reference__c\n      empty", "      key: Status__c\n      empty", "rows are known by the column that is ${reference}"),
    ("      key: External_Reference__c\n      empty", "      empty", "key: the column that rows are known by is required"),
    ("operation: upsert", 'operation: "${state}"', "what creates or closes a job tells of no object: it has no fields"),
    ("        job: id\n", "", "create has job: where in the answer its id stands"),
    ("        open: [Open]\n", "", "poll has state, where it stands, and which words are open, done and failed"),
    ('Points__c: "${points}"\n        Partner_R', 'Points__c: "${point}"\n        Partner_R', "a redemption has no field point"),
    ("from: 2000", "from: 10001", "from 1 to 10000"),
    ("      taken:", "      took:", "taken: a map with its url is required"),
    ("        body: {state: UploadComplete}", "        body: {state: UploadComplete}\n        method: GET", "one of POST, PUT, PATCH"),
    ("timeout: 120s", "headers: {X-Of: a}\ntimeout: 120s\nnetwork: nowhere", "one of public, private"),
])
def test_a_mistake_is_told_in_words(build, tmp_path, was, now, said):
    assert was in CONNECTOR
    path = tmp_path / "c.yaml"
    path.write_text(CONNECTOR.replace(was, now, 1))
    done = subprocess.run([build / "ctl/handbackctl", "target", "lint", path], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and said in done.stdout, done.stdout


def test_no_login_of_a_body_goes_with_csv(build, tmp_path):
    path = tmp_path / "c.yaml"
    login = CONNECTOR[CONNECTOR.index("login:"):CONNECTOR.index("answer:")]
    path.write_text(CONNECTOR.replace(login, "login: {kind: body, name: k, secret: s}\n"))
    done = subprocess.run([build / "ctl/handbackctl", "target", "lint", path], capture_output=True, text=True, timeout=60)
    assert "CSV has no place for a login in the body" in done.stdout


# ---- one step ----

def step(sender, name, *objects, **more):
    done, rows = sender.end(sender.start(*objects, step=name, **more))
    return done, rows


def made(sender, *objects):
    job = step(sender, "create", objects[0])[0]["job"]
    assert step(sender, "upload", *objects, job=job)[0]["result"] == "delivered"
    return job


def test_a_job_is_made_step_by_step_and_each_row_has_its_result():
    objects = [redemption(n, merchant='A "B", C\nD', partner='AIR "X", Y\nZ', version=n) for n in range(1, 6)]
    keys = [o["reference"] for o in objects]
    with targets.BulkSalesforce() as crm, Sender(connector(crm.url), {"token": "t"}) as sender:
        crm.tokens.add("t")
        crm.faults = {keys[1]: "ENTITY_IS_DELETED", keys[2]: "UNABLE_TO_LOCK_ROW"}
        crm.unprocessed = {keys[3]}
        job = made(sender, *objects)
        assert step(sender, "poll", objects[0], job=job)[0]["state"] == "open"
        assert step(sender, "close", objects[0], job=job)[0]["result"] == "delivered"
        states = [step(sender, "poll", objects[0], job=job)[0]["state"] for _ in range(2)]
        assert states == ["going", "ended"]
        done, rows = step(sender, "results", *objects, job=job)
        assert done["result"] == "delivered"
        assert {place: (said["result"], said["code"]) for place, said in rows.items()} == {
            1: ("held", "ENTITY_IS_DELETED"), 2: ("retry", "UNABLE_TO_LOCK_ROW"), 3: ("retry", "it was not looked at")}
        # what is null is told so, and what has commas and lines in it is what it was
        kept = crm.records[keys[0]]
        assert kept["Partner__c"] == 'AIR "X", Y\nZ' and kept["Held_For__c"] is None and kept["Handback_Version__c"] == 1
        crm.jobs.clear()
        assert step(sender, "poll", objects[0], job=job)[0]["state"] == "gone"
        assert step(sender, "results", *objects, job=job)[0]["state"] == "gone"


class Lists(targets.Target):
    said, status = {}, 200

    def answer(self, method, path, headers, body):
        return self.status, self.said.get(path.rsplit("/", 2)[-2], b""), {}


HEAD = b'"sf__Id","External_Reference__c"\n'


@pytest.mark.parametrize("taken, result, codes", [
    (b"", "delivered", ["no result", "no result"]),
    (HEAD, "delivered", ["no result", "no result"]),
    (HEAD + b'"a","%s"\r\n"b","%s"' % tuple(redemption(n)["reference"].upper().encode() for n in (1, 2)), "delivered", []),
    (HEAD + b"a,%s\nb," % redemption(1)["reference"].encode(), "delivered", ["no result"]),
    (b"[]", "retry", []), (b'"External_Reference__c"\n"x', "retry", []), (b'"External_Reference__c"\n"x"y', "retry", []),
    (HEAD + b'"alone"\n', "retry", []), (b"External_Reference__c\nx\0y", "retry", []), (HEAD + b"," * 300 + b"\n", "retry", []),
    (HEAD + b"\xff,\xff\n", "delivered", ["no result", "no result"]),
])
def test_lists_that_are_none_say_nothing_of_any_object(taken, result, codes):
    with Lists() as target, Sender(connector(target.url), {"token": "t"}) as sender:
        target.said = {"successfulResults": taken}
        done, rows = step(sender, "results", redemption(1), redemption(2), job="J")
        assert done["result"] == result and [said["code"] for said in rows.values()] == codes


def test_a_row_that_two_lists_name_was_not_taken_and_a_schema_fault_stops_the_target():
    with Lists() as target, Sender(connector(target.url), {"token": "t"}) as sender:
        one, other = redemption(1), redemption(2)
        target.said = {"successfulResults": HEAD + f"a,{one['reference']}\nb,{other['reference']}\n".encode(),
                       "failedResults": b"sf__Error,External_Reference__c\nDUPLICATE_VALUE:x:--,%s\n" % one["reference"].encode()}
        done, rows = step(sender, "results", one, other, job="J")
        assert done["result"] == "delivered" and {p: said["code"] for p, said in rows.items()} == {0: "DUPLICATE_VALUE"}
        target.said["failedResults"] = b"sf__Error,External_Reference__c\nINVALID_FIELD:x:--,%s\n" % one["reference"].encode()
        done, rows = step(sender, "results", one, other, job="J")
        assert (done["result"], done["why"]) == ("stop", "INVALID_FIELD") and {p: said["result"] for p, said in rows.items()} == {1: "delivered"}


@pytest.mark.parametrize("more", [{"step": "upload"}, {"step": "create", "job": "J"}, {"job": "J"}, {"step": "poll", "job": "J", "reads": "yes"}])
def test_a_step_without_its_job_is_a_fault(more):
    with targets.BulkSalesforce() as crm, Sender(connector(crm.url), {"token": "t"}) as sender:
        assert sender.end(sender.start(redemption(1), **more))[0].verb == "fault"
        assert crm.requests == []


# ---- deliveries ----

@pytest.fixture
def desk(database, build):
    with Desk(database, build) as made:
        yield made


@pytest.fixture
def bulk(desk, build, tmp_path):
    """(a strict CRM with jobs, the outbox that tells it, from five on in bulk)"""
    with targets.BulkSalesforce() as crm, Outbox(desk.database, build, tmp_path, fake=False) as outbox:
        crm.tokens.add("token")
        crm.daily, crm.looks = 1_000_000, 1
        (outbox.credentials / "crm.token").write_text("token")
        (outbox.credentials / "crm.token").chmod(0o600)
        outbox.db.execute("SELECT handback.add_target('crm', 'P', %s)", (connector(crm.url, **{"from": 5}),))
        yield crm, outbox


def redeem_many(desk, count):
    desk.db.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points, partner, merchant, transaction_type)"
                    " SELECT 1, 1 + n %% 3, 'Debit By Redemption', 1, 'AIR', 'Air', 6 FROM generate_series(1, %s) n", (count,))


def steps(outbox):
    return outbox.query("SELECT array_agg(step || ' ' || kind ORDER BY at) FROM handback.delivery_job GROUP BY delivery_id ORDER BY delivery_id")


def test_many_go_by_one_job_and_few_by_batches(desk, bulk):
    crm, outbox = bulk
    redeem_many(desk, 700)
    keys = [key for key, in outbox.query("SELECT external_reference::text FROM ledger.redemption ORDER BY redemption_id")]
    crm.faults = {keys[3]: "STRING_TOO_LONG"}
    crm.unprocessed = {keys[5]}
    outbox.start(HANDBACK_LIBEXEC="")
    outbox.wait(lambda: len(crm.records) == 698)
    assert crm.uploads == 1 and steps(outbox) == [(["created redemption", "uploaded redemption", "closed redemption"],)]
    # what the job did not look at comes again, by a batch since it is one; what was refused is held
    outbox.wait(lambda: len(crm.records) == 699 and outbox.query("SELECT later, held FROM handback.target_status") == [(0, 1)], 30)
    assert crm.uploads == 1 and [r for r in crm.requests if r[:2] == ("PATCH", crm.PATH)]
    assert outbox.query("SELECT key, why FROM handback.object_waiting w JOIN handback.delivery_object o USING (target, kind, subject, key, delivery_id)") == [
        (keys[3], "STRING_TOO_LONG")]
    assert len(crm.requests) <= 9


def test_a_job_that_fails_stops_the_target_once(desk, bulk):
    crm, outbox = bulk
    crm.fails = "InvalidBatch : Field name not found : Foo__c"
    redeem_many(desk, 20)
    outbox.start(HANDBACK_LIBEXEC="")
    outbox.wait(lambda: outbox.query("SELECT state, reason FROM handback.target_now") == [("stopped", "the job failed: InvalidBatch")])
    assert crm.uploads == 1 and outbox.query("SELECT FROM handback.delivery_object") == []
    crm.fails = None
    outbox.db.execute("SELECT handback.resume_target('crm')")
    outbox.wait(lambda: len(crm.records) == 20)


STEPS = [("POST", "/ingest"), ("PUT", "/batches"), ("PATCH", ""), ("GET", ""), ("GET", "/successfulResults/"), ("GET", "/unprocessedrecords/")]


def test_whoever_is_killed_at_a_step_leaves_a_job_that_is_gone_on_with(desk, bulk):
    """Before the target had the request, and after: each row is written once, by a job that was closed once."""
    crm, outbox = bulk
    answer, plan = crm.answer, []

    def killing(method, path, headers, body):
        at = [(n, when) for n, when in plan if method == STEPS[n][0] and "/jobs/" in path
              and (path.endswith(STEPS[n][1]) if STEPS[n][1] else path.count("/") == 6)]
        if at and at[0][1] == "before":
            plan.clear()
            outbox.process.kill()
            raise Refused(503, {}, {})
        said = answer(method, path, headers, body)
        if at:
            plan.clear()
            outbox.process.kill()
            time.sleep(0.05)
        return said
    crm.answer = killing
    rounds = [(n, "after") for n in range(len(STEPS))] + [(1, "before"), (2, "before")]
    for done, (n, when) in enumerate(rounds):
        redeem_many(desk, 6)
        plan.append((n, when))
        outbox.start(HANDBACK_LIBEXEC="")
        outbox.process.wait(20)
        outbox.start(HANDBACK_LIBEXEC="")
        outbox.wait(lambda: len(crm.records) == 6 * (done + 1) and outbox.query(
            "SELECT result, later FROM handback.target_status") == [("done", 0)])
        outbox.kill()
        closed = [j for j in crm.jobs.values() if j["state"] == "JobComplete"]
        assert len(closed) == done + 1, (STEPS[n], when, [j["state"] for j in crm.jobs.values()])
    assert crm.writes == 6 * len(rounds)


def test_a_sender_that_is_gone_and_a_target_that_is_down_leave_the_job_where_it_is(desk, bulk):
    crm, outbox = bulk
    crm.looks = 10_000
    redeem_many(desk, 8)
    outbox.start(HANDBACK_LIBEXEC="")
    outbox.wait(lambda: steps(outbox) and len(steps(outbox)[0][0]) == 3)
    crm.misbehave = targets.raw(b"HTTP/1.1 503 no\r\nContent-Length: 0\r\n\r\n")
    polls = len(crm.requests)
    outbox.wait(lambda: len(crm.requests) >= polls + 2)
    subprocess.run(["pkill", "-KILL", "-P", str(outbox.process.pid)], check=True, timeout=20)
    crm.misbehave = None
    next(iter(crm.jobs.values()))["looks"] = 1
    outbox.wait(lambda: len(crm.records) == 8 and outbox.query("SELECT result FROM handback.target_status") == [("done",)], 40)
    assert crm.uploads == 1 and outbox.query("SELECT count(*) FROM handback.delivery_end WHERE result = 'lost'") == [(0,)]
    # one that is stopped leaves it, too, and within its time
    crm.looks = 10_000
    redeem_many(desk, 8)
    outbox.wait(lambda: len(steps(outbox)) == 2 and len(steps(outbox)[1][0]) == 3)
    assert outbox.stop() == 0
    list(crm.jobs.values())[-1]["looks"] = 1
    outbox.start(HANDBACK_LIBEXEC="")
    outbox.wait(lambda: len(crm.records) == 16)
    assert crm.uploads == 2


def test_a_job_that_the_target_lost_is_told_again(desk, bulk):
    crm, outbox = bulk
    crm.looks = 10_000
    redeem_many(desk, 8)
    outbox.start(HANDBACK_LIBEXEC="")
    outbox.wait(lambda: steps(outbox) and len(steps(outbox)[0][0]) == 3)
    with crm.lock:
        crm.looks = 1
        crm.jobs.clear()
    outbox.wait(lambda: len(crm.records) == 8, 30)
    assert outbox.query("SELECT result, why FROM handback.delivery_end WHERE why IS NOT NULL") == [
        ("again", "the target does not know its job any more")]


# ---- parents ----

def test_no_two_requests_under_way_have_the_same_parent(desk, build, tmp_path):
    with targets.Salesforce() as crm, Outbox(desk.database, build, tmp_path, fake=False) as outbox:
        under_way, overlaps, calls, lock = {}, [], [], threading.Lock()
        members = dict(outbox.query("SELECT 1, 1"))

        def locking(handler):
            rows = [r["External_Reference__c"] for r in json.loads(handler.body)["records"]]
            mine = {members[r] for r in rows}
            with lock:
                overlaps.extend(m for m in mine if under_way.get(m))
                under_way.update({m: under_way.get(m, 0) + 1 for m in mine})
                calls.append(rows)
            time.sleep(0.03)
            with lock:
                for m in mine:
                    under_way[m] -= 1
            body = json.dumps([{"id": "x", "success": True, "created": True, "errors": []} for _ in rows]).encode()
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        crm.misbehave = locking
        (outbox.credentials / "crm.token").write_text("token")
        (outbox.credentials / "crm.token").chmod(0o600)
        outbox.db.execute("SELECT handback.add_target('crm', 'P', %s)", (connector(crm.url).replace("batch: 200", "batch: 8", 1),))
        outbox.db.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points, partner, merchant, transaction_type)"
                          " SELECT 1, 1 + CASE WHEN n <= 30 THEN 0 ELSE n %% 9 END, 'Debit By Redemption', 1, 'AIR', 'Air', 6"
                          " FROM generate_series(1, %s) n", (90,))
        members.update(outbox.query("SELECT external_reference::text, member FROM ledger.redemption"))
        outbox.start(HANDBACK_LIBEXEC="")
        outbox.wait(lambda: sum(map(len, calls)) == 90)
        assert overlaps == [] and max(map(len, calls)) == 8
        # who fits into one request goes in one
        split = [m for m in set(members.values()) if sum(any(members[r] == m for r in rows) for rows in calls) > 1]
        assert split == [members[calls[0][0]]] or len(split) <= 1, split

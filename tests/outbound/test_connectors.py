"""Connectors: what a target is told, in which shape, by YAML alone; and the commands about targets."""
import datetime
import json
import subprocess

import pytest

from c_source import ROOT
from worker import Desk

CONNECTORS = sorted((ROOT / "fixtures/connectors").glob("*.yaml"))
SMALL = """
objects:
  redemption:
    url: "https://crm.example/r"
    record: {id: "${reference}"}
"""


@pytest.fixture
def desk(database, build):
    with Desk(database, build, start=False) as made:
        yield made


@pytest.fixture
def shown(desk, tmp_path):
    """{kind: the request} that tells of the redemption by this connector."""
    def show(connector, key):
        path = connector
        if "\n" in str(connector):
            path = tmp_path / "c.yaml"
            path.write_text(connector)
        said = json.loads(desk.ctl("target", "show", str(path), desk.references[key], "--json").stdout)
        return {r["kind"]: {**r, "body": json.loads(r["body"])} for r in said["requests"]}
    return show


def lint(build, tmp_path, text):
    path = tmp_path / "c.yaml"
    path.write_text(text)
    done = subprocess.run([build / "ctl/handbackctl", "target", "lint", path], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout.replace(f"{path}:", "")


def test_each_that_we_ship_is_sound(build):
    assert len(CONNECTORS) == 10
    done = subprocess.run([build / "ctl/handbackctl", "target", "lint", *CONNECTORS], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_salesforce_collections(desk, shown):
    """The shape that jsforce sends for an upsert of a collection."""
    desk.redeem("A", points=120)
    said = shown(ROOT / "fixtures/connectors/salesforce.yaml", "A")
    assert said["redemption"]["method"] == "PATCH" and said["redemption"]["url"].endswith("/composite/sobjects/Redemption__c/External_Reference__c")
    body = said["redemption"]["body"]
    assert list(body) == ["allOrNone", "records"] and body["allOrNone"] is False
    (record,) = body["records"]
    assert record["attributes"] == {"type": "Redemption__c"} and record["External_Reference__c"] == desk.references["A"]
    assert record["Points__c"] == 120 and record["Status__c"] == "open" and record["Handback_Version__c"] == 1
    assert record["Decided_At__c"] is None and record["Redeemed_At__c"].endswith("+00:00")
    (account,) = said["balance"]["body"]["records"]
    assert account["Member_Number__c"] == "M1" and account["Balance__c"] == 1_000_000 - 120


@pytest.mark.parametrize("when", ("2026-11-30T05:11:34.567609+00:00", "2024-02-29T23:59:59+00:00", "2000-03-01T00:00:00.5+00:00",
                                  "1999-12-31T23:59:59.999+00:00", "2027-01-01T00:00:00.001+00:00"))
def test_odata_upsert_has_dates_in_milliseconds(desk, shown, when):
    desk.redeem("A", posted_at=when)
    (record,) = shown(ROOT / "fixtures/connectors/successfactors.yaml", "A")["redemption"]["body"]
    whole, _, fraction = when.removesuffix("+00:00").partition(".")
    at = datetime.datetime.fromisoformat(whole + "+00:00") + datetime.timedelta(microseconds=int(fraction.ljust(6, "0") or 0))
    since = at - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    assert record["cust_redeemedAt"] == f"/Date({since // datetime.timedelta(milliseconds=1)})/"
    assert record["cust_reversedAt"] is None and record["cust_points"] == "100"
    assert record["__metadata"] == {"uri": f"cust_Redemption(externalCode='{desk.references['A']}')"}


def test_a_webhooks_event_is_the_same_until_something_changes(desk, shown):
    desk.redeem("A")
    connector = ROOT / "fixtures/connectors/webhook.yaml"
    first = shown(connector, "A")["redemption"]["body"]
    assert first["specversion"] == "1.0" and first["type"] == "handback.redemption.open.v1"
    assert shown(connector, "A")["redemption"]["body"] == first
    desk.start()
    desk.deliver([("A", "KO")])
    second = shown(connector, "A")["redemption"]["body"]
    assert second["id"] != first["id"] and second["data"]["state"] == "reversed" and second["data"]["reversed_at"] is not None


def test_what_partners_wrote_stays_a_text(desk, shown):
    """A field's content is never read as a template or as JSON."""
    desk.redeem("A", merchant='"}${state}\\ ä\u2028')
    body = shown(SMALL.replace('{id: "${reference}"}', '{m: "${merchant}", t: "<${merchant}>", n: "${points|text}", d: "${redeemed_at|date}",'
                               ' c: 7, y: true, q: "7", e: null}'), "A")["redemption"]["body"]
    assert body["m"] == '"}${state}\\ ä\u2028' and body["t"] == f"<{body['m']}>"
    assert body["n"] == "100" and len(body["d"]) == 10
    assert (body["c"], body["y"], body["q"], body["e"]) == (7, True, "7", None)


@pytest.mark.parametrize("change, said", (
    (("redemption", "redemtion"), "unknown key"),
    (("${reference}", "${referense}"), "a redemption has no field referense"),
    (("${reference}", "${reference|ms}"), "reference is no time: it has no form ms"),
    (("${reference}", "${reference|hex}"), "what begins with ${ is no field"),
    (("${reference}", "${reference"), "what begins with ${ is no field"),
    (("https://", "http://"), "no URL of https"),
    (("https://crm.example", "http://127.0.0.1.evil.example"), "no URL of https"),
    (("https://crm.example", "http://localhost@evil.example"), "no URL of https"),
    (("https://crm.example", "https://user:secret@crm.example"), "no URL of https"),
    (("https://crm.example", "https://"), "no URL of https"),
    (("https://crm.example/r", "https://crm.example/r\\nHost: x"), "no URL of https"),
    (("objects:", "method: DELETE\nobjects:"), "method"),
    (("objects:", "batch: 2\nobjects:"), "a batch of more than one has a body with ${records}"),
    (("objects:", "batch: 1001\nobjects:"), "batch"),
    (("    record:", "    body: {a: 1}\n    record:"), "a body has ${records} or ${record}, once"),
    (("    record:", "    body: {a: \"${reference}\", b: \"${record}\"}\n    record:"), "fields stand in the record"),
    (("    record:", "    body: {a: \"x ${records}\"}\n    record:"), "${records} stands alone"),
    (("    url: \"https://crm.example/r\"\n", ""), "url is missing"),
    (("{id: \"${reference}\"}", "[]"), "a map of their fields is required"),
    (("objects:", "batch: 2\nobjects:"), "a batch of more than one has answer.rows"),
    (("objects:", "network: all\nobjects:"), "network"),
    (("objects:", "timeout: 1h\nobjects:"), "from 1s to 10m"),
    (("https://crm.example/r", "https://${member}.example/r"), "no URL of https"),
    (("https://crm.example/r", "https://crm.example/${nobody}"), "a redemption has no field nobody"),
    (("https://crm.example/r", "https://crm.example/a/../r"), "no URL of https"),
    (("https://crm.example/r", "https://crm.example/r/.?a"), "no URL of https"),
    (("objects:", "headers: {\"X Y\": a}\nobjects:"), "no header has such a name"),
    (("objects:", "headers: {host: evil.example}\nobjects:"), "the sender's own"),
    (("objects:", "headers: {Authorization: secret}\nobjects:"), "the sender's own"),
    (("objects:", "headers: {X: \"a\\nY: b\"}\nobjects:"), "printable ASCII"),
    (("objects:", "headers: {X: \"${nobody}\"}\nobjects:"), "a redemption has no field nobody"),
    (("objects:", "login: {kind: magic}\nobjects:"), "login.kind"),
    (("objects:", "login: {user: a}\nobjects:"), "a login is a map with its kind"),
    (("objects:", "login: {kind: basic, secret: s}\nobjects:"), "basic has to have its user"),
    (("objects:", "login: {kind: basic, user: \"a:b\", secret: s}\nobjects:"), "no colon"),
    (("objects:", "login: {kind: header, name: X, secret: s, url: \"https://a.example/\"}\nobjects:"), "header has none"),
    (("objects:", "login: {kind: client_credentials, url: \"http://a.example/\", user: u, secret: s}\nobjects:"), "no URL of https"),
    (("objects:", "login: [{kind: basic, user: u, secret: s}, {kind: header, name: authorization, secret: s}]\nobjects:"), "two logins of one place"),
    (("objects:", "login: {kind: header, name: host, secret: s}\nobjects:"), "the sender's own"),
    (("objects:", "login: {kind: header, name: Content-Length, secret: s}\nobjects:"), "the sender's own"),
    (("objects:", "login: {kind: header, name: Transfer-Encoding, secret: s}\nobjects:"), "the sender's own"),
    (("objects:", "login: {kind: body, name: id, secret: s}\nobjects:"), "without a member id"),
    (("objects:", "login: {kind: signature, id: ident, secret: s}\nobjects:"), "there is no member ident"),
    (("objects:", "answer: {status: {delivered: [302]}}\nobjects:"), "never means that it was taken"),
    (("objects:", "answer: {status: {delivered: [5xx]}}\nobjects:"), "never means that it was taken"),
    (("objects:", "answer: {status: {retry: [600]}}\nobjects:"), "a status is 100 to 599"),
    (("objects:", "answer: {status: {retry: [409], held: [409]}}\nobjects:"), "409 has its meaning already"),
    (("objects:", "answer: {codes: {retry: [A], stop: [A]}}\nobjects:"), "A has its meaning already"),
    (("objects:", "answer: {code: a..b}\nobjects:"), "a path is of names"),
    (("objects:", "answer: {rows: {list: d}}\nobjects:"), "result or failed is required"),
    (("objects:", "answer: {rows: {result: ok}}\nobjects:"), "result and delivered go together"),
    (("objects:", "answer: {rows: {list: a, failed: b}}\nobjects:"), "failed needs key"),
    (("objects:", "answer: {rows: {result: a, delivered: [b], key: k, ours: nobody}}\nobjects:"), "a redemption has no field nobody"),
    (("objects:", "batch: 2\nanswer: {rows: {result: a, delivered: [b], key: k, ours: member}}\nobjects:"), "may have the same member"),
    (("objects:", "batch: 2\nanswer: {rows: {result: a, delivered: [b], key: k, ours: points}}\nobjects:"), "may have the same points"),
    (("objects:", "answer: {limit: {begins: x}}\nobjects:"), "the header that tells the limit"),
    (("objects:", "answer: {limit: {header: X-Limit, remaining: X Left}}\nobjects:"), "no header has such a name"),
    (("objects:", "answer: {limit: {header: X-Limit, remaining: X-Left, begins: u=}}\nobjects:"), "or another what remains"),
    (("objects:", "answer: {limit: {header: X-Limit, pause: 2d}}\nobjects:"), "from 1s to 1d"),
    (("objects:", "answer: {retries: 7}\nobjects:"), "unknown key"),
))
def test_a_mistake_is_named_with_its_place(build, tmp_path, change, said):
    assert lint(build, tmp_path, SMALL) == (0, lint(build, tmp_path, SMALL)[1])
    assert change[0] in SMALL
    status, out = lint(build, tmp_path, SMALL.replace(*change))
    place = out.split(":")
    assert status == 2 and said in out and place[0].isdigit() and place[1].isdigit(), out


def test_what_objects_are_known_by(build, tmp_path):
    for ours in ("reference", "outbound_reference"):
        text = SMALL.replace("objects:", f"batch: 2\nanswer: {{rows: {{result: a, delivered: [b], key: k, ours: {ours}}}}}\nobjects:")
        assert lint(build, tmp_path, text + "    body: {list: \"${records}\"}\n")[0] == 0
    assert lint(build, tmp_path, SMALL.replace("objects:", "answer: {rows: {result: a, delivered: [b], key: k, ours: member}}\nobjects:"))[0] == 0
    for name in ("Authorization", "Cookie", "X-Api-Key"):
        assert lint(build, tmp_path, SMALL.replace("objects:", f"login: {{kind: header, name: {name}, secret: s}}\nobjects:"))[0] == 0


def test_loopback_may_be_http(build, tmp_path):
    for host in ("http://127.0.0.1:8080", "http://localhost", "http://[::1]:1"):
        assert lint(build, tmp_path, SMALL.replace("https://crm.example", host))[0] == 0


def test_a_target_from_its_naming_on(desk, tmp_path):
    desk.start()
    path = tmp_path / "c.yaml"
    path.write_text(SMALL)

    def ctl(*words, allowed=(0,)):
        done = desk.ctl("target", *words, "--json", allowed=allowed)
        return json.loads(done.stdout) if done.returncode == 0 else done.stderr

    assert ctl("status") == {"targets": []} | {k: v for k, v in ctl("status").items() if k != "targets"}
    assert ctl("add", "crm", "P", str(path))["done"]["version"] == 1
    assert "no programme" in ctl("add", "crm2", "NONE", str(path), allowed=(2,))
    path.write_text(SMALL.replace("${reference}", "${referense}"))
    assert "no field referense" in ctl("add", "crm", "P", str(path), allowed=(2,))
    desk.redeem("A")
    (target,) = ctl("status")["targets"]
    assert (target["target"], target["programme"], target["state"], target["held"]) == ("crm", "P", "active", 0)
    assert target["waiting_since"] is not None
    (request,) = ctl("show", "crm", desk.references["A"])["requests"]
    assert json.loads(request["body"]) == {"id": desk.references["A"]}
    assert "no such redemption" in ctl("show", "crm", "12345678-9abc-4ef0-8234-56789abcdef0", allowed=(2,))
    assert "there is no target other" in ctl("show", "other", desk.references["A"], allowed=(2,))
    assert ctl("pause", "crm", "--why", "the CRM moves")["done"]["version"] == 2
    assert "--why" in ctl("pause", "crm", allowed=(2,))
    assert ctl("status")["targets"][0]["reason"] == "the CRM moves"
    assert ctl("resume", "crm")["done"]["version"] == 3
    assert "active already" in ctl("resume", "crm", allowed=(2,))
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    assert ctl("replay", "crm", "--from", today)["done"]["causes"] > 0
    assert ctl("replay", "crm")["done"]["causes"] == 0, "nothing is held"
    assert [what for what, in desk.query("SELECT what FROM audit.event ORDER BY event_id")] == [
        "target_added", "target_paused", "target_resumed", "target_replayed", "target_replayed"]
    desk.ctl("audit", "verify")


def test_try_shows_each_request_whole_and_no_secret(desk, tmp_path):
    desk.redeem("A")
    desk.start()
    desk.deliver([("A", "KO")])
    said = json.loads(desk.ctl("target", "try", ROOT / "fixtures/connectors/salesforce.yaml", desk.references["A"], "--json").stdout)["requests"]
    assert [(r["request"], r["kind"]) for r in said] == [
        *((word, "redemption") for word in ("tell", "read", "create", "upload", "close", "poll", "taken", "refused", "left")),
        ("tell", "balance"), ("tell", "log"), ("tell", "log")]
    tell, read, create, upload, close = said[:5]
    assert tell["method"] == "PATCH" and json.loads(tell["body"])["records"][0]["Status__c"] == "reversed"
    assert tell["headers"] == "Authorization: Bearer (a token of https://login.salesforce.com/services/oauth2/token, by the credential salesforce_key)"
    assert read["method"] == "GET" and read["url"].endswith(f"IN+(%27{desk.references['A']}%27)")
    assert create["method"] == "POST" and json.loads(create["body"])["operation"] == "upsert"
    head, row = upload["body"].splitlines()
    assert upload["url"].endswith("/ingest/JOB/batches") and "text/csv" in upload["headers"]
    assert dict(zip(head.split(","), row.split(",")))["Held_For__c"] == "#N/A" and row.startswith(desk.references["A"])
    assert close["method"] == "PATCH" and json.loads(close["body"]) == {"state": "UploadComplete"}
    assert [json.loads(r["body"])["records"][0]["Line__c"] for r in said[-2:]] == ["debit", "reversal"]
    # what one request cannot have is said, as it would be held
    path = tmp_path / "c.yaml"
    path.write_text('headers: {X-Who: "${held_for}"}\nobjects: {redemption: {url: "https://a.example/${member}", record: {r: "${reference}"}}}\n')
    done = desk.ctl("target", "try", path, desk.references["A"], allowed=(4,))
    assert "a redemption would be held: it has to have a value: held_for" in done.stderr

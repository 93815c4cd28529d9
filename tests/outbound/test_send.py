"""handback-send against strict targets: logins, results of each row, limits, and targets that misbehave."""
import base64
import datetime
import json
import re
import socket
import time

import pytest

import targets
from c_source import ROOT
from sender import Sender
from targets import redemption

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEXT = "whsec_" + base64.b64encode(bytes(range(32))).decode()


def shipped(name, target, hosts=r"https://[a-z.-]*(salesforce\.com|sapsf\.com|hooks\.example|login\.example|wd\.example|darwinbox\.in)(?=/)"):
    """A connector that we ship, with its hosts alone changed; what a login calls its audience is no host."""
    text = (ROOT / f"fixtures/connectors/{name}.yaml").read_text()
    return re.sub(hosts, target.url, text)


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return targets.make_key(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def salesforce(keys):
    with targets.Salesforce(keys[1]) as made:
        yield made


@pytest.fixture
def to_salesforce(salesforce, keys):
    with Sender(shipped("salesforce", salesforce), {"salesforce_key": keys[0]}) as made:
        assert made.first.verb == "ready", dict(made.first)
        yield made


def plain(target, more="", batch=1):
    """A connector of few words."""
    rows = 'rows: {result: ok, delivered: ["true"], code: code}' if batch > 1 else "code: code"
    body = "    body: {list: \"${records}\"}\n" if batch > 1 else ""
    return (f"batch: {batch}\ntimeout: 1s\n{more}" + ("" if "answer:" in more else f"answer: {{{rows}}}\n") +
            f"objects:\n  redemption:\n    url: \"{target.url}/r\"\n    record: {{id: \"${{reference}}\", m: \"${{member}}\"}}\n{body}")


class Plain(targets.Target):
    """Answers what it was told to."""

    said = (200, b"", {})

    def answer(self, method, path, headers, body):
        return self.said


@pytest.fixture
def target():
    with Plain() as made:
        yield made


# ---- collections ----

def test_a_collection_with_rows_of_every_kind(salesforce, to_salesforce):
    objects = [redemption(n) for n in range(1, 6)]
    salesforce.faults = {objects[1]["reference"]: "UNABLE_TO_LOCK_ROW", objects[3]["reference"]: "ENTITY_IS_DELETED",
                         objects[4]["reference"]: "SOMETHING_NEW"}
    done, rows = to_salesforce.deliver(*objects)
    assert (done["result"], done["status"], done["used"], done["whole"]) == ("delivered", "200", "19", "5000")
    assert {n: (r["result"], r["code"]) for n, r in rows.items()} == {
        1: ("retry", "UNABLE_TO_LOCK_ROW"), 3: ("held", "ENTITY_IS_DELETED"), 4: ("held", "SOMETHING_NEW")}
    assert set(salesforce.records) == {objects[0]["reference"], objects[2]["reference"]}
    method, path, headers, body = salesforce.requests[-1]
    assert headers["Content-Type"].startswith("application/json") and headers["User-Agent"].startswith("handback/")


def test_a_field_that_the_target_has_not_stops_it_once(salesforce, to_salesforce):
    salesforce.FIELDS = salesforce.FIELDS - {"Points__c"}
    done, rows = to_salesforce.deliver(redemption(1), redemption(2))
    assert (done["result"], done["why"], rows) == ("stop", "INVALID_FIELD", {})


def test_a_token_that_ended_is_renewed_once(salesforce, to_salesforce):
    assert to_salesforce.deliver(redemption(1))[0]["result"] == "delivered" and salesforce.tokens_given == 1
    assert to_salesforce.deliver(redemption(2))[0]["result"] == "delivered" and salesforce.tokens_given == 1
    salesforce.tokens.clear()
    assert to_salesforce.deliver(redemption(3))[0]["result"] == "delivered" and salesforce.tokens_given == 2
    salesforce.token = lambda body: (200, {"access_token": "of nobody".replace(" ", "-")}, {})
    salesforce.tokens.clear()
    done, _ = to_salesforce.deliver(redemption(4))
    assert done["result"] == "stop" and "401 INVALID_SESSION_ID" in done["why"]


def test_many_at_once_have_one_token(salesforce, to_salesforce):
    numbers = {to_salesforce.start(redemption(n)) for n in range(1, 21)}
    ended = {int(to_salesforce.end()[0]["delivery"]) for _ in numbers}
    assert ended == numbers and salesforce.tokens_given == 1 and len(salesforce.records) == 20


def test_who_is_refused_a_token_stops(salesforce, keys, tmp_path):
    other = targets.make_key(tmp_path)[0]
    with Sender(shipped("salesforce", salesforce), {"salesforce_key": other}) as sender:
        done, _ = sender.deliver(redemption(1))
    assert (done["result"], done["why"]) == ("stop", "login: HTTP 400 invalid_grant")
    with Sender(shipped("salesforce", salesforce), {"salesforce_key": "no key"}) as sender:
        assert "no RSA key" in sender.deliver(redemption(1))[0]["why"]
    with Sender(shipped("salesforce", salesforce)) as sender:
        assert (sender.first.verb, sender.first["why"]) == ("fault", "the credential salesforce_key is missing")


def test_a_login_that_is_away_is_no_fault(salesforce, to_salesforce):
    salesforce.token = lambda body: (503, b"", {})
    done, _ = to_salesforce.deliver(redemption(1))
    assert (done["result"], done["why"], done["wait_s"]) == ("retry", "login: HTTP 503 ", "30")
    for status, asked, waits in ((429, "77", "77"), (503, "1000000", "86400"), (429, "soon", "30"), (400, "77", None)):
        salesforce.token = lambda body: (status, b"", {"Retry-After": asked})
        assert to_salesforce.deliver(redemption(1))[0].get("wait_s") == waits, status


def test_a_limit_that_is_used_up_is_a_retry(salesforce, to_salesforce):
    salesforce.calls = salesforce.daily
    done, _ = to_salesforce.deliver(redemption(1))
    assert (done["result"], done["used"], done["whole"], done["why"]) == ("retry", "5001", "5000", "HTTP 403 REQUEST_LIMIT_EXCEEDED")


@pytest.mark.parametrize("limit, remaining, told", [
    ("600", "120", ("480", "600")), ("600;w=60", "0", ("600", "600")), ("600, 600;w=60", "700", (None, "600")), ("600", "600", (None, "600")),
    ("600", None, (None, None)), (None, "1", (None, None)), ("600", "-1", (None, None)), ("0", "0", (None, None)), ("600x", "1", (None, None)),
    ("99999999999999999999", "1", (None, None)),
])
def test_a_limit_may_be_told_by_what_remains(target, limit, remaining, told):
    target.headers = {name: value for name, value in (("x-ratelimit-limit", limit), ("x-ratelimit-remaining", remaining)) if value}
    with Sender(plain(target, "answer: {limit: {header: X-RateLimit-Limit, remaining: X-RateLimit-Remaining}}\n")) as sender:
        done, _ = sender.deliver(redemption(1))
    assert (done["result"], done.get("used"), done.get("whole")) == ("delivered", *told)


# ---- upserts of OData ----

def test_odata_rows_have_their_own_status():
    objects = [redemption(n) for n in range(1, 6)]
    with targets.SuccessFactors() as target:
        target.faults = {objects[0]["reference"]: ("ERROR", None, 500, ""), objects[2]["reference"]: ("ERROR", None, 400, "COE_X"),
                         objects[3]["reference"]: ("ACCEPTED", None, 202, None)}
        text = shipped("successfactors", target)
        text = text.replace(text[text.index("login:"):text.index("answer:")], 'login: {kind: client_credentials, url: "%s/oauth/token", '
                            'user: handback, secret: successfactors_secret}\n' % target.url)
        with Sender(text, {"successfactors_secret": "s3cret & more\n"}) as sender:
            done, rows = sender.deliver(*objects)
            assert (done["result"], done["status"]) == ("delivered", "200")
            assert {n: (r["result"], r["status"], r.get("code")) for n, r in rows.items()} == {
                0: ("retry", "500", None), 2: ("held", "400", "COE_X"), 3: ("retry", "202", None)}
            assert set(target.records) == {objects[1]["reference"], objects[4]["reference"]}


def test_a_saml_assertion_is_signed_by_our_key_and_shown_once(keys, tmp_path):
    with targets.SuccessFactors(keys[1]) as target:
        with Sender(shipped("successfactors", target), {"successfactors_key": keys[0]}) as sender:
            assert sender.deliver(redemption(1))[0]["result"] == "delivered"
            assert sender.deliver(redemption(2))[0]["result"] == "delivered" and target.tokens_given == 1
        other = targets.make_key(tmp_path)[0]
        with Sender(shipped("successfactors", target), {"successfactors_key": other}) as sender:
            done, _ = sender.deliver(redemption(3))
            assert (done["result"], done["why"]) == ("stop", "login: HTTP 401 invalid_grant")
        with Sender(shipped("successfactors", target), {"successfactors_key": "no key"}) as sender:
            done, _ = sender.deliver(redemption(3))
            assert done["result"] == "stop" and "no RSA key of 2048 bits" in done["why"]
        with Sender(shipped("successfactors", target).replace("your-api-key", "a & <b>"), {"successfactors_key": keys[0]}) as sender:
            assert "printable ASCII without > and" in sender.deliver(redemption(3))[0]["why"]
        form = dict(target.assertion_forms[0])
        text = base64.b64decode(form["assertion"]).decode()
        assert targets.saml_claims(text, keys[1]) and targets.saml_claims(text.replace("handback</saml:NameID>", "admin</saml:NameID>"), keys[1]) is None


# ---- SOAP ----

def test_a_put_of_soap_has_its_login_and_its_faults_mean_what_they_say():
    with targets.WorkdaySoap("p&<s>'\"${login}") as target:
        text = shipped("workday_soap", target)
        refused, broken, odd = (redemption(n)["reference"] for n in (2, 3, 4))
        target.faults = {refused: ("SOAP-ENV:Client.validationError", "Validation error occurred. Validation_Error"), broken: ("SOAP-ENV:Server", "busy"),
                         odd: ("SOAP-ENV:Client.validationError", "x", 200)}
        with Sender(text, {"workday_password": target.secret}) as sender:
            assert sender.deliver(redemption(1, member="A&B <i> ${login} ]]> '\"", partner=None, merchant="x"))[0]["result"] == "delivered"
            kept = target.records[redemption(1)["reference"]]
            assert kept["Worker"] == "A&B <i> ${login} ]]> '\"" and kept["Partner"] is None and kept["Redeemed_On"] == "2026-11-30"
            said = [sender.deliver(redemption(n))[0] for n in (2, 3, 4)]
            assert [(d["result"], d["why"]) for d in said] == [("held", "HTTP 500 Validation_Error"), ("retry", "HTTP 500"), ("held", "HTTP 200 validationError")]
            done, _ = sender.deliver(redemption(5, member="A\u0001B"))
            assert (done["result"], done["why"]) == ("held", "a value has a character that XML cannot have")
        with Sender(text, {"workday_password": "another"}) as sender:
            assert [sender.deliver(redemption(1))[0][k] for k in ("result", "why")] == ["stop", "HTTP 500 invalid username or password"]
    class Silent(Plain):
        said = (200, b"<html>Welcome</html>", {})
    with Silent() as target, Sender(shipped("workday_soap", target), {"workday_password": "p"}) as sender:
        assert [sender.deliver(redemption(1))[0][k] for k in ("result", "why")] == ["retry", "its answer is not what was promised"]


# ---- webhooks ----

def test_a_webhook_is_signed_and_the_same_each_time():
    with targets.Webhook(SECRET) as target, Sender(shipped("webhook", target), {"webhook_secret": SECRET}) as sender:
        for _ in range(2):
            assert sender.deliver(redemption(1))[0]["result"] == "delivered"
        assert list(target.taken) == [f"redemption-{redemption(1)['reference']}-1"]
        target.secrets = (NEXT,)
        assert sender.deliver(redemption(1))[0]["result"] == "stop"


def test_two_secrets_while_they_rotate():
    text = (ROOT / "fixtures/connectors/webhook.yaml").read_text().replace("  secret: webhook_secret", "  secret: webhook_secret\n  second: webhook_next")
    for believed in (SECRET, NEXT):
        with targets.Webhook(believed) as target:
            with Sender(text.replace("https://hooks.example", target.url), {"webhook_secret": SECRET, "webhook_next": NEXT}) as sender:
                assert sender.deliver(redemption(1))[0]["result"] == "delivered"


# ---- other logins, and results by key ----

def test_results_of_two_lists_by_key():
    with Plain() as target:
        balances = [{"member": f"M{n}", "programme": "P", "points": n, "version": 1, "as_of_entry": n, "as_of": None} for n in range(1, 5)]
        target.said = (200, {"status": 1, "data": {"success": [{"employee_id": "M3"}, {"employee_id": "M1"}],
                                                   "errors": [{"employee_id": "M2", "error": "unknown employee"}]}}, {})
        with Sender(shipped("darwinbox", target), {"darwinbox_password": "p:w", "darwinbox_key": 'k"ey'}) as sender:
            done, rows = sender.deliver(*balances, kind="balance")
        assert done["result"] == "delivered"
        assert {n: (r["result"], r["code"]) for n, r in rows.items()} == {1: ("held", "unknown employee"), 3: ("retry", "no result")}
        _, _, headers, body = target.requests[0]
        assert headers["Authorization"] == "Basic " + base64.b64encode(b"handback:p:w").decode()
        assert json.loads(body)["api_key"] == 'k"ey' and json.loads(body)["data"][0]["employee_id"] == "M1"


def test_a_url_with_a_field_and_a_key_in_a_header(target):
    more = "method: PUT\nlogin: {kind: header, name: X-Api-Key, begins: \"k \", secret: key}\nheaders: {X-Version: \"v${version}\"}\n"
    text = plain(target, more).replace("/r\"", "/workers/${member}/x?v=${version}\"")
    with Sender(text, {"key": "abc"}) as sender:
        assert sender.deliver(redemption(1, member="a/../b?c=d&e ä"))[0]["result"] == "delivered"
        method, path, headers, _ = target.requests[0]
        assert (method, path) == ("PUT", "/workers/a%2F..%2Fb%3Fc%3Dd%26e%20%C3%A4/x?v=1")
        assert headers["X-Api-Key"] == "k abc" and headers["X-Version"] == "v1"


def test_what_a_partner_wrote_leads_to_no_other_path(target):
    text = plain(target, "method: PUT\n").replace("/r\"", "/workers/${member}/.${partner};v=1/x?m=${member}\"")
    with Sender(text) as sender:
        for member, partner in ((".", "a"), ("..", "a"), ("M1", ".")):
            done, _ = sender.deliver(redemption(1, member=member, partner=partner))
            assert done["result"] == "held" and "a part . or .." in done["why"], member
        assert target.requests == []
        for member in ("...", "..a", "../..", ".%2e"):
            assert sender.deliver(redemption(1, member=member, partner="a"))[0]["result"] == "delivered"
        assert target.requests[2][1] == "/workers/..%2F../.a;v=1/x?m=..%2F.."


def by_key(target, ours):
    rows = f'answer: {{rows: {{list: taken, failed: refused, key: id, ours: {ours}, code: code}}}}\n'
    return plain(target, rows, batch=3)


def test_results_by_key_are_known_in_either_case(target):
    objects = [redemption(n) for n in (1, 2, 3)]
    keys = [o["reference"] for o in objects]
    assert keys[0].upper() != keys[0].lower()
    for change in (str.upper, str.lower):
        target.said = (200, {"taken": [{"id": change(keys[2])}, {"id": change(keys[0])}], "refused": [{"id": change(keys[1]), "code": "x"}]}, {})
        with Sender(by_key(target, "reference")) as sender:
            assert {n: r["result"] for n, r in sender.deliver(*objects)[1].items()} == {1: "held"}


def test_a_key_that_two_objects_have_is_neithers(target):
    """And what partners or we wrote into another field is compared as it is."""
    objects = [redemption(n, outbound_reference=name) for n, name in ((1, "A"), (2, "A"), (3, "b"))]
    target.said = (200, {"taken": [{"id": "A"}, {"id": "B"}], "refused": []}, {})
    with Sender(by_key(target, "outbound_reference")) as sender:
        assert {n: r["code"] for n, r in sender.deliver(*objects)[1].items()} == {n: "no result" for n in range(3)}
        target.said = (200, {"taken": [{"id": "b"}], "refused": []}, {})
        assert set(sender.deliver(*objects)[1]) == {0, 1}


@pytest.mark.parametrize("member", ("a\r\nX-Evil: 1", "a\nb", "ä", "x" * 2000))
def test_what_a_partner_wrote_becomes_no_header(target, member):
    with Sender(plain(target, "headers: {X-Member: \"${member}\"}\n")) as sender:
        done, _ = sender.deliver(redemption(1, member=member))
        assert done["result"] == "held" and "a value of a header" in done["why"] and target.requests == []
        assert sender.deliver(redemption(2))[0]["result"] == "delivered"


# ---- answers ----

@pytest.mark.parametrize("status, result", ((200, "delivered"), (204, "delivered"), (301, "stop"), (302, "stop"), (400, "held"), (404, "stop"), (408, "retry"),
                                            (410, "stop"), (422, "held"), (429, "retry"), (500, "retry"), (503, "retry")))
def test_what_statuses_mean_by_themselves(target, status, result):
    target.said = (status, b"", {"Location": "http://169.254.169.254/"} if status in (301, 302) else {})
    with Sender(plain(target)) as sender:
        done, rows = sender.deliver(redemption(1))
    assert (done["result"], done["status"], rows, len(target.requests)) == (result, str(status), {}, 1)


def test_a_pause_that_is_asked_for(target):
    with Sender(plain(target, "answer: {wait: 300s}\n")) as sender:
        def wait(**headers):
            target.said = (429, b"", {k.replace("_", "-"): v for k, v in headers.items()})
            return int(sender.deliver(redemption(1))[0]["wait_s"])

        at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=90)
        assert wait(Retry_After="17") == 17 and wait() == 300 and wait(Retry_After="soon") == 300
        assert 80 <= wait(Retry_After=at.strftime("%a, %d %b %Y %H:%M:%S GMT")) <= 90
        assert wait(Retry_After="99999999999999999999") == 86400 and wait(Retry_After="Mon, 01 Jan 2001 00:00:00 GMT") == 1


def test_a_secret_that_the_target_repeats_is_not_kept(target):
    """A debug mode, a proxy, a login page: what was sent comes back as a code, of the whole, of a row, of a login."""
    key, short = "k3y-of-the-target-0123456789", "pa55word"
    header = "login: {kind: header, name: X-Key, secret: key}\n"
    with Sender(plain(target, header, batch=2), {"key": key, "other": short}) as sender:
        for code, kept in ((f"bad key {key}", False), (f"bad key {key[:20]}...", False), (f"not {short}", False), ("bad key", True), (key[:10], True)):
            target.said = (400, {"code": code}, {})
            text = plain(target, header + "answer: {code: code}\n")
            with Sender(text, {"key": key, "other": short}) as alone:
                why = alone.deliver(redemption(1))[0]["why"]
            assert (code in why) == kept and (kept or why == "what it says has a secret of ours in it, and is not kept"), why
            target.said = (200, [{"ok": False, "code": code}, {"ok": True}], {})
            row = sender.deliver(redemption(1), redemption(2))[1][0]
            assert row["result"] == "held" and (row["code"] == code) == kept, dict(row)
    login = f"login: {{kind: client_credentials, url: \"{target.url}/token\", user: us, secret: key}}\n"
    with Sender(plain(target, login), {"key": key}) as sender:
        target.said = (400, {"error": f"invalid_client {key}"}, {})
        done, _ = sender.deliver(redemption(1))
        assert done["result"] == "stop" and "secret of ours" in done["why"]


@pytest.mark.parametrize("said", (b"", b"{}", b"null", b"<html>200 OK</html>", b'[{"ok": true}', b'{"ok": true}', b"[" * 5000, b'[{"ok": true, "ok": true}]',
                                  b'[{"ok": true}]\x00', b'"[]"'))
def test_an_answer_that_was_not_promised_delivers_nothing(target, said):
    target.said = (200, said, {})
    with Sender(plain(target, batch=2)) as sender:
        done, rows = sender.deliver(redemption(1), redemption(2))
    assert (done["result"], rows) == ("retry", {}) and "not what was promised" in done["why"]


def test_fewer_results_than_rows_and_more(target):
    with Sender(plain(target, batch=3)) as sender:
        target.said = (200, [{"ok": True}, {"ok": False, "code": "x\u202e\n" + "y" * 500}, {}], {})
        done, rows = sender.deliver(redemption(1), redemption(2), redemption(3))
        assert done["result"] == "delivered" and {n: r["result"] for n, r in rows.items()} == {1: "held", 2: "retry"}
        assert rows[1]["code"].isprintable() and rows[1]["code"].startswith("x\\u{202e}\\n") and len(rows[1]["code"].encode()) <= 200
        # by place one that is missing moves all behind it: none is believed
        for wrong in ([{"ok": True}] * 2, [{"ok": True}] * 9, [{"ok": True}, {"ok": False, "code": "x"}], []):
            target.said = (200, wrong, {})
            rows = sender.deliver(redemption(1), redemption(2), redemption(3))[1]
            assert {n: (r["result"], r["code"]) for n, r in rows.items()} == {n: ("retry", "no result") for n in range(3)}, wrong
        target.said = (200, [{"ok": "yes"}, {"ok": 1}, {}], {})
        assert {n: r["result"] for n, r in sender.deliver(redemption(1), redemption(2), redemption(3))[1].items()} == {0: "held", 1: "held", 2: "retry"}


def test_results_by_index_are_of_the_request(target):
    with Sender(plain(target, "answer: {rows: {result: ok, delivered: [\"true\"], index: at}}\n", batch=3)) as sender:
        def results(*at):
            target.said = (200, [{"ok": n != 2, "at": n} for n in at], {})
            return {n: r["result"] for n, r in sender.deliver(redemption(1), redemption(2), redemption(3))[1].items()}

        assert results(2, 0, 1) == {2: "held"} and results(0) == {1: "retry", 2: "retry"}
        # whoever counts from one, or says nothing, is not believed at all
        assert results(1, 2, 3) == results(0, None, 1) == results(0, -1, 1) == {0: "retry", 1: "retry", 2: "retry"}


# ---- targets that misbehave ----

@pytest.mark.parametrize("how, why", ((targets.cut, "no answer"), (targets.slow_loris, "no answer"), (targets.oversized, "longer than it may be"),
                                      (targets.endless_headers, "longer than it may be"), (targets.raw(b"\x16\x03\x01\x00garbage\r\n\r\n"), "no answer"),
                                      (targets.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[{"), "no answer"),
                                      (targets.gzip_bomb, "not what was promised")))
def test_a_target_that_misbehaves_delivers_nothing(target, how, why):
    target.misbehave = how
    with Sender(plain(target, batch=2)) as sender:
        began = time.monotonic()
        done, rows = sender.deliver(redemption(1), redemption(2))
        assert done["result"] == "retry" and why in done["why"] and rows == {} and time.monotonic() - began < 5
        target.misbehave, target.said = None, (200, [{"ok": True}, {"ok": True}], {})
        assert sender.deliver(redemption(1), redemption(2))[0]["result"] == "delivered"


def test_nobody_there():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))

        class there:
            url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with Sender(plain(there)) as sender:
            assert sender.deliver(redemption(1))[0]["result"] == "retry"


# ---- whom it speaks to ----

def test_tls_is_verified(tmp_path):
    tls, trusted = targets.certificate(tmp_path)
    with Plain(tls=tls) as target:
        with Sender(plain(target, "ca: own_ca\n"), {"own_ca": trusted}) as sender:
            assert sender.deliver(redemption(1))[0]["result"] == "delivered"
        with Sender(plain(target)) as sender:
            done, _ = sender.deliver(redemption(1))
            assert done["result"] == "retry" and "certificate" in done["why"] and len(target.requests) == 1
        text = plain(target, "ca: own_ca\n").replace("https://localhost", "https://127.0.0.1")
        with Sender(text, {"own_ca": trusted}) as sender:
            done, _ = sender.deliver(redemption(1))
            assert done["result"] == "retry" and len(target.requests) == 1


@pytest.mark.parametrize("host, private", (("10.0.0.1", ""), ("192.168.1.1", ""), ("169.254.169.254", ""), ("169.254.169.254", "private"), ("0.0.0.0", ""),
                                           ("[::ffff:10.0.0.1]", ""), ("[fe80::1]", "private"), ("[fd00::1]", ""), ("127.0.0.2", "private"),
                                           ("[64:ff9b::a00:1]", ""), ("100.64.0.1", "")))
def test_addresses_that_are_not_a_targets(target, host, private):
    text = plain(target, "network: private\n" if private else "").replace(f"http://127.0.0.1:{target.port}", f"https://{host}:{target.port}")
    with Sender(text) as sender:
        done, _ = sender.deliver(redemption(1))
    assert done["result"] == "retry" and "not allowed" in done["why"], dict(done)


def test_no_proxy_of_the_environment(target):
    for name in ("http_proxy", "https_proxy", "ALL_PROXY"):
        with Sender(plain(target), environment={name: "http://127.0.0.1:9"}) as sender:
            assert sender.deliver(redemption(1))[0]["result"] == "delivered"


# ---- what the outbox may ask ----

def test_what_no_outbox_asks_ends_it(target):
    for ask in (lambda s: s.start(redemption(1), redemption(2)), lambda s: s.start(redemption(1), kind="balance"),
                lambda s: s.start(redemption(1), kind="secrets"), lambda s: s.pass_on(b"delivery\tdelivery=1\tkind=redemption\tobjects=2", b"[{}]"),
                lambda s: s.pass_on(b"delivery\tdelivery=1\tkind=redemption\tobjects=1", b"{}"), lambda s: s.ours.send(b"steal")):
        with Sender(plain(target)) as sender:
            ask(sender)
            assert sender.next().verb == "fault" and sender.next() is None
    assert target.requests == []


def test_an_object_that_lacks_a_field_is_held(target):
    with Sender(plain(target)) as sender:
        lacking = redemption(1)
        del lacking["member"]
        done, _ = sender.deliver(lacking)
        assert done["result"] == "held" and "member" in done["why"]


def test_it_ends_with_its_outbox(target):
    sender = Sender(plain(target))
    target.misbehave = targets.slow_loris
    sender.start(redemption(1))
    with sender:
        pass
    assert sender.process.returncode == 0

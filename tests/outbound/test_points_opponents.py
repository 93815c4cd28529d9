"""Partners that nobody here wrote: Prism plays one from the OpenAPI file that it would publish, mountebank one that misbehaves on the wire."""
import collections
import json
import subprocess
import time
import urllib.request

import pytest

import opponents
import partners
from c_source import ROOT
from case_table import case
from points import points_world
from prism import free_port

pytestmark = pytest.mark.all_only

# written from tests/opponents/miles.yaml alone
MILES = """\
timeout: 5s
headers: {X-Partner-Code: HB PREFER}
login: {kind: header, name: X-Api-Key, secret: transfer_secret}
points:
  url: "https://transfer.example/v1/accruals"
  record: {partnerReference: "${outbound_reference}", memberNumber: "${account}", activityDate: "${requested_at}", miles: "${points}", description: "${reason}"}
  idempotent: true
  answer:
    state: status
    states: {credited: [CREDITED], pending: [PENDING], rejected: [REJECTED]}
    code: code
    codes: {rejected: [MEMBER_NOT_FOUND], exists: [DUPLICATE_REFERENCE]}
    status: {not_taken: [503], stop: [401]}
    reference: transactionId
  ask:
    url: "https://transfer.example/v1/transactions?partnerReference=${outbound_reference}"
    missing_after: 1s
"""


class Program:
    """One of npm's, listening."""

    def __init__(self, folder, *words):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / f"{words[0]}.log"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([*opponents.program(words[0]), *(w.replace("PORT", str(self.port)) for w in words[1:])], stdout=log, stderr=log,
                                            cwd=folder)
        end = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(self.url, timeout=5).close()
                return
            except urllib.error.HTTPError:
                return
            except OSError:
                assert self.process.poll() is None and time.monotonic() < end, self.log.read_text()
                time.sleep(0.05)

    def close(self):
        self.process.terminate()
        self.process.wait(20)


@pytest.fixture(scope="module")
def prism(tmp_path_factory):
    opponents.folder()
    made = Program(tmp_path_factory.mktemp("prism"), "prism", "mock", str(ROOT / "tests/opponents/miles.yaml"), "-p", "PORT", "-m", "false")
    yield made
    made.close()


@pytest.fixture(scope="module")
def mountebank(tmp_path_factory):
    opponents.folder()
    made = Program(tmp_path_factory.mktemp("mountebank"), "mb", "start", "--port", "PORT", "--localOnly", "--nologfile")
    yield made
    made.close()


@pytest.fixture
def route(database, build, tmp_path):
    made = []

    def of(url, connector):
        text = connector.replace("https://transfer.example", url)
        made.append(partners.Route(points_world(database), build, tmp_path, "fulfilment-order", None, text))
        return made[-1]
    yield of
    for each in made:
        each.__exit__()


def asking(prefer):
    """Which of its answers Prism is to give, by the header that it has for that."""
    return MILES.replace(" PREFER", f', Prefer: "{prefer}"' if prefer else "")


@pytest.mark.parametrize("prefer, state, result", (
    (None, "credited", "credited"), ("example=pending", "sent", "pending"), ("code=422, example=member", "reversed", "rejected"), ("code=409", "unknown", "exists"),
    ("code=503", "queued", "not_sent")))
@case("points request: a partner that is known by its OpenAPI file alone is sent what it wants, by Prism's word, and each answer of it is understood")
def test_a_partner_of_a_file(prism, route, prefer, state, result):
    r = route(prism.url, asking(prefer))
    r.ask("deal", account="A1", points=70)
    r.start()
    r.wait(lambda: ("send", result) in r.attempts("deal") and r.state("deal") == state)
    assert r.one("SELECT http_status FROM points.attempt_end ORDER BY n, nth LIMIT 1") == (int(prefer[5:8]) if prefer and prefer.startswith("code=") else 201)


@pytest.mark.parametrize("old, new", (("memberNumber", "member"), ('miles: "${points}"', 'miles: "${reason}"'), ("activityDate", "on")))
@case("points request: what a partner's OpenAPI file does not have, Prism refuses; it is no word that the connector names, and so nobody's guess")
def test_a_connector_that_breaks_the_file(prism, route, old, new):
    r = route(prism.url, asking(None).replace(old, new))
    r.ask("deal", account="A1", points=70)
    r.start()
    r.wait(lambda: r.attempts("deal")[:1] == [("send", "unknown")])
    assert r.one("SELECT http_status FROM points.attempt_end WHERE n = 1") == 422


# ---- on the wire ----

def answers(*orders):
    """A fulfilment partner of mountebank's: a token, these answers to orders one after the other, and what it has of a reference."""
    def path(method, where):
        return [{"equals": {"method": method, "path": where}}]

    def is_json(status, said, **more):
        return {"is": {"statusCode": status, "headers": {"Content-Type": "application/json", "Connection": "close"}, "body": said}, **more}
    asked = [{"copy": {"from": {"query": "reference"}, "into": "${REFERENCE}", "using": {"method": "regex", "selector": ".+"}}}]
    order = [{"copy": {"from": "body", "into": "${REFERENCE}", "using": {"method": "jsonpath", "selector": "$.reference"}}}]

    def has(reference, status):
        return {"id": "F1", "reference": reference, "items": [{"amount": 70, "status": status}]}
    made = {"good": is_json(201, has("${REFERENCE}", "fulfilled"), behaviors=order), "slow": is_json(
        201, has("${REFERENCE}", "fulfilled"), behaviors=[*order, {"wait": 3000}]), "500": is_json(500, {"error": "internal"}),
        "no member": is_json(422, {"errors": [{"code": "NN1301"}]}), "exists": is_json(409, {"errors": [{"code": "NN1011"}]}),
        "reset": {"fault": "CONNECTION_RESET_BY_PEER"}, "noise": {"fault": "RANDOM_DATA_THEN_CLOSE"}}
    return {"protocol": "http", "recordRequests": True, "stubs": [
        {"predicates": path("POST", "/oauth/token"), "responses": [is_json(200, {"access_token": "t1", "token_type": "Bearer", "expires_in": 3600})]},
        {"predicates": path("POST", "/fulfillment_orders"), "responses": [made[o] for o in orders]},
        {"predicates": path("GET", "/fulfillment_orders"), "responses": [is_json(200, {"data": [has("${REFERENCE}", "fulfilled")]}, behaviors=asked)]}]}


def said(url, path, body=None):
    request = urllib.request.Request(url + path, json.dumps(body).encode() if body else None, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read())


@case("points request: resets, noise, a late answer and 500 by mountebank: each request went once, and is asked for until it is known")
def test_a_partner_on_the_wire(mountebank, route):
    orders = ["reset", "noise", "slow", "500", "exists", "no member", "good", "good"]
    port = said(mountebank.url, "/imposters", answers(*orders))["port"]
    text = (ROOT / "fixtures/connectors/fulfilment-order.yaml").read_text().replace("timeout: 30s", "timeout: 1s")
    r = route(f"http://127.0.0.1:{port}", text)
    references = {r.ask(f"deal-{n}", member=n + 1, points=70) for n in range(len(orders))}
    r.start()
    r.wait(lambda: r.one("SELECT count(*) FROM points.attempt_end WHERE result = 'unknown'") >= 4)
    deadline = time.monotonic() + 40
    while collections.Counter(r.states().values()) != {"credited": 7, "reversed": 1}:
        assert time.monotonic() < deadline, r.states()
        r.hurry()
        time.sleep(0.2)
    requests = said(mountebank.url, f"/imposters/{port}")["requests"]
    sent = collections.Counter(json.loads(q["body"])["reference"] for q in requests if (q["method"], q["path"]) == ("POST", "/fulfillment_orders"))
    assert sent == dict.fromkeys(references, 1)
    assert {q["query"]["reference"] for q in requests if q["method"] == "GET"} <= references
    r.wait(lambda: r.one("SELECT count(*) FROM points.batches WHERE ended_at IS NULL") == 0)
    assert r.db.execute("SELECT sum(requested), sum(credited), sum(reversed), sum(open) FROM points.batches").fetchone() == (560, 490, 70, 0)

"""Partners that nobody here wrote: Prism plays one from the OpenAPI file that it would publish, mountebank those of our connectors, on a bad wire."""
import base64
import collections
import json
import subprocess
import time
import types
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
    made = Program(tmp_path_factory.mktemp("mountebank"), "mb", "start", "--port", "PORT", "--localOnly", "--nologfile", "--allowInjection")
    yield made
    made.close()


@pytest.fixture
def route(database, build, tmp_path):
    made = []

    def of(url, connector, name="fulfilment-order", partner=None):
        text = connector.replace("https://transfer.example", url)
        made.append(partners.Route(points_world(database), build, tmp_path, name, partner, text))
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

JSON = {"Content-Type": "application/json", "Connection": "close"}
RESET, NOISE = {"fault": "CONNECTION_RESET_BY_PEER"}, {"fault": "RANDOM_DATA_THEN_CLOSE"}


def is_json(status, said, *behaviors):
    return {"is": {"statusCode": status, "headers": JSON, "body": said}, "behaviors": list(behaviors)}


LATE, FAILED = {"wait": 1500}, is_json(500, {"error": "internal"})


def stub(method, path, *responses, **body):
    """What is answered there, one after the other: to any body, or to one that says these."""
    return {"predicates": [{"equals": {"method": method, "path": path, **({"body": body} if body else {})}}], "responses": list(responses)}


def copied(into, selector):
    """Of the body of a request, into the answer."""
    return {"copy": {"from": "body", "into": into, "using": {"method": "jsonpath", "selector": selector}}}


def said(url, path, body=None):
    request = urllib.request.Request(url + path, json.dumps(body).encode() if body else None, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read())


def imposter(mountebank, stubs, port=None):
    """Where it listens."""
    return said(mountebank.url, "/imposters", {"protocol": "http", "recordRequests": True, "stubs": stubs, **({"port": port} if port else {})})["port"]


def requests_of(mountebank, port):
    return said(mountebank.url, f"/imposters/{port}")["requests"]


def drive(r, done, seconds=40):
    """What waits is due at once, until it is done."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, (r.states(), r.outbox.log.read_text()[-2000:])
        r.hurry()
        time.sleep(0.1)


def fulfilment(*orders):
    """A token, these answers to orders one after the other, and what it has of a reference."""
    def has(status):
        return {"id": "F1", "reference": "${REFERENCE}", "items": [{"amount": 70, "status": status}]}
    order, good = copied("${REFERENCE}", "$.reference"), has("fulfilled")
    asked = {"copy": {"from": {"query": "reference"}, "into": "${REFERENCE}", "using": {"method": "regex", "selector": ".+"}}}
    made = {"good": is_json(201, good, order), "late": is_json(201, good, order, LATE), "500": FAILED, "reset": RESET, "noise": NOISE,
            "no member": is_json(422, {"errors": [{"code": "NN1301"}]}), "exists": is_json(409, {"errors": [{"code": "NN1011"}]})}
    return [stub("POST", "/oauth/token", is_json(200, {"access_token": "t1", "token_type": "Bearer", "expires_in": 3600})),
            stub("POST", "/fulfillment_orders", *(made[o] for o in orders)),
            stub("GET", "/fulfillment_orders", is_json(200, {"data": [good]}, asked))]


@case("points request: resets, noise, a late answer and 500 by mountebank: each request went once, and is asked for until it is known")
def test_a_partner_on_the_wire(mountebank, route):
    orders = ["reset", "noise", "late", "500", "exists", "no member", "good", "good"]
    port = imposter(mountebank, fulfilment(*orders))
    text = (ROOT / "fixtures/connectors/fulfilment-order.yaml").read_text().replace("timeout: 30s", "timeout: 1s")
    r = route(f"http://127.0.0.1:{port}", text)
    references = {r.ask(f"deal-{n}", member=n + 1, points=70) for n in range(len(orders))}
    r.start()
    r.wait(lambda: r.one("SELECT count(*) FROM points.attempt_end WHERE result = 'unknown'") >= 4)
    drive(r, lambda: collections.Counter(r.states().values()) == {"credited": 7, "reversed": 1})
    requests = requests_of(mountebank, port)
    sent = collections.Counter(json.loads(q["body"])["reference"] for q in requests if (q["method"], q["path"]) == ("POST", "/fulfillment_orders"))
    assert sent == dict.fromkeys(references, 1)
    assert {q["query"]["reference"] for q in requests if q["method"] == "GET"} <= references
    r.wait(lambda: r.one("SELECT count(*) FROM points.batches WHERE ended_at IS NULL") == 0)
    assert r.db.execute("SELECT sum(requested), sum(credited), sum(reversed), sum(open) FROM points.batches").fetchone() == (560, 490, 70, 0)


EXCHANGE = "/v1/lps/your-lp"
# node's own: whatever has no good MAC is refused, before any other answer
NO_MAC = """config => {
    const crypto = require('crypto'), q = config.request, of = name => Object.entries(q.headers).find(([k]) => k.toLowerCase() === name)?.[1] || '';
    const m = /^MAC id="key-id", ?ts="(\\d+)", ?nonce="([^"]+)", ?ext="([^"]*)", ?mac="([^"]+)"$/.exec(of('authorization'));
    if (!m) return true;
    const ext = q.body ? crypto.createHash('sha256').update(of('content-type') + q.body).digest('hex') : '';
    const [host, port] = of('host').split(':'), text = [m[1], m[2], q.method, q.path, host, port, ext, ''].join('\\n');
    const mac = crypto.createHmac('sha256', 'k'.repeat(32)).update(text).digest('base64');
    return m[3] !== ext || m[4] !== mac || Math.abs(Date.now() / 1000 - m[1]) > 30;
}"""


def exchange():
    """Of each account another answer: to its validation, and to its credit."""
    def credit(status, *behaviors):
        return is_json(201, {"amount": 70, "status": status, "links": {"self": {"href": f"https://x.example{EXCHANGE}/credits/1"}}}, *behaviors)

    def valid(status="success"):
        return is_json(201, {"status": status, "links": {"self": {"href": "https://x.example/mvs/${MEMBER}"}}},
                       copied("${MEMBER}", "$.identifyingFactors.memberId"))
    mvs, credits = f"{EXCHANGE}/mvs/", f"{EXCHANGE}/credits/"
    answers = (credit("success"), credit("pending"), credit("failure"), RESET, NOISE, credit("success", LATE), FAILED, credit("success"))
    return [{"predicates": [{"inject": NO_MAC}], "responses": [is_json(401, {"errors": [{"code": "UNAUTHENTICATED"}]})]},
            stub("POST", mvs, RESET, valid(), identifyingFactors={"memberId": "A8"}),
            stub("POST", mvs, valid("failure"), identifyingFactors={"memberId": "A9"}),
            stub("POST", mvs, valid()),
            *(stub("POST", credits, a, memberValidation=f"https://x.example/mvs/A{n}") for n, a in enumerate(answers, 1)),
            stub("GET", f"{EXCHANGE}/credits/1", credit("success"))]


@case("points request: a points exchange of mountebank's, which checks each MAC: what it says is believed, what is lost on the wire goes once and waits")
def test_an_exchange_on_the_wire(mountebank, route):
    port = imposter(mountebank, exchange())
    us = types.SimpleNamespace(url=f"http://127.0.0.1:{port}", secret=base64.urlsafe_b64encode(b"k" * 32).decode().rstrip("="))
    r = route(us.url, partners.shipped("points-exchange", us, **{"timeout: 30s": "timeout: 1s"}), "points-exchange", us)
    due = dict(zip(range(1, 10), ("credited", "credited", "reversed", "unknown", "unknown", "unknown", "unknown", "credited", "reversed")))
    for n in due:
        r.ask(f"deal-{n}", member=n, points=70)
    r.start()
    drive(r, lambda: r.states() == {f"deal-{n}": state for n, state in due.items()})
    assert r.db.execute("SELECT sum(requested), sum(credited), sum(reversed), sum(unknown) FROM points.batches").fetchone() == (630, 210, 140, 280)
    sent = collections.Counter(json.loads(q["body"])["memberValidation"] for q in requests_of(mountebank, port)
                               if (q["method"], q["path"]) == ("POST", f"{EXCHANGE}/credits/"))
    assert sent == {f"https://x.example/mvs/A{n}": 1 for n in range(1, 9)}
    assert r.attempts("deal-8") == [("send", "not_sent"), ("send", "credited")] and r.attempts("deal-9") == [("send", "rejected")]
    assert r.one("SELECT state FROM handback.target_now") == "active"


STORE = "/chef/v1/oauth/api"


def storefront(references):
    """Orders and look-ups of each reference; the last one's order did not arrive, which its look-up says."""
    def ordered(status, *behaviors):
        return is_json(200, {"data": {"placeOrder": {"status": 1, "orderId": "S1", "orderStatus": "complete", "deliveryStatus": status}}}, *behaviors)

    def about(query, reference, *responses):
        return stub("POST", STORE, *responses, query=f"plumProAPI.{query}", variables={"data": {"poNumber": reference}})

    def found(*orders):
        return is_json(200, {"data": {"getOrderDetails": {"status": 1, "data": list(orders)}}})
    answers = ((ordered("delivered"),), (ordered("pending"),), (ordered("canceled"),), (RESET,), (NOISE,), (ordered("delivered", LATE),),
               (FAILED, ordered("delivered")))
    whole = [{"orderId": "S1", "poNumber": q, "denomination": 70, "orderStatus": "complete", "deliveryStatus": "delivered"} for q in references]
    return [{"predicates": [{"not": {"equals": {"headers": {"Authorization": "Bearer token"}}}}],
             "responses": [is_json(401, {"code": 401, "errorId": "PIPE10013"})]},
            *(about("mutation.placeOrder", q, *a) for q, a in zip(references, answers, strict=True)),
            *(about("query.getOrderDetails", q, found(o)) for q, o in zip(references[:-1], whole)),
            about("query.getOrderDetails", references[-1], found())]


@case("points request: a storefront of mountebank's: each number is ordered once, and again only where its look-up says that there is none")
def test_a_storefront_on_the_wire(mountebank, route):
    us = types.SimpleNamespace(url=f"http://127.0.0.1:{(port := free_port())}")
    text = partners.shipped("storefront-order", us, **{"timeout: 30s": "timeout: 1s", "ask:\n": "ask:\n    missing_after: 1s\n"})
    r = route(us.url, text, "storefront-order")
    references = [r.ask(f"deal-{n}", member=n, points=70) for n in range(1, 8)]
    assert imposter(mountebank, storefront(references), port) == port
    r.start()
    r.wait(lambda: r.one("SELECT count(*) FROM points.attempt_end WHERE result = 'unknown'") == 4)
    r.kill()  # another one does not wait because of what this one has seen
    r.start()
    drive(r, lambda: r.states() == {f"deal-{n}": "reversed" if n == 3 else "credited" for n in range(1, 8)})
    sent = collections.Counter(b["variables"]["data"]["poNumber"] for q in requests_of(mountebank, port) if "mutation" in (b := json.loads(q["body"]))["query"])
    assert sent == {**dict.fromkeys(references, 1), references[-1]: 2}
    last = r.attempts("deal-7")
    assert last[0] == ("send", "unknown") and last[-2:] == [("ask", "missing"), ("send", "credited")], last
    r.wait(lambda: r.one("SELECT count(*) FROM points.batches WHERE ended_at IS NULL") == 0)
    assert r.db.execute("SELECT sum(requested), sum(credited), sum(reversed), sum(open) FROM points.batches").fetchone() == (490, 420, 70, 0)

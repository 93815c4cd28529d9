"""Partners that credit points: strict servers of the three kinds that we ship connectors for.

Each keeps what it credited, by its own rules, and knows nothing of us but what is sent to it.  `credits` has
{our reference, or the account where it has none: [points, ...]}: two of one reference are a double credit.  fault(handler, do) may misbehave
around one request: do() has it take effect, and gives the answer that it would have.
"""
import base64
import hashlib
import hmac
import json
import time
import urllib.parse

from c_source import ROOT
from outbox import Outbox
from points import receive, row, terms
from targets import Refused, Target


class Partner(Target):
    """verdict(reference, points): what it does with a request: credited, pending, rejected, or another number of points."""

    def __init__(self, **options):
        self.credits, self.orders, self.verdicts, self.faults, self.calls = {}, {}, {}, [], 0
        super().__init__(**options)

    def verdict(self, reference):
        return self.verdicts.get(reference, "credited")

    def credit(self, reference, points):
        self.credits.setdefault(reference, []).append(points)

    def answer(self, method, path, headers, body):
        """As Target has it; one of the faults that were ordered comes first, and says itself what it does around the effect."""
        if self.moves(method, path, body):
            self.calls += 1
            if self.faults:
                return self.faults.pop(0)(lambda: self.take(method, path, headers, body))
        return self.take(method, path, headers, body)

    def moves(self, method, path, body):
        raise NotImplementedError

    def take(self, method, path, headers, body):
        raise NotImplementedError


# ---- faults: before the effect, or behind it ----

def refuse(status, said=None):
    def fault(do):
        raise Refused(status, said or {}, {})
    return fault


def lose(do):
    """It takes effect, and the answer is another's."""
    do()
    return 502, b"<html>Bad Gateway</html>", {"Content-Type": "text/html"}


def hang_up(do):
    do()
    raise Refused(200, b"{\"status\": \"succ", {"Content-Length": 4000, "Connection": "close"})


def hang_up_before(do):
    raise Refused(200, b"", {"Content-Length": 10, "Connection": "close"})


def garble(do):
    do()
    return 200, b"OK", {"Content-Type": "text/plain"}


def fail_before(do):
    raise Refused(500, {"error": "internal"}, {})


FAULTS = [lose, hang_up, hang_up_before, garble, fail_before]


# ---- a points exchange ----

class Exchange(Partner):
    """Validations that are good for one credit; a MAC of each request, its nonce once."""

    LP = "/v1/lps/your-lp"

    def __init__(self, key=b"k" * 32, members=None, **options):
        self.key, self.members, self.nonces, self.validations, self.skew, self.validated = key, members, set(), {}, 0, 0
        super().__init__(**options)

    @property
    def secret(self):
        return base64.urlsafe_b64encode(self.key).decode().rstrip("=")

    def check(self, method, path, headers, body):
        scheme, _, rest = headers.get("Authorization", "").partition(" ")
        said = dict(part.strip().split("=", 1) for part in rest.split(",")) if scheme == "MAC" else {}
        said = {k: v.strip('"') for k, v in said.items()}
        if set(said) != {"id", "ts", "nonce", "ext", "mac"} or said["id"] != "key-id":
            raise Refused(401, {"errors": [{"code": "UNAUTHENTICATED"}]}, {})
        ext = hashlib.sha256(headers["Content-Type"].encode() + body).hexdigest() if body else ""
        host, _, port = headers["Host"].partition(":")
        text = "\n".join([said["ts"], said["nonce"], method, path, host, port or "443", ext, ""])
        due = base64.b64encode(hmac.new(self.key, text.encode(), hashlib.sha256).digest()).decode()
        if said["ext"] != ext or said["mac"] != due or said["nonce"] in self.nonces or abs(time.time() + self.skew - int(said["ts"])) > 30:
            raise Refused(401, {"errors": [{"code": "UNAUTHENTICATED"}]}, {})
        self.nonces.add(said["nonce"])

    def moves(self, method, path, body):
        return method == "POST" and path == self.LP + "/credits/"

    def take(self, method, path, headers, body):
        self.check(method, path, headers, body)
        if (method, path) == ("POST", self.LP + "/mvs/"):
            return self.validate(json.loads(body))
        if (method, path) == ("POST", self.LP + "/credits/"):
            return self.post_credit(json.loads(body))
        if method == "GET" and path.startswith(self.LP + "/credits/"):
            if path.rsplit("/", 1)[1] not in self.orders:
                raise Refused(404, {"errors": [{"code": "NOT_FOUND"}]}, {})
            return 200, self.orders[path.rsplit("/", 1)[1]], {}
        raise Refused(404, {"errors": [{"code": "NOT_FOUND"}]}, {})

    def validate(self, said):
        assert set(said) == {"identifyingFactors"} and set(said["identifyingFactors"]) == {"memberId"}
        member = said["identifyingFactors"]["memberId"]
        self.validated += 1
        link = f"{self.url}{self.LP}/mvs/{self.validated}"
        good = self.members is None or member in self.members
        self.validations[link] = member if good else None
        return 201, {"status": "success" if good else "failure", "links": {"self": {"href": link}}, "type": "memberValidation"}, {}

    def post_credit(self, said):
        assert set(said) == {"amount", "memberValidation"} and isinstance(said["amount"], int) and said["amount"] > 0
        member = self.validations.pop(said["memberValidation"], None)
        if member is None:
            raise Refused(422, {"errors": [{"code": "INVALID_MV"}]}, {})
        ident, verdict = str(len(self.orders) + 1), self.verdict(member)
        if verdict == "credited":
            self.credit(member, said["amount"])
        status = {"credited": "success", "rejected": "failure"}.get(verdict, verdict)
        self.orders[ident] = {"amount": said["amount"], "status": status, "type": "credit", "transactionId": "15786" + ident, "member": member,
                              "links": {"self": {"href": f"{self.url}{self.LP}/credits/{ident}"}}}
        return 201, self.orders[ident], {"Location": self.orders[ident]["links"]["self"]["href"]}

    def decide(self, member, verdict):
        """What was pending is decided."""
        for order in self.orders.values():
            if order["member"] == member and order["status"] in ("pending", "systemError"):
                order["status"] = {"credited": "success", "rejected": "failure"}[verdict]
                if verdict == "credited":
                    self.credit(member, order["amount"])


# ---- fulfilment orders ----

class Fulfilment(Partner):
    """Takes a reference once; tokens of client credentials; a version in a header.  newest_only: another token ends those before it."""

    def __init__(self, newest_only=False, **options):
        self.tokens, self.tokens_given, self.newest_only, self.refused = set(), 0, newest_only, 0
        super().__init__(**options)

    def moves(self, method, path, body):
        return (method, path) == ("POST", "/fulfillment_orders")

    def take(self, method, path, headers, body):
        if (method, path) == ("POST", "/oauth/token"):
            form = dict(urllib.parse.parse_qsl(body.decode(), strict_parsing=True))
            if form != {"grant_type": "client_credentials", "client_id": "client-id", "client_secret": "s3cret"}:
                raise Refused(401, {"error": "invalid_client"}, {})
            self.tokens_given += 1
            self.tokens = {f"t{self.tokens_given}"} | (set() if self.newest_only else self.tokens)
            return 200, {"access_token": f"t{self.tokens_given}", "token_type": "Bearer", "expires_in": 3600}, {}
        if headers.get("Authorization", "").removeprefix("Bearer ") not in self.tokens:
            self.refused += 1
            raise Refused(401, {"errors": [{"code": "TC4010"}]}, {})
        if headers.get("X-Ascenda-Version") != "1.3":
            raise Refused(400, {"errors": [{"code": "NN1000"}]}, {})
        where = urllib.parse.urlsplit(path)
        if method == "GET" and where.path == "/fulfillment_orders":
            reference = urllib.parse.parse_qs(where.query, strict_parsing=True)["reference"][0]
            return 200, {"data": [self.orders[reference]] if reference in self.orders else []}, {}
        if not self.moves(method, path, body):
            raise Refused(404, {"errors": [{"code": "NN1404"}]}, {})
        return self.order(json.loads(body))

    def order(self, said):
        assert set(said) == {"reference", "ordered_at", "items"} and len(said["items"]) == 1
        item = said["items"][0]
        assert set(item) == {"loyalty_program_id", "amount", "membership_number"} and item["loyalty_program_id"] == "your-program"
        if said["reference"] in self.orders:
            raise Refused(409, {"errors": [{"code": "NN1011"}]}, {})
        verdict = self.verdict(said["reference"])
        if verdict == "no member":
            raise Refused(422, {"errors": [{"code": "NN1301"}]}, {})
        points = item["amount"] if isinstance(verdict, str) else verdict
        if verdict == "credited" or not isinstance(verdict, str):
            self.credit(said["reference"], points)
        status = {"credited": "fulfilled", "pending": "processing", "rejected": "cancelled"}.get(verdict, "fulfilled")
        self.orders[said["reference"]] = {"id": f"F{len(self.orders) + 1}", "reference": said["reference"], "status": "accepted",
                                          "items": [{**item, "amount": points, "status": status}]}
        return 201, self.orders[said["reference"]], {}

    def decide(self, reference, verdict):
        item = self.orders[reference]["items"][0]
        item["status"] = {"credited": "fulfilled", "rejected": "failed"}[verdict]
        if verdict == "credited":
            self.credit(reference, item["amount"])


# ---- a storefront ----

class Storefront(Partner):
    """Orders by the buyer's number, which it takes as often as it is sent: whoever orders twice has two."""

    def moves(self, method, path, body):
        return b"mutation" in body

    def take(self, method, path, headers, body):
        if (method, path) != ("POST", "/chef/v1/oauth/api"):
            raise Refused(404, {"code": 404, "errorId": "PIPE10404", "errorInfo": "no such page"}, {})
        if headers.get("Authorization") != "Bearer token":
            raise Refused(401, {"code": 401, "errorId": "PIPE10013", "errorInfo": "not authorised"}, {})
        said = json.loads(body)
        assert set(said) == {"query", "tag", "variables"} and said["tag"] == "plumProAPI"
        data = said["variables"]["data"]
        if said["query"] == "plumProAPI.query.getOrderDetails":
            assert set(data) == {"poNumber"}
            return 200, {"data": {"getOrderDetails": {"status": 1, "data": [o for o in self.orders.values() if o["poNumber"] == data["poNumber"]]}}}, {}
        assert said["query"] == "plumProAPI.mutation.placeOrder" and data["quantity"] == 1 and isinstance(data["denomination"], int)
        assert set(data) == {"productId", "quantity", "denomination", "poNumber", "notifyReceiverEmail", "userMeta"}
        assert set(data["userMeta"]) == {"loyaltyMemberId"}
        verdict, ident = self.verdict(data["poNumber"]), str(1000 + len(self.orders))
        if verdict == "credited":
            self.credit(data["poNumber"], data["denomination"])
        self.orders[ident] = {"orderId": ident, "poNumber": data["poNumber"], "denomination": data["denomination"], "orderStatus": "complete",
                              "deliveryStatus": {"credited": "delivered", "rejected": "canceled"}.get(verdict, "pending")}
        return 200, {"data": {"placeOrder": {"status": 1, **{k: self.orders[ident][k] for k in ("orderId", "orderStatus", "deliveryStatus")}}}}, {}

    def decide(self, reference, verdict):
        for order in self.orders.values():
            if order["poNumber"] == reference and order["deliveryStatus"] == "pending":
                order["deliveryStatus"] = {"credited": "delivered", "rejected": "canceled"}[verdict]
                if verdict == "credited":
                    self.credit(reference, order["denomination"])


# ---- our side of them ----

KINDS = {
    "points-exchange": (Exchange, lambda p: {"exchange_key": p.secret}),
    "fulfilment-order": (Fulfilment, lambda p: {"transfer_secret": "s3cret"}),
    "storefront-order": (Storefront, lambda p: {"storefront_token": "token"}),
}


def shipped(name, partner, **changes):
    """The connector that we ship, with its hosts alone changed; and what a test does not wait for."""
    text = (ROOT / f"fixtures/connectors/{name}.yaml").read_text(encoding="utf-8")
    for host in ("https://exchange.example", "https://transfer.example", "https://storefront.example"):
        text = text.replace(host, partner.url)
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


class Route:
    """A partner of a points world, its target, and one handback-outbox with real senders.

        with Route(points_world(database), build, folder, "fulfilment-order", partner) as route:
            route.start()
            route.ask("deal-1", points=70)
            route.wait(lambda: route.state("deal-1") == "credited")
    """

    def __init__(self, database, build, folder, name, partner, connector=None, fall_over=None, **changes):
        self.partner, self.target = partner, name
        (folder / "run").mkdir(exist_ok=True)
        self.outbox = Outbox(database, build, folder / "run", fake=False)
        for program in ("handback-send",):
            if not (self.outbox.libexec / program).exists():
                (self.outbox.libexec / program).symlink_to(build / "outbound/send" / program)
        self.db, self.database = self.outbox.db, database
        for credential_name, secret in KINDS[name][1](partner).items():
            path = self.outbox.credentials / f"{name}.{credential_name}"
            path.write_text(secret, encoding="utf-8")
            path.chmod(0o600)
        self.db.execute("SELECT handback.add_target(%s, 'P', %s)", (name, connector or shipped(name, partner, **changes)))
        terms(database, target=name, schedule="now", account="stated", **({"file_after": fall_over} if fall_over else {}))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.outbox.__exit__()

    def start(self, *more):
        self.outbox.start(*more)
        return self

    def kill(self):
        self.outbox.kill()

    def ask(self, key, member=1, account=None, points=100, **other):
        asked = row(key, RelationReference=f"M{member}", PartnerMemberId=account or f"A{member}", Points=points, **other)
        while (codes := receive(self.db, asked)) == ["busy"]:  # who sends has the balance now
            time.sleep(0.02)
        assert codes == ["000"]
        return self.reference(key)

    def reference(self, key):
        return self.one("SELECT outbound_reference FROM points.requests WHERE request_key = %s", key)

    def one(self, sql, *parameters):
        return self.db.execute(sql, parameters).fetchone()[0]

    def state(self, key):
        return self.one("SELECT state FROM points.requests WHERE request_key = %s", key)

    def states(self):
        return {k: s for k, s in self.db.execute("SELECT request_key, state FROM points.requests").fetchall()}

    def attempts(self, key):
        return self.db.execute("SELECT a.what, e.result FROM points.attempt a LEFT JOIN points.attempt_end e USING (request_no, nth, n)"
                               " JOIN points.request r USING (request_no) WHERE r.request_key = %s ORDER BY a.nth, a.n", (key,)).fetchall()

    def hurry(self):
        """What waits is due now; what was sent was sent long ago."""
        self.db.execute("UPDATE points.unsettled SET next_at = clock_timestamp() WHERE next_at IS NOT NULL")
        self.db.execute("UPDATE points.waiting SET retry_at = NULL")

    def wait(self, condition, seconds=30):
        self.outbox.wait(condition, seconds)

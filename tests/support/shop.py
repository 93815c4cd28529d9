"""A shop that knows nothing of handback but the public contract: the calls that it may make, by HTTP.

    shop = Shop(api, sso, rate)
    visit = shop.land(redirect.headers["Location"])    # what a browser does with the redirect
    visit.balance(), visit.order("o1", 500), visit.refund("o1", 500)
"""
import base64
import json
import subprocess
import tempfile
import time
import urllib.parse
import uuid

ADDRESS = "https://shop.example/enter"


def openssl(*words, stdin=b""):
    return subprocess.run(["openssl", *words], input=stdin, check=True, capture_output=True).stdout


class Shop:
    def __init__(self, api, sso, rate, address=ADDRESS):
        self.api, self.sso, self.rate_token, self.address = api, sso, rate, address

    def call(self, name, body, token=None):
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        return self.api.request("POST", f"/v1/catalogue/{name}", body if isinstance(body, (bytes, str)) else json.dumps(body), headers)

    def exchange(self, code, audience=None, token=None):
        return self.call("exchange", {"code": code, "audience": audience or self.address}, self.sso if token is None else token)

    def rate(self, session=None, token=None):
        return self.api.get("/v1/catalogue/rate" + (f"?session={session}" if session else ""), self.rate_token if token is None else token)

    def land(self, location):
        address, code = location.split("?code=")
        assert address == self.address and urllib.parse.quote(code) == code
        answer = self.exchange(code)
        assert answer.status == 200, (answer.status, answer.body)
        return self.visit(answer)

    def visit(self, exchanged):
        return Visit(self, exchanged.json)

    def make_raw_key(self):
        """Its webhooks are signed by this from now on; gives the 32 bytes of the public one."""
        self.key = openssl("genpkey", "-algorithm", "ed25519")
        return openssl("pkey", "-pubout", "-outform", "DER", stdin=self.key)[-32:]

    def make_key(self):
        """The same, as handbackctl token key takes it."""
        return "whpk_" + base64.b64encode(self.make_raw_key()).decode()

    def webhook(self, order, status, number=None, at=None, programme="P", **more):
        """What became of an order's voucher, as Standard Webhooks writes it."""
        number, at = number or f"msg_{uuid.uuid4().hex}", int(time.time() if at is None else at)
        body = json.dumps({"id": number, "data": {"orderId": order, "deliveryStatus": status, **more}})
        return self.send_webhook(programme, number, at, body, self.sign(number, at, body))

    def sign(self, number, at, body):
        with tempfile.NamedTemporaryFile() as key, tempfile.NamedTemporaryFile() as text:
            key.write(self.key)
            text.write(f"{number}.{at}.{body}".encode())
            key.flush()
            text.flush()
            return "v1a," + base64.b64encode(openssl("pkeyutl", "-sign", "-rawin", "-inkey", key.name, "-in", text.name)).decode()

    def send_webhook(self, programme, number, at, body, signature):
        return self.api.request("POST", f"/v1/catalogue/{programme}/deliveries", body, {
            "Content-Type": "application/json", "webhook-id": number, "webhook-timestamp": str(at), "webhook-signature": signature})


class Visit:
    """A member in the shop."""

    def __init__(self, shop, said):
        self.shop, self.session = shop, said["session"]
        self.who = {"unique_id": said["unique_id"], "auth_token": said["auth_token"]}

    def ask(self, name, **more):
        return self.shop.call(name, {**self.who, **more})

    def balance(self):
        answer = self.ask("balance")
        assert answer.status == 200, (answer.status, answer.reason)
        return int(answer.json["data"]["points"])

    def rate(self):
        return self.shop.rate(self.session).json

    def order(self, number, points, **more):
        return self.ask("orders", order_id=number, total_points_redeemed=points, order_date=1780000000,
                        orderData=[{"voucher": "gift card", "quantity": 1}], **more)

    def refund(self, number, points):
        return self.ask("refunds", order_id=number, redemption_amount=points)

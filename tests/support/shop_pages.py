"""What a member sees of the catalogue: the pages of an application and of a shop, which know nothing of handback but the public contract.

    with ShopPages(shop) as pages:      # tests/support/shop.py makes its calls
        pages.url                       # https://127.0.0.1:PORT, with a certificate of its own
        pages.application(tap)          # tap() is what the application is answered when its member taps Redeem
        pages.unfulfilled("o1")         # the shop's desk: this order's voucher cannot be had

The application's page is /app, the shop begins at /enter, where the hand-over leads.
"""
import html
import http.server
import secrets
import ssl
import tempfile
import threading
import urllib.parse

from shop import openssl

VOUCHERS = {"tea": ("Tea", 10), "books": ("Books", 25)}  # what each is worth, in units of the currency


def page(title, inside):
    return (f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title></head><body><h1>{title}</h1>{inside}</body></html>')


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body="", **headers):
        data = body.encode()
        self.send_response(status)
        for name, value in {"Content-Type": "text/html; charset=utf-8", "Content-Length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def visit(self):
        """Who is here, by the shop's own cookie."""
        return self.server.visits.get((self.headers.get("Cookie") or "").removeprefix("shop="))

    def fields(self):
        return dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()))

    def do_GET(self):
        path, _, query = self.path.partition("?")
        found = {"/app": self.app, "/enter": lambda: self.enter(query), "/catalogue": self.catalogue, "/order": self.order}.get(path)
        self.answer(404, page("Nothing", "")) if found is None else found()

    def do_POST(self):
        found = {"/app/redeem": self.redeem, "/buy": self.buy}.get(self.path)
        self.answer(404, page("Nothing", "")) if found is None else found()

    # ---- the application ----

    def app(self):
        self.answer(200, page("Your points", '<form method="post" action="/app/redeem"><button>Redeem</button></form>'))

    def redeem(self):
        self.fields()
        said = self.server.application()
        if said.status != 303:
            self.answer(200, page("Not now", f'<p id="why">{html.escape(said.json["detail"])}</p>'))
            return
        self.answer(303, Location=said.headers["Location"], Referrer_Policy=said.headers["Referrer-Policy"], Cache_Control=said.headers["Cache-Control"])

    # ---- the shop ----

    def enter(self, query):
        self.server.referrers.append(self.headers.get("Referer"))
        exchanged = self.server.shop.exchange(dict(urllib.parse.parse_qsl(query)).get("code", ""))
        if exchanged.status != 200:
            self.answer(403, page("This link is not good", ""))
            return
        cookie = secrets.token_hex(16)
        self.server.visits[cookie] = self.server.shop.visit(exchanged)
        self.answer(303, Location="/catalogue", Set_Cookie=f"shop={cookie}; HttpOnly; Secure")

    def catalogue(self):
        visit = self.visit()
        if visit is None:
            self.answer(403, page("Log in", '<input type="password" name="password">'))
            return
        rate = visit.rate()
        offers = "".join(f'<li>{title}: {units * 100 * rate["points"] // rate["minor_units"]} points'
                         f'<form method="post" action="/buy"><input type="hidden" name="voucher" value="{key}"><button id="{key}">Buy</button></form></li>'
                         for key, (title, units) in VOUCHERS.items())
        self.answer(200, page("Shop", f'<p>You have <b id="balance">{visit.balance()}</b> points.</p><ul>{offers}</ul>'))

    def buy(self):
        visit, (_, units), rate = self.visit(), VOUCHERS[self.fields()["voucher"]], self.visit().rate()
        number, points = f"o{len(self.server.orders) + 1}", units * 100 * rate["points"] // rate["minor_units"]
        said = visit.order(number, points).json
        if said["status"] == 1:
            self.server.orders[number] = {"points": points, "reference": said["reference"], "status": "ordered"}
        self.answer(303, Location=f"/order?number={number}")

    def order(self):
        number = self.path.partition("number=")[2]
        order = self.server.orders.get(number)
        if order is None:
            self.answer(200, page("Not ordered", ""))
            return
        self.answer(200, page("Your order", f'<p>{number} is <b id="status">{order["status"]}</b>, <b id="reference">{order["reference"]}</b></p>'
                                            f'<p>You have <b id="balance">{self.visit().balance()}</b> points. <a href="/catalogue">Go on</a></p>'))


class ShopPages:
    def __init__(self, shop):
        self.shop = shop
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.shop, self.server.visits, self.server.orders, self.server.referrers = shop, {}, {}, []
        self.url = f"https://127.0.0.1:{self.server.server_address[1]}"
        shop.address = f"{self.url}/enter"

    def __enter__(self):
        with tempfile.NamedTemporaryFile() as key, tempfile.NamedTemporaryFile() as certificate:
            openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=127.0.0.1", "-days", "1",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key.name, "-out", certificate.name)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate.name, key.name)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def application(self, tap):
        self.server.application = tap

    def unfulfilled(self, number):
        """The shop's desk: this order's voucher cannot be had, and handback hears of it."""
        assert self.shop.webhook(number, "canceled").json["status"] == 1
        self.server.orders[number]["status"] = "canceled"

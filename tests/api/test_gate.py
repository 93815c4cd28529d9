"""The redemption API over HTTP: the contract, byte for byte, and what hostile callers meet."""
import base64
import concurrent.futures
import contextlib
import hashlib
import json
import os
import pathlib
import re
import socket
import time
import uuid

import pytest

import redemption_api
from c_source import ROOT
from case_table import case
from redemption_api import Api, credential, redemption

UUID = re.compile(r"^[0-9A-F]{8}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12}$")


@pytest.fixture
def world(database):
    with database.connect() as c:
        c.execute("""
            INSERT INTO ledger.programme (programme_id, code, name, rate_points, rate_minor, currency) VALUES
                (1, 'P', 'First', 1, 100, 'EUR'), (2, 'Q', 'Second', 1, 100, 'EUR');
            INSERT INTO ledger.member (programme_id, relation_reference, status)
            SELECT p, 'M' || n, 'Active' FROM generate_series(1, 2) p, generate_series(1, 40) n;
            UPDATE ledger.member SET status = 'Suspended' WHERE relation_reference = 'M39';
            INSERT INTO ledger.entry (programme_id, member_id, category, points)
            SELECT programme_id, member_id, 'Credit By Accrual', 100000 FROM ledger.member""")
        credential(c)
        credential(c, "other", "Q")
    return database


@pytest.fixture
def api(build, world):
    with Api(build, world) as running:
        yield running


def balance(world, member="M1"):
    with world.connect() as c:
        return c.execute("SELECT b.points FROM ledger.balance b JOIN ledger.member m USING (member_id)"
                         " WHERE m.relation_reference = %s AND m.programme_id = 1", (member,)).fetchone()[0]


@case("API: the contract's own calls")
def test_the_contract(api, world):
    answer = api.ask_token("app")
    assert answer.status == 200 and answer.headers["Content-Type"] == "application/json"
    assert set(answer.json) == {"results"} and set(answer.json["results"]) == {"token", "tokenExpiresOn"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", answer.json["results"]["tokenExpiresOn"])
    token = answer.json["results"]["token"]

    answer = api.post("CheckAvailability", {"RelationReference": "M1", "TransactionCurrency": "DEFAULT", "RelationType": 4, "ProgramId": 1}, token)
    assert answer.body == b'{"results": {"IsSucessful": true, "ErrorCode": "000", "ExceptionMessage": "Success", "ReturnObject": 100000}}\n'

    answer = api.post("RedeemPoints", redemption(), token)
    assert answer.status == 200 and list(answer.json["results"]) == ["IsSucessful", "ErrorCode", "ExceptionMessage", "ReturnObject"]
    assert answer.json["results"]["IsSucessful"] is True and answer.json["results"]["ExceptionMessage"] == "Success"
    reference = answer.value
    assert UUID.match(reference) and balance(world) == 99500
    assert re.fullmatch(r"[0-9a-f]{24}", answer.headers["X-Request-Id"])

    back = {"RelationReference": "M1", "MerchantName": "Amazon", "ExternalReference": reference, "ProgramId": 1}
    assert api.get(f"/v1/redemptions/{reference}", token).json["state"] == "open"
    answer = api.post("ReversalPoints", back, token)
    assert answer.value is True and answer.code == "000" and balance(world) == 100000
    assert api.get(f"/v1/redemptions/{reference.lower()}", token).json["state"] == "reversed"
    again = api.post("ReversalPoints", back, token)
    assert again.status == 200 and again.json["results"] == {
        "IsSucessful": False, "ErrorCode": "301", "ExceptionMessage": "Failed to redeem points", "ReturnObject": None}
    assert again.reason == "the redemption is reversed already"
    page = api.get("/v1/members/M1/transactions", token).json
    assert [t["category"] for t in page["transactions"]] == ["Redemption Reversal", "Debit By Redemption", "Credit By Accrual"]


# what is asked, the code, HTTP's status
CODES = [
    ({"Points": 0}, "120", 200, "Points must be greater than zero"),
    ({"Points": -5}, "120", 200, "Points must be greater than zero"),
    ({"MerchantName": ""}, "208", 200, "Merchant name missing"),
    ({"MerchantName": "  "}, "208", 200, "Merchant name missing"),
    ({"MerchantName": "\u3000\u00a0\u200b"}, "208", 200, "Merchant name missing"),
    ({"MerchantName": "x" * 201}, "208", 200, "Merchant name missing"),
    ({"MerchantName": None}, "208", 200, "Merchant name missing"),
    ({"LoyaltyTxnType": 777}, "999", 400, "Bad request"),
    ({"LoyaltyTxnType": -7}, "999", 400, "Bad request"),
    ({"RelationReference": "Nobody"}, "103", 200, "Member does not exist"),
    ({"RelationReference": "M39"}, "114", 200, "Member is suspended"),
    ({"Points": 100001, "Amount": 100001}, "302", 200, "Insufficient points"),
    ({"Points": 2 ** 63 - 1, "Amount": 1}, "302", 200, "Insufficient points"),
    ({"ProgramId": 2}, "403", 403, "Forbidden"),
    ({"ProgramId": 0}, "403", 403, "Forbidden"),
    ({"ProgramId": -1}, "403", 403, "Forbidden"),
    ({"TransactionCurrency": "EUR"}, "999", 400, "Bad request"),
    ({"RelationType": 5}, "999", 400, "Bad request"),
    ({"Amount": "500"}, "999", 400, "Bad request"),
    ({"Amount": -1}, "999", 400, "Bad request"),
    ({"Points": "500"}, "999", 400, "Bad request"),
    ({"Points": True}, "999", 400, "Bad request"),
    ({"Points": [500]}, "999", 400, "Bad request"),
    ({"RelationReference": 17}, "999", 400, "Bad request"),
    ({"RelationReference": "M1\u0000"}, "998", 400, "Invalid request"),
    ({"RelationReference": "M\u00851"}, "999", 400, "Bad request"),
    ({"RelationReference": "x" * 321}, "999", 400, "Bad request"),
    ({"RelationReference": ""}, "999", 400, "Bad request"),
]


@case("API: each refusal in the contract's words")
def test_codes(api, world):
    token = api.token()
    for other, code, status, words in CODES:
        answer = api.post("RedeemPoints", redemption(**other), token)
        assert (answer.code, answer.status) == (code, status), (other, answer.body, answer.reason)
        assert answer.json["results"]["ExceptionMessage"] == words and answer.json["results"]["IsSucessful"] is False
    assert api.post("ReversalPoints", {"RelationReference": "M1", "MerchantName": "\u2003", "ExternalReference": str(uuid.uuid4()), "ProgramId": 1},
                    token).code == "208"
    for name in redemption():
        body = redemption()
        del body[name]
        answer = api.post("RedeemPoints", body, token)
        assert answer.code == ("208" if name == "MerchantName" else "999"), name
    assert balance(world) == 100000


# a body as it is written, and its code
BODIES = [
    (lambda b: b, "000"),
    (lambda b: b.replace('"Points": 500', '"Points": 500.0'), "999"),
    (lambda b: b.replace('"Points": 500', '"Points": 5e2'), "999"),
    (lambda b: b.replace('"Points": 500', '"Points": 1e400'), "999"),
    (lambda b: b.replace('"Points": 500', '"Points": 9007199254740993'), "302"),
    (lambda b: b.replace('"Points": 500', '"Points": 9223372036854775808'), "999"),
    (lambda b: b.replace('"Amount": 500', '"Amount": 500.00'), "000"),
    (lambda b: b.replace('"Amount": 500', '"Amount": 500.005'), "999"),
    (lambda b: b.replace('"Amount": 500', '"Amount": 1e400'), "999"),
    (lambda b: b[:-1] + ', "Points": 1}', "998"),
    (lambda b: b[:-1] + ', "more": {"Points": 1, "x": [1, {"y": null}]}}', "000"),
    (lambda b: b[:-1] + ', "deep": ' + "[" * 40 + "]" * 40 + "}", "998"),
    (lambda b: "\ufeff" + b, "998"),
    (lambda b: b + b, "998"),
    (lambda b: b[:-1], "998"),
    (lambda b: "[" + b + "]", "998"),
    (lambda b: "", "998"),
    (lambda b: "null", "998"),
    (lambda b: b.replace('"M1"', '"\\ud800"'), "998"),
    (lambda b: b.replace('"M1"', '"M1\\u0000"'), "998"),
    (lambda b: b.replace("Amazon", "Caf\u00e9 \u2603"), "000"),
]


@case("API: bodies that are none")
def test_bodies(api):
    token = api.token()
    for write, code in BODIES:
        body = write(json.dumps(redemption())).encode()
        answer = api.post("RedeemPoints", body, token)
        assert answer.code == code, (body, answer.body, answer.reason)


def test_depth_costs_nothing(api):
    began = time.monotonic()
    answer = api.post("RedeemPoints", b'{"x":' + b"[" * 30000 + b"]" * 30000 + b"}", api.token())
    assert answer.code == "998" and time.monotonic() - began < 2


@case("API: tokens that are not ours, or no longer in force")
def test_tokens(api, world):
    token = api.token()
    header, claims, signature = token.split(".")
    flipped = signature[:-2] + ("A" if signature[-2] != "A" else "B") + signature[-1]
    for bad in ("", "x", "..", f"{header}.{claims}.", f"{header}.{claims}.{flipped}", f"{header}.{claims}x.{signature}",
                f"eyJhbGciOiJub25lIn0.{claims}.", f"{claims}.{header}.{signature}", "x" * 1100, f"{header}..{signature}"):
        answer = api.post("RedeemPoints", redemption(), bad or None)
        assert answer.status == 401 and answer.json["results"]["IsSucessful"] is False, bad
        assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    # the token comes before what is wrong with the body
    assert api.post("RedeemPoints", b"{", "x").status == 401
    assert api.get(f"/v1/redemptions/{uuid.uuid4()}", "x").status == 401
    assert api.get(f"/v1/redemptions/{uuid.uuid4()}", token).status == 404
    # another scheme's case is the same scheme
    assert api.post("RedeemPoints", redemption(), headers={"Authorization": f"bEARER {token}"}).code == "000"
    for bad in ({"secret": "wrong"}, {"client": "nobody"}):
        answer = api.ask_token(**{"client": "app", **bad})
        assert answer.status == 401 and answer.json["results"]["IsSucessful"] is False
    assert api.ask_token("app", grant_type="password").code == "999"
    for scope in ("LOGIN", "[]", '["LOGIN"]', '["LOGIN",7]', '["LOGIN",""]', '["LOGIN","M1","M2"]', '["ADMIN","M1"]', '{"LOGIN":"M1"}',
                  f'["LOGIN","{"m" * 321}"]', "redeem"):
        assert api.ask_token("app", scope=scope).code == "999", scope
    with world.connect() as c:
        c.execute("SELECT api.renew_credential('app', sha256('new'))")
    assert api.post("RedeemPoints", redemption(), token).status == 401
    assert api.post("RedeemPoints", b"{", token).status == 401
    assert api.post("RedeemPoints", redemption(), api.token(secret="new")).code == "000"
    assert balance(world) == 99000


@case("API: a token of one member is for no other")
def test_a_token_of_one_member(api, world):
    token = api.ask_token("app", scope='["LOGIN","M1"]').json["results"]["token"]
    for_all = api.token()
    claims = base64.urlsafe_b64decode(token.split(".")[1] + "==")
    assert b"M1" not in claims and hashlib.sha256(b"M1").hexdigest().encode() in claims
    own = api.post("RedeemPoints", redemption(), token, {"Idempotency-Key": "k1"})
    other = api.post("RedeemPoints", redemption(RelationReference="M2"), for_all, {"Idempotency-Key": "k2"})
    poor = api.post("RedeemPoints", redemption(Points=10 ** 9, Amount=10 ** 9), for_all, {"Idempotency-Key": "k3"})
    assert own.code == other.code == "000" and poor.code == "302"
    balances = {m: balance(world, m) for m in ("M1", "M2")}
    of_other = {"RelationReference": "M2", "TransactionCurrency": "DEFAULT", "RelationType": 4, "ProgramId": 1}
    for refused in (api.post("RedeemPoints", redemption(RelationReference="M2"), token),
                    api.post("RedeemPoints", redemption(RelationReference="Nobody"), token),
                    api.post("CheckAvailability", of_other, token),
                    api.post("ReversalPoints", {**of_other, "MerchantName": "Amazon", "ExternalReference": other.value}, token),
                    api.get("/v1/members/M2/transactions", token)):
        assert refused.status == 403 and refused.reason == "the token is of another member"
    assert {m: balance(world, m) for m in ("M1", "M2")} == balances
    assert api.get(f"/v1/redemptions/{other.value}", token).status == api.get("/v1/requests/k2", token).status == 404
    assert api.get("/v1/requests/k3", token).status == 404, "what was refused names no member"
    assert api.get(f"/v1/redemptions/{own.value}", token).status == api.get("/v1/requests/k1", token).status == 200
    assert api.get("/v1/members/M1/transactions", token).status == 200
    assert api.post("CheckAvailability", {**of_other, "RelationReference": "M1"}, token).value == balances["M1"]
    assert api.post("ReversalPoints", {**of_other, "RelationReference": "M1", "MerchantName": "Amazon", "ExternalReference": own.value},
                    token).code == "000"
    for text in ("", None):
        assert api.get("/v1/members/M2/transactions", api.ask_token("app", scope=text).json["results"]["token"]).status == 200


@case("API: a key of the header or the body")
def test_keys(api, world):
    token = api.token()
    first = api.post("RedeemPoints", redemption(), token, {"Idempotency-Key": "k1"})
    again = api.post("RedeemPoints", json.dumps(redemption(), indent=3), token, {"Idempotency-Key": '"k1"'})
    body = api.post("RedeemPoints", redemption(_xoxo_api_client_idempotency="k1"), token)
    assert first.value == again.value == body.value and "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == body.headers["Idempotent-Replayed"] == "true"
    other = api.post("RedeemPoints", redemption(Points=501), token, {"Idempotency-Key": "k1"})
    assert other.status == 409 and other.code == "409"
    assert api.post("RedeemPoints", redemption(_xoxo_api_client_idempotency="k2"), token, {"Idempotency-Key": "k3"}).code == "999"
    assert api.post("RedeemPoints", redemption(), token, {"Idempotency-Key": "x" * 256}).code == "999"
    assert balance(world) == 99500
    looked = api.get("/v1/requests/k1", token).json
    assert looked["code"] == "000" and looked["redemption"]["reference"] == first.value
    assert api.get("/v1/requests/k9", token).status == 404
    assert api.get("/v1/requests/k1", api.token("other")).status == 404


@case("API: a key of something else ends a reversal before it posts")
def test_a_key_is_of_one_call(api, world):
    token = api.token()
    reference = api.post("RedeemPoints", redemption(), token, {"Idempotency-Key": "order-1"}).value
    back = {"RelationReference": "M1", "MerchantName": "Amazon", "ExternalReference": reference, "ProgramId": 1}
    answer = api.post("ReversalPoints", back, token, {"Idempotency-Key": "order-1"})
    assert answer.status == 409 and balance(world) == 99500
    assert api.post("ReversalPoints", back, token, {"Idempotency-Key": "order-2"}).code == "000" and balance(world) == 100000
    assert api.post("RedeemPoints", redemption(), token, {"Idempotency-Key": "order-2"}).status == 409
    assert api.post("ReversalPoints", {**back, "ProgramId": 0}, token).status == 403


def test_what_is_no_utf8_never_reaches_the_database(api, world):
    token = api.token()
    for key in ("a\xff", "\xed\xa0\x80", "a\tb", '""'):
        assert api.post("RedeemPoints", redemption(), token, {"Idempotency-Key": key}).code == "999", key
    for path in ("/v1/requests/a%FF", "/v1/requests/a%0Ab", "/v1/members/%ED%A0%80/transactions"):
        assert api.get(path, token).status == 404, path
    assert balance(world) == 100000 and "level=err" not in api.log("api0")


@case("API: a member whom somebody else holds keeps nobody else waiting")
def test_a_held_member_stalls_nobody(api, world):
    token = api.token()
    held = api.post("RedeemPoints", redemption(), token).value
    back = {"RelationReference": "M1", "MerchantName": "Amazon", "ExternalReference": held, "ProgramId": 1}
    with world.connect(autocommit=False) as c, concurrent.futures.ThreadPoolExecutor(16) as pool:
        c.execute("SELECT ledger.post_reversals(array_agg(redemption_id)) FROM ledger.redemption")  # as a file does, to its end
        waiting = [pool.submit(api.post, "RedeemPoints", redemption(Points=n, Amount=n), token, {"Idempotency-Key": f"k{n}"}) for n in range(1, 5)]
        waiting.append(pool.submit(api.post, "ReversalPoints", back, token))
        time.sleep(0.2)
        took = []
        for n in range(40):
            began = time.monotonic()
            assert api.post("RedeemPoints", redemption(RelationReference=f"M{n % 30 + 2}", Points=1, Amount=1), token).code == "000"
            took.append(time.monotonic() - began)
        assert not any(w.done() for w in waiting)
        c.commit()
        answers = [w.result() for w in waiting]
    assert sorted(took)[20] < 0.5 and max(took) < 2, took  # it was ten seconds for each
    assert [a.code for a in answers] == ["000"] * 4 + ["301"] and balance(world) == 100000 - 1 - 2 - 3 - 4


@case("API: a login that could not be looked up is asked again, and no refusal")
def test_a_sender_whose_table_is_held_logs_in(api, world):
    with world.connect() as c:
        c.execute("SELECT api.add_sender('sky', 'skyline', sha256(%s))", (redemption_api.SECRET.encode(),))
    with world.connect(autocommit=False) as c, concurrent.futures.ThreadPoolExecutor(1) as pool:
        c.execute("LOCK TABLE api.sender")
        asked = pool.submit(api.ask_token, "sky")
        time.sleep(0.3)
        assert not asked.done()
        c.commit()
        assert asked.result().status == 200
    assert api.ask_token("nobody").status == 401


@case("API: twins over several processes")
def test_twins(build, world):
    with Api(build, world, apis=3) as api, concurrent.futures.ThreadPoolExecutor(24) as pool:
        token = api.token()
        asked = [pool.submit(api.post, "RedeemPoints", redemption(RelationReference=f"M{n % 6 + 1}"), token, {"Idempotency-Key": f"k{n % 6}"})
                 for n in range(180)]
        answers = [a.result() for a in asked]
    assert {a.code for a in answers} == {"000"}
    assert len({a.value for a in answers}) == 6 and sum("Idempotent-Replayed" not in a.headers for a in answers) == 6
    assert [balance(world, f"M{n}") for n in range(1, 7)] == [99500] * 6


def hostile(head, body=b""):
    return head.replace("\n", "\r\n").encode("latin-1") + b"\r\n\r\n" + body


BODY = json.dumps({"grant_type": "client_credentials", "client_id": "app", "client_secret": redemption_api.SECRET}).encode()
LENGTH = f": {len(BODY)}"
GOOD = "POST /lbms-ingress/oauth/api/Auth/Token HTTP/1.1\nHost: x\nContent-Type: application/json\nContent-Length: %d" % len(BODY)
HOSTILE = {
    "two lengths": hostile(GOOD + "\nContent-Length: 3", BODY),
    "two equal lengths": hostile(GOOD + f"\nContent-Length{LENGTH}", BODY),
    "two hosts": hostile(GOOD + "\nHost: y", BODY),
    "no host": hostile(GOOD.replace("Host: x\n", ""), BODY),
    "blank before the colon": hostile(GOOD + "\nTransfer-Encoding : chunked", BODY),
    "chunked": hostile(GOOD.replace(f"Content-Length{LENGTH}", "Transfer-Encoding: chunked"), b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)),
    "chunked and a length": hostile(GOOD + "\nTransfer-Encoding: chunked", b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)),
    "xchunked": hostile(GOOD + "\nTransfer-Encoding: xchunked", BODY),
    "length with a sign": hostile(GOOD.replace(LENGTH, f": +{len(BODY)}"), BODY),
    "length in hex": hostile(GOOD.replace(LENGTH, f": 0x{len(BODY):x}"), BODY),
    "negative length": hostile(GOOD.replace(LENGTH, ": -1"), BODY),
    "list of lengths": hostile(GOOD.replace(LENGTH, f": {len(BODY)}, {len(BODY)}"), BODY),
    "control in a value": hostile(GOOD + "\nX-A: a\x01b", BODY),
    "name of no token": hostile(GOOD + "\nX(A): b", BODY),
    "HTTP/1.0 with a body": hostile(GOOD.replace("HTTP/1.1", "HTTP/1.0"), BODY),
    "absolute target": hostile(GOOD.replace("POST /", "POST http://evil/"), BODY),
    "two authorizations": hostile(GOOD + "\nAuthorization: Bearer a\nAuthorization: Bearer b", BODY),
    "another method": hostile(GOOD.replace("POST", "DELETE"), BODY),
    "bare LF": hostile(GOOD + "\nX-A: b", BODY).replace(b"\r\nX-A", b"\nX-A"),
    "bare LF after the request line": hostile(GOOD, BODY).replace(b"HTTP/1.1\r\n", b"HTTP/1.1\n"),
    "LF LF at the end": hostile(GOOD, BODY).replace(b"\r\n\r\n", b"\n\n"),
    "bare CR": hostile(GOOD + "\nX-A: a", BODY).replace(b"X-A: a", b"X-A: a\rTransfer-Encoding: chunked"),
    "obs-fold": hostile(GOOD + "\nX-A: a\n b: c", BODY),
    "obs-fold of a length": hostile(GOOD.replace(LENGTH, f":\n\t{len(BODY)}"), BODY),
    "NUL in a value": hostile(GOOD + "\nX-A: a\0b", BODY),
    "NUL in a name": hostile(GOOD + "\nX\0A: b", BODY),
    "blank line first, and a fold": hostile("\n" + GOOD + "\n Host: y", BODY),
    "HTTP/1.0 and chunked": hostile(GOOD.replace("HTTP/1.1", "HTTP/1.0").replace(f"Content-Length{LENGTH}", "Transfer-Encoding: chunked"),
                                    b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)),
    "gzip, chunked and a length": hostile(GOOD + "\nTransfer-Encoding: gzip, chunked", b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)),
    "chunk of 0x..": hostile(GOOD.replace(f"Content-Length{LENGTH}", "Transfer-Encoding: chunked"), b"0x%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)),
    "chunk of -1": hostile(GOOD.replace(f"Content-Length{LENGTH}", "Transfer-Encoding: chunked"), b"-1\r\n%s\r\n0\r\n\r\n" % BODY),
    "no method": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "header too long": hostile(GOOD + "\nX-A: " + "a" * 17000, BODY),
    "body too long": hostile(GOOD.replace(LENGTH, ": 70000"), b"x" * 70000),
}


LINES, FOLD, NUL = b"a line ends with CR LF", b"goes on in another line", b"a NUL in the head"
AS_IT_CAME = {"bare LF": LINES, "bare LF after the request line": LINES, "LF LF at the end": LINES, "bare CR": LINES, "obs-fold": FOLD,
              "obs-fold of a length": FOLD, "NUL in a value": NUL, "NUL in a name": NUL}


@case("API: requests that a proxy could read in another way")
def test_the_fence(api):
    for name, request in HOSTILE.items():
        answer = api.raw(request)
        status = int(answer.split(b" ")[1]) if answer.startswith(b"HTTP/1.") else 0
        assert status == 0 or 400 <= status <= 501, (name, answer)
        assert len(re.findall(rb"^HTTP/1", answer, re.M)) <= 1, name
        if name in AS_IT_CAME:  # evhttp takes it: nobody else looks at the lines as they came
            assert status == 400 and AS_IT_CAME[name] in answer, (name, answer)
    # in any pieces
    for name in AS_IT_CAME:
        with contextlib.closing(redemption_api.Unix(api.socket)) as c:
            c.connect()
            with contextlib.suppress(BrokenPipeError):
                for n in range(0, len(HOSTILE[name]), 7):
                    c.sock.sendall(HOSTILE[name][n:n + 7])
                    time.sleep(0.0005)
            assert c.sock.recv(4096).startswith(b"HTTP/1.1 400"), name
    # without the trick it is answered
    assert b" 200 OK" in api.raw(hostile(GOOD, BODY))


def test_one_request_a_connection(api):
    """What follows the first on the same connection is not answered: smuggled or not, nobody hears it."""
    answer = api.raw(hostile(GOOD, BODY) + b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.count(b"HTTP/1.1") == 1 and b"Connection: close" in answer


def test_paths(api):
    token = api.token()
    answer = api.get(redemption_api.PG + "RedeemPoints", token)
    assert answer.status == 405 and answer.headers["Allow"] == "POST"
    assert api.get("/nothing", token).status == 404
    assert api.request("POST", redemption_api.PG + "RedeemPoints", "a=b", {"Content-Type": "application/x-www-form-urlencoded"}).status == 415
    assert api.get("/v1/members/M1%00/transactions", token).status == 404
    assert api.get("/v1/members/M1/transactions?before=x", token).status == 400
    assert api.get("/v1/redemptions/x", token).status == 404


def test_slow_callers_are_cut_off(api):
    """A head that is not whole, a head and a body of which a byte comes now and then, a file's head: ten seconds for each, all at once."""
    def drip(start, drop):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(0.3)
            s.connect(str(api.socket))
            s.sendall(start)
            began = time.monotonic()
            while time.monotonic() - began < 25:
                try:
                    if drop:
                        s.sendall(drop)
                    if not s.recv(4096):
                        break
                except TimeoutError:
                    continue
                except OSError:
                    break
            return time.monotonic() - began

    line = b"POST / HTTP/1.1\r\nHost: x\r\n"
    slow = [(line, b""), (line + b"X-A: ", b"a"), (line + b"Content-Length: 60000\r\n\r\n", b"a"), (b"PUT /v1/sources/a/files/b HTTP/1.1\r\nX-A: ", b"a")]
    with concurrent.futures.ThreadPoolExecutor(len(slow)) as pool:
        took = list(pool.map(lambda s: drip(*s), slow))
    assert all(9 < t < 20 for t in took), took
    assert api.get("/healthz").status == 200


def test_no_member_and_no_secret_in_a_log(api):
    token = api.token()
    api.post("RedeemPoints", redemption(RelationReference="jane.doe@example.com"), token, {"Idempotency-Key": "secret-key-17"})
    api.post("RedeemPoints", redemption(RelationReference="M1"), token)
    text = api.log() + api.log("api0")
    assert text.count("endpoint=redeem") == 2 and "jane" not in text and "M1" not in text and "secret-key" not in text
    assert token not in text and redemption_api.SECRET not in text


@case("API: a process that goes away, and one that comes back")
def test_a_killed_process(build, world):
    with Api(build, world, apis=2) as api:
        token = api.token()
        api.apis[0].kill()
        api.apis[0].wait()
        codes = [api.post("RedeemPoints", redemption(RelationReference=f"M{n}"), token).code for n in range(1, 9)]
        assert set(codes) == {"000"}
        api.apis[1].kill()
        api.apis[1].wait()
        redemption_api.until(lambda: api.get("/healthz").status == 503)
        answer = api.post("RedeemPoints", redemption(), token)
        assert answer.status == 503 and answer.headers["Retry-After"] == "1"
        api.apis[1] = api.start_api(1)
        redemption_api.until(lambda: api.get("/healthz").status == 200)
        assert api.post("RedeemPoints", redemption(), token).code == "000"


def test_the_bound_of_calls(api, world):
    with world.connect() as c:
        credential(c, "bounded", calls_per_minute=30)
    token = api.token("bounded")
    answers = [api.post("RedeemPoints", redemption(Points=1, Amount=1), token) for _ in range(8)]
    assert [a.status for a in answers[:3]] == [200] * 3 and answers[-1].status == 429 and answers[-1].headers["Retry-After"] == "1"
    # the day's points are there again tomorrow, by UTC
    with world.connect() as c:
        credential(c, "small", points_per_day=1)
    for points in (500, 2):
        answer, left = api.post("RedeemPoints", redemption(Points=points), api.token("small")), 86400 - time.time() % 86400
        assert answer.status == 429 and (left - 5 < int(answer.headers["Retry-After"]) < left + 5 or min(left, 86400 - left) < 10)


def test_a_process_is_filled_before_the_next(build, world):
    """Batches stay large, and a bound that each process counts for itself holds until one has more than it can ask at once."""
    with world.connect() as c:
        credential(c, "bounded", calls_per_minute=30)
    with Api(build, world, apis=2) as api:
        token = api.token("bounded")
        asked = [api.post("RedeemPoints", redemption(RelationReference=f"M{n}", Points=1, Amount=1), token).status for n in range(1, 13)]
        assert asked[:3] == [200] * 3 and asked.count(200) < 6, asked
        # the first ends: the second has all
        api.apis[0].kill()
        api.apis[0].wait()
        assert {api.post("RedeemPoints", redemption(RelationReference=f"M{n}"), api.token()).code for n in range(1, 9)} == {"000"}


def test_strangers_keep_nobody_from_a_token(api):
    """Whoever knows a client's name and no secret may ask as often as they like: the client has its tokens all the same."""
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert {a.status for a in pool.map(lambda _: api.ask_token("app", "wrong"), range(150))} == {401}
        assert {a.status for a in pool.map(lambda _: api.ask_token("app"), range(150))} == {200}


def test_it_drains(build, world):
    """Ended while calls are under way: each that was taken is answered."""
    with Api(build, world) as api, concurrent.futures.ThreadPoolExecutor(8) as pool:
        token = api.token()
        asked = [pool.submit(api.post, "RedeemPoints", redemption(RelationReference=f"M{n}"), token) for n in range(1, 9)]
        api.gate.terminate()
        done = []
        for a in asked:
            try:
                done.append(a.result().code)
            except (ConnectionError, FileNotFoundError):
                continue
        assert api.gate.wait(20) == 0 and set(done) <= {"000"}
    with world.connect() as c:
        assert c.execute("SELECT count(*) FROM api.request").fetchone()[0] == len(done)


def test_the_openapi_file_has_each_path(api):
    """And no other: what it says of each is held against the table of endpoints."""
    document = api.get("/openapi.json").json
    source = (ROOT / "gate/endpoint.c").read_text()
    rows = re.findall(r'\{"\w+",\s*"(GET|POST)",\s*(?:LOYALIFE\s*)?"([^"]+)",\s*(NULL|"[^"]*")', source)
    paths = {(method.lower(), re.sub(r"\{\w+\}", "{}", path)) for path, methods in document["paths"].items() for method in methods}
    base = re.search(r'#define LOYALIFE "([^"]+)"', source)[1]
    told = {(method.lower(), (path if path.startswith("/") else base + path) + ("" if tail == "NULL" else "{}" + tail.strip('"')))
            for method, path, tail in rows}
    told.add(("put", "/v1/sources/{}/files/{}"))  # taken over before the table: gate/put.c
    assert len(told) == 22 and paths == told | {("get", "/healthz"), ("get", "/openapi.json")}


def test_callers_without_end_leave_room(build, world):
    """Who connects beyond the bound waits; calls of those who are in go on, and the processes stay."""
    with Api(build, world, limit=128) as api, contextlib.ExitStack() as held:
        token = api.token()
        first = held.enter_context(contextlib.closing(redemption_api.Unix(api.socket)))
        first.connect()
        for _ in range(200):
            held.enter_context(contextlib.closing(redemption_api.Unix(api.socket))).connect()
        redemption_api.until(lambda: "no more connections are taken" in api.log())
        first.request("POST", redemption_api.PG + "RedeemPoints", json.dumps(redemption()),
                      {"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
        assert json.loads(first.getresponse().read())["results"]["ErrorCode"] == "000"
        assert len(os.listdir(f"/proc/{api.gate.pid}/fd")) < 100
        held.close()
        redemption_api.until(api.is_well)
        assert "went away" not in api.log() and api.post("RedeemPoints", redemption(), token).code == "000"


def resident(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1])


@case("API: what unfinished requests hold is bounded, for all of them together")
def test_bodies_without_end_cost_no_memory(build, world):
    """400 callers begin 60 kB each: most are told to come again, the gate does not grow by it, and a plain call goes through."""
    with Api(build, world) as api, contextlib.ExitStack() as held:
        token, before = api.token(), resident(api.gate.pid)
        start = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n" + b"x" * 59000
        callers = []
        for _ in range(400):
            s = held.enter_context(socket.socket(socket.AF_UNIX))
            s.settimeout(5)
            s.connect(str(api.socket))
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                s.sendall(start)
            callers.append(s)
        assert api.post("RedeemPoints", redemption(), token).code == "000"
        told = cut = 0
        for s in callers:
            s.setblocking(False)

        def hear():
            nonlocal told, cut
            for s in list(callers):
                try:
                    answer = s.recv(4096)
                    told += answer.startswith(b"HTTP/1.1 503") and b"Retry-After: 1" in answer
                except BlockingIOError:
                    continue  # it is one of those that wait for the rest, or is not answered yet
                except ConnectionResetError:
                    cut += 1  # it still sent when it was refused: what it was told went with what it had not sent
                callers.remove(s)
            return told + cut >= 300
        redemption_api.until(hear, 5)
        grown = resident(api.gate.pid) - before
        assert 300 <= told + cut < 400 and told > 200 and grown < 12 << 10, (told, cut, grown)
        held.close()
        # what they held is free as soon as they are gone
        redemption_api.until(lambda: api.post("RedeemPoints", {**redemption(), "more": ["x" * 4000] * 14}, token).status == 200, 5)


def commit_something(world):
    with world.connect() as c:
        c.execute("SELECT pg_logical_emit_message(true, 'test', '')")


def cancel_the_wait(c, asked):
    """Was it done before its COMMIT waited for a standby?"""
    while not asked.done():
        if c.execute("SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
                     " AND datname = current_database()").fetchone()[0]:
            return False
        time.sleep(0.01)
    return True


@pytest.mark.all_only
def test_a_reversal_that_no_standby_has(build, world):
    """Committed, but not replicated: that is no "done", and the same key finds out later."""
    with Api(build, world) as api, concurrent.futures.ThreadPoolExecutor() as pool, world.connect() as c:
        token = api.token()
        back = {"RelationReference": "M1", "MerchantName": "Amazon", "ProgramId": 1,
                "ExternalReference": api.post("RedeemPoints", redemption(), token).value}
        key = {"Idempotency-Key": "back"}
        c.execute("ALTER SYSTEM SET synchronous_standby_names = 'gone'")
        c.execute("SELECT pg_reload_conf()")
        try:
            # a reload takes its time: it is in force once a COMMIT waits
            while cancel_the_wait(c, pool.submit(commit_something, world)):
                pass
            asked = pool.submit(api.post, "ReversalPoints", back, token, key)
            assert not cancel_the_wait(c, asked)
            answer = asked.result()
        finally:
            c.execute("ALTER SYSTEM RESET synchronous_standby_names")
            c.execute("SELECT pg_reload_conf()")
        assert answer.status == 503 and answer.reason.startswith("it may have been done"), (answer.status, answer.body)
        assert api.post("ReversalPoints", back, token, key).code == "000" and balance(world) == 100000

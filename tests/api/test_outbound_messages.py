"""Outbound messages of a CRM, as Salesforce sends them: acknowledged when every record's request is in effect; XML that means harm."""
import base64
import contextlib
import http.client
import os
import pathlib
import re
import shutil
import ssl
import subprocess
import tempfile
import time

import pytest

from c_source import ROOT
from case_table import case
from points import PARTNER, balance, points_world
from prism import free_port
from redemption_api import SECRET, Api, until

ORGANIZATION = "00D5g00000abcDEFGH"
PATH = f"/v1/outbound-messages/{ORGANIZATION}"
BASIC = "Basic " + base64.b64encode(f"app:{SECRET}".encode()).decode()
ENVELOPE = """<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsd="http://www.w3.org/2001/XMLSchema"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
 <soapenv:Body>
  <notifications xmlns="http://soap.sforce.com/2005/09/outbound">
   <OrganizationId>{organization}</OrganizationId>
   <ActionId>04k5g000000XYZaAAO</ActionId>
   <SessionId xsi:nil="true"/>
   <EnterpriseUrl>https://crm.example/services/Soap/c/62.0/{organization}</EnterpriseUrl>
   <PartnerUrl>https://crm.example/services/Soap/u/62.0/{organization}</PartnerUrl>
{notifications}
  </notifications>
 </soapenv:Body>
</soapenv:Envelope>
"""


def notification(n, raw="", **fields):
    said = {"Event": None, "Member": f"M{n % 9 + 1}", "Partner": PARTNER, "Points": "100.0", "Reason": "Closed Won", **fields}
    record = said.pop("Id", f"a0B5g{n:010d}AAA")
    told = "".join(f"     <sf:Handback_{name}__c>{value}</sf:Handback_{name}__c>\n" for name, value in said.items() if value is not None)
    return (f'   <Notification>\n    <Id>04l5g{n:010d}AAA</Id>\n    <sObject xsi:type="sf:Handback_Request__c" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">\n'
            f"     <sf:Id>{record}</sf:Id>\n{told}{raw}    </sObject>\n   </Notification>")


def message(*notifications, organization=ORGANIZATION):
    return ENVELOPE.format(organization=organization, notifications="\n".join(notifications))


def send(api, body, path=PATH, authorization=BASIC, kind="text/xml; charset=UTF-8"):
    return api.request("POST", path, body if isinstance(body, bytes) else body.encode(),
                       {"Content-Type": kind, "SOAPAction": '""', **({"Authorization": authorization} if authorization else {})})


def acknowledged(answer):
    assert answer.status == 200 and answer.headers["Content-Type"] == "text/xml; charset=utf-8", (answer.status, answer.body)
    return {"true": True, "false": False}[re.search(rb"<Ack>(\w+)</Ack>", answer.body)[1].decode()]


@pytest.fixture
def world(database):
    return points_world(database)


@pytest.fixture
def api(build, world):
    with Api(build, world) as running:
        yield running


def requests(world):
    with world.connect() as c:
        return {key: (points, member) for key, points, member in c.execute("SELECT r.request_key, r.points, d.member FROM points.request r"
                                                                            " JOIN ledger.redemption d ON d.redemption_id = r.entry_id").fetchall()}


@case("outbound message: each record is a request by its id and event; true is said once all are durable, and the same message is the same requests")
def test_messages(api, world):
    body = message(notification(1), notification(2, Event="won/1", Points="2.5E2"), notification(3, Member=None, Account="A4", Sponsor="deals", Points="7"),
                   notification(4, Reason="&lt;won&gt; &amp; <![CDATA[paid]]>&#33;", Not_Before="2026-01-31T10:00:00.000Z", raw="     <sf:Name>x</sf:Name>\n"))
    due = {"a0B5g0000000001AAA": (100, "M2"), "a0B5g0000000002AAA/won/1": (250, "M3"), "a0B5g0000000003AAA": (7, "SPONSOR"), "a0B5g0000000004AAA": (100, "M5")}
    for _ in range(2):  # it is sent again where its answer was lost, and out of order
        assert acknowledged(send(api, body)) and requests(world) == due
    assert acknowledged(send(api, message(notification(2, Event="won/1", Points="250.0"))))
    # the record left its stage and came back
    assert acknowledged(send(api, message(notification(2, Event="won/2", Points="250.0")))) and len(requests(world)) == 5
    with world.connect() as c:
        assert balance(c, "M3") == 4500
        assert c.execute("SELECT reason FROM points.request WHERE request_key = 'a0B5g0000000004AAA'").fetchone() == ("<won> & paid!",)
    # one that is refused has the message come again, which takes nothing of the others twice; it is judged again
    poor = message(notification(5), notification(6, Points="9000"), notification(7))
    for _ in range(2):
        assert not acknowledged(send(api, poor))
    assert len(requests(world)) == 7
    with world.connect() as c:
        c.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points) SELECT 1, member_id, 'Credit By Accrual', 5000 FROM ledger.member"
                  " WHERE programme_id = 1 AND relation_reference = 'M7'")
    assert acknowledged(send(api, poor)) and requests(world)["a0B5g0000000006AAA"] == (9000, "M7")
    # the record changed since: that is another request by the same key
    assert not acknowledged(send(api, message(notification(5, Points="101"))))
    assert "a0B5g0000000005AAA" not in api.log() and SECRET not in api.log()


@case("outbound message: who gives no good credential is not read; another organization, path, type or method is refused")
def test_strangers(api, world):
    good = message(notification(1))
    for wrong in (None, "Basic", "Basic !", "Basic YXBw", "Bearer " + api.token(), "Basic " + base64.b64encode(b"app:" + b"0" * 48).decode(),
                  "Basic " + base64.b64encode(b"a" * 300 + b":" + SECRET.encode()).decode()):
        for body in (good, "<!DOCTYPE x><x/>"):
            answer = send(api, body, authorization=wrong)
            assert answer.status == 401 and answer.headers["WWW-Authenticate"] == 'Basic realm="handback"', (wrong, answer.status)
    assert send(api, message(notification(1), organization="00D5g00000abcDEFGI")).status == 400
    assert send(api, good, path="/v1/outbound-messages/00D5g00000abcDEFGI").status == 400
    assert send(api, good, kind="application/json").status == 415
    assert api.request("GET", PATH).status == 405
    with world.connect() as c:
        c.execute("SELECT api.renew_credential('app', NULL)")
    assert send(api, good).status == 401 and requests(world) == {}


LAUGHS = "<!DOCTYPE l [<!ENTITY a 'ha'>" + "".join(f"<!ENTITY {chr(98 + n)} '{('&' + chr(97 + n) + ';') * 10}'>" for n in range(9)) + "]>"
GOOD = message(notification(1))
ONE = notification(1)


def within(old, new):
    assert old in GOOD
    return GOOD.replace(old, new, 1)


HOSTILE = {
    "a document type": within("<soapenv:Envelope", "<!DOCTYPE e>\n<soapenv:Envelope"),
    "entities that grow": within("<soapenv:Envelope", LAUGHS + "<soapenv:Envelope").replace("Closed Won", "&j;"),
    "a file of ours": within("<soapenv:Envelope", '<!DOCTYPE e [<!ENTITY f SYSTEM "file:///etc/passwd">]><soapenv:Envelope').replace("Closed Won", "&f;"),
    "a server of theirs": within("<soapenv:Envelope", '<!DOCTYPE e SYSTEM "http://127.0.0.1:1/e.dtd"><soapenv:Envelope'),
    "an entity of nobody": within("Closed Won", "&won;"),
    "a processing instruction": within("<soapenv:Body>", "<?x y?><soapenv:Body>"),
    "depth": within("   <Notification>", "<a>" * 5000 + "</a>" * 5000 + "<Notification>"),
    "attributes without end": within("<soapenv:Body>", "<soapenv:Body " + " ".join(f'a{n}="1"' for n in range(20000)) + ">"),
    "a name without end": within("<ActionId>", "<" + "a" * 20000 + ">"),
    "a value without end": within("Closed Won", "x" * 5000),
    "an element within a value": within("Closed Won", "<b>Closed</b> Won"),
    "101 records": message(*(notification(n) for n in range(101))),
    "no record": message(),
    "nobody's": within(f"<OrganizationId>{ORGANIZATION}</OrganizationId>", ""),
    "SOAP 1.2": within("http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"),
    "another call": within("http://soap.sforce.com/2005/09/outbound", "http://example.org/"),
    "two bodies": GOOD + GOOD,
    "half of it": GOOD[:len(GOOD) // 2],
    "more behind it": GOOD + "x",
    "nothing": "",
    "a NUL": GOOD + "\0",
    "UTF-16": GOOD.encode("utf-16"),
    "Latin-1": within("Closed Won", "Gewonnen für").encode("latin-1"),
    "JSON": "[{}]",
}
WRONG = {  # a row of its own: the message is understood, and not acknowledged
    "no key": notification(1, Id=""), "a key with a control character": notification(1, Event="a&#9;b"), "no id": notification(1, Id="../../x"),
    "a point and a half": notification(1, Points="1.5"), "minus": notification(1, Points="-5"), "words": notification(1, Points="many"),
    "too many digits": notification(1, Points="9" * 19), "an exponent without end": notification(1, Points="1E400"), "hex": notification(1, Points="0x10"),
    "points twice": notification(1, raw="     <sf:Handback_Points__c>1</sf:Handback_Points__c>\n"), "no points": notification(1, Points=None),
    "no partner": notification(1, Partner=""), "no recipient": notification(1, Member=None), "a time that is none": notification(1, Not_Before="soon"),
    "a long key": notification(1, Event="e" * 300), "zero": notification(1, Points="0"),
}


@case("outbound message: XML that means harm, and values that mean nothing: never true, nothing taken, and the gate goes on")
def test_hostile(api, world):
    began, gate = time.monotonic(), api.gate.pid
    for what, body in HOSTILE.items():
        answer = send(api, body)
        assert answer.status == 400 and b"<Ack>" not in answer.body and b"root:" not in answer.body, (what, answer.status, answer.body)
    for what, record in WRONG.items():
        assert not acknowledged(send(api, message(record))), what
    assert time.monotonic() - began < 20 and api.gate.poll() is None and api.gate.pid == gate
    assert requests(world) == {}
    # the bad one is no other's matter
    assert not acknowledged(send(api, message(WRONG["words"], notification(2)))) and list(requests(world)) == ["a0B5g0000000002AAA"]


@case("outbound message: a hundred records with every field are one message; what is longer is refused, and so is JSON that is as long")
def test_the_largest(api, world):
    body = message(*(notification(n, Event="won/1", Points="1.0", Reason="Closed Won in the quarter " + "x" * 150, Account=None, raw=f"     <sf:Note>{'y' * 100}</sf:Note>\n")
                     for n in range(100)))
    assert 64 << 10 < len(body) < 256 << 10 and acknowledged(send(api, body)) and len(requests(world)) == 100
    assert b" 413 " in api.raw(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nContent-Length: {(256 << 10) + 1}\r\n\r\n".encode())
    assert api.post("PointsRequest", " " * 70000 + "[]", api.token()).status == 413


# ---- by certificate ----

def certificate(folder, name, issuer=None):
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", folder / f"{name}.key", "-subj", f"/CN={name}"]
    signed = ["-CA", folder / f"{issuer}.pem", "-CAkey", folder / f"{issuer}.key"] if issuer else []
    subprocess.run(list(map(str, ["openssl", "req", "-x509", "-days", "2", *key, *signed, "-out", folder / f"{name}.pem"])), check=True, capture_output=True)
    return folder / f"{name}.pem"


def fingerprint(path):
    said = subprocess.run(["openssl", "x509", "-in", path, "-noout", "-fingerprint", "-sha1"], check=True, capture_output=True, text=True).stdout
    return said.strip().split("=")[1].replace(":", "").lower()


@contextlib.contextmanager
def behind_nginx(api, folder):
    if shutil.which("nginx") is None and not os.path.exists("/usr/sbin/nginx"):
        pytest.skip("nginx is not installed")
    text, port = (ROOT / "docs/proxy/outbound-messages.conf").read_text(), free_port()
    for old, new in (("listen 8443", f"listen 127.0.0.1:{port}"), ("/etc/ssl/certs/api.example.org.pem", certificate(folder, "localhost")),
                     ("/etc/ssl/private/api.example.org.key", folder / "localhost.key"), ("/etc/ssl/certs/crm-issuer.pem", certificate(folder, "issuer")),
                     ("0" * 40, fingerprint(certificate(folder, "crm", "issuer"))), ("Basic Y3JtOlNFQ1JFVA==", BASIC)):
        assert old in text, old
        text = text.replace(old, str(new))
    temporary = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "nginx.conf").write_text(f"{'user root;' if os.geteuid() == 0 else ''} daemon off; pid {folder}/pid; error_log {folder}/error.log; events {{ }}\n"
                                       f"http {{ access_log off; {temporary}\nupstream handback {{ server unix:{api.socket}; }}\n{text}}}\n")
    process = subprocess.Popen(["nginx", "-c", folder / "nginx.conf", "-e", folder / "error.log"], env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"})
    try:
        until(lambda: (folder / "pid").exists() or process.poll() is not None)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def knock(folder, port, name, path=PATH, **headers):
    context = ssl.create_default_context(cafile=str(folder / "localhost.pem"))
    context.check_hostname = False
    if name:
        context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=20)
    try:
        connection.request("POST", path, message(notification(1)).encode(), {"Content-Type": "text/xml", **headers})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@case("outbound message: through nginx the CRM is known by its certificate; another of the same issuer, none, or another path is not let in")
def test_by_certificate(api, world):
    with tempfile.TemporaryDirectory(prefix="handback-proxy-") as name:
        folder = pathlib.Path(name)
        with behind_nginx(api, folder) as port:
            certificate(folder, "other", "issuer")
            certificate(folder, "self")
            assert knock(folder, port, "other")[0] == 403 and knock(folder, port, None)[0] == 400 and knock(folder, port, "self")[0] == 400
            assert knock(folder, port, "crm", path="/v1/outbound-messages/00D5g00000abcDEFGI")[0] == 404
            assert requests(world) == {}
            # what it sends of itself counts for nothing
            status, body = knock(folder, port, "crm", Authorization="Basic bm9ib2R5Om5vdGhpbmc=")
            assert (status, b"<Ack>true</Ack>" in body) == (200, True) and list(requests(world)) == ["a0B5g0000000001AAA"]

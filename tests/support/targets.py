"""Targets: strict servers that behave like the systems that are told, and that can be told to misbehave."""
import base64
import csv
import datetime
import gzip
import hashlib
import hmac
import http.server
import io
import json
import re
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse
import uuid
import xml.etree.ElementTree


def redemption(n=1, **fields):
    """An object as handback.redemption_object makes it."""
    reference = str(uuid.UUID(int=0x12345678_9ABC_4EF0_8234_000000000000 + n))
    return {"reference": reference, "version": 1, "programme": "P", "member": f"M{n}", "partner": "AIR", "merchant": "Shop", "type": 4,
            "points": 100 * n, "amount": None, "currency": None, "outbound_reference": None, "state": "confirmed", "held_for": None,
            "reasons": None, "redeemed_at": "2026-11-30T05:11:34.567609+00:00", "decided_at": "2026-11-30T06:00:00+00:00",
            "reversed_at": None, "reversed_by": None, "reversal_reference": None, **fields}


class Refused(Exception):
    """An answer that is not 200: status, body, headers."""


class Target:
    """One server on loopback.  Its answer() is asked for each request, under a lock; misbehave is called with the open socket instead."""

    def __init__(self, tls=None):
        self.requests, self.lock, self.misbehave, self.headers = [], threading.Lock(), None, {}
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def whole_body(self):
                if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                    return self.rfile.read(int(self.headers.get("Content-Length", 0)))
                body = b""
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return body

            def serve(self):
                body = self.body = self.whole_body()
                with outer.lock:
                    outer.requests.append((self.command, self.path, dict(self.headers.items()), body))
                    misbehave = outer.misbehave
                if misbehave is not None:
                    self.close_connection = True
                    misbehave(self)
                    return
                try:
                    with outer.lock:
                        status, said, more = outer.answer(self.command, self.path, self.headers, body)
                except Refused as refused:
                    status, said, more = refused.args
                raw = said if isinstance(said, bytes) else json.dumps(said).encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", "Content-Length": len(raw), **outer.headers, **more}.items():
                    self.send_header(name, str(value))
                self.end_headers()
                self.wfile.write(raw)

            do_POST = do_PUT = do_PATCH = do_GET = serve

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads, request_queue_size = True, 128

            def handle_error(self, *_):  # whoever hangs up is the test's
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://{'localhost' if tls else '127.0.0.1'}:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, method, path, headers, body):
        raise NotImplementedError


# ---- ways to misbehave, each with the request read ----

def raw(text):
    def answer(handler):
        handler.wfile.write(text)
    return answer


def cut(handler):
    handler.connection.shutdown(socket.SHUT_RDWR)


def slow_loris(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
    try:
        for _ in range(100):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.2)
    except OSError:
        pass


def oversized(handler):
    try:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n[")
        for _ in range(64):
            handler.wfile.write(b" " * (1 << 16))
    except OSError:
        pass


BOMB = gzip.compress(b" " * (16 << 20))


def gzip_bomb(handler):
    bomb = BOMB
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb) + bomb)


def endless_headers(handler):
    try:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for n in range(100_000):
            handler.wfile.write(b"X-%d: %s\r\n" % (n, b"a" * 100))
    except OSError:
        pass


# ---- Salesforce: sObject Collections, and queries ----

class Salesforce(Target):
    """Upsert of collections by an external id, and the token of a JWT bearer; refuses what the real one does."""

    PATH = "/services/data/v62.0/composite/sobjects/Redemption__c/External_Reference__c"
    FIELDS = {"attributes", "External_Reference__c", "Handback_Version__c", "Status__c", "Held_For__c", "Partner__c", "Points__c",
              "Partner_Reasons__c", "Redeemed_At__c", "Decided_At__c"}

    def __init__(self, public_key=None, **options):
        self.public_key, self.tokens, self.records, self.faults = public_key, set(), {}, {}
        self.calls, self.daily, self.loses, self.tokens_given = 18, 5000, 0, 0
        self.writes, self.shows, self.queries = 0, {}, None
        super().__init__(**options)

    def token(self, body):
        form = dict(urllib.parse.parse_qsl(body.decode(), strict_parsing=True))
        if set(form) != {"grant_type", "assertion"} or form["grant_type"] != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            raise Refused(400, {"error": "unsupported_grant_type", "error_description": "grant type not supported"}, {})
        head, claims, signature = form["assertion"].split(".")

        def decoded(part):
            return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
        said, now = json.loads(decoded(claims)), time.time()
        good = json.loads(decoded(head)) == {"alg": "RS256", "typ": "JWT"} and said["iss"] == "consumer-key" and "@" in said["sub"] \
            and said["aud"] == "https://login.salesforce.com" and now < said["exp"] <= now + 300
        if not good or not verify_rs256(self.public_key, f"{head}.{claims}".encode(), decoded(signature)):
            raise Refused(400, {"error": "invalid_grant", "error_description": "user hasn't approved this consumer"}, {})
        self.tokens_given += 1
        self.tokens.add(f"00D!{self.tokens_given}")
        return 200, {"access_token": f"00D!{self.tokens_given}", "instance_url": self.url, "id": "x", "scope": "api", "token_type": "Bearer"}, {}

    def answer(self, method, path, headers, body):
        if (method, path) == ("POST", "/services/oauth2/token"):
            return self.token(body)
        if headers.get("Authorization", "").removeprefix("Bearer ") not in self.tokens:
            raise Refused(401, [{"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}], {})
        self.calls += 1
        limit = {"Sforce-Limit-Info": f"api-usage={self.calls}/{self.daily}"}
        if self.calls > self.daily:
            raise Refused(403, [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}], limit)
        if method == "GET" and path.startswith("/services/data/v62.0/query?q="):
            return 200, self.query(urllib.parse.unquote_plus(path.split("?q=", 1)[1]), limit), limit
        if (method, path) != ("PATCH", self.PATH):
            raise Refused(404, [{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}], limit)
        said = json.loads(body)
        if set(said) != {"allOrNone", "records"} or not 1 <= len(said["records"]) <= 200:
            raise Refused(400, [{"errorCode": "EXCEEDED_MAX_SIZE_REQUEST" if "records" in said else "JSON_PARSER_ERROR", "message": "x"}], limit)
        return 200, [self.upsert(r) for r in said["records"]], limit

    def query(self, text, limit):
        """One object's fields, by keys; numbers as the real one writes them."""
        if self.queries:
            raise Refused(int(self.queries), [{"errorCode": "INSUFFICIENT_ACCESS", "message": "x"}], limit)
        said = re.fullmatch(r"SELECT ([A-Za-z_,]+) FROM Redemption__c WHERE External_Reference__c IN \(((?:'[0-9a-f-]{36}',?)+)\)", text)
        if not said or set(said[1].split(",")) - self.FIELDS:
            raise Refused(400, [{"errorCode": "MALFORMED_QUERY", "message": text}], limit)
        keys = [key.strip("'") for key in said[2].split(",")]
        found = [{**self.records[key], **self.shows} for key in keys if key in self.records]
        rows = [{"attributes": {"type": "Redemption__c"}, **{f: float(r[f]) if isinstance(r[f], int) else r[f] for f in said[1].split(",")}}
                for r in found]
        return {"totalSize": len(rows), "done": True, "records": rows}

    def upsert(self, record):
        key = record.get("External_Reference__c")
        fault = self.faults.get(key)
        unknown = set(record) - self.FIELDS
        if unknown:
            fault = "INVALID_FIELD"
        elif record.get("attributes") != {"type": "Redemption__c"} or "Id" in record or not key:
            fault = "MISSING_ARGUMENT"
        if fault:
            return {"success": False, "errors": [{"statusCode": fault, "message": f"{fault}: M\u202eX", "fields": sorted(unknown)}]}
        created = key not in self.records
        self.writes += 1
        if not self.loses or (len(self.records) + 1) % self.loses:
            self.records[key] = record
        return {"id": "a00" + key[:12], "success": True, "created": created, "errors": []}


def make_key(folder):
    """(a private key, its public one), in PEM."""
    path = folder / "key.pem"
    subprocess.run(["openssl", "genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", path], check=True, timeout=60)
    public = folder / "public.pem"
    subprocess.run(["openssl", "pkey", "-in", path, "-pubout", "-out", public], check=True, timeout=60)
    return path.read_text(), public


def verify_rs256(public, text, signature):
    folder = public.parent
    (folder / "signature").write_bytes(signature)
    return subprocess.run(["openssl", "dgst", "-sha256", "-verify", public, "-signature", folder / "signature"], input=text,
                          capture_output=True, timeout=60).returncode == 0


# ---- SAML: what an assertion says, where its signature holds ----

SAML, DSIG = "{urn:oasis:names:tc:SAML:2.0:assertion}", "{http://www.w3.org/2000/09/xmldsig#}"


def saml_claims(text, public):
    """By another canonicalization than ours, and openssl; None: the signature is none of this key over this assertion."""
    root = xml.etree.ElementTree.fromstring(text)
    signature = root.find(DSIG + "Signature")
    reference = signature.find(f"{DSIG}SignedInfo/{DSIG}Reference")
    bare = xml.etree.ElementTree.canonicalize(text, exclude_tags=[DSIG + "Signature"])
    info = xml.etree.ElementTree.canonicalize(re.search("<ds:SignedInfo .*</ds:SignedInfo>", text)[0])
    digest = base64.b64encode(hashlib.sha256(bare.encode()).digest()).decode()
    if reference.get("URI") != "#" + root.get("ID") or reference.findtext(DSIG + "DigestValue") != digest or not verify_rs256(
            public, info.encode(), base64.b64decode(signature.findtext(DSIG + "SignatureValue"), validate=True)):
        return None
    confirmed, conditions = root.find(f".//{SAML}SubjectConfirmationData"), root.find(SAML + "Conditions")
    return {"id": root.get("ID"), "issuer": root.findtext(SAML + "Issuer"), "subject": root.findtext(f"{SAML}Subject/{SAML}NameID"),
            "audience": root.findtext(f".//{SAML}Audience"), "recipient": confirmed.get("Recipient"),
            "begins": conditions.get("NotBefore"), "ends": min(conditions.get("NotOnOrAfter"), confirmed.get("NotOnOrAfter"))}


# ---- SuccessFactors: OData v2 upsert ----

class SuccessFactors(Target):
    FIELDS = {"__metadata", "cust_version", "cust_status", "cust_points", "cust_partner", "cust_redeemedAt", "cust_reversedAt"}

    def __init__(self, public_key=None, **options):
        self.records, self.faults, self.tokens_given, self.public_key, self.assertions = {}, {}, 0, public_key, set()
        self.assertion_forms = []
        super().__init__(**options)

    def believe(self, form):
        """A token for a SAML assertion: of our key, for us, of now, and once."""
        self.assertion_forms.append(form)
        assert set(form) == {"grant_type", "client_id", "company_id", "assertion"}
        assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:saml2-bearer" and form["client_id"] == "your-api-key"
        text = base64.b64decode(form["assertion"], validate=True).decode()
        said = saml_claims(text, self.public_key)
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        if said is None or said["id"] in self.assertions or not said["begins"] <= now < said["ends"] or {
                k: said[k] for k in ("issuer", "subject", "audience", "recipient")} != {
                "issuer": "your-api-key", "subject": "handback", "audience": "www.successfactors.com", "recipient": self.url + "/oauth/token"}:
            raise Refused(401, {"error": "invalid_grant"}, {})
        self.assertions.add(said["id"])

    def answer(self, method, path, headers, body):
        if (method, path) == ("POST", "/oauth/token"):
            form = dict(urllib.parse.parse_qsl(body.decode(), strict_parsing=True))
            if self.public_key:
                self.believe(form)
                self.tokens_given += 1
                return 200, {"access_token": "sf-token", "token_type": "Bearer", "expires_in": 86400}, {}
            if form != {"grant_type": "client_credentials", "client_id": "handback", "client_secret": "s3cret & more"}:
                raise Refused(401, {"error": "invalid_client"}, {})
            self.tokens_given += 1
            return 200, {"access_token": "sf-token", "token_type": "Bearer", "expires_in": 86400}, {}
        if headers.get("Authorization") != "Bearer sf-token":
            raise Refused(401, {"error": {"code": "LoginException", "message": {"value": "no"}}}, {})
        if (method, path) != ("POST", "/odata/v2/upsert?$format=json&purgeType=incremental"):
            raise Refused(400, {"error": {"code": "COE_GENERAL_BAD_REQUEST"}}, {})
        rows = json.loads(body)
        if len(rows) > 1000:
            raise Refused(400, {"error": {"code": "COE_GENERAL_BAD_REQUEST"}}, {})
        said = [self.upsert(n, row) for n, row in enumerate(rows)]
        return 200, {"d": list(reversed(said))}, {}  # in no order: each has its index

    def upsert(self, index, row):
        key = row["__metadata"]["uri"].removeprefix("cust_Redemption(externalCode='").removesuffix("')")
        status, edit, code, message = self.faults.get(key, ("OK", "UPSERTED", 200, None))
        if set(row) - self.FIELDS:
            status, edit, code, message = "ERROR", None, 400, "COE_PROPERTY_NOT_FOUND"
        if status == "OK":
            self.records[key] = row
        return {"key": key, "status": status, "editStatus": edit, "message": message, "index": index, "httpCode": code, "inlineResults": None}


# ---- webhooks ----

class Webhook(Target):
    """Believes only what is signed with one of its secrets, and takes each id once."""

    def __init__(self, *secrets, **options):
        self.secrets, self.taken = secrets, {}
        super().__init__(**options)

    def answer(self, method, path, headers, body):
        ident, at = headers["webhook-id"], headers["webhook-timestamp"]
        text = f"{ident}.{at}.".encode() + body
        due = {"v1," + base64.b64encode(hmac.new(base64.b64decode(s.removeprefix("whsec_")), text, hashlib.sha256).digest()).decode()
               for s in self.secrets}
        if abs(time.time() - int(at)) > 300 or not due & set(headers["webhook-signature"].split(" ")):
            raise Refused(401, {}, {})
        said = json.loads(body)
        assert headers["Content-Type"] == "application/cloudevents+json" and said["id"] == ident and len(body) < 20_000
        self.taken.setdefault(ident, said)
        return 200, b"", {}


def certificate(folder):
    """(a server's TLS context for localhost, the certificate that it is to be trusted by)."""
    key, cert = folder / "tls.key", folder / "tls.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True, timeout=60)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context, cert.read_text()


# ---- Salesforce: Bulk API 2.0 ----

class BulkSalesforce(Salesforce):
    """Its jobs: created, filled once, closed, worked on for a while, and then lists of what came of each row.  A job that was not closed does
    nothing; a second upload and a second close are refused; what is asked for at the wrong time, too."""

    JOBS = "/services/data/v62.0/jobs/ingest"

    def __init__(self, **options):
        self.jobs, self.looks, self.fails, self.uploads, self.unprocessed = {}, 2, None, 0, set()
        super().__init__(**options)

    def answer(self, method, path, headers, body):
        if not path.startswith(self.JOBS):
            return super().answer(method, path, headers, body)
        if headers.get("Authorization", "").removeprefix("Bearer ") not in self.tokens:
            raise Refused(401, [{"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}], {})
        self.calls += 1
        limit = {"Sforce-Limit-Info": f"api-usage={self.calls}/{self.daily}"}
        if (method, path) == ("POST", self.JOBS):
            return 200, self.create(json.loads(body)), limit
        said = re.fullmatch(self.JOBS + r"/([0-9A-Za-z]+)(/batches|/successfulResults|/failedResults|/unprocessedrecords)?/?", path)
        job = self.jobs.get(said[1]) if said else None
        if job is None:
            raise Refused(404, [{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}], limit)
        return (*self.at_job(job, method, said[2] or "", headers, body), limit)

    def create(self, said):
        due = {"object": "Redemption__c", "externalIdFieldName": "External_Reference__c", "operation": "upsert", "contentType": "CSV",
               "lineEnding": "LF"}
        said = {"contentType": "CSV", **said}  # what it is without a word
        if said != due:
            raise Refused(400, [{"errorCode": "INVALIDJOB", "message": "x"}], {})
        number = f"750R{len(self.jobs):014d}"
        self.jobs[number] = {"id": number, "state": "Open", "rows": None, "looks": self.looks, **said}
        return {k: v for k, v in self.jobs[number].items() if k not in ("rows", "looks")}

    def at_job(self, job, method, what, headers, body):
        if (method, what) == ("PUT", "/batches"):
            if job["state"] != "Open" or job["rows"] is not None or headers["Content-Type"] != "text/csv":
                raise Refused(400, [{"errorCode": "INVALIDJOBSTATE", "message": "x"}], {})
            job["rows"] = list(csv.DictReader(io.StringIO(body.decode(), newline=""), strict=True))
            self.uploads += 1
            return 201, b""
        if (method, what) == ("PATCH", ""):
            if json.loads(body) != {"state": "UploadComplete"} or job["state"] != "Open" or not job["rows"]:
                raise Refused(400, [{"errorCode": "INVALIDJOBSTATE", "message": "x"}], {})
            job["state"] = "UploadComplete"
        elif (method, what) == ("GET", ""):
            self.work(job)
        elif method == "GET" and what and job["state"] in ("JobComplete", "Failed", "Aborted"):
            return 200, self.listed(job, what)
        else:
            raise Refused(400, [{"errorCode": "INVALIDJOBSTATE", "message": "x"}], {})
        return 200, {"id": job["id"], "state": job["state"], **({"errorMessage": job["why"]} if "why" in job else {})}

    def work(self, job):
        """A look at it: in the end each row has been written, or not."""
        if job["state"] not in ("UploadComplete", "InProgress"):
            return
        job["looks"] -= 1
        job["state"] = "InProgress"
        if job["looks"] > 0:
            return
        if self.fails:
            job["state"], job["why"] = "Failed", self.fails
            return
        job["state"], job["results"] = "JobComplete", []
        for row in job["rows"]:
            if row["External_Reference__c"] in self.unprocessed:
                job["results"].append((row, None))
                continue
            record = {"attributes": {"type": "Redemption__c"}, **{k: None if v == "#N/A" else v for k, v in row.items() if (k, v) != ("Id", "")}}
            for number in ("Points__c", "Handback_Version__c"):
                record[number] = int(record[number])
            job["results"].append((row, self.upsert(record)))

    def listed(self, job, what):
        out = io.StringIO()
        done = [(row, said) for row, said in job.get("results", []) if (what == "/unprocessedrecords") == (said is None)
                and (said is None or said["success"] == (what == "/successfulResults"))]
        more = {"/successfulResults": ["sf__Id", "sf__Created"], "/failedResults": ["sf__Id", "sf__Error"]}.get(what, [])
        rows = csv.DictWriter(out, more + list(job["rows"][0]), quoting=csv.QUOTE_ALL, lineterminator="\n")
        rows.writeheader()
        for row, said in done:
            of = {"sf__Id": said.get("id", ""), "sf__Created": str(said.get("created", "")).lower()} if said else {}
            if what == "/failedResults":
                of = {"sf__Id": "", "sf__Error": f'{said["errors"][0]["statusCode"]}:x "y", z:--'}
            rows.writerow({**of, **row})
        return out.getvalue().encode()


# ---- Workday: SOAP ----

class WorkdaySoap(Target):
    """Put_ by our key, behind WS-Security; faults as the real one has them: 500 and words."""

    ENV, NS = "{http://schemas.xmlsoap.org/soap/envelope/}", "{urn:com.workday/bsvc}"
    WSSE = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd}"

    def __init__(self, secret, **options):
        self.secret, self.records, self.faults, self.late = secret, {}, {}, False
        super().__init__(**options)

    def fault(self, code, text, status=500):
        return status, (f'<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"><SOAP-ENV:Body><SOAP-ENV:Fault><faultcode>{code}'
                        f'</faultcode><faultstring>{text}</faultstring></SOAP-ENV:Fault></SOAP-ENV:Body></SOAP-ENV:Envelope>').encode(), {
                            "Content-Type": "text/xml"}

    def answer(self, method, path, headers, body):
        root = xml.etree.ElementTree.fromstring(body)
        assert (method, path) == ("POST", "/ccx/service/your_tenant/Your_Service/v42.0") and headers["Content-Type"] == "text/xml; charset=UTF-8"
        token = root.find(f"{self.ENV}Header/{self.WSSE}Security/{self.WSSE}UsernameToken")
        if (token.findtext(self.WSSE + "Username"), token.findtext(self.WSSE + "Password")) != ("handback_isu@your_tenant", self.secret):
            return self.fault("SOAP-ENV:Client.authenticationError", "invalid username or password")
        request = root.find(f"{self.ENV}Body/{self.NS}Put_Reward_Redemption_Request")
        assert request.get(self.NS + "Add_Only") == "false" and request.get(self.NS + "version") == "v42.0"
        said = {e.tag.removeprefix(self.NS): e.text for e in request.find(self.NS + "Redemption_Data")}
        said["Worker"] = request.findtext(f".//{self.NS}Worker_Reference/{self.NS}ID")
        if said["ID"] in self.faults:
            return self.fault(*self.faults[said["ID"]])
        self.records[said["ID"]] = said
        return 200, (b'<env:Envelope xmlns:env="http://schemas.xmlsoap.org/soap/envelope/"><env:Body><wd:Put_Reward_Redemption_Response '
                     b'xmlns:wd="urn:com.workday/bsvc"/></env:Body></env:Envelope>'), {"Content-Type": "text/xml"}

"""handback-gate and handback-api over a database of one test, and a client that can send any bytes.

    with redemption_api.Api(build, database, tmp_path, apis=2) as api:
        token = api.token("app", secret)
        answer = api.post("RedeemPoints", {...}, token)
        answer.status, answer.code, answer.value, answer.headers
"""
import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time

SECRET = "0123456789abcdef0123456789abcdef0123456789abcdef"
PG = "/lbms-ingress/pg-lm/API/PG/"
TOKEN = "/lbms-ingress/oauth/api/Auth/Token"


def api_source(world, options="{quota_mib: 100}"):
    """SKYLINE's files come by the API to this world."""
    text = world.config.read_text()
    world.config.write_text(re.sub(r"(- name: skyline\n.*\n.*\n)    (directory|api): .*", rf"\1    api: {options}", text))
    world.inbound["SKYLINE"] = world.spool / "incoming/skyline"


class Unix(http.client.HTTPConnection):
    def __init__(self, path, timeout=30):
        super().__init__("localhost", timeout=timeout)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        return self.json["results"]["ErrorCode"]

    @property
    def value(self):
        return self.json["results"]["ReturnObject"]

    @property
    def reason(self):
        return self.headers.get("X-Handback-Reason")


def until(true, seconds=20):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.01)


class Api:
    judge = None  # of every answer: tests/support/prism.py

    def __init__(self, build, database, apis=1, gate_options=(), role="handback_api", receive=None, limit=None):
        self.build, self.database, self.count, self.options, self.role = build, database, apis, gate_options, role
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="handback-api-", dir="/tmp"))
        self.key = self.folder / "token-key"
        self.key.write_bytes(os.urandom(32))
        self.key.chmod(0o600)
        self.keys = [self.key]
        self.socket = self.folder / "http"
        self.apis, self.gate = [], None
        self.limit = limit  # of the gate's descriptors
        self.receive, self.receiver = receive, None  # a configuration: partners' files are taken by it

    def start_api(self, n):
        path = self.folder / f"api{n}"
        path.unlink(missing_ok=True)
        log = open(self.folder / f"api{n}.log", "ab")  # noqa: SIM115: the process's own
        process = subprocess.Popen([self.build / "api/handback-api", "--database", self.database.conninfo(self.role), "--listen", path,
                                    *(("--receive", self.folder / "receive") if self.receive else ()),
                                    *(word for key in self.keys for word in ("--token-key", key))], stderr=log)
        log.close()
        until(lambda: path.exists() or process.poll() is not None)
        return process

    def start_receiver(self):
        with open(self.folder / "receive.log", "ab") as log:
            self.receiver = subprocess.Popen(
                [self.build / "receive/handback-receive", "--config", self.receive, "--listen", self.folder / "receive"], stderr=log)
        until(lambda: (self.folder / "receive").exists() or self.receiver.poll() is not None)

    def start_gate(self):
        self.socket.unlink(missing_ok=True)
        with open(self.folder / "gate.log", "ab") as log:
            self.gate = subprocess.Popen(
                [*(("prlimit", f"--nofile={self.limit}") if self.limit else ()), self.build / "gate/handback-gate", "--listen", self.socket, *self.options,
                 *(word for n in range(self.count) for word in ("--api", self.folder / f"api{n}"))], stderr=log)
        until(lambda: self.socket.exists() or self.gate.poll() is not None)

    def __enter__(self):
        if self.receive:
            self.start_receiver()
        self.apis = [self.start_api(n) for n in range(self.count)]
        self.start_gate()
        until(self.is_well)
        return self

    def __exit__(self, *_):
        for process in (self.gate, *self.apis, *([self.receiver] if self.receiver else [])):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in (self.gate, *self.apis, *([self.receiver] if self.receiver else [])):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(40)
            process.kill()

    def is_well(self):
        try:
            return self.get("/healthz").status == 200
        except OSError:  # it is bound, and does not listen yet
            return False

    def log(self, name="gate"):
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def request(self, method, path, body=None, headers=None):
        connection = Unix(self.socket)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            given = Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()
        if self.judge is not None:
            self.judge.judge(method, path, body, headers or {}, given.status, given.headers, given.body)
        return given

    def get(self, path, token=None):
        return self.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})

    def post(self, name, body, token=None, headers=None):
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {}), **(headers or {})}
        return self.request("POST", PG + name, body if isinstance(body, (bytes, str)) else json.dumps(body), headers)

    def put(self, source, name, body, token=None, headers=None):
        headers = {**({"Authorization": f"Bearer {token}"} if token else {}), **(headers or {})}
        return self.request("PUT", f"/v1/sources/{source}/files/{name}", body, headers)

    def ask_token(self, client, secret=SECRET, **more):
        body = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret, **more}
        return self.request("POST", TOKEN, json.dumps(body), {"Content-Type": "application/json"})

    def token(self, client="app", secret=SECRET):
        answer = self.ask_token(client, secret)
        assert answer.status == 200, answer.body
        return answer.json["results"]["token"]

    def raw(self, data, timeout=10):
        """What comes back for these bytes, up to the end of the connection."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(timeout)
            s.connect(str(self.socket))
            s.sendall(data)
            got = b""
            with contextlib.suppress(socket.timeout, ConnectionResetError):
                while more := s.recv(65536):
                    got += more
            return got


def credential(connection, client="app", programme="P", secret=SECRET, **bounds):
    connection.execute("SELECT api.add_credential(%s, %s, sha256(%s), %s, %s)",
                       (client, programme, secret.encode(), bounds.get("calls_per_minute"), bounds.get("points_per_day")))


def redemption(**other):
    """The contract's own body, for member M1 of programme 1."""
    return {"RelationReference": "M1", "Amount": 500, "Points": 500, "MerchantName": "Amazon", "LoyaltyTxnType": 30,
            "TransactionCurrency": "DEFAULT", "RelationType": 4, "ProgramId": 1, **other}

"""handback-gate behind nginx and haproxy, by the configurations that docs/proxy has: calls go through, tricks do not."""
import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
import pathlib

import pytest

from c_source import ROOT
from case_table import case
from redemption_api import PG, SECRET, Api, api_source, credential, redemption, until
from world import World

SMUGGLED = b"GET /v1/requests/smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def nginx(folder, gate, port):
    text = (ROOT / "docs/proxy/nginx.conf").read_text()
    text = re.sub(r"\tssl_.*\n", "", text).replace("listen 443 ssl", f"listen 127.0.0.1:{port}").replace("/run/handback-gate.sock", str(gate))
    conf = folder / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    conf.write_text(f"{user} daemon off; pid {folder}/pid; error_log {folder}/error.log; events {{ }}\n"
                    f"http {{ access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;\n"
                    f"fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n{text}}}\n")
    return ["nginx", "-c", conf, "-e", folder / "error.log"]


def haproxy(folder, gate, port):
    text = (ROOT / "docs/proxy/haproxy.cfg").read_text()
    text = re.sub(r"bind :443 .*", f"bind 127.0.0.1:{port}", text).replace("/run/handback-gate.sock", str(gate))
    conf = folder / "haproxy.cfg"
    conf.write_text(text)
    return ["haproxy", "-f", conf]


@contextlib.contextmanager
def behind(name, api):
    """api.port: where the proxy of this name listens in front of it."""
    if shutil.which(name) is None and not os.path.exists(f"/usr/sbin/{name}"):
        pytest.skip(f"{name} is not installed")
    with tempfile.TemporaryDirectory(prefix="handback-proxy-") as folder:
        port = free_port()
        command = {"nginx": nginx, "haproxy": haproxy}[name](pathlib.Path(folder), api.socket, port)
        process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"})
        try:
            def listens():
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    return True
                assert process.poll() is None, "it did not start"
                return False
            until(listens)
            api.port = port
            yield api
        finally:
            process.terminate()
            process.wait(20)


PROXIES = pytest.mark.parametrize("proxy", ("nginx", "haproxy"))


@pytest.fixture(params=("nginx", "haproxy"))
def proxied(request, build, database):
    with database.connect() as c:
        c.execute("""
            INSERT INTO ledger.programme (programme_id, code, name, rate_points, rate_minor, currency) VALUES (1, 'P', 'First', 1, 100, 'EUR');
            INSERT INTO ledger.member (programme_id, relation_reference) VALUES (1, 'M1');
            INSERT INTO ledger.entry (programme_id, member_id, category, points) SELECT 1, member_id, 'Credit By Accrual', 10000 FROM ledger.member""")
        credential(c)
    with Api(build, database) as api, behind(request.param, api):
        yield api


def raw(port, data, seconds=3):
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.settimeout(seconds)
        got = b""
        with contextlib.suppress(OSError):
            s.sendall(data)
            while more := s.recv(65536):
                got += more
        return got


def post(port, path, body, *headers):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = "\r\n".join([f"POST {path} HTTP/1.1", "Host: api.example.org", "Content-Type: application/json", *headers])
    return f"{head}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body


@case("API: through real proxies")
def test_a_call_goes_through(proxied):
    token = proxied.token()
    answer = raw(proxied.port, post(proxied.port, PG + "RedeemPoints", redemption(), f"Authorization: Bearer {token}", "Idempotency-Key: k1"), 20)
    assert answer.startswith(b"HTTP/1.1 200") and b'"ErrorCode": "000"' in answer, answer
    again = raw(proxied.port, post(proxied.port, PG + "RedeemPoints", redemption(), f"Authorization: Bearer {token}", "Idempotency-Key: k1"), 20)
    assert b"idempotent-replayed: true" in again.lower() and answer.split(b"ReturnObject")[1] == again.split(b"ReturnObject")[1]
    for path, within in (("/", b" 404 "), ("/openapi.json", b'"openapi": "3.1'), ("/healthz", b"\r\n\r\nok"), ("/healthz/x", b" 404 ")):
        answer = raw(proxied.port, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        assert within in answer, (path, answer[:300])
    assert b" 413 " in raw(proxied.port, post(proxied.port, PG + "RedeemPoints", b"x" * 70000))


@case("API: a partner's file through real proxies")
@PROXIES
def test_a_file_goes_through(proxy, build, cluster):
    """Of more bytes than a call may have: streamed, whole, and with the answer that the gate gave."""
    with World(cluster, build) as world:
        with world.database.connect() as c:
            c.execute("SELECT api.add_sender('sky', 'skyline', sha256(%s))", (SECRET.encode(),))
        api_source(world)
        data = os.urandom(3 << 20)
        with Api(build, world.database, receive=world.config) as api, behind(proxy, api):
            head = (f"PUT /v1/sources/skyline/files/large.csv HTTP/1.1\r\nHost: api.example.org\r\nAuthorization: Bearer {api.token('sky')}\r\n"
                    f"Content-Length: {len(data)}\r\nConnection: close\r\n\r\n")
            answer = raw(api.port, head.encode() + data, 30)
            assert answer.startswith(b"HTTP/1.1 201"), answer[:500]
            assert (world.spool / "incoming/skyline/large.csv").read_bytes() == data
            # a body in chunks has a length by the time that the gate hears of it, or is refused: never read in two ways
            chunked = head.replace(f"Content-Length: {len(data)}", "Transfer-Encoding: chunked").replace("large", "chunked")
            answer, there = raw(api.port, chunked.encode() + b"5\r\nabcde\r\n0\r\n\r\n", 5), world.spool / "incoming/skyline/chunked.csv"
            assert (b" 201 " in answer) == there.exists() and (not there.exists() or there.read_bytes() == b"abcde"), answer


def tricks(path):
    """Requests of which one reading has a second request in it."""
    start = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n".encode()
    body = b"0\r\n\r\n" + SMUGGLED
    length = b"Content-Length: %d\r\n" % len(body)
    short = b"Content-Length: 5\r\n"
    chunked = b"Transfer-Encoding: chunked\r\n"
    for name, head in {
        "length and chunked": length + chunked, "chunked and length": chunked + length,
        "chunked behind a tab": length + b"Transfer-Encoding:\tchunked\r\n",
        "chunked behind a blank": length + b"Transfer-Encoding : chunked\r\n",
        "xchunked": length + b"Transfer-Encoding: xchunked\r\n", "chunked, identity": length + b"Transfer-Encoding: chunked, identity\r\n",
        "identity": length + b"Transfer-Encoding: identity\r\n", "chunked twice": chunked + chunked + length,
        "folded": length + b"X-A: b\r\n Transfer-Encoding: chunked\r\n", "folded value": length + b"Transfer-Encoding:\r\n chunked\r\n",
        "bare LF": length + b"X-A: b\nTransfer-Encoding: chunked\r\n", "vertical tab": length + b"Transfer-Encoding:\x0bchunked\r\n",
        "quoted": length + b'Transfer-Encoding: "chunked"\r\n', "in capitals": length + b"TRANSFER-ENCODING: CHUNKED\r\n",
        "underscore": length + b"Transfer_Encoding: chunked\r\n",
        "two lengths": length + short, "two lengths turned": short + length, "length list": b"Content-Length: 5, %d\r\n" % len(body),
        "length with plus": b"Content-Length: +5\r\n", "length with blank": b"Content-Length : 5\r\n", "length with zero": b"Content-Length: 005\r\n",
        "length in hex": b"Content-Length: 0x5\r\n", "length, negative": b"Content-Length: -5\r\n", "no length": b"",
        "NUL": length + b"X-A: a\x00b\r\n", "two hosts": length + b"Host: y\r\n",
    }.items():
        yield name, start + head + b"\r\n" + body
    yield "HTTP/1.0", start.replace(b"HTTP/1.1", b"HTTP/1.0") + chunked + b"\r\n" + body
    yield "upgrade", start + length + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n" + body
    yield "expect", start + length + b"Expect: 100-continue\r\n\r\n" + body


@case("API: smuggling through real proxies")
def test_nothing_is_smuggled(proxied):
    """What a request has in its body is asked of nobody: the gate never sees its path as one of its own requests, but where the
    proxy itself took it for a second request of the caller's, as it may."""
    count = 0
    for name, request in tricks(PG + "RedeemPoints"):
        before = proxied.log().count("endpoint=request")
        answer = raw(proxied.port, request, 1.5)
        answers = len(re.findall(rb"^HTTP/1\.[01] ", answer, re.M))
        time.sleep(0.02)
        asked = proxied.log().count("endpoint=request") - before
        # every request that the gate answered is one that the caller got an answer to
        assert asked == 0 or answers >= asked + 1, (name, answer)
        count += 1
    assert count > 25 and proxied.is_well()

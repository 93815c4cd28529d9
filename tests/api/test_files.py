"""Hand-back files by the API: whole or not there at all, by whom they may come, and the way that they then go."""
import base64
import hashlib
import hmac
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time

import psycopg
import pytest

from case_table import case
from redemption_api import SECRET, Api, api_source, credential, redemption, until
from world import World


@pytest.fixture
def world(cluster, build):
    with World(cluster, build) as w:
        with w.database.connect() as c:
            for client, source in (("sky", "skyline"), ("sky2", "skyline"), ("mer", "meridian")):
                c.execute("SELECT api.add_sender(%s, %s, sha256(%s))", (client, source, SECRET.encode()))
        api_source(w)
        yield w


@pytest.fixture
def api(build, world):
    with Api(build, world.database, receive=world.config) as running:
        yield running


def waiting(world):
    folder = world.spool / "incoming/skyline"
    return sorted(p.name for p in folder.iterdir()) if folder.exists() else []


def digest(data):
    return f"sha-256=:{base64.b64encode(hashlib.sha256(data).digest()).decode()}:"


def head(name, length, token, more=""):
    return (f"PUT /v1/sources/skyline/files/{name} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Length: {length}\r\n{more}\r\n").encode()


def connection(api):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20)
    s.connect(str(api.socket))
    return s


@case("API: a file from its upload to its outcomes")
def test_a_file(world, api):
    token = api.token("sky")
    name, data = world.file("SKYLINE")
    answer = api.put("skyline", name, data, token, {"Content-Digest": digest(data)})
    assert answer.status == 201, answer.body
    assert answer.headers["Content-Digest"] == digest(data) and answer.headers["Location"] == f"/v1/files/{answer.json['id']}"
    assert answer.json["bytes"] == len(data) and answer.json["sha256"] == hashlib.sha256(data).hexdigest()
    where = answer.headers["Location"]
    assert api.get(where, token).json["state"] == "received" and waiting(world) == [name]
    world.start_daemon()
    until(lambda: api.get(where, token).json["state"] == "posted")
    told = api.get(where, token).json
    [(records,)] = world.query("SELECT records FROM handback.file")
    assert told["records"] == records == sum(o["records"] for o in told["outcomes"].values()) and records > 0
    assert all(t["agrees"] for t in told["totals"]) and told["totals"] and told["refusals"] == []
    until(lambda: waiting(world) == [])
    # once more: the first one's address, and a duplicate as from any source
    again = api.put("skyline", name, data, token)
    assert again.status == 200 and again.json["id"] == answer.json["id"]
    until(lambda: [s for s, in world.query("SELECT state::text FROM handback.file ORDER BY file_id")] == ["posted", "duplicate"])
    assert api.get(where, token).json["state"] == "posted"
    assert [e for e, in world.query("SELECT what FROM audit.event WHERE what = 'file_received'")] == ["file_received"] * 2
    # another source's sender sees nothing of it, and no member's data is told
    assert api.get(where, api.token("mer")).status == 404
    [(member,)] = world.query("SELECT relation_reference FROM ledger.member JOIN ledger.redemption ON member = relation_reference LIMIT 1")
    assert member not in api.get(where, token).body.decode()


@case("API: a file that is on hold, and one that is refused")
def test_a_file_with_wrong_totals(world, api):
    token = api.token("sky")
    name, data = world.file("SKYLINE", break_totals=1)
    where = api.put("skyline", name, data, token).headers["Location"]
    world.start_daemon()
    until(lambda: api.get(where, token).json["state"] == "held")
    told = api.get(where, token).json
    assert told["held_for"] and told["refusals"] + [t for t in told["totals"] if not t["agrees"]]
    assert [h["open"] for h in told["holds"]] == [1]


@case("API: who may send a file")
def test_who_may(world, api):
    with world.database.connect() as c:
        code = c.execute("SELECT code FROM ledger.programme LIMIT 1").fetchone()[0]
        credential(c, "app", code)
    sky, app = api.token("sky"), api.token("app")
    assert api.put("meridian", "x.csv", b"x", sky).status == 403
    assert api.put("nowhere", "x.csv", b"x", sky).status == 403
    assert api.put("skyline", "x.csv", b"x", app).status == 403
    assert api.put("skyline", "x.csv", b"x").status == api.put("skyline", "x.csv", b"x", sky[:-2]).status == 401
    assert api.put("meridian", "x.csv", b"x", api.token("mer")).status == 404, "a directory's source"
    # and nothing else
    answer = api.post("RedeemPoints", redemption(), sky)
    assert answer.status == 403 and answer.reason == "the token is for the files of a source, and nothing else"
    assert api.get("/v1/members/M1/transactions", sky).status == 403
    with world.database.connect() as c:
        c.execute("SELECT api.renew('sky', NULL)")
    assert api.put("skyline", "x.csv", b"x", sky).status == 401 and api.ask_token("sky").status == 401
    assert waiting(world) == []


NAMES = {"..%2Fx": 999, "a%2Fb": 999, "a%00b": 999, "%2e%2e": 999, ".hidden": 999, "x%0Ay": 999, "a.tmp": 999, "%ff": 999, "x%zz": 999,
         "x" * 256: 999, "a/b": 404, "x?y": 404}


@case("API: names and lengths that are none")
def test_bad_requests(world, api):
    token = api.token("sky")
    for name, code in NAMES.items():
        answer = api.put("skyline", name, b"x", token)
        assert answer.status == (400 if code == 999 else code), (name, answer.body)
    assert api.put("skyline", "x.csv", b"x", token, {"Content-Digest": digest(b"y")}).status == 400
    assert api.put("skyline", "x.csv", b"x", token, {"Content-Digest": "sha-256=:AAAA:"}).status == 400
    # stated, and not comparable: nobody takes the file for compared
    other = digest(b"y")
    for form in ("", "sha-256", other.replace(":", ""), other.upper(), other.replace("=", " = ", 1), "sha-256=" + hashlib.sha256(b"x").hexdigest(),
                 f"{digest(b'x')}, {other}", f"x-{digest(b'x')}", "sha-512=:AAAA:"):
        answer = api.put("skyline", "x.csv", b"x", token, {"Content-Digest": form})
        assert answer.status == 400 and "Content-Digest has one sha-256" in answer.reason, form
    assert waiting(world) == []
    assert api.put("skyline", "x.csv", b"x", token, {"Content-Range": "bytes 0-0/2"}).status == 415
    assert api.put("skyline", "x.csv", b"x", token, {"Content-Digest": f"md5=:AAAA:, {digest(b'x')}"}).status == 201
    for request in (head("y.csv", 1, token, "Content-Length: 1\r\n") + b"x", head("y.csv", 1, token, "Transfer-Encoding: chunked\r\n") + b"x",
                    head("y.csv", "0x1", token) + b"x", head("y.csv", "-1", token) + b"x", head("y.csv", 1, token, "Host: y\r\n") + b"x",
                    head("y.csv", 1, token, "X : y\r\n") + b"x", head("y.csv", 1, token, "X: y\r\n z\r\n") + b"x",
                    head("y.csv", 1, token).replace(b"\r\n", b"\n") + b"x", head("y.csv", 1, token, "X: y\nz: a\r\n") + b"x",
                    head("y.csv", 1, token, "X: a\0b\r\n") + b"x", head("y.csv", 1, token).replace(b"1.1", b"1.0") + b"x",
                    head("y.csv", 1, token).replace(b"PUT /", b"PUT http://x/") + b"x",
                    head("y.csv", 1, token, "X: " + "a" * 17000 + "\r\n") + b"x",
                    head("y.csv", 1, token).replace(b"Content-Length: 1\r\n", b"") + b"x"):
        answer = api.raw(request)
        assert b" 400 " in answer.split(b"\r\n")[0], (request[:300], answer)
    assert b" 413 " in api.raw(head("y.csv", 5 * 2**30 + 1, token)).split(b"\r\n")[0]
    assert b" 507 " in api.raw(head("y.csv", 101 * 2**20, token)).split(b"\r\n")[0]
    assert waiting(world) == ["x.csv"]


def test_a_digest_can_be_demanded(build, world):
    api_source(world, "{digest: required}")
    with Api(build, world.database, receive=world.config) as api:
        token = api.token("sky")
        answer = api.put("skyline", "x.csv", b"x", token)
        assert answer.status == 400 and "Content-Digest" in answer.reason
        assert api.put("skyline", "x.csv", b"x", token, {"Content-Digest": digest(b"x")}).status == 201


@case("API: a file that is cut, and two at once")
def test_cut_and_two_at_once(world, api):
    token = api.token("sky")
    with connection(api) as s:
        s.sendall(head("x.csv", 200000, token) + b"a" * 100000)
        time.sleep(0.3)
        # the other waits, also another sender of the source; calls do not
        for client in ("sky", "sky2"):
            answer = api.put("skyline", "x.csv", b"bb", api.token(client))
            assert answer.status == 429 and answer.headers["Retry-After"] == "1"
        assert api.get("/healthz").status == 200
    until(lambda: api.put("skyline", "x.csv", b"bb", token).status == 201)
    # another file of the name, while that one waits; the same bytes are the same
    assert api.put("skyline", "x.csv", b"cc", token).status == 409
    assert api.put("skyline", "x.csv", b"bb", token).status == 200
    # whoever ends its half after a part has cut it
    with connection(api) as s:
        s.sendall(head("y.csv", 10, token) + b"12345")
        s.shutdown(socket.SHUT_WR)
        assert s.recv(1000) == b""
    def half_closed():
        with connection(api) as s:
            s.sendall(head("z.csv", 5, token) + b"12345")
            s.shutdown(socket.SHUT_WR)
            return s.recv(1000)

    until(lambda: b"201 Created" in half_closed())  # the receiver of the one before hears of its end in its own time
    # after an answer the next one may come at once
    assert [api.put("skyline", f"n{n}.csv", b"x", token).status for n in range(30)] == [201] * 30
    assert waiting(world) == sorted([f"n{n}.csv" for n in range(30)] + ["x.csv", "z.csv"])
    assert (world.spool / "incoming/skyline/x.csv").read_bytes() == b"bb"


@pytest.mark.parametrize("who", ["gate", "api", "receiver"])
def test_a_program_that_is_killed_leaves_no_part(world, api, who):
    token = api.token("sky")
    with connection(api) as s:
        s.sendall(head("x.csv", 200000, token) + b"a" * 100000)
        time.sleep(0.3)
        if who == "gate":
            api.gate.kill()
            api.gate.wait()
            api.start_gate()
        elif who == "api":
            api.apis[0].kill()
            api.apis[0].wait()
            api.apis[0] = api.start_api(0)
        else:
            api.receiver.kill()  # and with it those that it started
            api.receiver.wait()
            (api.folder / "receive").unlink()
            api.start_receiver()
    until(api.is_well)
    until(lambda: api.put("skyline", "x.csv", b"b" * 200000, token).status == 201)
    assert waiting(world) == ["x.csv"] and (world.spool / "incoming/skyline/x.csv").read_bytes() == b"b" * 200000


@case("API: handbackd is killed while a file comes, and before it reads it")
def test_handbackd_is_killed_during_an_upload(world, api):
    """It sees the file whole or not at all; who asks again has the same address, and all is posted once."""
    token = api.token("sky")
    name, data = world.file("SKYLINE")
    half = len(data) // 2
    world.start_daemon()
    with connection(api) as s:
        s.sendall(head(name, len(data), token) + data[:half])
        until(pathlib.Path(f"/proc/{api.receiver.pid}/task/{api.receiver.pid}/children").read_text)  # it is on its way
        world.stop_daemon(how=signal.SIGKILL)
        assert waiting(world) == []
        s.sendall(data[half:])
        answer = s.recv(65536)
    assert answer.startswith(b"HTTP/1.1 201") and waiting(world) == [name]
    where = re.search(rb"Location: (\S+)", answer)[1].decode()
    again = api.put("skyline", name, data, token)
    assert again.status == 200 and again.headers["Location"] == where
    world.start_daemon()
    until(lambda: api.get(where, token).json["state"] == "posted")
    reversed_once = world.query("SELECT count(*), sum(points) FROM ledger.reversal")
    # killed with the next one half way, and that one's caller gone with it: nothing of it is there, and it can be sent again
    with connection(api) as s:
        s.sendall(head("SKYLINE_20261118_000002.csv", len(data), token) + data[:half])
        until(pathlib.Path(f"/proc/{api.receiver.pid}/task/{api.receiver.pid}/children").read_text)
        world.stop_daemon(how=signal.SIGKILL)
    assert waiting(world) == []
    until(lambda: api.put("skyline", "SKYLINE_20261118_000002.csv", data, token).status in (200, 201))
    world.start_daemon()
    until(lambda: waiting(world) == [])
    assert world.query("SELECT count(*), sum(points) FROM ledger.reversal") == reversed_once and reversed_once[0][0] > 0


@case("API: a large file through a small gate, by curl")
def test_a_large_file(world, api, need, tmp_path):
    need("curl")
    data = os.urandom(64 << 20)
    (tmp_path / "large").write_bytes(data)
    done = subprocess.run(["curl", "-sS", "--unix-socket", api.socket, "-H", f"Authorization: Bearer {api.token('sky')}", "-T", tmp_path / "large",
                           "-w", "%{http_code}", "-o", "/dev/null", "http://localhost/v1/sources/skyline/files/large.csv"],
                          capture_output=True, text=True, timeout=60)
    assert done.stdout == "201", (done, api.log("receive"))
    assert (world.spool / "incoming/skyline/large.csv").read_bytes() == data
    most = int(re.search(r"VmHWM:\s+(\d+)", open(f"/proc/{api.gate.pid}/status").read())[1])
    assert most < 16 << 10, "KiB"


def test_calls_go_on_beside_an_upload(world, api):
    """A body that stands still holds up nobody, and nothing of it is kept in the gate."""
    token = api.token("sky")
    with connection(api) as s:
        s.sendall(head("x.csv", 50 << 20, token))

        def send():
            with pytest.raises(OSError):
                while True:
                    s.sendall(b"x" * (1 << 20))
        sender = threading.Thread(target=send)
        sender.start()
        slowest = 0
        for _ in range(50):
            began = time.monotonic()
            assert api.get("/healthz").status == 200
            slowest = max(slowest, time.monotonic() - began)
        until(lambda: waiting(world) == ["x.csv"])
        s.shutdown(socket.SHUT_RDWR)
        sender.join()
    assert slowest < 2


def signed(api, token, **claims):
    """The same token with other claims, signed with the API's own key."""
    head, body, _ = token.split(".")
    was = json.loads(base64.urlsafe_b64decode(body + "=="))
    text = b".".join([head.encode(), base64.urlsafe_b64encode(json.dumps({**was, **claims}).encode()).rstrip(b"=")])
    mac = hmac.digest((api.folder / "token-key").read_bytes(), text, "sha256")
    return (text + b"." + base64.urlsafe_b64encode(mac).rstrip(b"=")).decode()


@case("API: a file that takes longer than its token lasts")
def test_a_token_that_ends_during_an_upload(world, api):
    """It was let in, and is answered: whoever is not told sends it again for ever."""
    token = signed(api, api.token("sky"), exp=int(time.time()) + 2)
    with connection(api) as s:
        s.sendall(head("slow.csv", 6, token) + b"abc")
        time.sleep(3)
        s.sendall(b"def")
        assert s.recv(65536).startswith(b"HTTP/1.1 201")
    assert waiting(world) == ["slow.csv"]
    assert api.put("skyline", "next.csv", b"x", token).status == 401 and waiting(world) == ["slow.csv"]


@case("API: a credential that is revoked while its file comes")
def test_a_sender_that_is_revoked_during_an_upload(world, api):
    with connection(api) as s:
        s.sendall(head("late.csv", 6, api.token("sky")) + b"abc")
        until(pathlib.Path(f"/proc/{api.receiver.pid}/task/{api.receiver.pid}/children").read_text)  # it is on its way
        with world.database.connect() as c:
            c.execute("SELECT api.renew('sky', NULL)")
        s.sendall(b"def")
        assert s.recv(65536).startswith(b"HTTP/1.1 401")
    assert waiting(world) == []
    assert api.put("skyline", "late.csv", b"abcdef", api.token("sky2")).status == 201


def test_one_name_is_one_credential(world, api):
    """Whoever revokes it means all that it can do."""
    with world.database.connect() as c, pytest.raises(psycopg.errors.DuplicateObject, match="of a source"):
        c.execute("SELECT api.add_credential('sky', %s, sha256('x'))", (world.query("SELECT code FROM ledger.programme LIMIT 1")[0][0],))


@case("API: a checksum file that was wrong")
def test_a_sidecar_is_replaced_and_bounded(build, world):
    """A wrong one would lock its name for ever, since nobody takes it without its file."""
    api_source(world, "{quota_mib: 100}\n    checksum: .sha256")
    name, data = "SKYLINE_20261118_000001.csv", b"x" * 100
    good = f"{hashlib.sha256(data).hexdigest()}  {name}\n".encode()
    with Api(build, world.database, receive=world.config) as api:
        token = api.token("sky")
        assert api.put("skyline", name + ".sha256", b"0" * 4097, token).status == 413
        for text, status in ((b"nothing\n", 201), (good, 201), (good, 200)):
            assert api.put("skyline", name + ".sha256", text, token).status == status, text
            assert (world.spool / "incoming/skyline" / (name + ".sha256")).read_bytes() == text
        assert api.put("skyline", name, data, token).status == 201
        assert api.put("skyline", name, data[1:], token).status == 409  # a file itself is never replaced
        assert waiting(world) == [name, name + ".sha256"]

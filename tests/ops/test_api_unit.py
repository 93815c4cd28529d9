"""The redemption API by its units, in the booted system: started by a connection, each behind its walls."""
import json
import os
import re
import subprocess

import booted
import pytest
from booted import psql, wait

pytestmark = [pytest.mark.all_only, pytest.mark.skipif(booted.why_not() is not None, reason=str(booted.why_not()))]
SOCKET, TOOLS = "/run/handback-gate.sock", "/usr/lib/handback-test"
CLIENT = """
import http.client, json, socket, sys
class Unix(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect("%s")
method, path, body, token = json.load(sys.stdin)
c = Unix("localhost")
c.request(method, path, body, {"Content-Type": "application/json", **({"Authorization": "Bearer " + token} if token else {})})
answer = c.getresponse()
print(json.dumps([answer.status, answer.read().decode()]))
""" % SOCKET

# Runs in handback-receive's place, with its unit's walls and without those that the program puts up itself.
TRIES = """import errno, json, os, socket
connection = socket.socket(fileno=3)
known = json.loads(connection.recv(100000))

def local(path):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)

spool = "/var/lib/handback/spool"
tries = {
    "may: write where files come in": lambda: open(spool + "/incoming/try", "w").close(),
    "may: read the configuration": lambda: open(known["etc"] + "/handback.yaml").read(),
    "read what was archived": lambda: os.listdir(spool + "/archive"),
    "read what is held": lambda: os.listdir(spool + "/quarantine"),
    "write elsewhere in the spool": lambda: open(spool + "/new", "w"),
    "read the key of tokens": lambda: open(known["etc"] + "/secrets/token-key").read(),
    "read reports": lambda: os.listdir("/var/lib/handback/reports"),
    "read a partner's directory": lambda: os.listdir("/srv/handback"),
    "reach handbackd": lambda: local("/run/handback/control"),
    "reach the database": lambda: local("/var/lib/handback/postgres/socket/.s.PGSQL.5432"),
    "have a network": lambda: socket.socket(socket.AF_INET),
    "have a file fetched": lambda: local("/run/handback-fetch.sock"),
    "have itself called": lambda: local("/run/handback-receive.sock"),
    "read handbackd's descriptors": lambda: os.listdir(f"/proc/{known['pid']}/fd"),
    "write into the system": lambda: open("/etc/new", "w"),
    "become root": lambda: os.setuid(0),
}
for name, attempt in tries.items():
    try:
        attempt()
        what = "worked"
    except OSError as e:
        what = errno.errorcode.get(e.errno, str(e))
    connection.send(json.dumps([name, what]).encode())
"""
ASKS = """import json, socket, sys
c = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
c.connect("/run/handback-receive.sock")
c.send(sys.argv[1].encode())
while said := c.recv(100000):
    print(said.decode(), flush=True)
"""
FILE = """Redemption Reference,Member,Miles,Status,Reason,Remarks,Processed On,Confirmation,New Member
%s,M1,5,CONFIRMED,,,2026-11-18,SK8X2K,
TRAILER,1,5,0,0
"""


@pytest.fixture(scope="module")
def system(build):
    machine = booted.Booted()
    machine.patience, machine.watched = 30, ("handback-gate.service", "handback-api@1.service", "handback-api@2.service", "handbackd.service")
    try:
        folder = machine.install(build)
    except subprocess.CalledProcessError:
        machine.close()
        raise
    machine.etc_folder = folder
    (folder / "handback.yaml").write_text("database:\n  embedded: /var/lib/handback/postgres\nspool: /var/lib/handback/spool\n"
                                          f"profiles: {machine.etc}/profiles\ncontrol: /run/handback/control\n"
                                          "sources:\n  - name: none\n    partner: NONE\n    profile: none\n    directory: /srv/handback/none\n"
                                          "  - name: sky\n    partner: SKY\n    profile: sky\n    api: {}\n")
    profile = (booted.HERE.parents[1] / "fixtures/profiles/skyline.yaml").read_text().replace("NORTHSTAR", "P")
    for name in ("none", "sky"):
        (folder / f"profiles/{name}.yaml").write_text(profile.replace("SKYLINE", name.upper()).replace("skyline", name))
    (folder / "secrets").mkdir(exist_ok=True)
    (folder / "secrets/token-key").write_bytes(os.urandom(32))
    (folder / "secrets/token-key").chmod(0o600)
    # an embedded database lets in nobody else: docs/api.md
    for unit, text in (("handback-api@.service", "[Service]\nUser=handback\nGroup=handback\n"),
                       ("handback-receive.socket", "[Socket]\nSocketUser=handback\n")):
        drop_in = machine.up / f"etc/systemd/system/{unit}.d"
        drop_in.mkdir(parents=True)
        (drop_in / "embedded.conf").write_text(text)
    tools = machine.up / TOOLS.lstrip("/")
    tools.mkdir(parents=True)
    (tools / "tries.py").write_text(TRIES)
    (tools / "asks.py").write_text(ASKS)
    try:
        machine.boot()
        machine.run("systemd-sysusers")
        machine.run("systemd-tmpfiles", "--create")
        machine.run("install", "-d", "-o", "handback", "-g", "handback", "/srv/handback/none")
        machine.run("setpriv", "--reuid", "handback", "--regid", "handback", "--init-groups", machine.ctl, "--config",
                    f"{machine.etc}/handback.yaml", "migrate")
        machine.run("systemctl", "start", "handbackd.service")
        psql(machine, stdin="""
            INSERT INTO ledger.programme (programme_id, code, name, rate_points, rate_minor, currency) VALUES (1, 'P', 'First', 1, 100, 'EUR');
            INSERT INTO ledger.member (programme_id, relation_reference) VALUES (1, 'M1');
            INSERT INTO ledger.entry (programme_id, member_id, category, points)
            SELECT 1, member_id, 'Credit By Accrual', 10000 FROM ledger.member;
            SELECT api.add_credential('shop', 'P', sha256('secret')); SELECT api.add_sender('sky', 'sky', sha256('secret'))""")
        machine.run("systemctl", "start", "handback-gate.socket", "handback-receive.socket")
        yield machine
    finally:
        machine.close()


def ask(system, method, path, body=None, token=None, user="nobody"):
    out = system.run("runuser", "-u", user, "--", "/usr/bin/python3", "-c", CLIENT,
                     stdin=json.dumps([method, path, body if body is None or isinstance(body, str) else json.dumps(body), token])).stdout
    status, text = json.loads(out)
    return status, json.loads(text) if text.startswith("{") else text


def token_of(system, client="shop"):
    status, said = ask(system, "POST", "/lbms-ingress/oauth/api/Auth/Token",
                       {"grant_type": "client_credentials", "client_id": client, "client_secret": "secret"})
    assert status == 200, said
    return said["results"]["token"]


def redeem(system, token):
    return ask(system, "POST", "/lbms-ingress/pg-lm/API/PG/RedeemPoints",
               {"RelationReference": "M1", "Amount": 5, "Points": 5, "MerchantName": "Air", "LoyaltyTxnType": 6,
                "TransactionCurrency": "DEFAULT", "RelationType": 4, "ProgramId": 1}, token)


def test_a_connection_starts_all_of_it(system):
    assert system.show("handback-gate.service", "ActiveState") == "inactive"
    ask(system, "GET", "/healthz")
    wait(lambda: ask(system, "GET", "/healthz")[0] == 200, "the API to answer", system)
    status, said = redeem(system, token_of(system))
    assert status == 200 and said["results"]["ErrorCode"] == "000", said
    assert [system.show(f"handback-api@{n}.service", "ActiveState") for n in (1, 2)] == ["active"] * 2


def test_only_the_gate_asks_the_api(system):
    for user in ("nobody", "handback"):
        done = system.run("runuser", "-u", user, "--", "/usr/bin/python3", "-c",
                          "import socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.connect('/run/handback-api/1.sock')", check=False)
        assert "PermissionError" in done.stderr, done.stderr


def test_only_monitoring_reads_the_counts(system):
    path = "/run/handback-gate/metrics.sock"
    assert "handback_api_requests_total{" in system.run("/usr/bin/python3", "-c", CLIENT.replace(SOCKET, path),
                                                        stdin=json.dumps(["GET", "/metrics", None, None])).stdout
    done = system.run("runuser", "-u", "nobody", "--", "/usr/bin/python3", "-c", CLIENT.replace(SOCKET, path),
                      stdin=json.dumps(["GET", "/metrics", None, None]), check=False)
    assert "PermissionError" in done.stderr, done.stderr
    assert ask(system, "GET", "/metrics")[0] == 404


def test_a_partners_file_is_received_by_its_unit(system):
    reference = redeem(system, token_of(system))[1]["results"]["ReturnObject"]
    token = token_of(system, "sky")
    status, said = ask(system, "PUT", "/v1/sources/sky/files/SKY_20261118_000001.csv", FILE % reference, token)
    assert status == 201, said
    state = f"/v1/files/{said['id']}"
    wait(lambda: ask(system, "GET", state, token=token)[1]["state"] in ("posted", "held"), "the file to be judged", system)
    # it says what was done, or why not; the unit's process is gone with its file
    assert ask(system, "GET", state, token=token)[1]["records"] == 1
    wait(lambda: system.run("pgrep", "-c", "handback-receiv", check=False).stdout.strip() == "0", "the process to end", system)


def test_what_receives_sees_nothing_but_where_files_come_in(system):
    system.run("sh", "-c", f"mkdir -p /run/systemd/system/handback-receive@.service.d && printf '[Service]\\nExecStart=\\nExecStart="
               f"/usr/bin/python3 {TOOLS}/tries.py\\n' >/run/systemd/system/handback-receive@.service.d/tries.conf && systemctl daemon-reload")
    try:
        done = system.run("runuser", "-u", "handback", "--", "/usr/bin/python3", f"{TOOLS}/asks.py", 
                          json.dumps({"etc": system.etc, "pid": int(system.show("handbackd.service", "MainPID"))}))
    finally:
        system.run("sh", "-c", "rm -r /run/systemd/system/handback-receive@.service.d && systemctl daemon-reload")
    what = dict(json.loads(line) for line in done.stdout.splitlines())
    assert len(what) == TRIES.count(": lambda: ") and all((said == "worked") == name.startswith("may: ") for name, said in what.items()), json.dumps(what)
    done = system.run("runuser", "-u", "nobody", "--", "/usr/bin/python3", f"{TOOLS}/asks.py", "{}", check=False)
    assert "PermissionError" in done.stderr, "only handback-api asks"


def test_it_goes_on_after_a_restart_of_each(system):
    token = token_of(system)
    for unit in ("handback-api@1.service", "handback-gate.service", "handback-api@2.service"):
        system.run("systemctl", "restart", unit)
        wait(lambda: ask(system, "GET", "/healthz")[0] == 200, f"{unit} to answer again", system)
        assert redeem(system, token)[1]["results"]["ErrorCode"] == "000"
    since = system.run("journalctl", "-u", "handback-gate.service", "-o", "cat", "--no-pager").stdout
    assert re.search("request", since) and "M1" not in since


def test_it_stops_in_good_time(system):
    system.run("systemctl", "stop", "handback-gate.socket", "handback-gate.service", "handback-api@1.service", "handback-api@2.service", timeout=40)
    assert [system.show(u, "Result") for u in ("handback-gate.service", "handback-api@1.service")] == ["success"] * 2

"""The redemption API by its units, in the booted system: started by a connection, each behind its walls."""
import json
import os
import re
import subprocess

import booted
import pytest
from booted import psql, wait

pytestmark = [pytest.mark.all_only, pytest.mark.skipif(booted.why_not() is not None, reason=str(booted.why_not()))]
SOCKET = "/run/handback-gate.sock"
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
                                          "sources:\n  - name: none\n    partner: NONE\n    profile: none\n    directory: /srv/handback/none\n")
    (folder / "profiles/none.yaml").write_text((booted.HERE.parents[1] / "fixtures/profiles/skyline.yaml").read_text().replace("SKYLINE", "NONE"))
    (folder / "secrets").mkdir(exist_ok=True)
    (folder / "secrets/token-key").write_bytes(os.urandom(32))
    (folder / "secrets/token-key").chmod(0o600)
    drop_in = machine.up / "etc/systemd/system/handback-api@.service.d"
    drop_in.mkdir(parents=True)
    # an embedded database lets in nobody else: docs/api.md
    (drop_in / "embedded.conf").write_text("[Service]\nUser=handback\nGroup=handback\n")
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
            SELECT api.add_credential('shop', 'P', sha256('secret'))""")
        machine.run("systemctl", "start", "handback-gate.socket")
        yield machine
    finally:
        machine.close()


def ask(system, method, path, body=None, token=None, user="nobody"):
    out = system.run("runuser", "-u", user, "--", "/usr/bin/python3", "-c", CLIENT,
                     stdin=json.dumps([method, path, json.dumps(body) if body is not None else None, token])).stdout
    status, text = json.loads(out)
    return status, json.loads(text) if text.startswith("{") else text


def token_of(system):
    status, said = ask(system, "POST", "/lbms-ingress/oauth/api/Auth/Token",
                       {"grant_type": "client_credentials", "client_id": "shop", "client_secret": "secret"})
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

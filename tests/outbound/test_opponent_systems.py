"""What we send, taken by systems that nobody here wrote (tests/opponents/systems.mjs): SAP CAP with OData V2, SOAP, a token server, faults.

The shipped connectors go to them as they are, with their hosts alone changed."""
import json
import os
import re
import subprocess
import urllib.request

import pytest

import opponents
import targets
from c_source import ROOT
from outbox import Outbox
from sender import Sender
from targets import redemption
from worker import Desk

pytestmark = pytest.mark.all_only
PASSWORD = "p&<s>'\"${login}"
UPSERT = {"equals": {"method": "POST", "path": "/odata/v2/upsert"}}
TORN = "(request, response) => { response.body = response.body.slice(0, response.body.length / 2); }"


def shipped(name, **hosts):
    """A connector that we ship; hosts: the port instead of what is called so."""
    text = (ROOT / f"fixtures/connectors/{name}.yaml").read_text()
    for host, port in hosts.items():
        text = re.sub(rf"https://[a-z.-]*{host}[a-z.]*(?=/)", f"http://127.0.0.1:{port}", text)
    return text


def asked(port, path, body=None, method=None):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", None if body is None else json.dumps(body).encode(),
                                     {"Content-Type": "application/json"}, method=method)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20) as answer:
        return json.loads(answer.read())


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return targets.make_key(tmp_path_factory.mktemp("keys"))


class Systems:
    def __init__(self, cluster, certificate, log):
        self.log = log
        self.database = cluster.made_from("template0")
        said = {"host": str(cluster.socket), "database": self.database.name, "model": str(ROOT / "tests/opponents/redemptions.cds"),
                "password": PASSWORD, "certificate": certificate}
        self.process = subprocess.Popen(
            ["node", "--input-type=module", "-e", (ROOT / "tests/opponents/systems.mjs").read_text(), "--", json.dumps(said)],
            cwd=opponents.folder(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log.open("w"), text=True,
            env={k: v for k, v in os.environ.items() if "proxy" not in k.lower()})
        line = self.process.stdout.readline()
        assert line, log.read_text()
        self.ports = json.loads(line)
        self.db = self.database.connect()

    def close(self):
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()
        self.db.close()
        self.database.drop()

    def rows(self):
        """What CAP has, by the key."""
        return {key: (status, version, points) for key, status, version, points in self.db.execute(
            "SELECT externalcode, cust_status, cust_version, cust_points FROM successfactors_cust_redemption").fetchall()}

    def imposter(self, *stubs):
        """A new end of mountebank's; its port."""
        return asked(self.ports["mountebank"], "/imposters", {"protocol": "http", "stubs": list(stubs), "recordRequests": True})["port"]

    def before(self, system, *responses):
        """mountebank before one of them: what it does to the first upserts; all else goes through."""
        through = {"proxy": {"to": f"http://127.0.0.1:{self.ports[system]}", "mode": "proxyTransparent"}}
        own = [{**through, **r} if "behaviors" in r else r for r in responses]
        return self.imposter({"predicates": [UPSERT], "responses": [*own, {**through, "repeat": 1000}]}, {"responses": [through]})


@pytest.fixture(scope="module")
def systems(cluster, keys, tmp_path_factory):
    opponents.folder()
    made = Systems(cluster, keys[1].read_text(), tmp_path_factory.mktemp("systems") / "log")
    yield made
    assert made.process.poll() is None, made.log.read_text()
    made.close()


# ---- SuccessFactors ----

def test_an_odata_server_takes_our_upserts_through_faults_and_once(systems, keys, tmp_path):
    """A reset, noise and an answer that is cut tell nothing: told again, and each row is there once."""
    port = systems.before("successFactors", {"fault": "CONNECTION_RESET_BY_PEER"}, {"fault": "RANDOM_DATA_THEN_CLOSE"},
                          {"behaviors": [{"decorate": TORN}]}, {"behaviors": [{"wait": 3000}]})
    other = targets.make_key(tmp_path)[0]
    objects = [redemption(1), redemption(2, state="unheard-of"), redemption(3, state="reversed", reversed_at="2026-11-30T07:00:00+00:00")]
    text = shipped("successfactors", sapsf=port).replace("timeout: 120s", "timeout: 2s")
    with Sender(text, {"successfactors_key": keys[0]}) as sender:
        tries = []
        while not tries or tries[-1][0]["result"] == "retry":
            tries.append(sender.deliver(*objects))
            assert len(tries) < 6
        done, rows = tries[-1]
        assert len(tries) > 2
        assert done["result"] == "delivered" and {n: (r["result"], r["status"]) for n, r in rows.items()} == {1: ("held", "400")}
        assert rows[1]["code"].startswith("Enter one of the allowed values")
    assert systems.rows() == {objects[0]["reference"]: ("confirmed", 1, 100), objects[2]["reference"]: ("reversed", 1, 300)}
    assert systems.db.execute("SELECT cust_redeemedat::timestamp(3)::text, cust_reversedat::timestamp(3)::text FROM successfactors_cust_redemption"
                              " ORDER BY externalcode").fetchall() == [("2026-11-30 05:11:34.567", None),
                                                                       ("2026-11-30 05:11:34.567", "2026-11-30 07:00:00")]
    with Sender(text, {"successfactors_key": other}) as sender:
        assert sender.deliver(objects[0])[0]["result"] == "stop"


def test_a_night_with_an_odata_server(systems, keys, database, build, tmp_path):
    """The whole way: files are decided, CAP has their states, loses one and changes one, and has them again after the night."""
    systems.db.execute("DELETE FROM successfactors_cust_redemption")
    port = systems.ports["successFactors"]
    with Desk(database, build) as desk, Outbox(database, build, tmp_path, fake=False) as outbox:
        (outbox.credentials / "hr.successfactors_key").write_text(keys[0])
        (outbox.credentials / "hr.successfactors_key").chmod(0o600)
        path = tmp_path / "hr.yaml"
        path.write_text(shipped("successfactors", sapsf=port))
        desk.ctl("target", "add", "hr", "P", path)
        desk.redeem_all([f"R{n}" for n in range(30)])
        desk.deliver([(f"R{n}", "KO" if n % 3 == 0 else "OK") for n in range(30)])
        wanted = {desk.references[f"R{n}"]: ("reversed" if n % 3 == 0 else "confirmed", 2, 100) for n in range(30)}
        outbox.start(HANDBACK_LIBEXEC="")
        outbox.wait(lambda: {k: (s, p) for k, (s, _, p) in systems.rows().items()} == {k: (s, p) for k, (s, _, p) in wanted.items()}, 40)
        outbox.wait(lambda: outbox.query("SELECT later, held, waiting_since FROM handback.target_status") == [(0, 0, None)], 40)
        whole = systems.rows()
        systems.db.execute("DELETE FROM successfactors_cust_redemption WHERE externalcode = %s", (desk.references["R7"],))
        systems.db.execute("UPDATE successfactors_cust_redemption SET cust_points = 1 WHERE externalcode = %s", (desk.references["R8"],))
        desk.nightly()

        def run():
            return json.loads(desk.ctl("target", "parity", "hr", "--json").stdout)["parity"][0]
        outbox.wait(lambda: run()["result"] == "done", 60)
        assert {name: run()[name] for name in ("objects", "missing", "differing", "resent", "open")} == {
            "objects": 30, "missing": 1, "differing": 1, "resent": 2, "open": 0}
        outbox.wait(lambda: systems.rows() == whole)


# ---- Workday ----

def test_a_soap_server_takes_our_puts(systems):
    text = shipped("workday_soap", **{"wd.example": systems.ports["workday"]})
    lost, good = redemption(1, member="M404"), redemption(2, member="M<&>\"'2", partner=None)
    with Sender(text, {"workday_password": PASSWORD}) as sender:
        done, rows = sender.deliver(lost)
        assert (done["result"], done["status"]) == ("held", "500"), (dict(done), rows)
        assert sender.deliver(good)[0]["result"] == "delivered"
        assert sender.deliver({**good, "version": 2, "state": "reversed"})[0]["result"] == "delivered"
    assert asked(systems.ports["workday"], "/said")["workday"] == {good["reference"]: {
        "version": 2, "worker": good["member"], "status": "reversed", "points": 200, "redeemed": "2026-11-30"}}
    with Sender(text, {"workday_password": "another"}) as sender:
        assert sender.deliver(good)[0]["result"] == "stop"


def test_a_token_of_a_token_server_opens_a_rest_end(systems):
    """Workday by REST: the token is a token server's, the end is mountebank's, which wants it."""
    script = ("(config) => /^Bearer ey[\\w-]+\\.[\\w-]+\\.[\\w-]+$/.test(config.request.headers.authorization || config.request.headers.Authorization || '')"
              " && JSON.parse(config.request.body).status === 'confirmed'")
    port = systems.imposter(
        {"predicates": [{"startsWith": {"path": "/ccx/api/v1/your_tenant/workers/M1/customObjects/redemption"}}, {"equals": {"method": "PUT"}},
                        {"inject": script}], "responses": [{"is": {"statusCode": 201, "body": {"id": "1"}}}]},
        {"responses": [{"is": {"statusCode": 422, "body": {"errors": [{"error": "A_FIELD"}]}}}]})
    text = shipped("workday", **{"wd.example": port}).replace(f":{port}/ccx/oauth2/your_tenant/token", f":{systems.ports['tokens']}/token")
    with Sender(text, {"workday_secret": "s"}) as sender:
        assert sender.deliver(redemption(1))[0]["result"] == "delivered"
        done, rows = sender.deliver(redemption(1, state="open"))
        assert (done["result"], done["status"], done["why"]) == ("held", "422", "HTTP 422 A_FIELD"), (dict(done), rows)
    sent = asked(systems.ports["mountebank"], f"/imposters/{port}")["requests"]
    token = {name.lower(): value for name, value in sent[0]["headers"].items()}["authorization"].removeprefix("Bearer ")
    done = opponents.node("import { createRemoteJWKSet, jwtVerify } from 'jose'; const [token, keys] = process.argv.slice(1);"
                          "await jwtVerify(token, createRemoteJWKSet(new URL(keys))); console.log('good');",
                          token, f"http://127.0.0.1:{systems.ports['tokens']}/jwks",
                          env={k: v for k, v in os.environ.items() if "proxy" not in k.lower()})
    assert done.stdout == "good\n", done.stderr
    assert len({r["headers"].get("Authorization", r["headers"].get("authorization")) for r in sent}) == 1  # one token for both


# ---- Darwinbox ----

def test_lists_by_key_of_an_end_that_is_described(systems):
    """Darwinbox has no end that is public: what its connector says is what mountebank is told to be."""
    script = ("(config) => { const said = JSON.parse(config.request.body); if (said.api_key !== 'k\"ey') return { body: JSON.stringify({ status: 0,"
              " message: 'Invalid API key' }) }; const bad = said.data.filter((r) => r.points < 0); return { body: JSON.stringify({ status: 1, data: {"
              " success: said.data.filter((r) => r.points >= 0).map((r) => ({ employee_id: r.employee_id })).reverse(),"
              " errors: bad.map((r) => ({ employee_id: r.employee_id, error: 'negative points' })) } }) }; }")
    port = systems.imposter({"predicates": [{"equals": {"method": "POST", "path": "/rewards/balance"}}], "responses": [{"inject": script}]})
    balances = [{"member": f"M{n}", "programme": "P", "points": -1 if n == 2 else n, "version": 1, "as_of_entry": n, "as_of": None} for n in (1, 2, 3)]
    text = shipped("darwinbox", darwinbox=port)
    with Sender(text, {"darwinbox_password": "p:w", "darwinbox_key": 'k"ey'}) as sender:
        done, rows = sender.deliver(*balances, kind="balance")
        assert done["result"] == "delivered" and {n: (r["result"], r["code"]) for n, r in rows.items()} == {1: ("held", "negative points")}
    with Sender(text, {"darwinbox_password": "p:w", "darwinbox_key": "another"}) as sender:
        assert sender.deliver(*balances, kind="balance")[0]["result"] == "stop"

"""What the gate counts, and that nobody but monitoring can ask for it."""
import re
import subprocess

import pytest

import pg
import redemption_api
from case_table import case
from redemption_api import Api, Unix, credential, redemption


@pytest.fixture
def world(database):
    with database.connect() as c:
        c.execute("""
            INSERT INTO ledger.programme (programme_id, code, name, rate_points, rate_minor, currency) VALUES (1, 'P', 'First', 1, 100, 'EUR');
            INSERT INTO ledger.member (programme_id, relation_reference) VALUES (1, 'M1');
            INSERT INTO ledger.entry (programme_id, member_id, category, points) SELECT 1, member_id, 'Credit By Accrual', 10000 FROM ledger.member""")
        credential(c)
        credential(c, "slow", calls_per_minute=40)
    return database


def scrape(path):
    """{name with labels: number} and {name: type}."""
    connection = Unix(path)
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        assert answer.status == 200 and answer.getheader("Content-Type").startswith("text/plain; version=0.0.4")
        text = answer.read().decode()
    finally:
        connection.close()
    samples = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    assert len({name for name, _, _ in samples}) == len(samples), "a series stands there once"
    return {name: float(value) for name, _, value in samples}, dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))


@case("API: what is counted, by endpoint, code and batch, at a socket of its own")
def test_what_is_counted(build, world, tmp_path):
    path = tmp_path / "metrics"
    with Api(build, world, gate_options=("--metrics", path)) as api:
        token = api.token()
        for points, code in ((5, "000"), (5, "000"), (0, "120"), (99999, "302")):
            assert api.post("RedeemPoints", redemption(Points=points), token).code == code
        assert api.get("/v1/redemptions/nothing", token).status == 404
        assert api.raw(b"POST / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").startswith(b"HTTP/1.1 400")
        assert api.post("CheckAvailability", {}, token).status == 400
        seen, types = scrape(path)
        assert api.get("/metrics").status == 404, "the public face has none"
    total = "handback_api_requests_total"
    assert seen[f'{total}{{endpoint="redeem",status="200",code="000"}}'] == 2
    assert seen[f'{total}{{endpoint="redeem",status="200",code="120"}}'] == seen[f'{total}{{endpoint="redeem",status="200",code="302"}}'] == 1
    assert seen[f'{total}{{endpoint="token",status="200",code="000"}}'] == 1
    assert seen[f'{total}{{endpoint="redemption",status="404",code="404"}}'] == 1
    assert seen["handback_api_fence_refusals_total"] == 1 and seen["handback_api_processes"] == 1
    assert seen["handback_api_connections"] == seen["handback_api_calls"] == 0
    assert seen['handback_api_batch_calls_bucket{le="1"}'] == seen["handback_api_batch_calls_count"] == seen["handback_api_batch_calls_sum"] == 5
    assert not any("M1" in name or "Amazon" in name or token in name for name in seen)
    # a histogram's buckets grow up to its count, which is that of its answers
    for endpoint in ("redeem", "token", "available", "redemption", "none"):
        name = "handback_api_request_duration_seconds"
        buckets = [value for key, value in seen.items() if key.startswith(f'{name}_bucket{{endpoint="{endpoint}"')]
        count = seen[f'{name}_count{{endpoint="{endpoint}"}}']
        assert buckets == sorted(buckets) and buckets[-1] == count > 0 and seen[f'{name}_sum{{endpoint="{endpoint}"}}'] > 0
        assert count == sum(value for key, value in seen.items() if key.startswith(f'{total}{{endpoint="{endpoint}"'))
    # the document names each of them, and no other
    said = (pg.ROOT / "docs/api.md").read_text()
    assert set(re.findall(r"`(handback_api_\w+)`", said)) == set(types)
    # and alerts and dashboard look at each of them
    watched = re.findall(r"\bhandback_api_\w+", (pg.ROOT / "docs/alerts.yml").read_text() + (pg.ROOT / "docs/dashboard.json").read_text())
    assert {re.sub("_(bucket|sum|count)$", "", name) for name in watched} == set(types)


def test_what_a_rate_refuses_is_counted(build, world, tmp_path):
    path = tmp_path / "metrics"
    with Api(build, world, gate_options=("--metrics", path)) as api:
        token = api.token("slow")
        statuses = [api.post("RedeemPoints", redemption(Points=5), token).status for _ in range(12)]
        seen, _ = scrape(path)
    assert statuses.count(429) > 3
    assert seen['handback_api_requests_total{endpoint="redeem",status="429",code="429"}'] == statuses.count(429)
    assert seen["handback_api_batch_calls_count"] == statuses.count(200) + 1, "what was not let in was in no batch"


def test_open_connections_are_counted(build, world, tmp_path):
    path = tmp_path / "metrics"
    with Api(build, world, gate_options=("--metrics", path)) as api:
        connections = [Unix(api.socket) for _ in range(5)]
        for connection in connections:
            connection.connect()
        redemption_api.until(lambda: scrape(path)[0]["handback_api_connections"] == 5)
        for connection in connections:
            connection.close()
        redemption_api.until(lambda: scrape(path)[0]["handback_api_connections"] == 0)


def test_a_socket_that_cannot_be(build, tmp_path):
    done = subprocess.run([build / "gate/handback-gate", "--listen", tmp_path / "http", "--api", tmp_path / "api",
                           "--metrics", tmp_path / "none/metrics"], capture_output=True, text=True, timeout=20)
    assert done.returncode == 2 and "no socket for metrics" in done.stderr

"""gate/openapi.json as others read it: Redocly lints it, Prism holds answers against it."""
import json
import os
import subprocess
import types

import pytest

import opponents
import prism
from c_source import ROOT
from case_table import case

pytestmark = pytest.mark.all_only
# what anybody may ask, in the same way each time, and what answers with a redirection
FINE = {"operation-4xx-response", "operation-2xx-response"}
DOCUMENT = ROOT / "gate/openapi.json"


@case("API: its OpenAPI file, linted by Redocly")
def test_it_is_linted():
    opponents.folder()
    if opponents.node_version() < (20, 19):
        pytest.skip("Redocly needs Node 20.19")
    # outside the tree it finds no configuration: the rules are those that it recommends
    done = subprocess.run([*opponents.program("redocly"), "lint", "--max-problems=1000", "--extends=recommended", "--format=json", DOCUMENT],
                          cwd="/tmp", capture_output=True, text=True, env={**os.environ, "REDOCLY_TELEMETRY": "off"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert {p["ruleId"] for p in json.loads(done.stdout[done.stdout.index("{"):])["problems"]} <= FINE, done.stdout


@case("API: an answer that breaks the OpenAPI file is seen by Prism")
def test_prism_sees_what_is_wrong():
    """The tests of tests/api have each of their answers judged in this way."""
    opponents.folder()
    judge = prism.Prism(DOCUMENT)

    def found(method, path, status, body, kind="application/json"):
        judge.violations = []
        judge.judge(method, path, "{}", {"Authorization": "Bearer x", "Content-Type": "application/json"}, status,
                    types.SimpleNamespace(items=lambda: [("Content-Type", kind), ("X-Request-Id", "1")]), body)
        return judge.violations

    redeem = "/lbms-ingress/pg-lm/API/PG/RedeemPoints"
    good = (b'{"results": {"IsSucessful": true, "ErrorCode": "000", "ExceptionMessage": "Success",'
            b' "ReturnObject": "3FA85F64-5717-4562-B3FC-2C963F66AFA6"}}')
    try:
        assert not found("POST", redeem, 200, good)
        assert found("POST", redeem, 200, good.replace(b"true", b'"true"'))
        assert found("POST", redeem, 200, good.replace(b'"ErrorCode": "000", ', b""))
        assert found("POST", redeem, 418, good)
        assert found("GET", "/v1/nothing", 200, b"{}")
    finally:
        judge.close()

"""handbackctl credential and route: who may call the redemption API, and which partner fulfils it."""
import json
import subprocess

import pytest

from case_table import case
from redemption_api import Api, redemption


@pytest.fixture
def world(database):
    with database.connect() as c:
        c.execute("""
            INSERT INTO ledger.programme (programme_id, code, name, rate_points, rate_minor, currency) VALUES (1, 'P', 'First', 1, 100, 'EUR');
            INSERT INTO ledger.member (programme_id, relation_reference) VALUES (1, 'M1');
            INSERT INTO ledger.entry (programme_id, member_id, category, points) SELECT 1, member_id, 'Credit By Accrual', 10000 FROM ledger.member""")
    return database


@pytest.fixture
def ctl(build, world):
    def run(*words, role="handback_operator"):
        done = subprocess.run([build / "ctl/handbackctl", *words, "--json", "--database", world.conninfo(role)], capture_output=True, text=True,
                              timeout=60)
        return done.returncode, json.loads(done.stdout) if done.returncode == 0 else done.stderr
    return run



@case("API: a credential from its making to its end")
def test_a_credential(build, world, ctl):
    status, said = ctl("credential", "add", "shop", "P", "--calls-per-minute", "6000", "--points-per-day", "2000")
    assert status == 0, said
    secret = said["done"]["secret"]
    assert len(secret) == 64 and said["done"]["generation"] == 1
    with Api(build, world) as api:
        token = api.token("shop", secret)
        assert api.post("RedeemPoints", redemption(), token).code == "000"
        answer = api.post("RedeemPoints", redemption(Points=1600, Amount=1600), token)
        assert answer.status == 429 and answer.reason == "the day's points of this credential are used up"
        status, rotated = ctl("credential", "rotate", "shop")
        assert status == 0 and rotated["done"]["generation"] == 2 and rotated["done"]["secret"] != secret
        assert api.post("RedeemPoints", redemption(), token).status == 401
        assert api.ask_token("shop", secret).status == 401
        token = api.token("shop", rotated["done"]["secret"])
        assert ctl("credential", "revoke", "shop")[0] == 0
        assert api.post("RedeemPoints", redemption(), token).status == 401
        assert api.ask_token("shop", rotated["done"]["secret"]).status == 401
    status, listed = ctl("credential", "list", role="handback_finance")
    assert status == 0, listed
    (row,) = listed["credentials"]
    assert row["client"] == "shop" and row["state"] == "revoked" and row["generation"] == 3 and row["points_per_day"] == 2000
    assert secret not in json.dumps(listed)
    with world.connect() as c:
        assert [row[0] for row in c.execute("SELECT what FROM audit.event ORDER BY event_id")] == [
            "credential_added", "credential_rotated", "credential_revoked"]
        # nowhere in the database
        assert c.execute("SELECT count(*) FROM api.credential k WHERE k::text LIKE %s", (f"%{secret}%",)).fetchone()[0] == 0


@case("API: a credential that is for some calls only")
def test_scopes(build, world, ctl):
    status, said = ctl("credential", "add", "desk", "P", "--scope", "read,reverse")
    assert status == 0, said
    shop = ctl("credential", "add", "shop", "P", "--scope", "redeem")[1]["done"]["secret"]
    asked = {"RelationReference": "M1", "TransactionCurrency": "DEFAULT", "RelationType": 4, "ProgramId": 1}
    with Api(build, world) as api:
        desk, shop = api.token("desk", said["done"]["secret"]), api.token("shop", shop)
        done = api.post("RedeemPoints", redemption(), shop)
        back = {**asked, "MerchantName": "Amazon", "ExternalReference": done.value}
        refused = [api.post("RedeemPoints", redemption(), desk), api.post("ReversalPoints", back, shop), api.post("CheckAvailability", asked, shop),
                   api.get(f"/v1/redemptions/{done.value}", shop), api.get("/v1/members/M1/transactions", shop), api.get("/v1/requests/k", shop)]
        assert [answer.status for answer in refused] == [403] * 6
        assert {answer.reason for answer in refused} == {"the token is not for such calls"}
        assert done.code == "000" and api.post("CheckAvailability", asked, desk).value == 9500
        assert api.get(f"/v1/redemptions/{done.value}", desk).json["state"] == "open"
        # a new secret is for no more than the one before
        desk = api.token("desk", ctl("credential", "rotate", "desk")[1]["done"]["secret"])
        assert api.post("RedeemPoints", redemption(), desk).status == 403 and api.post("ReversalPoints", back, desk).code == "000"
    assert [row["scopes"] for row in ctl("credential", "list")[1]["credentials"]] == ["read reverse", "redeem"]
    for bad in ("", "all", "read,,redeem", "read redeem"):
        assert ctl("credential", "add", "more", "P", "--scope", bad)[0] == 2, bad


def test_what_is_refused(ctl):
    assert ctl("credential", "add", "shop", "X")[0] == 2
    assert ctl("credential", "add", "Shop!", "P")[0] == 2
    assert ctl("credential", "add", "shop", "P", "--points-per-day", "none")[0] == 2
    assert ctl("credential", "add", "shop", "P")[0] == 0 and ctl("credential", "add", "shop", "P")[0] == 2
    assert ctl("credential", "rotate", "nobody")[0] == 2
    assert ctl("credential", "add", "more", "P", role="handback_finance")[0] == 6
    assert ctl("route", "add", "P", "77", "SKYLINE")[0] == 2 and ctl("route", "end", "9")[0] == 2


@case("API: a route gives a redemption its partner")
def test_a_route(build, world, ctl):
    secret = ctl("credential", "add", "shop", "P")[1]["done"]["secret"]
    status, said = ctl("route", "add", "P", "6", "SKYLINE", "--prefix", "SK", "--merchant", "Skyline AIR")
    assert status == 0, said
    with Api(build, world) as api:
        token = api.token("shop", secret)
        reference = api.post("RedeemPoints", redemption(LoyaltyTxnType=6, MerchantName="skyline air"), token).value
        told = api.get(f"/v1/redemptions/{reference}", token).json
        assert told["partner"] == "SKYLINE" and told["outbound_reference"] == "SK0000000001"
        assert ctl("route", "end", str(said["done"]["number"]))[0] == 0
        reference = api.post("RedeemPoints", redemption(LoyaltyTxnType=6, MerchantName="Skyline Air"), token).value
        assert api.get(f"/v1/redemptions/{reference}", token).json["partner"] is None
    (row,) = ctl("route", "list")[1]["routes"]
    assert row["partner"] == "SKYLINE" and row["until"] is not None


@case("API: what a programme allows and a caller may take, set by people")
def test_policies(build, world, ctl):
    secret = ctl("credential", "add", "shop", "P")[1]["done"]["secret"]
    assert ctl("route", "add", "P", "4", "AIR")[0] == 0
    with Api(build, world) as api:
        token = api.token("shop", secret)

        def redeemed(**other):
            answer = api.post("RedeemPoints", redemption(**other), token, {"Idempotency-Key": f"k{len(told)}"} if other.pop("key", True) else None)
            told.append(answer.code)
            return answer.code, answer.reason
        told = []
        assert redeemed(Points=5, Amount=7)[0] == "000"
        status, said = ctl("policy", "set", "P", "--minimum-points", "100", "--amount", "check", "--unrouted", "refuse", "--key", "required", "--why", "terms")
        assert status == 0 and said["done"] == {"what": "set", "programme": "P"}, said
        assert redeemed(Points=5, Amount=5) == ("301", "the programme's minimum is 100 points")
        assert redeemed(Points=100, Amount=7, LoyaltyTxnType=4)[0] == "301"
        assert redeemed(Points=100, Amount=100) == ("301", "no partner fulfils this type and merchant")
        assert redeemed(Points=100, Amount=100, LoyaltyTxnType=4)[0] == "000"
        assert api.post("RedeemPoints", redemption(Points=100, Amount=100, LoyaltyTxnType=4), token).code == "999"
        # what is not named stays
        assert ctl("policy", "set", "P", "--unrouted", "keep", "--why", "again")[0] == 0
        assert redeemed(Points=100, Amount=100)[0] == "000" and redeemed(Points=5, Amount=5)[0] == "301"
        status, listed = ctl("policy", "list", "P", role="handback_finance")
        assert status == 0 and listed["policies"] == [
            {"programme": "P", "minimum_points": 100, "amount": "check", "unrouted": "keep", "key": "required"}], listed
        # bounds: the secret stays, tokens that carry the old ones end
        assert ctl("credential", "bound", "shop", "--points-per-day", "150", "--why", "the sale")[1]["done"]["generation"] == 2
        assert api.post("RedeemPoints", redemption(), token).status == 401
        token = api.token("shop", secret)
        assert redeemed(Points=100, Amount=100)[0] == "000" and redeemed(Points=100, Amount=100)[0] == "429"
        assert ctl("credential", "bound", "shop", "--points-per-day", "0", "--calls-per-minute", "6000", "--why", "no more")[0] == 0
        token = api.token("shop", secret)
        assert redeemed(Points=100, Amount=100)[0] == "000"
    for words in (("policy", "set", "P", "--key", "required"), ("policy", "set", "P", "--why", "x"), ("policy", "set", "P", "--amount", "maybe", "--why", "x"),
                  ("policy", "set", "P", "--minimum-points", "0", "--why", "x"), ("policy", "set", "Q", "--key", "required", "--why", "x"),
                  ("credential", "bound", "shop", "--why", "x"), ("credential", "bound", "nobody", "--points-per-day", "1", "--why", "x"),
                  ("credential", "bound", "shop", "--points-per-day", "-1", "--why", "x"), ("credential", "bound", "shop", "--points-per-day", "1")):
        assert ctl(*words)[0] == 2, words
    assert ctl("policy", "set", "P", "--key", "optional", "--why", "x", role="handback_finance")[0] != 0
    with world.connect() as c:
        assert c.execute("SELECT what, subject, why, detail FROM audit.event WHERE what IN ('policy_set', 'credential_bounded') ORDER BY event_id").fetchall() == [
            ("policy_set", "programme P", "terms", "minimum 1 to 100 points, amount ignore to check, unrouted keep to refuse, key required f to t"),
            ("policy_set", "programme P", "again", "minimum 100 to 100 points, amount check to check, unrouted refuse to keep, key required t to t"),
            ("credential_bounded", "credential shop", "the sale", "calls a minute (any) to (any), points a day (any) to 150"),
            ("credential_bounded", "credential shop", "no more", "calls a minute (any) to 6000, points a day 150 to (any)")]

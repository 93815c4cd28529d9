"""The shop's side of the catalogue: webhooks of deliveries, keys and tokens by handbackctl, holds that a person closes, money over random sessions."""
import concurrent.futures
import hashlib
import json
import subprocess
import time

import pytest

import catalogue_money
from case_table import case
from catalogue_world import RATE, SSO, enter, entries, holds, open_catalogue, points
from redemption_api import Api
from shop import Shop


@pytest.fixture
def world(database):
    return open_catalogue(database)


@pytest.fixture
def api(build, world):
    with Api(build, world) as running:
        yield running


@pytest.fixture
def shop(api):
    return Shop(api, SSO, RATE)


@pytest.fixture
def ctl(build, world):
    def run(who, *words, form="json"):
        done = subprocess.run([build / "ctl/handbackctl", *words, "--format", form, "--database", world.conninfo(who)], capture_output=True, text=True, timeout=60)
        return done.returncode, json.loads(done.stdout) if done.returncode == 0 and form == "json" else done.stdout + done.stderr
    return run


@case("Catalogue: a voucher that is not fulfilled comes back as a Redemption Reversal, once, by a webhook that is the shop's")
def test_an_unfulfilled_voucher_comes_back(api, shop, world, ctl):
    visit = enter(api, shop)
    done = [visit.order(f"o{n}", 1000).json["reference"] for n in range(3)]
    shop.make_raw_key()
    assert shop.webhook("o0", "canceled").status == 401 and points(world) == 2000  # a key that nobody knows
    assert ctl("ann", "token", "key", "P", shop.make_key())[0] == 0
    assert shop.webhook("o0", "delivered").json == {"status": 1, "code": "000", "message": "Success", "order_id": "o0"}
    back = shop.webhook("o1", "canceled", number="msg_1")
    assert back.json["status"] == 1 and points(world) == 3000 and entries(world)[-1] == ("Redemption Reversal", 1000, None)
    assert api.get(f"/v1/redemptions/{done[1]}", api.token()).json["state"] == "reversed"
    # replayed, or sent again by another number: once
    again = shop.webhook("o1", "Cancelled", number="msg_1")
    assert again.json == back.json and again.headers["Idempotent-Replayed"] == "true"
    assert shop.webhook("o1", "canceled").json["status"] == 1 and visit.refund("o1", 1000).headers["Idempotent-Replayed"] == "true"
    assert visit.refund("o2", 1000).json["status"] == 1 and shop.webhook("o2", "canceled").json["status"] == 1 and points(world) == 4000
    assert shop.webhook("o2", "canceled", number="msg_1").status == 409
    # what contradicts what was said is held, and moves nothing
    assert shop.webhook("o0", "canceled").json["code"] == "301" and shop.webhook("o1", "delivered").json["code"] == "301"
    assert holds(world) == [("o0", "contradiction", "canceled"), ("o1", "contradiction", "delivered")] and points(world) == 4000
    # support finds what the shop said by the transaction's reference
    told = ctl("handback_finance", "explain", done[0], form="text")[1]
    assert "the shop's order o0" in told and "the voucher is delivered" in told and "catalogue hold 1 opened" in told and "canceled after it was delivered" in told
    assert "given back" in ctl("handback_finance", "explain", done[1], form="text")[1]
    token = api.token()
    said = [api.get(f"/v1/redemptions/{reference}", token).json for reference in done]
    assert [(s["order_id"], s["voucher"], s["state"]) for s in said] == [("o0", "delivered", "open"), ("o1", "canceled", "reversed"), ("o2", "canceled", "reversed")]
    assert shop.webhook("o9", "canceled").status == 404 and shop.webhook("o0", "lost").status == 400


@case("Catalogue: an unfulfilled voucher whose points were given back and taken again is held, and is not told to be done")
def test_canceled_after_its_points_were_taken_again(api, shop, world, ctl):
    visit = enter(api, shop)
    assert ctl("ann", "token", "key", "P", shop.make_key())[0] == 0
    for order in ("o1", "o2"):
        done = visit.order(order, 1000).json
        with world.connect() as c:  # as a partner's files do, which reject it and then accept it after all
            c.execute("SELECT ledger.post_reinstatements(array_agg(r.reversal_id)) FROM ledger.redemption d, ledger.post_reversals(ARRAY[d.redemption_id]) r"
                      " WHERE d.external_reference = %s::uuid", (done["reference"],))
    assert shop.webhook("o1", "delivered").json["status"] == 1  # it agrees with what the partner said
    told, refused = shop.webhook("o2", "canceled"), visit.refund("o2", 1000)
    assert (told.json["status"], told.json["code"], refused.json["status"], refused.json["code"]) == (0, "301", 0, "301") and points(world) == 3000
    assert holds(world) == [("o2", "contradiction", "canceled")]
    # a number that no database holds is the shop's own affair
    at, body = int(time.time()), '{"data": {"orderId": "o1", "deliveryStatus": "pending", "x": 1e999999}}'
    assert shop.send_webhook("P", "m1", at, body, shop.sign("m1", at, body)).json["status"] == 1


@case("Catalogue: a webhook that somebody forged, changed or kept moves nothing")
def test_forged_webhooks(api, shop, world, ctl):
    enter(api, shop).order("o1", 1000)
    key = shop.make_key()
    assert ctl("ann", "token", "key", "P", key)[0] == 0
    body = json.dumps({"data": {"orderId": "o1", "deliveryStatus": "canceled"}})
    now = int(time.time())
    good = shop.sign("m1", now, body)
    for number, at, said, signature in (("m2", now, body, good), ("m1", now + 1, body, good), ("m1", now, body + " ", good), ("m1", now, body, good[:-4] + "AAAA"),
                                        ("m1", now - 400, body, shop.sign("m1", now - 400, body)), ("m1", now + 400, body, shop.sign("m1", now + 400, body)),
                                        ("m1", now, body, "v1," + good[4:]), ("m1", now, body, "v1a,"), ("m1", now, body, "v1a,====")):
        assert shop.send_webhook("P", number, at, said, signature).status == 401, (number, at, said, signature)
    assert shop.send_webhook("Q", "m1", now, body, good).status == 401 and shop.send_webhook("none", "m1", now, body, good).status == 401
    for number, at, said, signature in (("", now, body, good), ("m.1", now, body, good), ("m1", "x", body, good), ("m1", now, "[]", good), ("m1", now, body, "x" * 401),
                                        ("m1", now, json.dumps({"x": "y" * 3000}), good)):
        assert shop.send_webhook("P", number, at, said, signature).status == 400, (number, at, said, signature)
    assert points(world) == 4000
    # two keys are good, so that the shop changes over without a lost webhook; a third ends the first
    old, signature = shop.key, f"v1,abc {good}"
    assert ctl("ann", "token", "key", "P", shop.make_key())[0] == 0
    assert shop.send_webhook("P", "m1", now, body, signature).json["status"] == 1 and points(world) == 5000
    assert ctl("ann", "token", "key", "P", shop.make_key())[0] == 0
    shop.key = old
    assert shop.webhook("o1", "canceled").status == 401
    for wrong in ("whpk_", key[:-5], "whsec_" + key[5:], key + "AAAA"):
        assert ctl("ann", "token", "key", "P", wrong)[0] == 2, wrong
    assert ctl("handback_finance", "token", "key", "P", key)[0] == 6


def test_a_refund_and_a_webhook_at_the_same_moment(api, shop, world, ctl):
    visit = enter(api, shop)
    assert ctl("ann", "token", "key", "P", shop.make_key())[0] == 0
    for n in range(4):
        visit.order(f"o{n}", 1000)
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            asked = [pool.submit(visit.refund, f"o{n}", 1000) for _ in range(3)] + [pool.submit(shop.webhook, f"o{n}", "canceled") for _ in range(3)]
            assert {one.result().json["status"] for one in asked} == {1}
        assert points(world) == 5000 and sum(category == "Redemption Reversal" for category, _, _ in entries(world)) == n + 1


@case("Catalogue: what the shop was refused waits for a person, who says that it was seen to")
def test_holds_are_closed_by_a_person(api, shop, ctl):
    visit = enter(api, shop)
    visit.order("o1", 1000)
    visit.refund("o1", 999)
    assert ctl("handback_finance", "catalogue", "holds")[1]["holds"][0]["kind"] == "partial_refund"
    (hold,) = ctl("ann", "catalogue", "holds")[1]["holds"]
    assert (hold["order"], hold["stated"], hold["ended"]) == ("o1", "999", None)
    number = str(hold["hold"])
    assert ctl("ann", "catalogue", "close", number)[0] == 2 and ctl("ann", "catalogue", "close", "0", "--why", "x")[0] == 2
    assert ctl("handback_finance", "catalogue", "close", number, "--why", "x")[0] == 6
    assert ctl("ann", "catalogue", "close", number, "--why", "told the shop")[1]["done"]["what"] == "closed"
    assert "is closed" in ctl("ann", "catalogue", "close", number, "--why", "again")[1] and "no such" in ctl("ann", "catalogue", "close", "99", "--why", "x")[1]
    assert ctl("ann", "catalogue", "holds")[1]["holds"] == []
    (ended,) = ctl("ann", "catalogue", "holds", "--ended")[1]["holds"]
    assert (ended["ended_by"], ended["why"]) == ("ann", "told the shop")
    assert "nothing that the shop asked for" in ctl("ann", "catalogue", "holds", form="text")[1]


@case("Catalogue: tokens are rotated by command, shown once, and listed with what became of each")
def test_tokens_by_command(api, shop, world, ctl):
    status, said = ctl("ann", "token", "rotate", "P", "--scope", "sso", "--days", "30")
    assert status == 0 and said["done"]["generation"] == 2 and len(said["done"]["secret"]) == 64
    shop.sso = said["done"]["secret"]
    enter(api, shop)
    for _ in range(2):
        assert ctl("ann", "token", "rotate", "P", "--scope", "rate")[0] == 0
    assert shop.rate().status == 401  # rotated twice
    rows = [(t["scope"], t["generation"], t["state"], t["made_by"]) for t in ctl("handback_finance", "token", "list")[1]["tokens"]]
    assert rows == [("rate", 3, "in force", "ann"), ("rate", 2, "before", "ann"), ("rate", 1, "ended", "postgres"),
                    ("sso", 2, "in force", "ann"), ("sso", 1, "before", "postgres")]
    assert said["done"]["secret"] not in ctl("ann", "token", "list", form="text")[1]
    for words in (("P",), ("P", "--scope", "both"), ("P", "--scope", "sso", "--days", "0"), ("P", "--scope", "sso", "--days", "401"), ("none", "--scope", "sso")):
        assert ctl("ann", "token", "rotate", *words)[0] == 2, words
    assert ctl("handback_finance", "token", "rotate", "P", "--scope", "sso")[0] == 6
    with world.connect() as c:
        said = c.execute("SELECT subject, detail FROM audit.event WHERE what = 'token_rotated' AND who = 'ann' ORDER BY event_id").fetchall()
        assert said[0] == ("token sso of P", "generation 2") and len(said) == 3
        assert c.execute("SELECT count(*) FROM catalogue.token WHERE token_hash = %s", (hashlib.sha256(shop.sso.encode()).digest(),)).fetchone() == (1,)


@case("Catalogue: over random sessions the shop's books, the ledger, balances and the report agree")
def test_money_agrees(build, database):
    debits, backs, answers = catalogue_money.run(build, database, 15, 7)
    assert debits > 5 and backs > 1
    return f"{debits} debits, {backs} reversals, {sum(answers.values())} answers"

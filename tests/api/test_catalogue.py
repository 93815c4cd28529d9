"""The catalogue: a member is handed over to a shop, redeems there by the rate of its session, and gets points back; each test has the name
of a sentence of the contract or of what must not happen."""
import concurrent.futures
import hashlib
import json
import re
import signal
import threading
import time

import psycopg
import pytest

from case_table import case
from catalogue_world import RATE, SSO, code_of, enter, entries, holds, open_catalogue, points, rotate, settings, tap
from redemption_api import SECRET, Api, redemption
from shop import ADDRESS, Shop

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


# ---- how it works ----

@case("Catalogue: one tap, and the member is in the shop without another login; its balance is shown")
def test_a_member_is_handed_over_without_another_login(api, shop, world):
    answer = tap(api)
    assert answer.status == 303 and answer.headers["Referrer-Policy"] == "no-referrer" and answer.headers["Cache-Control"] == "no-store"
    assert re.fullmatch(re.escape(ADDRESS) + r"\?code=[0-9a-f]{64}", answer.headers["Location"])
    visit = shop.land(answer.headers["Location"])
    assert visit.balance() == 5000
    # the code and the auth_token stand nowhere, and the shop does not hear who the member is
    with world.connect() as c:
        for table in ("session", "exchange", "shop_member"):
            for (row,) in c.execute(f"SELECT t::text FROM catalogue.{table} t"):
                assert code_of(answer) not in row and visit.who["auth_token"] not in row
    assert visit.ask("profile").json == {"status": 1, "user_data": {"unique_id": visit.who["unique_id"]}}
    assert code_of(answer) not in api.log() + api.log("api0") and "M1" not in api.log() + api.log("api0")


@case("Catalogue: the balance has to meet the minimum; it is no least redemption")
def test_the_balance_is_checked_against_the_minimum(api, shop, world):
    answer = tap(api, "Poor")
    assert answer.status == 403 and answer.json["detail"] == "the catalogue opens from a balance of 500 points"
    with world.connect() as c:
        c.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points) SELECT 1, member_id, 'Credit By Accrual', 1"
                  " FROM ledger.member WHERE relation_reference = 'Poor'")
    visit = enter(api, shop, "Poor")
    # fewer points than the threshold may be redeemed, twice in the session
    assert visit.order("o1", 100).json["status"] == 1 and visit.order("o2", 100).json["status"] == 1
    # programme.minimum_points bounds each redemption, on this way as on the others
    with world.connect() as c:
        c.execute("UPDATE ledger.programme SET minimum_points = 200 WHERE programme_id = 1")
    refused = visit.order("o3", 100)
    assert refused.status == 200 and refused.json["code"] == "301" and points(world, "Poor") == 300


@case("Catalogue: only Active members enter, and a session ends when its member is none")
def test_only_active_members_enter(api, shop, world):
    for status in ("Inactive", "Suspended", "Blocked", "Cancelled"):
        answer = tap(api, status)
        assert answer.status == 403 and answer.json["detail"] == f"member status is {status}, not Active", status
        visit, late = enter(api, shop, "M2"), tap(api, "M2")
        done = visit.order(f"before {status}", 100)
        assert done.json["status"] == 1
        with world.connect() as c:
            c.execute("UPDATE ledger.member SET status = %s::ledger.member_status WHERE relation_reference = 'M2'", (status,))
        assert shop.exchange(code_of(late)).status == 403
        assert visit.ask("balance").status == 401
        with world.connect() as c:
            c.execute("UPDATE ledger.member SET status = 'Active' WHERE relation_reference = 'M2'")
        # it ended, and does not come back
        for answer in (visit.ask("balance"), visit.ask("profile"), visit.order(f"after {status}", 100)):
            assert answer.status == 401 and answer.reason == f"member status is {status}, not Active"
        # whose answer was lost hears it all the same, and points come back whatever the status
        again = visit.order(f"before {status}", 100)
        assert again.json == done.json and again.headers["Idempotent-Replayed"] == "true"
        assert visit.refund(f"before {status}", 100).json["status"] == 1
    assert points(world, "M2") == 5000
    assert tap(api, "Nobody").status == 404


@case("Catalogue: points are debited, and a voucher that is not fulfilled gives all of them back")
def test_points_are_debited_and_come_back_as_a_reversal(api, shop, world):
    visit = enter(api, shop)
    done = visit.order("o1", 1250)
    assert done.json["status"] == 1 and done.json["order_id"] == "o1" and points(world) == 3750 and visit.balance() == 3750
    token = api.token()
    told = api.get(f"/v1/redemptions/{done.json['reference']}", token).json
    assert (told["points"], told["amount"], told["currency"], told["merchant"], told["type"], told["state"]) == (1250, 1250, "INR", "Plum", 30, "open")
    back = visit.refund("o1", 1250)
    assert back.json == {"status": 1, "code": "000", "message": "Success", "data": {"order_id": "o1", "points": "1250"}}
    assert api.get(f"/v1/redemptions/{done.json['reference']}", token).json["state"] == "reversed"
    assert entries(world) == [("Credit By Accrual", 5000, None), ("Debit By Redemption", 1250, 1250), ("Redemption Reversal", 1250, None)]
    # what a member names to the shop stands in its own history
    mine = api.ask_token("app", scope='["LOGIN", "M1"]').json["results"]["token"]
    history = api.get("/v1/members/M1/transactions", mine).json["transactions"]
    assert [t["category"] for t in history] == ["Redemption Reversal", "Debit By Redemption", "Credit By Accrual"]
    assert history[1]["reference"] == done.json["reference"]
    # twice is once
    again = visit.refund("o1", "1250.0")
    assert again.json == back.json and again.headers["Idempotent-Replayed"] == "true" and points(world) == 5000


# ---- two tokens ----

@case("Catalogue: each token is good for one thing; the wrong one is refused, and an event")
def test_each_token_is_for_one_thing(api, shop, world):
    code = code_of(tap(api))
    assert shop.exchange(code, token=RATE).status == 403 and shop.rate(token=SSO).status == 403
    assert shop.exchange(code, token="c" * 64).status == 401 and shop.rate(token="").status == 401 and shop.rate(token=api.token()).status == 401
    # nor is either a token of the redemption API
    assert api.get("/v1/members/M1/transactions", SSO).status == 401 and api.get("/v1/members/M1/transactions", RATE).status == 401
    assert shop.exchange(code).status == 200 and shop.rate().status == 200

    def misused():
        with world.connect() as c:
            return [tuple(row) for row in c.execute("SELECT subject, detail FROM audit.event WHERE what = 'token_misused' ORDER BY event_id")]

    said = misused()
    assert [subject for subject, _ in said] == ["token rate of programme 1", "token sso of programme 1"]
    assert all(token not in detail for token in (SSO, RATE) for _, detail in said)
    # whoever holds a token does not fill the chain: one event for each token and minute
    for _ in range(3):
        assert shop.rate(token=SSO).status == 403 and shop.exchange(code, token=RATE).status == 403
    assert misused() == said
    with world.connect() as c, c.transaction():
        c.execute("SET LOCAL session_replication_role = replica")
        c.execute("UPDATE audit.event SET at = at - interval '61 seconds'")
    for _ in range(2):
        assert shop.rate(token=SSO).status == 403
    assert [subject for subject, _ in misused()] == ["token rate of programme 1", "token sso of programme 1", "token sso of programme 1"]


@case("Catalogue: a token that has expired is the session error that the contract names")
def test_a_session_error_names_the_token(api, world):
    with world.connect() as c, c.transaction():
        c.execute("SET LOCAL session_replication_role = replica")
        c.execute("UPDATE catalogue.token SET made_at = now() - interval '2 days', expires_at = now() - interval '1 day' WHERE scope = 'sso'")
    answer = tap(api)
    assert answer.status == 403 and answer.json["detail"] == "session error: the SSO Token is not valid or has expired; it has to be rotated"
    with world.connect() as c:
        rotate(c, "sso", "d" * 64)
    assert tap(api).status == 303
    with world.connect() as c, c.transaction():
        c.execute("SET LOCAL session_replication_role = replica")
        c.execute("DELETE FROM catalogue.token WHERE scope = 'rate'")
    assert "Redemption Rate Token is stale" in tap(api).json["detail"]


@case("Catalogue: tokens are rotated under load without a failed call")
def test_rotation_fails_no_call(build, world):
    with Api(build, world, apis=2) as api:
        shop, stop, answers = Shop(api, SSO, RATE), threading.Event(), []
        visit = enter(api, shop)

        def caller():
            while not stop.is_set():
                answers.append(shop.rate().status)
                answers.append(shop.exchange("0" * 64).status)  # 403: the token is good, the code is not; 401 would be the token

        def answered(more):
            wanted, patience = len(answers) + more, time.monotonic() + 30
            while len(answers) < wanted and time.monotonic() < patience:
                time.sleep(0.01)

        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            callers = [pool.submit(caller) for _ in range(6)]
            for n in range(6):
                sso, rate = hashlib.sha256(f"s{n}".encode()).hexdigest(), hashlib.sha256(f"r{n}".encode()).hexdigest()
                with world.connect() as c:
                    rotate(c, "sso", sso)
                    rotate(c, "rate", rate)
                answered(20)  # with the tokens of before
                shop.sso, shop.rate_token = sso, rate
                answered(20)  # and with those of now
            stop.set()
            for one in callers:
                one.result()
        # who was in the shop all the while is there still
        assert visit.rate()["points"] == 100 and visit.order("o1", 700).json["status"] == 1
    assert set(answers) == {200, 403} and len(answers) > 200
    # the newest and the one before it are good, and no other
    with world.connect() as c:
        assert c.execute("SELECT count(*) FROM catalogue.token_now").fetchone()[0] == 4
    return f"{len(answers)} calls over 12 rotations"


# ---- the rate ----

@case("Catalogue: a changed rate takes effect for new sessions only")
def test_a_changed_rate_is_for_new_sessions(api, shop, world):
    before = enter(api, shop)
    assert (before.rate()["points"], before.rate()["minor_units"], before.rate()["currency"]) == (100, 100, "INR")
    settings(world, points=200, minimum_balance=4000)
    after = enter(api, shop, "M2")
    assert (after.rate()["points"], before.rate()["points"], shop.rate().json["points"]) == (200, 100, 200)
    # rate changed between display and confirm: what was shown is what is taken
    assert before.order("o1", 5000).json["status"] == 1 and after.order("o2", 5000).json["status"] == 1
    assert entries(world)[-1] == ("Debit By Redemption", 5000, 5000) and entries(world, "M2")[-1] == ("Debit By Redemption", 5000, 2500)
    # a proposal changes nothing, and nobody's session pins it
    number = settings(world, approve=False, points=1)
    assert shop.rate().json["points"] == 200
    with world.connect() as c, pytest.raises(psycopg.errors.ForeignKeyViolation):
        c.execute("INSERT INTO catalogue.session (setting_id, programme_id, member_id, client_id, request_id, balance, code_hash, code_until, ends_at)"
                  " SELECT %s, programme_id, member_id, client_id, request_id, balance, sha256('x'), now(), now() + interval '1 minute'"
                  " FROM catalogue.session LIMIT 1", (number,))


@case("Catalogue: never a point or a minor unit from nowhere")
def test_what_is_not_exact_is_held(api, shop, world):
    settings(world, points=3, units=1)  # 3 points are 100 minor units
    visit = enter(api, shop)
    assert visit.order("o1", 3).json["status"] == 1 and entries(world)[-1] == ("Debit By Redemption", 3, 100)
    for order, stated in (("o2", 4), ("o3", 1.5), ("o4", "3.5")):
        answer = visit.order(order, stated)
        assert answer.status == 200 and (answer.json["status"], answer.json["code"]) == (0, "301"), stated
    assert visit.order("o5", "6").json["status"] == 1 and visit.order("o6", 9.0).json["status"] == 1
    for bad in ("", "-3", "+3", "0x3", "3e2", "NaN", " 3", "9" * 19, True, None, [3]):
        assert visit.order("o7", bad).status == 400, bad
    assert visit.order("o8", 0).json["code"] == "120"
    assert points(world) == 5000 - 3 - 6 - 9
    assert holds(world) == [("o2", "not_exact", "4"), ("o3", "not_exact", "1.5"), ("o4", "not_exact", "3.5")]


# ---- codes ----

@case("Catalogue: a code is good once, for its audience, for a minute")
def test_a_code_is_good_once(api, shop, world):
    code = code_of(tap(api))
    assert shop.exchange(code, audience="https://evil.example/enter").reason == "the code is for another audience"
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = [one.result() for one in [pool.submit(shop.exchange, code) for _ in range(8)]]
    assert sorted(answer.status for answer in answers) == [200] + [403] * 7
    assert {answer.reason for answer in answers if answer.status == 403} == {"the code was used before"}
    assert shop.exchange("0" * 64).reason == "there is no such code"
    late = code_of(tap(api))
    with world.connect() as c, c.transaction():
        c.execute("SET LOCAL session_replication_role = replica")
        c.execute("UPDATE catalogue.session SET opened_at = opened_at - interval '61 seconds', code_until = code_until - interval '61 seconds'")
    assert shop.exchange(late).reason == "the code has expired"
    # another programme's shop has a token of its own, and no use for our codes
    with world.connect() as c:
        rotate(c, "sso", "e" * 64, "Q")
    assert shop.exchange(code_of(tap(api)), token="e" * 64).reason == "there is no such code"
    with world.connect() as c, pytest.raises(psycopg.errors.CheckViolation):
        c.execute("INSERT INTO catalogue.session (setting_id, programme_id, member_id, client_id, request_id, balance, code_hash, code_until, ends_at)"
                  " SELECT setting_id, programme_id, member_id, client_id, request_id, balance, sha256('x'), now() + interval '61 seconds',"
                  " now() + interval '1 hour' FROM catalogue.session LIMIT 1")


def test_the_application_needs_the_members_own_token(api, world):
    headers = {"Content-Type": "application/json"}
    assert api.request("POST", "/v1/members/M1/catalogue", "{}", {**headers, "Authorization": f"Bearer {api.token()}"}).status == 403
    assert tap(api, "M1", token_of="M2").status == 403
    assert api.request("POST", "/v1/members/M1/catalogue", "{}", headers).status == 401
    for member in ("a%FF", "a%0Ab", "%ED%A0%80"):
        answer = api.request("POST", f"/v1/members/{member}/catalogue", "{}", {**headers, "Authorization": f"Bearer {api.token()}"})
        assert answer.status == 404, member
    assert api.request("POST", "/v1/members/M1/catalogue", "no", {**headers, "Authorization": f"Bearer {api.token()}"}).status == 400
    with world.connect() as c:
        c.execute("SELECT api.add_credential('reader', 'P', sha256(%s), NULL, NULL, ARRAY['read'])", (SECRET.encode(),))
    token = api.ask_token("reader", scope='["LOGIN", "M1"]').json["results"]["token"]
    assert api.request("POST", "/v1/members/M1/catalogue", "{}", {**headers, "Authorization": f"Bearer {token}"}).status == 403
    settings(world, valid_until="2999-01-01")
    assert tap(api).status == 303
    with world.connect() as c, c.transaction():
        c.execute("SET LOCAL session_replication_role = replica")
        c.execute("UPDATE catalogue.setting SET valid_from = '2000-01-01', valid_until = '2001-01-01'")
    assert tap(api).json["detail"] == "the catalogue is not open"


# ---- orders ----

@case("Catalogue: an order is done once; with other points it is refused and held")
def test_an_order_is_done_once(api, shop, world):
    visit = enter(api, shop)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = [one.result() for one in [pool.submit(visit.order, "o1", 700) for _ in range(8)]]
    assert {answer.body for answer in answers} == {answers[0].body} and answers[0].json["status"] == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1 and points(world) == 4300
    for _ in range(2):
        other = visit.order("o1", 701)
        assert other.status == 409 and other.json["status"] == 0
    theirs = enter(api, shop, "M2").order("o1", 700)
    assert theirs.status == 409 and points(world, "M2") == 5000 and points(world) == 4300
    assert holds(world) == [("o1", "other_amount", "701"), ("o1", "other_amount", "700")]
    # a refusal is an answer, too: a new attempt is a new order
    assert visit.order("o2", 9000).json["code"] == "302"
    with world.connect() as c:
        c.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points) SELECT 1, member_id, 'Credit By Accrual', 9000"
                  " FROM ledger.member WHERE relation_reference = 'M1' AND programme_id = 1")
    assert visit.order("o2", 9000).json["code"] == "302" and visit.order("o3", 9000).json["status"] == 1


@case("Catalogue: calls for members whom somebody else holds keep nobody else waiting")
def test_held_members_stall_nobody(api, shop, world):
    visits = [enter(api, shop, f"M{n}") for n in range(1, 4)]
    taken = [visit.order(f"first {n}", 1000).json["reference"] for n, visit in enumerate(visits, 1)]
    token = api.token()
    with world.connect(autocommit=False) as c, concurrent.futures.ThreadPoolExecutor(8) as pool:
        c.execute("SELECT ledger.post_reversals(array_agg(redemption_id)) FROM ledger.redemption")  # as a file does, to its end
        waiting = [pool.submit(visits[0].order, "second", 500), pool.submit(visits[1].refund, "first 2", 1000),
                   pool.submit(api.post, "ReversalPoints", {"RelationReference": "M3", "MerchantName": "Plum", "ExternalReference": taken[2],
                                                            "ProgramId": 1}, token),
                   pool.submit(api.post, "RedeemPoints", redemption(RelationReference="M3", Points=100, Amount=100), token)]
        time.sleep(0.3)
        took = []
        for n in range(20):
            began = time.monotonic()
            assert api.post("RedeemPoints", redemption(RelationReference=f"M{4 + n % 6}", Points=1, Amount=1), token).code == "000"
            took.append(time.monotonic() - began)
        assert not any(w.done() for w in waiting)
        c.commit()
        order, refund, reversal, redeemed = [w.result() for w in waiting]
    assert sorted(took)[10] < 0.5 and max(took) < 2, took  # as long as nobody could be asked: six seconds
    assert order.json["status"] == 1 and refund.json["message"] == "the redemption is reversed already"
    assert (reversal.code, redeemed.code) == ("301", "000") and [points(world, f"M{n}") for n in range(1, 4)] == [4500, 5000, 4900]


@case("Catalogue: whoever has no token fills no queue that redemptions wait in")
def test_the_shops_calls_are_bounded(api, shop, world):
    token = api.token()
    for process in api.apis:
        process.send_signal(signal.SIGSTOP)
    with concurrent.futures.ThreadPoolExecutor(200) as pool:
        asked = [pool.submit(shop.rate, token="0" * 64) for _ in range(200)]
        time.sleep(1)
        redeemed = pool.submit(api.post, "RedeemPoints", redemption(Points=1, Amount=1), token)
        time.sleep(0.2)
        for process in api.apis:
            process.send_signal(signal.SIGCONT)
        answers = [one.result() for one in asked]
    refused = [answer for answer in answers if answer.status == 503]
    assert {answer.status for answer in answers} == {401, 503} and len(refused) > 40 and redeemed.result().code == "000"
    assert all(answer.headers["Retry-After"] for answer in refused) and shop.rate().status == 200


@case("Catalogue: two tabs, and a balance that is spent elsewhere")
def test_two_tabs(api, shop, world):
    one, two = enter(api, shop), enter(api, shop)
    assert one.who["auth_token"] != two.who["auth_token"] and one.who["unique_id"] == two.who["unique_id"]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(visit.order, order, 3000) for visit, order in ((one, "o1"), (two, "o2"))]
        answers = [one_of_two.result() for one_of_two in asked]
    assert sorted(answer.json["code"] for answer in answers) == ["000", "302"] and points(world) == 2000
    # the auth_token is of one member alone
    third = enter(api, shop, "M2")
    assert shop.call("balance", {**third.who, "unique_id": one.who["unique_id"]}).status == 401


@case("Catalogue: the order of one shop is none of another's, whatever its number")
def test_an_order_of_another_shop(api, shop, world):
    visit = enter(api, shop)
    done = visit.order("7001", 1000)
    settings(world, shop="Apricot", address="https://apricot.example/enter")
    other = enter(api, Shop(api, SSO, RATE, "https://apricot.example/enter"))
    # it would hand out a voucher for which nobody paid
    answer = other.order("7001", 1000)
    assert answer.status == 409 and answer.json["status"] == 0 and holds(world) == [("7001", "other_amount", "1000")]
    assert other.refund("7001", 1000).status == 404 and points(world) == 4000
    # the first shop's session asks again, and gives back
    assert visit.order("7001", 1000).json == done.json and visit.refund("7001", 1000).json["status"] == 1 and points(world) == 5000


def test_what_is_worth_more_than_an_amount(api, shop, world):
    settings(world, points=1, units=90_000_000_000_000_000)
    visit = enter(api, shop)
    answer = visit.order("o1", 5000)
    assert answer.status == 200 and answer.json["code"] == "301" and "worth more" in answer.json["message"] and points(world) == 5000
    assert visit.order("o2", 1).json["status"] == 1


@case("Catalogue: a refund of less or more than the order took is held, and moves nothing")
def test_a_refund_is_whole_or_held(api, shop, world):
    visit = enter(api, shop)
    visit.order("o1", 1000)
    for stated in (999, 999, 1, 1001, "999.5"):
        answer = visit.refund("o1", stated)
        assert answer.status == 200 and answer.json["status"] == 0 and answer.json["data"]["points"] == "0", stated
    assert points(world) == 4000
    assert holds(world) == [("o1", "partial_refund", "999"), ("o1", "partial_refund", "1"), ("o1", "refund_exceeds", "1001"), ("o1", "partial_refund", "999.5")]
    assert visit.refund("o9", 1000).status == 404 and enter(api, shop, "M2").refund("o1", 1000).status == 404
    # a person has seen to it, and the shop asks for the same again: that is held, too, until it is closed
    for n in range(2):
        with world.connect("handback_operator") as c:
            for (hold,) in c.execute("SELECT hold_id FROM catalogue.holds WHERE stated = '999' AND ended_at IS NULL").fetchall():
                c.execute("SELECT catalogue.close_hold(%s, 'told the shop')", (hold,))
        for _ in range(2):
            assert visit.refund("o1", 999).json["message"].endswith("the refund is held for a person")
        assert holds(world)[4:] == [("o1", "partial_refund", "999")] * (n + 1) and points(world) == 4000
    with world.connect("handback_finance") as c:
        assert c.execute("SELECT count(*) FROM catalogue.holds WHERE ended_at IS NULL").fetchone() == (4,)
    # months later: the session is over, and there is no time limit
    with world.connect() as c, c.transaction():
        c.execute("SET LOCAL session_replication_role = replica")
        c.execute("UPDATE catalogue.session SET opened_at = opened_at - interval '300 days', code_until = code_until - interval '300 days',"
                  " ends_at = ends_at - interval '300 days'")
    assert visit.ask("balance").reason == "the session has ended"
    assert visit.refund("o1", 1000).json["status"] == 1 and points(world) == 5000
    # reversed on another way: never twice
    visit = enter(api, shop)
    done = visit.order("o2", 1000)
    token = api.token()
    assert api.post("ReversalPoints", {"RelationReference": "M1", "MerchantName": "Plum", "ExternalReference": done.json["reference"], "ProgramId": 1},
                    token).code == "000"
    assert visit.refund("o2", 1000).json["message"] == "the redemption is reversed already" and points(world) == 5000


@case("Catalogue: a route gives the shop's redemptions a partner, whose files answer them")
def test_a_route(api, shop, world):
    with world.connect() as c:
        c.execute("SELECT api.add_route('P', 30, 'EVERYTHING')")
    # a route for all that has no other is none for the shop, which fulfils its orders itself
    own = enter(api, shop).order("o0", 100).json
    told = api.get(f"/v1/redemptions/{own['reference']}", api.token()).json
    assert own["status"] == 1 and told["partner"] is None and told["outbound_reference"] is None
    with world.connect() as c:
        c.execute("SELECT api.add_route('P', 30, 'SKYLINE', 'plum', 'PL')")
    done = enter(api, shop).order("o1", 100).json
    told = api.get(f"/v1/redemptions/{done['reference']}", api.token()).json
    assert told["partner"] == "SKYLINE" and told["outbound_reference"] == "PL0000000001"


def test_the_shop_hears_what_is_permitted_alone(api, shop, world):
    settings(world, permitted=["member", "status"])
    visit = enter(api, shop)
    assert visit.ask("profile").json["user_data"] == {"unique_id": visit.who["unique_id"], "member": "M1", "member_status": "Active"}


def test_hostile_bodies(api, shop):
    visit = enter(api, shop)
    for name in ("exchange", "balance", "profile", "orders", "refunds"):
        for body in (b"", b"[]", b"{", b'{"unique_id": 1}', b'{"a": ' * 20 + b"1" + b"}" * 20, json.dumps({**visit.who, "order_id": "x" * 256})):
            answer = shop.call(name, body, SSO)
            assert answer.status == 400 or (name in ("balance", "profile") and answer.status == 200 and b"order_id" in bytes(str(body), "utf8")), (name, body)
    assert visit.ask("balance", auth_token="' OR 1=1").status == 401 and visit.ask("balance", unique_id="x").status == 401
    assert shop.rate("x").status == 400 and shop.rate("00000000-0000-4000-8000-000000000000").status == 404
    # what asks for a session's rate never hears today's instead
    for query in ("session", "session=", "sid=x", f"session={visit.session}&session={visit.session}", f"a=b&session={visit.session}"):
        assert api.get(f"/v1/catalogue/rate?{query}", RATE).status == 400, query
    assert shop.call("orders", {**visit.who, "order_id": "\u00e9\U0001f381", "total_points_redeemed": 100}).json["status"] == 1

"""Points requests by the API: one business event one effect, whose points, to whom, and what each row is answered."""
import concurrent.futures
import http.client
import random
import threading
import time

import psycopg
import pytest

from case_table import case
from operators import Operators
from points import PARTNER, agree, balance, points_world, row, sponsor, sponsored, terms
from redemption_api import Api, credential, until

POINTS = "PointsRequest"


@pytest.fixture
def world(database):
    return points_world(database)


@pytest.fixture
def api(build, world):
    with Api(build, world) as running:
        yield running


def ask(api, *rows, token=None):
    answer = api.post(POINTS, list(rows), token or api.token())
    assert answer.status == 202, (answer.status, answer.body)
    said = answer.json
    assert said["total_transactions"] == len(rows) == len(said["results"]) and [r["n"] for r in said["results"]] == list(range(1, len(rows) + 1))
    return said


def codes(said):
    return [r["code"] for r in said["results"]]


def debits(world):
    with world.connect() as c:
        return c.execute("SELECT d.member, d.points, d.partner, d.transaction_type, d.outbound_reference FROM ledger.redemption d ORDER BY 5").fetchall()


@case("points request: a deal's points are a redemption that its partner answers by our reference")
def test_one(api, world):
    said = ask(api, row("opp-1/won"))
    assert said["results"][0] == {"n": 1, "request_key": "opp-1/won", "code": "000", "state": "queued", "why": None, "again": False}
    token = api.token()
    key = api.get("/v1/points-requests/opp-1%2Fwon", token).json
    assert (key["state"], key["points"], key["partner"], key["member"]) == ("queued", 100, PARTNER, "M1")
    assert debits(world) == [("M1", 100, PARTNER, 4, key["outbound_reference"])]
    batch = api.get(f"/v1/points-batches/{said['batch_id']}", token).json
    assert batch["total"] == 1 and batch["next"] is None and batch["results"][0]["state"] == "queued"
    with world.connect() as c:
        assert balance(c, "M1") == 4900
        assert c.execute("SELECT account FROM points.request").fetchone()[0] == "A1"
        # the hand-back file's own way: the engine reverses it as any redemption
        c.execute("SELECT ledger.post_reversals(ARRAY[entry_id]) FROM points.request")
    assert api.get("/v1/points-requests/opp-1%2Fwon", token).json["state"] == "reversed"
    assert api.get("/v1/points-requests/none", token).status == 404
    assert api.get(f"/v1/points-batches/{said['batch_id']}", api.token("other")).status == 404


@case("points request: who sends is told once a row is durable, and of nothing that is not new")
def test_hint(api, world):
    with world.connect() as listens:
        told = []
        listens.add_notify_handler(lambda n: told.append(n.channel))
        listens.execute("LISTEN handback_points")
        for rows, hints in (([row("a")], 1), ([row("a")], 1), ([row("poor", Points=10 ** 9)], 1), ([row("b"), row("a")], 2)):
            ask(api, *rows)
            until(lambda: listens.execute("SELECT 1") and len(told) >= hints)
            assert told == ["handback_points"] * hints


@case("points request: a flow that runs again asks for the same; an unlike one with the key is refused")
def test_once(api, world):
    first = ask(api, row("k"))
    again = ask(api, row("k"), row("k", Reason="told otherwise", NotBefore="2031-01-01T00:00:00Z"), row("k", Points=101), row("k", RelationReference="M2"),
                row("k", Partner="OTHER"), sponsored("k"))
    assert [(r["code"], r["again"]) for r in again["results"]] == [("000", True), ("000", True), ("409", False), ("409", False), ("409", False), ("409", False)]
    assert first["batch_id"] != again["batch_id"] and len(debits(world)) == 1
    # another caller of the programme that tells of the same event
    with world.connect() as c:
        credential(c, "second")
    assert ask(api, row("k"), token=api.token("second"))["results"][0]["again"] and len(debits(world)) == 1
    refused = ask(api, row("later", RelationReference="Suspended"))
    assert codes(refused) == ["114"] and api.get("/v1/points-requests/later", api.token()).json["state"] == "refused"
    with world.connect() as c:
        c.execute("UPDATE ledger.member SET status = 'Active' WHERE relation_reference = 'Suspended'")
        c.execute("SELECT points.link_account('P', %s, 'S', 'Suspended', 'seen')", (PARTNER,))
    # what had no effect has used up no key
    assert codes(ask(api, row("later", RelationReference="Suspended"))) == ["000"]


WRONG = [
    ("999", {"RequestKey": None}), ("999", {"Points": "100"}), ("999", {"Points": 1.5}), ("999", {"Reason": ""}), ("999", {"Partner": 7}),
    ("999", {"NotBefore": "tomorrow"}), ("999", {"NotBefore": "2031-02-30T00:00:00Z"}), ("999", {"RelationReference": None}),
    ("999", {"RelationReference": None, "PartnerMemberId": "A1"}), ("120", {"Points": 0}), ("120", {"Points": -5}), ("103", {"RelationReference": "nobody"}),
    ("113", {"RelationReference": "Cancelled"}), ("114", {"RelationReference": "Suspended"}), ("107", {"RelationReference": "Blocked"}),
    ("301", {"Partner": "NOBODY"}), ("301", {"RelationReference": "Active"}), ("301", {"PartnerMemberId": "A2"}), ("301", {"PartnerMemberId": "unknown"}),
    ("302", {"Points": 5001}), ("302", {"Points": 2**63 - 1}), ("301", {"Sponsor": "nobody"}), ("301", {"Sponsor": "nobody", "PartnerMemberId": "A1"}),
]


@case("points request: a row knows what those before it in the call took, though all debits are posted at the end")
def test_rows_together(api, world):
    said = ask(api, row("together/1", RelationReference="M8", Points=3000), row("together/2", RelationReference="M8", Points=2001),
                row("together/1", RelationReference="M8", Points=3000), row("together/3", RelationReference="M8", Points=2000))
    assert [(r["code"], r["state"], r["again"]) for r in said["results"]] == [
        ("000", "queued", False), ("302", "refused", False), ("000", "queued", True), ("000", "queued", False)], said
    with world.connect() as c:
        assert balance(c, "M8") == 0


@case("points request: a batch with bad rows: each row has its own answer, and only the good ones take points")
def test_bad_rows(api, world):
    rows = [row(f"k{n}", **other) if "RequestKey" not in other else {**row(f"k{n}"), **other} for n, (_, other) in enumerate(WRONG)]
    said = ask(api, row("first"), *rows, row("last", RelationReference="M2"))
    assert codes(said) == ["000", *[code for code, _ in WRONG], "000"], said
    assert len(debits(world)) == 2
    # and whom nobody knows is no one to wait for, also where the call names no other
    for n, other in enumerate(({"RelationReference": "nobody"}, {"RelationReference": None, "PartnerMemberId": "A1"},
                               {"RelationReference": None, "PartnerMemberId": "A1", "Sponsor": "nobody"})):
        assert codes(ask(api, row(f"alone{n}", **other))) == [["103", "999", "301"][n]]
    said = ask(api, *[row(f"m{n}", RelationReference=f"M{n % 9 + 1}", Points=1) for n in range(100)])
    assert codes(said) == ["000"] * 100
    token, after, seen = api.token(), "", []
    while after is not None:
        page = api.get(f"/v1/points-batches/{said['batch_id']}{after}", token).json
        seen += [r["n"] for r in page["results"]]
        after = f"?after={page['next']}" if page["next"] else None
    assert seen == list(range(1, 101)) and page["total"] == 100


@case("points request: what is no list of 1 to 100 objects is refused as a whole")
def test_no_list(api, world):
    token = api.token()
    for body, status in (("{}", 400), ("[]", 400), ("[", 400), ("x", 400), ('[{"a": 1, "a": 2}]', 400), ("[1] 2", 400)):
        assert api.post(POINTS, body, token).status == status, body
    assert api.post(POINTS, [row(f"k{n}", Points=1) for n in range(101)], token).status == 400
    assert codes(ask(api, 1, [{}], None, {})) == ["999"] * 4
    for bad in ([row("k")], [{}]):
        assert api.post(POINTS, bad, "x").status == 401
    assert debits(world) == []


@case("points request: a token of one member asks for this member alone")
def test_member_token(api, world):
    token = api.ask_token("app", scope='["LOGIN","M1"]').json["results"]["token"]
    assert codes(ask(api, row("a"), token=token)) == ["000"]
    assert api.post(POINTS, [row("b", RelationReference="M2")], token).status == 403
    assert api.post(POINTS, [sponsored("c")], token).status == 403
    assert codes(ask(api, row("d"), row("e", RelationReference="M2"), token=token)) == ["000", "403"]
    ask(api, row("theirs", RelationReference="M2"))
    assert api.get("/v1/points-requests/a", token).status == 200 and api.get("/v1/points-requests/theirs", token).status == 404


@case("points request: a sponsor pays, up to its cap in a day; above it two people decide")
def test_sponsor(api, world):
    said = ask(api, sponsored("a", Points=6000), sponsored("b", Points=4001), sponsored("c", Points=4000), sponsored("d", PartnerMemberId="unknown"),
               {**sponsored("e", Points=10), "RelationReference": "M3", "PartnerMemberId": None})
    assert [(r["code"], r["state"]) for r in said["results"]] == [("000", "queued"), ("000", "held"), ("000", "queued"), ("301", "refused"), ("000", "held")]
    with world.connect() as c, Operators(world) as people:
        assert balance(c, "SPONSOR") == 40000 and balance(c, "M3") == 5000
        number = people.ann.execute("SELECT points.propose_request('P', 'b', 'agreed with finance')").fetchone()[0]
        with pytest.raises(psycopg.errors.CheckViolation, match="approver_is_not_proposer"):
            people.ann.execute("SELECT points.approve(%s)", (number,))
        assert balance(c, "SPONSOR") == 40000
        people.ben.execute("SELECT points.approve(%s)", (number,))
        assert balance(c, "SPONSOR") == 35999
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
            people.ben.execute("SELECT points.approve(%s)", (number,))
        number = people.ann.execute("SELECT points.propose_request('P', 'e', 'agreed')").fetchone()[0]
        people.ben.execute("SELECT points.reject(%s, 'no')", (number,))
        assert balance(c, "SPONSOR") == 35999
        assert [c.execute("SELECT points.state_of(request_no) FROM points.request WHERE request_key = %s", (k,)).fetchone()[0] for k in "be"] \
            == ["queued", "refused"]
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
            people.ann.execute("SELECT points.propose_request('P', 'e', 'again')")
    assert codes(ask(api, sponsored("e", Points=10, RelationReference="M3", PartnerMemberId=None))) == ["000"]  # it is what it was: refused


@case("points request: what a person is sent is bounded, whoever pays; a credential's day too")
def test_bounds(api, world):
    terms(world, person_points=250, person_days=7, request_points=200)
    rows = [row("a", Points=200), sponsored("b", Points=51), sponsored("c", Points=50), row("d", Points=1), row("e", Points=201, RelationReference="M2")]
    assert codes(ask(api, *rows)) == ["000", "301", "000", "301", "301"]
    with world.connect() as c:
        credential(c, "small", points_per_day=300)
        # what was given back counts for nobody
        c.execute("SELECT ledger.post_reversals(ARRAY[entry_id]) FROM points.request WHERE request_key = 'a'")
    assert codes(ask(api, row("f", Points=200))) == ["000"]
    said = ask(api, *[row(f"s{n}", Points=100, RelationReference=f"M{n}") for n in range(3, 8)], token=api.token("small"))
    assert codes(said) == ["000"] * 3 + ["429"] * 2
    # where none was taken it is the call's answer, and says when there are points again: tomorrow
    none = api.post(POINTS, [row("t", RelationReference="M8", Points=100)], api.token("small"))
    assert none.status == 429 and 1 < int(none.headers["Retry-After"]) <= 86400


@case("points request: a partner that is closed, a link that has ended, terms that nobody approved")
def test_terms(api, world):
    with Operators(world) as people:
        number = people.ann.execute("SELECT points.propose_partner('P', %s, '{\"open\": false}', 'a dispute')", (PARTNER,)).fetchone()[0]
        assert codes(ask(api, row("a"))) == ["000"]
        people.ben.execute("SELECT points.approve(%s)", (number,))
        assert codes(ask(api, row("b"))) == ["301"]
        stale = people.ann.execute("SELECT points.propose_partner('P', %s, '{\"open\": true}', 'over')", (PARTNER,)).fetchone()[0]
        agree(world, "partner", "P", PARTNER, '{"open": true, "prefix": "SK"}', "it is over")
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="changed after"):
            people.ben.execute("SELECT points.approve(%s)", (stale,))
        assert codes(ask(api, row("b"))) == ["000"] and debits(world)[-1][4].startswith("SK")
        people.ann.execute("SELECT points.unlink_account('P', %s, 'A1', 'asked by the member')", (PARTNER,))
        assert codes(ask(api, row("c"), sponsored("d"))) == ["301", "301"]
        for bad in ('{"schedule": "hourly"}', '{"schedule": "daily 24:00"}', '{"zone": "Nowhere/At"}', '{"colour": "red"}', '{"person_points": 5}'):
            with pytest.raises((psycopg.errors.CheckViolation, psycopg.errors.DataError, psycopg.errors.UndefinedParameter)):
                people.ann.execute("SELECT points.propose_partner('P', %s, %s, 'why')", (PARTNER, bad))
        sponsor(world, is_open=False)
    assert codes(ask(api, sponsored("e", PartnerMemberId="A2"))) == ["301"]


@case("points request: twins at the same moment, by two processes and two callers, are one request")
def test_twins(build, world):
    with Api(build, world, apis=2) as api:
        token = api.token()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            said = list(pool.map(lambda n: api.post(POINTS, [row(f"k{k}", RelationReference=f"M{k % 9 + 1}") for k in range(20)], token).json, range(8)))
    assert all(set(codes(s)) == {"000"} for s in said)
    assert sum(not r["again"] for s in said for r in s["results"]) == 20 == len(debits(world))


@case("points request: kills of each program and of the server's sessions under load")
def test_kills(build, world):
    keys, dice, kills, answers, end = 24, random.Random(18), 0, {}, time.monotonic() + 60

    def caller(first):
        for n in range(first, keys, 4):
            body = [row(f"k{n}/{m}", RelationReference=f"M{m}", Points=n % 7 + 1) for m in range(1, 6)] + [sponsored(f"s{n}", Points=3)]
            while time.monotonic() < end:
                try:
                    answer = api.post(POINTS, body, token)
                except (OSError, http.client.HTTPException):
                    time.sleep(0.02)
                    continue
                if answer.status == 202 and all(r["code"] == "000" for r in answer.json["results"]):
                    answers[n] = answer.json
                    break
                time.sleep(0.02)

    with Api(build, world, apis=2) as api, world.connect() as c:
        token = api.token()
        threads = [threading.Thread(target=caller, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            time.sleep(dice.uniform(0.02, 0.15))
            what = dice.choice(["gate", "api", "api", "session"])
            kills += 1
            if what == "gate":
                api.gate.kill()
                api.gate.wait()
                api.start_gate()
            elif what == "api":
                n = dice.randrange(2)
                api.apis[n].kill()
                api.apis[n].wait()
                api.apis[n] = api.start_api(n)
            else:
                c.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'handback-api' AND random() < 0.7")
        for thread in threads:
            thread.join()
        done = c.execute("SELECT count(*), sum(r.points), count(d.redemption_id) FROM points.request r"
                         " LEFT JOIN ledger.redemption d ON d.redemption_id = r.entry_id AND d.points = r.points").fetchone()
        taken = 23 * 5000 + 50000 - c.execute("SELECT sum(points) FROM ledger.balance").fetchone()[0]
    asked = sum(5 * (n % 7 + 1) + 3 for n in range(keys))
    assert len(answers) == keys and kills > 2
    assert done == (keys * 6, asked, keys * 6) and taken == asked

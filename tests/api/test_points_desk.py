"""handbackctl points: what people see of points requests, and what two of them decide; and who looks after what is open."""
import json
import subprocess

import psycopg
import pytest

from case_table import case
from ctl_terminal import on_terminal
from operators import Operators
from points import PARTNER, balance, points_world, receive, row, sponsored


@pytest.fixture
def world(database):
    made = points_world(database, schedule="now")
    Operators(database).close()
    return made


@pytest.fixture
def ctl(build, world):
    def run(who, *words, text=False):
        command = (build / "ctl/handbackctl", *words, "--database", world.conninfo(who))
        if text:
            said, status = on_terminal(*command, width=80, NO_COLOR="1")
            return status, said
        done = subprocess.run([*command, "--json"], capture_output=True, text=True, timeout=60)
        return done.returncode, json.loads(done.stdout) if done.returncode == 0 else done.stderr
    return run


def a_batch(c, *keys):
    assert receive(c, *(row(k, Points=100 + n) for n, k in enumerate(keys))) == ["000"] * len(keys)
    return c.execute("SELECT points.open_batch(1, %s, clock_timestamp() + interval '1 s')", (PARTNER,)).fetchone()[0]


@case("points request: what is above a sponsor's cap is seen, and let through or refused by two people, by command line")
def test_two_people(world, ctl):
    with world.connect() as c:
        assert receive(c, sponsored("big", Points=12000), sponsored("bigger", Points=13000)) == ["000", "000"]
        said = ctl("handback_finance", "points", "requests", "--state", "held")[1]["requests"]
        assert [(r["key"], r["state"], r["points"], r["sponsor"], r["batch"]) for r in said] == [
            ("bigger", "held", 13000, "deals", None), ("big", "held", 12000, "deals", None)]
        one, = ctl("handback_finance", "points", "sponsors")[1]["sponsors"]
        assert (one["sponsor"], one["cap"], one["paid_today"], one["balance"], one["held"], one["held_points"]) == ("deals", 10000, 0, 50000, 2, 25000)
        assert ctl("ann", "points", "release", "P", "big")[0] == 2, "a reason is required"
        first = str(ctl("ann", "points", "release", "P", "big", "--why", "agreed")[1]["done"]["number"])
        status, said = ctl("ann", "points", "approve", first)
        assert status == 2 and "you proposed this; another person must approve it" in said
        assert ctl("handback_finance", "points", "approve", first)[0] == 6
        assert balance(c, "SPONSOR") == 50000
        waits = ctl("handback_finance", "points", "proposals")[1]["proposals"][0]
        assert (str(waits["proposal"]), waits["state"], waits["kind"], waits["subject"], waits["proposed_by"]) == (first, "open", "request", "big", "ann")
        assert ctl("ben", "points", "approve", first, "--why", "yes")[0] == 0 and balance(c, "SPONSOR") == 38000
        second = str(ctl("ben", "points", "release", "P", "bigger", "--why", "asked for")[1]["done"]["number"])
        assert ctl("ann", "points", "reject", second)[0] == 2
        assert ctl("ann", "points", "reject", second, "--why", "not this quarter")[0] == 0 and balance(c, "SPONSOR") == 38000
        status, shown = ctl("handback_finance", "points", "show", "P", "bigger")
        assert status == 0, shown
        assert (shown["request"]["state"], shown["request"]["why"]) == ("refused", "not this quarter")
        assert [(r["client"], r["code"], r["again"]) for r in shown["calls"]] == [("app", "000", False)]
        status, said = ctl("ben", "points", "approve", "999")
        assert status == 2 and "`handbackctl points proposals` shows it" in said
        status, said = ctl("handback_finance", "points", "show", "P", "none")
        assert status == 2 and "there is no such request" in said


@case("points request: terms of a partner and a sponsor are proposed and put in force by command line, and what is not named stays")
def test_terms(world, ctl):
    days = "2027-01-01,2027-01-26"
    status, said = ctl("ann", "points", "terms", "P", "NEW", "account=stated", "schedule=daily 18:00", "zone=Asia/Kolkata", f"holidays={days}",
                       "request_points=500", "--why", "contract")
    assert status == 0, said
    first = str(said["done"]["number"])
    status, said = ctl("handback_finance", "points", "partners")
    assert status == 0, said
    assert [p["partner"] for p in said["partners"]] == [PARTNER]
    assert ctl("ben", "points", "approve", first)[0] == 0
    new = ctl("handback_finance", "points", "partners")[1]["partners"][0]
    assert (new["partner"], new["open"], new["schedule"], new["zone"], new["request_points"], new["waiting"]) == (
        "NEW", True, "daily 18:00", "Asia/Kolkata", 500, 0) and new["closes"].endswith("12:30:00Z")
    second = str(ctl("ben", "points", "terms", "P", "NEW", "request_points=", "open=false", "--why", "closed")[1]["done"]["number"])
    assert ctl("ann", "points", "approve", second)[0] == 0
    new = ctl("handback_finance", "points", "partners")[1]["partners"][0]
    assert (new["open"], new["schedule"], new["request_points"]) == (False, "daily 18:00", None)
    for wrong in ("colour=red", "schedule=hourly", "schedule", "zone=Nowhere/At", "=x", "days=2027-13-01"):
        assert ctl("ann", "points", "terms", "P", "NEW", wrong, "--why", "x")[0] == 2, wrong
    third = str(ctl("ann", "points", "sponsor", "P", "deals", "SPONSOR", "20000", "--why", "more")[1]["done"]["number"])
    assert ctl("ben", "points", "approve", third)[0] == 0
    assert ctl("handback_finance", "points", "sponsors")[1]["sponsors"][0]["cap"] == 20000
    assert ctl("ann", "points", "sponsor", "P", "deals", "SPONSOR", "-1", "--why", "x")[0] == 2
    assert ctl("ann", "points", "sponsor", "P", "deals", "SPONSOR", "5", "shut", "--why", "x")[0] == 2
    for term in ("schedule=daily", "account=any", "person_points=5"):
        status, said = ctl("ann", "points", "terms", "P", PARTNER, term, "--why", "x")
        assert status != 0 and "schedule now, 'daily HH:MM'" in said, said


def test_links(world, ctl):
    assert len(ctl("handback_finance", "points", "links")[1]["links"]) == 9
    assert ctl("ann", "points", "link", "P", PARTNER, "A10")[0] == 2, "a link has a proof"
    assert ctl("ann", "points", "link", "P", PARTNER, "A10", "--why", "validated: 4711")[0] == 0
    assert ctl("ann", "points", "unlink", "P", PARTNER, "A1", "--why", "closed")[0] == 0
    links = ctl("handback_finance", "points", "links", "--partner", PARTNER)[1]["links"]
    assert [(k["account"], k["member"], k["proof"]) for k in links if k["account"] in ("A1", "A10")] == [("A10", None, "validated: 4711")]


@case("points request: unanswered points by partner and age are one view, each with an owner; a batch has its control account")
def test_owner_and_account(world, ctl):
    with world.connect() as c:
        batch = a_batch(c, "a", "b", "c")
        c.execute("SELECT points.note_batch(%s, 'placed', 'REQ_1.csv', 1, sha256('f'))", (batch,))
        waits, = ctl("handback_finance", "points", "unanswered")[1]["unanswered"]
        assert (waits["partner"], waits["days"], waits["requests"], waits["points"], waits["owner"], waits["batch"]) == (PARTNER, 0, 3, 303, "ann", batch)
        assert ctl("ben", "points", "assign", str(batch), "carol", "--why", "knows them")[0] == 0
        assert ctl("handback_finance", "points", "unanswered")[1]["unanswered"][0]["owner"] == "carol"
        c.execute("SELECT ledger.post_reversals(ARRAY[entry_id]) FROM points.request WHERE request_key = 'a'")
        account = ctl("handback_finance", "points", "batch", str(batch))[1]
        assert [account["batch"][k] for k in ("requested", "sent", "credited", "reversed", "unknown", "open", "owner")] == [303, 303, 0, 100, 0, 203, "carol"]
        assert [(r["key"], r["state"]) for r in account["requests"]] == [("b", "open"), ("c", "open"), ("a", "reversed")]
        report = ctl("handback_finance", "report", "points")[1]
        assert [(r["age"], r["requests"], r["points"], r["unknown"], r["owner"]) for r in report["unanswered"]] == [("0-1", 2, 203, 0, "carol")]
        assert [(r["batch"], r["requested"], r["open"], r["difference"], r["owner"]) for r in report["batches"]] == [(batch, 303, 203, 0, "carol")]
        assert [r["key"] for r in ctl("handback_finance", "report", "points", "--rows", "0-1")[1]["rows"]] == ["b", "c"]
        # as it was: before it was sent nothing waited
        assert ctl("handback_finance", "report", "points", "--as-of", "2026-01-31")[1]["unanswered"] == []
        c.execute("SELECT ledger.post_reversals(array_agg(entry_id)) FROM points.request WHERE request_key IN ('b', 'c')")
        assert c.execute("SELECT points.close_batches()").fetchone()[0] == 1
        assert ctl("handback_finance", "points", "unanswered")[1]["unanswered"] == [] and ctl("handback_finance", "report", "points")[1]["batches"] == []
        status, said = ctl("ben", "points", "assign", str(batch), "dave")
        assert status == 2 and "is closed" in said
        closed, = ctl("handback_finance", "points", "batches", "--state", "closed")[1]["batches"]
        assert closed["batch"] == batch and closed["closed"] is not None and closed["owner"] is None
        assert ctl("handback_finance", "points", "batches", "--state", "half")[0] == 2


def test_the_tables_fit(world, ctl):
    with world.connect() as c:
        batch = a_batch(c, "0065g00000abcDEAAA/won/1", "b")
        receive(c, sponsored("0065g00000abcDFAAA/won/1", Points=12000))
    ctl("ann", "points", "release", "P", "0065g00000abcDFAAA/won/1", "--why", "agreed with finance in the meeting of Monday")
    for words in (("requests",), ("batches",), ("batch", str(batch)), ("unanswered",), ("partners",), ("sponsors",), ("links",), ("proposals",),
                  ("show", "P", "b")):
        status, said = ctl("handback_finance", "points", *words, text=True)
        assert status == 0 and max(map(len, said.splitlines())) <= 80, said
    assert all(len(line) <= 80 for line in ctl("handback_finance", "report", "points", text=True)[1].splitlines())


@case("points request: explain tells of its calls, its batch, its file and its refusal, by its key")
def test_explain(world, ctl):
    with world.connect() as c:
        batch = a_batch(c, "deal-1/won")
        receive(c, row("deal-1/won"))
        c.execute("SELECT points.note_batch(%s, 'placed', 'REQ_1.csv', 1, sha256('f'))", (batch,))
        c.execute("SELECT ledger.post_reversals(ARRAY[entry_id]) FROM points.request WHERE request_key = 'deal-1/won'")
        c.execute("SELECT points.close_batches()")
        story = ctl("handback_finance", "explain", "deal-1/won")[1]["events"]
        assert sorted(e["what"] for e in story if "head" not in e["what"]) == sorted(
            ["asked for by app: deal-1/won", "points debited from the member", "asked for again by app: deal-1/won",
             f"put into points batch {batch}, number 1 of {PARTNER}, at place 1", "sent to the partner in a request file",
             "points credited to the member by the reversal", f"points batch {batch} closed at zero"])
        assert [e["name"] for e in story if "request file" in e["what"]] == ["REQ_1.csv"]
        status, said = ctl("handback_finance", "explain", "deal-2/won")
        assert status == 2 and "points show" in said


@case("points request: monitoring and the nightly run know what waits: for two people, for a file, for the partner")
@pytest.mark.parametrize("role", ("handback_collector", "handback_nightly"))
def test_attention(world, role):
    with world.connect() as c, world.connect(role) as who:
        batch = a_batch(c, "a", "b")
        receive(c, sponsored("big", Points=12000))
        asked = "SELECT matter, age, number, points FROM points.attention() ORDER BY matter"
        assert who.execute(asked).fetchall() == [("batch_unplaced", None, 1, 201), ("held", None, 1, 12000), ("unanswered", "day", 2, 201)]
        c.execute("SELECT points.note_batch(%s, 'placed', 'f', 1, sha256('f'))", (batch,))
        assert who.execute(asked).fetchall() == [("batch_open", None, 1, 201), ("held", None, 1, 12000), ("unanswered", "day", 2, 201)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            who.execute("SELECT points.close_batches()")

"""Transactional reports: handbackctl transactions and GET /v1/transactions find the same entries, and their sums are the ledger's."""
import csv
import io
import json
import subprocess
import urllib.parse

import psycopg
import pytest

from case_table import case
from catalogue_world import RATE, SSO, blocks_of_a_page, enter, many_entries, open_catalogue
from redemption_api import SECRET, Api, redemption
from shop import Shop

DEBIT, REVERSAL, ACCRUAL = "Debit By Redemption", "Redemption Reversal", "Credit By Accrual"


@pytest.fixture
def world(database):
    return open_catalogue(database)


@pytest.fixture
def api(build, world):
    with Api(build, world) as running:
        yield running


@pytest.fixture
def report(build, world):
    def run(*words, form="json", status=0):
        done = subprocess.run([build / "ctl/handbackctl", "transactions", *words, "--format", form, "--database", world.conninfo("handback_finance")],
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == status, (done.returncode, done.stderr)
        return done.stderr if status not in (0, 5) else json.loads(done.stdout) if form == "json" else done.stdout
    return run


def history(api):
    """M1 redeems 1000 and 300 in the shop, of which 300 come back, and 50 elsewhere."""
    visit, token = enter(api, Shop(api, SSO, RATE)), api.token()
    kept = visit.order("o1", 1000).json["reference"]
    back = visit.order("o2", 300).json["reference"]
    assert visit.refund("o2", 300).json["status"] == 1
    other = api.post("RedeemPoints", redemption(RelationReference="M1", Points=50, Amount=50, LoyaltyTxnType=6, MerchantName="Air"), token).value
    return kept, back, other


def ask(api, token, **filters):
    """All pages."""
    found, after = [], None
    while True:
        query = urllib.parse.urlencode({**filters, **({"after": after} if after else {})})
        answer = api.get("/v1/transactions" + ("?" + query if query else ""), token)
        assert answer.status == 200, answer.body
        found += answer.json["transactions"]
        after = answer.json["next"]
        if after is None:
            return found


@case("Reports: both categories of a shop's redemptions are filters, by command line and API alike")
def test_both_categories_are_filters(api, report):
    kept, back, other = history(api)
    shown = report("--category", f"{DEBIT},{REVERSAL}", "--merchant", "Plum")
    assert [(t["category"], t["points"], t["change"], t["state"], t["order"]) for t in shown["transactions"]] == [
        (DEBIT, 1000, -1000, "open", "o1"), (DEBIT, 300, -300, "reversed", "o2"), (REVERSAL, 300, 300, "reversed", "o2")]
    assert [(t["reference"], t["redemption"]) for t in shown["transactions"]][:2] == [(kept, None), (back, None)]
    assert shown["transactions"][2]["redemption"] == back and shown["transactions"][2]["amount"] == "3.00"
    assert shown["sums"] == [{"programme": "P", "category": DEBIT, "entries": 2, "points": 1300, "change": -1300},
                             {"programme": "P", "category": REVERSAL, "entries": 1, "points": 300, "change": 300}]
    told = ask(api, api.token(), category=f"{DEBIT},{REVERSAL}", merchant="Plum")
    assert [t["entry"] for t in told] == [t["entry"] for t in shown["transactions"]]
    assert [(t["reference"], t["redemption"], t["order_id"], t["state"]) for t in told][2][1:] == (back, "o2", "reversed")
    assert [t["reference"] for t in report("--type", "6", "--member", "M1")["transactions"]] == [other]


FILTERS = [{}, {"category": REVERSAL}, {"member": "M1"}, {"type": "30"}, {"merchant": "Air"}, {"state": "reversed"},
           {"state": "open", "category": DEBIT}, {"partner": "SKYLINE"}, {"from": "2999-01-01"}, {"to": "2000-01-01"}, {"from": "2000-01-01", "to": "2999-01-01"}]


@case("Reports: whatever is filtered for, command line, API and the ledger agree")
def test_all_filters(api, report, world):
    history(api)
    with world.connect("postgres") as c:
        c.execute("INSERT INTO handback.partner (code) VALUES ('SKYLINE')")  # it has no transaction; one that is not there is refused
        everything = {e for (e,) in c.execute("SELECT entry_id FROM ledger.entry")}
        ours = {e for (e,) in c.execute("SELECT entry_id FROM ledger.entry WHERE programme_id = 1")}
    assert {t["entry"] for t in report()["transactions"]} == everything
    for one in FILTERS:
        words = [word for name, value in one.items() for word in (f"--{name}", value)]
        if "from" not in one and "to" not in one:
            words += ["--from", "2000-01-01"]
        by_ctl = report(*words, "--programme", "P")
        assert [t["entry"] for t in by_ctl["transactions"]] == [t["entry"] for t in ask(api, api.token(), **one)], one
        assert sum(s["change"] for s in by_ctl["sums"]) == sum(t["change"] for t in by_ctl["transactions"]), one
        assert {t["entry"] for t in by_ctl["transactions"]} <= ours
    assert [t["points"] for t in report("--points-from", "51", "--points-to", "999")["transactions"]] == [499, 300, 300]
    # a word that was mistyped is no empty report
    assert "--member M11: no such member; did you mean M1?" in report("--member", "M11", status=2)
    assert "--programme p: no such programme; did you mean P?" in report("--programme", "p", status=2) and ask(api, api.token(), member="Nobody") == []
    # the state is the one that explain and the API tell of
    with world.connect("postgres") as c:
        assert c.execute("SELECT count(*) FROM ledger.transaction t WHERE category = 'Debit By Redemption'"
                         " AND state IS DISTINCT FROM handback.redemption_state(entry_id)").fetchone() == (0,)


def test_accruals_that_name_a_merchant(report, world):
    with world.connect() as c:
        c.execute("INSERT INTO handback.partner (code) VALUES ('SKYLINE')")
        c.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points, merchant, partner, transaction_type) SELECT 1, member_id,"
                  " 'Credit By Accrual', 7, 'Air', 'SKYLINE', 6 FROM ledger.member WHERE relation_reference = 'M1' AND programme_id = 1")
    for words in (("--merchant", "Air"), ("--partner", "SKYLINE"), ("--type", "6"), ("--merchant", "Air", "--partner", "SKYLINE", "--type", "6")):
        shown = report(*words)
        assert [t["points"] for t in shown["transactions"]] == [7] and [s["points"] for s in shown["sums"]] == [7], words
    assert report("--merchant", "Air", "--state", "open")["transactions"] == []


@case("Reports: pages neither lose nor repeat an entry; a page that would be too long ends earlier")
def test_pages(api, report, world):
    with world.connect("postgres") as c:
        c.execute("INSERT INTO ledger.member (programme_id, relation_reference) VALUES (1, repeat('é', 150))")
        c.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points) SELECT 1, member_id, 'Credit By Accrual', n"
                  " FROM ledger.member, generate_series(1, 100) n WHERE relation_reference = repeat('é', 150)")
        c.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points, merchant, amount, currency, transaction_type)"
                  " SELECT 1, member_id, 'Debit By Redemption', 1, repeat('\"', 200), 1, 'INR', 30"
                  " FROM ledger.member, generate_series(1, 100) n WHERE relation_reference = repeat('é', 150)")
    shown = [t["entry"] for t in report("--programme", "P")["transactions"]]
    assert [t["entry"] for t in ask(api, api.token())] == shown and len(shown) == len(set(shown)) > 200
    rows = list(csv.DictReader(io.StringIO(report("--programme", "P", form="csv"))))
    assert [int(row["entry"]) for row in rows] == shown
    assert len(report("--programme", "P", "--limit", "7")["transactions"]) == 7
    chosen = report("--programme", "P", "--columns", "points,category", "--limit", "1", form="csv")
    assert chosen == 'points,category\n5000,"Credit By Accrual"\n'
    assert "the first 100; --all shows every one" in report("--programme", "P", form="text")


@case("Reports: a page costs its own rows, whatever lies before it")
def test_the_last_page_costs_what_the_first_does(report, world):
    with world.connect("postgres") as c:
        many_entries(c, 10_000)
        last, = c.execute("SELECT max(entry_id) FROM ledger.entry").fetchone()
        # the 100 that begin each kind of entries, and the last of all
        blocks = [blocks_of_a_page(c, after, 100) for after in (0, 5_000, last - 3_000, last - 100)]
    assert max(blocks) < 100 * 20, blocks
    sums = {s["category"]: s["entries"] for s in report("--programme", "P", "--limit", "1")["sums"]}
    assert sums == {ACCRUAL: 6_016 - 1, DEBIT: 3_000, REVERSAL: 1_000}
    return f"blocks read for 100 rows: {blocks}"


@case("Reports: whose token it is decides what is shown")
def test_who_may_see(api, world):
    history(api)
    assert {t["member"] for t in ask(api, api.ask_token("other").json["results"]["token"])} <= {f"M{n}" for n in range(1, 10)}
    assert not ask(api, api.ask_token("other").json["results"]["token"], category=DEBIT)
    mine = api.ask_token("app", scope='["LOGIN", "M1"]').json["results"]["token"]
    assert api.get("/v1/transactions", mine).status == 403 and api.get("/v1/transactions?member=M2", mine).status == 403
    assert {t["member"] for t in ask(api, mine, member="M1")} == {"M1"}
    with world.connect("postgres") as c:
        c.execute("SELECT api.add_credential('redeems', 'P', sha256(%s), NULL, NULL, ARRAY['redeem'])", (SECRET.encode(),))
    assert api.get("/v1/transactions", api.ask_token("redeems").json["results"]["token"]).status == 403
    assert api.get("/v1/transactions").status == 401 and api.get("/v1/transactions", SSO).status == 401


def test_bad_filters(api, report):
    token = api.token()
    for query in ("categori=x", "category=Debit", "state=lost", "type=x", "type=0", "type=6&type=6", "from=2026-02-30", "from=2026-1-1", "from=20260101xx",
                  "to=", "after=-1", "after=1&after=2", "member=%00", "category=&merchant=" + "x" * 201):
        assert api.get("/v1/transactions?" + query, token).status == 400, query
    for words in (("--category", "Debit"), ("--state", "lost"), ("--columns", "entry,point"), ("--type", "x"), ("--points-from", "0"), ("--from", "2026-02-30")):
        assert report(*words, status=2), words
    assert "did you mean points" in report("--columns", "point", status=2)


@case("Reports: sums that are not the ledger's are no report")
def test_a_difference_is_told(api, report, world):
    history(api)
    with world.connect("postgres") as c, c.transaction():
        c.execute("SET LOCAL session_replication_role = replica")
        c.execute("UPDATE ledger.balance SET points = points + 1 WHERE member_id = (SELECT min(member_id) FROM ledger.member)")
    report(status=5)
    report("--programme", "Q")
    report(form="csv", status=5)
    with world.connect("postgres") as c, pytest.raises(psycopg.errors.InvalidTextRepresentation):
        c.execute("SELECT * FROM ledger.transactions(NULL, ARRAY['none'], NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1)")


def test_formulas_stay_text(report, world):
    with world.connect("postgres") as c:
        c.execute("INSERT INTO ledger.member (programme_id, relation_reference) VALUES (1, '=1+1')")
        c.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points) SELECT 1, member_id, 'Credit By Accrual', 1"
                  " FROM ledger.member WHERE relation_reference = '=1+1'")
    assert "'=1+1" in report("--member", "=1+1", form="csv")


def test_a_members_pages_fit_too(api, world):
    with world.connect("postgres") as c:
        c.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points, merchant, amount, currency, transaction_type)"
                  " SELECT 1, member_id, 'Debit By Redemption', 1, repeat('ü\"', 66), 1, 'INR', 30 FROM ledger.member, generate_series(1, 60)"
                  " WHERE relation_reference = 'M1' AND programme_id = 1")
    found, before = [], ""
    while before is not None:
        answer = api.get("/v1/members/M1/transactions" + (f"?before={before}" if before else ""), api.token())
        assert answer.status == 200, answer.body
        found += [t["entry"] for t in answer.json["transactions"]]
        before = answer.json["next"]
    assert found == sorted(found, reverse=True) and len(found) == len(set(found)) == 61

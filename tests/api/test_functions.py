"""The functions of the redemption API: codes and their order, one key one effect, a batch as if each call were alone."""
import hashlib
import itertools
import random
import re
import subprocess
import threading
import uuid

import psycopg
import pytest

from c_source import ROOT
from case_table import case

SECRET = b"s" * 32


@pytest.fixture
def ledger(database):
    """A member of each status with 1,000 points in P, one in Q; `app` may call for P, `other` for Q."""
    with database.connect() as c:
        c.execute("""
            INSERT INTO ledger.programme (programme_id, code, name, rate_points, rate_minor, currency, minimum_points) VALUES
                (1, 'P', 'First', 1, 100, 'EUR', 50), (2, 'Q', 'Second', 1, 1, 'JPY', 1);
            INSERT INTO ledger.member (programme_id, relation_reference, status) VALUES
                (1, 'Active', 'Active'), (1, 'Inactive', 'Inactive'), (1, 'Suspended', 'Suspended'), (1, 'Blocked', 'Blocked'),
                (1, 'Cancelled', 'Cancelled'), (2, 'Active', 'Active'), (1, 'Second', 'Active'), (1, 'Third', 'Active');
            INSERT INTO ledger.entry (programme_id, member_id, category, points)
            SELECT programme_id, member_id, 'Credit By Accrual', 1000 FROM ledger.member;
            SELECT api.add_credential('app', 'P', sha256('s')), api.add_credential('other', 'Q', sha256('s')),
                api.add_credential('small', 'P', sha256('s'), NULL, 300)""")
    yield database
    with database.connect() as c:
        assert c.execute("""
            SELECT m.relation_reference FROM ledger.member m JOIN ledger.balance b USING (member_id) WHERE b.points <> (
                SELECT sum(CASE WHEN e.category IN ('Credit By Accrual', 'Redemption Reversal', 'Credit By Correction') THEN e.points ELSE -e.points END)
                FROM ledger.entry e WHERE e.member_id = m.member_id)""").fetchall() == []
        # who asked for each debit and reversal is known, and asked once
        assert c.execute("""
            SELECT e.entry_id FROM ledger.entry e LEFT JOIN api.request q USING (entry_id)
            WHERE e.category <> 'Credit By Accrual' AND e.origin IS DISTINCT FROM 'handback' AND q.entry_id IS NULL""").fetchall() == []


NUMBERS = itertools.count(1)


def call(member="Active", points=100, client="app", generation=1, key=None, amount="100", merchant="Air", type=6, body=None):
    asked = (client, member, points, amount, merchant, type) if body is None else body
    return {"client": client, "generation": generation, "request": f"q{next(NUMBERS)}", "key": key,
            "hash": hashlib.sha256(repr(asked).encode()).digest(), "member": member, "points": points, "amount": amount,
            "merchant": merchant, "type": type}


def redeem(c, *calls):
    """[(code, reason, reference, again)] in the order of the calls."""
    rows = c.execute("SELECT n, code, reason, external_reference, again FROM api.redeem(%s::text[], %s::int[], %s::text[], %s::text[],"
                     " %s::bytea[], %s::text[], %s::bigint[], %s::text[], %s::text[], %s::int[])",
                     [[k[name] for k in calls] for name in ("client", "generation", "request", "key", "hash", "member", "points",
                                                            "amount", "merchant", "type")]).fetchall()
    assert [row[0] for row in rows] == list(range(1, len(calls) + 1))
    return [row[1:] for row in rows]


def reverse(c, reference, client="app", member="Active", merchant="Air", key=None, body=None):
    asked = hashlib.sha256(repr((reference, member, merchant) if body is None else body).encode()).digest()
    return c.execute("SELECT code, reason, again FROM api.reverse(%s, 1, %s, %s, %s, %s, %s, %s)",
                     (client, f"q{next(NUMBERS)}", key, asked, member, merchant, reference)).fetchone()


def balance(c, member="Active", programme=1):
    return c.execute("SELECT points FROM ledger.balance JOIN ledger.member USING (member_id) WHERE relation_reference = %s"
                     " AND programme_id = %s", (member, programme)).fetchone()[0]


# in the order of the checks: each row is wrong in its own way, and right in all that is checked before
ORDER = [
    ("401", {"generation": 7}),
    ("999", {"amount": "1.005"}),
    ("120", {"points": 0}),
    ("208", {"merchant": " "}),
    ("999", {"type": 77}),
    ("103", {"member": "Nobody"}),
    ("113", {"member": "Cancelled"}),
    ("114", {"member": "Suspended"}),
    ("107", {"member": "Inactive"}),
    ("107", {"member": "Blocked"}),
    ("302", {"points": 1001}),
    ("301", {"points": 49}),
    ("000", {}),
]


@case("API: each code of the contract, and of several faults the first in the table")
def test_codes_and_their_order(ledger):
    with ledger.connect("handback_api") as c:
        for code, wrong in ORDER:
            (answer,) = redeem(c, call(**wrong))
            assert answer[0] == code and (answer[2] is not None) == (code == "000"), wrong
        pairs = [pair for pair in itertools.combinations(ORDER[:-1], 2) if set(pair[0][1]).isdisjoint(pair[1][1])]
        assert len(pairs) > 40
        for first, second in pairs:
            (answer,) = redeem(c, call(**first[1], **second[1]))
            assert answer[0] == first[0], (first, second)


def test_amount_is_exact(ledger):
    with ledger.connect() as c:
        c.execute("UPDATE ledger.programme SET amount = 'check'")
        for amount, code in (("100", "000"), ("100.00", "000"), ("1e2", "000"), ("1.0e+2", "000"), ("100.01", "301"), ("99", "301"),
                             ("1e99", "999"), ("-100", "999"), ("", "999"), ("100.", "999"), ("0x64", "999"), ("1e400", "999")):
            (answer,) = redeem(c, call(amount=amount, points=100))
            assert answer[0] == code, amount
        (answer,) = redeem(c, call(client="other", points=100, amount="100"))  # yen have no minor unit
        assert answer[0] == "000"
        (answer,) = redeem(c, call(client="other", points=100, amount="100.5"))
        assert answer[0] == "999"
        assert {row[0] for row in c.execute("SELECT stated_amount FROM api.request WHERE client_id = 'app'")} == {10000}


@case("API: one key, one effect")
def test_a_key_has_one_effect(ledger):
    with ledger.connect("handback_api") as c:
        (first,) = redeem(c, call(key="k1"))
        (second,) = redeem(c, call(key="k1"))
        assert first[0] == second[0] == "000" and first[2] == second[2] and (first[3], second[3]) == (False, True)
        (other,) = redeem(c, call(key="k1", points=101))
        assert other[0] == "409" and other[2] is None
        # the key is this caller's alone
        (theirs,) = redeem(c, call(key="k1", client="other"))
        assert theirs[0] == "000" and not theirs[3]
        # a refusal is an answer, too: what is asked again is not asked as a new one
        (poor,) = redeem(c, call(key="k2", points=5000))
        assert poor[0] == "302"
        with ledger.connect() as admin:
            admin.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points)"
                          " SELECT 1, member_id, 'Credit By Accrual', 9000 FROM ledger.member WHERE relation_reference = 'Active'"
                          " AND programme_id = 1")
            assert redeem(c, call(key="k2", points=5000)) == [("302", poor[1], None, True)]
            assert balance(admin) == 9900
        # what configuration or the token refuses may come again under its key
        assert redeem(c, call(key="k3", type=77))[0][0] == "999"
        assert redeem(c, call(key="k3"))[0][0] == "000"


@case("API: twins with one key: one does it, the other waits and has the same answer")
def test_twins(ledger):
    answers = []

    def twin():
        with ledger.connect("handback_api") as c:
            while True:
                try:
                    answers.append(redeem(c, call(key="twin"))[0])
                    return
                except (psycopg.errors.UniqueViolation, psycopg.errors.LockNotAvailable):  # as the program does it: once more, alone
                    continue

    threads = [threading.Thread(target=twin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {a[0] for a in answers} == {"000"} and len({a[2] for a in answers}) == 1
    assert sorted(a[3] for a in answers) == [False] + [True] * 7
    with ledger.connect() as c:
        assert balance(c) == 900


@case("API: the day's points of a credential")
def test_daily_bound(ledger):
    with ledger.connect("handback_api") as c:
        said = [redeem(c, call(client="small", points=points))[0][0] for points in (200, 101, 100, 50)]
        assert said == ["000", "429", "000", "429"]
        assert redeem(c, call(client="small", member="Second", points=301))[0][0] == "429"
        # among others it is left to be asked alone
        assert [a[0] for a in redeem(c, call(client="small", member="Second", points=60), call(points=60))] == ["alone", "000"]
    with ledger.connect() as c:
        assert c.execute("SELECT points FROM api.usage").fetchall() == [(300,)]


@case("API: who fulfils it")
def test_routes(ledger):
    with ledger.connect() as c:
        c.execute("""
            INSERT INTO api.route (programme_id, transaction_type, merchant, partner, prefix, valid_from, valid_until) VALUES
                (1, 6, NULL, 'SKYLINE', 'SK', '2020-01-01', NULL), (1, 6, 'meridian air', 'MERIDIAN', 'MA-', '2020-01-01', NULL),
                (1, 6, NULL, 'OLD', 'O', '2019-01-01', NULL), (1, 6, NULL, 'LATER', 'L', '2200-01-01', NULL),
                (1, 6, 'gone', 'GONE', 'G', '2019-01-01', '2020-01-01')""")
        seen = {}
        for merchant, type in (("Anything", 6), ("Meridian AIR", 6), ("gone", 6), ("Anything", 5)):
            (answer,) = redeem(c, call(merchant=merchant, type=type))
            seen[merchant, type] = c.execute("SELECT partner, outbound_reference FROM ledger.redemption WHERE external_reference = %s",
                                             (answer[2],)).fetchone()
        assert [v[0] for v in seen.values()] == ["SKYLINE", "MERIDIAN", "SKYLINE", None]
        assert [v[1] for v in seen.values()] == ["SK0000000001", "MA-0000000002", "SK0000000003", None]
        c.execute("UPDATE ledger.programme SET unrouted = 'refuse'")
        assert redeem(c, call(type=5))[0][0] == "301" and redeem(c, call(type=6))[0][0] == "000"


@case("API: minor units are counted in one way, whoever counts them")
def test_minor_units(ledger):
    counted = {code: 10 ** int(digits) for code, digits in re.findall(r'\{"([A-Z]{3})", (\d)\}', (ROOT / "lib/profile/words.c").read_text())}
    assert counted["CLF"] == counted["UYW"] == 10000 and counted["KWD"] == 1000 and counted["JPY"] == 1
    with ledger.connect() as c:
        c.execute("UPDATE ledger.programme SET amount = 'check', rate_points = 1, rate_minor = 1, minimum_points = 1")
        for currency in sorted(counted.keys() | {"EUR", "USD"}):
            units = counted.get(currency, 100)
            c.execute("UPDATE ledger.programme SET currency = %s", (currency,))
            # a point is a minor unit
            assert redeem(c, call(points=1, amount=f"{1 / units:.4f}"))[0][:2] == ("000", None), currency
            assert c.execute("SELECT catalogue.minor_units(%s), 10::numeric ^ handback.minor_digits(%s)", (currency, currency)).fetchone() == (
                units, units), currency


def test_a_programme_may_demand_keys(ledger):
    with ledger.connect() as c:
        c.execute("UPDATE ledger.programme SET key_required = true")
        assert redeem(c, call())[0][0] == "999" and redeem(c, call(key="k"))[0][0] == "000"


def test_points_worth_more_than_an_amount(ledger):
    with ledger.connect() as c:
        c.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points)"
                  " SELECT 1, member_id, 'Credit By Accrual', 9e18::bigint FROM ledger.member WHERE relation_reference = 'Third'")
        rich = call(member="Third", points=9 * 10 ** 18)
        assert redeem(c, call(points=2 ** 63 - 1))[0][0] == "302"
        assert redeem(c, rich) == [("301", "the points are worth more than an amount can be", None, False)]
        assert [a[0] for a in redeem(c, rich, call(points=60))] == ["301", "000"]


@case("API: among others, who is held by another transaction is told apart")
def test_a_held_member(ledger):
    with ledger.connect(autocommit=False) as file, ledger.connect("handback_api") as c:
        file.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points)"
                     " SELECT 1, member_id, 'Credit By Accrual', 1 FROM ledger.member WHERE relation_reference = 'Active' AND programme_id = 1")
        assert [a[0] for a in redeem(c, call(key="k"), call(member="Second"))] == ["busy", "000"]
        file.rollback()
        file.execute("UPDATE ledger.member SET status = 'Suspended' WHERE relation_reference = 'Active' AND programme_id = 1")
        assert [a[0] for a in redeem(c, call(key="k"), call(member="Second"))] == ["busy", "000"]
        file.commit()
        assert [a[0] for a in redeem(c, call(key="k"), call(member="Second"))] == ["114", "000"]
    with ledger.connect() as c:
        assert c.execute("SELECT code FROM api.request WHERE idempotency_key = 'k'").fetchall() == [("114",)]


@case("API: a batch answers as each call alone")
def test_a_batch_is_each_alone(ledger):
    """The same calls, in one batch and one by one, on ledgers that are alike."""
    dice = random.Random(2026)
    members = ["Active", "Inactive", "Suspended", "Blocked", "Cancelled", "Second", "Third", "Nobody"]
    batches = []
    for _ in range(150):
        calls = [call(member=m, points=dice.choice([-1, 0, 49, 50, 60, 70, 5000]), amount=dice.choice(["1", "1", "1", "x"]),
                      merchant=dice.choice(["Air", "Air", "Air", ""]), type=dice.choice([6, 6, 6, 77]),
                      generation=dice.choice([1, 1, 1, 1, 2]), key=dice.choice([None, f"k{dice.randrange(300)}"]))
                 for m in dice.sample(members, dice.randrange(2, 8))]
        keys = set()
        batches.append([k for k in calls if k["key"] is None or not (k["key"] in keys or keys.add(k["key"]))])

    def run(alone):
        said = []
        with ledger.connect() as c, c.transaction(force_rollback=True):
            for calls in batches:
                answers = [redeem(c, k)[0] for k in calls] if alone else redeem(c, *calls)
                said += [(code, reason, reference is not None, again) for code, reason, reference, again in answers]
            said += c.execute("SELECT client_id, idempotency_key, code, count(entry_id) FROM api.request GROUP BY 1, 2, 3"
                              " ORDER BY 1, 2, 3").fetchall()
            said += c.execute("SELECT * FROM ledger.balance ORDER BY 1").fetchall()
        return said

    together = run(alone=False)
    assert together == run(alone=True)
    assert {"000", "302", "301", "401", "409", "208", "120"} <= {row[0] for row in together}


@case("API: a reversal is once for ever")
def test_reversal(ledger):
    with ledger.connect("handback_api") as c:
        reference = redeem(c, call(points=400))[0][2]
        assert reverse(c, reference, member="Second")[0] == "301"
        assert reverse(c, reference, merchant="Other")[0] == "301"
        assert reverse(c, reference, merchant="")[0] == "208"
        assert reverse(c, reference, member="Nobody")[0] == "103"
        assert reverse(c, reference, client="other")[0] == "301"
        assert reverse(c, reference, key="r") == ("000", None, False)
        assert reverse(c, reference, key="r") == ("000", None, True)
        assert reverse(c, reference)[0] == "301"
        assert reverse(c, uuid.uuid4())[0] == "301"
        assert reverse(c, reference, key="r", body="another")[0] == "409"
        # a key of something else: told, and nothing is posted
        second = redeem(c, call(points=50, key="d"))[0][2]
        assert reverse(c, second, key="d")[0] == reverse(c, second, key="r")[0] == "409"
        assert reverse(c, second)[0] == "000"
    with ledger.connect() as c:
        assert balance(c) == 1000


@case("API: a reversal by a file at the same moment")
def test_reversal_beside_a_file(ledger):
    with ledger.connect() as c:
        reference = redeem(c, call(points=400))[0][2]
        posted = c.execute("SELECT redemption_id FROM ledger.redemption WHERE external_reference = %s", (reference,)).fetchone()
    with ledger.connect("handback_daemon", autocommit=False) as file, ledger.connect("handback_api") as c:
        c.execute("SET statement_timeout = '2s'")
        file.execute("SELECT * FROM ledger.post_reversals(%s)", ([posted[0]],))
        for _ in range(3):  # it is asked again, and waits in the program: no statement waits for a file
            with pytest.raises(psycopg.errors.LockNotAvailable):
                reverse(c, reference)
        file.commit()
        assert reverse(c, reference)[0] == "301"
    with ledger.connect() as c:
        assert balance(c) == 1000


def test_a_token_ends_with_its_generation(ledger):
    with ledger.connect() as c:
        assert c.execute("SELECT * FROM api.authenticate('app', sha256('s'))").fetchone() == (1, 1, None, None)
        assert c.execute("SELECT * FROM api.authenticate('app', sha256('t'))").fetchone() in (None, (None, None, None, None))
        assert c.execute("SELECT api.renew_credential('app', sha256('t'))").fetchone() == (2,)
        assert redeem(c, call())[0][0] == "401" and redeem(c, call(generation=2))[0][0] == "000"
        c.execute("SELECT api.renew_credential('app', NULL)")
        assert redeem(c, call(generation=2))[0][0] == redeem(c, call(generation=3))[0][0] == "401"
        assert c.execute("SELECT what FROM audit.event ORDER BY event_id").fetchall()[-2:] == [
            ("credential_rotated",), ("credential_revoked",)]
        with pytest.raises(psycopg.errors.DuplicateObject):
            c.execute("SELECT api.add_credential('app', 'P', sha256('s'))")
        with pytest.raises(psycopg.errors.NoDataFound):
            c.execute("SELECT api.renew_credential('nobody', NULL)")


def test_available(ledger):
    with ledger.connect("handback_api") as c:
        rows = c.execute("SELECT code, points FROM api.available(%s::text[], %s::int[], %s::text[])", (
            ["app", "app", "app", "other", "app"], [1, 1, 1, 1, 2], ["Active", "Nobody", "Cancelled", "Active", "Active"])).fetchall()
    assert rows == [("000", 1000), ("103", None), ("107", None), ("000", 1000), ("401", None)]


def test_what_became_of_it(ledger):
    with ledger.connect("handback_api") as c:
        reference = redeem(c, call(key="k", points=400))[0][2]

        def look(name, *values):
            return c.execute(f"SELECT code, body FROM api.{name}({', '.join(['%s'] * len(values))})", values).fetchone()

        code, body = look("redemption", "app", 1, reference)
        assert code == "000" and body["state"] == "open" and body["points"] == 400 and body["reference"] == str(reference).upper()
        assert look("redemption", "other", 1, reference) == ("404", None)
        assert look("redemption", "app", 2, reference) == ("401", None)
        code, body = look("request_of_key", "app", 1, "k")
        assert code == "000" and body["redemption"]["state"] == "open" and body["code"] == "000"
        assert look("request_of_key", "other", 1, "k") == ("404", None)
        reverse(c, reference)
        assert look("redemption", "app", 1, reference)[1]["state"] == "reversed"
        code, body = look("transactions", "app", 1, "Active", None)
        assert [t["category"] for t in body["transactions"]] == ["Redemption Reversal", "Debit By Redemption", "Credit By Accrual"]
        assert body["next"] is None and look("transactions", "app", 1, "Nobody", None)[0] == "404"


def test_its_role_reads_no_table(ledger):
    with ledger.connect("handback_api") as c:
        for table in ("api.credential", "api.request", "api.route", "api.usage", "api.credential_now", "ledger.entry", "ledger.member",
                      "ledger.balance", "ledger.redemption", "handback.file", "handback.outcome", "audit.head"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                c.execute(f"SELECT * FROM {table}")
        for forbidden in ("ledger.redeem_points('P', 'Active', 1, 'x', 6)", "api.add_credential('x', 'P', sha256('s'))",
                          "ledger.post_reversals('{1}')", "api.renew_credential('app', NULL)", "api.redemption_json(1)"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                c.execute(f"SELECT {forbidden}")


def test_nothing_is_redeemed_while_a_guard_is_off(ledger, build, tmp_path):
    """As every program that posts: what the tables refuse is part of what it relies on."""
    key = tmp_path / "token-key"
    key.write_bytes(b"k" * 32)
    key.chmod(0o600)
    with ledger.connect() as c:
        c.execute("ALTER TABLE ledger.entry DISABLE TRIGGER check_posted")
    done = subprocess.run([build / "api/handback-api", "--database", ledger.conninfo("handback_api"), "--listen", tmp_path / "api",
                           "--token-key", key], capture_output=True, text=True, timeout=20)
    assert done.returncode == 6 and "check_posted" in done.stderr


def test_what_became_of_a_redemption_is_looked_up(ledger):
    """Each index of outcomes is of some of them: a question for several at once has none, however many there are."""
    with ledger.connect() as c:
        reference = redeem(c, call())[0][2]
        with c.transaction():
            c.execute("SET LOCAL enable_seqscan = off")
            (code, body), = c.execute("SELECT code, body FROM api.redemption('app', 1, %s)", [reference]).fetchall()
            (read,), = c.execute("SELECT seq_scan FROM pg_stat_xact_user_tables WHERE schemaname = 'handback' AND relname = 'outcome'").fetchall()
    assert (code, body["state"], read) == ("000", "open", 0)

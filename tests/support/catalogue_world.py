"""A programme with a catalogue, and what a member, its application and the tests do with it."""
import json

from operators import Operators
from redemption_api import credential
from shop import ADDRESS

SSO, RATE = "a" * 64, "b" * 64


def settings(world, *, approve=True, **other):
    """One proposes, another approves."""
    values = {"points": 100, "units": 1, "minimum_balance": 500, "shop": "Plum", "address": ADDRESS, "permitted": None, "valid_from": None,
              "valid_until": None, **other}
    with Operators(world) as people:
        number = people.ann.execute("SELECT catalogue.propose('P', 'why', %(points)s, %(units)s, %(minimum_balance)s, %(shop)s, %(address)s,"
                                    " %(permitted)s, %(valid_from)s, %(valid_until)s)", values).fetchone()[0]
        if approve:
            people.ben.execute("SELECT catalogue.approve(%s)", (number,))
    return number


def rotate(connection, scope, token, programme="P", days=90):
    connection.execute("SELECT catalogue.rotate_token(%s, %s, sha256(%s), %s)", (programme, scope, token.encode(), days))


def open_catalogue(database):
    """Two programmes with members of 5000 points each; the first has a catalogue, of 100 points for one INR, from a balance of 500."""
    with database.connect() as c:
        c.execute("""
            INSERT INTO ledger.programme (programme_id, code, name, rate_points, rate_minor, currency) VALUES
                (1, 'P', 'First', 1, 1, 'INR'), (2, 'Q', 'Second', 1, 1, 'INR');
            INSERT INTO ledger.member (programme_id, relation_reference, status) SELECT 1, s::text, s FROM unnest(enum_range(NULL::ledger.member_status)) s;
            INSERT INTO ledger.member (programme_id, relation_reference) SELECT p, 'M' || n FROM generate_series(1, 2) p, generate_series(1, 9) n;
            INSERT INTO ledger.member (programme_id, relation_reference) VALUES (1, 'Poor');
            INSERT INTO ledger.entry (programme_id, member_id, category, points)
            SELECT programme_id, member_id, 'Credit By Accrual', CASE relation_reference WHEN 'Poor' THEN 499 ELSE 5000 END FROM ledger.member""")
        credential(c)
        credential(c, "other", "Q")
        rotate(c, "sso", SSO)
        rotate(c, "rate", RATE)
    settings(database)
    return database


def many_entries(connection, entries):
    """So many more of the first programme's, in tens: six accruals, three redemptions in shops, and what comes back of one."""
    for part in range(0, entries, 10_000):
        tens = min(10_000, entries - part) // 10
        connection.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points)"
                           " SELECT 1, m.member_id, 'Credit By Accrual', 10 + mod(n, 7) FROM generate_series(1, 6 * %s) n"
                           " JOIN ledger.member m ON m.programme_id = 1 AND m.relation_reference = 'M' || 1 + mod(n, 9)", (tens,))
        connection.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points, merchant, amount, currency, transaction_type)"
                           " SELECT 1, m.member_id, 'Debit By Redemption', 1 + mod(n, 7), 'Shop ' || mod(n, 20), 100, 'INR', 30"
                           " FROM generate_series(1, 3 * %s) n JOIN ledger.member m ON m.programme_id = 1 AND m.relation_reference = 'M' || 1 + mod(n, 9)",
                           (tens,))
        connection.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points, answers_entry_id)"
                           " SELECT programme_id, member_id, 'Redemption Reversal', points, entry_id FROM ledger.entry e"
                           " WHERE category = 'Debit By Redemption' AND NOT EXISTS (SELECT FROM ledger.entry a WHERE a.answers_entry_id = e.entry_id)"
                           " ORDER BY entry_id DESC LIMIT %s", (tens,))
    connection.execute("ANALYZE ledger.entry")


def blocks_of_a_page(connection, after, rows):
    """How many blocks the database looks at for a page of a transactional report: what it costs, whatever else the machine does."""
    plan, = connection.execute("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT * FROM ledger.transactions(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,"
                               " NULL, NULL, NULL, %s, %s)", (after, rows)).fetchone()
    return plan[0]["Plan"]["Shared Hit Blocks"] + plan[0]["Plan"]["Shared Read Blocks"]


def tap(api, member="M1", **more):
    """What the application does when a member taps Redeem."""
    token = api.ask_token("app", scope=json.dumps(["LOGIN", more.get("token_of", member)])).json["results"]["token"]
    return api.request("POST", f"/v1/members/{member}/catalogue", "{}", {"Content-Type": "application/json", "Authorization": f"Bearer {token}"})


def code_of(answer):
    return answer.headers["Location"].split("?code=")[1]


def enter(api, shop, member="M1"):
    answer = tap(api, member)
    assert answer.status == 303, answer.body
    return shop.land(answer.headers["Location"])


def points(world, member="M1"):
    with world.connect() as c:
        return c.execute("SELECT b.points FROM ledger.balance b JOIN ledger.member m USING (member_id)"
                         " WHERE m.relation_reference = %s AND programme_id = 1", (member,)).fetchone()[0]


def holds(world):
    with world.connect("handback_finance") as c:
        return [tuple(row) for row in c.execute("SELECT order_id, kind, stated FROM catalogue.holds ORDER BY hold_id")]


def entries(world, member="M1"):
    with world.connect() as c:
        return [tuple(row) for row in c.execute(
            "SELECT category::text, e.points, e.amount FROM ledger.entry e JOIN ledger.member m USING (member_id)"
            " WHERE m.relation_reference = %s AND m.programme_id = 1 ORDER BY entry_id", (member,))]

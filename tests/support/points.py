"""A programme that sends points to partners: terms and a sponsor on which two people agree, linked accounts, callers.

    world = points_world(database)
"""
import json

from operators import Operators
from redemption_api import credential

PARTNER = "SKYLINE"


def agree(database, what, *args):
    """One proposes by points.propose_<what>, another approves; gives the proposal's number."""
    with Operators(database) as people:
        number = people.ann.execute(f"SELECT points.propose_{what}({', '.join(['%s'] * len(args))})", args).fetchone()[0]
        people.ben.execute("SELECT points.approve(%s)", (number,))
    return number


def terms(database, partner=PARTNER, programme="P", **changes):
    return agree(database, "partner", programme, partner, json.dumps(changes), "as agreed")


def sponsor(database, name="deals", account="SPONSOR", cap=10000, is_open=True, programme="P"):
    return agree(database, "sponsor", programme, name, account, cap, is_open, "as agreed")


def points_world(database, **changes):
    """M1 to M9 with 5,000 points, linked to A1 to A9; SPONSOR with 50,000; a member of each status; `app` may call for P, `other` for Q."""
    with database.connect() as c:
        c.execute("""
            INSERT INTO ledger.programme (programme_id, code, name, rate_points, rate_minor, currency) VALUES
                (1, 'P', 'First', 1, 1, 'INR'), (2, 'Q', 'Second', 1, 1, 'INR');
            INSERT INTO ledger.member (programme_id, relation_reference, status) SELECT 1, s::text, s FROM unnest(enum_range(NULL::ledger.member_status)) s;
            INSERT INTO ledger.member (programme_id, relation_reference) SELECT p, 'M' || n FROM generate_series(1, 2) p, generate_series(1, 9) n;
            INSERT INTO ledger.member (programme_id, relation_reference) VALUES (1, 'SPONSOR');
            INSERT INTO ledger.entry (programme_id, member_id, category, points)
            SELECT programme_id, member_id, 'Credit By Accrual', CASE relation_reference WHEN 'SPONSOR' THEN 50000 ELSE 5000 END FROM ledger.member""")
        credential(c)
        credential(c, "other", "Q")
        for n in range(1, 10):
            c.execute("SELECT points.link_account('P', %s, %s, %s, 'shown at the desk')", (PARTNER, f"A{n}", f"M{n}"))
    terms(database, **changes)
    sponsor(database)
    return database


def row(key, **other):
    return {"RequestKey": key, "RelationReference": "M1", "Partner": PARTNER, "Points": 100, "Reason": "Closed Won", **other}


def sponsored(key, **other):
    return {**row(key, Sponsor="deals", PartnerMemberId="A1"), "RelationReference": None, **other}


def balance(c, member):
    return c.execute("SELECT b.points FROM ledger.balance b JOIN ledger.member m USING (member_id)"
                     " WHERE m.relation_reference = %s AND m.programme_id = 1", (member,)).fetchone()[0]


def receive(c, *rows):
    """[code] of rows that came now."""
    calls = [{"n": n, "client": "app", "generation": 1, "request_id": "q", "batch": "11111111-1111-4111-8111-%012d" % receive.n, "place": n,
              "key": r["RequestKey"], "member": r.get("RelationReference"), "account": r.get("PartnerMemberId"), "partner": r["Partner"],
              "points": r["Points"], "reason": r["Reason"], "not_before": r.get("NotBefore"), "sponsor": r.get("Sponsor")} for n, r in enumerate(rows, 1)]
    receive.n += 1
    return [code for code, in c.execute("SELECT code FROM points.receive(%s)", (json.dumps(calls),)).fetchall()]


receive.n = 1

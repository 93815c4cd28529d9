"""What targets were told long ago goes, where nothing needs it: nothing is told again for it, and nobody else can delete it."""
import json

import psycopg
import pytest

from worker import Desk

CONNECTOR = 'objects:\n  redemption: {url: "http://127.0.0.1:1/", record: {r: "${reference}"}}\n'


def tell(c, how=None):
    """One delivery of the target, of one redemption; how: what became of it instead of being taken."""
    row = c.execute("SELECT delivery, kind, key, subject FROM handback.claim_delivery('crm', '{redemption}', 1)").fetchone()
    if row is None:
        return None
    c.execute("SELECT handback.end_delivery(%s, 'done', NULL, NULL, NULL, %s, %s, %s, %s, %s, %s)",
              (row[0], [row[1]], [row[2]], [row[3]], [how or "sent"], [None], [how]))
    return row[0]


def numbers(desk):
    return {n for n, in desk.query("SELECT delivery_id FROM handback.delivery")}


def test_old_deliveries_go_and_what_is_needed_stays(database, build):
    with Desk(database, build) as desk, database.connect("handback_outbox") as outbox:
        desk.config.write_text("retention: {deliveries: 100d}\n" + desk.config.read_text())
        desk.db.execute("SELECT handback.add_target('crm', 'P', %s)", (CONNECTOR,))
        first = max(numbers(desk), default=0)
        desk.redeem_all([f"R{n}" for n in range(130)])
        told = [tell(outbox, "held" if n == 3 else None) for n in range(130)]
        assert None not in told and tell(outbox) is None
        desk.db.execute("ALTER TABLE handback.delivery DISABLE TRIGGER append_only")
        desk.db.execute("UPDATE handback.delivery SET started_at = started_at - interval '101 days' WHERE delivery_id <= %s", (told[19],))
        desk.db.execute("UPDATE handback.delivery SET started_at = started_at - interval '31 days' WHERE delivery_id > %s AND delivery_id <= %s",
                        (told[19], told[24]))
        desk.db.execute("ALTER TABLE handback.delivery ENABLE TRIGGER append_only")
        # by nobody else: a young one, one of which something waits, or what is noted of one
        for table, which in (("delivery", told[129]), ("delivery_end", told[0]), ("delivery_object", told[3]), ("delivery", told[26])):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                desk.db.execute(f"DELETE FROM handback.{table} WHERE delivery_id = %s", (which,))
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            desk.db.execute("DELETE FROM handback.delivery WHERE delivery_id = %s", (told[3],))
        for role in ("handback_outbox", "handback_operator", "handback_nightly"):
            with database.connect(role) as c, pytest.raises(psycopg.errors.InsufficientPrivilege):
                c.execute("DELETE FROM handback.delivery")

        plan = json.loads(desk.ctl("nightly", "--plan", "--json", allowed=(0, 3)).stdout)["retention"]
        gone = {n for n in told[:20] if n != told[3]} | ({first} if first else set())
        assert {row["copies"]: row["files"] for row in plan} == {"deliveries": len(gone)}
        assert desk.nightly()["done"]["purged_deliveries"] == len(gone)
        assert numbers(desk) == set(told) - gone
        assert desk.query("SELECT count(*) FROM handback.delivery_end e WHERE NOT EXISTS (SELECT FROM handback.delivery d"
                          " WHERE d.delivery_id = e.delivery_id)") == [(0,)]
        said, = desk.query("SELECT detail FROM audit.event WHERE what = 'target_changed' AND subject = 'target crm' AND detail LIKE '%%purged%%'")[0]
        assert said.startswith(f"{len(gone)} deliveries were purged")
        # nothing is told again; what was held is there to be replayed; a new one is told
        assert tell(outbox) is None
        assert "held" in desk.ctl("target", "held", "crm").stdout or desk.references["R3"] in desk.ctl("target", "held", "crm").stdout
        desk.ctl("explain", desk.references["R1"])
        desk.redeem("NEW")
        assert tell(outbox) is not None and tell(outbox) is None
        desk.db.execute("SELECT handback.replay_held('crm')")
        assert tell(outbox) is not None
        assert desk.nightly()["done"]["purged_deliveries"] == 0
        desk.ctl("audit", "verify")


def age(desk, table, column, where, days):
    desk.db.execute(f"ALTER TABLE handback.{table} DISABLE TRIGGER append_only")
    desk.db.execute(f"UPDATE handback.{table} SET {column} = {column} - make_interval(days => {days}) WHERE {where}")
    desk.db.execute(f"ALTER TABLE handback.{table} ENABLE TRIGGER append_only")


def read_back(desk, c, *differs):
    """One night's read-back of the target: what of these references is there otherwise than it was told."""
    run, = desk.query("SELECT handback.begin_parity('crm')")[0]
    while rows := c.execute("SELECT delivery, kind, key, subject FROM handback.claim_read('crm', '{redemption}')").fetchall():
        keys = [key for _, _, key, _ in rows]
        c.execute("SELECT handback.end_read(%s, 'done', 200, NULL, NULL, %s, %s, %s, %s, %s, %s)",
                  (rows[0][0], ["redemption"] * len(rows), keys, [row[3] for row in rows],
                   ["held" if key in differs else "sent" for key in keys], [200] * len(rows), ["missing" if key in differs else None for key in keys]))
    return run


def kept(desk, table):
    return {n for n, in desk.query(f"SELECT DISTINCT parity_id FROM handback.{table}")}


def told_all(c):
    """How many deliveries it takes until there is nothing to tell."""
    told = 0
    while tell(c) is not None:
        told += 1
    return told


def test_old_read_backs_and_causes_go_and_what_is_needed_stays(database, build):
    with Desk(database, build) as desk, database.connect("handback_outbox") as outbox:
        desk.config.write_text("retention: {deliveries: 100d}\n" + desk.config.read_text())
        for name in ("crm", "hr"):
            desk.db.execute("SELECT handback.add_target(%s, 'P', %s)", (name, CONNECTOR))
        desk.redeem_all(["A", "B", "C"])
        assert told_all(outbox) == 3
        a = desk.references["A"]
        runs = [read_back(desk, outbox, a)]  # lost, and told again
        assert told_all(outbox) == 1
        runs.append(read_back(desk, outbox, a))  # and lost again: a break
        assert told_all(outbox) == 0
        runs.append(read_back(desk, outbox))
        assert desk.query("SELECT key FROM handback.target_break") == [(a,)]
        desk.db.execute("SELECT handback.begin_target('crm', pg_snapshot_xmin(pg_current_snapshot()), 0)")
        for table, column in (("parity_end", "ended_at"), ("outgoing", "made_at")):
            age(desk, table, column, "true", 101)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):  # hr was told nothing
            desk.db.execute("DELETE FROM handback.outgoing")
        for table in ("parity_read", "parity_difference", "parity_end"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                desk.db.execute(f"DELETE FROM handback.{table}")
        # a break keeps the read-backs that found it, and all behind them; who was not told keeps all causes
        causes = desk.query("SELECT count(*) FROM handback.outgoing o, handback.told_so_far() t WHERE t.target = 'hr'"
                            " AND (o.xid, o.outgoing_id) >= (t.xid, t.outgoing)")
        assert causes[0][0] > 0
        desk.nightly()
        assert kept(desk, "parity") >= set(runs) and desk.query("SELECT key FROM handback.target_break") == [(a,)]
        assert desk.query("SELECT count(*) FROM handback.outgoing WHERE made_at < now() - interval '100 days'") == causes

        read_back(desk, outbox)  # which the night began
        # it is over by a later one; then all go but what is young, and what the next begins behind
        desk.db.execute("SELECT handback.replay_target('crm', now() - interval '1 year')")
        assert told_all(outbox) == 3
        runs.append(read_back(desk, outbox))
        assert desk.query("SELECT FROM handback.target_break") == []
        desk.db.execute("SELECT handback.begin_target('hr', pg_snapshot_xmin(pg_current_snapshot()), 0)")
        desk.redeem("YOUNG")
        assert told_all(outbox) == 1
        desk.nightly()
        assert kept(desk, "parity") & set(runs) == {runs[-1]} and not kept(desk, "parity_difference") and not kept(desk, "parity_read") & set(runs[:-1])
        assert desk.query("SELECT FROM handback.target_break") == []
        assert desk.query("SELECT count(*) FROM handback.outgoing WHERE made_at < now() - interval '100 days'") == [(0,)]
        said = [text for text, in desk.query("SELECT detail FROM audit.event WHERE what = 'target_changed' AND detail LIKE '%%purged%%' ORDER BY event_id")]
        assert [text.split(" were ")[0] for text in said[-2:]] == ["3 read-backs", f"{causes[0][0]} causes that each was told"], said
        # nothing is told again, and what is new is
        assert told_all(outbox) == 0
        desk.redeem("NEW")
        assert told_all(outbox) == 1
        desk.ctl("audit", "verify")

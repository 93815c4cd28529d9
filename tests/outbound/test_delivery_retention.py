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

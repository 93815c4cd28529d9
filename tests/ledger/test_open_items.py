"""What may be open: on the list from its posting on, off it once it is answered, and never lost; and how an older schema comes to it."""
import psycopg
import pytest

import pg
from worker import Desk

MOVE = """INSERT INTO ledger.entry (programme_id, member_id, category, points, answers_entry_id, partner)
    SELECT 1, 1, %s, 10, %s, %s RETURNING entry_id"""


def fill(c):
    """A debit that is open, and one that is reversed."""
    c.execute("INSERT INTO ledger.programme (code, name, rate_points, rate_minor, currency) VALUES ('P', 'P', 1, 1, 'EUR')")
    c.execute("INSERT INTO ledger.member (programme_id, relation_reference) VALUES (1, 'M')")
    c.execute(MOVE, ("Credit By Accrual", None, None))
    c.execute(MOVE, ("Credit By Accrual", None, None))
    still, = c.execute(MOVE, ("Debit By Redemption", None, "AIR")).fetchone()
    answered, = c.execute(MOVE, ("Debit By Redemption", None, "AIR")).fetchone()
    c.execute(MOVE, ("Redemption Reversal", answered, None))
    return still, answered


def listed(c, where="ledger.maybe_open"):
    return {row[0] for row in c.execute(f"SELECT redemption_id FROM {where}").fetchall()}


def test_a_debit_is_listed_until_it_is_answered_and_a_night_was(database):
    with database.connect() as c:
        still, answered = fill(c)
        assert listed(c) == {still, answered} and listed(c, "handback.open_item") == {still}
        with database.connect("handback_nightly") as night:
            assert night.execute("SELECT handback.unwatch_answered()").fetchone() == (1,)
        assert listed(c) == listed(c, "handback.open_item") == {still}
        for change in ("DELETE FROM ledger.watched_debit", "UPDATE ledger.watched_debit SET points = 1", "TRUNCATE ledger.watched_debit"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                c.execute(change)
        assert listed(c) == {still}


def test_a_night_leaves_what_is_open(database, build):
    with Desk(database, build, lists="all", more="answer_within: 5\n") as desk:
        for key in ("R1", "R2", "R3"):
            desk.redeem(key)
        desk.deliver([("R1", "OK"), ("R2", "KO")])
        assert len(listed(desk.db)) == 3
        desk.nightly()
        assert listed(desk.db) == listed(desk.db, "handback.open_item") and len(listed(desk.db)) == 1
        desk.ctl("audit", "verify")


@pytest.mark.parametrize("own", (False, True))
def test_an_older_schema_comes_to_the_list(cluster, own):
    older = cluster.database(migrated=False)
    try:
        with older.connect() as c:
            pg.migrate(c, upto=104)
            still, answered = fill(c)
            if own:  # a ledger of the site's own, which keeps no list: all that it has may be open
                c.execute("CREATE TABLE public.debit AS SELECT * FROM ledger.redemption; GRANT SELECT ON public.debit TO PUBLIC")
                c.execute("CREATE OR REPLACE VIEW ledger.redemption AS SELECT * FROM public.debit")
            pg.migrate(c)
            assert listed(c) == ({still, answered} if own else {still})
            assert listed(c, "handback.open_item") == {still}
    finally:
        older.drop()

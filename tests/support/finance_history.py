"""A ledger with debits on both sides of a period's edges, and how it was answered: what reports for finance are counted over."""
import datetime
import json

import pytest

from worker import Desk

UTC = datetime.timezone.utc
FROM, TO = "2026-01-10", "2026-01-20"
BEGINS, ENDS = (datetime.datetime.fromisoformat(day).replace(tzinfo=UTC) for day in (FROM, "2026-01-21"))
PEOPLE = ("roll_alice", "roll_bob")


@pytest.fixture
def desk(cluster, build):
    made = cluster.database()
    with cluster.connect() as c:
        for name in PEOPLE:
            c.execute(f"CREATE ROLE {name} LOGIN IN ROLE handback_operator")
    with Desk(made, build, late_reject="reverse") as desk:
        yield desk
    made.drop()
    with cluster.connect() as c:
        for name in PEOPLE:
            c.execute(f"DROP ROLE {name}")


def day(text):
    return datetime.datetime.fromisoformat(text).replace(tzinfo=UTC)


def fill(desk):
    """Debits on both sides of the period's edges, in three currencies and none, of two programmes and two partners."""
    edge = datetime.timedelta(microseconds=1)
    for n, at in enumerate((BEGINS - edge, BEGINS, ENDS - edge, ENDS, day("2025-12-31"), day("2026-01-15"),
                            # midnight of the edge in Singapore and in New York: other days there, and UTC's rule
                            datetime.datetime.fromisoformat(FROM + "T00:00:00+08:00"),
                            datetime.datetime.fromisoformat(FROM + "T00:00:00-05:00"))):
        for m, (currency, amount) in enumerate((("EUR", 1234), ("JPY", 777), ("KWD", 10005), (None, None))):
            desk.redeem(f"D{n}-{m}", points=100 + n, amount=amount, currency=currency, posted_at=at)
        desk.redeem(f"Q{n}", member=11, points=200 + n, posted_at=at)
        desk.redeem(f"O{n}", partner="OTHER", points=300 + n, posted_at=at)


def answer(desk):
    """By file both ways, late to a confirmation, by two people, and by the application; it all happens now."""
    said = [(f"D{n}-{m}", ("OK", "KO")[m % 2], {"Points": 100 + n}) for n in range(5) for m in range(4)]
    assert desk.deliver(said)["state"] == "posted"
    assert desk.deliver([("D0-0", "KO", {"Points": 100}), ("D5-0", "OK", {"Points": 105})])["state"] == "posted"
    # other points than the debit's: held, and two people reverse it
    assert desk.deliver([("D5-1", "KO", {"Points": 99})])["state"] == "posted"
    hold, = desk.db.execute("SELECT hold_id FROM handback.hold_open").fetchone()
    alice, bob = (("--database", desk.database.conninfo(name)) for name in PEOPLE)
    said = desk.ctl(*alice, "hold", "propose", "reverse", hold, "--why", "refused by mail", "--accept-difference", "--json").stdout
    desk.ctl(*bob, "hold", "approve", json.loads(said)["done"]["number"], "--why", "seen the mail")
    assert desk.db.execute("SELECT (ledger.reversal_points(d.programme, d.member, d.merchant, d.external_reference)).code"
                           " FROM ledger.redemption d WHERE d.external_reference = %s", (desk.references["O5"],)).fetchone() == ("000",)

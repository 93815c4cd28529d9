"""What handback-outbox never does: the network, a table, the bytes of an answer."""
import os

import psycopg
import pytest

from outbox import Outbox
from worker import Desk


@pytest.fixture
def desk(database, build):
    with Desk(database, build) as made:
        yield made


@pytest.fixture
def outbox(desk, build, tmp_path):
    with Outbox(desk.database, build, tmp_path) as made:
        yield made


LIES = ("row\tdelivery=9999\trow=0\tresult=held", "row\tdelivery={n}\trow=1\tresult=held", "done\tdelivery={n}\tresult=sent",
        "done\tdelivery={n}\tresult=held\tstatus=700", "row\tdelivery={n}\trow=0\tresult=held\tcode=" + "x" * 201,
        "row\tdelivery={n}\trow=0\tresult=stop", "answer\tbody=secret", "ready",
        "done\tdelivery={n}\tresult=retry\twhy=\\xff", "row\tdelivery={n}\trow=0\tresult=held\tcode=a\\nb")


def test_its_role_reads_no_table(database):
    with database.connect("handback_outbox") as c:
        tables = [row[0] for row in c.execute(
            "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname IN ('ledger', 'handback', 'audit', 'api') AND c.relkind IN ('r', 'v')")]
        assert len(tables) > 40
        for table in tables:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                c.execute(f"SELECT FROM {table} LIMIT 1")
        for call in ("handback.add_target('x', 'P', 'y')", "handback.replay_target('x', now())", "handback.redemption_object(1)",
                     "handback.resume_target('x')", "audit.append_event('commented', 'x')"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                c.execute(f"SELECT {call}")


def test_it_opens_no_connection_but_the_databases(desk, outbox):
    """Its sockets, while it tells: the database's, and a pair with its sender."""
    outbox.connector("crm")
    desk.redeem("A")
    outbox.start()
    outbox.wait(lambda: outbox.states("crm"))
    folder = f"/proc/{outbox.process.pid}"
    held = [os.readlink(f"{folder}/fd/{fd}") for fd in os.listdir(f"{folder}/fd")]
    sockets = {link[8:-1] for link in held if link.startswith("socket:")}
    local = {line.split()[6] for line in open(f"{folder}/net/unix", encoding="utf-8").readlines()[1:]}
    assert len(sockets) == 2 and sockets <= local


def test_a_sender_that_says_what_it_may_not_is_hung_up_on(desk, outbox):
    """A row that was not given, a place that there is not, a word that there is not, too long a code, bytes of an answer, what is no text."""
    outbox.connector("crm")
    desk.redeem("A")
    outbox.start()
    for n, lie in enumerate(LIES):
        outbox.behave("crm", say=lie)
        outbox.wait(lambda n=n: outbox.query("SELECT count(*) FROM handback.delivery_end WHERE result = 'again'") == [(n + 1,)], seconds=40)
        outbox.kill()
        desk.db.execute("SET session_replication_role = replica")
        desk.db.execute("UPDATE handback.delivery_end SET retry_at = now() WHERE retry_at IS NOT NULL")
        desk.db.execute("SET session_replication_role = origin")
        outbox.start()
    assert outbox.log.read_text().count("a sender was given up") == len(LIES)
    assert outbox.states("crm") == {} and outbox.query("SELECT FROM handback.delivery_object") == []
    outbox.behave("crm")
    outbox.wait(lambda: outbox.states("crm") == {desk.references["A"]: "open"})

"""What other systems are to be told: one row for each cause, whoever causes it, and none is skipped that commits late."""
import pytest

from operators import Operators
from worker import Desk


@pytest.fixture
def desk(database, build):
    with Desk(database, build) as made:
        yield made


@pytest.fixture
def member(database):
    with database.connect() as c:
        c.execute("INSERT INTO ledger.programme (code, name, rate_points, rate_minor, currency) VALUES ('P', 'P', 1, 1, 'EUR')")
        c.execute("INSERT INTO ledger.member (programme_id, relation_reference) SELECT programme_id, 'M' FROM ledger.programme")
    return "INSERT INTO ledger.entry (programme_id, member_id, category, points)" \
           " SELECT programme_id, member_id, 'Credit By Accrual', {} FROM ledger.member"


def causes(c):
    """[what each row names], in the order in which it is told."""
    return [next(v for v in row if v is not None) for row in c.execute(
        "SELECT 'head ' || head_no, 'entries ' || last_entry - first_entry + 1, 'expected ' || expected_delivery_id"
        " FROM handback.outgoing_ready ORDER BY xid, outgoing_id").fetchall()]


def test_a_file_is_one_row_however_many_records_it_has(desk):
    for n in range(40):
        desk.redeem(f"R{n}", points=10)
    before = causes(desk.db)
    assert before.count("entries 1") >= 40
    desk.deliver([(f"R{n}", "KO" if n % 2 else "OK") for n in range(40)])
    assert causes(desk.db)[len(before):] == ["head 1"]  # twenty reversals among them, which its outcomes tell


def test_what_people_decide_is_told(desk):
    desk.redeem("A", points=10)
    desk.deliver([("A", "OK", {"Points": "11"})])
    before = len(causes(desk.db))
    (hold,), = desk.query("SELECT hold_id FROM handback.hold")
    people = Operators(desk.database)
    people.decide([hold], "confirm")
    people.close()
    heads = [row for row in causes(desk.db)[before:]]
    assert heads == [f"head {n}" for n in range(2, 2 + len(heads))] and len(heads) == 2  # proposed, approved


def test_what_is_rolled_back_is_not_told(database, member):
    with database.connect(autocommit=False) as c:
        c.execute(member.format(5))
        assert c.execute("SELECT count(*) FROM handback.outgoing").fetchone() == (1,)
        c.rollback()
        assert c.execute("SELECT count(*) FROM handback.outgoing").fetchone() == (0,)


def test_a_late_commit_is_never_skipped(database, member):
    """The first transaction takes its numbers, the second commits before it: nothing is ready until the first is over."""
    first, second = database.connect(autocommit=False), database.connect()
    with first, second, database.connect() as reader:
        with first.cursor() as c:
            c.execute("SELECT pg_current_xact_id(), nextval('handback.outgoing_outgoing_id_seq')")
        second.execute(member.format(1))
        assert causes(reader) == [] and reader.execute("SELECT count(*) FROM handback.outgoing").fetchone() == (1,)
        first.execute("INSERT INTO handback.outgoing (outgoing_id, head_no) VALUES (1, 77)")
        first.commit()
        assert causes(reader) == ["head 77", "entries 1"]


def test_one_statement_of_many_entries_is_one_row(database, member):
    with database.connect() as c:
        c.execute(member.format("generate_series(1, 100)"))
        assert causes(c) == ["entries 100"]
        c.execute(member.format("1") + " WHERE false")
        assert causes(c) == ["entries 100"]


def test_a_missing_file_is_told_once_and_a_day_without_one_is_not(database):
    with database.connect() as c:
        c.execute("""
            INSERT INTO handback.expected_delivery (expected_delivery_id, source, kind, day, zone, opens_at, due_at, late_at, files)
            SELECT n, 'air', 'daily', date '2026-11-01' + n, 'UTC', now(), now() + interval '1 h', now() + interval '2 h', 1
            FROM generate_series(1, 2) n;
            INSERT INTO handback.expected_delivery_missing (expected_delivery_id, files, judged)
            VALUES (1, 1, 'missing'), (2, 1, 'nothing_due')""")
        assert causes(c) == ["expected 1"]


def test_no_program_writes_it_by_hand(database):
    for role in ("handback_daemon", "handback_nightly", "handback_operator"):
        with database.connect(role) as c, pytest.raises(Exception, match="permission denied"):
            c.execute("INSERT INTO handback.outgoing (head_no) VALUES (1)")

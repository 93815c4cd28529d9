"""What happens at the same time, by name, in every order in which it can happen."""
import pytest

import steps

LEDGER = """
INSERT INTO ledger.programme (programme_id, code, name, rate_points, rate_minor, currency)
    VALUES (1, 'NORTHSTAR', 'Northstar', 100, 50, 'EUR');
INSERT INTO ledger.member (member_id, programme_id, relation_reference) VALUES (1, 1, 'NS1'), (2, 1, 'NS2');
INSERT INTO ledger.entry (entry_id, programme_id, member_id, category, points)
    OVERRIDING SYSTEM VALUE VALUES (1, 1, 1, 'Credit By Accrual', 1000), (2, 1, 2, 'Credit By Accrual', 1000);
INSERT INTO ledger.entry (entry_id, programme_id, member_id, category, points, external_reference, partner, merchant)
    OVERRIDING SYSTEM VALUE VALUES
    (11, 1, 1, 'Debit By Redemption', 100, '00000000-0000-0000-0000-000000000011', 'SKYLINE', 'Skyline'),
    (12, 1, 2, 'Debit By Redemption', 200, '00000000-0000-0000-0000-000000000012', 'SKYLINE', 'Skyline');
INSERT INTO handback.partner (code) VALUES ('SKYLINE');
SELECT setval(pg_get_serial_sequence('ledger.entry', 'entry_id'), 100);
"""
BALANCE = "SELECT points FROM ledger.balance WHERE member_id = "
REVERSALS = "SELECT count(*) FROM ledger.entry WHERE category = 'Redemption Reversal'"


def reverse(*redemptions):
    return f"SELECT redemption_id FROM ledger.post_reversals(ARRAY{list(redemptions)}::bigint[])"


@pytest.fixture(scope="module")
def opening(cluster):
    """A database to copy: the ledger above."""
    database = cluster.database()
    with database.connect() as c:
        c.execute(LEDGER)
    yield database
    database.drop()


@pytest.fixture
def fresh(opening):
    """fresh(): a copy of that database, gone after the test."""
    made = []

    def copy():
        made.append(opening.copy())
        return made[-1]
    yield copy
    for database in made:
        database.drop()


def every_order(fresh, sessions, role="postgres"):
    """(order, what the sessions were told, a connection to look with) for each interleaving."""
    for order in steps.orders({name: len(statements) for name, statements in sessions.items()}):
        database = fresh()
        told = steps.play(database, sessions, order, role)
        with database.connect() as c:
            yield order, told, lambda sql, c=c: c.execute(sql).fetchone()[0]
        database.drop()


def test_two_files_reverse_one_redemption(fresh):
    file = ["BEGIN; " + reverse(11), "COMMIT"]
    for order, told, look in every_order(fresh, {"one": file, "other": file}):
        answers = sorted(str(told[name][0]) for name in told)
        assert answers == sorted(["23505", "[(11,)]"]), f"{order}: {told}"
        assert look(REVERSALS) == 1 and look(BALANCE + "1") == 1000, order


def test_two_files_share_redemptions_in_opposite_order(fresh):
    """Locks are taken in one order whatever the order that was asked for: no deadlock, one wins whole."""
    sessions = {"one": ["BEGIN; " + reverse(11, 12), "COMMIT"], "other": ["BEGIN; " + reverse(12, 11), "COMMIT"]}
    for order, told, look in every_order(fresh, sessions):
        assert "40P01" not in str(told), f"{order}: {told}"
        assert look(REVERSALS) == 2 and look(BALANCE + "1") == 1000 and look(BALANCE + "2") == 1000, order


def test_file_reversal_races_the_application(fresh):
    application = ["BEGIN; SELECT code FROM ledger.reversal_points('NORTHSTAR', 'NS1', 'Skyline', '00000000-0000-0000-0000-000000000011')",
                   "COMMIT"]
    for order, told, look in every_order(fresh, {"file": ["BEGIN; " + reverse(11), "COMMIT"], "application": application}):
        assert look(REVERSALS) == 1 and look(BALANCE + "1") == 1000, f"{order}: {told}"
        posted = told["file"][0] == [(11,)]
        assert posted or told["file"][0] == "23505", f"{order}: {told}"
        assert (told["application"][0] == [("000",)]) != posted, f"{order}: {told}"


def test_redemption_races_a_reversal_on_one_member(fresh):
    """Member 1 has 900: the redemption of 1,000 goes through only after the reversal of 100 is committed."""
    redeem = ["BEGIN; SELECT code FROM ledger.redeem_points('NORTHSTAR', 'NS1', 1000, 'Skyline', 6)", "COMMIT"]
    for order, told, look in every_order(fresh, {"file": ["BEGIN; " + reverse(11), "COMMIT"], "member": redeem}):
        code = told["member"][0][0][0]
        assert code in ("000", "302"), f"{order}: {told}"
        assert look(BALANCE + "1") == (0 if code == "000" else 1000), f"{order}: {told}"
        assert look("SELECT sum(b.points) FROM ledger.balance b") == look(
            "SELECT sum(CASE WHEN category IN ('Credit By Accrual', 'Redemption Reversal') THEN points ELSE -points END)"
            " FROM ledger.entry"), order


HEAD = """DO $$
DECLARE last record; this bigint := currval('handback.file_file_id_seq'); said text;
BEGIN
    SELECT * INTO last FROM audit.chain_end();
    said := format(E'handback-head-1\nprevious\t%s\nhead_no\t%s\nmade_at\t0\ntree_size\t0\nroot\t%s\nfile\t%s\n',
        encode(last.head_hash, 'hex'), last.head_no + 1, encode(sha256(''), 'hex'), this);
    INSERT INTO audit.head (head_no, file_id, tree_size, root, head_text, head_hash, previous)
    VALUES (last.head_no + 1, this, 0, sha256(''), said, sha256(convert_to(said, 'UTF8')), last.head_hash);
END $$"""


def claim(content):
    return ["BEGIN; INSERT INTO handback.file (partner_id, source, name, name_shown, sha256, bytes, state, profile, profile_sha256,"
            f" seen_at) SELECT partner_id, 'skyline', 'a.csv', 'a.csv', sha256('{content}'), 7, 'posted', 'skyline',"
            " sha256('profile'), now() FROM handback.partner",
            HEAD, "COMMIT"]


def test_the_same_file_by_two_daemons(fresh):
    """Content is unique in the database, whoever claims it and in whatever order."""
    for order, told, look in every_order(fresh, {"one": claim("same"), "other": claim("same")}):
        assert look("SELECT count(*) FROM handback.file") == 1, f"{order}: {told}"
        assert sorted(str(told[name][0]) for name in told) == ["1", "23505"], f"{order}: {told}"


def test_two_files_at_the_end_of_the_chain(fresh):
    """Both are proven, one after the other: the chain has no fork and no gap."""
    for order, told, look in every_order(fresh, {"one": claim("this"), "other": claim("that")}):
        assert all(told[name] == [1, -1, -1] for name in told), f"{order}: {told}"
        assert look("SELECT array_agg(head_no ORDER BY head_no) = ARRAY[1, 2]::bigint[] FROM audit.head"), order


def test_takeover_of_a_dead_daemons_file(fresh):
    """The lock on a name is the session's: it is free as soon as its owner is gone, and not before."""
    database = fresh()
    lock = "SELECT pg_try_advisory_lock(hashtextextended('skyline/a.csv', 0))"
    owner, rival = database.connect(), database.connect()
    with rival:
        assert owner.execute(lock).fetchone()[0]
        assert not rival.execute(lock).fetchone()[0]
        pid = owner.info.backend_pid
        rival.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
        assert rival.execute(lock).fetchone()[0]
    owner.close()

"""One changed digit anywhere in what handback wrote, or answered, and `audit verify` names it."""
import random

import psycopg
import pytest

from world import World

# what is changed, by someone who owns the database and switched every guard off
SQL = {
    "points of a posting": ("UPDATE ledger.entry SET points = points + 1 WHERE entry_id = "
                            "(SELECT max(entry_id) FROM ledger.entry WHERE category = 'Redemption Reversal')"),
    "member of a posting": ("UPDATE ledger.entry SET member_id = CASE member_id WHEN 1 THEN 2 ELSE 1 END WHERE entry_id = "
                            "(SELECT max(entry_id) FROM ledger.entry WHERE category = 'Redemption Reversal')"),
    "time of a posting": ("UPDATE ledger.entry SET posted_at = posted_at + interval '1 microsecond' WHERE entry_id = "
                          "(SELECT max(entry_id) FROM ledger.entry WHERE category = 'Redemption Reversal')"),
    "reference of a posting": ("UPDATE ledger.entry SET external_reference = gen_random_uuid() WHERE entry_id = "
                               "(SELECT max(entry_id) FROM ledger.entry WHERE category = 'Redemption Reversal')"),
    "points of an answered debit": ("UPDATE ledger.entry SET points = points + 1 WHERE entry_id = "
                                    "(SELECT max(redemption_id) FROM handback.outcome WHERE outcome = 1)"),
    "amount of an answered debit": ("UPDATE ledger.entry SET amount = amount + 1 WHERE entry_id = "
                                    "(SELECT max(redemption_id) FROM handback.outcome WHERE outcome = 1)"),
    "merchant of an answered debit": ("UPDATE ledger.entry SET merchant = merchant || '.' WHERE entry_id = "
                                      "(SELECT max(redemption_id) FROM handback.outcome WHERE outcome = 1)"),
    "a balance": "UPDATE ledger.balance SET points = points + 1 WHERE member_id = 7",
    "an outcome": ("UPDATE handback.outcome SET outcome = 3 WHERE (file_id, record_no) = "
                   "(SELECT file_id, min(record_no) FROM handback.outcome WHERE outcome = 1 GROUP BY 1 LIMIT 1)"),
    "points of an outcome": ("UPDATE handback.outcome SET points = points + 1 WHERE (file_id, record_no) = "
                             "(SELECT file_id, min(record_no) FROM handback.outcome GROUP BY 1 LIMIT 1)"),
    "byte range of an outcome": ("UPDATE handback.outcome SET byte_offset = byte_offset + 1 WHERE (file_id, record_no) = "
                                 "(SELECT file_id, min(record_no) FROM handback.outcome GROUP BY 1 LIMIT 1)"),
    "a leaf": ("UPDATE handback.outcome SET leaf_hash = sha256('x') WHERE (file_id, record_no) = "
               "(SELECT file_id, min(record_no) FROM handback.outcome GROUP BY 1 LIMIT 1)"),
    "an outcome removed": ("DELETE FROM handback.outcome WHERE (file_id, record_no) = "
                           "(SELECT file_id, max(record_no) FROM handback.outcome GROUP BY 1 LIMIT 1)"),
    "a posting removed": ("DELETE FROM ledger.entry WHERE entry_id = "
                          "(SELECT max(entry_id) FROM ledger.entry WHERE category = 'Redemption Reversal')"),
    "an answered debit removed": ("DELETE FROM ledger.entry WHERE entry_id = "
                                  "(SELECT max(redemption_id) FROM handback.outcome WHERE outcome = 1)"),
    "a file's name": "UPDATE handback.file SET name = name || '1'::bytea WHERE file_id = (SELECT min(file_id) FROM handback.file)",
    "a file's state": ("UPDATE handback.file SET state = 'posted', hold_reason = NULL WHERE state = 'held'"),
    "a control total": "UPDATE handback.control SET stated = stated + 1 WHERE n = (SELECT min(n) FROM handback.control)",
    "a tie-out": "UPDATE handback.tie_out SET points = points + 1 WHERE outcome = 1",
    "a refusal": "UPDATE handback.refusal SET message = message || '.'",
    "a head's text": "UPDATE audit.head SET head_text = replace(head_text, 'tree_size', 'tree_sizE') WHERE head_no = 1",
    "a head's text and hash": ("UPDATE audit.head SET head_text = head_text || E'x\\t1\\n', "
                               "head_hash = sha256(convert_to(head_text || E'x\\t1\\n', 'UTF8')) WHERE head_no = 1"),
    "a head removed": "DELETE FROM audit.head WHERE head_no = (SELECT min(head_no) FROM audit.head WHERE file_id IS NOT NULL)",
}


EVERYTHING = " UNION ALL ".join(f"SELECT t::text FROM {table} t" for table in (
    "ledger.entry", "ledger.balance", "handback.file", "handback.outcome", "handback.control", "handback.refusal",
    "handback.tie_out", "handback.hold", "audit.head")) + " ORDER BY 1"


@pytest.fixture(scope="module")
def untouched(cluster, build):
    """A world with a posted and a refused file, verified; each test works on a copy of its database."""
    with World(cluster, build) as world:
        world.drop("SKYLINE", *world.file("SKYLINE"))
        world.drop("AURORA", *world.file("AURORA"))
        world.drop("MERIDIAN", *world.file("MERIDIAN", break_totals=1))
        world.run()
        world.oracle.check(world)
        done = world.ctl("audit", "verify")
        assert done.returncode == 0
        yield world


def drop_guards(c):
    """No checks, as somebody who owns the database could have it; triggers and foreign keys are off for a session of a replica's."""
    for table, in c.execute("""SELECT DISTINCT conrelid::regclass::text FROM pg_constraint c
                                 JOIN pg_class t ON t.oid = conrelid
                                 JOIN pg_namespace s ON s.oid = t.relnamespace
                                WHERE contype = 'c' AND s.nspname IN ('handback', 'audit', 'ledger')""").fetchall():
        for name, in c.execute("SELECT conname FROM pg_constraint WHERE contype = 'c' AND conrelid = %s::regclass",
                               (table,)).fetchall():
            c.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')


@pytest.fixture(scope="module")
def unguarded(untouched):
    """That database without its guards, to copy."""
    database = untouched.database.copy()
    with database.connect() as c:
        drop_guards(c)
    yield database
    database.drop()


@pytest.mark.parametrize("what", SQL)
def test_a_change_in_the_database_is_named(untouched, unguarded, what):
    database = unguarded.copy()
    try:
        with database.connect() as c:
            c.execute("SET session_replication_role = replica")
            before = c.execute(EVERYTHING).fetchall()
            c.execute(SQL[what])
            assert c.execute(EVERYTHING).fetchall() != before, "nothing was changed: the test tests nothing"
        done = untouched.ctl("--database", database.conninfo(), "audit", "verify", check=False)
        assert done.returncode == 5, f"{what}: audit verify ended with {done.returncode}\n{done.stdout}{done.stderr}"
        assert (done.stdout + done.stderr).strip(), "it names nothing"
    finally:
        database.drop()


# every number that handback wrote or answered, where a digit of it may be changed
NUMBERS = [("ledger.entry", "entry_id", "category = 'Redemption Reversal'", column) for column in
           ("points", "member_id", "programme_id", "answers_entry_id")]
NUMBERS += [("ledger.entry", "entry_id", "entry_id IN (SELECT redemption_id FROM handback.outcome)", column) for column in
            ("points", "member_id", "amount", "transaction_type")]
NUMBERS += [("handback.outcome", "ctid", "true", column) for column in
            ("record_no", "byte_offset", "byte_length", "points", "verdict", "outcome", "redemption_id", "reversal_id")]


def changed_digit(chance, number):
    """The number with one digit another, and still a number above zero."""
    text = str(number)
    while True:
        at = chance.randrange(len(text))
        changed = text[:at] + chance.choice("0123456789") + text[at + 1:]
        if changed != text and int(changed) > 0:
            return int(changed)


def test_any_digit(untouched, unguarded):
    """One digit of one number, drawn by seed; each time in a transaction of its own that is put back."""
    chance, database, tried = random.Random(1), unguarded.copy(), 0
    try:
        with database.connect() as c:
            c.execute("SET session_replication_role = replica")
            for table, key, where, column in NUMBERS * 2:
                rows = c.execute(f"SELECT {key}, {column} FROM {table} WHERE {where} AND {column} IS NOT NULL"
                                 " ORDER BY 1").fetchall()
                row, number = chance.choice(rows)
                changed = changed_digit(chance, number) if column not in ("verdict", "outcome") else number % 5 + 1
                what = f"{table}.{column} {number} -> {changed}"
                update = f"UPDATE {table} SET {column} = %s WHERE {key} = %s RETURNING {key}"
                try:
                    (now,), = c.execute(update, (changed, row)).fetchall()
                except psycopg.errors.UniqueViolation:
                    continue
                done = untouched.ctl("--database", database.conninfo(), "audit", "verify", check=False)
                assert done.returncode == 5, f"{what}: {done.stdout}{done.stderr}"
                c.execute(update, (number, now))
                tried += 1
            done = untouched.ctl("--database", database.conninfo(), "audit", "verify", check=False)
            assert done.returncode == 0, "all was put back"
    finally:
        database.drop()
    assert tried > 20


def test_a_changed_byte_in_each_kept_file_is_named(untouched):
    kept = [p for f in ("archive", "quarantine") for p in (untouched.spool / f).rglob("*")
            if p.is_file() and p.suffix != ".reason"]
    assert len(kept) == 3
    for path in kept:
        whole = path.read_bytes()
        path.chmod(0o600)
        path.write_bytes(whole.replace(b"0", b"1", 1))
        done = untouched.ctl("audit", "verify", check=False)
        path.write_bytes(whole)
        assert done.returncode == 5, f"{path.name}: {done.stdout}{done.stderr}"
        assert path.name[:12] in done.stdout + done.stderr, f"the file is not named:\n{done.stdout}{done.stderr}"
    assert untouched.ctl("audit", "verify").returncode == 0


def test_a_kept_file_that_is_gone_is_named(untouched):
    path = next(p for p in (untouched.spool / "archive").rglob("*") if p.is_file())
    away = path.rename(untouched.dir / "away")
    done = untouched.ctl("audit", "verify", check=False)
    away.rename(path)
    assert done.returncode == 5

"""One changed value in any column that handback wrote, or answered, and `audit verify` names it."""
import json


import psycopg
import pytest

import pg
from world import World

VERIFY = "lib/proof/verify/verify.sql"
SETTINGS = (("lib/db/connection.sql", "settings"), (VERIFY, "verify_settings"), (VERIFY, "verify_tables_settings"))

# Columns in which a change is not one of what was decided, each with the reason.
NOT_PROVED = {
    "handback.file.name_shown": "made from name for people",
    "handback.file.original_message": "kept for matching, not part of a head",
    "handback.file.archived_at": "when our copy was moved",
    "handback.control.n": "only the order",
    "handback.refusal.n": "only the order",
    "handback.hold.hold_id": "only a number to speak of it",
    "handback.hold_note.note_id": "only a number to speak of it",
    "handback.partner.first_seen": "nothing hangs on it",
    "ledger.entry.outbound_reference": "may be written later, by the contract",
    "ledger.entry.partner_reference": "may be written later, by the contract",
    "ledger.entry.posted_by": "of a debit: not part of the contract",
    "ledger.entry.answers_entry_id": "of a debit: it has none",
    "ledger.entry.origin": "of a debit: it has none",
}
REVERSAL_NOT_PROVED = {"partner", "merchant", "transaction_type", "amount", "currency", "outbound_reference",
                       "partner_reference"}  # a reversal has none of these

TABLES = {
    "handback.file": "state = 'posted'",
    "handback.partner": "code = 'SKYLINE'",
    "handback.control": "true",
    "handback.refusal": "true",
    "handback.outcome": "outcome = 2 AND revision = 0",
    "handback.tie_out": "true",
    "handback.hold": "record_no IS NOT NULL",
    "handback.hold_end": "true",
    "handback.hold_note": "assigned IS NOT NULL",
    "handback.proposal": "true",
    "handback.proposal_hold": "true",
    "handback.proposal_end": "true",
    "audit.head": "file_id IS NOT NULL",
    "audit.event": "true",
    "ledger.entry": "category = 'Debit By Redemption' AND entry_id IN (SELECT redemption_id FROM handback.outcome WHERE outcome = 1)",
    "ledger.balance": "true",
    "handback.rule_text": "sha256 IN (SELECT profile_sha256 FROM handback.file)",
}


@pytest.fixture(scope="module")
def tampered(cluster, build):
    """A verified world with files, holds and decisions of people, in a database without guards."""
    with World(cluster, build) as world:
        world.drop("SKYLINE", *world.file("SKYLINE", world.unusual()))
        world.drop("AURORA", *world.file("AURORA"))
        world.drop("MERIDIAN", *world.file("MERIDIAN", break_totals=1))
        world.run()
        with cluster.connect() as c:
            for name in ("carol", "dave"):
                c.execute(f"DROP ROLE IF EXISTS {name}")
                c.execute(f"CREATE ROLE {name} LOGIN IN ROLE handback_operator")
        with world.database.connect("carol") as c:
            hold = c.execute("SELECT min(hold_id) FROM handback.hold WHERE redemption_id IS NOT NULL").fetchone()[0]
            c.execute("SELECT handback.assign_hold(%s, 'dave', 'look')", (hold,))
            proposal = c.execute("SELECT handback.propose(ARRAY[%s::bigint], 'reverse', 'so it is', NULL, true)", (hold,)).fetchone()[0]
        with world.database.connect("dave") as c:
            c.execute("SELECT handback.approve(%s, 'yes')", (proposal,))
        assert world.ctl("audit", "verify").returncode == 0
        with world.database.connect() as c:
            for kind in "fcup":
                for table, name in c.execute("SELECT conrelid::regclass::text, quote_ident(conname) FROM pg_constraint x JOIN"
                                             " pg_namespace n ON n.oid = connamespace WHERE contype = %s AND conrelid <> 0 AND"
                                             " nspname IN ('handback', 'audit', 'ledger', 'api', 'catalogue', 'points')", (kind,)).fetchall():
                    c.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
            for index, in c.execute("SELECT indexrelid::regclass::text FROM pg_index i JOIN pg_class t ON t.oid = indrelid"
                                    " JOIN pg_namespace n ON n.oid = relnamespace WHERE indisunique AND"
                                    " nspname IN ('handback', 'audit', 'ledger', 'api', 'catalogue', 'points')").fetchall():
                c.execute(f"DROP INDEX {index}")
        yield world
    with cluster.connect() as c:
        c.execute("DROP ROLE carol")
        c.execute("DROP ROLE dave")


def changed(kind):
    """SQL that makes another value of $v, for a column of this type."""
    if kind in ("integer", "bigint", "smallint", "numeric"):
        return "coalesce({v}, 0) + 1"
    if kind == "bytea":
        return "coalesce(set_byte({v}, 0, get_byte({v}, 0) # 1), 'x'::bytea)"
    if kind.startswith("timestamp"):
        return "coalesce({v}, 'epoch') + interval '1 microsecond'"
    if kind == "date":
        return "CASE WHEN isfinite({v}) THEN {v} + 1 ELSE date 'epoch' END"
    if kind == "boolean":
        return "NOT {v}"
    if kind == "uuid":
        return "(translate(left({v}::text, 1), '0123456789abcdef', '123456789abcdef0') || substr({v}::text, 2))::uuid"
    if kind == "handback.file_state":
        return "'held'::handback.file_state"
    if kind == "ledger.category":
        return "'Credit By Accrual'::ledger.category"
    if kind.startswith("character"):
        return "coalesce(translate({v}, 'USER', 'ESRU'), 'XXX')"
    assert kind == "text", kind
    return "coalesce({v}, '') || '1'"


def all_columns(c, table):
    return c.execute("SELECT attname, format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = %s::regclass AND"
                     " attnum > 0 AND NOT attisdropped ORDER BY attnum", (table,)).fetchall()


def verify(world, *arguments):
    """Status and what was said, less that the guards are gone, which tests/ledger/test_schema_guards.py is about."""
    done = world.ctl("audit", "verify", "--json", *arguments, check=False)
    said = json.loads(done.stdout)
    all_found = said.get("differences") or [said["difference"]]
    found = [d for d in all_found if d["part"] != "schema"]
    assert done.returncode == 5 and len(found) < len(all_found)
    return (5 if found else 0), {**said, "difference": found[0] if found else None}


def try_column(world, table, column, kind, where):
    """Changes one value, verifies, puts it back; gives what was said."""
    with world.database.connect() as c:
        c.execute("SET session_replication_role = replica")
        place, old = c.execute(f"SELECT ctid::text, {column}::text FROM {table} WHERE {where} ORDER BY ctid LIMIT 1").fetchone()
        row = c.execute(f"UPDATE {table} SET {column} = {changed(kind).format(v=column)} WHERE ctid = %s::tid"
                        f" AND {column} IS DISTINCT FROM {changed(kind).format(v=column)} RETURNING ctid::text",
                        (place,)).fetchone()
        assert row, f"{table}.{column} was not changed"
        try:
            return verify(world)
        finally:
            c.execute(f"UPDATE {table} SET {column} = %s::text::{'bpchar' if kind == 'character' else kind} WHERE ctid = %s::tid", (old, row[0]))


@pytest.mark.parametrize("table", TABLES)
def test_every_column_is_proved(tampered, table):
    with tampered.database.connect() as c:
        found = all_columns(c, table)
    missed = []
    for column, kind in found:
        if f"{table}.{column}" in NOT_PROVED:
            continue
        code, said = try_column(tampered, table, column, kind, TABLES[table])
        if code != 5 or not said.get("difference") or not said["difference"]["message"]:
            missed.append(f"{table}.{column}: {code}")
    assert not missed
    assert verify(tampered)[0] == 0, "the values were not put back"


def test_every_column_of_a_reversal_is_proved(tampered):
    with tampered.database.connect() as c:
        found = all_columns(c, "ledger.entry")
    missed = []
    for column, kind in found:
        if column in REVERSAL_NOT_PROVED:
            continue
        code, _ = try_column(tampered, "ledger.entry", column, kind,
                             "category = 'Redemption Reversal' AND entry_id IN (SELECT reversal_id FROM handback.outcome)")
        if code != 5:
            missed.append(f"{column}: {code}")
    assert not missed


@pytest.mark.parametrize("column, kind, part, was", [
    ("points", "bigint", "debit", "the points of the debit"), ("amount", "bigint", "debit", "the amount of the debit"),
    ("merchant", "text", "debit", "the merchant of the debit"), ("member_id", "bigint", "debit", "the member of the debit"),
    ("external_reference", "uuid", "debit", "the external reference of the debit")])
def test_it_says_which_value_and_what_it_was(tampered, column, kind, part, was):
    with tampered.database.connect() as c:
        old, file_id, record, offset, length = c.execute(
            f"SELECT e.{column}::text, o.file_id, o.record_no, o.byte_offset, o.byte_length FROM ledger.entry e JOIN handback.outcome o"
            " ON o.redemption_id = e.entry_id AND o.outcome = 1 ORDER BY e.ctid LIMIT 1").fetchone()
    code, said = try_column(tampered, "ledger.entry", column, kind, TABLES["ledger.entry"])
    told = said["difference"]
    assert code == 5 and told["part"] == part and told["file"] == file_id and told["record"] == record
    assert (told["first_byte"], told["last_byte"]) == (offset, offset + length - 1)
    assert was in told["message"] and f"was {old} " in told["message"]


def test_a_leaf_that_was_changed_is_told_from_a_row_that_was(tampered):
    code, said = try_column(tampered, "handback.outcome", "leaf_hash", "bytea", TABLES["handback.outcome"])
    assert code == 5 and said["difference"]["message"].startswith("its leaf_hash is not that of its row")


def test_a_posting_that_no_outcome_names(tampered):
    with tampered.database.connect() as c:
        c.execute("SET session_replication_role = replica")
        who = c.execute("SELECT posted_by FROM ledger.reversal JOIN handback.outcome USING (reversal_id) LIMIT 1").fetchone()[0]
        entry = c.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points, answers_entry_id, posted_by)"
                          " SELECT programme_id, member_id, 'Redemption Reversal', points, entry_id, %s FROM ledger.entry d"
                          " WHERE category = 'Debit By Redemption' AND NOT EXISTS (SELECT FROM handback.outcome o WHERE"
                          " o.redemption_id = d.entry_id) LIMIT 1 RETURNING entry_id", (who,)).fetchone()[0]
        code, said = verify(tampered)
        c.execute("DELETE FROM ledger.entry WHERE entry_id = %s", (entry,))
    assert code == 5 and said["difference"]["part"] == "reversal" and f"reversal {entry} " in said["difference"]["message"]


def test_heads_that_are_cut_off_at_the_end_leave_files_without_one(tampered):
    with tampered.database.connect() as c:
        c.execute("SET session_replication_role = replica")
        rows = c.execute("SELECT * FROM audit.head WHERE head_no = (SELECT max(head_no) FROM audit.head WHERE file_id IS NOT NULL)")\
            .fetchone()
        saved = c.execute("CREATE TEMP TABLE saved AS SELECT * FROM audit.head WHERE head_no >= %s", (rows[0],)) and None
        c.execute("DELETE FROM audit.head WHERE head_no >= %s", (rows[0],))
        code, said = verify(tampered)
        c.execute("INSERT INTO audit.head SELECT * FROM saved")
    assert code == 5 and saved is None and said["difference"]["part"] in ("file", "event", "outcome")
    assert verify(tampered)[0] == 0


def test_a_head_that_was_noted_finds_a_chain_cut_and_continued(tampered):
    """Without it, files removed together with their heads leave a shorter chain that is sound."""
    noted = json.loads(tampered.ctl("audit", "head", "--json").stdout)["head"]
    known = f"{noted['head_no']}:{noted['head_hash']}"
    assert verify(tampered, "--head", known)[0] == 0
    for wrong in (f"{noted['head_no'] + 1}:{noted['head_hash']}", f"{noted['head_no'] - 1}:{noted['head_hash']}"):
        code, said = verify(tampered, "--head", wrong)
        assert code == 5 and "noted" in said["difference"]["message"]
    for wrong in ("7", "x:y", f"0:{noted['head_hash']}", f"1:{noted['head_hash']}00"):
        assert tampered.ctl("audit", "verify", "--head", wrong, check=False).returncode == 2


def test_the_python_proof_agrees(tampered):
    """Computed once more from the documentation alone, leaves of events included."""
    import proof
    with tampered.database.connect() as c:
        assert proof.differences(c) == [] or all("event" in d for d in proof.differences(c))
        for leaf, stored in c.execute("SELECT handback.leaf_hash(o), o.leaf_hash FROM handback.outcome o"):
            assert leaf == stored




@pytest.mark.parametrize("what", ["strays", "postings", "holds", "balances"])
def test_whole_tables_are_never_compared_row_by_row(tampered, what):
    """However little the planner knows of them: it takes a history that nobody analysed for a few rows."""
    with tampered.database.connect(autocommit=False) as c:
        for path, name in SETTINGS:
            c.execute(pg.statement(path, name).replace("$1::text", "NULL::text"))
        plan = c.execute("EXPLAIN " + pg.statement(VERIFY, f"verify_{what}")).fetchall()
        c.rollback()
    assert not [line for (line,) in plan if "Nested Loop" in line], "\n".join(line for (line,) in plan)

"""What the schema must have for "once" and "append-only" to hold, and what decides: audit verify names what is missing or changed.

The list that it compares with, lib/proof/verify/verify_schema.sql, is written by this file as a script, from the schema itself:

    /usr/bin/python3 -B tests/ledger/test_schema_guards.py
"""
import json
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))

import pg  # noqa: E402
from world import World  # noqa: E402

LIST = ROOT / "lib/proof/verify/verify_schema.sql"
LINES = r"""	SELECT format('trigger: %s', pg_get_triggerdef(t.oid)) AS line, n.nspname
	FROM pg_trigger t
	JOIN pg_class c ON c.oid = t.tgrelid
	JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE n.nspname IN ('handback', 'audit', 'ledger', 'handback_schema', 'catalogue', 'points') AND NOT t.tgisinternal
	UNION ALL
	SELECT format('unique index: %s', pg_get_indexdef(i.indexrelid)), n.nspname
	FROM pg_index i
	JOIN pg_class c ON c.oid = i.indrelid
	JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE n.nspname IN ('handback', 'audit', 'ledger', 'handback_schema', 'catalogue', 'points') AND i.indisunique AND i.indisvalid AND c.relkind = 'r'
	UNION ALL
	-- the text as it was written, which no version of the server writes in another way, and how it runs
	SELECT format('function: %s.%s(%s) %s', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid),
			encode(sha256(convert_to(concat_ws(E'\n', l.lanname, p.prosecdef, p.provolatile, pg_get_function_result(p.oid),
				array_to_string(p.proconfig, ', '), p.prosrc), 'UTF8')), 'hex')), n.nspname
	FROM pg_proc p
	JOIN pg_namespace n ON n.oid = p.pronamespace
	JOIN pg_language l ON l.oid = p.prolang
	WHERE n.nspname IN ('handback', 'audit', 'ledger', 'handback_schema', 'api', 'catalogue', 'points')
	UNION ALL
	SELECT format('rule: %s', concat_ws(' | ', r.state, v.name, r.age, r.late_reject, o.name, r.hold_reason)), 'rule'
	FROM handback.verdict_rule r
	LEFT JOIN handback.verdict_name v USING (verdict)
	LEFT JOIN handback.outcome_name o USING (outcome)
	UNION ALL
	SELECT format('verdict: %s', concat_ws(' | ', verdict, name)), 'rule' FROM handback.verdict_name
	UNION ALL
	SELECT format('outcome: %s', concat_ws(' | ', outcome, name)), 'rule' FROM handback.outcome_name
	UNION ALL
	SELECT format('hold reason: %s', concat_ws(' | ', reason, meaning, action_required)), 'rule' FROM handback.hold_reason"""
STATEMENT = """-- name: verify_schema
-- What holds "once" and "append-only", and what decides, against what the schema has of it: a list that
-- tests/ledger/test_schema_guards.py writes from the schema and holds equal to it. As part, file, record, message.
-- Where the ledger is another's, only its views are ours; what a site adds to the ledger's tables is its own. A site replaces the
-- contract's functions together with its views: they are ours where ledger.redemption reads our entries.
WITH expected (line, nspname) AS (VALUES
{values}
), actual AS (
{lines}
)
SELECT 'schema' AS part, NULL::bigint AS file_id, NULL::bigint AS record_no,
	CASE WHEN a.line IS NULL THEN 'it is gone, or another: ' || e.line ELSE 'it is none of ours: ' || a.line END AS message
FROM expected e
FULL JOIN actual a ON a.line = e.line
WHERE a.line IS NULL AND (e.nspname <> 'ledger' OR to_regclass('ledger.entry') IS NOT NULL)
		AND (e.nspname <> 'ledger' OR e.line NOT LIKE 'function: %' OR EXISTS (
			SELECT FROM pg_rewrite w
			JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
			WHERE w.ev_class = to_regclass('ledger.redemption') AND d.refobjid = to_regclass('ledger.entry')))
	OR e.line IS NULL AND (a.nspname = 'rule' OR a.nspname <> 'ledger' AND a.line ~ '^(trigger|function): ')
UNION ALL
SELECT 'schema', NULL, NULL, format('the trigger %s of %s.%s is disabled', t.tgname, n.nspname, c.relname)
FROM pg_trigger t
JOIN pg_class c ON c.oid = t.tgrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('handback', 'audit', 'ledger', 'handback_schema', 'catalogue', 'points') AND t.tgenabled NOT IN ('O', 'A')
	AND (n.nspname <> 'ledger' OR to_regclass('ledger.entry') IS NOT NULL)
ORDER BY 1, 4
LIMIT 1000
"""


def written(connection):
    """The file as it has to be for this database."""
    connection.execute("SET search_path = pg_catalog, pg_temp")
    rows = sorted(set(connection.execute(LINES.replace("%", "%%"), ()).fetchall()), key=lambda row: (row[1], row[0]))
    quoted = [f"	('{line.replace(chr(39), chr(39) * 2)}', '{schema}')" for line, schema in rows]
    return STATEMENT.format(values=",\n".join(quoted), lines=LINES)


def test_the_list_is_that_of_the_schema(database):
    with database.connect() as c:
        assert written(c) == LIST.read_text(encoding="utf-8"), \
            "the schema has changed: /usr/bin/python3 -B tests/ledger/test_schema_guards.py writes the list again"
    text = LIST.read_text(encoding="utf-8")
    for said in ("trigger: CREATE TRIGGER append_only", "ledger.entry", "outcome_once", "rule: open | rejected | newer | hold | reversed",
                 "hold reason: guard |", "verdict: 1 | accepted"):
        assert said in text


@pytest.fixture(scope="module")
def world(cluster, build):
    with World(cluster, build) as made:
        made.drop("SKYLINE", *made.file("SKYLINE"))
        made.run()
        yield made


# what somebody who owns the database changes, how it is put back, and what is said of it
CHANGES = {
    "a trigger is disabled": ("ALTER TABLE ledger.entry DISABLE TRIGGER append_only", "ALTER TABLE ledger.entry ENABLE TRIGGER append_only",
                              "the trigger append_only of ledger.entry is disabled"),
    "a trigger fires for replicas only": ("ALTER TABLE audit.head ENABLE REPLICA TRIGGER check_head", "ALTER TABLE audit.head ENABLE TRIGGER check_head",
                                          "the trigger check_head of audit.head is disabled"),
    "foreign keys are off": ("ALTER TABLE handback.hold DISABLE TRIGGER ALL", "ALTER TABLE handback.hold ENABLE TRIGGER ALL", "of handback.hold is disabled"),
    "a trigger is dropped": ("DROP TRIGGER name_rules ON handback.file", "CREATE TRIGGER name_rules BEFORE INSERT ON handback.file FOR EACH ROW EXECUTE"
                             " FUNCTION handback.name_rules()", "it is gone, or another: trigger: CREATE TRIGGER name_rules"),
    "a trigger is added": ("CREATE TRIGGER other BEFORE INSERT ON handback.outcome FOR EACH ROW EXECUTE FUNCTION handback.name_rules()",
                           "DROP TRIGGER other ON handback.outcome", "it is none of ours: trigger: CREATE TRIGGER other"),
    "a unique index is dropped": ("DROP INDEX handback.outcome_once", None, "it is gone, or another: unique index: CREATE UNIQUE INDEX outcome_once"),
    "a unique index holds less": ("DROP INDEX ledger.entry_answers; CREATE UNIQUE INDEX entry_answers ON ledger.entry (answers_entry_id) WHERE entry_id > 1000000",
                                  None, "it is gone, or another: unique index: CREATE UNIQUE INDEX entry_answers"),
    "a function is replaced": ("CREATE OR REPLACE FUNCTION handback.says_so(verdict smallint, reason text, state text) RETURNS boolean LANGUAGE sql IMMUTABLE"
                               " SET search_path = pg_catalog, pg_temp AS 'SELECT true'", None, "it is gone, or another: function: handback.says_so(verdict"),
    "a function posts for another": ("CREATE OR REPLACE FUNCTION ledger.post_reversals(redemption_ids bigint[]) RETURNS TABLE (redemption_id bigint, reversal_id"
                                     " bigint, external_reference uuid, posted_at timestamptz) LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp"
                                     " AS 'SELECT NULL::bigint, NULL::bigint, NULL::uuid, now() WHERE false'", None,
                                     "it is gone, or another: function: ledger.post_reversals("),
    "a function runs with another's rights": ("ALTER FUNCTION handback.redemption_state(bigint) SECURITY DEFINER",
                                              "ALTER FUNCTION handback.redemption_state(bigint) SECURITY INVOKER",
                                              "it is gone, or another: function: handback.redemption_state("),
    "a function looks elsewhere for its tables": ("ALTER FUNCTION handback.redemption_state(bigint) SET search_path = public, pg_catalog, pg_temp",
                                                  "ALTER FUNCTION handback.redemption_state(bigint) SET search_path = pg_catalog, pg_temp",
                                                  "it is none of ours: function: handback.redemption_state("),
    "a function is added": ("CREATE FUNCTION handback.approve(proposal bigint, comment text, who text) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'",
                            "DROP FUNCTION handback.approve(bigint, text, text)", "it is none of ours: function: handback.approve(proposal bigint"),
    "a rule is changed": ("UPDATE handback.verdict_rule SET outcome = 2, hold_reason = NULL WHERE (state, age, late_reject) = ('confirmed', 'newer', 'hold')"
                          " AND verdict = 4", "UPDATE handback.verdict_rule SET outcome = 6, hold_reason = 'contradiction' WHERE (state, age, late_reject) ="
                          " ('confirmed', 'newer', 'hold') AND verdict = 4", "it is none of ours: rule: confirmed | rejected | newer | hold | reversed"),
    "a hold reason means something else": ("UPDATE handback.hold_reason SET action_required = 'none' WHERE reason = 'guard'", None,
                                           "it is none of ours: hold reason: guard |"),
    "a verdict has another name": ("UPDATE handback.verdict_name SET name = 'fine' WHERE verdict = 4", None, "verdict: 4 | rejected"),
    "a rule is removed": ("DELETE FROM handback.verdict_rule WHERE state = 'open' AND verdict = 1", None, "it is gone, or another: rule: open | accepted |"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_was_switched_off_or_changed_is_named(world, what):
    change, back, told = CHANGES[what]
    copy = world.database.copy()
    try:
        with copy.connect() as c:
            c.execute(change)
        done = world.ctl("--database", copy.conninfo(), "audit", "verify", "--json", check=False)
        assert done.returncode == 5, done.stderr
        said = json.loads(done.stdout)
        found = said.get("differences") or [said["difference"]]
        assert {d["part"] for d in found} == {"schema"} and any(told in d["message"] for d in found), found
        if back:
            with copy.connect() as c:
                c.execute(back)
            assert world.ctl("--database", copy.conninfo(), "audit", "verify", check=False).returncode == 0
    finally:
        copy.drop()


def test_nothing_is_posted_while_a_guard_is_off(cluster, world):
    """As with fsync off: refused at the start, by what posts; who looks still may."""
    with world.database.connect() as c:
        c.execute("ALTER TABLE ledger.entry DISABLE TRIGGER append_only")
    try:
        world.drop("AURORA", *world.file("AURORA"))
        done = world.ctl("run", check=False)
        assert done.returncode == 6 and "AURORA" not in str(world.files()), done
        assert "the trigger append_only of ledger.entry is disabled" in done.stdout + done.stderr
        assert world.ctl("nightly", check=False).returncode == 6
        assert world.ctl("files").returncode == 0
    finally:
        with world.database.connect() as c:
            c.execute("ALTER TABLE ledger.entry ENABLE TRIGGER append_only")
    world.run()
    assert set(world.files().values()) == {"posted"} and len(world.files()) == 2


def test_nothing_is_posted_by_a_session_without_triggers(cluster, world):
    with cluster.connect() as c:
        c.execute(f"ALTER DATABASE {world.database.name} SET session_replication_role = replica")
        try:
            done = world.ctl("run", check=False)
        finally:
            c.execute(f"ALTER DATABASE {world.database.name} RESET session_replication_role")
    assert done.returncode == 6 and "session_replication_role is replica" in done.stdout + done.stderr


if __name__ == "__main__":
    server = pg.Cluster()
    try:
        with server.database().connect() as connection:
            LIST.write_text(written(connection), encoding="utf-8")
    finally:
        server.close()

"""The migrations: what they come to, that they hold together, and who may do what afterwards.

The golden dump is rewritten by  HANDBACK_UPDATE_GOLDEN=1 pytest tests/ledger/test_schema.py
"""
import hashlib
import os
import pathlib
import re
import subprocess

import psycopg
import pytest

import pg

GOLDEN = pathlib.Path(__file__).parents[1] / "golden" / "schema.sql"
ROLES = ("handback_daemon", "handback_operator", "handback_finance")


def dump(database):
    """The schema as text, without what changes from one pg_dump to the next."""
    text = subprocess.run([pg.bin_dir() / "pg_dump", "--schema-only", "--dbname", database.conninfo()],
                          check=True, capture_output=True, text=True).stdout
    text = re.sub(r"^(--.*|SET .*;|SELECT pg_catalog\.set_config.*;|\\(un)?restrict .*)\n", "", text, flags=re.M)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def golden_version():
    return GOLDEN.read_text().split("\n", 1)[0] if GOLDEN.exists() else ""


def test_golden_dump(database):
    """A change of the schema shows as a change of one file."""
    with database.connect() as c:
        version = f"-- as PostgreSQL {c.info.server_version // 10000} dumps it"
    now = version + "\n" + dump(database)
    if os.environ.get("HANDBACK_UPDATE_GOLDEN"):
        GOLDEN.write_text(now)
    elif golden_version() != version:
        pytest.skip(f"the golden dump is of another PostgreSQL ({golden_version()})")
    assert now == GOLDEN.read_text(), "the schema differs from tests/golden/schema.sql; see this file's head"


def test_twice_is_once(database):
    with database.connect() as c:
        before = c.execute("SELECT * FROM handback_schema.migration ORDER BY 1").fetchall()
        pg.migrate(c)
        assert c.execute("SELECT * FROM handback_schema.migration ORDER BY 1").fetchall() == before
        assert [row[0] for row in before] == list(range(1, len(before) + 1))
        for (version, name, sha, *_), (_, path) in zip(before, pg.migration_files(), strict=True):
            assert name == path.name and sha == hashlib.sha256(pg.filled(path).encode()).digest(), version


def test_every_file_is_compiled_in():
    listed = re.findall(r"'(\d{4}_\w+\.sql)'", (pg.SCHEMA / "meson.build").read_text())
    assert listed == [path.name for _, path in pg.migration_files()]


def test_the_program_migrates_the_same(cluster, build):
    """handbackctl has the same files compiled in, in the same order, and comes to the same schema."""
    ours, by_hand = cluster.database(migrated=False), cluster.database()
    migrate = [build / "ctl" / "handbackctl", "migrate", "--database", ours.conninfo()]
    try:
        for _ in range(2):
            subprocess.run(migrate, check=True, capture_output=True, timeout=60)
        assert dump(ours) == dump(by_hand)
        with ours.connect() as a, by_hand.connect() as b:
            told = "SELECT version, name, sha256 FROM handback_schema.migration ORDER BY 1"
            assert a.execute(told).fetchall() == b.execute(told).fetchall()
            a.execute("UPDATE handback_schema.migration SET sha256 = sha256('x') WHERE version = 1")
        refused = subprocess.run(migrate, capture_output=True, text=True, timeout=60)
        assert refused.returncode != 0 and "0001_roles.sql" in refused.stderr
    finally:
        ours.drop()
        by_hand.drop()


def test_owner(database):
    """Whoever migrated, all of it is the owner's."""
    with database.connect() as c:
        others = c.execute(
            "SELECT n.nspname || '.' || c.relname, c.relowner::regrole FROM pg_class c JOIN pg_namespace n"
            " ON n.oid = c.relnamespace WHERE n.nspname IN ('handback_schema', 'ledger', 'handback', 'audit')"
            " AND c.relowner <> 'handback_owner'::regrole UNION ALL"
            " SELECT p.oid::regprocedure::text, p.proowner::regrole FROM pg_proc p JOIN pg_namespace n"
            " ON n.oid = p.pronamespace WHERE n.nspname IN ('handback_schema', 'ledger', 'handback', 'audit')"
            " AND p.proowner <> 'handback_owner'::regrole").fetchall()
        assert others == []


@pytest.mark.parametrize("may, role", (("CREATEROLE", None), ("NOCREATEROLE", "handback_owner")))
def test_migrates_without_superuser(cluster, may, role):
    """A managed PostgreSQL gives CREATEROLE and a database of one's own at most; or its DBA has made the roles."""
    with cluster.connect() as c:
        c.execute(f"CREATE ROLE site_dba LOGIN {may}")
        c.execute("CREATE DATABASE sitedb OWNER site_dba")
        if role:
            c.execute(f"GRANT {role} TO site_dba")
        elif c.info.server_version >= 160000:  # what one has of the roles that one has made
            c.execute("GRANT handback_owner, handback_daemon, handback_operator, handback_finance TO site_dba"
                      " WITH ADMIN TRUE, INHERIT FALSE, SET FALSE")
    try:
        with cluster.connect("sitedb", "site_dba") as c:
            pg.migrate(c)
            assert c.execute("SELECT count(*) FROM handback_schema.migration").fetchone()[0] == len(pg.migration_files())
    finally:
        with cluster.connect() as c:
            c.execute("DROP DATABASE sitedb WITH (FORCE)")
            c.execute("DROP ROLE site_dba")


def test_functions_are_safe_to_call(database):
    """Each fixes its search_path; none is everybody's to call."""
    with database.connect() as c:
        rows = c.execute(
            "SELECT p.oid::regprocedure::text, p.proconfig, p.proacl::text FROM pg_proc p JOIN pg_namespace n"
            " ON n.oid = p.pronamespace WHERE n.nspname IN ('handback_schema', 'ledger', 'handback', 'audit')").fetchall()
    assert len(rows) > 10
    for name, settings, acl in rows:
        assert any(s == "search_path=pg_catalog, pg_temp" for s in settings or ()), name
        # an entry without a grantee is PUBLIC's
        assert acl is not None and not re.search(r"[{,]=", acl), f"{name}: {acl}"


def test_everything_people_meet_has_a_comment(database):
    with database.connect() as c:
        bare = c.execute(
            "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname IN ('ledger', 'handback', 'audit', 'handback_schema') AND c.relkind IN ('r', 'v')"
            " AND obj_description(c.oid, 'pg_class') IS NULL").fetchall()
    assert bare == []


# what each role may do, beside SELECT; anything that is not listed is refused
MAY = {
    "handback_daemon": {
        "INSERT handback.partner", "INSERT handback.file", "INSERT handback.control", "INSERT handback.refusal",
        "INSERT handback.outcome", "INSERT handback.tie_out", "INSERT handback.hold", "INSERT audit.head",
        "INSERT handback.source_poll", "INSERT handback.issue", "INSERT handback.issue_file", "INSERT handback.issue_missing",
        "INSERT handback.hold_guarded", "INSERT handback.term", "INSERT handback.removal",
        "INSERT handback.release_failure",
    },
    "handback_operator": set(),
    "handback_finance": set(),
}
MAY_COLUMNS = {
    ("handback_daemon", "UPDATE", "handback.file", "archived_at"), ("handback_daemon", "UPDATE", "handback.file", "archived_as"),
    ("handback_daemon", "INSERT", "handback.hold_end", "hold_id"), ("handback_daemon", "INSERT", "handback.hold_end", "how"),
}


@pytest.mark.parametrize("role", ROLES)
def test_grants(database, role):
    with database.connect() as c:
        tables = [row[0] for row in c.execute(
            "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname IN ('ledger', 'handback', 'audit', 'handback_schema') AND c.relkind IN ('r', 'v')")]
        may = {f"{what} {table}" for table in tables for what in ("INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
               if c.execute("SELECT has_table_privilege(%s, %s, %s)", (role, table, what)).fetchone()[0]}
        columns = {(role, what, table, column)
                   for what in ("INSERT", "UPDATE")
                   for table, column in c.execute(
                       "SELECT a.attrelid::regclass::text, a.attname FROM pg_attribute a WHERE a.attnum > 0"
                       " AND NOT a.attisdropped AND a.attrelid = ANY(%s::regclass[])"
                       " AND has_column_privilege(%s, a.attrelid, a.attnum, %s)", (tables, role, what))
                   if f"{what} {table}" not in may}
        assert may == MAY[role]
        assert columns == {entry for entry in MAY_COLUMNS if entry[0] == role}
        for schema in ("ledger", "handback", "audit", "handback_schema", "public"):
            create = c.execute("SELECT has_schema_privilege(%s, %s, 'CREATE')", (role, schema)).fetchone()[0]
            assert not create or (schema == "public" and c.info.server_version < 150000)


def test_daemon_knows_the_ledger_by_its_contract_alone(database):
    with database.connect("handback_daemon") as c:
        c.execute("SELECT * FROM ledger.redemption")
        c.execute("SELECT * FROM ledger.reversal")
        for table in ("entry", "member", "balance", "programme"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                c.execute(f"SELECT * FROM ledger.{table}")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            c.execute("SELECT ledger.post_reinstatements('{1}')")


def test_finance_reads_everything_of_the_proof(database):
    with database.connect("handback_finance") as c:
        for table in ("handback.files", "handback.records_in_words", "handback.open_holds", "handback.outcome",
                      "handback.tie_out", "handback.hold_end", "audit.head", "audit.act", "ledger.redemption",
                      "ledger.reversal", "ledger.entry", "ledger.balance", "handback_schema.migration"):
            c.execute(f"SELECT * FROM {table} LIMIT 1")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            c.execute("SELECT ledger.post_reversals('{1}')")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            c.execute("SELECT audit.append_act('x', 'y')")


def test_verdict_rules_are_complete(database):
    """Every prior state, verdict, age and policy has one rule."""
    with database.connect() as c:
        assert c.execute("SELECT count(*) FROM handback.verdict_rule").fetchone()[0] == 5 * 5 * 2 * 2

"""The schema: that what is read (schema/present) is what the migrations come to, that they hold together, and who may do
what afterwards."""
import hashlib
import json
import re
import subprocess

import psycopg
import pytest

import pg
from dumped import dump

ROLES = ("handback_daemon", "handback_nightly", "handback_verify", "handback_collector", "handback_api", "handback_outbox", "handback_login", "handback_operator", "handback_finance")


def test_the_present_schema_is_what_the_migrations_come_to(cluster):
    """schema/present is for reading, schema/migrations for databases that are there: one schema, on whatever server this is."""
    present, migrated = cluster.database(migrated=False), cluster.database()
    try:
        with present.connect() as c, c.transaction():
            c.execute((pg.SCHEMA / "bootstrap.sql").read_text())
            c.execute("SET LOCAL search_path = pg_catalog, pg_temp")
            for path in pg.present_files():
                c.execute(pg.filled(path))
        assert dump(present) == dump(migrated)
        with present.connect() as c:
            c.execute("COMMENT ON TABLE handback.file IS 'another'")
        assert dump(present) != dump(migrated)
    finally:
        present.drop()
        migrated.drop()


def test_twice_is_once(database):
    with database.connect() as c:
        before = c.execute("SELECT * FROM handback_schema.migration ORDER BY 1").fetchall()
        pg.migrate(c)
        assert c.execute("SELECT * FROM handback_schema.migration ORDER BY 1").fetchall() == before
        assert [row[0] for row in before] == list(range(1, len(before) + 1))
        for (version, name, sha, *_), (_, path) in zip(before, pg.migration_files(), strict=True):
            assert name == path.name and sha == hashlib.sha256(pg.filled(path).encode()).digest(), version


def test_every_file_is_compiled_in():
    listed = re.findall(r"'migrations/(\d{4}_\w+\.sql)'", (pg.SCHEMA / "meson.build").read_text())
    assert listed == [path.name for _, path in pg.migration_files()]
    assert sorted(pg.present_files()) == sorted((pg.SCHEMA / "present").glob("*.sql"))


@pytest.mark.parametrize("had", ["nothing", "some", "all"])
def test_the_program_migrates_the_same(cluster, build, had):
    """handbackctl comes to the same schema, from an empty database by schema/present, from an older one by what it lacks."""
    ours, by_hand = cluster.database(migrated=False), cluster.database()
    migrate = [build / "ctl" / "handbackctl", "migrate", "--json", "--database", ours.conninfo()]
    versions = [version for version, _ in pg.migration_files()]
    done = {"nothing": [], "some": versions[:5], "all": versions}[had]
    try:
        if done:
            with ours.connect() as c:
                pg.migrate(c, upto=done[-1])
        for lacks in (versions[len(done):], []):
            said = subprocess.run(migrate, check=True, capture_output=True, timeout=60).stdout
            assert [row["version"] for row in json.loads(said)["migrations"]] == lacks
        assert dump(ours) == dump(by_hand)
        with ours.connect() as a, by_hand.connect() as b:
            told = "SELECT version, name, sha256 FROM handback_schema.migration ORDER BY 1"
            assert a.execute(told).fetchall() == b.execute(told).fetchall()
            transactions = a.execute("SELECT count(DISTINCT applied_at) FROM handback_schema.migration").fetchone()[0]
            assert transactions == {"nothing": 1, "some": len(versions), "all": len(versions)}[had]
            a.execute("UPDATE handback_schema.migration SET sha256 = sha256('x') WHERE version = 1")
        refused = subprocess.run(migrate, capture_output=True, text=True, timeout=60)
        assert refused.returncode != 0 and "0001_roles.sql" in refused.stderr
    finally:
        ours.drop()
        by_hand.drop()


def test_an_empty_database_stays_empty_where_it_cannot_be_filled(cluster, build):
    """One transaction: what fails at the last topic leaves nothing of the first, and the next run does it all."""
    ours = cluster.database(migrated=False)
    migrate = [build / "ctl" / "handbackctl", "migrate", "--database", ours.conninfo()]
    try:
        with ours.connect() as c:
            c.execute("CREATE SCHEMA handback")
        refused = subprocess.run(migrate, capture_output=True, text=True, timeout=60)
        assert refused.returncode != 0 and "words.sql" in refused.stderr and "already exists" in refused.stderr
        with ours.connect() as c:
            assert c.execute("SELECT to_regnamespace('ledger'), (SELECT count(*) FROM handback_schema.migration)").fetchone() == (None, 0)
            c.execute("DROP SCHEMA handback")
        subprocess.run(migrate, check=True, capture_output=True, timeout=60)
    finally:
        ours.drop()


def test_owner(database):
    """Whoever migrated, all of it is the owner's."""
    with database.connect() as c:
        others = c.execute(
            "SELECT n.nspname || '.' || c.relname, c.relowner::regrole FROM pg_class c JOIN pg_namespace n"
            " ON n.oid = c.relnamespace WHERE n.nspname IN ('handback_schema', 'ledger', 'handback', 'audit', 'api', 'catalogue', 'points')"
            " AND c.relowner <> 'handback_owner'::regrole UNION ALL"
            " SELECT p.oid::regprocedure::text, p.proowner::regrole FROM pg_proc p JOIN pg_namespace n"
            " ON n.oid = p.pronamespace WHERE n.nspname IN ('handback_schema', 'ledger', 'handback', 'audit', 'api', 'catalogue', 'points')"
            " AND p.proowner <> 'handback_owner'::regrole").fetchall()
        assert others == []


@pytest.mark.parametrize("way", ("migrations", "present"))
@pytest.mark.parametrize("may, role", (("CREATEROLE", None), ("NOCREATEROLE", "handback_owner")))
def test_migrates_without_superuser(cluster, build, may, role, way):
    """A managed PostgreSQL gives CREATEROLE and a database of one's own at most; or its DBA has made the roles."""
    with cluster.connect() as c:
        c.execute(f"CREATE ROLE site_dba LOGIN {may}")
        c.execute("CREATE DATABASE sitedb OWNER site_dba")
        if role:
            c.execute(f"GRANT {role} TO site_dba")
        elif c.info.server_version >= 160000:  # what one has of the roles that one has made
            c.execute("GRANT handback_owner, " + ", ".join(ROLES) + " TO site_dba"
                      " WITH ADMIN TRUE, INHERIT FALSE, SET FALSE")
    try:
        if way == "present":
            subprocess.run([build / "ctl" / "handbackctl", "migrate", "--database", cluster.conninfo("sitedb", "site_dba")],
                           check=True, capture_output=True, timeout=60)
        with cluster.connect("sitedb", "site_dba") as c:
            if way == "migrations":
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
            " ON n.oid = p.pronamespace WHERE n.nspname IN ('handback_schema', 'ledger', 'handback', 'audit', 'api', 'catalogue', 'points')").fetchall()
    assert len(rows) > 10
    for name, settings, acl in rows:
        assert any(s == "search_path=pg_catalog, pg_temp" for s in settings or ()), name
        # an entry without a grantee is PUBLIC's
        assert acl is not None and not re.search(r"[{,]=", acl), f"{name}: {acl}"


def test_everything_people_meet_has_a_comment(database):
    with database.connect() as c:
        bare = c.execute(
            "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname IN ('ledger', 'handback', 'audit', 'handback_schema', 'api', 'catalogue', 'points') AND c.relkind IN ('r', 'v')"
            " AND obj_description(c.oid, 'pg_class') IS NULL").fetchall()
    assert bare == []


# what each role may do, beside SELECT; anything that is not listed is refused
MAY = {
    "handback_daemon": {
        "INSERT handback.partner", "INSERT handback.file", "INSERT handback.control", "INSERT handback.refusal",
        "INSERT handback.outcome", "INSERT handback.tie_out", "INSERT handback.hold", "INSERT audit.head",
        "INSERT handback.expected_delivery_file", "INSERT handback.release_failure", "INSERT handback.hold_stated",
        "INSERT handback.answer_part", "INSERT handback.file_failure", "INSERT handback.record_id", "INSERT handback.correction",
        "INSERT handback.correction_of",
    },
    "handback_nightly": {
        "INSERT handback.source_poll", "INSERT handback.expected_delivery", "INSERT handback.expected_delivery_file", "INSERT handback.expected_delivery_missing",
        "INSERT handback.outcome", "INSERT handback.hold_guarded", "INSERT handback.hold_found", "INSERT handback.term", "INSERT handback.purge",
        "INSERT handback.answer_part",
    },
    "handback_verify": set(),
    "handback_collector": set(),
    "handback_api": set(),
    "handback_outbox": set(),
    "handback_login": set(),
    "handback_operator": set(),
    "handback_finance": set(),
}
MAY_COLUMNS = {
    ("handback_daemon", "UPDATE", "handback.file", "archived_at"), ("handback_daemon", "UPDATE", "handback.file", "archived_as"),
    ("handback_daemon", "INSERT", "handback.hold_end", "hold_id"), ("handback_daemon", "INSERT", "handback.hold_end", "how"),
    ("handback_nightly", "INSERT", "handback.hold_end", "hold_id"), ("handback_nightly", "INSERT", "handback.hold_end", "how"),
}


@pytest.mark.parametrize("role", ROLES)
def test_grants(database, role):
    with database.connect() as c:
        tables = [row[0] for row in c.execute(
            "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname IN ('ledger', 'handback', 'audit', 'handback_schema', 'api', 'catalogue', 'points') AND c.relkind IN ('r', 'v')")]
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
        for schema in ("ledger", "handback", "audit", "handback_schema", "api", "catalogue", "points", "public"):
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
                      "handback.tie_out", "handback.hold_end", "audit.head", "audit.event", "ledger.redemption",
                      "ledger.reversal", "ledger.entry", "ledger.balance", "handback_schema.migration"):
            c.execute(f"SELECT * FROM {table} LIMIT 1")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            c.execute("SELECT ledger.post_reversals('{1}')")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            c.execute("SELECT audit.append_event('commented', 'y')")


def test_verdict_rules_are_complete(database):
    """Every prior state, verdict, age and policy has one rule."""
    with database.connect() as c:
        assert c.execute("SELECT count(*) FROM handback.verdict_rule").fetchone()[0] == 5 * 5 * 2 * 2

"""handbackctl setup: a site from nothing, again without harm, taken back by what it printed; and what it makes can read what it has to."""
import json
import os
import subprocess

import psycopg
import pytest

import pg
from ctl_terminal import on_terminal
from world import CTL, World

LOGINS = ("handback", "handback-api", "handback-outbox", "handback-login", "setup_ann", "setup_ben")
READS = ("files", "show 1", "show 1 --records", "show 1 --rules", "explain 1:1", "holds", "hold show 1", "overdue", "proposals", "report",
         "report roll-forward", "report ageing", "report reasons", "report deliveries", "report decisions", "report trend", "report points",
         "transactions", "schedule list", "audit head", "credential list", "policy list", "route list", "catalogue show", "catalogue holds",
         "token list", "points requests", "points batches", "points unanswered", "points partners", "points sponsors", "points proposals",
         "points links", "target status", "target parity")


def ctl(build, *arguments):
    return subprocess.run([build / CTL, *map(str, arguments)], text=True, capture_output=True, stdin=subprocess.DEVNULL,
                          env={**os.environ, "LC_ALL": "C.UTF-8"}, timeout=60)


@pytest.fixture(scope="module")
def world(cluster, build):
    with World(cluster, build) as made:
        made.drop("SKYLINE", *made.file("SKYLINE", made.unusual()))
        made.run()
        yield made
        with cluster.connect() as c:
            for login in LOGINS:
                c.execute(f'DROP ROLE IF EXISTS "{login}"')


def test_a_site_from_nothing_and_back(cluster, build, world, tmp_path):
    config = tmp_path / "handback.yaml"
    inbox = tmp_path / "inbox"
    config.write_text(f"database:\n  conninfo: \"{cluster.conninfo('setup_site')}\"\nspool: {world.spool}\nprofiles: {tmp_path}\n"
                      f"sources:\n  - {{name: a, partner: A, profile: a, directory: {inbox}}}\n")
    missing = ctl(build, "--config", config, "files")
    assert missing.returncode == 6 and 'database "setup_site" does not exist; as root, `handbackctl setup`' in missing.stderr
    done = ctl(build, "--config", config, "setup", "setup_ann=operator", "--json")
    assert done.returncode == 0, done.stderr
    steps = json.loads(done.stdout)["setup"]
    statements = [step["done"] for step in steps]
    assert 'CREATE ROLE "handback-api" LOGIN' in statements and "GRANT handback_operator TO setup_ann" in statements
    assert (inbox.stat().st_mode & 0o7777 == 0o2770) if os.geteuid() == 0 else not inbox.exists()
    with psycopg.connect(cluster.conninfo("setup_site", "setup_ann")) as c:
        assert c.execute("SELECT pg_has_role('handback_operator', 'MEMBER')").fetchone() == (True,)
    again = ctl(build, "--config", config, "setup", "setup_ann=operator")
    assert again.returncode == 0 and again.stdout.startswith("everything was there already"), again
    with cluster.connect() as c:
        for step in reversed(steps):
            if step["undo"].startswith(("DROP", "REVOKE")):
                c.execute(step["undo"])
        assert c.execute("SELECT count(*) FROM pg_database WHERE datname = 'setup_site'").fetchone() == (0,)
        assert c.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", (list(LOGINS),)).fetchall() == []


@pytest.mark.parametrize("wrong", ("ann", "=operator", "ann=boss", "a,b=finance"))
def test_who_is_nobody_or_does_nothing_is_asked_again(build, world, wrong):
    done = ctl(build, "--config", world.config, "setup", wrong)
    assert done.returncode == 2 and "alice=operator (who decides) or carol=finance (who reads)" in done.stderr


def test_who_may_not_is_told_who_may(build, world, cluster):
    with cluster.connect() as c:
        c.execute("CREATE ROLE setup_nobody LOGIN")
    try:
        login = world.database.conninfo("setup_nobody")
        done = ctl(build, "--config", world.config, "--database", login, "setup", "setup_other=finance")
        assert done.returncode != 0 and "run it as root, or as the server's superuser" in done.stderr, done
        done = ctl(build, "--config", world.config, "--database", login, "files")
        assert done.returncode == 6 and "a member of handback_finance or handback_verify; as root, `handbackctl setup NAME=finance`" in done.stderr
    finally:
        with cluster.connect() as c:
            c.execute("DROP ROLE setup_nobody")


def test_check_finds_a_login_without_its_roles_and_a_password_that_everyone_reads(build, world, cluster, tmp_path):
    login = "setup_half"
    with cluster.connect() as c:
        c.execute(f"CREATE ROLE {login} LOGIN IN ROLE handback_daemon, handback_verify")
    try:
        config = tmp_path / "handback.yaml"
        config.write_text(world.config.read_text().replace('conninfo: "', 'conninfo: "password=x '))
        checks = {row["what"]: row for row in json.loads(ctl(build, "--config", config, "--database", world.database.conninfo(login), "check", "--json").stdout)["checks"]
                  if row["state"] == "error"}
        assert checks["login"]["detail"] == "setup_half lacks handback_nightly, handback_collector; as root, `handbackctl setup` grants it", checks
        assert "everyone may read it (mode 0644)" in checks["configuration"]["detail"]
    finally:
        with cluster.connect() as c:
            c.execute(f"DROP ROLE {login}")


def scans(plan, within=()):
    """(relation, the names of the parts of the plan that it is read in) of each table that is read."""
    within = (*within, plan.get("Subplan Name"))
    if "Relation Name" in plan:
        yield plan["Relation Name"], within
    for below in plan.get("Plans", ()):
        yield from scans(below, within)


def test_what_a_hold_asks_about_is_read_before_all_redemptions(world):
    """In a new ledger's first minutes, without statistics, the planner joined all records with all redemptions: seconds for a small file."""
    query = pg.statement("lib/finance/view/hold.sql", "hold_candidates").replace("$1", "1")
    with world.database.connect() as c:
        plan = c.execute(f"EXPLAIN (FORMAT JSON) {query}").fetchone()[0][0]["Plan"]
    read = list(scans(plan))
    assert {table for table, _ in read} >= {"outcome", "entry"}, read
    assert all("CTE asked" in within for table, within in read if table in ("hold", "file", "partner")), read


def test_the_services_login_reads_all_that_people_read(build, world):
    """Root's commands go by this login, which has the programs' roles and no person's."""
    assert ctl(build, "--config", world.config, "--database", world.database.conninfo(), "setup").returncode == 0
    for command in READS:
        done = ctl(build, "--config", world.config, "--database", world.database.conninfo("handback"), *command.split(), "--format", "csv")
        assert done.returncode in (0, 3) and done.stderr == "", (command, done)


def test_a_person_at_a_terminal_is_asked(cluster, build, world, tmp_path):
    """It says what it would make, asks who the people are, and does nothing until it is told to."""
    config = tmp_path / "handback.yaml"
    config.write_text(f"database:\n  conninfo: \"{cluster.conninfo('setup_asked')}\"\nspool: {world.spool}\nprofiles: {tmp_path}\nsources: []\n")
    command = build / CTL, "--config", config, "setup"

    def there():
        with cluster.connect() as c:
            return [c.execute(f"SELECT count(*) FROM {table} = %s", (name,)).fetchone()[0] for table, name in (
                ("pg_database WHERE datname", "setup_asked"), ("pg_roles WHERE rolname", "setup_ann"), ("pg_roles WHERE rolname", "setup_ben"))]

    said, status = on_terminal(*command, answers="setup_ann setup_ben\n\nn\n")
    assert status == 2 and "the database setup_asked and the schema" in said and "nothing was done" in said and there() == [0, 0, 0]
    said, status = on_terminal(*command, answers="setup_ann=boss\n")
    assert status == 2 and "write a person's login" in said and there() == [0, 0, 0]
    try:
        said, status = on_terminal(*command, answers="setup_ann, setup_ben\n\ny\n")
        assert status == 0 and "GRANT handback_operator TO setup_ben" in said.replace("\n", " ") and there() == [1, 1, 1]
        said, status = on_terminal(*command, "--yes")
        assert status == 0 and "everything was there already" in said and "Go on?" not in said
    finally:
        cluster.administer('DROP DATABASE IF EXISTS setup_asked WITH (FORCE)')

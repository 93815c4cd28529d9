"""What only reads takes a role that only reads: each role is refused every change, and its programs work with it alone."""
import os
import socket
import subprocess

import psycopg
import pytest

from world import CTL, World

ROLES = ("handback_finance", "handback_verify", "handback_collector")
SCHEMAS = "('ledger', 'handback', 'audit', 'handback_schema')"


@pytest.fixture(scope="module")
def world(cluster, build):
    with World(cluster, build) as made:
        for partner, broken in (("SKYLINE", {}), ("MERIDIAN", {"break_totals": 1})):  # one by one: file 1 is the one with records
            made.drop(partner, *made.file(partner, **broken))
            made.run()
        yield made


def refused(connection, statement):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement)


@pytest.mark.parametrize("role", ROLES)
def test_no_table_is_changed(world, role):
    with world.database.connect() as owner:
        tables = owner.execute(
            "SELECT c.oid::regclass::text, (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = 1)"
            f" FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname IN {SCHEMAS}"
            " AND c.relkind = 'r'").fetchall()
    assert len(tables) > 25
    with world.database.connect(role) as c:
        for table, column in tables:
            refused(c, f"INSERT INTO {table} DEFAULT VALUES")
            refused(c, f"UPDATE {table} SET {column} = {column}" if column else f"DO $$BEGIN LOCK TABLE {table} IN EXCLUSIVE MODE; END$$")
            refused(c, f"DELETE FROM {table}")
            refused(c, f"TRUNCATE {table} CASCADE")
        refused(c, "CREATE TABLE handback.mine (n integer)")


@pytest.mark.parametrize("role", ROLES)
def test_no_writing_function_is_called(world, role):
    """What could write is volatile; what is a trigger's is nobody's to call."""
    with world.database.connect() as owner:
        functions = owner.execute(
            "SELECT p.oid::regproc::text, pg_get_function_identity_arguments(p.oid), p.prokind, ARRAY(SELECT format_type(t, NULL)"
            " FROM unnest(p.proargtypes) WITH ORDINALITY u (t, n) ORDER BY n)"
            f" FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname IN {SCHEMAS}"
            " AND p.provolatile = 'v' AND p.prorettype <> 'trigger'::regtype").fetchall()
    names = {name for name, *_ in functions}
    assert names >= {"ledger.post_reversals", "ledger.post_reinstatements", "audit.append_event", "handback.assign_deliveries",
                     "handback.make_expected_deliveries", "handback.propose", "handback.approve", "handback.reject"}
    with world.database.connect(role) as c:
        for name, _, kind, types in functions:
            if role == "handback_finance" and name in ("handback.make_web_link", "handback.enter_by_web", "handback.sign_month"):
                continue  # who opens the pages, and when, and who signs a month is noted: nothing else
            call = f"{name}({', '.join(f'NULL::{t}' for t in types)})"
            refused(c, f"CALL {call}" if kind == "p" else f"SELECT {call}")


def ctl_as(world, role, *arguments):
    return subprocess.run([world.build / CTL, "--config", world.config, "--database", world.database.conninfo(role), *arguments],
                          text=True, env=world.environment(), stdin=subprocess.DEVNULL, capture_output=True, timeout=60)


@pytest.mark.parametrize("role", ("handback_finance", "handback_verify"))
@pytest.mark.parametrize("command", (
    ("files",), ("show", "1", "--records"), ("explain", "1:1"), ("holds",), ("holds", "--ended"), ("hold", "show", "1"), ("overdue",),
    ("proposals",), ("report", "--all"), ("report", "roll-forward"), ("report", "roll-forward", "--rows", "closing"),
    ("report", "ageing"), ("report", "reasons"), ("report", "deliveries"), ("report", "decisions"), ("report", "trend"),
    ("audit", "head"), ("audit", "verify")), ids=" ".join)
def test_what_reads_works(world, role, command):
    done = ctl_as(world, role, *command)
    assert done.returncode == 0, done.stderr
    assert done.stdout


@pytest.mark.parametrize("role", ("handback_daemon", "handback_nightly", "handback_collector"))
def test_who_writes_reads_by_no_other_role(world, role):
    """A login that is no reader is told so, and is not given a role that may do more."""
    done = ctl_as(world, role, "holds")
    assert done.returncode == 6 and "handback_finance" in done.stderr


def test_status_reads(world):
    daemon = world.start_daemon()
    try:
        done = ctl_as(world, "handback_finance", "status", "--json")
        assert done.returncode == 0 and '"holds": [' in done.stdout and "could not be asked" not in done.stdout, done.stderr
    finally:
        world.stop_daemon(daemon)


def test_the_collector_counts(world):
    world.configure(conninfo=world.database.conninfo("handback_collector"))
    told = world.spool / "collector.prom"
    told.unlink(missing_ok=True)
    with world.database.connect() as c:
        for made, scope in ((10, "sso"), (90, "sso"), (20, "rate")):
            c.execute("SELECT catalogue.rotate_token((SELECT code FROM ledger.programme ORDER BY 1 LIMIT 1), %s, sha256(%s), %s)", (scope, f"{made}{scope}".encode(), made))
        newest = c.execute("SELECT programme, extract(epoch FROM expires_at)::bigint FROM catalogue.tokens WHERE scope = 'sso' AND generation = 2").fetchone()
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, subprocess.Popen([world.build / "collect/handback-collect", "--config", world.config], pass_fds=[3],
                                preexec_fn=lambda: os.dup2(its.fileno(), 3), stderr=subprocess.PIPE, text=True) as collector:
        its.close()
        assert ours.recv(100) == b"ready", collector.communicate(timeout=10)
        world.until(told.exists, "the figures")
        ours.close()
        assert collector.wait(10) == 0, collector.stderr.read()
    assert 'handback_holds_open{partner="MERIDIAN",reason="control_total",age="day"} 1' in told.read_text()
    assert f'handback_shop_token_expiry_timestamp_seconds{{programme="{newest[0]}",scope="sso"}} {newest[1]}\n' in told.read_text()
    assert told.read_text().count("handback_shop_token_expiry_timestamp_seconds{") == 2
    world.configure()


def test_the_night_does_what_it_does(world):
    """With its role alone, and to the end: held files wait, so that it ends with 3."""
    done = ctl_as(world, "handback_nightly", "nightly", "--plan")
    assert done.returncode in (0, 3), done.stderr
    with world.database.connect("handback_nightly") as c:
        for statement in ("INSERT INTO handback.file DEFAULT VALUES", "INSERT INTO handback.partner (code) VALUES ('X')",
                          "UPDATE handback.file SET archived_as = 'x'", "INSERT INTO audit.head DEFAULT VALUES",
                          "INSERT INTO handback.tie_out DEFAULT VALUES", "SELECT ledger.post_reinstatements('{1}')",
                          "SELECT handback.approve(1, 'x')"):
            refused(c, statement)

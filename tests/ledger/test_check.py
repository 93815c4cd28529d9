"""handbackctl check: what is wrong around a site that runs is named, with what to do; each is there to be found, and is gone when it is repaired."""
import json
import os
import re
import shutil
import socket
import subprocess
import time

import pytest

import pg
from world import CTL, World


@pytest.fixture(scope="module")
def world(cluster, build):
    with World(cluster, build) as made:
        yield made


def checks(world, *more, config=None):
    done = subprocess.run([world.build / CTL, "--config", str(config or world.config), *more, "check", "--json"], text=True, capture_output=True,
                          stdin=subprocess.DEVNULL, timeout=60)
    return [(row["what"], row["state"], row["detail"]) for row in json.loads(done.stdout)["checks"]], done


def said(world, what, *more, config=None):
    return [(state, detail) for name, state, detail in checks(world, *more, config=config)[0] if name == what]


def test_what_is_right_is_said(world):
    found = checks(world)[0]
    assert not [row for row in found if row[1] == "error"], found
    assert {"database", "schema", "login", "guards", "clock", "control", "handbackd"} <= {what for what, _, _ in found}


def test_a_guard_that_is_off_is_named_with_its_repair(world):
    with world.database.connect() as c:
        c.execute("ALTER TABLE ledger.entry DISABLE TRIGGER USER")
        try:
            found = said(world, "guards")
        finally:
            c.execute("ALTER TABLE ledger.entry ENABLE TRIGGER USER")
    assert found and all(state == "error" and "nothing is posted until it is back" in detail for state, detail in found), found
    repairs = [detail.split("superuser: ")[1] for _, detail in found]
    assert all(text.startswith("ALTER TABLE ledger.entry ENABLE TRIGGER ") for text in repairs)
    assert said(world, "guards") == [("ok", "all triggers of our tables are on, all unique indexes hold")]


@pytest.mark.parametrize("setting, why", [
    ("synchronous_commit=off", "synchronous_commit is off: a posting could be lost"), ("session_replication_role=replica", "triggers and foreign keys would not hold"),
    ("default_transaction_read_only=on", "read-only")])
def test_a_setting_that_switches_guards_off_is_told_where_the_database_stands(world, setting, why):
    (state, detail), = said(world, "database", "--database", f"{world.database.conninfo()} options='-c {setting}'")
    assert state == "error" and why in detail, detail


def test_a_server_that_logs_what_members_do(world):
    with world.database.connect() as c:
        c.execute(f'ALTER DATABASE "{world.database.name}" SET log_statement = \'all\'')
        try:
            (state, detail), = said(world, "settings")
        finally:
            c.execute(f'ALTER DATABASE "{world.database.name}" RESET log_statement')
    assert state == "warning" and "log_statement is all" in detail and "SET log_statement = 'none'" in detail
    assert said(world, "settings") == []


def test_secrets_that_everyone_can_read(world, tmp_path):
    passfile, key = tmp_path / "passfile", tmp_path / "key"
    text = world.config.read_text().replace('conninfo: "', f'conninfo: "passfile={passfile} ').replace(
        "sources:\n", "sources:\n  - {name: far, partner: SKYLINE, profile: skyline, sftp: {host: sftp.example, user: u, directory: /, "
        f"key: {key}, host_keys: [\"SHA256:{'A' * 43}\"]}}}}\n")
    config = tmp_path / "handback.yaml"
    config.write_text(text)
    for path in (passfile, key):
        path.write_text("x")
        path.chmod(0o644)
    found = [row for row in checks(world, config=config)[0] if "everyone may read it" in row[2]]
    assert sorted(row[0] for row in found) == ["database", "source far"] and all(f"chmod o= {tmp_path}" in row[2] for row in found), found
    for path in (passfile, key):
        path.chmod(0o640)
    assert not [row for row in checks(world, config=config)[0] if "everyone may read it" in row[2]]


@pytest.mark.parametrize("conninfo, has", [
    ("host=/nowhere password=x", True), ("postgresql://u:x@localhost/d", True), ("host=/nowhere sslpassword=x", True),
    ("host=/nowhere passfile=/run/password", False), ("postgresql://u@localhost/d", False)])
def test_a_password_in_the_configuration(world, tmp_path, conninfo, has):
    config = tmp_path / "handback.yaml"
    config.write_text(re.sub('conninfo: ".*"', f'conninfo: "{conninfo}"', world.config.read_text()))
    config.chmod(0o644)
    assert any("a password in database.conninfo" in detail for _, detail in said(world, "configuration", config=config)) == has


def test_the_directory_of_a_socket(world, tmp_path):
    place = tmp_path / "run"
    config = tmp_path / "handback.yaml"
    config.write_text("".join(f"control: {place}/control\n" if line.startswith("control:") else line for line in world.config.read_text().splitlines(True)))
    (state, detail), = said(world, "control", config=config)
    assert state == "warning" and f"install -d -o handback {place}" in detail
    place.mkdir()
    place.chmod(0o777)
    (state, detail), = said(world, "control", config=config)
    assert state == "error" and f"chmod o-w {place}" in detail


@pytest.fixture(scope="module")
def bouncer(cluster, world, tmp_path_factory):
    """A real PgBouncer for each mode: who asks it, and by what port."""
    if shutil.which("pgbouncer") is None:
        pytest.skip("pgbouncer is not installed")
    place = tmp_path_factory.mktemp("bouncer", numbered=True)
    place.chmod(0o777)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (place / "users").write_text('"postgres" ""\n')
    lines = "".join(f"{mode} = host={cluster.socket} dbname={world.database.name} user=postgres pool_mode={mode}\n" for mode in ("transaction", "statement", "session"))
    (place / "ini").write_text(f"[databases]\n{lines}[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = any\n"
                               f"auth_file = {place}/users\nunix_socket_dir =\nlogfile = {place}/log\nignore_startup_parameters = options\n")
    (place / "log").touch()
    (place / "log").chmod(0o666)
    for path in (place, *place.parents):
        if path.stat().st_uid == os.geteuid() and path != path.parent and not path.stat().st_mode & 0o001:
            path.chmod(path.stat().st_mode | 0o011)
    process = subprocess.Popen(pg.as_server_user("pgbouncer", "-q", place / "ini"), stderr=subprocess.PIPE)
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            assert process.poll() is None and time.monotonic() < deadline, (place / "log").read_text()
            time.sleep(0.02)
    yield lambda mode: f"host=127.0.0.1 port={port} dbname={mode} user=postgres"
    process.terminate()
    process.wait(20)


@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_a_pooler_that_changes_servers_is_refused_by_name(world, bouncer, mode):
    (state, detail), = said(world, "database", "--database", bouncer(mode))
    assert state == "error" and "PgBouncer: pool_mode = transaction or statement" in detail and "pool_mode = session" in detail
    done = subprocess.run([world.build / CTL, "--config", str(world.config), "--database", bouncer(mode), "files"], text=True, capture_output=True, timeout=60)
    assert done.returncode == 6 and "changes servers between statements" in done.stderr


def test_a_pooler_that_keeps_its_server_serves(world, bouncer):
    (state, _), = said(world, "database", "--database", bouncer("session"))
    assert state == "ok"
    done = subprocess.run([world.build / CTL, "--config", str(world.config), "--database", bouncer("session"), "files"], text=True, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr

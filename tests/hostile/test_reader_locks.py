"""Locks that any login may take keep nobody's file from being decided."""
import hashlib

import pytest

from world import World

READERS = ("handback_finance", "handback_verify", "handback_collector")


def key(source, name):
    return int.from_bytes(hashlib.sha256(f"{source}/{name}".encode()).digest()[:8], "little", signed=True)


@pytest.fixture
def world(cluster, build):
    with World(cluster, build) as made:
        made.run()
        yield made


def hold(connection, *keys, shared=False):
    for number in keys:
        assert connection.execute(f"SELECT pg_try_advisory_lock{'_shared' if shared else ''}(%s)", (number,)).fetchone()[0]


@pytest.mark.parametrize("held", ("the lock", "both locks", "the lock, shared"))
@pytest.mark.parametrize("role", READERS)
def test_who_only_reads_stops_no_file(cluster, world, role, held):
    with cluster.connect() as c:
        c.execute(f"DROP ROLE IF EXISTS reads; CREATE ROLE reads LOGIN IN ROLE {role}")
    name, data = world.file("SKYLINE")
    number = key("skyline", name)
    try:
        with world.database.connect("reads") as reader:
            hold(reader, *((number, ~number) if held == "both locks" else (number,)), shared=held.endswith("shared"))
            world.drop("SKYLINE", name, data)
            done = world.run()
            assert list(world.files().values()) == ["posted"], done.stderr
            assert "none of ours" in done.stdout + done.stderr
        world.oracle.check(world)
        # nothing is left of it
        world.drop("SKYLINE", *world.file("SKYLINE", world.answers("SKYLINE", start=40), sequence=2))
        assert "none of ours" not in world.run().stderr and list(world.files().values()) == ["posted"] * 2
    finally:
        with cluster.connect() as c:
            c.execute("DROP ROLE reads")


@pytest.mark.parametrize("second", (False, True))
def test_who_decides_files_has_one_alone(cluster, world, second):
    """The lock does what it is for: what another worker has is left to it."""
    name, data = world.file("SKYLINE")
    number = key("skyline", name)
    with cluster.connect() as c:
        c.execute("DROP ROLE IF EXISTS works; CREATE ROLE works LOGIN IN ROLE handback_daemon;"
                  "DROP ROLE IF EXISTS reads; CREATE ROLE reads LOGIN IN ROLE handback_finance")
    try:
        with world.database.connect("works") as worker, world.database.connect("reads") as reader:
            if second:
                hold(reader, number)
            hold(worker, ~number if second else number)
            world.drop("SKYLINE", name, data)
            world.run(allowed=(0, 3, 4))
            assert world.files() == {}
        world.run()
        assert list(world.files().values()) == ["posted"]
    finally:
        with cluster.connect() as c:
            c.execute("DROP ROLE works; DROP ROLE reads")


def test_who_holds_a_lock_that_a_file_waits_for_is_told(world):
    """Not after the fact and not to whoever looks: while the file waits, and again nothing of it once it went."""
    name, data = world.file("SKYLINE")
    daemon = world.start_daemon()
    with world.database.connect(autocommit=False) as other:
        other.execute("SET application_name = 'a colleague''s psql'")
        other.execute("SELECT pg_backend_pid()")
        pid = other.info.backend_pid
        other.execute("LOCK TABLE handback_schema.chain_lock IN EXCLUSIVE MODE")
        world.drop("SKYLINE", name, data)
        world.until(lambda: "a lock is held by another session" in daemon.log.read_text(), "it to be told")
        [line] = [line for line in daemon.log.read_text().splitlines() if "a lock is held" in line]
        for part in ("handback_schema.chain_lock", str(pid), "a colleague's psql", other.info.user, "since"):
            assert part in line, line
        assert world.files() == {}
        other.rollback()
    world.until(lambda: list(world.files().values()) == ["posted"], "the file to be posted")
    assert world.stop_daemon() == 0

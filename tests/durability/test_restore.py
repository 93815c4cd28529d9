"""A ledger that was restored from a backup older than the archive: it is said, and replayed from the archive."""
import json
import pathlib
import shutil
import subprocess

import pytest

import pg
from world import World


@pytest.fixture
def world(cluster, build):
    with World(cluster, build) as made:
        yield made


def dump(world):
    return subprocess.run([pathlib.Path(pg.bin_dir()) / "pg_dump", "-Fc", "-d", world.database.conninfo()], check=True,
                          capture_output=True).stdout


def restore(cluster, world, data):
    """In place of what is there, with the sequences as they were then, as an operator would."""
    world.database.drop()
    with cluster.connect() as c:
        c.execute(f"CREATE DATABASE {world.database.name}")
    subprocess.run([pathlib.Path(pg.bin_dir()) / "pg_restore", "-d", world.database.conninfo(), "--exit-on-error"], check=True,
                   input=data)


def postings(world):
    """Without numbers: what was answered, and how often."""
    return world.query("SELECT r.external_reference::text, o.outcome, o.reversal_id IS NOT NULL FROM handback.outcome o"
                       " JOIN ledger.redemption r USING (redemption_id) WHERE o.outcome IN (1, 2) ORDER BY 1, 2")


def balances(world):
    return world.query("SELECT b::text FROM ledger.balance b ORDER BY 1")


def verify(world):
    return world.ctl("audit", "verify", "--json", check=False)


def test_an_older_ledger_is_told_and_replayed(cluster, world):
    world.drop("SKYLINE", *world.file("SKYLINE"))
    world.run()
    backup = dump(world)
    later = [("SKYLINE", *world.file("SKYLINE", world.answers("SKYLINE", start=40), sequence=2)),
             ("MERIDIAN", *world.file("MERIDIAN")), ("AURORA", *world.file("AURORA", break_totals=1))]
    for partner, name, data in later:
        world.drop(partner, name, data)
    world.run()
    before = postings(world), balances(world), world.files()
    assert verify(world).returncode == 0
    restore(cluster, world, backup)
    assert len(world.files()) == 1 and postings(world) != before[0]

    # it is said: by audit verify, and by the daemon at its start
    world.until(lambda: verify(world).returncode == 5, "the archive to be old enough to count")
    assert "older than the archive" in verify(world).stdout
    daemon = world.start_daemon()
    world.until(lambda: any((world.spool / "notifications").rglob("ledger_older-*.json")), "the notification")
    notification = json.loads(next((world.spool / "notifications").rglob("ledger_older-*.json")).read_text())
    assert (world.spool / notification["kept"]).exists()
    world.until(lambda: "the database: it is older than the archive" in daemon.log.read_text(), "the log to say it")

    # replayed from the archive, in any order, and once more than needed
    kept = {p.read_bytes(): p for p in world.spool.rglob("*") if p.is_file() and p.parent.name != "work"}
    for states in (before[2], before[2] | {name: "duplicate" for _, name, _ in later}):
        for partner, name, data in reversed(later):
            shutil.copy(kept[data], world.inbound[partner] / f".{name}")
            (world.inbound[partner] / f".{name}").rename(world.inbound[partner] / name)
            world.wait_quiet()
        assert (postings(world), balances(world), world.files()) == (*before[:2], states)
    assert world.stop_daemon() == 0
    done = verify(world)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_file_that_is_kept_and_unknown_is_named(world):
    world.drop("SKYLINE", *world.file("SKYLINE"))
    world.run()
    kept, = [p for p in (world.spool / "archive").rglob("*") if p.is_file()]
    other = kept.with_name("0" * 64 + "-77")
    shutil.copy(kept, other)
    world.until(lambda: verify(world).returncode == 5, "the file to be old enough to count")
    difference = json.loads(verify(world).stdout)["difference"]
    assert other.name in json.dumps(difference)
    other.unlink()
    assert verify(world).returncode == 0

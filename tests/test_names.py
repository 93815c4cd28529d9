"""Names and directory entries that a partner could use against us."""
import os

import pytest

from world import World

ODD_NAMES = [
    b"SKYLINE_20261118_000002.csv\n",
    b"SKYLINE_20261118\n_000003.csv",
    b"\x1b[31mSKYLINE\x1b[0m_20261118_000004.csv",
    b"SKYLINE_20261118_000005.csv'; DROP TABLE ledger.entry; --",
    b"-rf SKYLINE_20261118_000006.csv",
    b"SKYLINE_20261118_000007.csv\xff\xfe",
    b"SKYLINE_20261118_%s%n_000008.csv",
    b"..SKYLINE_20261118_000009.csv",
    b"S" * 251 + b".csv",
    "SKYLINE_20261118_000010.csv\u202evsc".encode(),
    b"SKYLINE\t20261118\t000011.csv",
    b"$(touch handback-was-here)`id`.csv",
    b"key=value file=1 name=x.csv",
]


@pytest.fixture
def world(cluster, build):
    with World(cluster, build) as made:
        yield made


@pytest.mark.sanitize
def test_odd_names_harm_nothing_and_are_shown_escaped(world):
    folder = os.fsencode(world.inbound["SKYLINE"])
    _, data = world.file("SKYLINE")
    for number, name in enumerate(ODD_NAMES):
        with open(os.path.join(folder, name), "wb") as out:
            out.write(data + b"%d" % number)  # no good content under any of them
    good = world.file("SKYLINE", sequence=1)
    world.drop("SKYLINE", *good)
    done = world.run()
    shown = done.stdout + done.stderr + world.ctl("files").stdout + world.ctl("report", check=False).stdout
    assert "\x1b" not in shown and "\u202e" not in shown and "\xff" not in shown
    assert all(32 <= ord(c) or c in "\n\t" for c in shown)
    rows = world.query("SELECT name, name_shown, state::text FROM handback.file")
    assert {bytes(name): state for name, _, state in rows}.get(good[0].encode()) == "posted"
    for name, text, state in rows:
        assert text.isprintable(), text
        assert bytes(name) == good[0].encode() or state == "held"
    assert not list(world.dir.rglob("handback-was-here"))
    assert world.query("SELECT count(*) > 0 FROM ledger.entry") == [(True,)]
    for path in (world.spool / "quarantine").glob("*.reason"):
        assert all(c.isprintable() or c in "\n\t" for c in path.read_text()), path


def test_only_regular_files_of_one_link_are_taken(world):
    folder = world.inbound["SKYLINE"]
    _, data = world.file("SKYLINE")
    elsewhere = world.dir / "secret.csv"
    elsewhere.write_bytes(data)
    (folder / "SKYLINE_20261118_000021.csv").symlink_to(elsewhere)
    os.link(elsewhere, folder / "SKYLINE_20261118_000022.csv")
    os.mkfifo(folder / "SKYLINE_20261118_000023.csv")
    (folder / "SKYLINE_20261118_000024.csv").mkdir()
    (folder / "SKYLINE_20261118_000025.csv").symlink_to("/dev/zero")
    world.drop("SKYLINE", *world.file("SKYLINE", sequence=1))
    world.run(allowed=(0, 3, 4), timeout=20)
    assert set(world.files()) == {"SKYLINE_20261118_000001.csv"}
    assert elsewhere.read_bytes() == data
    assert (folder / "SKYLINE_20261118_000024.csv").is_dir()


def test_a_file_that_is_still_written_is_left_alone(world):
    """A writer holds it open: a read lease cannot be had, however long nothing is written."""
    daemon = world.start_daemon()
    name, data = world.file("SKYLINE")
    path = world.inbound["SKYLINE"] / name
    with open(path, "wb") as out:
        out.write(data[:200])
        out.flush()
        with pytest.raises(AssertionError):
            world.until(lambda: world.files(), "a file that must not be taken", seconds=1.5)
        out.write(data[200:])
        world.oracle.delivered("SKYLINE", name, data)
    world.wait_quiet()
    assert world.stop_daemon(daemon) == 0
    assert world.files() == {name: "posted"}
    world.oracle.check(world)


def test_names_to_ignore_stay(world):
    for name in (".hidden.csv", "x.part", "x.tmp", "x.filepart"):
        (world.inbound["SKYLINE"] / name).write_bytes(b"x")
    world.run()
    assert world.files() == {}
    assert len(list(world.inbound["SKYLINE"].iterdir())) == 4

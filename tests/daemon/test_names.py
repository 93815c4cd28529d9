"""Names and directory entries that a partner could use against us."""
import ctypes
import hashlib
import json
import os
import random
import subprocess
import sys
import threading
import time

import pytest

from worker import Desk
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


def test_names_in_utf_8_are_shown_as_they_are_written(world):
    """Everywhere: in the table, on the terminal, to JSON clients, in .reason; what could deceive the eye is escaped."""
    _, data = world.file("SKYLINE")
    for number, name in enumerate((b"M\xc3\xbcnchen \xe6\xbc\xa2 \\.csv", b"\xc3\xa4\xe2\x80\xae\xff\xc3.csv")):
        (world.inbound["SKYLINE"] / os.fsdecode(name)).write_bytes(data + b"%d" % number)
    world.run(allowed=(0, 3, 4))
    shown = {"München 漢 \\\\.csv", "ä\\u{202e}\\xff\\xc3.csv"}
    assert {name for (name,) in world.query("SELECT name_shown FROM handback.file")} == shown
    told = world.ctl("files", "--all", "--json").stdout
    assert {row["name"] for row in json.loads(told)["files"]} == shown
    assert "München 漢" in told and "ä" in told  # and not by \\u: the bytes are UTF-8
    text = world.ctl("files", "--all", COLUMNS="200").stdout
    assert all(name in text for name in shown)
    assert "München 漢" in "".join(p.read_text() for p in (world.spool / "quarantine").glob("*.reason"))
    name = next(iter(shown))
    assert json.loads(world.ctl("show", name, "--json").stdout)["file"]["name"] == name


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
    """A writer holds it open: a read lease is refused, however long nothing is written."""
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


MAPS_IT = """
import mmap, sys
with open(sys.argv[1], "r+b") as file:
    map = mmap.mmap(file.fileno(), 0)
print("mapped", flush=True)
sys.stdin.readline()
map[-1:] = b"\\n"
map.close()
"""


def test_a_file_that_another_process_has_mapped_to_write_is_left_alone(world):
    """It has closed its descriptor; what it writes through the map changes no time before the kernel sees to it."""
    name, data = world.file("SKYLINE")
    path = world.dir / "mapped"
    path.write_bytes(data[:-1] + b"?")
    with subprocess.Popen([sys.executable, "-c", MAPS_IT, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout.readline() == b"mapped\n"
        path.rename(world.inbound["SKYLINE"] / name)
        world.start_daemon()
        with pytest.raises(AssertionError):
            world.until(lambda: world.files(), "a file that must not be taken", seconds=1.5)
        writer.stdin.write(b"finish\n")
    world.oracle.delivered("SKYLINE", name, data)
    world.wait_quiet()
    assert world.files() == {name: "posted"}
    world.oracle.check(world)


class Swapper(threading.Thread):
    """Exchanges two files' names again and again, with pauses by seed of at most so many seconds, until it is stopped."""

    def __init__(self, one, other, seed, pause):
        super().__init__()
        self.names, self.chance, self.pause = (os.fsencode(one), os.fsencode(other)), random.Random(seed), pause
        self.stopped = threading.Event()
        self.start()

    def run(self):
        renameat2, here, exchange = ctypes.CDLL(None).renameat2, -100, 2  # AT_FDCWD, RENAME_EXCHANGE
        while not self.stopped.is_set():
            renameat2(here, self.names[0], here, self.names[1], exchange)
            time.sleep(self.chance.random() * self.pause)

    def stop(self):
        self.stopped.set()
        self.join()


def take_while_exchanged(desk, name, swapper):
    """Its job's end, and what was said of jobs before; when none gets through, the last is without the swapper."""
    said = []
    for _ in range(50):
        if (reply := desk.take(name))["end"] == "done":
            break
        said.append(reply["why"])
    swapper.stop()
    return (reply if reply["end"] == "done" else desk.take(name)), said


def test_of_two_files_that_are_exchanged_all_the_time_one_is_taken_whole(database, build):
    """At whatever moment of a job: no mixture of both, not the other's hash, and none of them is lost."""
    said = []
    with Desk(database, build) as desk:
        name, aside = desk.inbound / "AIR_1.csv", desk.inbound / ".aside"
        for seed in range(24):
            contents = [b"%d A\n" % seed * 300_000, b"%d B\n" % seed]
            for path, data in zip((name, aside), contents):
                path.write_bytes(data)
            reply, busy = take_while_exchanged(desk, name.name, Swapper(name, aside, seed, 0 if seed % 8 == 0 else 0.004))
            said += busy
            assert reply["end"] == "done", reply
            kept, = (desk.spool / "quarantine").glob(f"*-{reply['file']}")
            taken = kept.read_bytes()
            assert taken in contents, f"round {seed}: {len(taken)} bytes are neither of the two"
            assert hashlib.sha256(taken).hexdigest() == desk.row(reply["file"])["sha256"]
            left = [path.read_bytes() for path in (name, aside) if path.exists()]
            assert set(contents) <= {taken, *left}, f"round {seed}: one is lost"
            for path in (name, aside):
                path.unlink(missing_ok=True)
    assert said, "no job met an exchange: the test tests nothing"


def test_names_to_ignore_stay(world):
    for name in (".hidden.csv", "x.part", "x.tmp", "x.filepart"):
        (world.inbound["SKYLINE"] / name).write_bytes(b"x")
    world.run()
    assert world.files() == {}
    assert len(list(world.inbound["SKYLINE"].iterdir())) == 4

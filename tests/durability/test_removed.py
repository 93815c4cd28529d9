"""The original is removed as the very file that was read: what takes its place at that moment is read, too."""
import hashlib
import os
import pathlib
import signal
import time

import pytest

from crash_runs import PATIENCE_S, descendants, kill_first
from world import World

SETTINGS = {"workers": "1", "rescan": "200ms"}


@pytest.fixture
def world(cluster, build):
    with World(cluster, build, settings=SETTINGS) as made:
        yield made


def traced(strace, world, name, *inject):
    """What its worker does with that very name, under strace."""
    calls = sorted({how.split(":")[0] for how in inject})
    return [strace, "-D", "-qq", "-o", os.fspath(world.dir / "strace.log"), "-P", name, "-e", f"trace={','.join(calls)}",
            *(part for how in inject for part in ("-e", f"inject={how}"))]


def until_stopped(world, daemon):
    """The worker's process id, once it stands still."""
    log = world.dir / "strace.log"
    world.until(lambda: log.exists() and "stopped by SIGSTOP" in log.read_text(), "the worker to stop", PATIENCE_S)
    worker, = [pid for pid in descendants(daemon.pid)
               if pathlib.Path(f"/proc/{pid}/comm").read_text().startswith("handback-reconc")]
    return worker


def left(world):
    return sorted(os.listdir(world.inbound["SKYLINE"]))


def is_read(world, *datas):
    """All of them, once each, and nothing of them is left."""
    rows = world.query(
        "SELECT encode(sha256, 'hex'), state::text, archived_at IS NOT NULL FROM handback.file ORDER BY file_id")
    return left(world) == [] and [row[0] for row in rows] == [hashlib.sha256(data).hexdigest() for data in datas] and \
        all(state in ("posted", "held") and archived for _, state, archived in rows)


def begin(world, build, strace, *inject):
    """A file whose removal is disturbed, and another that is to take its name; the daemon, at work on the first."""
    name, first = world.file("SKYLINE")
    _, second = world.file("SKYLINE", world.answers("SKYLINE", start=40))
    world.drop("SKYLINE", name, first)
    command = traced(strace, world, name, *inject)
    daemon = world.start_daemon(wait=False, **kill_first(world, build, command, "handback-reconcile"))
    return daemon, name, first, second


def replace(world, name, data):
    part = world.inbound["SKYLINE"] / ".part"
    part.write_bytes(data)
    part.rename(world.inbound["SKYLINE"] / name)


def test_what_takes_its_name_after_the_look_is_read(world, build, strace):
    daemon, name, first, second = begin(world, build, strace, "newfstatat:signal=STOP:when=1")
    worker = until_stopped(world, daemon)
    replace(world, name, second)
    os.kill(worker, signal.SIGCONT)
    world.until(lambda: is_read(world, first, second), "both", PATIENCE_S)
    assert world.stop_daemon(within=PATIENCE_S) == 0


def test_what_took_its_name_and_was_aside_when_the_worker_died_is_read(world, build, strace):
    """The second rename of that name is its way back."""
    daemon, name, first, second = begin(world, build, strace, "newfstatat:signal=STOP:when=1",
                                        "renameat2:signal=KILL:when=2")
    worker = until_stopped(world, daemon)
    replace(world, name, second)
    os.kill(worker, signal.SIGCONT)
    world.until(lambda: is_read(world, first, second), "both", PATIENCE_S)
    assert "killed by SIGKILL" in (world.dir / "strace.log").read_text()
    assert world.stop_daemon(within=PATIENCE_S) == 0
    assert "a file that came in another's place is put back" in daemon.log.read_text()


@pytest.mark.parametrize("call,nth", [("newfstatat", 1), ("renameat2", 1), ("newfstatat", 2), ("unlinkat", 1)])
def test_a_removal_that_is_killed_is_ended_later(world, build, strace, call, nth):
    _, _, first, _ = begin(world, build, strace, f"{call}:signal=KILL:when={nth}")
    world.until(lambda: is_read(world, first), "it, once", PATIENCE_S)
    world.until(lambda: "killed by SIGKILL" in (world.dir / "strace.log").read_text(), "the kill")
    assert world.stop_daemon(within=PATIENCE_S) == 0
    world.oracle.check(world)


def test_a_removal_that_the_disk_refuses_is_tried_again(world, build, strace):
    """It stays aside: put back, and changed by that, it would come as another delivery."""
    _, _, first, _ = begin(world, build, strace, "unlinkat:error=EIO:when=1")
    world.until(lambda: is_read(world, first), "it, once", PATIENCE_S)
    world.until(lambda: "(INJECTED)" in (world.dir / "strace.log").read_text(), "the refusal")
    assert world.stop_daemon(within=PATIENCE_S) == 0
    world.oracle.check(world)


def test_a_checksum_file_that_came_for_the_next_file_stays(world, build, strace):
    """It may come before its file does."""
    text = world.config.read_text(encoding="utf-8")
    world.config.write_text(text.replace("  - name: skyline\n", "  - name: skyline\n    checksum: .sha256\n"), encoding="utf-8")
    name, first = world.file("SKYLINE")
    replace(world, f"{name}.sha256", hashlib.sha256(first).hexdigest().encode())
    daemon, name, first, second = begin(world, build, strace, "newfstatat:signal=STOP:when=1")
    worker = until_stopped(world, daemon)
    replace(world, f"{name}.sha256", hashlib.sha256(second).hexdigest().encode())
    os.kill(worker, signal.SIGCONT)
    world.until(lambda: "file posted" in daemon.log.read_text(), "the first", PATIENCE_S)
    time.sleep(0.5)  # some scans
    assert left(world) == [f"{name}.sha256"]
    replace(world, name, second)
    world.until(lambda: is_read(world, first, second), "the second", PATIENCE_S)
    assert world.stop_daemon(within=PATIENCE_S) == 0

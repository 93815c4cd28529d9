"""kill -9 of each process at points all along a run; what comes after a restart equals the run without a kill."""
import os
import time

import pytest

import oracle
from crash_runs import PATIENCE_S, kill_first
from world import World

# a system call and which one of it, for each program: spread from its start to its end
POINTS = {
    "handback-reconcile": [("openat", 30), ("fsync", 1), ("fsync", 3), ("renameat,renameat2,rename", 1),
                           ("unlinkat,unlink", 1), ("sendto", 12), ("sendto", 40), ("sendmsg", 3)],
    "handback-parse": [("write", 1), ("write", 2), ("read,pread64", 4), ("recvmsg", 1)],
    "handbackd": [("inotify_add_watch", 2), ("sendmsg", 2), ("epoll_wait", 12), ("recvmsg,recvfrom,read", 6)],
}
SPREAD = [(program, call, nth) for program, points in POINTS.items() for call, nth in points]


KILLED = "killed by SIGKILL"
# of two workers the one that nobody traces is ready first, and may have done all before the other begins
ALONE = {"workers": "1"}


def wait_while(seconds, condition):
    end = time.monotonic() + seconds
    while time.monotonic() < end and condition():
        time.sleep(0.02)


def deliver(world):
    """Posted, held, posted, and the first again."""
    world.drop("SKYLINE", *world.file("SKYLINE"))
    world.drop("MERIDIAN", *world.file("MERIDIAN", break_totals=1))
    world.drop("AURORA", *world.file("AURORA"))


@pytest.fixture(scope="module")
def unkilled(cluster, build):
    with World(cluster, build, settings=ALONE) as world:
        deliver(world)
        world.start_daemon()
        world.wait_quiet(PATIENCE_S)
        assert world.stop_daemon(within=PATIENCE_S) == 0
        world.oracle.check(world)
        return oracle.same_end(world)


def killer(strace, world, call, nth):
    """A command line that kills what it runs at the nth such call; beside it, not between it and its parent (-D)."""
    return [strace, "-D", "-qq", "-o", os.fspath(world.dir / "strace.log"), "-e", f"trace={call}",
            "-e", f"inject={call}:signal=KILL:when={nth}"]


@pytest.mark.parametrize("program,call,nth", SPREAD)
def test_killed_and_started_again_ends_the_same(cluster, build, strace, unkilled, program, call, nth):
    with World(cluster, build, settings=ALONE) as world:
        deliver(world)
        command = killer(strace, world, call, nth)
        if program == "handbackd":
            daemon = world.start_daemon(prefix=command, wait=False)
        else:
            daemon = world.start_daemon(wait=False, **kill_first(world, build, command, program))
        log = world.dir / "strace.log"
        wait_while(PATIENCE_S, lambda: daemon.poll() is None and not (log.exists() and KILLED in log.read_text()) and not world.is_quiet())
        wait_while(6, lambda: daemon.poll() is None and not world.is_quiet())  # what it still does after that
        wait_while(6, lambda: KILLED not in log.read_text())  # strace may come to that after the one that waits for the killed
        assert KILLED in log.read_text(), f"{program} never came to its {nth}th {call}: move the point"
        if daemon.poll() is None:
            world.stop_daemon(daemon, within=PATIENCE_S)
        world.start_daemon()
        world.wait_quiet(PATIENCE_S)
        assert world.stop_daemon(within=PATIENCE_S) == 0
        world.oracle.check(world)
        assert oracle.same_end(world) == unkilled
        assert world.ctl("audit", "verify").returncode == 0

"""kill -9 of each process at points all along a run; what comes after a restart equals the run without a kill."""
import functools
import os
import shutil
import signal
import subprocess
import time

import pytest

import oracle
from world import CTL, World

# a system call and which one of it, for each program: spread from its start to its end
POINTS = {
    "handback-reconcile": [("openat", 30), ("fsync", 1), ("fsync", 3), ("renameat,renameat2,rename", 1),
                           ("unlinkat,unlink", 1), ("sendto", 12), ("sendto", 40), ("sendmsg", 3)],
    "handback-parse": [("write", 1), ("write", 2), ("read,pread64", 4), ("recvmsg", 1)],
    "handbackd": [("inotify_add_watch", 2), ("sendmsg", 2), ("epoll_wait", 12), ("recvmsg,recvfrom,read", 6)],
}
SPREAD = [(program, call, nth) for program, points in POINTS.items() for call, nth in points]


def deliver(world):
    """Posted, held, posted, and the first again."""
    world.drop("SKYLINE", *world.file("SKYLINE"))
    world.drop("MERIDIAN", *world.file("MERIDIAN", break_totals=1))
    world.drop("AURORA", *world.file("AURORA"))


@pytest.fixture(scope="module")
def unkilled(cluster, build):
    with World(cluster, build) as world:
        deliver(world)
        world.start_daemon()
        world.wait_quiet()
        assert world.stop_daemon() == 0
        world.oracle.check(world)
        return oracle.same_end(world)


def killed_by_strace(world, program, call, nth):
    """The daemon with every process of that program killed at the nth such call of its own."""
    need = shutil.which("strace")
    if need is None:
        pytest.skip("strace is not installed")
    return [need, "-f", "-qq", "-o", os.fspath(world.dir / "strace.log"), "-e", f"trace={call}",
            "-e", f"inject={call}:signal=KILL:when={nth}"]


@pytest.mark.parametrize("program,call,nth", SPREAD)
def test_killed_and_started_again_ends_the_same(cluster, build, unkilled, program, call, nth):
    with World(cluster, build) as world:
        libexec = world.dir / "libexec"
        libexec.mkdir()
        places = {"handback-reconcile": "reconcile", "handback-parse": "parsers"}
        deliver(world)
        environment = {}
        prefix = killed_by_strace(world, program, call, nth)
        if program in places:
            # a stand-in that runs the program under strace the first times, so that only it is killed
            for name, folder in places.items():
                (libexec / name).symlink_to(build / folder / name)
            (libexec / program).unlink()
            stand_in = libexec / program
            stand_in.write_text("#!/bin/sh\n"
                                f"if mkdir {libexec}/first 2>/dev/null\nthen exec {' '.join(prefix)} "
                                f"{build / places[program] / program} \"$@\"\nfi\n"
                                f"exec {build / places[program] / program} \"$@\"\n")
            stand_in.chmod(0o755)
            environment["HANDBACK_LIBEXEC"] = os.fspath(libexec)
            prefix = []
        daemon = world.start_daemon(prefix=prefix, wait=False, **environment)
        end = time.monotonic() + 6
        while daemon.poll() is None and time.monotonic() < end and not world.is_quiet():
            time.sleep(0.02)
        died = daemon.poll() is not None
        if not died:
            stop(daemon)
        world.start_daemon()
        world.wait_quiet()
        assert world.stop_daemon() == 0
        world.oracle.check(world)
        assert oracle.same_end(world) == unkilled
        assert world.ctl("audit", "verify").returncode == 0


def stop(daemon):
    """The daemon may be strace's child: end the tree that we started, gently."""
    children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(daemon.pid)], capture_output=True, text=True).stdout.split()
    daemon.send_signal(signal.SIGTERM)
    for child in children:
        try:
            os.kill(int(child), signal.SIGTERM)
        except ProcessLookupError:
            pass
    try:
        daemon.wait(5)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()

#!/usr/bin/python3
"""A daemon at work for a while with faults on: memory and descriptors stay flat, and nothing is lost.

    ./dev soak --minutes 30

Files come all the time: sound ones, broken ones, the same again. Meanwhile, by
seed, workers and parsers are killed, database sessions are ended, the server is
stopped at once and started again, and the configuration is reloaded. At the end
the oracle checks every invariant, and the daemon's resident memory and open
descriptors in the last third are held against those of the first.
"""
import argparse
import os
import pathlib
import random
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import pg  # noqa: E402
from crashproof import descendants  # noqa: E402
from world import PARTNERS, ROOT, World  # noqa: E402

GROWTH_KIB = 2048  # what an allocator may differ by
GROWTH_DESCRIPTORS = 4


def resident_kib(pid):
    fields = pathlib.Path(f"/proc/{pid}/status").read_text().split("VmRSS:")[1].split()
    return int(fields[0])


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def named(pid, name):
    for child in descendants(pid):
        try:
            if pathlib.Path(f"/proc/{child}/comm").read_text().startswith(name):
                yield child
        except OSError:
            pass


class Soak:
    def __init__(self, world, cluster, seed):
        self.world, self.cluster, self.random = world, cluster, random.Random(seed)
        self.sequence, self.dropped, self.faults = 0, 0, 0

    def drop(self):
        partner = self.random.choice(PARTNERS)
        count = len(self.world.ledger.of(partner))
        answers = self.world.answers(partner, 20, seed=self.sequence, start=self.random.randrange(max(1, count - 20)))
        self.sequence += 1
        self.world.drop(partner, *self.world.file(partner, answers, self.sequence, break_totals=self.random.random() < 0.1))
        self.dropped += 1

    def fault(self, daemon):
        self.faults += 1
        kind = self.random.choice(("worker", "parser", "session", "server", "reload"))
        if kind in ("worker", "parser"):
            for pid in list(named(daemon.pid, "handback-reconc" if kind == "worker" else "handback-parse"))[:1]:
                os.kill(pid, signal.SIGKILL)
        elif kind == "session":
            self.world.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'handback%%'")
        elif kind == "server" and self.faults % 5 == 0:
            self.cluster.restart(signal.SIGQUIT)
        elif kind == "reload":
            daemon.send_signal(signal.SIGHUP)

    def run(self, seconds):
        daemon = self.world.start_daemon()
        samples, end, say = [], time.monotonic() + seconds, time.monotonic()
        while time.monotonic() < end:
            self.drop()
            if self.random.random() < 0.05:
                self.fault(daemon)
            assert daemon.poll() is None, f"the daemon ended: {daemon.log.read_text()[-2000:]}"
            samples.append((resident_kib(daemon.pid), descriptors(daemon.pid)))
            time.sleep(0.1)
            if time.monotonic() > say:
                print(f"  {int(end - time.monotonic()):5d} s left, {self.dropped} files, {self.faults} faults, "
                      f"{samples[-1][0] / 1024:.1f} MiB, {samples[-1][1]} descriptors", flush=True)
                say += 30
        self.world.wait_quiet(120)
        assert self.world.stop_daemon(daemon) == 0
        return samples


def highest(samples, which):
    return max(s[which] for s in samples)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--minutes", type=float, default=30)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--build", default=os.environ.get("HANDBACK_BUILD", os.fspath(ROOT / "build")))
    o = options.parse_args()
    cluster = pg.Cluster()
    try:
        with World(cluster, pathlib.Path(o.build), members=200, redemptions=2000) as world:
            soak = Soak(world, cluster, o.seed)
            samples = soak.run(o.minutes * 60)
            world.oracle.check(world)
            third = max(1, len(samples) // 3)
            first, last = samples[third // 2:third] or samples[:third], samples[-third:]
            memory = highest(last, 0) - highest(first, 0)
            opened = highest(last, 1) - highest(first, 1)
            print(f"{soak.dropped} files, {soak.faults} faults: memory {memory:+} KiB, descriptors {opened:+}")
            assert memory <= GROWTH_KIB, "the daemon's memory grows"
            assert opened <= GROWTH_DESCRIPTORS, "the daemon's descriptors grow"
    finally:
        cluster.close()
    print("1 passed, 0 failed")


if __name__ == "__main__":
    main()

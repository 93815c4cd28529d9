#!/usr/bin/python3
"""A daemon at work for a while with faults on: memory and descriptors stay flat, and nothing is lost.

    ./dev soak --minutes 30

Files come all the time: sound ones, broken ones, the same again; metrics are
asked for. Meanwhile, by seed, workers, parsers and the collector are killed,
database sessions are ended, the server is stopped at once and started again,
and the configuration is reloaded. At the end the oracle checks every invariant.

The verdict is a slope for each kind of process, by least squares over the lowest
of each few seconds after each process had warmed up, every process against its own mean: a
new one that starts small is no saving, and a leak shows however often the
leaking process is replaced. What it would have grown by in the whole run must
stay below a bound; status 1 where it does not.
"""
import argparse
import dataclasses
import os
import pathlib
import random
import signal
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import pg  # noqa: E402
from crash_runs import descendants  # noqa: E402
from world import PARTNERS, ROOT, World  # noqa: E402

WARM_SECONDS = 20  # of each process: allocators and caches fill
REST_SECONDS = 20  # in which a process is without a file in hand at least once, also on a machine that has more to do
GROWTH_KIB = 2048  # over the whole run: what an allocator may differ by
GROWTH_DESCRIPTORS = 2
CHART_COLUMNS = 60
BLOCKS = "▁▂▃▄▅▆▇█"


@dataclasses.dataclass
class Sample:
    at: float
    pid: int
    kib: int
    descriptors: int


def kind_of(pid):
    """What a process is of ours, or None."""
    words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    name = os.path.basename(words[0].decode(errors="replace"))
    if name == "handback-reconcile":
        return "worker"
    return {"handback-collect": "collector", "handbackd": "handbackd"}.get(name)


def look_at(pid, at):
    kib = int(pathlib.Path(f"/proc/{pid}/status").read_text().split("VmRSS:")[1].split()[0])
    return Sample(at, pid, kib, len(os.listdir(f"/proc/{pid}/fd")))


def at_rest(points):
    """The lowest of each few seconds: what a process holds while it has a file in hand is no growth."""
    lowest = {}
    for at, v in points:
        part = int((at - points[0][0]) / REST_SECONDS)
        lowest[part] = min((v, at), lowest.get(part, (v, at)))
    return [(at, v) for v, at in lowest.values()]


def slope(samples, value):
    """Per second, each process against its own mean; 0 where nothing was seen for long enough."""
    first = {}
    for s in samples:
        first[s.pid] = min(s.at, first.get(s.pid, s.at))
    warm = {}
    for s in samples:
        if s.at - first[s.pid] >= WARM_SECONDS:
            warm.setdefault(s.pid, []).append((s.at, value(s)))
    above = below = 0.0
    for seen in warm.values():
        points = at_rest(seen)
        middle = sum(t for t, _ in points) / len(points)
        mean = sum(v for _, v in points) / len(points)
        above += sum((t - middle) * (v - mean) for t, v in points)
        below += sum((t - middle) ** 2 for t, _ in points)
    return above / below if below else 0.0


def chart(samples, value):
    """A line of blocks from the lowest to the highest: the highest of each part of the time."""
    began, ended = samples[0].at, samples[-1].at
    columns = [[] for _ in range(CHART_COLUMNS)]
    for s in samples:
        columns[min(CHART_COLUMNS - 1, int((s.at - began) / ((ended - began) or 1) * CHART_COLUMNS))].append(value(s))
    heights = [max(c) if c else None for c in columns]
    low, high = min(h for h in heights if h is not None), max(h for h in heights if h is not None)
    step = (high - low) / (len(BLOCKS) - 1) or 1
    return "".join(" " if h is None else BLOCKS[int((h - low) / step)] for h in heights), low, high


def judge(kinds, out=print):
    """Charts and slopes of {kind: samples}; the kinds that grow."""
    growing = []
    for kind, samples in sorted(kinds.items()):
        span = samples[-1].at - samples[0].at
        for what, value, bound in (("KiB", lambda s: s.kib, GROWTH_KIB), ("descriptors", lambda s: s.descriptors,
                                                                        GROWTH_DESCRIPTORS)):
            per_second = slope(samples, value)
            line, low, high = chart(samples, value)
            grows = per_second * span > bound
            growing += [f"{kind}: {what}"] * grows
            out(f"{kind:9} {what:11} {low:6} {line} {high:6}  {per_second * 60:+.2f} a minute, "
                f"{per_second * span:+.1f} in the run (at most {bound}): {'GROWS' if grows else 'flat'}")
    return growing


class Soak:
    def __init__(self, world, cluster, seed):
        self.world, self.cluster, self.random = world, cluster, random.Random(seed)
        self.sequence, self.dropped, self.faults, self.kinds = 0, 0, 0, {}

    def drop(self):
        partner = self.random.choice(PARTNERS)
        count = len(self.world.ledger.of(partner))
        answers = self.world.answers(partner, 20, seed=self.sequence, start=self.random.randrange(max(1, count - 20)))
        self.sequence += 1
        broken = self.random.random() < 0.1
        self.world.drop(partner, *self.world.file(partner, answers, self.sequence, break_totals=broken))
        self.dropped += 1

    def kill(self, daemon, program):
        """One of the daemon's processes of that name."""
        for pid in self.random.sample(found := descendants(daemon.pid), len(found)):
            try:
                if pathlib.Path(f"/proc/{pid}/comm").read_text().startswith(program):
                    os.kill(pid, signal.SIGKILL)
                    return
            except OSError:
                pass  # it has just gone

    def fault(self, daemon):
        self.faults += 1
        # whoever leaks must live long enough to show it: the rarer ones are those that replace workers
        kind = self.random.choices(("parser", "worker", "session", "server", "reload"), (8, 1, 1, 1, 1))[0]
        if kind in ("worker", "parser"):
            self.kill(daemon, "handback-reconc" if kind == "worker" else "handback-parse")
        elif kind == "session":
            self.world.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                             " WHERE application_name LIKE 'handback%%'")
        elif kind == "server":
            self.cluster.restart(signal.SIGQUIT)
        else:
            daemon.send_signal(signal.SIGHUP)

    def look(self, daemon):
        now = time.monotonic()
        for pid in (daemon.pid, *descendants(daemon.pid)):
            try:
                kind, seen = kind_of(pid), look_at(pid, now)
            except (OSError, IndexError):
                continue  # it has just gone
            if kind is not None:
                self.kinds.setdefault(kind, []).append(seen)

    def ask_metrics(self):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(str(self.world.dir / "metrics"))
            s.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            answer = b""
            while chunk := s.recv(65536):
                answer += chunk
        assert b"handback_loop_late_seconds" in answer, answer[:200]

    def run(self, seconds):
        daemon = self.world.start_daemon()
        end, say, look = time.monotonic() + seconds, time.monotonic() + 30, time.monotonic() + 5
        while (now := time.monotonic()) < end:
            self.drop()
            if self.random.random() < 0.03:
                self.fault(daemon)
            assert daemon.poll() is None, f"the daemon ended: {daemon.log.read_text()[-2000:]}"
            if now > look:
                self.look(daemon)
                self.ask_metrics()
                look = now + 1
            if now > say:
                last = self.kinds["handbackd"][-1]
                print(f"  {int(end - now):5d} s left, {self.dropped} files, {self.faults} faults, "
                      f"handbackd {last.kib / 1024:.1f} MiB, {last.descriptors} descriptors", flush=True)
                say = now + 30
            time.sleep(0.1)
        self.world.wait_quiet(120)
        assert self.world.stop_daemon(daemon) == 0


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--minutes", type=float, default=30)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--build", default=os.environ.get("HANDBACK_BUILD", os.fspath(ROOT / "build")))
    o = options.parse_args()
    cluster = pg.Cluster()
    try:
        with World(cluster, pathlib.Path(o.build), members=200, redemptions=2000) as world:
            world.configure(metrics=f"\n  listen: {world.dir}/metrics\n  interval: 10s")  # rarer than a scan: at rest is seen
            soak = Soak(world, cluster, o.seed)
            soak.run(o.minutes * 60)
            growing = judge(soak.kinds)  # first: it is there even where the oracle finds something
            print(f"{soak.dropped} files, {soak.faults} faults; the oracle checks every one", flush=True)
            world.oracle.check(world)
            print("nothing lost, nothing posted twice")
    finally:
        cluster.close()
    print(f"{0 if growing else 1} passed, {1 if growing else 0} failed{''.join(f'; {g} grows' for g in growing)}")
    return 1 if growing else 0


if __name__ == "__main__":
    sys.exit(main())

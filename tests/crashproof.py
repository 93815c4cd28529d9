#!/usr/bin/python3
"""Kill each program at every system call, fail calls, and see that nothing differs afterwards.

    ./dev crashproof                     every point to be killed at, then 2,000 seeded runs
    ./dev crashproof --points 40 --seeds 20     as many points, spread evenly (so does ./dev test)
    ./dev crashproof --again 'handback-reconcile[1] sendto #30, handbackd[1] write #3 EIO'

A run: three deliveries (one posted, one held for its control total, one a
duplicate) are taken by `handbackd --once` while strace kills or fails one call
of one process; then `handbackd --once` again, undisturbed, until it says that
all is done. The invariants I1 to I8 must hold, by the oracle, and the end must
be that of a run that nobody disturbed.

The points are not a list: they are what strace counts in an undisturbed run.
A seed chooses what else befalls a run: a call that fails for want of room, of
memory, of descriptors, of rights, by a disk or a signal; a kill, and another
one in what comes up after it; a failed call, and then a kill.
"""
import argparse
import collections
import concurrent.futures
import hashlib
import json
import multiprocessing
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import pg  # noqa: E402
from world import DAEMON, ROOT, World  # noqa: E402

PROGRAMS = {"handbackd": "daemon", "handback-reconcile": "reconcile", "handback-parse": "parsers"}
TRACED = "%file,%desc,%network,seccomp"
PATIENCE = 40  # seconds
LAUNCHES = 4  # processes of one program in a run that are worth a point of their own

ERRORS = {  # what each kind of call may say when the machine is in trouble
    "ENOSPC": "write,pwrite64,ftruncate,fallocate,mkdir,mkdirat,openat,renameat,renameat2,fsync,fdatasync",
    "EIO": "read,pread64,write,fsync,fdatasync,renameat,renameat2,unlinkat,newfstatat,fstat,getdents64",
    "EMFILE": "openat,socket,socketpair,pipe2,epoll_create1,inotify_init1,dup,dup2,dup3,fcntl",
    "EACCES": "openat,renameat,renameat2,unlinkat,mkdir,mkdirat,inotify_add_watch,connect",
    "EINTR": "read,write,recvmsg,sendmsg,recvfrom,sendto,poll,epoll_wait,pread64,fsync,fdatasync,flock",
    "ENOMEM": "mmap,brk,openat,read,write,recvmsg,sendmsg,clone,clone3,fork,vfork",
}

Point = collections.namedtuple("Point", "program launch call nth error")  # error "": killed
TOOK_PLACE = re.compile(r"killed by SIGKILL|\(INJECTED\)")


def deliver(world):
    """Posted, held, and the first again under another name."""
    name, data = world.file("SKYLINE")
    world.drop("SKYLINE", name, data)
    world.drop("MERIDIAN", *world.file("MERIDIAN", break_totals=1))
    world.drop("SKYLINE", name.replace("_000001", "_000002"), data)


def end_of(world):
    """What must not depend on what happened on the way; which of two equal deliveries came first may."""
    with world.database.connect() as c:
        rows = [c.execute(sql).fetchall() for sql in (
            """SELECT member_id, category::text, points, answers_entry_id FROM ledger.entry
                WHERE category <> 'Credit By Accrual' ORDER BY 1, 2, 3, 4""",
            """SELECT encode(f.sha256, 'hex'), o.record_no, o.outcome, o.hold_reason, o.redemption_id
                 FROM handback.outcome o JOIN handback.file f USING (file_id) ORDER BY 1, 2""",
            "SELECT encode(sha256, 'hex'), state::text, hold_reason, archived_at IS NULL FROM handback.file ORDER BY 1, 2",
            "SELECT member_id, points FROM ledger.balance ORDER BY 1")]
    return hashlib.sha256(json.dumps(rows, default=str).encode()).hexdigest()


class Run:
    """One world, with the programs behind stand-ins that trace the chosen process."""

    def __init__(self, cluster, build):
        self.world = World(cluster, build, members=30, redemptions=120, settings={"workers": "1", "settle": "1ms"},
                           place=cluster.dir)
        self.build = build
        self.libexec = self.world.dir / "libexec"
        self.libexec.mkdir()
        self.traces = []
        deliver(self.world)

    def stand_in(self, program, strace):
        """The program's n-th start runs under strace with {n} replaced, where strace(n) gives its arguments."""
        real = self.build / PROGRAMS[program] / program
        lines = ["#!/bin/sh", "n=1", f"while ! mkdir {self.world.dir}/{program}.$n 2>/dev/null; do n=$((n + 1)); done"]
        for n in range(1, LAUNCHES + 1):
            if strace(n):
                lines.append(f"[ $n = {n} ] && exec strace -D -qq {' '.join(strace(n))} {real} \"$@\"")
        lines.append(f"exec {real} \"$@\"")
        path = self.libexec / program
        path.write_text("\n".join(lines) + "\n")
        path.chmod(0o755)

    def prepare(self, program, strace):
        for name, folder in PROGRAMS.items():
            if name != "handbackd" and name != program:
                (self.libexec / name).symlink_to(self.build / folder / name)
        if program != "handbackd":
            self.stand_in(program, strace)

    def once(self, prefix=(), libexec=None, patience=PATIENCE):
        """handbackd --once: its exit status, or None when it had to be ended."""
        environment = self.world.environment(HANDBACK_LIBEXEC=os.fspath(libexec)) if libexec else self.world.environment()
        with open(self.world.dir / "once.log", "ab") as log:
            daemon = subprocess.Popen([*prefix, self.build / DAEMON, "--config", self.world.config, "--once"],
                                      stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
            try:
                return daemon.wait(patience)
            except subprocess.TimeoutExpired:
                for child in descendants(daemon.pid):
                    os.kill(child, 9)
                daemon.kill()
                daemon.wait()
                return None

    def disturbed(self, point):
        trace = self.world.dir / f"trace{len(self.traces)}"
        self.traces.append(trace)
        if len(self.traces) > 1:  # once more from the start of the launches
            for folder in self.world.dir.glob("handback*.[0-9]"):
                folder.rmdir()
            shutil.rmtree(self.libexec)
            self.libexec.mkdir()
        how = f"error={point.error}" if point.error else "signal=KILL"
        strace = ["-o", os.fspath(trace), "-e", f"trace={point.call}", "-e", f"inject={point.call}:{how}:when={point.nth}"]
        self.prepare(point.program, lambda n: strace if n == point.launch else None)
        status = self.once(["strace", "-D", "-qq", *strace] if point.program == "handbackd" else [], self.libexec)
        assert status is not None, f"handbackd --once did not end within {PATIENCE} s"

    def took_place(self):
        """How many of the disturbances: after a first one a process may end before it comes to the second."""
        return sum(trace.exists() and bool(TOOK_PLACE.search(trace.read_text(errors="replace"))) for trace in self.traces)

    def settle(self):
        """Undisturbed, as often as a supervisor would start it."""
        for _ in range(4):
            if self.once() in (0, 3):
                return
        log = (self.world.dir / "once.log").read_text(errors="replace")[-1500:]
        raise AssertionError(f"it does not come to rest: {log}")

    def close(self):
        self.world.close()


def descendants(pid):
    try:
        children = [int(c) for c in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
    return children + [d for child in children for d in descendants(child)]


def count_points(cluster, build):
    """Every call of every process of an undisturbed run; those that can fail; and the end of that run."""
    points, failing, end = [], [], None
    for program in PROGRAMS:
        run = Run(cluster, build)
        try:
            logs = {n: run.world.dir / f"{program}.log.{n}" for n in range(1, LAUNCHES + 1)}
            run.prepare(program, lambda n: ["-o", os.fspath(logs[n]), "-e", f"trace={TRACED}"])
            prefix = ["strace", "-D", "-qq", "-o", os.fspath(logs[1]), "-e", f"trace={TRACED}"] if program == "handbackd" else []
            status = run.once(prefix, run.libexec)
            assert status == 3, f"an undisturbed run ended with {status}:\n{(run.world.dir / 'once.log').read_text()}"
            run.world.oracle.check(run.world)
            mine = end_of(run.world)
            assert end in (None, mine), "two undisturbed runs ended differently"
            end = mine
            for launch, log in logs.items():
                if log.exists():
                    text = log.read_text(errors="replace")
                    points += calls_of(program, launch, text)
                    # once the parser's cage is shut, a call that strace lets fail is one that the cage kills for
                    failing += calls_of(program, launch, text.split("\nseccomp(")[0])
        finally:
            run.close()
    return points, error_points(failing), end


def calls_of(program, launch, log):
    calls = collections.Counter(re.findall(r"^(\w+)\(", log, re.M))
    for ours in ("execve", "seccomp"):  # before the program is there; only counted as a mark
        calls.pop(ours, None)
    return [Point(program, launch, call, nth, "") for call, times in sorted(calls.items()) for nth in range(1, times + 1)]


def error_points(points):
    return [p._replace(error=error) for p in points for error, calls in ERRORS.items() if p.call in calls.split(",")]


# ---------------------------------------------------------------- one run

def try_points(cluster, build, chosen, end):
    """Disturb at each of the points, one run after the other in the same world: (how many took place, what is wrong)."""
    run = Run(cluster, build)
    wrong = None
    try:
        for point in chosen:
            run.disturbed(point)
        run.settle()
        run.world.oracle.check(run.world)
        assert end_of(run.world) == end, "the end differs from that of an undisturbed run"
    except Exception as e:  # a violation is a result, not the end of the search
        wrong = f"{type(e).__name__}: {str(e)[:600]}"
    finally:
        happened = run.took_place()
        run.close()
    return happened, wrong


def start_worker(build):
    """One process of the pool, with a cluster of its own."""
    global CLUSTER, BUILD
    CLUSTER, BUILD = pg.Cluster(), pathlib.Path(build)
    multiprocessing.util.Finalize(None, CLUSTER.close, exitpriority=10)


def try_in_worker(chosen, end):
    return try_points(CLUSTER, BUILD, chosen, end)


# ---------------------------------------------------------------- which runs, and what came of them

def spread(points, count):
    """As many of the points, evenly over programs and their lives."""
    if count is None or count >= len(points):
        return points
    return [points[i * len(points) // count] for i in range(count)]


def seeded(points, errors, seed, number):
    """What befalls the number-th run of this seed."""
    rng = random.Random(f"{seed}/{number}")
    kind = rng.choices(("failed call", "killed, killed again", "failed, then killed"), (12, 5, 3))[0]
    first = rng.choice(points if kind.startswith("killed") else errors)
    if kind == "failed call":
        return kind, [first]
    # what comes up after the first is a shorter run: its end is sooner
    second = rng.choice(points)
    return kind, [first, second._replace(nth=rng.randint(1, second.nth))]


def plan(points, errors, count, seeds, seed):
    return ([("killed", [p]) for p in spread(points, count)] +
            [seeded(points, errors, seed, number) for number in range(seeds)])


def describe(p):
    return f"{p.program}[{p.launch}] {p.call} #{p.nth}" + (f" {p.error}" if p.error else "")


def read_points(text):
    """describe's other way, of several with commas between them."""
    found = [re.fullmatch(r"([\w-]+)\[(\d+)\] (\w+) #(\d+)(?: (\w+))?", part.strip()) for part in text.split(",")]
    if not all(m and m[1] in PROGRAMS for m in found):
        raise argparse.ArgumentTypeError(f"not points as a violation names them: {text}")
    return [Point(m[1], int(m[2]), m[3], int(m[4]), m[5] or "") for m in found]


class Tally:
    """Runs by what was done to whom."""

    def __init__(self):
        self.rows, self.points, self.wrong = collections.defaultdict(collections.Counter), collections.defaultdict(set), []

    def add(self, kind, chosen, happened, wrong):
        key = kind, chosen[0].program
        self.points[key].add(chosen[0])
        self.rows[key].update(runs=1, whole=happened == len(chosen), violations=bool(wrong))
        if wrong:
            self.wrong.append((chosen, wrong))

    def total(self, what):
        return sum(row[what] for row in self.rows.values())

    def distinct(self):
        """Points at which a process was killed or a call failed, at least once."""
        return len(set().union(*self.points.values()))

    def table(self):
        lines = [f"{'what':<22} {'program':<20} {'points':>6} {'runs':>6} {'took place':>11} {'violations':>11}"]
        lines += [f"{kind:<22} {program:<20} {len(self.points[kind, program]):>6} {row['runs']:>6} {row['whole']:>11} "
                  f"{row['violations']:>11}" for (kind, program), row in sorted(self.rows.items())]
        return "\n".join(lines + [f"{'all':<43} {self.distinct():>6} {self.total('runs'):>6} {self.total('whole'):>11} "
                                  f"{len(self.wrong):>11}"])


def search(work, end, build, jobs, say):
    """Every run of the plan, so many at a time."""
    tally, began, said = Tally(), time.monotonic(), time.monotonic()
    with concurrent.futures.ProcessPoolExecutor(jobs, initializer=start_worker, initargs=(build,)) as pool:
        futures = {pool.submit(try_in_worker, chosen, end): (kind, chosen) for kind, chosen in work}
        for done, future in enumerate(concurrent.futures.as_completed(futures), 1):
            kind, chosen = futures[future]
            tally.add(kind, chosen, *future.result())
            if tally.wrong and tally.wrong[-1][0] is chosen:
                say(f"VIOLATION {kind}: {tally.wrong[-1][1]}\n  again: {again(chosen)}")
            if time.monotonic() > said + 20 or done == len(work):
                said = time.monotonic()
                left = (said - began) / done * (len(work) - done)
                say(f"  {done} of {len(work)} runs, {len(tally.wrong)} violations, {left / 60:.0f} min left")
    return tally


def again(chosen):
    return f"./dev crashproof --again '{', '.join(map(describe, chosen))}'"


def say(line):
    print(line, flush=True)


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, help="so many points to be killed at, spread evenly (default: every one)")
    parser.add_argument("--seeds", type=int, default=2000, help="so many seeded runs (default 2000)")
    parser.add_argument("--seed", type=int, default=1, help="which ones (default 1)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="runs at a time (default: one for a core)")
    parser.add_argument("--again", type=read_points, help="one run with these points, as a violation names them")
    parser.add_argument("--build", default=os.fspath(ROOT / "build"))
    return parser.parse_args()


def main():
    o = options()
    o.build = os.path.abspath(o.build)
    cluster = pg.Cluster()
    try:
        points, errors, end = count_points(cluster, pathlib.Path(o.build))
    finally:
        cluster.close()
    work = [("again", o.again)] if o.again else plan(points, errors, o.points, o.seeds, o.seed)
    say(f"{len(points)} points to be killed at and {len(errors)} calls that can fail, in an undisturbed run; "
        f"{len(work)} runs, seed {o.seed}")
    tally = search(work, end, o.build, o.jobs, say)
    say(f"\n{tally.table()}\n\n{len(work) - len(tally.wrong)} passed, {len(tally.wrong)} failed")
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main())

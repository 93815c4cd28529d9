#!/usr/bin/python3
"""Kill each program at every system call, fail every call once, and see that nothing differs afterwards.

    ./dev crashproof                     every point, then 2,000 seeded pairs (about an hour on two cores)
    ./dev crashproof --sample 40         as many points, spread evenly (a part of ./dev test)

A run: three deliveries (one posted, one held for its control total, one a
duplicate) are taken by `handbackd --once` while strace kills or fails one call
of one process; then `handbackd --once` again, undisturbed, until it says that
all is done. The invariants I1 to I8 must hold, by the oracle, and the end must
be that of a run that nobody disturbed.

The points are not a list: they are what strace counts in an undisturbed run.
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

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import pg  # noqa: E402
from world import DAEMON, ROOT, World  # noqa: E402

PROGRAMS = {"handbackd": "daemon", "handback-reconcile": "reconcile", "handback-parse": "parsers"}
TRACED = "%file,%desc,%network,seccomp"
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
        self.world = World(cluster, build, members=30, redemptions=120, settings={"workers": "1", "settle": "1ms"})
        self.build = build
        self.libexec = self.world.dir / "libexec"
        self.libexec.mkdir()
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

    def once(self, prefix=(), libexec=None, patience=40):
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
        how = (f"-e inject={point.call}:error={point.error}:when={point.nth}" if point.error
               else f"-e inject={point.call}:signal=KILL:when={point.nth}")
        strace = ["-o", os.devnull, "-e", f"trace={point.call}", *how.split()]
        self.prepare(point.program, lambda n: strace if n == point.launch else None)
        return self.once(["strace", "-D", "-qq", *strace] if point.program == "handbackd" else [], self.libexec)

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


# ---------------------------------------------------------------- one process of the pool

def start_worker(build):
    global CLUSTER, BUILD
    CLUSTER, BUILD = pg.Cluster(), pathlib.Path(build)
    multiprocessing.util.Finalize(None, CLUSTER.close, exitpriority=10)


def try_points(points, end):
    """Disturb at each of the points, one run after the other in the same world; None, or what is wrong."""
    run = Run(CLUSTER, BUILD)
    try:
        for number, point in enumerate(points):
            if number:  # once more from the start of the launches
                for folder in run.world.dir.glob("handback*.[0-9]"):
                    folder.rmdir()
                shutil.rmtree(run.libexec)
                run.libexec.mkdir()
            run.disturbed(point)
        run.settle()
        run.world.oracle.check(run.world)
        assert end_of(run.world) == end, "the end differs from that of an undisturbed run"
        return None
    except Exception as e:  # a violation is a result, not the end of the search
        return f"{type(e).__name__}: {str(e)[:600]}"
    finally:
        run.close()


def spread(points, count):
    """As many of the points, evenly over programs and their lives."""
    if count is None or count >= len(points):
        return points
    return [points[i * len(points) // count] for i in range(count)]


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--sample", type=int, help="so many points of each kind, spread evenly")
    options.add_argument("--pairs", type=int, help="seeded runs that are killed twice (default 2000; with --sample a quarter of it)")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--jobs", type=int, default=os.cpu_count())
    options.add_argument("--build", default=os.fspath(ROOT / "build"))
    o = options.parse_args()

    o.build = os.path.abspath(o.build)
    cluster = pg.Cluster()
    try:
        points, errors, end = count_points(cluster, pathlib.Path(o.build))
    finally:
        cluster.close()
    rng = random.Random(o.seed)
    pairs = o.pairs if o.pairs is not None else (o.sample // 4 if o.sample else 2000)
    work = [("killed", [p]) for p in spread(points, o.sample)]
    work += [("failed call", [p]) for p in spread(errors, o.sample)]
    work += [("killed, killed again", [rng.choice(points), rng.choice(points)]) for _ in range(pairs)]
    print(f"{len(points)} kill points, {len(errors)} failing calls in an undisturbed run; {len(work)} runs, seed {o.seed}",
          flush=True)

    table, wrong = collections.Counter(), []
    with concurrent.futures.ProcessPoolExecutor(o.jobs, initializer=start_worker, initargs=(o.build,)) as pool:
        futures = {pool.submit(try_points, chosen, end): (kind, chosen) for kind, chosen in work}
        for done, future in enumerate(concurrent.futures.as_completed(futures), 1):
            kind, chosen = futures[future]
            result = future.result()
            for point in chosen[:1]:
                table[kind, point.program, point.error] += 1
            if result:
                wrong.append((kind, chosen, result))
                print(f"VIOLATION {kind} {' then '.join(map(describe, chosen))}\n    {result}", flush=True)
            if done % 50 == 0:
                print(f"  {done} of {len(work)}, {len(wrong)} violations", flush=True)
    print(f"\n{'what':<22} {'program':<20} {'error':<8} {'runs':>6} {'violations':>11}")
    for (kind, program, error), runs in sorted(table.items()):
        bad = sum(k == kind and c[0].program == program and c[0].error == error for k, c, _ in wrong)
        print(f"{kind:<22} {program:<20} {error:<8} {runs:>6} {bad:>11}")
    print(f"\n{len(work) - len(wrong)} passed, {len(wrong)} failed")
    return 1 if wrong else 0


def describe(p):
    return f"{p.program}[{p.launch}] {p.call} #{p.nth}" + (f" {p.error}" if p.error else "")


if __name__ == "__main__":
    sys.exit(main())

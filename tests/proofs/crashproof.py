#!/usr/bin/python3
"""Kill each program at every system call, fail calls, and see that nothing differs afterwards.

    ./dev crashproof                     every point to be killed at, then 2,000 seeded runs
    ./dev crashproof --points 40 --seeds 20     as many points, spread evenly (so does ./dev test)
    ./dev crashproof --program handback-fetch --seeds 0     every point of one program
    ./dev crashproof --again 'handback-reconcile[1] sendto #30, handbackd[1] write #3 EIO'

A run: three deliveries (one posted, one held for its control total, one a
duplicate) are taken by `handbackd --once` while strace kills or fails one call
of one process; then `handbackd --once` again, undisturbed, until it says that
all is done. The invariants I1 to I8 must hold, by the oracle, and the end must
be that of a run that nobody disturbed.  handback-fetch has runs of its own: two
deliveries lie on an SFTP server, a private sshd, and are to be deleted there.

The points are not a list: they are what strace counts in an undisturbed run.
A seed chooses what else befalls a run: a call that fails for want of room, of
memory, of descriptors, of rights, by a disk or a signal; a kill, and another
one in what comes up after it; a failed call, and then a kill.
"""
import argparse
import collections
import concurrent.futures
import contextlib
import math
import multiprocessing
import os
import pathlib
import random
import re
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import pg  # noqa: E402
from crash_runs import LAUNCHES, PROGRAMS, SCENARIOS, Place, Point, SftpRun, scenario_of  # noqa: E402
from sshd import SSHD, Sshd  # noqa: E402
from world import ROOT  # noqa: E402

TRACED = "%file,%desc,%network,seccomp"
Counted = collections.namedtuple("Counted", "points errors end")  # of an undisturbed run


def count_points(place, scenario, programs=None):
    """Every call of every process of an undisturbed run; those that can fail; and the end of that run."""
    points, failing, end = [], [], None
    for program in programs or scenario.programs:
        run = scenario(place)
        try:
            logs = {n: run.world.dir / f"{program}.log.{n}" for n in range(1, LAUNCHES + 1)}
            run.prepare(program, lambda n: ["-o", os.fspath(logs[n]), "-e", f"trace={TRACED}"])
            prefix = ["strace", "-D", "-qq", "-o", os.fspath(logs[1]), "-e", f"trace={TRACED}"] if program == "handbackd" else []
            status = run.once(prefix, run.libexec)
            assert status == 3, f"an undisturbed run ended with {status}:\n{(run.world.dir / 'once.log').read_text()}"
            run.world.oracle.check(run.world)
            mine = run.end()
            assert end in (None, mine), "two undisturbed runs ended differently"
            end = mine
            for launch, log in logs.items():
                if log.exists():
                    text = log.read_text(errors="replace")
                    points += calls_of(program, launch, text)
                    # once the parser's sandbox is closed, a call that strace lets fail is one that the sandbox kills for
                    failing += calls_of(program, launch, text.split("\nseccomp(")[0])
        finally:
            run.close()
    return Counted(points, error_points(failing, scenario.errors), end)


def calls_of(program, launch, log):
    calls = collections.Counter(re.findall(r"^(\w+)\(", log, re.M))
    for ours in ("execve", "seccomp"):  # before the program is there; only counted as a mark
        calls.pop(ours, None)
    return [Point(program, launch, call, nth, "") for call, times in sorted(calls.items()) for nth in range(1, times + 1)]


def error_points(points, errors):
    return [p._replace(error=error) for p in points for error, calls in errors.items() if p.call in calls.split(",")]


# ---------------------------------------------------------------- one run

def try_points(place, chosen, end):
    """Disturb at each of the points, one run after the other in the same world: (how many took place, what is wrong)."""
    run = scenario_of(chosen)(place)
    wrong = None
    try:
        for point in chosen:
            run.disturbed(point)
        run.settle()
        run.check(end)
    except Exception as e:  # a violation is a result, not the end of the search
        wrong = f"{type(e).__name__}: {str(e)[:600]}"
    finally:
        happened = run.took_place()
        run.close()
    return happened, wrong


@contextlib.contextmanager
def make_place(build, wants_server=True):
    """What the runs of one process share: a cluster, and an sshd."""
    cluster = pg.Cluster()
    try:
        server = Sshd(pathlib.Path(tempfile.mkdtemp(dir=cluster.dir))) if wants_server else contextlib.nullcontext()
        with server as started:
            yield Place(cluster, pathlib.Path(build), started)
    finally:
        cluster.close()


def start_worker(build, wants_server):
    """One process of the pool, with a place of its own."""
    global PLACE
    stack = contextlib.ExitStack()
    PLACE = stack.enter_context(make_place(build, wants_server))
    multiprocessing.util.Finalize(None, stack.close, exitpriority=10)


def try_in_worker(chosen, end):
    return try_points(PLACE, chosen, end)


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


def plan(counted, count, seeds, seed):
    return ([("killed", [p]) for p in spread(counted.points, count)] +
            [seeded(counted.points, counted.errors, seed, number) for number in range(seeds)])


def plan_all(counted, count, seeds, seed):
    """The runs of every scenario; one that is slow has a share only where not every point is asked for."""
    return [run for scenario, its in counted.items()
            for run in plan(its, count and math.ceil(count * scenario.share), math.ceil(seeds * scenario.share), seed)]


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


def search(work, counted, build, jobs, say):
    """Every run of the plan, so many at a time."""
    tally, began, said = Tally(), time.monotonic(), time.monotonic()
    with concurrent.futures.ProcessPoolExecutor(jobs, initializer=start_worker,
                                                initargs=(build, SftpRun in counted)) as pool:
        futures = {pool.submit(try_in_worker, chosen, counted[scenario_of(chosen)].end): (kind, chosen)
                   for kind, chosen in work}
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
    parser.add_argument("--points", type=int, help="so many points to be killed at, spread evenly, and a tenth of that "
                        "of handback-fetch (default: every one)")
    parser.add_argument("--seeds", type=int, default=2000, help="so many seeded runs, and a tenth of that "
                        "of handback-fetch (default 2000)")
    parser.add_argument("--seed", type=int, default=1, help="which ones (default 1)")
    parser.add_argument("--program", choices=PROGRAMS, help="only points of this program")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="runs at a time (default: one for a core)")
    parser.add_argument("--again", type=read_points, help="one run with these points, as a violation names them")
    parser.add_argument("--build", default=os.fspath(ROOT / "build"))
    return parser.parse_args()


def wanted_scenarios(o):
    """{scenario: those of its programs whose points are to be counted}; none that needs what this machine lacks."""
    if o.again:
        wanted = {scenario_of(o.again): None}
    else:
        wanted = {s: programs for s in SCENARIOS if (programs := [p for p in s.programs if o.program in (None, p)])}
    if SftpRun in wanted and not SSHD:
        say("handback-fetch is left out: openssh-server is not installed")
        del wanted[SftpRun]
    return wanted or sys.exit("nothing is left to be tried")


def main():
    o = options()
    o.build = os.path.abspath(o.build)
    wanted = wanted_scenarios(o)
    with make_place(o.build, SftpRun in wanted) as place:
        counted = {scenario: count_points(place, scenario, programs) for scenario, programs in wanted.items()}
    work = [("again", o.again)] if o.again else plan_all(counted, o.points, o.seeds, o.seed)
    say(f"{sum(len(c.points) for c in counted.values())} points to be killed at and "
        f"{sum(len(c.errors) for c in counted.values())} calls that can fail, in an undisturbed run; "
        f"{len(work)} runs, seed {o.seed}")
    tally = search(work, counted, o.build, o.jobs, say)
    say(f"\n{tally.table()}\n\n{len(work) - len(tally.wrong)} passed, {len(tally.wrong)} failed")
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main())

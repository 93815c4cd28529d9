#!/usr/bin/python3
"""How fast is handback, against what people use today and against the machine's limit?

    ./dev bench                    1,000,000 records, five interleaved runs (35 to 40 minutes)
    ./dev bench --quick            100,000 records, two runs (about five minutes): every goal, at a tenth of its size
    ./dev bench --smoke            10,000 records once: does it run? (no goal is judged)
    ./dev bench --sftp             a file of 1 GiB by SFTP, against OpenSSH's sftp (one to three minutes)
    ./dev bench --api              the redemption API, against the bare function (about four minutes)
    bench/bench.py --readme        writes the last results into README.md, and measures nothing

Prints a table of goals and medians, writes results.json and results.svg into the
bench's folder and keeps the results before as previous.json.  Ratios of one run
mean something on any machine; absolute times do not.

Opponents get every advantage: no guard of the ledger's is in their way (see
rig.without_guards), and they prove, archive and hold nothing.
"""
import argparse
import dataclasses
import datetime
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import api  # noqa: E402
import measure  # noqa: E402
import show  # noqa: E402
import rig  # noqa: E402


@dataclasses.dataclass
class Plan:
    """How much of everything."""
    records: int
    runs: int      # of what is compared closely
    slow_runs: int  # of opponents that take many times as long
    rows: int      # records for the one that goes row by row, scaled
    files: int     # in one drop
    singles: int   # one after the other


FULL = Plan(1_000_000, 5, 2, 50_000, 1000, 300)
QUICK = Plan(100_000, 2, 1, 10_000, 300, 200)
SMOKE = Plan(10_000, 1, 1, 1_000, 20, 10)


class Runs:
    """What was measured, by name."""

    def __init__(self):
        self.took = {}

    def add(self, name, took):
        self.took.setdefault(name, []).append(took)
        print(f"  {name:<52}{took.seconds:9.3f} s" + (f" {took.cpu:8.2f} s of processors" if took.cpu else "")
              + (f" {took.peak:6.0f} MiB" if took.peak else ""), flush=True)

    def median(self, name, what="seconds"):
        known = [getattr(t, what) for t in self.took.get(name, ()) if getattr(t, what) is not None]
        return statistics.median(known) if known else None

    def peak(self, begins):
        """The highest of all whose name begins so."""
        return max((t.peak for k, v in self.took.items() if k.startswith(begins) for t in v if t.peak), default=None)

    def rows(self):
        return [{"name": name, "runs": len(took), "seconds": self.median(name), "cpu": self.median(name, "cpu"),
                 "peak": self.median(name, "peak"), "all": [t.seconds for t in took]} for name, took in self.took.items()]


def ratio(a, b):
    return a / b if a and b else None


def handback_run(bench, runs, name, kind, ledger, first, count, shuffled=False, after=None, own=False):
    """One file through a warm daemon, on a fresh copy of the ledger."""
    path = bench.file(kind, first, count, shuffled=shuffled)
    with bench.database(ledger, own=own) as db, rig.Handback(bench, db) as handback:
        with measure.PeakWatch(handback.process.pid) as watch:
            took = handback.drop(kind, path)
            handback.ask("wait", 60)
        runs.add(name, took._replace(peak=watch.peak.get("handback-reconc")))
        runs.add(f"its parser: {name}", measure.Took(took.seconds, None, watch.peak.get("handback-parse")))
        if after:
            after(handback)


def opponents(bench, runs, n, rows, slow):
    def one(name, opponent, *more):
        with bench.database(n) as db:
            runs.add(name, opponent(*more, db, 1, n))

    one("reference SQL, decoded rows", bench.reference)
    if not slow:
        return
    one("psql \\copy and a plain script", bench.script)
    one("Python, batches", bench.python, "batches")
    with bench.database(n) as db:
        took = bench.python("rows", db, 1, rows)
        runs.add("Python, row by row (scaled)", took._replace(seconds=took.seconds * n / rows, cpu=took.cpu * n / rows))
    if shutil.which("pgloader"):
        one("pgloader and the script", bench.pgloader)


def tools(bench, runs):
    """What an auditor and finance do afterwards, over the file that was just posted."""
    def after(handback):
        server, ctl = bench.cluster.server.pid, [str(bench.build / "ctl/handbackctl"), "--config", str(handback.config),
                                                "--database", handback.reads]
        runs.add("handbackctl audit verify", measure.run(ctl + ["audit", "verify"], server))
        runs.add("handbackctl report", measure.run(ctl + ["report", "--format", "html"], server))
    return after


ALONE = 5  # in each run: they are short, and the machine is not the same from one second to the next


def parse_alone(bench, profile, path):
    """From the job's hand-over to its end, in the sandbox, with somebody who takes the frames: started ahead, its pipe as
    large as handback-reconcile makes it."""
    said = json.loads(subprocess.run(
        ["/usr/bin/python3", str(rig.ROOT / "tests/support/parse_client.py"), "--build", str(bench.build), "--measure", profile, path],
        capture_output=True, text=True, check=True).stdout)
    assert said["status"] == 0, said
    return measure.Took(said["seconds"], said["cpu"], said["max_rss"] / 1024)


def alone(bench, runs, n):
    """Parts by themselves: the parser as a whole process against the bare libraries on the same bytes, and the proof."""
    for kind, raw in [("delimited", "raw_csv"), ("xml", "raw_sax"), ("fixed", None)] * ALONE:
        path = str(bench.file(kind, 1, n))
        runs.add(f"handback-parse alone, {kind}", parse_alone(bench, str(rig.ROOT / f"bench/profiles/{kind}.yaml"), path))
        if raw:
            runs.add(f"{raw} alone", measure.told([str(bench.build / "bench" / raw), path]))
    path = str(bench.file("delimited", 1, n))
    runs.add("proof alone", measure.run([str(bench.build / "bench/proof"), str(n), path]))
    runs.add("Python csv alone", measure.run(
        ["/usr/bin/python3", "-c", "import csv,sys\nfor r in csv.reader(open(sys.argv[1], newline='')): pass", path]))


def drop_at_once(handback, paths):
    """Files per second, from the first name that is there to the last commit."""
    folder = handback.inbound["delimited"]
    for path in paths:
        shutil.copyfile(path, folder / f".{path.name}")
    os.sync()
    since = time.time()
    for path in paths:
        (folder / f".{path.name}").rename(folder / path.name)
    handback.ask("wait", 60)
    with handback.db.connect() as c:
        last = c.execute("SELECT extract(epoch FROM max(pg_xact_commit_timestamp(xmin)))::float8 FROM audit.head").fetchone()[0]
        count = c.execute("SELECT count(*) FROM handback.file WHERE state = 'posted' AND name = ANY (%s)",
                          ([p.name.encode() for p in paths],)).fetchone()[0]
    assert count == len(paths), f"{count} of {len(paths)} files were posted"
    return len(paths) / (last - since)


def small_files(bench, values, plan):
    def file(k):
        return bench.file("delimited", 1 + k * 100 % plan.records, 100, sequence=k + 1)

    with bench.database(plan.records) as db, rig.Handback(bench, db) as handback:
        handback.drop("delimited", file(0))  # warm: the first makes the partner and the plans
        each = sorted(handback.drop("delimited", file(k)).seconds * 1000 for k in range(1, plan.singles + 1))
        values["small_median"] = statistics.median(each)
        values["small_p99"] = each[min(len(each) - 1, int(len(each) * 0.99))]
        first = plan.singles + 1
        values["files_per_second"] = drop_at_once(handback, [file(k) for k in range(first, first + plan.files)])
    print(f"  files of 100 records: {values['small_median']:.1f} ms, p99 {values['small_p99']:.1f} ms; "
          f"{plan.files} in one drop: {values['files_per_second']:.0f} files/s", flush=True)
    with bench.database(plan.records) as db, bench.profiled(db, "small-files"), rig.Handback(bench, db) as handback:
        drop_at_once(handback, [file(k) for k in range(min(plan.files, 200))])


def large_ledger(bench, runs, ledger, records):
    """A daily file on years of history: every redemption but the file's own is already confirmed."""
    first = ledger - records + 1
    path = bench.file("delimited", first, records)
    with bench.database(ledger, own=True) as db:
        bench.history(db, first)
        with rig.Handback(bench, db) as handback:
            runs.add(f"handback, {records:,} on {ledger:,} and history", handback.drop("delimited", path))


def profiles(bench, n):
    """Where the time goes, for whoever has to find a goal that is missed."""
    with bench.database(n) as db:
        with bench.profiled(db, "file"), rig.Handback(bench, db) as handback:
            handback.drop("delimited", bench.file("delimited", 1, n))
            handback.ask("wait", 60)
        ctl = [str(bench.build / "ctl/handbackctl"), "--config", str(handback.config), "--database", handback.reads]
        with bench.profiled(db, "audit"):
            measure.run(ctl + ["audit", "verify"])
            measure.run(ctl + ["report", "--format", "html"])


def evaluate(runs, n):
    ours = runs.median("handback, delimited")
    large = f"handback, {n // 10:,} on {10 * n:,} and history"
    return {
        "against_reference": ratio(ours, runs.median("reference SQL, decoded rows")),
        "against_script": ratio(runs.median("psql \\copy and a plain script"), ours),
        "against_batches": ratio(runs.median("Python, batches"), ours),
        "against_rows": ratio(runs.median("Python, row by row (scaled)"), ours),
        "against_pgloader": ratio(runs.median("pgloader and the script"), ours),
        "xml_against_delimited": ratio(runs.median("handback, XML"), ours),
        "parser_csv": ratio(runs.median("handback-parse alone, delimited"), runs.median("raw_csv alone")),
        "parser_xml": ratio(runs.median("handback-parse alone, xml"), runs.median("raw_sax alone")),
        "five_times": ratio(runs.median(f"handback, delimited, {5 * n:,}"), 5 * ours),
        "large_ledger": ratio(runs.median(large), ours / 10),
        "memory_parser": runs.peak("its parser: "),
        "memory_reconciler": runs.peak("handback, "),
        "audit_share": 100 * ratio(runs.median("proof alone"), ours),
        "verify": ratio(runs.median("handbackctl audit verify"), ours),
        "report": runs.median("handbackctl report"),
    }


def measure_all(bench, plan):
    """(runs, values by goal)"""
    runs, values, n = Runs(), {}, plan.records
    print(f"{n:,} records on {n:,} redemptions, {plan.runs} interleaved runs, {plan.slow_runs} of slow opponents", flush=True)
    for k in range(plan.runs):
        handback_run(bench, runs, "handback, delimited", "delimited", n, 1, n, after=tools(bench, runs))
        handback_run(bench, runs, "handback, XML", "xml", n, 1, n)
        handback_run(bench, runs, "handback, fixed width", "fixed", n, 1, n)
        handback_run(bench, runs, "handback, delimited, shuffled", "delimited", n, 1, n, shuffled=True)
        opponents(bench, runs, n, plan.rows, k < plan.slow_runs)
        alone(bench, runs, n)
    small_files(bench, values, plan)
    profiles(bench, n)
    bench.forget(n)
    handback_run(bench, runs, f"handback, delimited, {5 * n:,}", "delimited", 5 * n, 1, 5 * n, own=True)
    large_ledger(bench, runs, 10 * n, n // 10)
    return runs, values | evaluate(runs, n)


def parse_options():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true", help="a tenth of everything")
    options.add_argument("--smoke", action="store_true", help="only whether it runs")
    options.add_argument("--sftp", action="store_true", help="only a download by SFTP (with --quick a tenth of it)")
    options.add_argument("--api", action="store_true", help="only the redemption API (with --quick shorter)")
    options.add_argument("--readme", action="store_true", help="write the folder's results into README.md")
    options.add_argument("--runs", type=int, help="interleaved runs")
    options.add_argument("--records", type=int, help="in the large file")
    options.add_argument("--build", default="build-bench", help="build directory")
    options.add_argument("--folder", default="build-bench/results", help="for data and results")
    return options.parse_args()


def about():
    """When, where and by which command."""
    return {"date": datetime.date.today().isoformat(), "command": " ".join(["./dev bench", *sys.argv[1:]]),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, {measure.processor()}, {platform.system()} {platform.release()}",
            "postgresql": subprocess.run([str(rig.pg.bin_dir() / "postgres"), "--version"], capture_output=True, text=True).stdout.strip()}


def main():
    o = parse_options()
    folder = pathlib.Path(o.folder).resolve()
    if o.readme:
        readme = rig.ROOT / "README.md"
        if o.api:
            show.readme(readme, json.loads((folder / "api.json").read_text()), api.goal_lines, "api ")
        else:
            show.readme(readme, json.loads((folder / "results.json").read_text()))
        return 0
    plan = SMOKE if o.smoke else QUICK if o.quick else FULL
    plan = dataclasses.replace(plan, records=o.records or plan.records, runs=o.runs or plan.runs,
                               slow_runs=min(plan.slow_runs, o.runs or plan.slow_runs))
    if o.sftp:
        import sftp  # wants sshd, and what the tests want
        sftp.run(o.build, (10 if o.smoke else 100 if o.quick else 1024) << 20, 1 if o.smoke else o.runs or 3, not o.smoke)
        return 0
    if o.api:
        api.run(o.build, folder, 2 if o.smoke else 3 if o.quick else 6, 1 if o.smoke else o.runs or (1 if o.quick else 3), not o.smoke, about())
        return 0
    bench = rig.Bench(o.build, folder)
    try:
        runs, values = measure_all(bench, plan)
    finally:
        bench.close()
    result = {**about(),
              "plan": dataclasses.asdict(plan), "judged": not o.smoke, "values": values, "rows": runs.rows()}
    show.write(bench.folder, result)
    print("\n" + show.table(result) + "\n")
    for line in show.missed(result, bench.folder) + show.compare(bench.folder, result):
        print(line)
    print(f"\n{bench.folder}/results.json, {bench.folder}/results.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main())

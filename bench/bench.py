#!/usr/bin/python3
"""How fast is handback, against what people use today and against the machine's limit?

    ./dev bench                    everything, five runs of each, interleaved (about an hour)
    ./dev bench --quick            three runs, without the slowest opponents and the largest files
    ./dev bench --smoke            10,000 records once: does it run? (no ratio is judged)

Prints a table of targets and medians, writes results.json and results.svg into
the bench's folder and keeps the results before as previous.json.  Ratios of one
run mean something on any machine; absolute times do not.
"""
import argparse
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
import measure  # noqa: E402
import show  # noqa: E402
import world  # noqa: E402


class Runs:
    """Seconds and peaks by name."""

    def __init__(self):
        self.seconds, self.peaks = {}, {}

    def add(self, name, seconds, peak=None):
        self.seconds.setdefault(name, []).append(seconds)
        if peak is not None:
            self.peaks[name] = max(peak, self.peaks.get(name, 0))
        print(f"  {name:<44} {seconds:9.3f} s" + (f"  {peak:6.0f} MiB" if peak else ""), flush=True)

    def median(self, name):
        return statistics.median(self.seconds[name]) if name in self.seconds else None

    def medians(self):
        return {name: (self.median(name), self.peaks.get(name)) for name in self.seconds}


def ratio(a, b):
    return a / b if a and b else None


def handback_run(bench, runs, name, kind, ledger, first, count, shuffled=False, after=None):
    """One file through a warm daemon, on a fresh copy of the ledger."""
    path = bench.file(kind, first, count, shuffled=shuffled)
    with bench.database(ledger) as db, world.Handback(bench, db) as handback:
        with measure.PeakWatch(handback.process.pid) as watch:
            seconds = handback.drop(kind, path)
            handback.ask("wait", 60)
        runs.add(name, seconds, watch.peak.get("handback-reconc"))
        runs.peaks[name + " (parser)"] = max(watch.peak.get("handback-parse", 0), runs.peaks.get(name + " (parser)", 0))
        if after:
            after(handback, seconds)


def opponents(bench, runs, n, rows, quick):
    with bench.database(n) as db:
        runs.add("reference SQL, decoded rows", *bench.reference(db, 1, n))
    with bench.database(n) as db:
        runs.add("psql \\copy and a plain script", *bench.script(db, 1, n))
    if quick:
        return
    with bench.database(n) as db:
        runs.add("Python, batches", *bench.python("batches", db, 1, n))
    with bench.database(n) as db:
        seconds, peak = bench.python("rows", db, 1, rows)
        runs.add(f"Python, row by row (scaled from {rows:,})", seconds * n / rows, peak)
    if shutil.which("pgloader"):
        with bench.database(n) as db:
            runs.add("pgloader and the script", *bench.pgloader(db, 1, n))


def tools(bench, runs):
    """What an auditor and finance do afterwards, over the file that was just posted."""
    def after(handback, _):
        ctl = [str(bench.build / "ctl/handbackctl"), "--config", str(handback.config)]
        runs.add("handbackctl audit verify", *measure.run(ctl + ["audit", "verify"]))
        runs.add("handbackctl report", *measure.run(ctl + ["report", "--format", "html"]))
    return after


def parse_alone(bench, profile, path):
    """From the job's hand-over to its end, in the cage, with somebody who takes the frames."""
    said = json.loads(subprocess.run(
        ["/usr/bin/python3", str(world.ROOT / "tests/parse_client.py"), "--build", str(bench.build), "--measure", profile, path],
        capture_output=True, text=True, check=True).stdout)
    assert said["status"] == 0, said
    return said["seconds"], said["max_rss"] / 1024


def parsers(bench, runs, n):
    """The parser as a whole process against the bare libraries on the same bytes."""
    for kind, raw in (("delimited", "raw_csv"), ("xml", "raw_sax"), ("fixed", None)):
        path = str(bench.file(kind, 1, n))
        profile = str(world.ROOT / f"bench/profiles/{kind}.yaml")
        runs.add(f"handback-parse alone, {kind}", *parse_alone(bench, profile, path))
        if raw:
            runs.add(f"{raw} alone", *measure.run([str(bench.build / "bench" / raw), path]))
    runs.add("Python csv alone", *measure.run(
        ["/usr/bin/python3", "-c", "import csv,sys\nfor r in csv.reader(open(sys.argv[1], newline='')): pass",
         str(bench.file("delimited", 1, n))]))


def small_files(bench, values, ledger, files, singles):
    with bench.database(ledger) as db, world.Handback(bench, db) as handback:
        times = []
        for k in range(singles):
            times.append(handback.drop("delimited", bench.file("delimited", 1 + k * 100, 100, sequence=k + 1)))
        times.sort()
        values["small_median"] = statistics.median(times) * 1000
        values["small_p99"] = times[min(len(times) - 1, int(len(times) * 0.99))] * 1000
        folder = handback.inbound["delimited"]
        paths = [bench.file("delimited", 1 + (singles + k) * 100, 100, sequence=singles + k + 1) for k in range(files)]
        for path in paths:
            shutil.copyfile(path, folder / f".{path.name}")
        os.sync()
        since = time.time()
        for path in paths:
            (folder / f".{path.name}").rename(folder / path.name)
        handback.ask("wait", 60)
        with db.connect() as c:
            last, count = c.execute("SELECT extract(epoch FROM max(pg_xact_commit_timestamp(xmin)))::float8, count(*) "
                                    "FROM audit.head").fetchone()
        assert count == files + singles, f"{count} of {files + singles} files were decided"
        values["files_per_second"] = files / (last - since)


def large_ledger(bench, runs, ledger, records):
    """A daily file on years of history: every redemption but the file's own is already confirmed."""
    first = ledger - records + 1
    path = bench.file("delimited", first, records)
    with bench.database(ledger) as db:
        with db.connect() as c:
            c.execute((world.OPPONENTS / "history.sql").read_text().replace("{before}", str(first)))
        with world.Handback(bench, db) as handback:
            runs.add(f"handback, {records:,} on {ledger:,} and history", handback.drop("delimited", path))


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--smoke", action="store_true")
    options.add_argument("--quick", action="store_true")
    options.add_argument("--runs", type=int)
    options.add_argument("--records", type=int)
    options.add_argument("--build", default="build-bench")
    options.add_argument("--folder", default="build-bench/results")
    o = options.parse_args()
    n = o.records or (10_000 if o.smoke else 1_000_000)
    times = o.runs or (1 if o.smoke else 3 if o.quick else 5)
    full = not (o.smoke or o.quick)

    bench, runs, values = world.Bench(o.build, pathlib.Path(o.folder).resolve()), Runs(), {}
    try:
        print(f"{n:,} records on {n:,} redemptions, {times} interleaved runs", flush=True)
        for _ in range(times):
            handback_run(bench, runs, "handback, delimited", "delimited", n, 1, n, after=tools(bench, runs))
            handback_run(bench, runs, "handback, XML", "xml", n, 1, n)
            handback_run(bench, runs, "handback, fixed width", "fixed", n, 1, n)
            handback_run(bench, runs, "handback, delimited, shuffled", "delimited", n, 1, n, shuffled=True)
            opponents(bench, runs, n, min(n, 50_000), o.quick)
            parsers(bench, runs, n)
        small_files(bench, values, n, *((20, 10) if o.smoke else (1000, 300)))
        if full:
            handback_run(bench, runs, "handback, delimited, 5 M", "delimited", 5 * n, 1, 5 * n)
            large_ledger(bench, runs, 10 * n, n // 10)
    finally:
        bench.close()

    ours = runs.median("handback, delimited")
    rows = next((k for k in runs.seconds if k.startswith("Python, row by row")), "")
    values |= {
        "against_reference": ratio(ours, runs.median("reference SQL, decoded rows")),
        "against_script": ratio(runs.median("psql \\copy and a plain script"), ours),
        "against_batches": ratio(runs.median("Python, batches"), ours),
        "against_rows": ratio(runs.median(rows), ours),
        "against_pgloader": ratio(runs.median("pgloader and the script"), ours),
        "xml_against_delimited": ratio(runs.median("handback, XML"), ours),
        "parser_csv": ratio(runs.median("handback-parse alone, delimited"), runs.median("raw_csv alone")),
        "parser_xml": ratio(runs.median("handback-parse alone, xml"), runs.median("raw_sax alone")),
        "five_million": ratio(runs.median("handback, delimited, 5 M"), 5 * ours if full else None),
        "large_ledger": ratio(next((runs.median(k) for k in runs.seconds if k.endswith("and history")), None), ours / 10),
        "memory_parser": max((v for k, v in runs.peaks.items() if k.endswith("(parser)")), default=None),
        "memory_reconciler": max((v for k, v in runs.peaks.items() if k.startswith("handback, ") and "(parser)" not in k), default=None),
        "verify": ratio(runs.median("handbackctl audit verify"), ours),
        "report": runs.median("handbackctl report"),
    }
    result = {"date": datetime.date.today().isoformat(), "machine": f"{platform.machine()}, {os.cpu_count()} cores",
              "postgresql": subprocess.run([str(world.pg.bin_dir() / "postgres"), "--version"], capture_output=True,
                                           text=True).stdout.strip(),
              "records": n, "runs": times, "values": values, "medians": runs.medians(), "all": runs.seconds}
    show.write(bench.folder, result)
    print("\n" + show.table(values, runs.medians()))
    for line in show.compare(bench.folder, values):
        print("since the last results: " + line)
    print(f"\n{bench.folder}/results.json, {bench.folder}/results.svg")
    if o.smoke:
        print("1 passed, 0 failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
"""A transactional report over very many entries: prints for each format when its first byte came, how long it took, and the memory of handbackctl.

    tests/proofs/report_stream.py [--entries 1000000] [--formats csv,json,xlsx] [--build build]

CSV and JSON are written while entries are found; a workbook is there at its end, and what a sheet does not hold is on another.
"""
import argparse
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "tests")]

import pg  # noqa: E402
from catalogue_world import open_catalogue  # noqa: E402


def measure(build, world, form):
    began = time.monotonic()
    process = subprocess.Popen([build / "ctl/handbackctl", "transactions", "--format", form, "--database", world.conninfo("handback_finance")],
                               stdout=subprocess.PIPE)
    size = len(process.stdout.read(1))
    first = time.monotonic() - began
    print(f"{form}: first byte after {first:.2f} s", flush=True)
    while chunk := process.stdout.read(1 << 20):
        size += len(chunk)
    _, status, usage = os.wait4(process.pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    return time.monotonic() - began, size, usage.ru_maxrss


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--entries", type=int, default=1_000_000)
    options.add_argument("--formats", default="csv,json,xlsx")
    options.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    asked = options.parse_args()
    cluster = pg.Cluster(on_disk=True)
    try:
        world = open_catalogue(cluster.database())
        with world.connect() as c:
            for part in range(0, asked.entries, 100_000):
                c.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points) SELECT 1, m.member_id, 'Credit By Accrual', 1 + mod(n, 7)"
                          " FROM generate_series(1, %s) n JOIN ledger.member m ON m.programme_id = 1 AND m.relation_reference = 'M' || 1 + mod(n, 9)",
                          (min(100_000, asked.entries - part),))
            c.execute("ANALYZE")
        for form in asked.formats.split(","):
            whole, size, memory = measure(asked.build, world, form)
            print(f"{form}: {asked.entries:,} entries after {whole:.1f} s, {size / 2**20:.0f} MiB, {memory / 1024:.0f} MiB resident", flush=True)

    finally:
        cluster.close()


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""A transactional report over very many entries: prints for each format when its first byte came, how long it took, and the memory of handbackctl.

    tests/proofs/report_stream.py [--entries 200000,1000000] [--formats csv,json,xlsx] [--build build]

CSV and JSON are written while entries are found; a workbook is there at its end, and what a sheet does not hold is on another.  For each number of
entries it prints how many blocks the database reads for the first, the middle and the last page: those are what a page costs, and do not grow.
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
from catalogue_world import blocks_of_a_page, many_entries, open_catalogue  # noqa: E402

PAGE = 2000


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
    return time.monotonic() - began, size, usage


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--entries", default="200000,1000000")
    options.add_argument("--formats", default="csv,json,xlsx")
    options.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    asked = options.parse_args()
    cluster = pg.Cluster(on_disk=True)
    try:
        world, have = open_catalogue(cluster.database()), 0
        for entries in map(int, asked.entries.split(",")):
            with world.connect() as c:
                many_entries(c, entries - have)
                have = entries
                blocks = [blocks_of_a_page(c, after, PAGE) for after in (0, entries // 2, entries - PAGE)]
            print(f"{entries:,} entries: {blocks} blocks for the first, the middle and the last page of {PAGE:,}", flush=True)
            for form in asked.formats.split(","):
                whole, size, usage = measure(asked.build, world, form)
                print(f"{form}: {entries:,} entries after {whole:.1f} s, {whole / entries * 1e6:.0f} µs each, of which"
                      f" {(usage.ru_utime + usage.ru_stime) / entries * 1e6:.0f} µs are handbackctl's; {size / 2**20:.0f} MiB,"
                      f" {usage.ru_maxrss / 1024:.0f} MiB resident", flush=True)
    finally:
        cluster.close()


if __name__ == "__main__":
    main()

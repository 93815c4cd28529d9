#!/usr/bin/python3
"""How long it takes to decide many holds in one proposal: prints a line for each step.

    tests/proofs/bulk.py [--holds 100000] [--decision reverse] [--build build]

A file whose records all state other points than their redemptions; one person proposes, another approves by handbackctl, while
small files of the same partner come: the longest that one of them waits is shown.
"""
import argparse
import pathlib
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/support"))
import pg  # noqa: E402
from operators import Operators  # noqa: E402
from worker import Desk  # noqa: E402


def redeem(desk, many):
    desk.db.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points, partner, amount, currency, merchant,"
                    " transaction_type, external_reference) SELECT 1, 1 + mod(n, 9), 'Debit By Redemption', 1, 'AIR', 100, 'EUR', 'Air', 6,"
                    " gen_random_uuid() FROM generate_series(1, %s) n", (many,))
    return desk.query("SELECT external_reference::text, 'M' || member_id FROM ledger.redemption ORDER BY redemption_id")


def files_meanwhile(desk, stop, waits):
    """Small files of the same partner, two a second."""
    while not stop.wait(0.5):
        began = time.monotonic()
        done = desk.deliver([(desk.small.pop(), "OK")])
        assert done["state"] == "posted", done
        waits.append(time.monotonic() - began)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--holds", type=int, default=100_000)
    options.add_argument("--decision", default="reverse", choices=("reverse", "confirm", "close"))
    options.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    said = options.parse_args()
    cluster = pg.Cluster(on_disk=True)
    try:
        with Desk(cluster.database(), said.build.resolve()) as desk, Operators(desk.database):
            desk.small = []
            rows = redeem(desk, said.holds)
            desk.db.execute("ANALYZE")
            for n in range(2000):
                desk.redeem(f"S{n}")
                desk.small.append(f"S{n}")
            desk.drop("AIR_1.csv", desk.file([(uuid, "KO", {"Points": 2, "Member": member}) for uuid, member in rows]))
            began = time.monotonic()
            done = desk.take("AIR_1.csv", 600)
            assert done["state"] == "posted", done
            desk.sequence = 1
            print(f"file of {said.holds} records, each held: {time.monotonic() - began:.1f} s", flush=True)
            began = time.monotonic()
            proposed = desk.ctl("--database", desk.database.conninfo("ann"), "hold", "propose", said.decision, "--reason", "points_mismatch",
                                "--why", "bulk", "--yes", "--accept-difference")
            print(f"proposed in {time.monotonic() - began:.1f} s: {proposed.stderr.strip()}", flush=True)
            waits, stop = [], threading.Event()
            meanwhile = threading.Thread(target=files_meanwhile, args=(desk, stop, waits))
            meanwhile.start()
            began = time.monotonic()
            command = [str(said.build / "ctl/handbackctl"), "--config", str(desk.config), "--database", desk.database.conninfo("ben"),
                       "hold", "approve", "1"]
            approved = subprocess.run(command, capture_output=True, text=True)
            took = time.monotonic() - began
            stop.set()
            meanwhile.join()
            assert approved.returncode == 0, approved.stderr
            print(f"approved in {took:.1f} s, {took / said.holds * 1000:.2f} ms for each hold; {len(waits)} files came meanwhile, posted "
                  f"after {sorted(waits)[len(waits) // 2]:.2f} s (median) and {max(waits):.2f} s (the slowest)", flush=True)
            ended = desk.query("SELECT e.how, count(*) FROM handback.hold_end e GROUP BY 1")
            print(f"ended: {ended}; reversals: {desk.reversals()}")
    finally:
        cluster.close()


if __name__ == "__main__":
    main()

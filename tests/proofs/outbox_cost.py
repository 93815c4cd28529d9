"""What the outbox costs whoever reconciles: the same files with it and without it, in turn, as one ratio.

    /usr/bin/python3 -B tests/proofs/outbox_cost.py --build build [--records 20000] [--rounds 12]

Without it the triggers that record what is to be told do nothing; all else is the same. A target is named in both, since it is the
recording that counts. Each file confirms a half and reverses the other. A round is four files: with, without, without, with, so that what
drifts, drifts for both; its ratio is of its two and two. The median of the rounds is judged with the bounds between which it lies by 95 in
100 (ranks of the sign test), once by the clock and once by the processor's time of the worker, its parser and its server process, which
another load of the machine hardly moves: within 2 %, above it, or it cannot be told from so many rounds.
"""
import argparse
import math
import os
import pathlib
import statistics
import sys
import time
import uuid

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[n] / more) for n, more in ((1, "support"), (1, ""), (2, "fixtures"))]
FUNCTIONS = ("record_head", "record_entries")
NOTHING = ("CREATE OR REPLACE FUNCTION handback.{} () RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS"
           " $$ BEGIN RETURN NULL; END $$")


def redeem_many(desk, number, records):
    keys = [f"F{number}-{n}" for n in range(records)]
    desk.references.update({key: str(uuid.uuid5(uuid.NAMESPACE_OID, key)) for key in keys})
    desk.db.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points, partner, amount, currency, merchant, transaction_type, external_reference)"
                    " SELECT 1, 1, 'Debit By Redemption', 1, 'AIR', 1, 'EUR', 'Air', 6, r FROM unnest(%s::uuid[]) r",
                    ([desk.references[key] for key in keys],))
    return keys


def processor_time(desk):
    """Seconds of the worker, of what it started, and of its server process."""
    server, = desk.query("SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'handback-reconcile%%' AND backend_type = 'client backend'")[0]
    seconds = 0
    for pid, fields in ((desk.worker.process.pid, slice(11, 15)), (server, slice(11, 13))):
        said = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        seconds += sum(map(int, said[fields])) / os.sysconf("SC_CLK_TCK")
    return seconds


def measure(desk, number, records):
    """Seconds of one file, by the clock and by the processor."""
    keys = redeem_many(desk, number, records)
    name = f"AIR_{number}.csv"
    desk.drop(name, desk.file([(key, "OK" if n % 2 else "KO", {"Points": 1}) for n, key in enumerate(keys)]))
    used, began = processor_time(desk), time.monotonic()
    said = desk.take(name, seconds=600)
    took = time.monotonic() - began, processor_time(desk) - used
    assert desk.query("SELECT count(*) FROM handback.outcome o JOIN handback.file f USING (file_id) WHERE f.name = %s"
                      " AND o.outcome IN (SELECT outcome FROM handback.outcome_name WHERE name IN ('confirmed', 'reversed'))",
                      name.encode()) == [(records,)], said
    return took


def bounds(ratios):
    """The median, and the ranks between which it lies in 95 of 100 cases; infinite where so few say nothing."""
    ratios, n = sorted(ratios), len(ratios)
    low, chance = 0, 1 / 2 ** n
    while chance <= 0.025:
        low += 1
        chance += math.comb(n, low) / 2 ** n
    if low == 0:
        return statistics.median(ratios), -math.inf, math.inf
    return statistics.median(ratios), ratios[low - 1], ratios[n - low]


def judged(name, ratios, most=1.02):
    middle, low, high = bounds(ratios)
    verdict = "within 2 %" if high <= most else "above 2 %" if low > most else "cannot be told"
    return f"by {name} {middle:.3f} ({low:.3f} to {high:.3f}): {verdict}"


def main():
    import pg
    from worker import Desk

    options = argparse.ArgumentParser()
    options.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build"))
    options.add_argument("--records", type=int, default=20_000)
    options.add_argument("--rounds", type=int, default=12)
    said = options.parse_args()
    cluster = pg.Cluster()
    try:
        with Desk(cluster.database(), said.build.resolve()) as desk:
            desk.db.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points) VALUES (1, 1, 'Credit By Accrual', 100000000)")
            desk.db.execute("SELECT handback.add_target('crm', 'P', 'objects: {redemption: {url: \"http://127.0.0.1:1/\", record: {r: \"${reference}\"}}}')")
            sources = {name: desk.query("SELECT pg_get_functiondef(%s::regproc)", f"handback.{name}")[0][0] for name in FUNCTIONS}
            measure(desk, 1, said.records)  # caches, plans
            files, clock, processor, number = {True: [], False: []}, [], [], 1
            for _ in range(said.rounds):
                took = {True: [0, 0], False: [0, 0]}
                for with_it in (True, False, False, True):
                    for name in FUNCTIONS:
                        desk.db.execute(sources[name] if with_it else NOTHING.format(name))
                    number += 1
                    one = measure(desk, number, said.records)
                    files[with_it].append(one[0])
                    took[with_it] = [a + b for a, b in zip(took[with_it], one)]
                clock.append(took[True][0] / took[False][0])
                processor.append(took[True][1] / took[False][1])
            print(f"{said.records} records a file, {said.rounds} rounds of four: {statistics.median(files[True]):.2f} s with the outbox,"
                  f" {statistics.median(files[False]):.2f} s without; {judged('the clock', clock)}; {judged('the processor', processor)};"
                  f" load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    finally:
        cluster.close()


if __name__ == "__main__":
    main()

"""What the outbox costs whoever reconciles: the same files with it and without it, in turn, as one ratio.

    /usr/bin/python3 -B tests/proofs/outbox_cost.py --build build [--records 20000] [--rounds 6]

Without it the triggers that record what is to be told do nothing; all else is the same. A target is named in both, since it is the
recording that counts. Each file confirms a half and reverses the other. The median of what a file takes, and the best of each, are compared.
"""
import argparse
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


def measure(desk, number, records):
    """Seconds of one file."""
    keys = redeem_many(desk, number, records)
    name = f"AIR_{number}.csv"
    desk.drop(name, desk.file([(key, "OK" if n % 2 else "KO", {"Points": 1}) for n, key in enumerate(keys)]))
    began = time.monotonic()
    said = desk.take(name, seconds=300)
    took = time.monotonic() - began
    assert desk.query("SELECT count(*) FROM handback.outcome o JOIN handback.file f USING (file_id) WHERE f.name = %s"
                      " AND o.outcome IN (SELECT outcome FROM handback.outcome_name WHERE name IN ('confirmed', 'reversed'))",
                      name.encode()) == [(records,)], said
    return took


def main():
    import pg
    from worker import Desk

    options = argparse.ArgumentParser()
    options.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build"))
    options.add_argument("--records", type=int, default=20_000)
    options.add_argument("--rounds", type=int, default=6)
    said = options.parse_args()
    cluster = pg.Cluster()
    try:
        with Desk(cluster.database(), said.build.resolve()) as desk:
            desk.db.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points) VALUES (1, 1, 'Credit By Accrual', 100000000)")
            sources = {name: desk.query("SELECT pg_get_functiondef(%s::regproc)", f"handback.{name}")[0][0] for name in FUNCTIONS}
            took = {True: [], False: []}
            measure(desk, 1, said.records)  # caches, plans
            for number in range(2, 2 + 2 * said.rounds):
                with_it = number % 4 in (0, 3)  # with, without, without, with
                for name in FUNCTIONS:
                    desk.db.execute(sources[name] if with_it else NOTHING.format(name))
                took[with_it].append(measure(desk, number, said.records))
            ratios = [statistics.median(took[True]) / statistics.median(took[False]), min(took[True]) / min(took[False])]
            print(f"{said.records} records a file, {said.rounds} files each: {statistics.median(took[True]):.2f} s with the outbox,"
                  f" {statistics.median(took[False]):.2f} s without; by the medians {ratios[0]:.3f}, by the best {ratios[1]:.3f};"
                  f" load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    finally:
        cluster.close()


if __name__ == "__main__":
    main()

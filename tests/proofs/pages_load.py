#!/usr/bin/python3
"""The pages over much: prints the server's time for each page over many records and many open holds, what a first look costs, and the memory of many people.

    tests/proofs/pages_load.py [--redemptions 300000] [--holds 100000] [--people 50] [--build build]

Goals: Today 100 ms, holds 200 ms wherever in the list, a first look 60 kB, 50 people 600 MiB. On a busy machine compare what is in one run: the
same page over an empty world is printed beside it.
"""
import argparse
import pathlib
import re
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "tests"), str(ROOT / "fixtures")]

import pg  # noqa: E402
import web  # noqa: E402
import world as worlds  # noqa: E402

LOOKS = 7


def server_ms(pages, person, path):
    """The least of some looks, as handback-web's log has it, and the page's bytes."""
    times = []
    for _ in range(LOOKS):
        page = person.get(path)
        assert page.status == 200, (path, page.status, page.text[-600:])
        times.append(int(re.findall(r"us=(\d+)", pages.log())[-1]) / 1000)
    return min(times), len(page.body)


def open_many_holds(world, count):
    """As many holds of records as are asked for, beside those that there are."""
    with world.database.connect() as c:
        c.execute("SET session_replication_role = replica")
        c.execute("""INSERT INTO handback.hold (file_id, record_no, reason, redemption_id, points, opened_at)
            SELECT f.file_id, 1000000 + n, (ARRAY['unknown_reference', 'points_mismatch', 'member_mismatch', 'unknown_reason'])[1 + n %% 4],
                CASE WHEN n %% 4 > 0 THEN r.first + n %% r.many END,
                100 + n %% 900, clock_timestamp() - n * interval '1 second'
            FROM generate_series(1, %s) n, (SELECT max(file_id) AS file_id FROM handback.file) f,
                (SELECT min(redemption_id) AS first, count(*) AS many FROM ledger.redemption) r""", (count,))
        c.execute("ANALYZE")


def fill(world, redemptions, holds):
    for partner in worlds.PARTNERS:  # each answers nearly all
        mine = len(world.ledger.of(partner)) * 97 // 100
        for sequence, begin in enumerate(range(0, mine, 50_000), 1):
            name, content = world.file(partner, world.answers(partner, min(50_000, mine - begin), start=begin), sequence=sequence)
            (world.inbound[partner] / name).write_bytes(content)
    done = world.ctl("run", check=False, timeout=1200)
    assert done.returncode in (0, 3), done.stdout + done.stderr
    world.ctl("nightly", check=False, timeout=1200)  # the terms of partners' answers, which Today goes by
    if holds:
        open_many_holds(world, holds)


def paths(world):
    middle, = world.query("SELECT coalesce(percentile_disc(0.5) WITHIN GROUP (ORDER BY hold_id), 1) FROM handback.hold")[0]
    file, = world.query("SELECT max(file_id) FROM handback.file")[0]
    return {"today": "/", "holds": "/holds", "holds, from the middle on": f"/holds?after={middle}", "holds of a reason": "/holds?reason=points_mismatch",
            "holds of a person": "/holds?owner=ann", "files": "/files", "a file's records": f"/files/{file}", "approvals": "/proposals",
            "open items": "/reports/ageing", "roll-forward": "/reports/roll-forward", "trend": "/reports/trend", "reasons": "/reports/reasons",
            "reconciliation": "/reports/reconciliation", "partners": "/partners", "people": "/people", "audit": "/audit"}


def measure(cluster, build, redemptions, holds):
    with worlds.World(cluster, build, members=max(60, redemptions // 20), redemptions=redemptions) as world:
        began = time.monotonic()
        fill(world, redemptions, holds)
        print(f"filled with {redemptions:,} redemptions and {holds:,} more holds in {time.monotonic() - began:.0f} s", flush=True)
        with web.Web(world) as pages:
            ann = pages.person("ann")
            found = {name: server_ms(pages, ann, path) for name, path in paths(world).items()}
            first = sum(len(ann.get(path).body) for path in ("/", "/style.css", "/script.js", "/icon.svg"))
        return found, first


def memory(pid):
    """PSS: what is shared is counted once in all."""
    return int(re.search(r"^Pss:\s+(\d+)", pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)[1]) / 1024


def descendants(pid):
    children = [int(p) for p in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [pid, *(p for child in children for p in descendants(child))]


def measure_people(cluster, build, people):
    with worlds.World(cluster, build) as world:
        world.drop("SKYLINE", *world.file("SKYLINE", world.unusual()))
        world.run()
        with web.Web(world) as pages:
            everybody = [pages.person(f"person{n}") for n in range(people)]
            for person in everybody:
                for path in ("/", "/holds", "/reports/ageing"):
                    assert person.get(path).status == 200
            ours = sum(memory(pid) for process in pages.started for pid in descendants(process.pid))
            backends = [row[0] for row in world.query("SELECT pid FROM pg_stat_activity WHERE application_name = 'handback-desk'")]
            assert len(backends) == people
            return ours, sum(memory(pid) for pid in backends)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--redemptions", type=int, default=300_000)
    options.add_argument("--holds", type=int, default=100_000)
    options.add_argument("--people", type=int, default=50)
    options.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    asked = options.parse_args()
    cluster = pg.Cluster({"max_connections": str(asked.people + 50)}, on_disk=True)
    try:
        ours, backends = measure_people(cluster, asked.build, asked.people)
        print(f"{asked.people} people: {ours:.0f} MiB of ours, {backends:.0f} MiB of the database's sessions", flush=True)
        small, _ = measure(cluster, asked.build, 240, 0)
        large, first = measure(cluster, asked.build, asked.redemptions, asked.holds)
        print(f"a first look: {first:,} bytes")
        for name, (ms, size) in large.items():
            print(f"{name:28} {ms:9.1f} ms   ({small[name][0]:.1f} ms over 240)   {size:,} bytes", flush=True)
    finally:
        cluster.close()


if __name__ == "__main__":
    main()

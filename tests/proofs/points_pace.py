"""How long points requests take from their receipt until the partner has answered, and how many are durable in a second.

    /usr/bin/python3 -B tests/proofs/points_pace.py --build build [--rate 20] [--seconds 20] [--rows 5000]

The gate, one handback-api, the outbox and its sender are real, and so is PostgreSQL, with its files where fsync costs something; the partner
is the tests' fulfilment order on loopback. First --rate requests a second come, one by one, for --seconds: the figure is the time from the
database's note of receipt to its note of the answer, with all of the partner's own. Then --rows come as fast as they are taken, in calls of
100 from four callers, while the outbox goes on sending: the figure is how many a second are answered as durable.
"""
import argparse
import concurrent.futures
import pathlib
import sys
import tempfile
import threading
import time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[n] / more) for n, more in ((1, "support"), (1, ""), (2, "fixtures"))]

CALLERS = 4
ROWS = 100


def members(db, count):
    db.execute("WITH m AS (INSERT INTO ledger.member (programme_id, relation_reference) SELECT 1, 'P' || n FROM generate_series(1, %s) n"
               " RETURNING member_id)"
               " INSERT INTO ledger.entry (programme_id, member_id, category, points) SELECT 1, member_id, 'Credit By Accrual', 1000000 FROM m", (count,))
    db.execute("ANALYZE")


def row(name, n, count):
    return {"RequestKey": f"{name}/{n}", "RelationReference": f"P{n % count + 1}", "PartnerMemberId": f"F{n % count + 1}", "Partner": "SKYLINE",
            "Points": 1 + n % 500, "Reason": "Closed Won"}


def take(api, token, rows):
    """Asks until all of them are taken: whoever is told to ask again does."""
    while rows:
        said = api.post("PointsRequest", rows, token).json
        assert {r["code"] for r in said["results"]} <= {"000", "503"}, said
        rows = [r for r, told in zip(rows, said["results"]) if told["code"] != "000"]


def percentiles(values):
    values = sorted(values)
    return {f"p{p}": round(values[min(len(values) - 1, len(values) * p // 100)] * 1000) for p in (50, 95, 99)} | {"most": round(values[-1] * 1000)}


def paced(api, token, route, rate, seconds, count):
    began, threads = time.monotonic(), []
    for n in range(rate * seconds):
        time.sleep(max(0, began + n / rate - time.monotonic()))
        threads.append(threading.Thread(target=take, args=(api, token, [row("paced", n, count)])))
        threads[-1].start()
    for thread in threads:
        thread.join()
    route.wait(lambda: route.one("SELECT count(*) FROM points.attempt_end WHERE result = 'credited'") >= 1 + rate * seconds, 120)
    took = route.db.execute("SELECT extract(epoch FROM e.ended_at - r.received_at)::float8 FROM points.request r"
                            " JOIN points.attempt_end e USING (request_no) WHERE e.result = 'credited' AND r.request_key LIKE 'paced/%'").fetchall()
    others = route.db.execute("SELECT result, count(*) FROM points.attempt_end WHERE result <> 'credited' GROUP BY 1").fetchall()
    return {**percentiles([t for t, in took]), **dict(others)}


def flood(api, token, rows, count):
    calls = [[row("flood", n, count) for n in range(first, min(first + ROWS, rows))] for first in range(0, rows, ROWS)]
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(lambda call: take(api, token, call), calls))
    return round(rows / (time.monotonic() - began))


def main():
    import partners
    import pg
    from points import points_world
    from redemption_api import Api

    options = argparse.ArgumentParser()
    options.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build"))
    options.add_argument("--rate", type=int, default=20)
    options.add_argument("--seconds", type=int, default=20)
    options.add_argument("--rows", type=int, default=5000)
    said = options.parse_args()
    cluster, build = pg.Cluster(on_disk=True), said.build.resolve()
    try:
        database = points_world(cluster.database())
        name = "fulfilment-order"
        with tempfile.TemporaryDirectory() as folder, partners.KINDS[name][0]() as partner, Api(build, database) as api, \
                partners.Route(database, build, pathlib.Path(folder), name, partner) as route:
            members(route.db, said.rows)
            route.start()
            take(api, api.token(), [row("first", 0, said.rows)])
            route.wait(lambda: route.state("first/0") == "credited")
            print(f"{said.rate} a second for {said.seconds} s, from receipt to the partner's answer, in ms:",
                  paced(api, api.token(), route, said.rate, said.seconds, said.rows))
            print(f"{said.rows} rows by {CALLERS} callers: {flood(api, api.token(), said.rows, said.rows)} a second durable;",
                  route.one("SELECT count(*) FROM points.attempt_end WHERE result = 'credited'") - said.rate * said.seconds - 1, "sent meanwhile")
    finally:
        cluster.close()


if __name__ == "__main__":
    main()

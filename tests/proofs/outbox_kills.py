"""handback-outbox and its senders killed at random, again and again, while redemptions happen and are decided.

    /usr/bin/python3 -B tests/proofs/outbox_kills.py --build build --runs 1000 [--seed N]

A sender kills itself before or after it sent, the outbox is killed at random moments. In the end the target, which keeps
the version that it has where an older one comes, has each redemption as we have it: nothing is lost, nothing goes back.
"""
import argparse
import pathlib
import random
import signal
import sys
import tempfile
import time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[n] / more) for n, more in ((1, "support"), (1, ""), (2, "fixtures"))]


def change(desk, chance):
    """Something happens to a redemption."""
    key = f"K{len(desk.references)}"
    desk.redeem(key, member=1 + len(desk.references) % 9)
    if chance.random() < 0.4:
        desk.db.execute("SELECT ledger.reversal_points(programme, member, merchant, external_reference) FROM ledger.redemption r"
                        " WHERE NOT EXISTS (SELECT FROM ledger.reversal v WHERE v.redemption_id = r.redemption_id)"
                        " ORDER BY random() LIMIT 1")


def kill_runs(desk, outbox, chance, runs):
    outbox.connector("crm", batch=3, balance=True)
    outbox.behave("crm", die=0.1)
    for _ in range(runs):
        outbox.start()
        for _ in range(chance.randrange(4)):
            change(desk, chance)
        time.sleep(chance.random() * 0.6)
        outbox.process.send_signal(signal.SIGKILL)
        outbox.process.wait()
    outbox.behave("crm")
    outbox.start()
    wanted = {key.lower(): state for key, state in outbox.query(
        "SELECT o ->> 'reference', o ->> 'state' FROM ledger.redemption r, handback.redemption_object(r.redemption_id) o")}
    outbox.wait(lambda: outbox.states("crm") == wanted, seconds=60)
    balances = dict(outbox.query("SELECT m.relation_reference, b.points FROM ledger.balance b JOIN ledger.member m USING (member_id)"
                                 " WHERE m.programme_id = 1"))
    outbox.wait(lambda: all(balances[key] == o["points"] for key, o in outbox.kept("crm", "balance").items()), seconds=30)
    outbox.wait(lambda: outbox.query("SELECT waiting_since, later, held FROM handback.target_status") == [(None, 0, 0)], seconds=90)
    same = {}
    for line in outbox.lines("crm"):
        if "version" in line:
            assert same.setdefault((line["key"], line["version"]), line) == line, "one version, one content"


def main():
    import pg
    from outbox import Outbox
    from worker import Desk

    options = argparse.ArgumentParser()
    options.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build"))
    options.add_argument("--runs", type=int, default=1000)
    options.add_argument("--seed", type=int, default=1)
    said = options.parse_args()
    cluster = pg.Cluster()
    database, build = cluster.database(), said.build.resolve()
    try:
        with tempfile.TemporaryDirectory() as folder, Desk(database, build) as desk, Outbox(database, build, folder) as outbox:
            kill_runs(desk, outbox, random.Random(said.seed), said.runs)
            lost, = outbox.query("SELECT count(*) FROM handback.delivery_end WHERE result = 'lost'")[0]
            print(f"seed {said.seed}: {said.runs} kills of handback-outbox, {lost} deliveries of which nobody knew,"
                  f" {len(outbox.kept('crm'))} redemptions as we have them")
    finally:
        cluster.close()


if __name__ == "__main__":
    main()

"""handback-outbox and its senders killed at random, again and again, while redemptions happen and are decided.

    /usr/bin/python3 -B tests/proofs/outbox_kills.py --build build --runs 1000 [--seed N] [--real]

Each run waits until handback-outbox is ready, and for it alone: then things happen, and it is killed at a random moment after that, or
first one of its senders and then itself. Without --real a sender kills itself, too, before or after it sent; with --real it is
handback-send, and the target a strict server on loopback. In the end the target, which keeps the version that it has where an older one
comes, has each redemption as we have it: nothing is lost, nothing goes back, and one version has one content. A run that is slow is
waited for as long as anything goes on; where for two minutes nothing does, what is there is wrong.
"""
import argparse
import contextlib
import json
import os
import pathlib
import random
import signal
import sys
import tempfile
import time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[n] / more) for n, more in ((1, "support"), (1, ""), (2, "fixtures"))]
STANDSTILL = 120
CONNECTOR = """\
batch: 3
answer: {{rows: {{list: rows, key: key, result: result, delivered: [ok]}}}}
objects:
  redemption: {{url: "{url}/redemption", record: {{key: "${{reference}}", version: "${{version}}", state: "${{state}}"}}, body: {{rows: "${{records}}"}}}}
  balance: {{url: "{url}/balance", record: {{key: "${{member}}", version: "${{version}}", points: "${{points}}"}}, body: {{rows: "${{records}}"}}}}
"""


def change(desk, chance):
    """Something happens to a redemption."""
    key = f"K{len(desk.references)}"
    desk.redeem(key, member=1 + len(desk.references) % 9)
    if chance.random() < 0.4:
        desk.db.execute("SELECT ledger.reversal_points(programme, member, merchant, external_reference) FROM ledger.redemption r"
                        " WHERE NOT EXISTS (SELECT FROM ledger.reversal v WHERE v.redemption_id = r.redemption_id)"
                        " ORDER BY random() LIMIT 1")


def going_on(outbox, lines):
    """What changes while anything does: rows of deliveries, and what the target was told."""
    return outbox.query("SELECT count(*), max(delivery_id) FROM handback.delivery"), outbox.query("SELECT count(*) FROM handback.delivery_end"), len(lines())


def settle(outbox, lines, done):
    """Waits as long as anything goes on."""
    last, since = None, time.monotonic()
    while not done():
        now = going_on(outbox, lines)
        if now != last:
            last, since = now, time.monotonic()
        assert time.monotonic() < since + STANDSTILL, f"nothing goes on, and it is not done: {now}\n" + outbox.log.read_text(errors="replace")[-2000:]
        assert outbox.process.poll() is None, outbox.log.read_text(errors="replace")[-2000:]
        time.sleep(0.1)


def start_ready(outbox, **environment):
    """Started, and ready: a kill before that would try nothing, however slow the machine is."""
    begins = outbox.log.stat().st_size if outbox.log.exists() else 0
    outbox.start(**environment)
    outbox.wait(lambda: b"msg=ready" in outbox.log.read_bytes()[begins:], 120)


def kill_sender(outbox):
    for pid in pathlib.Path(f"/proc/{outbox.process.pid}/task/{outbox.process.pid}/children").read_text().split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)


def kill_runs(desk, outbox, chance, runs, target=None):
    """target: that of --real; without it the sender is the fake one."""
    environment = {"HANDBACK_LIBEXEC": ""} if target else {}
    if target:
        desk.db.execute("SELECT handback.add_target('crm', 'P', %s)", (CONNECTOR.format(url=target.url),))
    else:
        outbox.connector("crm", batch=3, balance=True)
        outbox.behave("crm", die=0.1)
    lines = target.told if target else lambda: [line for line in outbox.lines("crm") if "version" in line]
    for _ in range(runs):
        for _ in range(chance.randrange(12)):  # there is something to tell as soon as it is ready
            change(desk, chance)
        start_ready(outbox, **environment)
        if chance.random() < 0.5:
            change(desk, chance)
        time.sleep(chance.random() * chance.choice((0.05, 0.2, 1.2)))
        if chance.random() < 0.3:
            kill_sender(outbox)
            time.sleep(chance.random() * 0.3)
        outbox.process.send_signal(signal.SIGKILL)
        outbox.process.wait()
    if not target:
        outbox.behave("crm")
    start_ready(outbox, **environment)
    return check_end(outbox, lines)


def check_end(outbox, lines):
    """Undisturbed, the target comes to have each redemption as we have it: how many those are."""
    def kept(kind):
        found = {}
        for line in lines():
            if line["kind"] == kind and line["version"] >= found.get(line["key"], line)["version"]:
                found[line["key"]] = line
        return found
    wanted = {key.lower(): state for key, state in outbox.query(
        "SELECT o ->> 'reference', o ->> 'state' FROM ledger.redemption r, handback.redemption_object(r.redemption_id) o")}
    settle(outbox, lines, lambda: {key: o["state"] for key, o in kept("redemption").items()} == wanted)
    balances = dict(outbox.query("SELECT m.relation_reference, b.points FROM ledger.balance b JOIN ledger.member m USING (member_id)"
                                 " WHERE m.programme_id = 1"))
    settle(outbox, lines, lambda: all(balances[key] == o["points"] for key, o in kept("balance").items()))
    settle(outbox, lines, lambda: outbox.query("SELECT waiting_since, later, held FROM handback.target_status") == [(None, 0, 0)])
    same = {}
    for line in lines():
        assert same.setdefault((line["kind"], line["key"], line["version"]), line) == line, "one version, one content"
    return len(wanted)


def strict():
    """A target on loopback that takes each row by its key, and notes it."""
    import targets

    class Strict(targets.Target):
        def __init__(self):
            self.lines = []
            super().__init__()

        def answer(self, method, path, headers, body):
            rows = json.loads(body)["rows"]
            assert method == "POST" and 1 <= len(rows) <= 3
            self.lines += [{"kind": path.lstrip("/"), **row} for row in rows]
            return 200, {"rows": [{"key": row["key"], "result": "ok"} for row in rows]}, {}

        def told(self):
            with self.lock:
                return list(self.lines)
    return Strict()


def main():
    import pg
    from outbox import Outbox
    from worker import Desk

    options = argparse.ArgumentParser()
    options.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build"))
    options.add_argument("--runs", type=int, default=1000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--real", action="store_true")
    said = options.parse_args()
    cluster = pg.Cluster()
    database, build = cluster.database(), said.build.resolve()
    try:
        with tempfile.TemporaryDirectory() as folder, Desk(database, build) as desk, Outbox(database, build, folder, fake=not said.real) as outbox, \
                strict() if said.real else contextlib.nullcontext() as target:
            redemptions = kill_runs(desk, outbox, random.Random(said.seed), said.runs, target)
            lost, = outbox.query("SELECT count(*) FROM handback.delivery_end WHERE result = 'lost'")[0]
            print(f"seed {said.seed}: {said.runs} kills of handback-outbox ({'handback-send' if said.real else 'a sender that dies'}),"
                  f" {lost} deliveries of which nobody knew, {redemptions} redemptions as we have them")
    finally:
        cluster.close()


if __name__ == "__main__":
    main()

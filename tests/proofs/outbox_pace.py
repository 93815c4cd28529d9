"""How soon a target has what a file decided: from the file's COMMIT until the target has the record, each record by itself.

    /usr/bin/python3 -B tests/proofs/outbox_pace.py --build build [--records 10000] [--files 5] [--looks 1]

The target is our strict Salesforce on loopback, told by the shipped connector: by collections below 2,000 records, by Bulk API 2.0 from there
on. It writes a job's rows when it is asked for it the --looks-th time; a real one needs minutes of its own, which are none of ours. The moment
of the COMMIT is when another session first sees it. Goals on loopback: p95 5 s for 10,000 records, all of 1,000,000 within 5 minutes. Where
the time went is said beside it: the processor's time of handback-outbox, its sender and its server process, and of the target, which is
this Python; and by the clock what the target needed for its answers.
"""
import argparse
import os
import pathlib
import sys
import tempfile
import threading
import time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[n] / more) for n, more in ((1, "support"), (1, ""), (2, "fixtures"))]
CONNECTOR = pathlib.Path(__file__).resolve().parents[2] / "fixtures/connectors/salesforce.yaml"
TICKS = os.sysconf("SC_CLK_TCK")


def connector(url):
    """The shipped one with a fixed token, for redemptions alone: what the login costs, it costs once."""
    text = CONNECTOR.read_text().replace("https://your-domain.my.salesforce.com", url)
    text = text[:text.index("  balance:")]
    login = text[text.index("login:"):text.index("answer:")]
    return text.replace(login, 'login: {kind: header, name: Authorization, begins: "Bearer ", secret: token}\n')


def timed_target(looks):
    import targets

    class Timed(targets.BulkSalesforce):
        """Notes when it has each record, and for how long it thinks."""

        def __init__(self):
            self.seen, self.thinks = {}, 0
            super().__init__()
            self.looks = looks
            self.tokens.add("t")
            self.daily = 1_000_000

        def answer(self, *request):
            began = time.monotonic()
            try:
                return super().answer(*request)
            finally:
                self.thinks += time.monotonic() - began

        def upsert(self, record):
            said = super().upsert(record)
            if said["success"]:
                self.seen.setdefault(record["External_Reference__c"], time.monotonic())
            return said
    return Timed()


class CommitWatch:
    """The moment at which another session first sees what a file decided."""

    def __init__(self, database):
        self.db, self.at, self.ends = database.connect(), None, False
        self.before, = self.db.execute("SELECT count(*) FROM handback.outgoing WHERE head_no IS NOT NULL").fetchone()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()

    def watch(self):
        while not self.ends:
            if self.db.execute("SELECT count(*) FROM handback.outgoing WHERE head_no IS NOT NULL").fetchone()[0] > self.before:
                self.at = time.monotonic()
                break
            time.sleep(0.005)
        self.db.close()


def processor_time(desk, outbox):
    """{who: seconds} so far of what is ours; the server process is the outbox's session."""
    children = pathlib.Path(f"/proc/{outbox.process.pid}/task/{outbox.process.pid}/children").read_text().split()
    servers = [pid for pid, in desk.query("SELECT pid FROM pg_stat_activity WHERE usename = 'handback_outbox' AND backend_type = 'client backend'")]

    def of(pids):
        return sum(sum(map(int, pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13])) for pid in pids) / TICKS
    return {"handback-outbox": of([outbox.process.pid]), "handback-send": of(children), "its server process": of(servers),
            "the target (and this test)": time.process_time()}


def measure(desk, outbox, crm, number, records):
    """[seconds from COMMIT until the target has it, of each record], and what it cost."""
    from outbox_cost import redeem_many

    desk.db.execute("SELECT handback.pause_target('crm', 'the debits are told before')")
    keys = redeem_many(desk, number, records)
    desk.db.execute("SELECT handback.begin_target('crm', pg_snapshot_xmin(pg_current_snapshot()), 0)")
    desk.db.execute("ANALYZE ledger.entry, ledger.balance")  # as the server does by itself, after a minute
    desk.db.execute("SELECT handback.resume_target('crm')")
    with crm.lock:
        crm.seen.clear()
        crm.requests.clear()
        crm.thinks = 0
    name = f"AIR_{number}.csv"
    desk.drop(name, desk.file([(key, "OK" if n % 2 else "KO", {"Points": 1}) for n, key in enumerate(keys)]))
    before, watch = processor_time(desk, outbox), CommitWatch(desk.database)
    desk.take(name, seconds=3600)
    watch.thread.join(5)
    outbox.wait(lambda: len(crm.seen) >= records, 3600)
    used = {who: seconds - before[who] for who, seconds in processor_time(desk, outbox).items()}
    assert set(crm.seen) == {desk.references[key] for key in keys}
    return sorted(at - watch.at for at in crm.seen.values()), used, len(crm.requests), crm.thinks


def main():
    import pg
    from outbox import Outbox
    from worker import Desk

    options = argparse.ArgumentParser()
    options.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build"))
    options.add_argument("--records", type=int, default=10_000)
    options.add_argument("--files", type=int, default=5)
    options.add_argument("--looks", type=int, default=1)
    said = options.parse_args()
    cluster = pg.Cluster()
    database, build = cluster.database(), said.build.resolve()
    try:
        with tempfile.TemporaryDirectory() as folder, Desk(database, build) as desk, Outbox(database, build, folder, fake=False) as outbox, \
                timed_target(said.looks) as crm:
            desk.db.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points) VALUES (1, 1, 'Credit By Accrual', 100000000)")
            token = outbox.credentials / "crm.token"
            token.write_text("t")
            token.chmod(0o600)
            desk.db.execute("SELECT handback.add_target('crm', 'P', %s)", (connector(crm.url),))
            outbox.start(HANDBACK_LIBEXEC="")
            for number in range(1, said.files + 1):
                lags, used, calls, thinks = measure(desk, outbox, crm, number, said.records)
                print(f"{said.records} records: p50 {lags[len(lags) // 2]:.2f} s, p95 {lags[len(lags) * 95 // 100]:.2f} s, last {lags[-1]:.2f} s;"
                      f" {calls} calls; the target thought for {thinks:.1f} s; by the processor "
                      + ", ".join(f"{who} {seconds:.1f} s" for who, seconds in used.items())
                      + f"; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors", flush=True)
    finally:
        cluster.close()


if __name__ == "__main__":
    main()

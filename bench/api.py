"""How fast is the redemption API, from HTTP to COMMIT, against the bare function that a caller of SQL would use?

    ./dev bench --api              (about four minutes; --quick: about two)
    bench/bench.py --api --readme  writes the last results into README.md, and measures nothing

handback-gate, handback-api and a server on the disk; wrk asks over loopback, as a trusted proxy would. Beside it, interleaved,
`pgbench -M prepared` calls ledger.redeem_points: no HTTP, no token, no key, no record of who asked. Members are drawn at random.
"""
import dataclasses
import json
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile

import measure
import rig

sys.path.insert(0, str(rig.ROOT / "tests/support"))
import redemption_api  # noqa: E402

MEMBERS = 20_000
CALLERS = (1, 8, 32)
OPEN = 1000
BATCH_CALLERS = 128  # two full batches: one is answered while the next is gathered

# (key, words, unit, target, 'max' or 'min')
GOALS = [
    ("ratio_32", "32 callers, against the bare function by 32 clients", "×", 4, "min"),
    ("ratio_8", "8 callers, against the bare function by 8", "×", 0.9, "min"),
    ("ratio_1", "one caller, against the bare function by one", "×", 0.9, "min"),
    ("connection", "128 callers over one connection to the database, against the bare function on one", "×", 8, "min"),
    ("cpu", "processors of server, gate and api for a redemption, against the server's for the bare function", "×", 0.3, "max"),
    ("available", "CheckAvailability, against ledger.check_availability by 32 clients", "×", 3, "min"),
    ("idle_p50", "one caller, median", "ms", 6, "max"),
    ("half_p99", "p99 at half of what 32 callers reach", "ms", 25, "max"),
    ("memory", "the gate with 1,000 open connections", "MiB", 16, "max"),
]

REDEEM = """\\set m random(1, 20000)
SELECT * FROM ledger.redeem_points('P', 'M' || :m, 5, 'Amazon', 30);
"""
AVAILABLE = """\\set m random(1, 20000)
SELECT * FROM ledger.check_availability('P', 'M' || :m, 5);
"""

# wrk's script: asks for a member at random, and waits between two requests of a connection where it is told to
LUA = """
local number = 0
function setup(thread) number = number + 1; thread:set("number", number) end
function init(args) math.randomseed(os.time() * 100 + number) end
function request()
	local body = string.format('{"RelationReference": "M%%d", %(fields)s"TransactionCurrency": "DEFAULT", "RelationType": 4, '
		.. '"ProgramId": 1}', math.random(1, %(members)d))
	return wrk.format("POST", "%(path)s", {["Content-Type"] = "application/json", ["Authorization"] = "Bearer %(token)s"}, body)
end
%(delay)s
function done(summary, latency, requests)
	local e = summary.errors
	io.write(string.format("told %%d %%d %%d %%d %%d\\n", latency:percentile(50), latency:percentile(95), latency:percentile(99),
		e.status + e.connect + e.read + e.write + e.timeout, summary.requests))
end
"""
FIELDS = '"Amount": 5, "Points": 5, "MerchantName": "Amazon", "LoyaltyTxnType": 30, '


@dataclasses.dataclass
class Took:
    rate: float  # a second
    cpu: float   # ms of processors for a call
    p50: float = 0  # ms
    p95: float = 0
    p99: float = 0


def database(cluster):
    db = cluster.database()
    with db.connect() as c:
        c.execute(f"""
            INSERT INTO ledger.programme (programme_id, code, name, rate_points, rate_minor, currency) VALUES (1, 'P', 'First', 1, 100, 'EUR');
            INSERT INTO ledger.member (programme_id, relation_reference) SELECT 1, 'M' || n FROM generate_series(1, {MEMBERS}) n;
            INSERT INTO ledger.entry (programme_id, member_id, category, points)
            SELECT 1, member_id, 'Credit By Accrual', 100000000 FROM ledger.member""")
        redemption_api.credential(c)
        c.execute("VACUUM (ANALYZE)")
    return db


class Stage:
    """The programs at work, and both ways to ask."""

    def __init__(self, build, cluster, db, folder, seconds, apis):
        self.cluster, self.db, self.folder, self.seconds = cluster, db, folder, seconds
        self.api = redemption_api.Api(build, db, apis=apis)
        self.build, self.gate = build, None

    def __enter__(self):
        self.api.__enter__()
        self.token = self.api.token()
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        with open(self.folder / "gate.log", "ab") as log:
            self.gate = subprocess.Popen(
                [self.build / "gate/handback-gate", "--listen", f"127.0.0.1:{self.port}", "--trusted-proxy",
                 *(word for n in range(self.api.count) for word in ("--api", self.api.folder / f"api{n}"))], stderr=log)
        redemption_api.until(self.answers)
        return self

    def __exit__(self, *_):
        self.gate.terminate()
        self.gate.wait(40)
        self.api.__exit__()

    def answers(self):
        try:
            self.connect().close()
            return True
        except OSError:
            return False

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def cpu(self):
        return sum(map(measure.cpu, [self.cluster.server.pid, self.gate.pid, *(p.pid for p in self.api.apis)]))

    def bare(self, sql, clients):
        """From its second second on: until then it connects, and plans for the first time."""
        script = self.folder / "bare.sql"
        script.write_text(sql)
        with subprocess.Popen([rig.pg.bin_dir() / "pgbench", "-n", "-M", "prepared", "-c", str(clients), "-j", str(min(clients, 2)), "-P", "1",
                               "-T", str(self.seconds + 1), "-f", script, self.db.conninfo()], stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True) as process:
            rates, before = [], 0
            for line in process.stderr:
                said = re.match(r"progress: [0-9.]+ s, ([0-9.]+) tps", line)
                if said:
                    rates.append(float(said[1]))
                    spent = measure.cpu(self.cluster.server.pid)
                    before = before or spent
        assert process.returncode == 0 and len(rates) > 1, line
        return Took(statistics.mean(rates[1:]), 1000 * (spent - before) / sum(rates[1:]))

    def http(self, callers, name="RedeemPoints", delay_ms=0):
        script = self.folder / "ask.lua"
        script.write_text(LUA % {
            "fields": FIELDS if name == "RedeemPoints" else "", "members": MEMBERS, "path": redemption_api.PG + name, "token": self.token,
            "delay": f"function delay() return math.random(0, {2 * delay_ms}) end" if delay_ms else ""})
        before = self.cpu()
        said = subprocess.run(["wrk", "-t", str(min(callers, 2)), "-c", str(callers), "-d", f"{self.seconds}s", "-s", script,
                               f"http://127.0.0.1:{self.port}"], capture_output=True, text=True, check=True).stdout
        p50, p95, p99, errors, calls = map(int, re.search(r"told (\d+) (\d+) (\d+) (\d+) (\d+)", said).groups())
        assert errors == 0 and calls > 0, said
        return Took(float(re.search(r"Requests/sec:\s+([0-9.]+)", said)[1]), 1000 * (self.cpu() - before) / calls,
                    p50 / 1000, p95 / 1000, p99 / 1000)

    def gate_mib(self):
        """With so many connections open, each of which was answered once."""
        line = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
        open_ones = []
        try:
            for _ in range(OPEN):
                open_ones.append(self.connect())
                open_ones[-1].sendall(line)
                assert open_ones[-1].recv(4096).startswith(b"HTTP/1.1 200 ")
            status = pathlib.Path(f"/proc/{self.gate.pid}/status").read_text()
            return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024
        finally:
            for s in open_ones:
                s.close()


class Seen:
    def __init__(self):
        self.took = {}

    def add(self, name, took):
        self.took.setdefault(name, []).append(took)
        print(f"  {name:<44}{took.rate:9.0f} a second{took.cpu:8.3f} ms of processors"
              + (f"{took.p50:8.2f} ms p50{took.p95:8.2f} p95{took.p99:8.2f} p99" if took.p50 else ""), flush=True)

    def median(self, name, what="rate"):
        return statistics.median(getattr(t, what) for t in self.took[name])

    def rows(self):
        return [{"name": name, **{f.name: self.median(name, f.name) for f in dataclasses.fields(Took)}} for name in self.took]


def one_round(stage, seen):
    for n in CALLERS:
        seen.add(f"bare function, {n} clients", stage.bare(REDEEM, n))
        seen.add(f"RedeemPoints, {n} callers", stage.http(n))
    seen.add(f"RedeemPoints, {BATCH_CALLERS} callers", stage.http(BATCH_CALLERS))
    seen.add("bare check_availability, 32 clients", stage.bare(AVAILABLE, 32))
    seen.add("CheckAvailability, 32 callers", stage.http(32, "CheckAvailability"))
    # each of 32 callers waits so long that all together ask half as often as they could
    seen.add("RedeemPoints, at half of that", stage.http(32, delay_ms=round(1000 * 32 / (seen.median("RedeemPoints, 32 callers") / 2))))


def values_of(seen, mib):
    bare = {n: seen.median(f"bare function, {n} clients") for n in CALLERS}
    values = {f"ratio_{n}": seen.median(f"RedeemPoints, {n} callers") / bare[n] for n in CALLERS}
    return {**values, "connection": seen.median(f"RedeemPoints, {BATCH_CALLERS} callers") / bare[1],
            "cpu": seen.median("RedeemPoints, 32 callers", "cpu") / seen.median("bare function, 32 clients", "cpu"),
            "available": seen.median("CheckAvailability, 32 callers") / seen.median("bare check_availability, 32 clients"),
            "idle_p50": seen.median("RedeemPoints, 1 callers", "p50"), "half_p99": seen.median("RedeemPoints, at half of that", "p99"),
            "memory": mib}


def goal_lines(result):
    lines = ["| the redemption API | target | measured | holds |", "|---|---|---|---|"]
    for key, words, unit, target, direction in GOALS:
        value = result["values"][key]
        good = value <= target if direction == "max" else value >= target
        lines.append(f"| {words} | {'≤' if direction == 'max' else '≥'} {target} {unit} | {value:.3g} {unit} | "
                     f"{'—' if not result['judged'] else 'yes' if good else 'no'} |")
    return lines


def table(result):
    lines = [*goal_lines(result), "", "| medians | a second | ms of processors a call | p50 ms | p95 ms | p99 ms |", "|---|---|---|---|---|---|"]
    for r in result["rows"]:
        latencies = " | ".join(f"{r[p]:.2f}" if r["p50"] else "" for p in ("p50", "p95", "p99"))
        lines.append(f"| {r['name']} | {r['rate']:.0f} | {r['cpu']:.3f} | {latencies} |")
    return "\n".join(lines)


def run(build, folder, seconds, rounds, judged, about):
    """Prints the table, and keeps it in api.json of the folder."""
    if not shutil.which("wrk"):
        raise SystemExit("no wrk: install it")
    folder.mkdir(parents=True, exist_ok=True)
    seen = Seen()
    cluster = rig.pg.Cluster(rig.SETTINGS, on_disk=True)
    try:
        db = database(cluster)
        with tempfile.TemporaryDirectory(prefix="handback-bench-", dir="/tmp") as scratch:
            os.chmod(scratch, 0o755)
            with Stage(pathlib.Path(build).resolve(), cluster, db, pathlib.Path(scratch), seconds, apis=1) as stage:
                stage.http(8)  # warm: the first calls plan
                for _ in range(rounds):
                    one_round(stage, seen)
                mib = stage.gate_mib()
            with Stage(pathlib.Path(build).resolve(), cluster, db, pathlib.Path(scratch), seconds, apis=2) as stage:
                stage.http(8)
                for _ in range(rounds):
                    seen.add("two handback-api, RedeemPoints, 32 callers", stage.http(32))
        with db.connect() as c:  # what was answered stands
            assert c.execute("SELECT count(*) FROM api.request q LEFT JOIN ledger.entry e USING (entry_id) WHERE e.entry_id IS NULL").fetchone()[0] == 0
    finally:
        cluster.close()
    result = {**about, "judged": judged, "values": values_of(seen, mib), "rows": seen.rows()}
    (folder / "api.json").write_text(json.dumps(result, indent=1) + "\n")
    print("\n" + table(result))

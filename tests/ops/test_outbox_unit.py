"""Other systems told by the units, in the booted system and by its own PostgreSQL: from the package's defaults to a signed webhook."""
import base64
import json
import pathlib
import re
import shutil
import subprocess

import booted
import pytest
from booted import wait

ROOT = pathlib.Path(__file__).resolve().parents[2]
UNIT, SOCKET, TOOLS = "handback-outbox.service", "/run/handback-send.sock", "/usr/lib/handback-test"
TARGETS = "/etc/handback/targets"
ELSEWHERE = "10.77.0.1"  # an address of this machine that no drop-in names
SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()


def why_not():
    return booted.why_not() if shutil.which("pg_createcluster") else "postgresql-common is not installed"


pytestmark = [pytest.mark.all_only, pytest.mark.skipif(why_not() is not None, reason=str(why_not()))]

# A strict webhook; the states that it was told, by the member's redemption, in the file that is named.
RECEIVER = """import json, sys, time
sys.path.insert(0, sys.argv[1])
from targets import Webhook
with Webhook(sys.argv[2]) as hook:
    open(sys.argv[3] + ".url", "w").write(hook.url)
    while time.sleep(0.1) is None:
        open(sys.argv[3], "w").write(json.dumps([v["data"]["state"] for k, v in list(hook.taken.items()) if k.startswith("redemption")]))
"""

# Connects as handback-outbox does, with a descriptor; says what comes back.
CLIENT = """import json, os, socket, sys
c = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
c.connect(sys.argv[1])
print("connected", flush=True)
if len(sys.argv) > 2:
    c.send(sys.argv[2].encode())
while said := c.recv(100000):
    print(said.decode(), flush=True)
"""

# Runs in the sender's place, with its unit's walls and without those that the program puts up itself.
TRIES = """import errno, json, os, socket
connection = socket.socket(fileno=3)
known = json.loads(connection.recv(100000))

def tcp(address, port):
    with socket.socket() as s:
        s.settimeout(3)
        s.connect((address, port))

def local(path):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)

def others():
    if not any(name.isdigit() and int(name) != os.getpid() for name in os.listdir("/proc")):
        raise FileNotFoundError(errno.ENOENT, "no other process")

tries = {
    "may: reach its target": lambda: tcp("127.0.0.1", known["port"]),
    "may: read whom the system trusts": lambda: open("/etc/ssl/certs/ca-certificates.crt").read(),
    "read another target's key": lambda: open(known["targets"] + "/other.key").read(),
    "list the keys": lambda: os.listdir(known["targets"]),
    "read another target's credential": lambda: open("/run/credentials/handback-outbox.service/targets_other.key").read(),
    "read the configuration": lambda: open(known["etc"] + "/handback.yaml").read(),
    "list the spool": lambda: os.listdir("/var/lib/handback/spool"),
    "reach the database": lambda: local(known["database"]),
    "find the database's socket": lambda: os.stat(known["database"]),
    "have another sender called": lambda: local(known["socket"]),
    "reach an address that is not named": lambda: tcp(known["elsewhere"], known["port"]),
    "see another's process": others,
    "read handback-outbox's descriptors": lambda: os.listdir(f"/proc/{known['pid']}/fd"),
    "write into the system": lambda: open("/etc/new", "w"),
    "become handback-outbox": lambda: os.setuid(known["uid"]),
}
for name, attempt in tries.items():
    try:
        attempt()
        what = "worked"
    except OSError as e:
        what = errno.errorcode.get(e.errno, str(e))
    connection.send(json.dumps([name, what]).encode())
"""


@pytest.fixture(scope="module")
def system(build):
    machine = booted.Booted()
    machine.patience, machine.watched = 30, (UNIT, "handback-send@*", "handback-send.socket")
    try:
        folder = machine.install(build)
        machine.etc_folder = folder
        (folder / "handback.yaml").write_text((ROOT / "systemd/handback.yaml").read_text().replace("/etc/handback", machine.etc))
        tools = machine.up / TOOLS.lstrip("/")
        tools.mkdir(parents=True)
        shutil.copy(ROOT / "tests/support/targets.py", tools)
        for name, text in (("receiver.py", RECEIVER), ("client.py", CLIENT), ("tries.py", TRIES)):
            (tools / name).write_text(text)
        machine.boot()
        machine.run("systemd-sysusers")
        machine.run("systemd-tmpfiles", "--create")
        machine.run("install", "-d", "-m", "0700", f"{machine.etc}/targets")  # where the prefix is not /usr
        machine.run("ip", "addr", "add", f"{ELSEWHERE}/32", "dev", "lo")
        machine.run("sh", "-c", "pg_lsclusters -h | grep -q . || pg_createcluster $(ls /usr/lib/postgresql | sort -n | tail -1) main", timeout=120)
        machine.run("sh", "-c", "pg_lsclusters -h | while read -r version name rest; do pg_ctlcluster $version $name start; done; true")
        as_user(machine, "postgres", "createdb", "handback")
        as_user(machine, "postgres", machine.ctl, "migrate", "--database", "dbname=handback")
        psql(machine, """CREATE ROLE "handback-outbox" LOGIN IN ROLE handback_outbox;
            INSERT INTO ledger.programme (programme_id, code, name, rate_points, rate_minor, currency) VALUES (1, 'P', 'First', 1, 100, 'EUR');
            INSERT INTO ledger.member (programme_id, relation_reference) VALUES (1, 'M1');
            INSERT INTO ledger.entry (programme_id, member_id, category, points)
            SELECT 1, member_id, 'Credit By Accrual', 10000 FROM ledger.member""")
        machine.run("systemd-run", "--unit", "receiver", "/usr/bin/python3", "-B", f"{TOOLS}/receiver.py", TOOLS, SECRET, "/run/told")
        wait(lambda: machine.run("test", "-s", "/run/told.url", check=False).returncode == 0, "the receiver", machine)
        machine.url = machine.run("cat", "/run/told.url").stdout
        yield machine
    finally:
        machine.close()


def as_user(system, user, *command, **more):
    return system.run("runuser", "-u", user, "--", *command, **more)


def psql(system, sql):
    return as_user(system, "postgres", "psql", "-XAtqv", "ON_ERROR_STOP=1", "-d", "handback", stdin=sql).stdout.strip()


def target(system, *arguments):
    return as_user(system, "postgres", system.ctl, "target", *arguments, "--database", "dbname=handback")


def add(system, name, url):
    text = (ROOT / "fixtures/connectors/webhook.yaml").read_text(encoding="utf-8").replace("https://hooks.example", url)
    system.run("tee", f"{TOOLS}/{name}.yaml", stdin=text)
    target(system, "add", name, "P", f"{TOOLS}/{name}.yaml")


def keep(system, name, secret):
    """As docs/connectors.md has a credential put down."""
    system.run("sh", "-c", f"umask 077; cat >{system.etc}/targets/{name}", stdin=secret + "\n")


def redeem(system):
    psql(system, "INSERT INTO ledger.entry (programme_id, member_id, category, points, partner, amount, currency, merchant, transaction_type,"
                 " external_reference) VALUES (1, 1, 'Debit By Redemption', 1, 'AIR', 1, 'EUR', 'Air', 6, gen_random_uuid())")


def told(system):
    return len(json.loads(system.run("cat", "/run/told").stdout or "[]"))


def test_a_target_is_told_by_the_units_as_they_are_shipped(system):
    keep(system, "other.key", "another's")
    keep(system, "hook.webhook_secret", SECRET)
    system.run("systemctl", "start", UNIT)
    add(system, "hook", system.url)
    redeem(system)
    wait(lambda: told(system) == 1, "the webhook to be told", system)
    main = system.show(UNIT, "MainPID")
    assert system.run("ps", "-o", "user:20=", "-p", main).stdout.strip() == "handback-outbox"
    assert system.run("pgrep", "-cxu", "handback-send", "handback-send").stdout.strip() == "1"
    links = system.run("nsenter", "-t", main, "-n", "ip", "-o", "link").stdout
    assert re.findall(r"^\d+: (\w+)", links, re.M) == ["lo"], "handback-outbox has no network"
    assert SECRET not in system.journal(UNIT, 1000) + system.journal("handback-send@*", 1000)


def test_a_credential_that_comes_later_wants_a_restart_and_an_address_a_drop_in(system):
    """The unit's credentials are those of its start: until then the target says what is missing. So does one whose address nobody named."""
    system.run("sh", "-c", f"sed 's/secret: webhook_secret/secret: second/' {TOOLS}/hook.yaml >{TOOLS}/late.yaml")
    system.run("sh", "-c", f"sed 's,{system.url},https://{ELSEWHERE}:8443,;s/^method/network: private\\nmethod/' {TOOLS}/hook.yaml >{TOOLS}/none.yaml")
    for name in ("late", "none"):
        target(system, "add", name, "P", f"{TOOLS}/{name}.yaml")
    before = told(system)
    redeem(system)
    wait(lambda: psql(system, "SELECT reason FROM handback.target_now WHERE name = 'late'") == "the credential second is missing", "it to be missed", system)
    wait(lambda: told(system) == before + 1, "the other target to be told", system)
    keep(system, "late.second", SECRET)
    keep(system, "none.webhook_secret", SECRET)
    system.run("systemctl", "restart", UNIT)
    for name in ("late", "none"):
        target(system, "resume", name)
    wait(lambda: psql(system, "SELECT count(*) FROM handback.delivery d JOIN handback.delivery_end e USING (delivery_id)"
                              " WHERE d.target = 'late' AND d.objects > 0 AND e.result = 'done'") != "0", "the late one to be told", system)
    wait(lambda: psql(system, "SELECT result FROM handback.target_status WHERE name = 'none'") == "again", "it to be refused", system)
    assert psql(system, "SELECT why FROM handback.target_status WHERE name = 'none'").startswith("no answer: ")
    for name in ("late", "none"):
        target(system, "pause", name, "--why", "it did")


def test_it_goes_on_after_each_is_killed(system):
    for unit in (UNIT, "handback-send@*", "handback-send.socket"):
        before = told(system)
        if unit.endswith("socket"):
            system.run("systemctl", "restart", unit)
        else:
            system.run("systemctl", "kill", "-s", "KILL", unit)
        redeem(system)
        wait(lambda: told(system) == before + 1, f"the webhook to be told after {unit} was ended", system)
    assert system.show(UNIT, "ActiveState") == "active"


def test_nobody_but_the_outbox_has_a_target_told(system):
    assert system.run("stat", "-c", "%a %U %G", SOCKET).stdout.split() == ["600", "handback-outbox", "handback-outbox"]
    for user in ("nobody", "handback", "handback-send"):
        done = as_user(system, user, "/usr/bin/python3", f"{TOOLS}/client.py", SOCKET, check=False)
        assert "PermissionError" in done.stderr, f"{user}: {done}"


@pytest.fixture(scope="module")
def tried(system):
    known = {"port": int(system.url.rsplit(":", 1)[1]), "targets": f"{system.etc}/targets", "etc": system.etc, "elsewhere": ELSEWHERE,
             "database": "/run/postgresql/.s.PGSQL.5432", "socket": SOCKET, "pid": int(system.show(UNIT, "MainPID")),
             "uid": int(system.run("id", "-u", "handback-outbox").stdout)}
    for path in (known["database"], f"{known['targets']}/other.key", "/run/credentials/handback-outbox.service/targets_other.key"):
        system.run("test", "-e", path)
    drop_in = "/etc/systemd/system/handback-send@.service.d/tries.conf"
    system.run("mkdir", "-p", drop_in.rsplit("/", 1)[0])
    system.run("tee", drop_in, stdin=f"[Service]\nExecStart=\nExecStart=/usr/bin/python3 -IB {TOOLS}/tries.py\n")
    system.run("systemctl", "daemon-reload")
    try:
        said = as_user(system, "handback-outbox", "/usr/bin/python3", f"{TOOLS}/client.py", SOCKET, json.dumps(known))
    finally:
        system.run("rm", drop_in)
        system.run("systemctl", "daemon-reload")
    return dict(json.loads(line) for line in said.stdout.splitlines()[1:])


NAMES = re.findall(r'^    "([^"]+)": ', TRIES, re.M)


@pytest.mark.parametrize("what", NAMES)
def test_in_the_units_walls(tried, what):
    """Without what the program locks itself in with: tests/hostile/test_send_walls.py tries that."""
    assert set(tried) == set(NAMES), tried
    if what.startswith("may: "):
        assert tried[what] == "worked"
    elif what == "reach an address that is not named":
        assert tried[what] in ("EPERM", "timed out")  # by the kernel, and as what was sent is dropped
    else:
        assert tried[what] in ("EACCES", "EPERM", "ENOENT", "ESRCH", "EAFNOSUPPORT", "EROFS", "EINVAL"), tried[what]


REQUESTS = "/var/lib/handback-requests/P/SKYLINE"


def test_request_files_reach_the_fetcher_by_the_documented_drop_in(system):
    """And the rest of the spool stays hidden."""
    text = (ROOT / "docs/points-requests.md").read_text(encoding="utf-8").split("### By the units")[1].replace("NORTHSTAR", "P")
    drop_in, commands = re.search(r"```ini\n(.*?)```", text, re.S).group(1), re.search(r"```sh\n(.*?)```", text, re.S).group(1)
    start = re.search(r"^ExecStart=(.*)$", system.run("systemctl", "cat", UNIT).stdout, re.M).group(1)
    path = re.search(r"^# (\S+)$", drop_in, re.M).group(1)
    drop_in = re.sub(r"^ExecStart=/.*( --requests .*)$", lambda m: f"ExecStart={start}{m.group(1)}", drop_in, flags=re.M)
    profile = (ROOT / "fixtures/requests/skyline.yaml").read_text(encoding="utf-8")
    system.run("tee", f"{TOOLS}/skyline-requests.yaml", stdin=profile)
    psql(system, """CREATE ROLE ann LOGIN IN ROLE handback_operator; CREATE ROLE ben LOGIN IN ROLE handback_operator;
        SELECT api.add_credential('app', 'P', sha256('s'), NULL, NULL);
        SET SESSION AUTHORIZATION ann;
        SELECT points.propose_partner('P', 'SKYLINE', '{"schedule": "now", "account": "stated"}', 'as agreed');
        SET SESSION AUTHORIZATION ben;
        SELECT points.approve(max(proposal_id)) FROM points.proposals;""")
    asked = {"n": 1, "client": "app", "generation": 1, "request_id": "q", "batch": "11111111-1111-4111-8111-111111111111", "place": 1, "key": "deal-1",
             "member": "M1", "account": "A1", "partner": "SKYLINE", "points": 100, "reason": "Closed Won", "not_before": None, "sponsor": None}
    assert psql(system, f"SELECT code FROM points.receive('{json.dumps([asked])}')") == "000"
    system.run("mkdir", "-p", path.rsplit("/", 1)[0])
    system.run("tee", path, stdin=drop_in)
    assert not system.run("systemd-analyze", "verify", UNIT, check=False).stderr.count("requests.conf")
    system.run("sh", "-ec", f"cd {TOOLS}; {commands}")
    corner = "/var/lib/handback/spool/incoming/skyline/.requests"
    wait(lambda: system.run("sh", "-c", f"ls {corner}").stdout, "a request file", system)
    name, = system.run("ls", corner).stdout.split()
    assert system.run("stat", "-c", "%a %U %G", f"{corner}/{name}").stdout.split() == ["640", "handback-outbox", "handback-fetch"]
    hidden = system.run("nsenter", "-t", system.show(UNIT, "MainPID"), "-m", "setpriv", "--reuid", "handback-outbox", "--regid", "handback-outbox",
                        "--groups", "handback-fetch", "ls", "/var/lib/handback/spool", check=False)
    assert hidden.returncode != 0 and "ermission denied" in hidden.stderr, hidden
    # what handback-fetch does with it, by its user and from the directory that it is given
    system.run("sh", "-ec", f"cd {corner}; exec setpriv --reuid handback-fetch --regid handback-fetch --clear-groups"
                            f" sh -ec 'grep -q ^REQUEST {name}; mv {name} .{name}.sent'")
    wait(lambda: psql(system, "SELECT count(*) FROM points.batches WHERE placed_at IS NOT NULL") == "1", "it to count as sent", system)
    wait(lambda: not system.run("ls", "-A", corner).stdout, "the mark to go", system)


def test_exposure_with_every_address_named(system, tmp_path):
    """As 50-targets.conf is meant to be used for targets in a cloud."""
    unit = next(system.up.glob("usr/**/handback-send@.service"))
    example = next(system.up.glob("usr/**/handback-send@.service.d/50-targets.conf")).read_text()
    assert "\n#IPAddressAllow=any\n" in example
    named = tmp_path / unit.name
    named.write_text(unit.read_text() + example.replace("\n#IPAddressAllow=any", "\nIPAddressAllow=any"))
    out = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", named], capture_output=True, text=True).stdout
    assert "non-localhost" in out and float(re.search(r"Overall exposure level for \S+: ([0-9.]+)", out).group(1)) <= 1.0, out


def test_it_stops_in_good_time(system):
    system.run("systemctl", "stop", UNIT, timeout=20)
    assert system.show(UNIT, "Result") == "success"
    wait(lambda: system.run("pgrep", "-xu", "handback-send", check=False).returncode, "its senders to go", system)

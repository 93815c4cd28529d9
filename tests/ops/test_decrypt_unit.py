"""An encrypted file decrypted by its own unit, in the booted system; and what that unit cannot."""
import base64
import datetime
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

import booted
import pytest
from booted import psql, wait
from openpgp import Ring

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("HANDBACK_BUILD", ROOT / "build"))
sys.path.insert(0, str(ROOT / "fixtures"))
import generate  # noqa: E402
import layouts  # noqa: E402
from ledger import Ledger  # noqa: E402

UNIT, SOCKET = "handbackd.service", "/run/handback-decrypt.sock"
INBOUND, TOOLS = "/srv/handback/skyline", "/usr/lib/handback-test"
DATABASE = "/var/lib/handback/postgres/socket"
DROP_IN = "/etc/systemd/system/handback-decrypt@.service.d"
HOOKED = BUILD / "parsers/decrypt/handback-decrypt-test"


def why_not():
    return booted.why_not() if shutil.which("gpg") else "gpg is not installed"


pytestmark = [pytest.mark.all_only, pytest.mark.skipif(why_not() is not None, reason=str(why_not()))]

# Connects as a worker does, with descriptors of the files that are named; says what comes back.
CLIENT = """import os, socket, sys
c = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
c.connect(sys.argv[1])
print("connected", flush=True)
for packet in sys.argv[2:]:
    said, _, path = packet.partition("@")
    if path:
        socket.send_fds(c, [said.encode()], [os.open(path, os.O_RDWR if said == "content" else os.O_RDONLY)])
    else:
        c.send(said.encode().decode("unicode_escape").encode())
while said := c.recv(100000):
    print(said.decode(), flush=True)
"""

# Runs in the decrypter's place, with its unit's walls and without those that the program puts up itself.
TRIES = """import errno, json, os, socket
connection = socket.socket(fileno=3)
known = json.loads(connection.recv(10000))

def local(path):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)

def keyring():
    folder = os.environ["TMPDIR"]
    with open(folder + "/key", "w") as f:
        f.write("x")
    os.unlink(folder + "/key")

def others():
    if not any(name.isdigit() and int(name) != os.getpid() for name in os.listdir("/proc")):
        raise FileNotFoundError(errno.ENOENT, "no other process")

def another_run():
    if not os.listdir(os.environ["TMPDIR"]):
        raise FileNotFoundError(errno.ENOENT, "no other run")

tries = {
    "may: make its keyring": keyring,
    "may: make a local socket": lambda: socket.socket(socket.AF_UNIX).close(),
    "make a network socket": lambda: socket.socket(socket.AF_INET),
    "make a network socket of the newer kind": lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM),
    "listen to the kernel": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
    "reach the private server": lambda: local(known["database"]),
    "reach the machine's server": lambda: local("/run/postgresql/.s.PGSQL.5432"),
    "list the servers' usual place": lambda: os.listdir("/run/postgresql"),
    "reach an abstract socket": lambda: local("\\0handback-test"),
    "ask handbackd": lambda: local("/run/handback/control"),
    "have itself called": lambda: local(known["socket"]),
    "have a file fetched": lambda: local("/run/handback-fetch.sock"),
    "reach the system's bus": lambda: local("/run/dbus/system_bus_socket"),
    "list the spool": lambda: os.listdir("/var/lib/handback/spool"),
    "list the archive": lambda: os.listdir("/var/lib/handback/spool/archive"),
    "read a key": lambda: open(known["etc"] + "/profiles/skyline.keys/secret.asc").read(),
    "read the configuration": lambda: open(known["etc"] + "/handback.yaml").read(),
    "list inbound directories": lambda: os.listdir("/srv/handback"),
    "read the machine's passwords": lambda: open("/etc/shadow").read(),
    "see another's process": others,
    "see another run's keyring": another_run,
    "write into the system": lambda: open("/etc/new", "w"),
    "become handback": lambda: os.setuid(known["uid"]),
    "enter handback's group": lambda: os.setgid(known["gid"]),
}
for name, attempt in tries.items():
    try:
        attempt()
        what = "worked"
    except OSError as e:
        what = errno.errorcode.get(e.errno, str(e))
    connection.send(json.dumps([name, what]).encode())
"""


def configuration(etc):
    return f"""database:
  embedded: /var/lib/handback/postgres
spool: /var/lib/handback/spool
profiles: {etc}/profiles
reports: /var/lib/handback/reports
control: /run/handback/control
settle: 50ms
rescan: 1s
sources:
  - name: skyline
    partner: SKYLINE
    profile: skyline
    directory: {INBOUND}
"""


@pytest.fixture(scope="module")
def rings():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hbk"))  # a socket's path is short
    made = {name: Ring(folder / name, name) for name in ("us", "partner")}
    yield made
    for ring in made.values():
        ring.close()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def system(build, rings):
    machine = booted.Booted()
    machine.patience, machine.watched = 30, ("handbackd.service", "handback-decrypt@*")
    try:
        folder = machine.install(build)
        (folder / "handback.yaml").write_text(configuration(machine.etc))
        profile = (ROOT / "fixtures/profiles/skyline.yaml").read_text()
        (folder / "profiles/skyline.yaml").write_text(profile + "\nopenpgp: {encrypted: yes, signature: yes}\nlimits: {expansion: 2000}\n")
        keys = folder / "profiles/skyline.keys"
        keys.mkdir()
        for name, data in (("secret.asc", rings["us"].secret), ("signers.asc", rings["partner"].public)):
            (keys / name).write_bytes(data)
            (keys / name).chmod(0o600)
        tools = machine.up / TOOLS.lstrip("/")
        tools.mkdir(parents=True)
        (tools / "client.py").write_text(CLIENT)
        (tools / "tries.py").write_text(TRIES)
        if HOOKED.exists():
            shutil.copy(HOOKED, tools / "handback-decrypt-test")
        machine.boot()
        machine.run("systemd-sysusers")
        machine.run("systemd-tmpfiles", "--create")
        machine.run("install", "-d", "-o", "handback", "-g", "handback", INBOUND)
        machine.run("chown", "-R", "handback:handback", f"{machine.etc}/profiles/skyline.keys")
        yield machine
    finally:
        machine.close()


@pytest.fixture(scope="module")
def ledger():
    return Ledger(1, 60, 240)


def as_handback(*command):
    return ("setpriv", "--reuid", "handback", "--regid", "handback", "--init-groups", *command)


def put(system, name, data):
    system.run("sh", "-c", f"base64 -d >{INBOUND}/.part && chown handback: {INBOUND}/.part && mv {INBOUND}/.part {INBOUND}/{name}",
               stdin=base64.b64encode(data).decode())


def processes(system):
    """Whose user the decrypter's is: (pid, program) of each."""
    out = system.run("ps", "-u", "handback-decrypt", "-o", "pid=,comm=", check=False).stdout
    return [tuple(line.split(None, 1)) for line in out.splitlines()]


def units(system):
    return system.run("systemctl", "list-units", "--all", "--no-legend", "--plain", "handback-decrypt@*").stdout.split()


def nothing_is_left(system):
    return processes(system) == [] and units(system) == [] and system.run("ls", "/run/handback-decrypt", check=False).stdout == ""


def test_an_encrypted_file_is_posted(system, ledger, rings):
    system.run(*as_handback(system.ctl, "--config", f"{system.etc}/handback.yaml", "migrate"))
    system.run("systemctl", "start", UNIT)
    psql(system, stdin="\n".join(ledger.sql()))
    answers = list(generate.usual(random.Random(1), "SKYLINE", ledger.of("SKYLINE")[:20]))
    name, data = layouts.WRITERS["SKYLINE"](answers, datetime.date(2026, 11, 18), 1, 0)
    put(system, name, rings["partner"].protect(data, rings["us"]))
    wait(lambda: psql(system, "-c", f"SELECT state FROM handback.files WHERE name = '{name}'", check=False).stdout.strip() == "posted",
         f"{name} to be posted", system)
    wait(lambda: nothing_is_left(system), "the decrypter to be gone", system)
    assert system.show("handback-decrypt.socket", "NAccepted") == "1", "by the unit, and by it alone"


def test_a_worker_that_is_killed_takes_the_unit_with_it(system, rings):
    put(system, "SKYLINE_20261118_000002.csv", rings["partner"].protect(b"\n" * 400_000_000, rings["us"]))
    wait(lambda: "gpg-agent" in str(processes(system)) and "gpg\'" in str(processes(system)), "GnuPG to work", system)
    system.run("systemctl", "kill", "-s", "KILL", "--kill-who=all", UNIT)
    wait(lambda: nothing_is_left(system), "nothing to be left", system)
    system.run("rm", f"{INBOUND}/SKYLINE_20261118_000002.csv")


def test_nobody_but_handback_has_something_decrypted(system):
    assert system.run("stat", "-c", "%a %U %G", SOCKET).stdout == "600 handback handback\n"
    for user in ("nobody", "handback-decrypt"):
        said = system.run("runuser", "-u", user, "--", "/usr/bin/python3", f"{TOOLS}/client.py", SOCKET, check=False)
        assert "PermissionError" in said.stderr, f"{user}: {said}"
    assert system.run("id", "-Gn", "handback-decrypt").stdout == "handback-decrypt\n"


def in_its_place(system, command, environment=""):
    system.run("mkdir", "-p", DROP_IN)
    system.run("tee", f"{DROP_IN}/tries.conf", stdin=f"[Service]\nExecStart=\nExecStart={command}\n{environment}")
    system.run("systemctl", "daemon-reload")


@pytest.fixture(scope="module")
def tried(system):
    """{what was tried: what came of it}, beside another run with a keyring."""
    client = ("/usr/bin/python3", f"{TOOLS}/client.py", SOCKET)
    in_its_place(system, "/bin/sh -c 'echo x >/run/handback-decrypt/keyring; exec sleep 600'")
    waiting = subprocess.Popen(["nsenter", "-t", str(system.pid), "-a", *as_handback(*client)], stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    # what is to be tried has to be there
    listen = ("import socket, time\nkept = []\nfor path in ('/run/postgresql/.s.PGSQL.5432', '\\0handback-test'):\n"
              "    s = socket.socket(socket.AF_UNIX); s.bind(path); s.listen(); kept.append(s)\nprint('listens', flush=True); time.sleep(600)")
    system.run("sh", "-c", "mkdir -p /run/postgresql; rm -f /run/postgresql/.s.PGSQL.5432")
    server = subprocess.Popen(["nsenter", "-t", str(system.pid), "-a", "/usr/bin/python3", "-c", listen], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    try:
        assert waiting.stdout.readline() == b"connected\n" and server.stdout.readline() == b"listens\n"
        wait(lambda: "sleep" in str(processes(system)), "another run", system)
        system.run("systemctl", "start", UNIT)
        database = f"{DATABASE}/.s.PGSQL.5432"
        wait(lambda: system.run("test", "-S", database, check=False).returncode == 0, "the database", system)
        system.run("chmod", "666", "/run/postgresql/.s.PGSQL.5432")
        system.run("chmod", "755", "/run/postgresql")
        known = {"database": database, "socket": SOCKET, "etc": system.etc, "uid": int(system.run("id", "-u", "handback").stdout),
                 "gid": int(system.run("id", "-g", "handback").stdout)}
        in_its_place(system, f"/usr/bin/python3 -IB {TOOLS}/tries.py")
        said = system.run(*as_handback(*client, json.dumps(known)))
        for path in ("/run/handback/control", database, SOCKET, f"{system.etc}/profiles/skyline.keys/secret.asc"):
            system.run("test", "-e", path)
        return dict(json.loads(line) for line in said.stdout.splitlines()[1:])
    finally:
        for process in (waiting, server):
            process.kill()
            process.wait()
        system.run("rm", "-f", f"{DROP_IN}/tries.conf")
        system.run("systemctl", "daemon-reload")


NAMES = re.findall(r'^    "([^"]+)": ', TRIES, re.M)


@pytest.mark.parametrize("what", NAMES)
def test_in_the_units_walls(tried, what):
    """Without what the program locks itself in with: tests/hostile/test_walls.py tries that."""
    assert set(tried) == set(NAMES), tried
    if what.startswith("may: "):
        assert tried[what] == "worked"
    else:
        assert tried[what] in ("EACCES", "EPERM", "ENOENT", "EAFNOSUPPORT", "EROFS", "EINVAL", "ECONNREFUSED"), tried[what]


@pytest.mark.skipif(not HOOKED.exists(), reason="needs -Dtest_build=true")
@pytest.mark.parametrize("what", ["local {database}", "local /run/postgresql/.s.PGSQL.5432", "network", "read {etc}/handback.yaml"])
def test_locked_in_by_itself_and_by_its_unit(system, what):
    """The program with both its walls, GnuPG's needs met: a local socket is what its own sandbox would have left open."""
    what = what.format(database=f"{DATABASE}/.s.PGSQL.5432", etc=system.etc)
    system.run("sh", "-c", "mkdir -p /run/postgresql; echo x >/var/tmp/file; : >/var/tmp/content; chown handback /var/tmp/file /var/tmp/content")
    in_its_place(system, f"{TOOLS}/handback-decrypt-test", f"Environment=\"HANDBACK_ATTEMPT={what}\"\n")
    try:
        said = system.run(*as_handback("/usr/bin/python3", f"{TOOLS}/client.py", SOCKET, r"job\tencrypted=yes\tsignature=no\tlimit=100",
                                       "file@/var/tmp/file", "content@/var/tmp/content", "secret@/var/tmp/file", "go"))
        told = system.run("journalctl", "-u", "handback-decrypt@*", "-o", "cat", "--no-pager").stdout
        assert f"refused: {what}" in told and "escaped" not in told, told
        assert "failed" in said.stdout
    finally:
        system.run("rm", "-f", f"{DROP_IN}/tries.conf")
        system.run("systemctl", "daemon-reload")

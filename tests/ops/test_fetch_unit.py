"""An SFTP source fetched by its own unit, in the booted system, while handbackd's has no network; and what that unit cannot."""
import base64
import datetime
import json
import os
import pathlib
import re
import subprocess
import sys

import booted
import pytest
import sshd
from booted import psql, wait

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "fixtures"))
import generate  # noqa: E402
import layouts  # noqa: E402
from ledger import Ledger  # noqa: E402

UNIT, SOCKET = "handbackd.service", "/run/handback-fetch.sock"
SERVED, SECRETS, INCOMING = "/srv/partner", "/etc/handback/secrets", "/var/lib/handback/spool/incoming"
CREDENTIALS = f"/run/credentials/{UNIT}"
SOURCES = ("meridian", "polaris")
PORT = 2222
ELSEWHERE = "192.0.2.1"  # an address of this machine that no drop-in names
TOOLS = "/usr/lib/handback-test"


def why_not():
    return booted.why_not() if sshd.SSHD else "openssh-server is not installed"


pytestmark = [pytest.mark.all_only, pytest.mark.skipif(why_not() is not None, reason=str(why_not()))]

# Connects as handbackd does, with a directory; says what comes back.
CLIENT = """import socket, sys, os
c = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
c.connect(sys.argv[1])
if len(sys.argv) > 2:
    socket.send_fds(c, [sys.argv[3].encode()], [os.open(sys.argv[2], os.O_RDONLY)])
print("connected", flush=True)
while said := c.recv(100000):
    print(said.decode(), flush=True)
"""

# Runs in the fetcher's place, with its unit's walls and without those that the program puts up itself.
TRIES = """import errno, json, os, socket, sys
connection = socket.socket(fileno=3)
said, (own,), *_ = socket.recv_fds(connection, 1000, 1)
known = json.loads(said)

def write():
    fd = os.open("tried", os.O_RDWR | os.O_CREAT, 0o660, dir_fd=own)
    os.write(fd, b"x")
    os.rename("tried", "again", src_dir_fd=own, dst_dir_fd=own)
    os.unlink("again", dir_fd=own)

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
    "may: write its own directory": write,
    "may: reach its server": lambda: tcp("127.0.0.1", known["port"]),
    "list the spool": lambda: os.listdir("/var/lib/handback/spool"),
    "list the archive": lambda: os.listdir("/var/lib/handback/spool/archive"),
    "list the directory of another source": lambda: os.listdir(known["other"]),
    "list its own by the path": lambda: os.listdir(known["mine"]),
    "go up from its own": lambda: os.open("..", os.O_RDONLY, dir_fd=own),
    "go over to another's": lambda: os.open("../polaris", os.O_RDONLY, dir_fd=own),
    "write into another's": lambda: os.open("../polaris/new", os.O_WRONLY | os.O_CREAT, 0o660, dir_fd=own),
    "read a key's file": lambda: open(known["secrets"] + "/sftp-polaris").read(),
    "read a key's credential": lambda: open(known["credentials"] + "/sftp-polaris").read(),
    "read its own source's credential": lambda: open(known["credentials"] + "/sftp-meridian").read(),
    "read the configuration": lambda: open(known["etc"] + "/handback.yaml").read(),
    "list inbound directories": lambda: os.listdir("/srv/handback"),
    "ask handbackd": lambda: local("/run/handback/control"),
    "find handbackd's socket": lambda: os.stat("/run/handback/control"),
    "reach the database": lambda: local(known["database"]),
    "find the database's socket": lambda: os.stat(known["database"]),
    "list the servers' usual place": lambda: os.listdir("/run/postgresql"),
    "have itself called": lambda: local(known["socket"]),
    "reach an address that is not named": lambda: tcp(known["elsewhere"], known["port"]),
    "see another's process": others,
    "read another fetcher's descriptors": lambda: os.listdir(f"/proc/{known['pid']}/fd"),
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


def configuration(etc, pin):
    sources = "".join(f"""  - name: {name}
    partner: {name.upper()}
    profile: {name}
    settle: 0s
    sftp:
      host: 127.0.0.1
      port: {PORT}
      user: root
      directory: {SERVED}/{name}
      key: {CREDENTIALS}/sftp-{name}
      host_keys: ["{pin}"]
      interval: 1s
      after: delete
      answer: "{{name}};{{state}}"
      answer_directory: {SERVED}/replies
""" for name in SOURCES)
    return f"""database:
  embedded: /var/lib/handback/postgres
spool: /var/lib/handback/spool
profiles: {etc}/profiles
reports: /var/lib/handback/reports
control: /run/handback/control
settle: 50ms
rescan: 1s
sources:
{sources}"""


@pytest.fixture(scope="module")
def system(build):
    machine = booted.Booted()
    machine.patience, machine.watched = 30, ("handbackd.service", "handback-fetch@*")
    try:
        folder = machine.install(build)
        partner = machine.up / "etc/partner"
        partner.mkdir(parents=True)
        keys = {name: sshd.make_key(partner / name) for name in ("host", *SOURCES)}
        (partner / "authorized_keys").write_text("".join(pathlib.Path(f"{keys[name]}.pub").read_text() for name in SOURCES))
        (partner / "sshd_config").write_text(sshd.CONFIG.format(port=PORT, dir="/etc/partner", sftp_options="", extra=f"ListenAddress {ELSEWHERE}",
                                                               host_keys="HostKey /etc/partner/host"))
        (folder / "handback.yaml").write_text(configuration(machine.etc, sshd.fingerprint(f"{keys['host']}.pub")))
        for name in SOURCES:
            rejects = "\nanswer: {rejects: {always: yes}}\n" if name == "meridian" else ""
            (folder / f"profiles/{name}.yaml").write_text((ROOT / f"fixtures/profiles/{name}.yaml").read_text() + rejects)
        secrets = machine.up / SECRETS.lstrip("/")
        secrets.mkdir(parents=True, mode=0o700)
        for name in SOURCES:
            (secrets / f"sftp-{name}").write_text(keys[name].read_text())
            (secrets / f"sftp-{name}").chmod(0o600)
        drop_in = machine.up / f"etc/systemd/system/{UNIT}.d"
        drop_in.mkdir(parents=True)
        (drop_in / "secrets.conf").write_text("[Service]\n" + "".join(f"LoadCredential=sftp-{n}:{SECRETS}/sftp-{n}\n" for n in SOURCES))
        tools = machine.up / TOOLS.lstrip("/")
        tools.mkdir(parents=True)
        (tools / "client.py").write_text(CLIENT)
        (tools / "tries.py").write_text(TRIES)
        machine.boot()
        machine.run("systemd-sysusers")
        machine.run("systemd-tmpfiles", "--create")
        machine.run("ip", "addr", "add", f"{ELSEWHERE}/32", "dev", "lo")
        machine.run("install", "-d", "/run/sshd", f"{SERVED}/replies", *(f"{SERVED}/{name}" for name in SOURCES))
        machine.run("/usr/sbin/sshd", "-f", "/etc/partner/sshd_config")
        yield machine
    finally:
        machine.close()


@pytest.fixture(scope="module")
def ledger():
    return Ledger(1, 60, 240)


def deliver(system, ledger, sequence):
    answers = [generate.accept(r) for r in ledger.of("MERIDIAN")[sequence * 20 - 20:sequence * 20]]
    answers[-1] = generate.reject(ledger.of("MERIDIAN")[sequence * 20 - 1], *generate.REASONS["MERIDIAN"][0])
    name, data = layouts.WRITERS["MERIDIAN"](answers, datetime.date(2026, 11, 18), sequence, 0)
    folder = f"{SERVED}/meridian"
    system.run("sh", "-c", f"base64 -d >{folder}/.part && mv {folder}/.part {folder}/{name}", stdin=base64.b64encode(data).decode())
    return name


def mode(system, path):
    return system.run("stat", "-c", "%a %U %G", path).stdout.strip()


def as_handback(*command):
    return ("setpriv", "--reuid", "handback", "--regid", "handback", "--init-groups", *command)


def test_a_file_comes_while_handbackd_has_no_network(system, ledger):
    system.run(*as_handback(system.ctl, "--config", f"{system.etc}/handback.yaml", "migrate"))
    system.run("systemctl", "start", UNIT)
    psql(system, stdin="\n".join(ledger.sql()))
    name = deliver(system, ledger, 1)
    wait(lambda: psql(system, "-c", f"SELECT state FROM handback.files WHERE name = '{name}'", check=False).stdout.strip() == "posted",
         f"{name} to be posted", system)
    # what becomes of it afterwards goes the same way: the news of it, our answer, and the file of rejects
    for there in (f"! -e {SERVED}/meridian/{name}", f"-e {SERVED}/replies/{name}.ack", f"-e {SERVED}/replies/{name}.rejects.csv"):
        wait(lambda: system.run("sh", "-c", f"test {there}", check=False).returncode == 0, there, system)
    main = system.show(UNIT, "MainPID")
    links = subprocess.run(["nsenter", "-t", str(system.pid), "-a", "nsenter", "-t", main, "-n", "ip", "-o", "link"], text=True, capture_output=True)
    assert re.findall(r"^\d+: (\w+)", links.stdout, re.M) == ["lo"], links
    refused = system.run("nsenter", "-t", main, "-n", "bash", "-c", f"echo >/dev/tcp/127.0.0.1/{PORT}", check=False)
    assert "refused" in refused.stderr, "handbackd's unit reaches the server"


def test_who_may_what_in_the_spool(system):
    assert mode(system, INCOMING) == "2700 handback handback-fetch"
    for name in SOURCES:
        assert mode(system, f"{INCOMING}/{name}") == "2770 handback handback-fetch"
        assert mode(system, f"{INCOMING}/{name}/.fetch") == "2770 handback-fetch handback-fetch"
    modes = system.run("find", f"{INCOMING}/meridian/.fetch", "-type", "f", "-printf", "%m %g\n").stdout.splitlines()
    assert modes and {line for line in modes} == {"660 handback-fetch"}, modes


def test_a_person_who_runs_it_by_hand_does_not_lock_the_unit_out(system, ledger):
    """`handbackctl run` without the unit fetches as handback; the next run is the unit's again."""
    system.run("systemctl", "stop", UNIT)
    system.run("systemctl", "stop", "handback-fetch.socket")
    for name in SOURCES:
        system.run("install", "-o", "handback", "-m", "0400", f"{SECRETS}/sftp-{name}", f"/run/sftp-{name}")
    inside = f"{system.etc}/handback.yaml"
    config = system.run("cat", inside).stdout
    system.run("tee", inside, stdin=config.replace(f"{CREDENTIALS}/", "/run/"))
    name = deliver(system, ledger, 2)
    try:
        done = system.run(*as_handback(system.ctl, "--config", inside, "run"), check=False)
    finally:
        system.run("tee", inside, stdin=config)
    assert done.returncode in (0, 3), done.stderr
    assert mode(system, f"{INCOMING}/meridian/.fetch") == "2770 handback-fetch handback-fetch"
    system.run("systemctl", "start", UNIT)
    assert psql(system, "-c", f"SELECT state FROM handback.files WHERE name = '{name}'").stdout.strip() == "posted"
    name = deliver(system, ledger, 3)
    wait(lambda: psql(system, "-c", f"SELECT state FROM handback.files WHERE name = '{name}'", check=False).stdout.strip() == "posted",
         f"{name} to be posted", system)
    wait(lambda: system.run("test", "-e", f"{SERVED}/meridian/{name}", check=False).returncode, f"{name} to go", system)


def test_nobody_but_handbackd_has_something_fetched(system):
    assert mode(system, SOCKET) == "600 handback handback"
    for user in ("nobody", "handback-fetch"):
        said = system.run("runuser", "-u", user, "--", "/usr/bin/python3", f"{TOOLS}/client.py", SOCKET, check=False)
        assert "PermissionError" in said.stderr, f"{user}: {said}"


@pytest.fixture(scope="module")
def tried(system):
    """{what was tried: what came of it}, beside a true fetcher that waits for its job."""
    system.run("systemctl", "stop", UNIT)
    waiting = subprocess.Popen(["nsenter", "-t", str(system.pid), "-a", *as_handback("/usr/bin/python3", f"{TOOLS}/client.py", SOCKET)],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    try:
        assert waiting.stdout.readline() == b"connected\n", waiting.stdout.read()
        wait(lambda: system.run("pgrep", "-xu", "handback-fetch", "handback-fetch", check=False).stdout, "a fetcher", system)
        known = {"port": PORT, "other": f"{INCOMING}/polaris", "mine": f"{INCOMING}/meridian", "secrets": SECRETS, "etc": system.etc,
                 "credentials": CREDENTIALS, "database": "/var/lib/handback/postgres/socket/.s.PGSQL.5432", "socket": SOCKET,
                 "elsewhere": ELSEWHERE, "pid": int(system.run("pgrep", "-xu", "handback-fetch", "handback-fetch").stdout.split()[0]),
                 "uid": int(system.run("id", "-u", "handback").stdout), "gid": int(system.run("id", "-g", "handback").stdout)}
        system.run("mkdir", "-p", "/etc/systemd/system/handback-fetch@.service.d", "/run/postgresql", "/srv/handback")
        # what is to be tried has to be there: handbackd runs, with its sockets and credentials
        system.run("systemctl", "start", UNIT)
        wait(lambda: system.run("test", "-S", known["database"], check=False).returncode == 0, "the database", system)
        system.run("tee", "/etc/systemd/system/handback-fetch@.service.d/tries.conf",
                   stdin=f"[Service]\nExecStart=\nExecStart=/usr/bin/python3 -IB {TOOLS}/tries.py\n")
        system.run("systemctl", "daemon-reload")
        said = system.run(*as_handback("/usr/bin/python3", f"{TOOLS}/client.py", SOCKET, known["mine"], json.dumps(known)))
        system.run("bash", "-c", f"echo >/dev/tcp/{ELSEWHERE}/{PORT}")
        for path in (known["other"], f"{CREDENTIALS}/sftp-polaris", "/run/handback/control", known["database"], SOCKET):
            system.run("test", "-e", path)
        return dict(json.loads(line) for line in said.stdout.splitlines()[1:])
    finally:
        waiting.kill()
        waiting.wait()
        system.run("rm", "-f", "/etc/systemd/system/handback-fetch@.service.d/tries.conf")
        system.run("systemctl", "daemon-reload")


def test_exposure_with_a_partner_named(system, tmp_path):
    """As 50-partners.conf is meant to be used."""
    unit = next(system.up.glob("usr/**/handback-fetch@.service"))
    example = next(system.up.glob("usr/**/handback-fetch@.service.d/50-partners.conf")).read_text()
    assert "\n#IPAddressAllow=" in example
    named = tmp_path / unit.name
    named.write_text(unit.read_text() + example.replace("\n#IPAddressAllow=", "\nIPAddressAllow="))
    out = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", named], capture_output=True, text=True).stdout
    assert "non-localhost" in out and float(re.search(r"Overall exposure level for \S+: ([0-9.]+)", out).group(1)) <= 1.0, out


NAMES = re.findall(r'^    "([^"]+)": ', TRIES, re.M)


@pytest.mark.parametrize("what", NAMES)
def test_in_the_units_walls(tried, what):
    """Without what the program locks itself in with: tests/hostile/test_walls.py tries that."""
    assert set(tried) == set(NAMES), tried
    if what.startswith("may: "):
        assert tried[what] == "worked"
    elif what == "reach an address that is not named":
        assert tried[what] in ("EPERM", "timed out")  # by the kernel, and as what was sent is dropped
    else:
        assert tried[what] in ("EACCES", "EPERM", "ENOENT", "ESRCH", "EAFNOSUPPORT", "EROFS", "EINVAL"), tried[what]

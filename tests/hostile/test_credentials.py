"""Secrets as systemd's credentials, in the booted system and the hardened unit: the database's password, the key of an
SFTP source, a partner's OpenPGP keys; and a notification by a real mail transfer agent."""
import base64
import datetime
import os
import pathlib
import random
import shutil
import sys
import tempfile
import time

import booted
import pytest
import sshd
from openpgp import Ring

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "fixtures"))
import generate  # noqa: E402
import layouts  # noqa: E402
from ledger import Ledger  # noqa: E402

UNIT = "handbackd.service"
CREDENTIALS = f"/run/credentials/{UNIT}"
SECRETS = "/etc/handback/secrets"
INBOUND, SERVED = "/srv/handback/skyline", "/srv/partner"
NAMES = ("database-password", "sftp-meridian", "pgp-skyline")
PASSWORD = "Tr0ub4dor"


def why_not():
    for tool, package in (("pg_createcluster", "postgresql-common"), ("gpg", "gpg"), ("sshd", "openssh-server")):
        if shutil.which(tool, path="/usr/sbin:/usr/bin:/bin") is None:
            return f"{package} is not installed"
    return booted.why_not()


pytestmark = [pytest.mark.all_only, pytest.mark.skipif(why_not() is not None, reason=str(why_not()))]


def configuration(machine, server):
    # a password over TCP: peer authentication would let us in without one
    return f"""database:
  conninfo: "host=127.0.0.1 dbname=handback user=handback passfile={CREDENTIALS}/database-password"
spool: /var/lib/handback/spool
profiles: {machine.etc}/profiles
reports: /var/lib/handback/reports
control: /run/handback/control
settle: 50ms
rescan: 1s
sources:
  - name: skyline
    partner: SKYLINE
    profile: skyline
    directory: {INBOUND}
  - name: meridian
    partner: MERIDIAN
    profile: meridian
    settle: 50ms
    sftp:
      host: 127.0.0.1
      port: {server["port"]}
      user: root
      directory: {SERVED}
      key: {CREDENTIALS}/sftp-meridian
      host_keys: ["{server["pin"]}"]
      interval: 1s
"""


def make_server(machine):
    """An sshd's configuration inside, with the key that may log in."""
    folder = machine.up / "etc/partner"
    folder.mkdir(parents=True)
    host, client = sshd.make_key(folder / "host"), sshd.make_key(folder / "client")
    (folder / "authorized_keys").write_text(pathlib.Path(f"{client}.pub").read_text())
    (folder / "sshd_config").write_text(sshd.CONFIG.format(port=2222, dir="/etc/partner", sftp_options="", extra="",
                                                          host_keys="HostKey /etc/partner/host"))
    return {"port": 2222, "pin": sshd.fingerprint(f"{host}.pub"), "key": client.read_text()}


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
    machine = booted.Booted(unmasked=("postgresql.service",))
    try:
        folder = machine.install(build)
        server = make_server(machine)
        (folder / "handback.yaml").write_text(configuration(machine, server))
        for partner in ("skyline", "meridian"):
            profile = (ROOT / f"fixtures/profiles/{partner}.yaml").read_text()
            openpgp = "\nopenpgp: {encrypted: yes, signature: yes}\n" if partner == "skyline" else ""
            (folder / f"profiles/{partner}.yaml").write_text(profile + openpgp)
        keys = folder / "profiles/skyline.keys"
        keys.mkdir()
        (keys / "secret.asc").symlink_to(f"{CREDENTIALS}/pgp-skyline")
        (keys / "signers.asc").write_bytes(rings["partner"].public)
        secrets = machine.up / SECRETS.lstrip("/")
        secrets.mkdir(parents=True, mode=0o700)
        for name, text in (("database-password", f"*:*:*:*:{PASSWORD}\n"), ("sftp-meridian", server["key"]),
                           ("pgp-skyline", rings["us"].secret.decode())):
            (secrets / name).write_text(text)
            (secrets / name).chmod(0o600)
        drop_in = machine.up / f"etc/systemd/system/{UNIT}.d"
        drop_in.mkdir(parents=True)
        # as the example says, with nothing more opened than the loopback
        (drop_in / "50-database.conf").write_text((ROOT / "systemd/handbackd.service.d/50-database.conf").read_text())
        (drop_in / "secrets.conf").write_text("[Service]\n" + "".join(f"LoadCredential={n}:{SECRETS}/{n}\n" for n in NAMES))
        machine.boot()
        machine.run("systemd-sysusers")
        machine.run("systemd-tmpfiles", "--create")
        for path, owner in ((INBOUND, "handback"), (SERVED, "root")):
            machine.run("install", "-d", "-o", owner, "-g", owner, path)
        machine.run("install", "-d", "/run/sshd")
        machine.run("/usr/sbin/sshd", "-f", "/etc/partner/sshd_config")
        yield machine
    finally:
        machine.close()


@pytest.fixture(scope="module")
def ledger():
    return Ledger(1, 60, 240)


def wait(condition, what, system, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "\n".join((
            f"waited {seconds} s for {what}", system.journal(), system.run(system.ctl, "--config", f"{system.etc}/handback.yaml",
                                                                           "status", check=False).stdout))
        time.sleep(0.1)


def as_postgres(system, *command, **more):
    return system.run("runuser", "-u", "postgres", "--", *command, **more)


def psql(system, *arguments, **more):
    return as_postgres(system, "psql", "-XAtqv", "ON_ERROR_STOP=1", "-d", "handback", *arguments, **more)


def made(ledger, partner, sequence):
    answers = list(generate.usual(random.Random(sequence), partner, ledger.of(partner)[sequence * 10:sequence * 10 + 10]))
    return layouts.WRITERS[partner](answers, datetime.date(2026, 11, 18), sequence, 0)


def deliver(system, folder, owner, name, data):
    system.run("sh", "-c", f"base64 -d >{folder}/.part && chown {owner}: {folder}/.part && mv {folder}/.part {folder}/{name}",
               stdin=base64.b64encode(data).decode())


def wait_posted(system, name):
    def posted():
        said = psql(system, "-c", f"SELECT state FROM handback.files WHERE name = '{name}'", check=False).stdout.strip()
        assert said in ("", "posted"), said + system.journal()
        return said
    wait(posted, f"{name} to be posted", system)


def test_the_databases_password(system, ledger):
    system.run("sh", "-c", "pg_lsclusters -h | grep -q . || pg_createcluster --start $(ls /usr/lib/postgresql | sort -n | tail -1) main", timeout=120)
    system.run("sh", "-c", "pg_lsclusters -h | while read -r version name rest; do pg_ctlcluster $version $name start; done; true")
    as_postgres(system, "createdb", "handback")
    as_postgres(system, system.ctl, "migrate", "--database", "dbname=handback")
    psql(system, "-c", f"CREATE ROLE handback LOGIN PASSWORD '{PASSWORD}' IN ROLE handback_daemon, handback_nightly, handback_verify, handback_collector")
    psql(system, stdin="\n".join(ledger.sql()))
    system.run("systemctl", "start", UNIT)
    wait(lambda: "no worker is ready" not in system.show(UNIT, "StatusText"), "a worker with the password", system)
    method = psql(system, "-c", "SELECT DISTINCT auth_method FROM pg_hba_file_rules WHERE type = 'host' AND address = '127.0.0.1'")
    assert method.stdout.strip() == "scram-sha-256", "the password was not needed"


def test_openpgp_keys_in_the_hardened_unit(system, ledger, rings):
    name, data = made(ledger, "SKYLINE", 1)
    deliver(system, INBOUND, "handback", name, rings["partner"].protect(data, rings["us"]))
    wait_posted(system, name)
    left = system.run("sh", "-c", "pgrep -c gpg-agent", check=False).stdout.strip()
    assert left == "0", "a gpg-agent is left behind"


def test_the_key_of_a_server(system, ledger):
    name, data = made(ledger, "MERIDIAN", 1)
    deliver(system, SERVED, "root", name, data)
    wait_posted(system, name)


def test_the_secrets_are_the_services_alone(system):
    for name in NAMES:
        mode = system.run("nsenter", "-t", system.show(UNIT, "MainPID"), "-m", "stat", "-c", "%a %U", f"{CREDENTIALS}/{name}")
        # the user's own, or root's with an access list for the user alone (systemd 257)
        assert mode.stdout.split() in (["400", "handback"], ["440", "root"])
    journal = system.journal(lines=2000)
    environment = system.run("sh", "-c", f"cat /proc/{system.show(UNIT, 'MainPID')}/environ /proc/[0-9]*/cmdline | tr '\\0' '\\n'")
    for secret in (PASSWORD, "BEGIN PGP PRIVATE KEY", "BEGIN OPENSSH PRIVATE KEY"):
        assert secret not in journal and secret not in environment.stdout


def test_a_password_that_was_changed_is_taken_with_the_next_connection(system, ledger):
    """As docs/operator.md says: in the server, in the file, then a restart of the unit reads the credential again."""
    psql(system, "-c", "ALTER ROLE handback PASSWORD 'n3xt'")
    system.run("tee", f"{SECRETS}/database-password", stdin="*:*:*:*:n3xt\n")
    system.run("systemctl", "restart", UNIT)
    name, data = made(ledger, "MERIDIAN", 2)
    deliver(system, SERVED, "root", name, data)
    wait_posted(system, name)


@pytest.mark.skipif(not os.path.exists("/usr/sbin/sendmail"), reason="no mail transfer agent is installed (dma will do)")
def test_a_notification_goes_by_mail(system, ledger):
    inside = f"{system.etc}/handback.yaml"
    config = system.run("cat", inside).stdout
    system.run("tee", inside, stdin=config.replace("settle:", "notifications: {mail: root@localhost}\nsettle:", 1))
    system.run("tee", f"/etc/systemd/system/{UNIT}.d/mail.conf", stdin=(ROOT / "systemd/handbackd.service.d/70-mail.conf").read_text())
    system.run("sh", "-c", "rm -f /etc/aliases; touch /var/mail/root; chown root:mail /var/mail/root; chmod 660 /var/mail/root")
    system.run("systemctl", "daemon-reload")
    system.run("systemctl", "restart", UNIT)
    name, data = made(ledger, "SKYLINE", 2)
    deliver(system, INBOUND, "handback", name, data)  # not encrypted: refused
    wait(lambda: system.run("grep", "-c", "file_held", "/var/mail/root", check=False).stdout.strip() not in ("", "0"),
         "the mail", system)
    mail = system.run("cat", "/var/mail/root").stdout
    assert mail.count("Subject: handback: file_held-") == 1 and name in mail and "Auto-Submitted: auto-generated" in mail

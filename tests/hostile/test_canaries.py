"""Secrets and members' data are planted, everything is run and broken, and then they are looked for everywhere.

Where a secret may be found afterwards: the file it was given in, and the operator's configuration that names it.
Where a member's data may be found: the ledger and handback's tables (they are the books), the partner's own file and
our copies of it (inbound, spool: they are the evidence), the .reason of a held file and the reports (both are for
finance), and what a person asks handbackctl for.  Nowhere else: no log, no error, no status, no metric, no notification,
no command line, no environment, no core.
"""
import contextlib
import dataclasses
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile

import pytest

pytest.importorskip("asyncssh", reason="python3-asyncssh is not installed")

import pg
from crash_runs import descendants
from metrics_client import get
from openpgp import Ring
from sftp_world import SftpWorld
from sshd import SSHD, Sshd, make_key
from world import CTL, ROOT

DATABASE, SSH, PGP = "canary-db-81c7e2f04b", "canary-ssh-5d02b9a7c6", "canary-pgp-e93f6610d8"
CARD, PERSON, STRANGER = "4929111122223333", "Wilhelmina Canary", "NS99CANARY"
THEIR_PLACES = ("inbound", "spool/archive", "spool/quarantine", "spool/work", "spool/incoming", "reports")
GIVEN_IN = ("handback.yaml", "away.yaml", "canary.key", "canary.passphrase", "profiles/meridian.keys/")


class CanaryWorld(SftpWorld):
    """SKYLINE comes by SFTP, MERIDIAN encrypted; a metrics socket, a hook for notifications."""

    def __init__(self, cluster, build, server, rings):
        self.rings = rings
        super().__init__(cluster, build, server, settings={})
        self.secrets = {DATABASE, SSH, PGP, middle(server.key.read_text()), middle(rings["us"].secret.decode())}
        self.members = {CARD, PERSON, STRANGER, *(m.reference for m in self.ledger.members)}

    def configure(self, **settings):
        profiles = self.dir / "profiles"
        shutil.copytree(ROOT / "fixtures/profiles", profiles, dirs_exist_ok=True)
        with open(profiles / "meridian.yaml", "a", encoding="utf-8") as out:
            out.write("\nopenpgp: {encrypted: yes, signature: yes}\n")
        keys = profiles / "meridian.keys"
        keys.mkdir()
        for name, data in (("secret.asc", self.rings["us"].secret), ("passphrase", PGP.encode()),
                           ("signers.asc", self.rings["partner"].public)):
            (keys / name).write_bytes(data)
            (keys / name).chmod(0o600)
        passphrase = self.dir / "canary.passphrase"
        passphrase.write_text(SSH + "\n")
        passphrase.chmod(0o600)
        hook = self.dir / "hook"
        hook.write_text(f"#!/bin/sh\nenv >>{self.dir}/heard\ncat >>{self.dir}/heard\n")
        hook.chmod(0o755)
        super().configure(conninfo=f"{self.database.conninfo()} password={DATABASE}", metrics=f"\n  listen: {self.dir}/metrics\n  interval: 200ms",
                          notifications=f"\n  command: {hook}", **settings)
        text = self.config.read_text().replace(str(ROOT / "fixtures/profiles"), str(profiles))
        text = text.replace("      host_keys:", f"      passphrase: {passphrase}\n      host_keys:", 1)
        self.config.write_text(text)
        away = self.dir / "away.yaml"
        away.write_text(text.replace(str(self.database.cluster.socket), "/nonexistent"))

    def deliver(self):
        """Posted with free texts, held for members, refused for a value, encrypted, signed by a stranger, held for its total."""
        answers = [dataclasses.replace(a, text=f"card {CARD}, {PERSON}") for a in self.answers("SKYLINE")]
        answers[3] = dataclasses.replace(answers[3], member=STRANGER)
        name, data = self.file("SKYLINE", answers)
        self.drop("SKYLINE", name, data)
        points = str(answers[0].points).encode()
        self.drop("SKYLINE", name.replace("_000001", "_000002"), data.replace(b"," + points + b",", f",{CARD}x,".encode(), 1))
        name, data = self.file("MERIDIAN")
        us, partner, stranger = (self.rings[n] for n in ("us", "partner", "stranger"))
        self.drop("MERIDIAN", name, partner.protect(data, us))
        self.drop("MERIDIAN", name.replace("000001", "000002"), stranger.protect(data, us))
        self.drop("AURORA", *self.file("AURORA", break_totals=1))

    def drop(self, partner, name, data, into=None):
        part = self.inbound[partner] / ".part"
        part.write_bytes(data)
        part.rename(self.inbound[partner] / name)


def middle(armoured):
    """A line of a key's own bytes."""
    lines = armoured.splitlines()
    return lines[len(lines) // 2]


def found(places, canaries):
    """(place, canary) of each that is there; places are {name: bytes}."""
    return sorted((name, canary) for name, data in places.items() for canary in canaries if canary.encode() in data)


def kept_files(world):
    """{path below the world's folder: bytes}."""
    return {p.relative_to(world.dir).as_posix(): p.read_bytes() for p in world.dir.rglob("*")
            if p.is_file() and not p.is_symlink()}


@pytest.fixture(scope="module")
def rings():
    if shutil.which("gpg") is None:
        pytest.skip("gpg is not installed")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hbk"))  # a socket's path is short
    made = {name: Ring(folder / name, name, PGP if name == "us" else "") for name in ("us", "partner", "stranger")}
    yield made
    for ring in made.values():
        ring.close()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def world(cluster, build, tmp_path, rings, strace):
    if not SSHD:
        pytest.skip("openssh-server is not installed")
    with Sshd(tmp_path) as server:
        server.key = make_key(server.directory / "canary.key", passphrase=SSH)
        server.authorize(f"{server.key}.pub")
        with CanaryWorld(cluster, build, server, rings) as made:
            yield made


def core_limits(pid):
    """{program: soft limit of a core} of it and what runs below it."""
    limits = {}
    for child in [pid, *descendants(pid)]:
        try:
            name = os.path.basename(os.readlink(f"/proc/{child}/exe"))
            text = pathlib.Path(f"/proc/{child}/limits").read_text()
        except OSError:
            continue
        limits[name] = re.search(r"Max core file size +(\S+)", text)[1]
    return limits


def run_and_break(world):
    """The daemon and all below it, with a crash in between; every command that is for machines or tells a state."""
    said = {}
    # a core of any size, if it were for the limits that we are started with
    unlimited = ["sh", "-c", 'ulimit -c unlimited 2>/dev/null; exec "$@"', "sh"]
    strace = ["strace", "-D", "-f", "-qq", "-v", "-s", "100000", "-e", "trace=execve", "-o", world.dir / "strace.log"]
    daemon = world.start_daemon(prefix=[*unlimited, *strace])
    limits = core_limits(daemon.pid)
    world.deliver()
    world.wait_quiet(60)
    limits.update(core_limits(daemon.pid))
    said["metrics"] = get(world, "/metrics")[1].encode()
    for arguments in (("status",), ("status", "--json"), ("nightly",), ("audit", "verify"), ("source", "list"), ("check",)):
        done = world.ctl(*arguments, check=False)
        said["handbackctl " + " ".join(arguments)] = (done.stdout + done.stderr).encode()
    for child in descendants(daemon.pid):  # a crash that would leave a core
        # what is not there any more when we come to it was no worker: those stay
        with contextlib.suppress(FileNotFoundError):
            if os.path.basename(os.readlink(f"/proc/{child}/exe")) == "handback-reconcile":
                os.kill(child, signal.SIGSEGV)
    world.drop("AURORA", *world.file("AURORA", sequence=2))
    world.wait_quiet(60)
    for arguments in (("files",), ("show", "1"), ("report", "--all"), ("hold", "show", "1"), ("explain", "nothing")):
        said["error of handbackctl " + " ".join(arguments)] = world.ctl(*arguments, check=False).stderr.encode()
    assert world.stop_daemon() == 0
    for program in (["ctl/handbackctl", "--config", world.dir / "away.yaml", "report", "--all"],
                    ["daemon/handbackd", "--config", world.dir / "away.yaml", "--once"]):
        done = subprocess.run([world.build / program[0], *program[1:]], capture_output=True, timeout=60, check=False,
                              env=world.environment(), stdin=subprocess.DEVNULL)
        assert done.returncode != 0
        said[f"{program[0]} without a database"] = done.stdout + done.stderr
    return said, limits


def test_nothing_is_said_where_it_does_not_belong(world):
    said, limits = run_and_break(world)
    assert sorted(world.files().values()) == ["held"] * 3 + ["posted"] * 3, world.files()
    held = [r for r, in world.query("SELECT hold_reason FROM handback.outcome WHERE hold_reason IS NOT NULL")]
    assert "member_mismatch" in held
    assert limits["handback-reconcile"] == limits["handback-parse"] == limits["handbackd"] == "0", limits

    places = {**said, **kept_files(world), "PostgreSQL's log": world.database.cluster.log.read_bytes()}
    assert not [p for p in places if pathlib.PurePath(p).name.startswith("core")]
    commands = places["strace.log"].decode(errors="replace")  # each command line, each environment
    for program in ("handback-reconcile", "handback-parse", "handback-fetch", "handback-decrypt", "gpg", "hook"):
        assert re.search(rf'execve\("[^"]*/{program}"', commands), f"{program} was never started"

    dump = subprocess.run([pg.bin_dir() / "pg_dump", "-d", world.database.conninfo()], check=True, capture_output=True).stdout
    hers = {n: d for n, d in places.items() if not n.startswith(GIVEN_IN)}
    assert found({**hers, "the database": dump}, world.secrets) == []
    assert found({n: d for n, d in places.items() if not n.startswith(THEIR_PLACES)}, world.members) == []


def test_the_command_line_leaves_no_core(build, strace):
    done = subprocess.run([strace, "-qq", "-e", "trace=prlimit64,setrlimit", build / CTL, "--version"], check=True,
                          capture_output=True, text=True)
    assert re.search(r"RLIMIT_CORE, \{rlim_cur=0, rlim_max=0\}", done.stderr), done.stderr


def test_what_is_looked_for_can_be_found(world):
    """The exceptions are real: the canaries are where they belong, so that finding nothing elsewhere says something."""
    world.deliver()
    world.ctl("run", check=False)
    world.ctl("nightly", check=False)
    places = kept_files(world)
    assert {c for _, c in found(places, {DATABASE, SSH, PGP})} == {DATABASE, SSH, PGP}
    archived = {n: d for n, d in places.items() if n.startswith("spool/archive")}
    assert {c for _, c in found(archived, {CARD, PERSON, STRANGER})} == {CARD, PERSON, STRANGER}
    reasons = {n: d for n, d in places.items() if n.endswith(".reason")}
    assert found(reasons, {CARD}), "the value that was refused is told to finance"
    (file,), = world.query("SELECT file_id FROM handback.outcome WHERE hold_reason = 'member_mismatch'")
    assert STRANGER in world.ctl("show", file, "--records", "--all", "--json").stdout

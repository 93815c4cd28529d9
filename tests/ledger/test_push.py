"""Partners that push to us: the shipped sshd fragment in a true sshd, with a chroot, and the daemon at its other end.

A chroot needs root; the login is an account that every Debian has.
"""
import os
import pathlib
import pwd
import shutil
import subprocess
import tempfile
import time

import pytest

from case_table import case
from scripted_daemon import Daemon
from sshd import SSHD, Sshd, make_key

ROOT = pathlib.Path(__file__).resolve().parents[2]
FRAGMENT = ROOT / "systemd/drop/sshd-handback-drop.conf"
LOGIN = "games"
pytestmark = [pytest.mark.skipif(not SSHD, reason="openssh-server is not installed"),
              pytest.mark.skipif(os.geteuid() != 0, reason="a chroot needs root")]


@pytest.fixture
def drop(tmp_path):
    """A drop for one login: sshd wants root to own all directories above it, so not below /tmp."""
    account = pwd.getpwnam(LOGIN)
    base = pathlib.Path(tempfile.mkdtemp(prefix="handback-drop-", dir="/run"))
    base.chmod(0o755)
    inbound = base / LOGIN / "in"
    inbound.mkdir(parents=True)
    os.chown(inbound, account.pw_uid, 0)
    inbound.chmod(0o2770)
    keys = base / "keys"
    keys.mkdir()
    text = FRAGMENT.read_text().replace("Match Group handback-drop", f"Match User {LOGIN}")
    text = text.replace("/srv/handback/", f"{base}/").replace("/etc/handback/drop-keys/", f"{keys}/")
    try:
        with Sshd(tmp_path, extra=text) as server:
            server.key = make_key(tmp_path / "partner-key")
            shutil.copy(f"{server.key}.pub", keys / LOGIN)
            server.inbound = inbound
            yield server
    finally:
        shutil.rmtree(base)


def sftp(server, *commands, login=LOGIN):
    batch = "\n".join(commands) + "\n"
    return subprocess.run(
        ["sftp", "-q", "-b", "-", "-P", str(server.port), "-i", server.key, "-oStrictHostKeyChecking=no",
         "-oUserKnownHostsFile=/dev/null", "-oIdentitiesOnly=yes", f"{login}@127.0.0.1"],
        input=batch, text=True, capture_output=True, timeout=20)


def test_the_fragment_is_valid(tmp_path):
    host = make_key(tmp_path / "host")
    config = tmp_path / "sshd_config"
    config.write_text(f"HostKey {host}\nInclude {FRAGMENT}\nPasswordAuthentication yes\n")
    os.makedirs("/run/sshd", exist_ok=True)
    subprocess.run([SSHD, "-t", "-f", config], check=True)
    # what follows the fragment is for everybody again
    said = subprocess.run([SSHD, "-T", "-f", config], check=True, capture_output=True, text=True).stdout
    assert "passwordauthentication yes" in said and "forcecommand none" in said


@case("drop: what a partner can do there")
def test_the_sandbox(drop, tmp_path):
    local = tmp_path / "a.csv"
    local.write_text("1\n")
    assert sftp(drop, f"put {local} a.csv", "rename a.csv b.csv", "ls -l /in").returncode == 0
    made = (drop.inbound / "b.csv").stat()
    assert made.st_gid == 0 and made.st_mode & 0o777 == 0o640 and made.st_uid == pwd.getpwnam(LOGIN).pw_uid
    assert sorted(sftp(drop, "ls -1 /").stdout.split()[-1:]) == ["/in"]
    for command in (f"put {local} /x.csv", f"put {local} /../x.csv", "get /etc/passwd", "symlink /etc/passwd /x",
                    "rmdir /in", "rename /in /out", "chmod 777 /"):
        assert sftp(drop, command).returncode != 0, command
    shell = ["ssh", "-p", str(drop.port), "-i", drop.key, "-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null",
             "-oBatchMode=yes", f"{LOGIN}@127.0.0.1"]
    assert subprocess.run([*shell, "id"], capture_output=True, timeout=20, stdin=subprocess.DEVNULL).returncode != 0
    forward = subprocess.run([*shell, "-N", "-oExitOnForwardFailure=yes", "-R", "0:127.0.0.1:22"], capture_output=True,
                             timeout=20, stdin=subprocess.DEVNULL)
    assert forward.returncode != 0
    return "its own directory, files only: no shell, no forwarding, nothing outside"


@case("drop: a partner's upload is taken when it is complete")
def test_uploads_are_taken(drop, tmp_path, build):
    daemon = Daemon(build)
    try:
        daemon.sources[0]["directory"] = drop.inbound
        daemon.sources[0]["settle"] = "1s"
        daemon.configure()
        daemon.start()
        local = tmp_path / "big"
        local.write_bytes(os.urandom(4_000_000))
        began = time.monotonic()
        # 16 Mbit/s: two seconds under its final name, and one under a temporary name
        done = subprocess.run(
            ["sftp", "-q", "-b", "-", "-l", "16000", "-P", str(drop.port), "-i", drop.key, "-oStrictHostKeyChecking=no",
             "-oUserKnownHostsFile=/dev/null", f"{LOGIN}@127.0.0.1"],
            input=f"put {local} slow.csv\nput {local} .renamed.part\nrename .renamed.part renamed.csv\n", text=True,
            capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr
        daemon.until(lambda: sorted(daemon.names()) == ["renamed.csv", "slow.csv"], "both files")
        assert time.monotonic() - began > 2 and not list(drop.inbound.iterdir())
        assert daemon.stop() == 0
    finally:
        daemon.close()
    return "each once, after its upload; removed although another user owns it"

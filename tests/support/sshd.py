"""A private OpenSSH sshd on a loopback port, with keys of its own, for one test.

As root or as an ordinary user: sshd then serves that same user.  No chroot, no PAM.
"""
import getpass
import os
import shutil
import signal
import socket
import subprocess
import time

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/sbin:" + os.environ.get("PATH", ""))
CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
{host_keys}
AuthorizedKeysFile {dir}/authorized_keys
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
LogLevel VERBOSE
Subsystem sftp internal-sftp {sftp_options}
{extra}
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def make_key(path, type_="ed25519", passphrase="", bits=None, pem=False):
    """A key pair at path and path.pub; the path."""
    command = ["ssh-keygen", "-q", "-t", type_, "-N", passphrase, "-f", str(path), "-C", "test"]
    if bits:
        command += ["-b", str(bits)]
    if pem:
        command += ["-m", "PEM"]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    os.chmod(path, 0o600)
    return path


def fingerprint(public):
    """SHA256:... of a public key file."""
    out = subprocess.run(["ssh-keygen", "-l", "-E", "sha256", "-f", str(public)], check=True, capture_output=True)
    return out.stdout.decode().split()[1]


class Sshd:
    """`with Sshd(tmp_path) as server:` — server.port, .root (the directory served), .key, .pin, .user."""

    def __init__(self, directory, host_key_types=("ed25519",), extra="", sftp_options="", port=None):
        self.directory = directory / "sshd"
        self.directory.mkdir()
        self.root = directory / "partner"
        self.root.mkdir(exist_ok=True)
        self.port = port or free_port()
        self.user = getpass.getuser()
        self.host_keys = [make_key(self.directory / f"host_{t}", t) for t in host_key_types]
        self.pin = fingerprint(f"{self.host_keys[0]}.pub")
        self.key = make_key(self.directory / "client")
        self.authorize(f"{self.key}.pub")
        self.config = self.directory / "sshd_config"
        self.config.write_text(CONFIG.format(
            port=self.port, dir=self.directory, sftp_options=sftp_options, extra=extra,
            host_keys="\n".join(f"HostKey {k}" for k in self.host_keys)))
        self.process = None

    def authorize(self, public):
        with open(self.directory / "authorized_keys", "a") as out:
            out.write(open(public).read())

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        if os.getuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)
        self.log = open(self.directory / "log", "ab")
        # ends with us, however we end
        command = ["setpriv", "--pdeathsig", "TERM", SSHD, "-D", "-e", "-f", self.config]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                        start_new_session=True)
        for _ in range(100):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError("sshd does not start: " + self.read_log())

    def signal(self, number):
        """To sshd and all of its sessions: they are one session group."""
        for pid in self.pids():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def pids(self):
        """sshd and its descendants; sessions leave the process group, so by parentage."""
        children = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    fields = open(f"/proc/{entry}/stat").read().rsplit(")", 1)[1].split()
                except OSError:
                    continue
                children.setdefault(int(fields[1]), []).append(int(entry))
        found, todo = [], [self.process.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            todo += children.get(pid, [])
        return found

    def sessions(self):
        return self.pids()[1:]

    def stop(self):
        if not self.process:
            return
        pids = self.pids()
        for number in (signal.SIGCONT, signal.SIGTERM):
            for pid in pids:
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    pass
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        self.process = None

    def read_log(self):
        return (self.directory / "log").read_text(errors="replace")

    def put(self, name, data):
        (self.root / name).write_bytes(data)
        return self.root / name

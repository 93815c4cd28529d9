"""A real systemd that boots this machine's root file system, or another root, through an overlay, in namespaces of its own."""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
MASKED = ("ssh.service", "ssh.socket", "systemd-sysctl.service", "systemd-modules-load.service",
          "systemd-timesyncd.service", "systemd-resolved.service", "networking.service", "cron.service",
          "postgresql.service", "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer",
          "nginx.service", "haproxy.service", "e2scrub_all.timer", "fstrim.timer", "man-db.timer", "getty@tty1.service", "console-getty.service")


def why_not():
    """Why no systemd can be booted here, or None."""
    if os.geteuid() != 0:
        return "booting systemd needs root"
    for program in ("unshare", "nsenter", "ip", "pivot_root"):
        if shutil.which(program) is None:
            return f"booting systemd needs {program}"
    if not pathlib.Path("/lib/systemd/systemd").exists():
        return "systemd is not installed"
    probe = subprocess.run(["unshare", "--pid", "--mount", "--uts", "--ipc", "--cgroup", "--net", "--fork", "true"],
                           capture_output=True, text=True)
    return f"no namespaces: {probe.stderr.strip()}" if probe.returncode else None


def wait(condition, what, system, seconds=None):
    seconds = seconds or system.patience
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}\n" + "".join(map(system.journal, system.watched))
        time.sleep(0.1)


def psql(system, *arguments, stdin=None, check=True):
    """In the embedded cluster, as the service's user."""
    return system.run("runuser", "-u", "handback", "--", "psql", "-XAtqv", "ON_ERROR_STOP=1", "-h", system.database, "-U", "postgres",
                      "-d", "handback", *arguments, check=check, stdin=stdin)


class Booted:
    """Put files below .up first, then boot(); in(...) runs a command inside."""

    database = "/var/lib/handback/postgres/socket"
    patience = 20  # seconds, of wait()
    watched = ("handbackd.service",)  # whose journals wait() shows when it waited in vain

    def __init__(self, unmasked=(), root="/"):
        self.root = root
        # not below /tmp, where a tmpfs is mounted inside
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="handback-boot-", dir="/var/tmp"))
        self.up = self.dir / "up"
        units = self.up / "etc/systemd/system"
        units.mkdir(parents=True)
        for name in set(MASKED) - set(unmasked):
            (units / name).symlink_to("/dev/null")
        self.process = self.pid = None

    def install(self, build):
        """What a build installs, before boot(): .ctl is the command's path inside, .etc the configuration's folder."""
        subprocess.run(["meson", "install", "-C", build, "--no-rebuild", "--quiet", "--destdir", self.up], check=True)
        self.ctl = "/" + str(next(self.up.glob("usr/**/bin/handbackctl")).relative_to(self.up))
        service = next(self.up.glob("usr/**/handbackd.service")).read_text()
        self.etc = re.search(r"--config (\S+)/handback/handback\.yaml", service).group(1) + "/handback"
        folder = self.up / self.etc.lstrip("/")
        (folder / "profiles").mkdir(parents=True, exist_ok=True)
        return folder

    def boot(self, patience=60):
        self.process = subprocess.Popen(["unshare", "--fork", "--pid", "--kill-child=KILL", "--mount", "--uts", "--ipc",
                                         "--net", str(HERE / "boot"), str(self.dir)],
                                        stdin=subprocess.DEVNULL, stdout=open(self.dir / "console", "wb"),
                                        stderr=subprocess.STDOUT, env={**os.environ, "BOOT_ROOT": str(self.root)})
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline and self.process.poll() is None:
            children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
            if children:
                self.pid = int(children[0])
                state = self.run("systemctl", "is-system-running", check=False).stdout.strip()
                if state in ("running", "degraded"):
                    return state
            time.sleep(0.1)
        raise RuntimeError("systemd did not boot: " + (self.dir / "console").read_text(errors="replace")[-2000:])

    def run(self, *command, check=True, timeout=60, stdin=None):
        done = subprocess.run(["nsenter", "-t", str(self.pid), "-a", "env", "PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin",
                               *map(str, command)], capture_output=True, text=True, timeout=timeout, input=stdin,
                              errors="replace")
        if check and done.returncode:
            raise AssertionError(f"{command} ended with {done.returncode}\n{done.stdout}{done.stderr}\n{self.journal()}")
        return done

    def journal(self, unit="handbackd.service", lines=60):
        return self.run("journalctl", "-u", unit, "-n", lines, "--no-pager", "-o", "short-precise", check=False).stdout

    def show(self, unit, what):
        return self.run("systemctl", "show", "-P", what, unit).stdout.strip()

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)  # its children go with it
            self.process.wait()
        time.sleep(0.2)
        self.remove_groups()
        # what may only be appended to is not removed either
        subprocess.run(["chattr", "-f", "-a", self.up / "var/lib/handback-checkpoints/checkpoints"], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.dir, ignore_errors=True)

    def remove_groups(self):
        """The control groups that boot made, where this machine shows them."""
        shown = [line.split()[1] for line in pathlib.Path("/proc/self/mounts").read_text().splitlines() if " cgroup2 " in line]
        own = re.search(r"^0::(.*)$", pathlib.Path("/proc/self/cgroup").read_text(), re.M)
        for root in shown[:1] if own else ():
            group = pathlib.Path(root + own[1]) / self.dir.name
            deadline = time.monotonic() + 5  # the last of its processes may still be on their way out
            while group.exists() and time.monotonic() < deadline:
                for folder in [*sorted((p for p in group.rglob("*") if p.is_dir()), reverse=True), group]:
                    with contextlib.suppress(OSError):
                        folder.rmdir()
                time.sleep(0.05)

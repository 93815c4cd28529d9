"""handbackd with a worker that does what a script says (scripted_worker.py), in a directory of its own.

    daemon = Daemon(build).start()
    daemon.drop("one.csv")
    daemon.ask("wait")
    daemon.jobs()                  # what workers were given
    daemon.close()
"""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import pg

TAKE = '["!remove", "done"]'


class Daemon:
    def __init__(self, build, script=TAKE, **settings):
        self.program = build / "daemon/handbackd"
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="handback-daemon-", dir="/tmp"))
        self.libexec = self.dir / "libexec"
        self.libexec.mkdir()
        (self.libexec / "handback-reconcile").symlink_to(pg.ROOT / "tests/support/scripted_worker.py")
        self.config, self.control = self.dir / "handback.yaml", self.dir / "control"
        self.settings = {"settle": "50ms", "rescan": "300ms", "log_level": "debug", "workers": 1, **settings}
        self.sources = []
        self.script(script)
        self.inbound = self.source("a", "A")
        self.process, self.logs = None, []

    def script(self, *lines):
        (self.libexec / "script").write_text("\n".join(lines) + "\n")
        (self.libexec / "count").unlink(missing_ok=True)

    def source(self, name, partner, **more):
        """Adds a source to the configuration; its directory."""
        folder = self.dir / "in" / name
        folder.mkdir(parents=True, exist_ok=True)
        self.sources.append({"name": name, "partner": partner, "profile": "p", "directory": folder, **more})
        self.configure()
        return folder

    def configure(self, **settings):
        self.settings.update(settings)
        text = 'database: {conninfo: "host=/nonexistent"}\n'
        text += "".join(f"{k}: {self.dir / k}\n" for k in ("spool", "profiles", "reports", "control"))
        text += "".join(f"{k}: {v}\n" for k, v in self.settings.items()) + "sources:\n"
        for source in self.sources:
            text += "  - " + "\n    ".join(f"{k}: {json.dumps(str(v))}" if k != "settle" else f"{k}: {v}"
                                          for k, v in source.items()) + "\n"
        self.config.write_text(text)

    def environment(self, **more):
        return {**os.environ, "HANDBACK_LIBEXEC": str(self.libexec), **more}

    def start(self, *options, wait=True, prefix=(), **more):
        log = self.dir / f"log{len(self.logs)}"
        with open(log, "wb") as out:
            self.process = subprocess.Popen([*prefix, self.program, "--config", self.config, *options], stdin=subprocess.DEVNULL,
                                            stdout=out, stderr=out, env=self.environment(**more), cwd=self.dir)
        self.logs.append(log)
        if wait:
            self.until(lambda: "msg=running" in self.log(), "the daemon to run")
        return self

    def once(self, timeout=30):
        return subprocess.run([self.program, "--config", self.config, "--once"], env=self.environment(), timeout=timeout,
                              capture_output=True, text=True)

    def log(self):
        return self.logs[-1].read_text(errors="strict") if self.logs else ""

    def until(self, condition, what, seconds=20):
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {seconds} s for {what}\n{self.log()[-4000:]}")
            time.sleep(0.02)

    def until_log(self, text, seconds=20):
        self.until(lambda: text in self.log(), repr(text) + " in the log", seconds)

    def ask(self, what, timeout=60):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(self.control))  # waits for its turn, where a timeout would make it fail at once
            s.settimeout(timeout)
            s.sendall(what.encode() + b"\n")
            return json.loads(s.makefile().readline())

    def source_state(self, name="a"):
        return next(s for s in self.ask("status")["sources"] if s["name"] == name)

    def drop(self, name, data=b"x\n", folder=None):
        """A delivery by rename."""
        folder = os.fsencode(folder or self.inbound)
        name = os.fsencode(name)
        with open(folder + b"/.part", "wb") as f:
            f.write(data)
        os.rename(folder + b"/.part", folder + b"/" + name)

    def jobs(self):
        """What workers were given: a list of dicts, names as bytes."""
        path = self.libexec / "jobs"
        lines = path.read_text().splitlines() if path.exists() else []
        jobs = [dict(pair.split("=", 1) for pair in line.split("\t")[1:]) for line in lines]
        return [{**job, "name": bytes.fromhex(job["name"])} for job in jobs]

    def names(self):
        return [job["name"].decode() for job in self.jobs()]

    def stop(self, how=signal.SIGTERM, within=10):
        self.process.send_signal(how)
        return self.process.wait(within)

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


def processes_of(parent):
    """Process ids of its children."""
    path = pathlib.Path(f"/proc/{parent}/task/{parent}/children")
    return [int(pid) for pid in path.read_text().split()] if path.exists() else []


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def resident_mib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1)) / 1024

"""Whole processes, timed, with their processor time and peak memory."""
import os
import pathlib
import subprocess
import sys
import threading
import time
import typing

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests/support"))
import parse_client  # noqa: E402

TICK = os.sysconf("SC_CLK_TCK")


class Took(typing.NamedTuple):
    seconds: float
    cpu: float | None = None   # of all processes together, the server's too
    peak: float | None = None  # MiB


def run(argv, server=None, env=None):
    """Run argv to its end, with PostgreSQL's process as `server` where it works for it. Raises when it fails."""
    start, before = time.monotonic(), cpu(server) if server else 0
    pid = os.fork()
    if pid == 0:
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.execvpe(argv[0], argv, env or os.environ)
        finally:
            os._exit(127)
    _, status, usage = os.wait4(pid, 0)
    seconds = time.monotonic() - start
    if status:
        raise RuntimeError(f"{' '.join(map(str, argv))} ended with status {status}")
    spent = usage.ru_utime + usage.ru_stime + (cpu(server) - before if server else 0)
    return Took(seconds, spent)  # no peak: the child begins with ours


def told(argv):
    """Run argv, which does its work when its input ends, from that moment on: what it takes to load a program is not asked."""
    end, go = os.pipe2(os.O_CLOEXEC)
    process = subprocess.Popen(argv, stdin=end, stdout=subprocess.DEVNULL)
    os.close(end)
    before = parse_client.waits(process.pid)
    start = time.monotonic()
    os.close(go)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if status:
        raise RuntimeError(f"{' '.join(map(str, argv))} ended with status {status}")
    return Took(seconds, usage.ru_utime + usage.ru_stime - before)


def times(pid):
    """(name, its processor seconds, those of its children that ended)."""
    try:
        name, _, rest = pathlib.Path(f"/proc/{pid}/stat").read_text().partition("(")[2].rpartition(")")
    except OSError:
        return "", 0, 0
    fields = rest.split()
    return name, (int(fields[11]) + int(fields[12])) / TICK, (int(fields[13]) + int(fields[14])) / TICK


def cpu(pid):
    """Processor seconds of a process and of all that descend from it, ended ones too."""
    return sum(own + ended for _, own, ended in map(times, [pid, *descendants(pid)]))


def processor():
    """What the processor calls itself."""
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "an unnamed processor"


class PeakWatch:
    """Highest VmHWM seen of each program name among the descendants of a process."""

    def __init__(self, pid, every=0.02):
        self.pid, self.every, self.peak = pid, every, {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def _watch(self):
        while not self._stop.wait(self.every):
            for pid in descendants(self.pid):
                try:
                    status = pathlib.Path(f"/proc/{pid}/status").read_text()
                except OSError:
                    continue
                fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
                name, high = fields.get("Name", ""), fields.get("VmHWM", "0 kB").split()[0]
                self.peak[name] = max(self.peak.get(name, 0), int(high) / 1024)


def descendants(pid):
    found, todo = [], [pid]
    while todo:
        p = todo.pop()
        try:
            children = [int(c) for t in os.listdir(f"/proc/{p}/task")
                        for c in pathlib.Path(f"/proc/{p}/task/{t}/children").read_text().split()]
        except OSError:
            continue
        found += children
        todo += children
    return found

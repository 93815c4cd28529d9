"""Whole processes, timed, with their peak memory."""
import os
import pathlib
import threading
import time


def run(argv, stdin=None, env=None, uid=None):
    """Run argv to its end: (seconds, peak resident MiB). Raises when it fails."""
    start = time.monotonic()
    pid = os.fork()
    if pid == 0:
        try:
            if stdin:
                os.dup2(os.open(stdin, os.O_RDONLY), 0)
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            if uid is not None:
                os.setgid(uid[1])
                os.setuid(uid[0])
            os.execvpe(argv[0], argv, env or os.environ)
        finally:
            os._exit(127)
    _, status, usage = os.wait4(pid, 0)
    seconds = time.monotonic() - start
    if status:
        raise RuntimeError(f"{argv[0]} ended with status {status}")
    return seconds, usage.ru_maxrss / 1024


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

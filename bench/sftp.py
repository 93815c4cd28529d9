"""How fast does a file come from a partner's server, against OpenSSH's own sftp?

A private sshd on the loopback; the same bytes by handbackd and its handback-fetch and
by `sftp`, interleaved. Ours is timed from the request to poll to the file that is
whole in the spool: login, listing, SHA-256 and fsync included. sftp's is the whole
process, which hashes and syncs nothing.
"""
import hashlib
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import measure
import rig

sys.path.insert(0, str(rig.ROOT / "tests/support"))
from sftp_daemon import SftpDaemon  # noqa: E402
from sshd import SSHD, Sshd  # noqa: E402

SMALL = 1 << 20
FETCHER = "handback-fetch"
PATIENCE_S = 1800

# (words, unit, target, 'max' or 'min')
GOALS = {
    "ratio": ("of sftp's speed, medians", "×", 0.5, "min"),
    "growth": ("peak memory of the fetcher, above that for 1 MiB", "MiB", 1, "max"),
    "late": ("lateness of the daemon's loop meanwhile, the worst", "ms", 50, "max"),
}


class LateWatch:
    """The worst lateness of a daemon's loop, asked for all the time (it knows that of its last minute)."""

    def __init__(self, daemon):
        self.daemon, self.worst = daemon, 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        self.worst = max(self.worst, self.daemon.late())

    def _watch(self):
        while not self._stop.wait(1):
            self.worst = max(self.worst, self.daemon.late())


def make_file(path, size):
    """Bytes that do not compress; their SHA-256."""
    digest = hashlib.sha256()
    with open(path, "wb") as out:
        for start in range(0, size, SMALL):
            block = os.urandom(min(SMALL, size - start))
            digest.update(block)
            out.write(block)
    return digest.hexdigest()


def by_sftp(server, path, to):
    took = measure.run(["sftp", "-q", "-P", str(server.port), "-i", str(server.key), "-oStrictHostKeyChecking=no",
                        "-oUserKnownHostsFile=/dev/null", "-oBatchMode=yes", "-oLogLevel=ERROR",
                        f"127.0.0.1:{path}", str(to)])
    to.unlink()
    return took.seconds


def by_handback(daemon, name, sha256):
    """Seconds, MiB of the fetcher, ms of the loop; the file has that name for the daemon for the first time."""
    said = re.compile(rf'^.*msg="file fetched".* name={re.escape(name)} .*sha256={sha256}', re.MULTILINE)
    with measure.PeakWatch(daemon.process.pid) as memory, LateWatch(daemon) as loop:
        since = time.monotonic()
        daemon.ask("rescan")
        while not said.search(daemon.log()):
            if time.monotonic() - since > PATIENCE_S or "run failed" in daemon.log():
                raise RuntimeError(f"{name} did not come whole: {daemon.log()[-3000:]}")
            time.sleep(0.01)
        seconds = time.monotonic() - since
        daemon.until(lambda: not daemon.fetchers(), "the end of its run")
    return seconds, memory.peak[FETCHER], loop.worst


def measure_all(build, folder, size, runs):
    """(MB/s of ours, MB/s of sftp, MiB of each of our runs, MiB for a small file, worst lateness in ms)"""
    ours, theirs, peaks, late = [], [], [], []
    with Sshd(folder) as server:
        big = server.root / "big"
        sha256 = make_file(big, size)
        daemon = SftpDaemon(build, server, interval="1h", deadline="1h")
        try:
            daemon.more["files"] = ["*.csv"]
            daemon.configure()
            daemon.start()
            daemon.until(lambda: daemon.drop_state()["poll"] == "empty" and not daemon.fetchers(), "the first poll")
            _, small, _ = by_handback(daemon, "small.csv", make_file(server.root / "small.csv", SMALL))
            for k in range(runs):
                theirs.append(size / by_sftp(server, big, folder / "theirs") / 1e6)
                name = f"big{k}.csv"
                big = big.rename(server.root / name)
                seconds, peak, worst = by_handback(daemon, name, sha256)
                ours.append(size / seconds / 1e6)
                peaks.append(peak)
                late.append(worst)
                print(f"  run {k + 1}: handback-fetch {ours[-1]:.0f} MB/s, {peak:.1f} MiB, "
                      f"loop at most {worst} ms late; sftp {theirs[-1]:.0f} MB/s", flush=True)
            assert daemon.stop() == 0
        finally:
            daemon.close()
    return ours, theirs, peaks, small, late


def run(build, size, runs, judged):
    """Prints the table."""
    if not SSHD:
        raise SystemExit("no sshd: install openssh-server")
    print(f"{size >> 20:,} MiB from a private sshd on the loopback, {runs} interleaved runs", flush=True)
    with tempfile.TemporaryDirectory(prefix="handback-bench-", dir="/tmp") as folder:
        ours, theirs, peaks, small, late = measure_all(pathlib.Path(build).resolve(), pathlib.Path(folder), size, runs)
    values = {"ratio": statistics.median(ours) / statistics.median(theirs), "growth": max(peaks) - small,
              "late": max(late)}
    print("\n| goal | target | measured | holds |\n|---|---|---|---|")
    for key, (words, unit, target, direction) in GOALS.items():
        good = values[key] <= target if direction == "max" else values[key] >= target
        print(f"| {words} | {'≤' if direction == 'max' else '≥'} {target} {unit} | {values[key]:.3g} {unit} | "
              f"{'—' if not judged else 'yes' if good else 'no'} |")
    print("\n| medians | MB/s | peak MiB |\n|---|---|---|")
    print(f"| handback-fetch | {statistics.median(ours):.0f} | {statistics.median(peaks):.1f} |")
    print(f"| sftp | {statistics.median(theirs):.0f} | |")

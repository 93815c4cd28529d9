"""handback-outbox, and its real sender, killed at each system call of a life: from their start until something was told, and the end.

    /usr/bin/python3 -B tests/proofs/outbox_calls.py --build build [--share 1] [--seed 1]

A life that nobody disturbs is traced first, once for each program: its calls in their order are the points. Then for each point one redemption
more happens, or is reversed, the programs are started, and the one is killed as it enters that call: what came before has happened, the call
has not. handback-outbox is killed behind its sender, too, at once or when it has noted that death. What a killed sender leaves is a pause of
the target that grows; an operator's `target replay --held` ends it, so that the next life tells again. All lives have one database and one
target on loopback. In the end the target has each redemption as we have it, nothing went back, and one version has one content.
"""
import argparse
import contextlib
import collections
import os
import pathlib
import random
import re
import signal
import sys
import tempfile
import time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[n] / more) for n, more in ((1, "support"), (1, ""), (2, "fixtures"))]
from outbox_kills import CONNECTOR, change, check_end, strict  # noqa: E402

CALL = re.compile(r"^([a-z_0-9]+)\(", re.M)
PROGRAMS = ("handback-outbox", "handback-send")
PATIENCE = 60  # seconds for one life


class Lives:
    """Lives of the two programs, each with one of them traced."""

    def __init__(self, desk, outbox, target, chance):
        self.desk, self.outbox, self.target, self.chance = desk, outbox, target, chance
        self.trace = outbox.folder / "trace"
        self.stand_in = outbox.libexec / "handback-send"
        desk.db.execute("SELECT handback.add_target('crm', 'P', %s)", (CONNECTOR.format(url=target.url),))

    def begin(self, program, how):
        """Started, with this program under strace."""
        self.trace.unlink(missing_ok=True)
        strace = ["strace", "-D", "-q", "-o", os.fspath(self.trace), *how]
        sender = self.outbox.build / "outbound/send/handback-send"
        self.stand_in.write_text(f"#!/bin/sh\n[ -e {self.trace}.sender ] || exec {sender} \"$@\"\nrm {self.trace}.sender\n"
                                 f"exec {' '.join(strace)} {sender} \"$@\"\n")
        self.stand_in.chmod(0o755)
        if program == "handback-send":
            pathlib.Path(f"{self.trace}.sender").touch()
        self.outbox.start(prefix=strace if program == "handback-outbox" else ())

    def given_up(self):
        return b"a sender was given up" in self.outbox.log.read_bytes()[self.log_begins:]

    def is_over(self, program):
        """Killed; or all was told, so that the point does not come."""
        if self.outbox.process.poll() is not None:
            return True
        if program == "handback-send" and self.trace.exists() and "killed by SIGKILL" in self.trace.read_text(errors="replace"):
            return True
        return self.outbox.query("SELECT waiting_since, later FROM handback.target_status") == [(None, 0)]

    def live(self, program, how):
        """One life.  Was it cut short?"""
        for _ in range(self.chance.randrange(1, 4)):
            change(self.desk, self.chance)
        self.log_begins = self.outbox.log.stat().st_size if self.outbox.log.exists() else 0
        self.begin(program, how)
        end = time.monotonic() + PATIENCE
        while not self.is_over(program):
            assert time.monotonic() < end, f"{program} {how}: it is neither killed nor done\n" + self.outbox.log.read_text(errors="replace")[-2000:]
            time.sleep(0.01)
        if program == "handback-send" and self.chance.random() < 0.5:
            with contextlib.suppress(AssertionError):  # it told all before it was killed
                self.outbox.wait(self.given_up, 1)
        if not how:  # traced to its end, which is a life, too
            assert self.outbox.stop(PATIENCE) == 0
        self.outbox.kill()
        return "killed by SIGKILL" in self.wait_trace()

    def wait_trace(self):
        """strace ends behind whom it traced."""
        end = time.monotonic() + PATIENCE
        while not self.trace.exists() or not re.search(r"^\+\+\+ ", self.trace.read_text(errors="replace"), re.M):
            assert time.monotonic() < end, "the trace does not end"
            time.sleep(0.01)
        return self.trace.read_text(errors="replace")

    def resume(self):
        """Ends the pause that a killed sender left; its server process may yet have to see that its client is gone."""
        import psycopg

        end = time.monotonic() + PATIENCE
        while True:
            try:
                return self.desk.db.execute("SELECT handback.replay_held('crm')")
            except psycopg.errors.ObjectNotInPrerequisiteState:
                assert time.monotonic() < end
                time.sleep(0.02)

    def points(self, program):
        """[(call, which of its times)] of a life that nobody disturbs."""
        self.live(program, [])
        self.resume()
        counts, points = collections.Counter(), []
        for call in CALL.findall(self.trace.read_text(errors="replace")):
            counts[call] += 1
            points.append((call, counts[call]))
        return points

    def kill_at(self, program, point):
        call, nth = point
        cut = self.live(program, ["-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={nth}"])
        self.resume()
        return cut


def kill_at_each(desk, outbox, target, chance, share=1.0, programs=PROGRAMS):
    """{program: (points, kills)}, and how many redemptions the target has in the end."""
    lives, found = Lives(desk, outbox, target, chance), {}
    for program in programs:
        points = [point for point in lives.points(program) if point[0] != "execve"]  # strace's own: the program is not there yet
        chosen = sorted(chance.sample(range(len(points)), max(1, round(share * len(points)))))
        found[program] = len(chosen), sum(lives.kill_at(program, points[n]) for n in chosen)
    outbox.start(HANDBACK_LIBEXEC="")
    return found, check_end(outbox, target.told)


def main():
    import pg
    from outbox import Outbox
    from worker import Desk

    options = argparse.ArgumentParser()
    options.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build"))
    options.add_argument("--share", type=float, default=1.0)
    options.add_argument("--seed", type=int, default=1)
    said = options.parse_args()
    cluster = pg.Cluster()
    database, build = cluster.database(), said.build.resolve()
    try:
        with tempfile.TemporaryDirectory() as folder, Desk(database, build) as desk, Outbox(database, build, folder, fake=False) as outbox, \
                strict() as target:
            began = time.monotonic()
            found, redemptions = kill_at_each(desk, outbox, target, random.Random(said.seed), said.share)
            print(f"seed {said.seed}, {time.monotonic() - began:.0f} s: " + ", ".join(
                f"{program} at {points} system calls, killed at {kills}" for program, (points, kills) in found.items())
                + f"; {redemptions} redemptions as we have them")
    finally:
        cluster.close()


if __name__ == "__main__":
    main()

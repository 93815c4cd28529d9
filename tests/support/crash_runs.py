"""One run of ./dev crashproof: a world whose programs are killed, or fail, at chosen system calls.

    run = Run(place)            # or SftpRun
    run.disturbed(point)        # handbackd --once, with that befalling it
    run.settle()                # and again, undisturbed, until all is done
    run.check(end)              # of a run that nobody disturbed
    run.close()
"""
import collections
import hashlib
import os
import pathlib
import re
import shutil
import subprocess

import pg
from sftp_world import PARTNER, SftpWorld
from world import DAEMON, World

PROGRAMS = {"handbackd": "daemon", "handback-reconcile": "reconcile", "handback-parse": "parsers",
            "handback-fetch": "fetch"}
PATIENCE = 40  # seconds for one run of handbackd --once
PATIENCE_S = 90  # for what must come, on a busy machine, too; how soon it comes, other tests ask
LAUNCHES = 4  # processes of one program in a run that are worth a point of their own

ERRORS = {  # what each kind of call may say when the machine is in trouble
    "ENOSPC": "write,pwrite64,ftruncate,fallocate,mkdir,mkdirat,openat,renameat,renameat2,fsync,fdatasync",
    "EIO": "read,pread64,write,fsync,fdatasync,renameat,renameat2,unlinkat,newfstatat,fstat,getdents64",
    "EMFILE": "openat,socket,socketpair,pipe2,epoll_create1,inotify_init1,dup,dup2,dup3,fcntl",
    "EACCES": "openat,renameat,renameat2,unlinkat,mkdir,mkdirat,inotify_add_watch,connect",
    "EINTR": "read,write,recvmsg,sendmsg,recvfrom,sendto,poll,epoll_wait,pread64,fsync,fdatasync,flock",
    "ENOMEM": "mmap,brk,openat,read,write,recvmsg,sendmsg,clone,clone3,fork,vfork",
}
ERRORS_OF_A_NETWORK = {
    "ECONNRESET": "read,write,recvfrom,sendto,poll",
    "ETIMEDOUT": "connect,read,write,recvfrom,sendto",
}

Point = collections.namedtuple("Point", "program launch call nth error")  # error "": killed
Place = collections.namedtuple("Place", "cluster build server")  # server: an Sshd; None where there is none
TOOK_PLACE = re.compile(r"killed by SIGKILL|\(INJECTED\)")
SIZE = {"members": 30, "redemptions": 120, "settings": {"workers": "1", "settle": "1ms"}}

END = {  # what must not depend on what happened on the way; which of two equal deliveries came first may
    "ledger": """SELECT member_id, category::text, points, answers_entry_id FROM ledger.entry
                  WHERE category <> 'Credit By Accrual' ORDER BY 1, 2, 3, 4""",
    "outcomes": """SELECT encode(f.sha256, 'hex'), o.record_no, o.outcome, o.hold_reason, o.redemption_id
                     FROM handback.outcome o JOIN handback.file f USING (file_id) ORDER BY 1, 2, 3, 4, 5""",
    "files": """SELECT encode(sha256, 'hex'), state::text, hold_reason, archived_at IS NULL
                  FROM handback.file ORDER BY 1, 2, 3, 4""",
    "balances": "SELECT member_id, points FROM ledger.balance ORDER BY 1",
}


def contents(*folders):
    """The hash of each file below that is still there when its turn comes, with its path."""
    found = set()
    for folder in folders:
        for path in folder.rglob("*"):
            try:
                found.add((os.fspath(path.relative_to(folder.parent)), hashlib.sha256(path.read_bytes()).hexdigest()))
            except (FileNotFoundError, IsADirectoryError):
                pass
    return found


class Run:
    """One world, with the programs behind stand-ins that trace the chosen process."""

    programs = ("handbackd", "handback-reconcile", "handback-parse")
    errors = ERRORS
    share = 1  # of the points and seeds that are asked for

    def __init__(self, place):
        self.build = place.build
        self.world = self.make_world(place)
        self.libexec = self.world.dir / "libexec"
        self.libexec.mkdir()
        self.traces = []
        self.deliver()

    @staticmethod
    def make_world(place):
        return World(place.cluster, place.build, place=pg.scratch(), **SIZE)

    def deliver(self):
        """Posted, held, and the first again where it does not belong."""
        name, data = self.world.file("SKYLINE")
        self.world.drop("SKYLINE", name, data)
        self.world.drop("MERIDIAN", *self.world.file("MERIDIAN", break_totals=1))
        self.world.drop("SKYLINE", name, data, into="MERIDIAN")

    def end(self):
        with self.world.database.connect() as c:
            return {what: c.execute(sql).fetchall() for what, sql in END.items()}

    def check_kept(self):
        """What a partner delivered lies where it was put until it is in the archive or the quarantine."""
        there = contents(*self.world.inbound.values())  # first: from there it moves on
        kept = {h for _, h in there | contents(self.world.spool / "archive", self.world.spool / "quarantine")}
        lost = [name for _, name, data in self.world.oracle.deliveries if hashlib.sha256(data).hexdigest() not in kept]
        assert not lost, f"neither at the partner's nor kept: {lost}"

    def stand_in(self, program, strace):
        """The program's n-th start runs under strace with {n} replaced, where strace(n) gives its arguments."""
        real = self.build / PROGRAMS[program] / program  # of XML none comes here: its parser is the same
        lines = ["#!/bin/sh", "n=1", f"while ! mkdir {self.world.dir}/{program}.$n 2>/dev/null; do n=$((n + 1)); done"]
        for n in range(1, LAUNCHES + 1):
            if strace(n):
                lines.append(f"[ $n = {n} ] && exec strace -D -qq {' '.join(strace(n))} {real} \"$@\"")
        lines.append(f"exec {real} \"$@\"")
        path = self.libexec / program
        path.write_text("\n".join(lines) + "\n")
        path.chmod(0o755)

    def prepare(self, program, strace):
        for name, folder in PROGRAMS.items():
            if name != "handbackd" and name != program:
                (self.libexec / name).symlink_to(self.build / folder / name)
        if program != "handbackd":
            self.stand_in(program, strace)

    def once(self, prefix=(), libexec=None, patience=PATIENCE):
        """handbackd --once: its exit status, or None when it had to be ended."""
        environment = self.world.environment(HANDBACK_LIBEXEC=os.fspath(libexec)) if libexec else self.world.environment()
        with open(self.world.dir / "once.log", "ab") as log:
            daemon = subprocess.Popen([*prefix, self.build / DAEMON, "--config", self.world.config, "--once"],
                                      stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
            try:
                return daemon.wait(patience)
            except subprocess.TimeoutExpired:
                for child in descendants(daemon.pid):
                    os.kill(child, 9)
                daemon.kill()
                daemon.wait()
                return None

    def disturbed(self, point):
        trace = self.world.dir / f"trace{len(self.traces)}"
        self.traces.append(trace)
        if len(self.traces) > 1:  # once more from the start of the launches
            for folder in self.world.dir.glob("handback*.[0-9]"):
                folder.rmdir()
            shutil.rmtree(self.libexec)
            self.libexec.mkdir()
        how = f"error={point.error}" if point.error else "signal=KILL"
        strace = ["-o", os.fspath(trace), "-e", f"trace={point.call}", "-e", f"inject={point.call}:{how}:when={point.nth}"]
        self.prepare(point.program, lambda n: strace if n == point.launch else None)
        status = self.once(["strace", "-D", "-qq", *strace] if point.program == "handbackd" else [], self.libexec)
        assert status is not None, f"handbackd --once did not end within {PATIENCE} s"
        self.check_kept()

    def took_place(self):
        """How many of the disturbances: after a first one a process may end before it comes to the second."""
        return sum(trace.exists() and bool(TOOK_PLACE.search(trace.read_text(errors="replace"))) for trace in self.traces)

    def settle(self):
        """Undisturbed, as often as a supervisor would start it."""
        for _ in range(4):
            if self.once() in (0, 3):
                return
        log = (self.world.dir / "once.log").read_text(errors="replace")[-1500:]
        raise AssertionError(f"it does not come to rest: {log}")

    def check(self, end):
        """The invariants, and that the end is this one."""
        self.world.oracle.check(self.world)
        other = [f"{what}: {is_} shall be {end[what]}" for what, is_ in self.end().items() if is_ != end[what]]
        assert not other, f"the end differs from that of an undisturbed run: {other}"

    def close(self):
        self.world.close()


class SftpRun(Run):
    """Two deliveries on a server; they are deleted there and answered, which are more steps than moving them."""

    programs = ("handback-fetch",)
    errors = {**ERRORS, **ERRORS_OF_A_NETWORK}
    share = 0.1  # what is due on the server is done a second after the files are

    LEFT = {"state", "last_poll", "archived.taken"}  # of .fetch, after a run that went well

    @staticmethod
    def make_world(place):
        return SftpWorld(place.cluster, place.build, place.server, place=pg.scratch(),
                         limits={"connect": "5s", "stall": "5s"}, **SIZE)

    def deliver(self):
        """Posted, and held."""
        self.world.drop(PARTNER, *self.world.file(PARTNER))
        other = self.world.answers(PARTNER, count=10, start=40)
        self.world.drop(PARTNER, *self.world.file(PARTNER, other, sequence=2, break_totals=1))

    def end(self):
        end = super().end()
        incoming = self.world.spool / "incoming"
        return {**end, "server": sorted(contents(self.world.inbound[PARTNER], self.world.replies)),
                "spool": sorted(path for path, _ in contents(incoming) if pathlib.Path(path).name not in self.LEFT),
                "state": (incoming / PARTNER.lower() / ".fetch/state").read_text()}


SCENARIOS = (Run, SftpRun)


def scenario_of(points):
    return SftpRun if any(p.program in SftpRun.programs for p in points) else Run


def kill_first(world, build, command, program):
    """An environment in which the first run of this program, and only that, is run by command."""
    libexec = world.dir / "libexec"
    libexec.mkdir()
    for name, folder in (("handback-reconcile", "reconcile"), ("handback-parse", "parsers")):
        if name != program:
            (libexec / name).symlink_to(build / folder / name)
            continue
        real = build / folder / name
        (libexec / name).write_text(f"#!/bin/sh\nmkdir {libexec}/first 2>/dev/null && exec {' '.join(command)} {real} \"$@\"\n"
                                    f"exec {real} \"$@\"\n")
        (libexec / name).chmod(0o755)
    return {"HANDBACK_LIBEXEC": os.fspath(libexec)}


def descendants(pid):
    try:
        children = [int(c) for c in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
    return children + [d for child in children for d in descendants(child)]

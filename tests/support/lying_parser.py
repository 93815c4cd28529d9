#!/usr/bin/python3
"""A parser that does to some files what the true one never does, and leaves the others to it.

It stands as handback-parse in a folder that HANDBACK_LIBEXEC names, beside a file `lies` of JSON: {"name": "how"}, what it
speaks of in `reference`, and a link `true-parser` to the one that reads the files that are not named there.
"""
import ctypes
import json
import os
import pathlib
import re
import signal
import socket
import struct
import sys
import uuid

import parse_client

here = pathlib.Path(sys.argv[0]).parent
RECORD, FACTS, CONTROL, END = 2, 3, 4, 6
HAS_REFERENCE, HAS_POINTS, REJECTED = 1, 2, 4
AHEAD = b"HBAP"  # lib/protocol/parse_job.h: a profile to begin with


def frame(kind, body):
    return struct.pack("<IB", len(body) + 1, kind) + body


def landlock_version():
    """Of this kernel, as landlock_create_ruleset says."""
    return max(0, ctypes.CDLL(None).syscall(444, None, 0, 1))


def sandbox(landlock, seccomp=1, no_new_privs=1):
    return frame(1, struct.pack("<iBB", landlock, seccomp, no_new_privs))


SANDBOX = sandbox(landlock_version())


def facts(sequence=None, date=None):
    return frame(FACTS, struct.pack("<BBBqiIIII", sequence is not None, date is not None, 0, sequence or 0, date or 0, 0, 0, 0, 0))


def end(records, count=0, file_bytes=0):
    return frame(END, struct.pack("<QQQBB", records, count, file_bytes, 0, 0))


def record(number, offset, length, points=100):
    """A rejection of the redemption that the test calls R<number>."""
    key = uuid.uuid5(uuid.NAMESPACE_OID, (here / "reference").read_text()).bytes
    return frame(RECORD, struct.pack("<QQIIBH16sq", number, offset, length, HAS_REFERENCE | HAS_POINTS, REJECTED, 0, key, points))


def control(stated, counted, agrees):
    texts = b"".join(struct.pack("<I", len(t)) + t for t in (b"records", b"file", stated, counted))
    return frame(CONTROL, texts + struct.pack("<BQQ", agrees, 1, 0))


# what a parser that was taken over may say, in good order, of a file of n bytes whose name states number m
SLY = {
    "the truth": lambda n, m: SANDBOX + record(1, 0, 10) + control(b"1", b"1", 1) + facts(sequence=m) + end(1, n, n),
    "a control that agrees with another number": lambda n, m: SANDBOX + record(1, 0, 10) + control(b"5", b"7", 1) + facts(sequence=m) + end(1, n, n),
    "a control that does not agree with its own": lambda n, m: SANDBOX + record(1, 0, 10) + control(b"5", b"5", 0) + facts(sequence=m) + end(1, n, n),
    "a control that is the same number in other words": lambda n, m: SANDBOX + record(1, 0, 10) + control(b"5", b"05", 1) + facts(sequence=m) + end(1, n, n),
    "a control without numbers": lambda n, m: SANDBOX + record(1, 0, 10) + control(b"", b"", 1) + facts(sequence=m) + end(1, n, n),
    "no facts": lambda n, m: SANDBOX + record(1, 0, 10) + end(1, n, n),
    "facts twice": lambda n, m: SANDBOX + facts(sequence=m) + record(1, 0, 10) + facts(sequence=m) + end(1, n, n),
    "an end that has read less": lambda n, m: SANDBOX + record(1, 0, 10) + facts(sequence=m) + end(1, n - 1, n - 1),
    "an end that has read more": lambda n, m: SANDBOX + record(1, 0, 10) + facts(sequence=m) + end(1, n + 1, n + 1),
    "an end that has read all that there is": lambda n, m: SANDBOX + record(1, 0, 10) + facts(sequence=m) + end(1, 2**64 - 1, 2**64 - 1),
    "an end with all content of less of the file": lambda n, m: SANDBOX + record(1, 0, 10) + facts(sequence=m) + end(1, n, n - 1),
    "an end with all content of more than the file": lambda n, m: SANDBOX + record(1, 0, 10) + facts(sequence=m) + end(1, n, n + 1),
    "an end with less content than file": lambda n, m: SANDBOX + record(1, 0, 10) + facts(sequence=m) + end(1, 1, n),
    "a number that is left out": lambda n, m: SANDBOX + record(2, 0, 10) + facts(sequence=m) + end(1, n, n),
    "a number that there is not": lambda n, m: SANDBOX + record(2**64 - 1, 0, 10) + facts(sequence=m) + end(1, n, n),
    "a number twice": lambda n, m: SANDBOX + record(1, 0, 10) + record(1, 10, 10) + facts(sequence=m) + end(2, n, n),
    "a record before the one before it": lambda n, m: SANDBOX + record(1, 10, 10) + record(2, 0, 10) + facts(sequence=m) + end(2, n, n),
    "a record within another": lambda n, m: SANDBOX + record(1, 0, 10) + record(2, 9, 10) + facts(sequence=m) + end(2, n, n),
    "a record behind the file": lambda n, m: SANDBOX + record(1, n, 1) + facts(sequence=m) + end(1, n, n),
    "a record that is longer than the file": lambda n, m: SANDBOX + record(1, 0, n + 1) + facts(sequence=m) + end(1, n, n),
    "a record at 2^63": lambda n, m: SANDBOX + record(1, 2**63, 10) + facts(sequence=m) + end(1, n, n),
    "a file's number of -2^63": lambda n, m: SANDBOX + record(1, 0, 10) + facts(sequence=-2**63) + end(1, n, n),
    "a file's number below 0": lambda n, m: SANDBOX + record(1, 0, 10) + facts(sequence=-1) + end(1, n, n),
    "another number than the name's": lambda n, m: SANDBOX + record(1, 0, 10) + facts(sequence=10**6) + end(1, n, n),
    "no number where the name has one": lambda n, m: SANDBOX + record(1, 0, 10) + facts() + end(1, n, n),
    "a day that no calendar has": lambda n, m: SANDBOX + record(1, 0, 10) + facts(sequence=m, date=2**31 - 1) + end(1, n, n),
}

# of its sandbox, before a byte of the file is read
LOOSE = {
    "no seccomp": lambda: sandbox(landlock_version(), seccomp=0),
    "new privileges": lambda: sandbox(landlock_version(), no_new_privs=0),
    "no Landlock where there is": lambda: sandbox(0 if landlock_version() else 1),
    "an older Landlock": lambda: sandbox(landlock_version() - 1),
    "a newer Landlock": lambda: sandbox(landlock_version() + 1),
}

LIES = {
    "garbage": SANDBOX + bytes(range(256)) * 40,
    "garbage at once": b"\xff" * 4096,
    "no sandbox": end(0),
    "a frame without end": SANDBOX + struct.pack("<IB", 0xffffffff, RECORD) + b"x" * 100000,
    "a text longer than its frame": SANDBOX + frame(RECORD, struct.pack("<QQIIB", 1, 0, 1, 0, 1) + b"\xff" * 60),
    "a count that is not so": SANDBOX + facts() + end(5),
    "cut in a frame": SANDBOX + facts() + end(0)[:-3],
    "two ends": SANDBOX + facts() + end(0) + end(0),
    "nothing": SANDBOX,
    "a kind that there is not": SANDBOX + frame(77, b"abc"),
}


def lie(how, size, number):
    if how in LIES or how in SLY:
        os.write(1, LIES[how] if how in LIES else SLY[how](size, number))
        os._exit(0)
    if how in LOOSE:
        os.write(1, LOOSE[how]() + record(1, 0, 10) + facts() + end(1, size, size))
        os._exit(0)
    os.write(1, SANDBOX)
    if how == "hangs":
        signal.pause()
    if how.startswith("ends its worker by "):
        os.kill(os.getppid(), signal.Signals[how.split()[-1]])
        signal.pause()
    if how.startswith("takes much memory"):
        _ = bytearray(b"x") * (200 << 20)
    if how.endswith("has no more"):
        os.write(2, b"out of memory")
        os._exit(4)
    how = how.removeprefix("takes much memory and ")
    os.kill(os.getpid(), {"breaks": signal.SIGSEGV, "is killed": signal.SIGKILL}[how])


def main():
    channel = socket.socket(fileno=3)
    channel.setblocking(True)
    while (job := channel.recv(4096, socket.MSG_PEEK))[:4] == AHEAD:
        channel.recv(4096)
    if job:
        *_, size, _, length, name = parse_client.JOB.unpack(job[:parse_client.JOB.size])
        how = json.loads((here / "lies").read_text()).get(name[:length].decode("latin-1"))
        if how:
            channel.recv(4096)
            lie(how, size, int(re.search(rb"\d+", name[:length])[0]))
    channel.detach()
    os.execv(here / "true-parser", ["handback-parse"])


if __name__ == "__main__":
    main()

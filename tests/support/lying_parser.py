#!/usr/bin/python3
"""A parser that does to some files what the true one never does, and leaves the others to it.

It stands as handback-parse in a folder that HANDBACK_LIBEXEC names, beside a file `lies` of JSON: {"name": "how"}, and
a link `true-parser` to the one that reads the files that are not named there.
"""
import json
import os
import pathlib
import signal
import socket
import struct
import sys

import parse_client

here = pathlib.Path(sys.argv[0]).parent
SANDBOX = struct.pack("<IBiBB", 7, 1, 3, 1, 1)
RECORD, END = 2, 6
AHEAD = b"HBAP"  # lib/protocol/parse_job.h: a profile to begin with


def frame(kind, body):
    return struct.pack("<IB", len(body) + 1, kind) + body


def end(records):
    return frame(END, struct.pack("<QQBB", records, 100, 0, 0))


LIES = {
    "garbage": SANDBOX + bytes(range(256)) * 40,
    "garbage at once": b"\xff" * 4096,
    "no sandbox": end(0),
    "a frame without end": SANDBOX + struct.pack("<IB", 0xffffffff, RECORD) + b"x" * 100000,
    "a text longer than its frame": SANDBOX + frame(RECORD, struct.pack("<QQIIB", 1, 0, 1, 0, 1) + b"\xff" * 60),
    "a count that is not so": SANDBOX + end(5),
    "cut in a frame": SANDBOX + end(0)[:-3],
    "two ends": SANDBOX + end(0) + end(0),
    "nothing": SANDBOX,
    "a kind that there is not": SANDBOX + frame(77, b"abc"),
}


def lie(how):
    if how in LIES:
        os.write(1, LIES[how])
        os._exit(0)
    os.write(1, SANDBOX)
    if how == "hangs":
        signal.pause()
    os.kill(os.getpid(), {"breaks": signal.SIGSEGV, "is killed": signal.SIGKILL}[how])


def main():
    channel = socket.socket(fileno=3)
    channel.setblocking(True)
    while (job := channel.recv(4096, socket.MSG_PEEK))[:4] == AHEAD:
        channel.recv(4096)
    if job:
        *_, length, name = parse_client.JOB.unpack(job[:parse_client.JOB.size])
        how = json.loads((here / "lies").read_text()).get(name[:length].decode("latin-1"))
        if how:
            channel.recv(4096)
            lie(how)
    channel.detach()
    os.execv(here / "true-parser", ["handback-parse"])


main()

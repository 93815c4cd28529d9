#!/usr/bin/python3
"""A worker that speaks the worker protocol as a script tells it: for what the true one never does.

It stands as handback-reconcile in a folder that HANDBACK_LIBEXEC names, beside a file `script`: one Python
expression a line, each a list of what to do for one job, the last one for all jobs that follow (no held file may go):

    ["stage name=x records=1", "done"]     lines to send ("done" is filled up with what it leaves out), in order
    ["!exit 3"] ["!kill 9"] ["!hang"] ["!close"] ["!flood"] ["!raw \x00"] ["!remove"]

A line of its own, `start = [...]`, says what to do instead of `ready`; `release = [...]` what instead of `gone`.
"""
import array
import ast
import os
import pathlib
import signal
import socket
import sys
import time

here = pathlib.Path(sys.argv[0]).parent
channel = socket.socket(fileno=3)
DONE = {"file": 1, "state": "posted", "records": 1, "confirmed": 1, "reversed": 0, "already_applied": 0, "duplicate_record": 0,
        "informational": 0, "held": 0, "points": 0, "earlier": 0, "reason": "", "ms": 1, "answer": "no"}
start, release, jobs = ["ready"], ["gone"], []
for text in (here / "script").read_text().splitlines():
    if text.startswith("start = "):
        start = ast.literal_eval(text[len("start = "):])
    elif text.startswith("release = "):
        release = ast.literal_eval(text[len("release = "):])
    elif text:
        jobs.append(ast.literal_eval(text))


def do(step, job, folder):
    if step.split()[0] == "done":
        step = "done " + " ".join(f"{k}={v}" for k, v in {**DONE, **dict(w.split("=", 1) for w in step.split()[1:])}.items())
    if not step.startswith("!"):
        channel.send(step.replace(" ", "\t").encode("latin-1"))
        return
    what, _, argument = step[1:].partition(" ")
    if what == "exit":
        os._exit(int(argument))
    elif what == "kill":
        os.kill(os.getpid(), int(argument))
    elif what == "hang":
        signal.pause()
    elif what == "sleep":
        time.sleep(float(argument))
    elif what == "close":
        channel.close()
        signal.pause()
    elif what == "flood":
        while True:
            channel.send(b"stage\tname=flood\trecords=1")
    elif what == "raw":
        channel.send(argument.encode("latin-1"))
    elif what == "fd":
        channel.sendmsg([b"ready"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0]))])
    elif what == "remove":
        os.unlink(bytes.fromhex(job["name"]), dir_fd=folder)


def count(name):
    """How many times before now, over all workers of this folder."""
    with open(here / name, "a+b") as f:
        f.write(b".")
        return f.tell() - 1


for step in start:
    do(step, {}, None)
while True:
    data, passed, _, _ = channel.recvmsg(65536, socket.CMSG_SPACE(4))
    if not data:
        sys.exit(0)
    if data == b"release":  # no file is held here
        for step in release:
            do(step, {}, None)
        continue
    job = dict(pair.split("=", 1) for pair in data.decode("ascii").split("\t")[1:])
    with open(here / "jobs", "a") as f:
        f.write(data.decode("ascii") + "\n")
    folder = array.array("i", passed[0][2])[0]
    for step in jobs[min(count("count"), len(jobs) - 1)]:
        do(step, job, folder)
    os.close(folder)

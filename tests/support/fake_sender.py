#!/usr/bin/python3
"""A handback-send that speaks the protocol and keeps what it is told in a file, instead of posting it.

It is what a program that has handback-send's name in HANDBACK_LIBEXEC is.  How it behaves is in the connector's last
line, a comment: `# fake: {"store": PATH, "behave": {...}}`.  The store is a strict target's: a version that is lower than
the one that it has is noted, and never taken.
"""
import array
import fcntl
import json
import os
import random
import socket
import sys
import time


def receive(channel):
    line, control, _, _ = channel.recvmsg(1 << 16, socket.CMSG_SPACE(4))
    fds = array.array("i")
    for _, _, data in control:
        fds.frombytes(data[:4])
    if not line:
        sys.exit(0)
    verb, *pairs = line.decode().split("\t")
    return verb, dict(pair.split("=", 1) for pair in pairs), fds[0] if fds else None


def whole(fd):
    with os.fdopen(fd, "rb") as file:
        return file.read().decode()


class Fake:
    def __init__(self):
        self.channel = socket.socket(fileno=3)
        self.said, self.credentials = {}, {}
        while True:
            verb, pairs, fd = receive(self.channel)
            if verb == "target":
                self.target, text = pairs["target"], whole(fd)
                self.said = json.loads(text.rsplit("# fake: ", 1)[1])
            elif verb == "credential":
                self.credentials[pairs["name"]] = whole(fd)
            elif verb == "go":
                break
        self.store = self.said["store"]

    def behave(self):
        path = self.store + ".behave"
        return json.loads(open(path, encoding="utf-8").read()) if os.path.exists(path) else {}

    def send(self, verb, **pairs):
        self.channel.send("\t".join([verb, *(f"{k}={v}" for k, v in pairs.items())]).encode())

    def note(self, what):
        """One line in the store's log, which is the target's state: one write, so that a kill leaves none by halves."""
        fd = os.open(self.store, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX)
        os.write(fd, (json.dumps(what) + "\n").encode())
        os.close(fd)

    def deliver(self, pairs, objects, behave):
        number, kind = pairs["delivery"], pairs["kind"]
        time.sleep(behave.get("delay", 0))
        key = {"redemption": "reference", "balance": "member", "log": "id"}[kind]
        done = {"delivery": number, "result": "delivered", "status": 200}
        refused = [o for o in objects if o[key] in behave.get("refuse_request", ())]
        if behave.get("all"):
            done.update(behave["all"])
        elif refused:
            done.update(result="held", status=400, why="one of them is wrong")
        else:
            for place, o in enumerate(objects):
                result = behave.get("rows", {}).get(o[key])
                if result:
                    self.send("row", delivery=number, row=place, result=result, status=200, code="HIS_WORD")
                else:
                    self.note({"target": self.target, "kind": kind, "key": o[key], "version": o["version"], "state": o.get("state"),
                               "points": o.get("points"), "effect": o.get("effect"), "line": o.get("line")})
        self.note({"call": len(objects), "result": done["result"]})
        done.update(behave.get("done", {}))
        self.send("done", **done)

    def run(self):
        behave = self.behave()
        if behave.get("start") == "fault":
            self.send("fault", why="the credential is missing")
            sys.exit(0)
        self.note({"started": self.target, "credentials": self.credentials})
        if behave.get("start") == "hang":
            time.sleep(600)
        self.send("ready")
        while True:
            verb, pairs, fd = receive(self.channel)
            assert verb == "delivery", verb
            objects = json.loads(whole(fd))
            assert len(objects) == int(pairs["objects"])
            behave = self.behave()
            if behave.get("die") and random.random() < behave["die"]:
                os.kill(os.getpid(), 9)
            if behave.get("say"):
                self.channel.send(behave["say"].replace("{n}", pairs["delivery"]).encode())
                time.sleep(600)
            if behave.get("lie"):
                self.send("row", delivery=int(pairs["delivery"]) + 7, row=0, result="held")
            self.deliver(pairs, objects, behave)
            if behave.get("die") and random.random() < behave["die"]:
                os.kill(os.getpid(), 9)


if __name__ == "__main__":
    Fake().run()

"""Runs handback-send as handback-outbox does: one target, packets on descriptor 3, descriptors passed with them."""
import array
import json
import os
import pathlib
import select
import socket
import subprocess

from fetcher import Message, packet

BUILD = pathlib.Path(os.environ.get("HANDBACK_BUILD", pathlib.Path(__file__).parents[2] / "build"))
PROGRAM = BUILD / "outbound/send/handback-send"
HOOKED = BUILD / "outbound/send/handback-send-test"


class Sender:
    def __init__(self, connector, credentials=None, target="crm", program=PROGRAM, environment=None, wrapper=(), **job):
        self.ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        kept = {k: v for k, v in os.environ.items() if k.startswith(("ASAN_", "UBSAN_", "LSAN_"))}
        self.process = subprocess.Popen(["/bin/sh", "-c", 'exec "$@" 3<&0 </dev/null', "sh", *wrapper, program], stdin=theirs,
                                        stderr=subprocess.PIPE, env={**kept, **(environment or {})})
        theirs.close()
        self.number = 0
        try:
            self.pass_on(packet("target", target=target, **job), connector.encode())
            for name, secret in (credentials or {}).items():
                self.pass_on(packet("credential", name=name), secret.encode())
            self.ours.send(packet("go"))
        except BrokenPipeError:
            pass
        self.first = self.next()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ours.close()
        try:
            self.process.wait(10)
        finally:
            self.process.kill()
            self.errors = self.process.stderr.read().decode()
            self.process.stderr.close()

    def pass_on(self, line, content):
        fd = os.memfd_create("passed")
        try:
            os.write(fd, content)
            os.lseek(fd, 0, os.SEEK_SET)
            self.ours.sendmsg([line], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
        finally:
            os.close(fd)

    def next(self, seconds=20):
        """The next message; None: it hung up."""
        assert select.select([self.ours], [], [], seconds)[0], "it says nothing"
        try:
            raw = self.ours.recv(1 << 15)
        except ConnectionResetError:
            raw = b""
        return Message(raw) if raw else None

    def start(self, *objects, kind="redemption", **more):
        self.number += 1
        self.pass_on(packet("delivery", delivery=self.number, kind=kind, objects=len(objects), **more), json.dumps(objects).encode())
        return self.number

    def end(self, number=None, seconds=20):
        """(its done, {place: its row}) of a delivery; of others nothing may come."""
        rows = {}
        while True:
            said = self.next(seconds)
            assert said is not None, "it hung up"
            if said.verb == "fault":
                return said, rows
            assert number is None or said["delivery"] == str(number), dict(said)
            if said.verb == "done":
                return said, rows
            rows[int(said["row"])] = said

    def deliver(self, *objects, kind="redemption", seconds=20):
        return self.end(self.start(*objects, kind=kind), seconds)

"""Runs handback-decrypt as handback-reconcile does: packets on descriptor 3, descriptors passed with them."""
import array
import os
import socket
import subprocess

from fetcher import BUILD, Message, packet

PROGRAM = BUILD / "parsers/decrypt/handback-decrypt"


def memory(data):
    fd = os.memfd_create("test")
    os.write(fd, data)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def tell(channel, descriptors, **job):
    """The whole job: {verb: descriptor}, which stay the caller's."""
    channel.send(packet("job", **{"encrypted": "yes", "signature": "yes", "limit": 1 << 20, **job}))
    for verb, fd in descriptors.items():
        channel.sendmsg([verb.encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
    channel.send(packet("go"))


class Run:
    """One decrypter that was told its job: .channel, .process, .content (a descriptor)."""

    def __init__(self, folder, data, secret=None, signers=None, *, passphrase=None, program=PROGRAM, wrapper=(), environment=None,
                 **job):
        given = {"file": data, "secret": secret, "passphrase": passphrase, "signers": signers}
        self.content = os.memfd_create("content")
        descriptors = {verb: memory(bytes_) for verb, bytes_ in given.items() if bytes_ is not None}
        self.channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sanitizers = {k: v for k, v in os.environ.items() if k.startswith(("ASAN_", "UBSAN_", "LSAN_"))}
        # by way of a shell, as in parse_client
        self.process = subprocess.Popen(["/bin/sh", "-c", 'exec "$@" 3<&0 </dev/null', "sh", *wrapper, program], stdin=theirs,
                                        stderr=subprocess.PIPE, text=True, env={**sanitizers, "PATH": "/usr/bin:/bin",
                                                                                "TMPDIR": str(folder), **(environment or {})})
        theirs.close()
        self.channel.settimeout(60)
        tell(self.channel, {**descriptors, "content": self.content}, **job)
        for fd in descriptors.values():
            os.close(fd)

    def answer(self):
        """(verb, why); verb None: none came."""
        try:
            raw = self.channel.recv(65536)
        except ConnectionResetError:
            raw = b""
        said = Message(raw) if raw else None
        return (said.verb, said.get("why", "")) if said is not None else (None, "")

    def end(self):
        """(verb, content, why), when it has ended."""
        verb, why = self.answer()
        self.stderr = self.process.communicate(timeout=60)[1]
        content = os.pread(self.content, 1 << 22, 0)
        os.close(self.content)
        self.channel.close()
        return verb, content, why

"""Runs handback-fetch as handbackd does: packets on descriptor 3, descriptors passed with them."""
import array
import os
import pathlib
import select
import socket
import subprocess
import time

BUILD = pathlib.Path(os.environ.get("HANDBACK_BUILD", pathlib.Path(__file__).parents[2] / "build"))
PROGRAM = BUILD / "fetch" / "handback-fetch"


def escape(value):
    data = value if isinstance(value, bytes) else str(value).encode()
    out = ""
    for b in data:
        if b == 0x5C:
            out += "\\\\"
        elif b in (9, 10, 13):
            out += {9: "\\t", 10: "\\n", 13: "\\r"}[b]
        elif 0x20 <= b < 0x7F:
            out += chr(b)
        else:
            out += f"\\x{b:02x}"
    return out


def unescape(text):
    out, i = bytearray(), 0
    while i < len(text):
        if text[i] != "\\":
            out.append(ord(text[i]))
            i += 1
        elif text[i + 1] == "x":
            out.append(int(text[i + 2:i + 4], 16))
            i += 4
        else:
            out.append({"\\": 0x5C, "t": 9, "n": 10, "r": 13}[text[i + 1]])
            i += 2
    return out.decode("utf-8", "surrogateescape")


def packet(verb, **pairs):
    return "\t".join([verb] + [f"{k}={escape(v)}" for k, v in pairs.items()]).encode()


class Message(dict):
    """A reply: its verb, and its fields as a dictionary."""

    def __init__(self, raw):
        verb, *pairs = raw.decode().split("\t")
        super().__init__((k, unescape(v)) for k, v in (p.split("=", 1) for p in pairs))
        self.verb = verb


class Run:
    """One run that has ended: .replies in order, .code, .seconds."""

    def __init__(self, replies, code, seconds):
        self.replies, self.code, self.seconds = replies, code, seconds

    def all(self, verb):
        return [m for m in self.replies if m.verb == verb]

    def one(self, verb):
        found = self.all(verb)
        assert len(found) == 1, f"{len(found)} of {verb}: {self.replies_shown()}"
        return found[0]

    @property
    def done(self):
        return self.one("done")

    @property
    def failed(self):
        return self.one("failed")

    @property
    def files(self):
        return {m["name"]: m for m in self.all("file")}

    def replies_shown(self):
        return [(m.verb, dict(m)) for m in self.replies]


class Source:
    """A source with its spool directory; keeps its settings from run to run."""

    def __init__(self, base, port, user, key=None, pins=(), patterns=("*",), **job):
        self.spool = base / "incoming"
        self.spool.mkdir(exist_ok=True)
        self.key, self.pins, self.patterns = key, list(pins), list(patterns)
        self.passphrase = self.password = self.known_hosts = None
        self.ignores = []
        self.program, self.environment, self.stderr, self.wrapper = PROGRAM, {}, None, []
        self.job = {"mode": "fetch", "source": "test", "host": "127.0.0.1", "port": port, "user": user,
                    "connect_ms": 5000, "stall_ms": 3000, "run_ms": 20000, **job}

    def start(self, **job):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        environment = {k: v for k, v in os.environ.items() if k.startswith(("ASAN_", "UBSAN_", "LSAN_"))}
        # by way of a shell, as in parse_client
        self.process = subprocess.Popen(["/bin/sh", "-c", 'exec "$@" 3<&0 </dev/null', "sh", *self.wrapper, self.program],
                                        stdin=theirs, stderr=self.stderr, env={**environment, **self.environment})
        theirs.close()
        self.channel = ours
        self.began = time.monotonic()
        try:
            self.send_job(**job)
        except BrokenPipeError:
            pass
        return self

    def send_job(self, **job):
        send = self.channel.send
        send(packet("job", **{**self.job, **job}))
        for pin in self.pins:
            send(packet("pin", key=pin))
        for glob in self.patterns:
            send(packet("pattern", glob=glob))
        for glob in self.ignores:
            send(packet("ignore", glob=glob))
        self.pass_file("spool", os.open(self.spool, os.O_RDONLY | os.O_DIRECTORY))
        for verb in ("key", "passphrase", "password", "known_hosts"):
            path = getattr(self, verb)
            if path:
                self.pass_file(verb, os.open(path, os.O_RDONLY))
        send(packet("go"))

    def pass_file(self, verb, fd):
        self.channel.sendmsg([verb.encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
        os.close(fd)

    def wait(self, timeout=60, until=None):
        """All replies to the end of the run, or up to the first for which until() is true."""
        replies = []
        deadline = time.monotonic() + timeout
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.channel], [], [], left)[0]:
                self.process.kill()
                self.process.wait()
                raise TimeoutError(f"no end after {timeout} s: {[(m.verb, dict(m)) for m in replies]}")
            raw = self.channel.recv(65536)
            if not raw:
                break
            replies.append(Message(raw))
            if until and until(replies[-1]):
                return replies
        code = self.process.wait(10)
        self.channel.close()
        return Run(replies, code, time.monotonic() - self.began)

    def run(self, timeout=60, **job):
        return self.start(**job).wait(timeout)

    # the daemon's part

    def stored(self):
        return {p.name: p for p in self.spool.iterdir() if p.is_file()}

    def archive(self, state="posted", noted=True, **facts):
        """As the worker does: takes every stored file away; and as handbackd does: writes it down."""
        taken = {}
        seen = int(time.time() * 1e6)
        for name, path in self.stored().items():
            taken[name] = path.read_bytes()
            path.unlink()
            if noted:
                with open(self.spool / ".fetch" / "archived", "ab") as out:
                    out.write(packet("archived", name=name, state=state, seen=seen, **facts) + b"\n")
        return taken

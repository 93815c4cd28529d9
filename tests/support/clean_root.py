"""A Debian on which nothing was installed, booted, whose only way out is the package source.

The root is made by debootstrap once and kept; each machine is an overlay on it. A machine has a network of its own with a
loopback alone: apt reaches its source through a proxy on it, which keeps the packages that it has seen.
"""
import ctypes
import hashlib
import http.server
import os
import pathlib
import re
import shutil
import subprocess
import threading
import urllib.request

import booted
import checkout

KEPT = pathlib.Path(os.environ.get("HANDBACK_ROOTS", "/var/cache/handback"))
PORT = 3142
CLONE_NEWNET = 0x40000000


def mirror():
    """The first package source of this system."""
    for path in (*sorted(pathlib.Path("/etc/apt/sources.list.d").glob("*.sources")), pathlib.Path("/etc/apt/sources.list")):
        if path.exists() and (found := re.search(r"^(?:URIs: *|deb (?:\[[^]]*\] )?)(\S*debian/?)(?: |$)", path.read_text(), re.M)):
            return found[1]
    return "http://deb.debian.org/debian"


def base(suite):
    """What a new installation of this release has, with sudo: whole or not at all."""
    root, part = KEPT / f"clean-{suite}", KEPT / f"clean-{suite}.part"
    if not root.exists():
        shutil.rmtree(part, ignore_errors=True)
        KEPT.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["debootstrap", "--include=ca-certificates,sudo", suite, part, mirror()], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        part.rename(root)
    return root


class Proxy(http.server.BaseHTTPRequestHandler):
    """apt's requests to the package source; a package, whose name has its version, is fetched once."""

    protocol_version = "HTTP/1.0"

    def do_GET(self):  # noqa: N802  (the library's name)
        if not self.path.startswith(mirror().rsplit("/debian", 1)[0] + "/"):
            return self.send_error(403, "not the package source")
        kept = KEPT / "packages" / hashlib.sha256(self.path.encode()).hexdigest()
        try:
            data = kept.read_bytes() if kept.exists() else urllib.request.urlopen(self.path, timeout=120).read()
        except urllib.error.HTTPError as failed:
            return self.send_error(failed.code)
        if self.path.endswith(".deb") and not kept.exists():
            kept.parent.mkdir(exist_ok=True)
            part = kept.with_suffix(f".{threading.get_ident()}")
            part.write_bytes(data)
            part.rename(kept)
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        return None

    def log_message(self, *_):
        pass


def serve_in(pid):
    """Listens in the network of that process, and asks in this one."""
    libc, made = ctypes.CDLL(None, use_errno=True), []

    def listen():
        with open("/proc/thread-self/ns/net", "rb") as ours, open(f"/proc/{pid}/ns/net", "rb") as theirs:
            assert libc.setns(theirs.fileno(), CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
            made.append(http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Proxy))
            assert libc.setns(ours.fileno(), CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
        made[0].serve_forever()
    threading.Thread(target=listen, daemon=True).start()


class Clean(booted.Booted):
    """A clean machine with the checkout in /root/src/handback."""

    home = "/root/src/handback"

    def __init__(self, suite):
        super().__init__(unmasked=("postgresql.service",), root=base(suite))
        for name in checkout.files():
            target = self.up / self.home.lstrip("/") / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(checkout.ROOT / name, target, follow_symlinks=False)
        self.put("/etc/apt/apt.conf.d/99proxy", f'Acquire::http::Proxy "http://127.0.0.1:{PORT}";\n')
        self.put("/etc/hosts", "127.0.0.1 localhost\n")

    def put(self, path, text):
        """Before boot()."""
        target = self.up / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def boot(self, patience=120):
        state = super().boot(patience)
        serve_in(self.pid)
        return state

    def say(self, command, timeout=3600):
        """(status, what it printed) of a line that root types in the checkout, and says yes where it is asked."""
        done = self.run("sh", "-c", 'cd "$0" && exec bash -c "$1" 2>&1', self.home, command, check=False, timeout=timeout, stdin="y\n" * 9)
        return done.returncode, done.stdout

    def read(self, path):
        return self.run("cat", path).stdout

    def write(self, path, text):
        self.run("tee", path, stdin=text)

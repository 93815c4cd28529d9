"""Programs from npm that nobody here wrote, which judge handback from outside; no part of what is built or installed.

tests/opponents/package.json names them with their versions, the lock file beside it holds each of their parts by its hash.  They
are installed once, into a cache outside the tree, and all tests share that.

    folder = opponents.folder()             # skips the test, and says why, where there is no node or no registry
    opponents.node("import {jwtVerify} from 'jose'; ...", "an argument").stdout
    subprocess.run([*opponents.program("redocly"), "lint", path])
"""
import fcntl
import functools
import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LISTS = [ROOT / "tests/opponents" / name for name in ("package.json", "package-lock.json")]
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "handback"
# what npm says where the registry cannot be reached; a lock file that does not fit, or a part with another hash, is a failure
NO_REGISTRY = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH", "EHOSTUNREACH", "ERR_SOCKET_TIMEOUT",
               "E403", "E407", "E429", "E502", "E503", "E504", "ENOTCACHED")

UNUSED_SECONDS = 7 * 86400


class NotHere(Exception):
    """They cannot be had on this machine, and why."""


def place():
    """Another list is another folder: what an older one left there is never used."""
    return CACHE / f"opponents-{hashlib.sha256(b''.join(path.read_bytes() for path in LISTS)).hexdigest()[:16]}"


def npm_ci(folder):
    for path in LISTS:
        shutil.copy(path, folder)
    done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--fetch-retries=1",
                           "--fetch-timeout=30000"], cwd=folder, capture_output=True, text=True, timeout=400)
    if done.returncode != 0 and any(word in done.stderr for word in NO_REGISTRY):
        raise NotHere(f"npm's registry cannot be reached: {done.stderr.strip().splitlines()[0]}")
    assert done.returncode == 0, done.stderr


@functools.cache
def have(install=True):
    """The folder that has node_modules; NotHere where there is none, and none can be made."""
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            raise NotHere(f"{tool} is not installed")
    whole = place()
    if whole.exists():
        os.utime(whole)
        return whole
    if not install:
        raise NotHere("the opponents are not installed: ./dev test opponents does it")
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "opponents.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes begin at once
        if not whole.exists():
            for older in CACHE.glob("opponents-*"):
                if older.is_dir() and time.time() - older.stat().st_mtime > UNUSED_SECONDS:  # another tree's may be in use
                    shutil.rmtree(older)
            with tempfile.TemporaryDirectory(prefix="making-", dir=CACHE) as folder:
                npm_ci(folder)
                os.rename(folder, whole)
                os.mkdir(folder)  # for the one who removes it
    return whole


def folder(install=True):
    try:
        return have(install)
    except NotHere as why:
        pytest.skip(str(why))


def node_version():
    return tuple(int(n) for n in subprocess.run(["node", "--version"], check=True, capture_output=True, text=True)
                 .stdout.strip().lstrip("v").split("."))


def chromium():
    """Debian's browser, for Playwright; skips the test, and says why, where there is none."""
    folder()
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("chromium is not installed")
    if node_version() < (20, 19):
        pytest.skip("Playwright and html-validate need Node 20.19")
    return path


def program(name):
    """The words that begin a command of that name."""
    return ["node", str(folder() / "node_modules/.bin" / name)]


def node(script, *words, **options):
    """Runs a script that imports from them; its words are process.argv from 1 on."""
    return subprocess.run(["node", "--input-type=module", "-e", script, "--", *map(str, words)], cwd=folder(), capture_output=True,
                          text=True, timeout=60, **options)

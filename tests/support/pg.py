"""A private PostgreSQL for tests: UNIX socket only, gone with this process.

    cluster = pg.Cluster()              # initdb, start; about a second
    db = cluster.database()             # a fresh database with every migration applied
    db.copy()                           # another with what is in it
    with db.connect() as c: ...         # psycopg, autocommit, as the superuser
    with db.connect("handback_daemon") as c: ...
    db.conninfo("handback_daemon")      # for the programs
    cluster.close()
    pg.Cluster(standby_of=cluster)      # one that follows it

The server runs as user postgres when the tests run as root.  Its settings are
durable, since handback refuses a server whose are not; its files are in memory
where that has room, which makes a fresh database cost a tenth.
"""
import fcntl
import hashlib
import itertools
import os
import pathlib
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import psycopg

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import embed_sql  # noqa: E402

SCHEMA = ROOT / "schema"
NUMBERS = embed_sql.constants(ROOT / header for header in ("lib/base/codes.h", "lib/profile/policy.h"))

SETTINGS = {
    "listen_addresses": "",
    "handback.embedded": "on",  # the roles may log in
    "shared_buffers": "64MB",
    "max_connections": "50",
    "wal_level": "replica",
    "max_wal_size": "1GB",
    "logging_collector": "off",
    "log_min_messages": "warning",
    "log_statement": "none",
    "jit": "off",  # as handback sets it for itself; a test's own queries are compiled for longer than they run
    "log_min_error_statement": "panic",
    "timezone": "Asia/Kathmandu",  # nothing may depend on the server's zone
    "log_timezone": "UTC",
}


def bin_dir():
    """The newest PostgreSQL of this machine."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[4]))
    if found:
        return found[-1].parent
    return pathlib.Path(shutil.which("initdb") or "/nonexistent/initdb").resolve().parent


def server_user():
    return "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name


def as_server_user(*command):
    """The command line that runs command as the server's user and dies with its parent."""
    drop = ["--reuid", "postgres", "--regid", "postgres", "--init-groups"] if os.geteuid() == 0 else []
    return ["setpriv", *drop, "--pdeathsig", "QUIT", "env", "LC_ALL=C.UTF-8", *map(str, command)]


MEMORY = pathlib.Path("/dev/shm")
MEMORY_BYTES = 4 << 30  # free, or we stay on the disk: a container's is often 64 MiB
STALE_SECONDS = 60


def scratch():
    """Where what ends with this process is made; and not TMPDIR: a socket's path must stay below 108 bytes."""
    return MEMORY if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > MEMORY_BYTES else pathlib.Path("/tmp")


def hold(folder):
    """A descriptor that says that this folder is in use; None when another process says so."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return fd
    except BlockingIOError:
        os.close(fd)
        return None


def sweep(prefix):
    """Memory that killed test runs left full."""
    for folder in MEMORY.glob(prefix + "*") if MEMORY.is_dir() else ():
        try:
            fd = hold(folder) if time.time() - folder.stat().st_mtime > STALE_SECONDS else None
        except OSError:  # another process's sweep was faster
            continue
        if fd is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(fd)


def filled(path):
    """A .sql file as it is compiled in: with the numbers of its constants."""
    return embed_sql.fill(path.read_text(encoding="utf-8"), NUMBERS, path)


def statement(path, name):
    """One statement of a .sql file of several, as it is compiled in."""
    return embed_sql.fill(dict(embed_sql.statements(ROOT / path))[name], NUMBERS, path)


def migration_files():
    """[(version, path)] in order."""
    return [(int(p.name[:4]), p) for p in sorted((SCHEMA / "migrations").glob("[0-9][0-9][0-9][0-9]_*.sql"))]


def present_files():
    """The files of the schema as it is today, in order."""
    listed = re.findall(r"'(present/\w+\.sql)'", (SCHEMA / "meson.build").read_text(encoding="utf-8"))
    return [SCHEMA / name for name in listed]


def migrate(connection, upto=None):
    """Apply the migrations that are missing, as `handbackctl migrate` does."""
    connection.execute((SCHEMA / "bootstrap.sql").read_text())
    done = {row[0] for row in connection.execute("SELECT version FROM handback_schema.migration")}
    for version, path in migration_files():
        if version in done or (upto is not None and version > upto):
            continue
        text = filled(path)
        with connection.transaction():
            connection.execute("SET LOCAL search_path = pg_catalog, pg_temp")
            connection.execute(text)
            connection.execute(
                "INSERT INTO handback_schema.migration (version, name, sha256) VALUES (%s, %s, %s)",
                (version, path.name, hashlib.sha256(text.encode()).digest()))


class Database:
    def __init__(self, cluster, name):
        self.cluster, self.name = cluster, name

    def conninfo(self, user="postgres"):
        return self.cluster.conninfo(self.name, user)

    def connect(self, user="postgres", autocommit=True, **more):
        return psycopg.connect(self.conninfo(user), autocommit=autocommit, **more)

    def copy(self, name=None):
        """Another database with what is in this one, whose sessions are ended for it."""
        self.cluster.administer("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", self.name)
        return self.cluster.made_from(self.name, name)

    def drop(self):
        self.cluster.administer(f'DROP DATABASE IF EXISTS "{self.name}" WITH (FORCE)')


class Cluster:
    def __init__(self, settings=None, start=True, on_disk=False, standby_of=None):
        sweep("handback-pg-")
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="handback-pg-", dir="/tmp" if on_disk else scratch()))
        self._held = hold(self.dir)
        if os.geteuid() == 0:
            shutil.chown(self.dir, "postgres", "postgres")
        self.data, self.socket = self.dir / "data", self.dir / "socket"
        self.settings = {**SETTINGS, **(settings or {})}
        self.server = None
        self.log = self.dir / "log"
        self._numbers = itertools.count(1)
        self._template = self._admin = None
        made_by = ([bin_dir() / "pg_basebackup", "-D", self.data, "-d", standby_of.conninfo(), "-R", "-c", "fast"] if standby_of
                   else [bin_dir() / "initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale",
                         "-N"])
        subprocess.run(as_server_user(*made_by), check=True, stdout=subprocess.DEVNULL, cwd="/")
        subprocess.run(as_server_user("mkdir", "-m", "0755", self.socket), check=True, cwd="/")
        if start:
            self.start()

    def start(self, wait=30):
        options = [word for key, value in self.settings.items() for word in ("-c", f"{key}={value}")]
        with open(self.log, "ab") as log:
            self.server = subprocess.Popen(
                as_server_user(bin_dir() / "postgres", "-D", self.data, "-k", self.socket, *options),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/")
        deadline = time.monotonic() + wait
        while True:
            try:
                with self.connect() as c:
                    self.version = c.info.server_version
                return
            except psycopg.OperationalError:
                if self.server.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("PostgreSQL did not start: " + self.log.read_text(errors="replace")[-2000:])
                time.sleep(0.02)

    def stop(self, how=signal.SIGINT):
        """SIGINT: fast, SIGQUIT: immediate, SIGTERM: waits for clients, SIGKILL: a crash."""
        if self._admin is not None:
            self._admin.close()
        if self.server is not None:
            self.server.send_signal(how)
            self.server.wait(60)
            self.server = None

    def close(self):
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.dir, ignore_errors=True)
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def conninfo(self, database="postgres", user="postgres"):
        return f"host={self.socket} user={user} dbname={database}"

    def connect(self, database="postgres", user="postgres", **more):
        return psycopg.connect(self.conninfo(database, user), autocommit=True, **more)

    def administer(self, sql, *parameters):
        """Executed in the database postgres, by a session that is kept: to make and drop databases most of all, for which one that is
        begun each time takes as much work again."""
        for last in (False, True):
            if self._admin is None or self._admin.closed:
                self._admin = self.connect()
            try:
                return self._admin.execute(sql, parameters or None)
            except psycopg.OperationalError:
                if last or not self._admin.broken:  # the server has been away since
                    raise

    def made_from(self, template, name=None):
        """A copy of a database that nobody is in."""
        name = name or f"t{next(self._numbers)}"
        # files are copied as files: by way of the log, page by page, it takes three times the work
        self.administer(f'CREATE DATABASE "{name}" TEMPLATE "{template}" {"STRATEGY file_copy" if self.version >= 150000 else ""}')
        return Database(self, name)

    def database(self, name=None, migrated=True):
        """A fresh database; with every migration applied it is a copy of a template made once."""
        if not migrated:
            return self.made_from("template0", name)
        if self._template is None:
            self._template = self.made_from("template0", "handback_template").name
            with self.connect(self._template) as c:
                migrate(c)
        made = self.made_from(self._template, name)
        # a database's own grants are not copied with it
        self.administer(f'GRANT CREATE, CONNECT, TEMPORARY ON DATABASE "{made.name}" TO handback_owner;'
                        f'GRANT CONNECT, TEMPORARY ON DATABASE "{made.name}" TO handback_daemon, handback_nightly, handback_operator;'
                        f'GRANT CONNECT ON DATABASE "{made.name}" TO handback_finance, handback_verify, handback_collector')
        return made

    def restart(self, how=signal.SIGINT):
        self.stop(how)
        self.start()

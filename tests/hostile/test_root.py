"""Root beside a service's user who plants links, second names and other directories where root is about to work."""
import os
import pathlib
import pwd
import re
import shutil
import subprocess
import tempfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("HANDBACK_BUILD", ROOT / "build"))
SERVICE = 65534  # a user without rights, as the service's is
LINK = "root does not follow a link that another user can put there"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give anything away")


class State:
    """STATE, the service's own, beside a directory and a file of root's."""

    def __init__(self, uid=SERVICE, spool="state/spool"):
        self.uid = uid
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="hb-root-", dir="/tmp"))
        self.folder.chmod(0o755)
        self.roots, self.file, self.own = self.folder / "roots", self.folder / "file", self.folder / "state"
        self.roots.mkdir(mode=0o711)
        (self.folder / "profiles").mkdir()
        self.own.mkdir(mode=0o750)
        self.give(self.own)
        self.file.write_text("root's\n")
        self.file.chmod(0o600)
        self.config = self.folder / "handback.yaml"
        self.configure(spool)

    def configure(self, spool, database=None):
        self.config.write_text(f"database:\n  {database or f'embedded: {self.own}/postgres'}\nspool: {self.folder}/{spool}\n"
                               f"profiles: {self.folder}/profiles\nreports: {self.own}/reports\ncontrol: {self.own}/control\n")

    def give(self, path):
        os.chown(path, self.uid, self.uid, follow_symlinks=False)

    def mine(self, name):
        """A directory of the service's."""
        path = self.own / name
        path.mkdir()
        self.give(path)
        return path

    def link(self, path, to):
        path.symlink_to(to)
        self.give(path)

    def command(self, *words):
        return [BUILD / "ctl/handbackctl", "--config", self.config, *words]

    def run(self, *words, prefix=()):
        done = subprocess.run([*prefix, *self.command(*words)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
        assert "runtime error" not in done.stderr, done
        return done

    def fails(self, *words, **more):
        done = self.run(*words, **more)
        assert done.returncode != 0, done
        return done.stderr

    def is_untouched(self):
        folder, file = os.stat(self.roots), os.stat(self.file)
        return (folder.st_uid, folder.st_gid, folder.st_mode & 0o7777, os.listdir(self.roots)) == (0, 0, 0o711, []) \
            and (file.st_uid, file.st_mode & 0o7777, self.file.read_text()) == (0, 0o600, "root's\n")


@pytest.fixture
def state():
    made = State()
    yield made
    shutil.rmtree(made.folder)


COMMANDS = ("holds", "migrate", "nightly", "run", "report --all --write", "audit verify")


@pytest.mark.parametrize("command", COMMANDS)
def test_root_gives_nothing_to_the_service_that_planted_a_link(state, command):
    state.mine("spool")
    state.link(state.own / "postgres", state.roots)
    said = state.fails(*command.split())  # it is the service's user by then, whose own links are its own affair
    assert f"{state.own}/postgres: Permission denied" in said.replace("\\", ""), said
    assert state.is_untouched()


@pytest.mark.parametrize("command", COMMANDS)
def test_root_follows_no_link_of_theirs_to_the_spool(state, command):
    state.link(state.own / "spool", state.roots)
    assert LINK in state.fails(*command.split())
    assert state.is_untouched()


@pytest.mark.parametrize("way", ["link", "link/spool", "deep/link/spool", "deep/er/link", "deep/link/../spool", "deep/../link/./spool",
                                 "deep//link//"])
def test_at_no_level(state, way):
    (state.mine("deep") / "er").mkdir()
    for folder in ("", "deep", "deep/er"):
        state.link(state.own / folder / "link", state.roots)
    state.configure(f"state/{way}")
    for command in ("holds", "nightly", "run"):
        assert LINK in state.fails(command)
    assert state.is_untouched()


def test_a_link_to_a_link_of_roots_is_theirs_all_the_same(state):
    (state.folder / "honest").symlink_to(state.roots)
    state.link(state.own / "spool", state.folder / "honest")
    assert LINK in state.fails("nightly")
    assert state.is_untouched()


def test_a_link_of_roots_own_is_followed(state):
    """An operator's, from where nobody else can change it: the spool on another disk."""
    disk = state.mine("disk")
    (state.folder / "spool").symlink_to(disk)
    state.configure("spool", "conninfo: host=/nonexistent")
    assert LINK not in state.fails("nightly")
    assert sorted(p.name for p in disk.iterdir()) and {p.lstat().st_uid for p in disk.rglob("*")} == {SERVICE}


@pytest.mark.parametrize("name", ["work", "archive", "quarantine", "incoming", "notifications", "lock"])
def test_inside_of_the_spool_their_links_lead_only_where_they_may(state, name):
    state.mine("spool")
    state.link(state.own / "spool" / name, state.roots)
    state.configure("state/spool", "conninfo: host=/nonexistent")
    state.fails("run" if name in ("lock", "incoming") else "nightly")
    assert state.is_untouched()


@pytest.mark.parametrize("name", ["lock", "collector.prom", "nightly.prom", "verify.prom"])
def test_a_second_name_of_roots_file_is_not_written_to(state, name):
    os.link(state.file, state.mine("spool") / name)
    state.configure("state/spool", "conninfo: host=/nonexistent")
    for command in ("nightly", "run") if name == "lock" else ("nightly", "audit verify"):
        state.fails(*command.split())
    assert state.is_untouched()


def test_a_mount_in_their_directory_stays_whose_it_is(state):
    """A directory of root's that an administrator shows there, too: its parent is not the one to say whose it becomes."""
    for name in ("postgres", "spool"):
        state.mine(name)
    mount = "mount --bind {0} {1}/{2} && exec \"$@\""
    for name in ("postgres", "spool"):
        prefix = ["unshare", "-m", "sh", "-c", mount.format(state.roots, state.own, name), "sh"]
        if subprocess.run([*prefix, "true"], capture_output=True).returncode != 0:
            pytest.skip("no mount may be made here")
        if name == "postgres":
            state.fails("migrate", prefix=prefix)
        assert state.is_untouched()


def test_who_exchanges_the_spool_for_a_link_wins_nothing(state):
    """Again and again, while root works: each look is at what is open."""
    state.mine("spool")
    state.configure("state/spool", "conninfo: host=/nonexistent")
    script = f"trap exit TERM; cd {state.own}; while :; do mv -T spool away; ln -s {state.roots} spool; rm spool; mv -T away spool; done"
    attacker = subprocess.Popen(["setpriv", "--reuid", str(SERVICE), "--regid", str(SERVICE), "--clear-groups", "--pdeathsig", "KILL",
                                 "sh", "-c", script], stderr=subprocess.DEVNULL)
    try:
        for _ in range(10):
            state.fails("nightly")
        assert attacker.poll() is None
    finally:
        attacker.terminate()  # its mv ends first: nothing moves behind it
        attacker.wait()
    assert state.is_untouched()


def test_a_directory_of_roots_in_the_place_of_the_spool_keeps_root_from_nothing(state, need):
    """Whoever has the directory above may rename one of root's there, as a volume's lost+found: that makes it no spool of root's."""
    need("strace")
    state.configure("state/spool", "conninfo: host=/nonexistent")
    (state.own / "lost+found").mkdir()
    (state.own / "lost+found").rename(state.own / "spool")
    trace = state.folder / "trace"
    subprocess.run(["strace", "-f", "-qq", "-o", trace, "-e", "trace=setresuid", *state.command("nightly")],
                   capture_output=True, timeout=120, stdin=subprocess.DEVNULL)
    assert re.search(rf"setresuid\({SERVICE}, {SERVICE}, {SERVICE}\) += 0", trace.read_text())


# ---------------------------------------------------------------- root that stays root: the spool is its own

@pytest.fixture
def server():
    """STATE is the user's whom the embedded server runs as; the spool is root's, so that root does not become them."""
    made = State(pwd.getpwnam("postgres").pw_uid, "spool")
    yield made
    shutil.rmtree(made.folder)


def test_the_servers_user_gets_no_directory_by_a_link(server):
    server.link(server.own / "postgres", server.roots)
    assert "a link that another user put there" in server.fails("migrate")
    assert server.is_untouched()


def test_the_servers_user_gets_no_directory_by_the_name_of_its_socket(server):
    server.mine("postgres").chmod(0o700)
    server.link(server.own / "postgres/socket", server.roots)
    server.fails("migrate")
    assert server.is_untouched()


def test_the_server_writes_no_log_into_roots_file(server):
    """Not by a second name, not by a link; nor is that file locked."""
    server.mine("postgres").chmod(0o700)
    os.link(server.file, server.own / "postgres/log")
    server.fails("migrate")
    assert server.is_untouched()
    for name in ("log", "lock"):
        (server.own / "postgres" / name).unlink()
        server.link(server.own / "postgres" / name, server.file)
        server.fails("migrate")
        assert server.is_untouched()


def test_root_reads_nothing_of_its_own_for_the_servers_user(server):
    """By a link in the place of the cluster, or of what says its version, root would say what is in a file that they may not read."""
    server.mine("postgres").chmod(0o700)
    server.roots.chmod(0o700)
    (server.roots / "PG_VERSION").write_text("4711\n")
    server.link(server.own / "postgres/data", server.roots)
    assert "4711" not in server.fails("migrate")
    (server.own / "postgres/data").unlink()
    server.mine("postgres/data")
    server.link(server.own / "postgres/data/PG_VERSION", server.roots / "PG_VERSION")
    assert "4711" not in server.fails("migrate")


def test_the_servers_user_gets_no_mount_of_roots(server):
    server.mine("postgres")
    prefix = ["unshare", "-m", "sh", "-c", f"mount --bind {server.roots} {server.own}/postgres && exec \"$@\"", "sh"]
    if subprocess.run([*prefix, "true"], capture_output=True).returncode != 0:
        pytest.skip("no mount may be made here")
    assert "belongs to uid 0" in server.fails("migrate", prefix=prefix)
    assert server.is_untouched()


# ---------------------------------------------------------------- who is at work

@pytest.mark.parametrize("command", ["nightly", "run", "audit verify"])
def test_root_is_the_services_user_before_it_touches_the_spool(state, need, command):
    need("strace")
    state.configure("state/spool", "conninfo: host=/nonexistent")
    trace = state.folder / "trace"
    subprocess.run(["strace", "-f", "-qq", "-o", trace, "-e", "trace=setresuid,setgroups,mkdirat,openat", *state.command(*command.split())],
                   capture_output=True, timeout=120, stdin=subprocess.DEVNULL)
    calls = trace.read_text(errors="replace").splitlines()
    change = next(i for i, call in enumerate(calls) if re.search(rf"setresuid\({SERVICE}, {SERVICE}, {SERVICE}\) += 0", call))
    assert any(re.search(r"setgroups\(.* += 0$", call) for call in calls[:change])
    assert not [call for call in calls[:change] if "O_CREAT" in call or "mkdirat" in call]
    assert {p.lstat().st_uid for p in state.own.rglob("*")} <= {SERVICE}
    assert list(state.own.rglob("*")) or command == "audit verify"

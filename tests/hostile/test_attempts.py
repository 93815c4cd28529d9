"""README's table of trust, tried for the programs that no sandbox holds: what each does in a whole day, by its system
calls, and what the database refuses to its role.  The programs in a sandbox are in test_walls.py and test_sandbox.py."""
import collections
import dataclasses
import os
import pathlib
import re
import subprocess

import psycopg
import pytest

pytest.importorskip("asyncssh", reason="python3-asyncssh is not installed")

from crash_runs import descendants
from sftp_world import PARTNER, SftpWorld
from sshd import SSHD, Sshd
from world import CTL, World

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMAS = "('ledger', 'handback', 'audit', 'handback_schema')"
READS = {"read", "readv", "pread64", "preadv", "preadv2", "mmap", "copy_file_range", "sendfile", "splice"}
CALLS = "execve,openat,open,connect,write,pwrite64,readlink," + ",".join(sorted(READS))
CALL = re.compile(r"(?P<pid>\d+) +(?P<name>\w+)\((?P<arguments>.*)\) += (?P<result>-?\d+)")


def unhex(text):
    """strace -xx writes names so; -y does not."""
    return re.sub(r"\\x([0-9a-f]{2})", lambda m: chr(int(m[1], 16)), text)


@dataclasses.dataclass
class Call:
    name: str
    arguments: str
    result: int

    @property
    def path(self):
        """Of its first descriptor, or of the name below it that is opened."""
        return unhex(self.shown_path)

    @property
    def shown_path(self):
        opened = re.match(r'(?:AT_FDCWD|\d+)(?:<(?P<at>[^>]*)>)?, "(?P<name>[^"]*)"', self.arguments)
        if self.name in ("openat", "open") and opened:
            return os.path.join(opened["at"] or "/", opened["name"])
        if self.name == "mmap":
            inside = re.search(r", \d+<([^>]*)>, (?:0x)?[0-9a-f]+$", self.arguments)
            return inside[1] if inside else ""
        first = re.match(r"\d+<([^>]*)>", self.arguments)
        return first[1] if first else ""

    @property
    def bytes(self):
        """What was read or written."""
        return re.search(r'"((?:[^"\\]|\\.)*)"', self.arguments)[1]


def calls_by_program(trace):
    """{program: {pid: [Call]}} of what each did since it was what it is; what strace tore apart is put together again."""
    now, torn = {}, {}
    found = collections.defaultdict(lambda: collections.defaultdict(list))
    for line in trace.read_text(errors="replace").splitlines():
        pid = line.split(" ", 1)[0]
        if line.endswith("<unfinished ...>"):
            torn[pid] = line[:-len("<unfinished ...>")].rstrip()
            continue
        resumed = re.match(r"\d+ +<\.\.\. \w+ resumed>(.*)", line)
        if resumed:
            line = torn.pop(pid, "") + resumed[1]
        call = CALL.match(line)
        if not call:
            continue
        if call["name"] == "execve" and call["result"] == "0":
            now[pid] = os.path.basename(unhex(re.match(r'"([^"]*)"', call["arguments"])[1]))
        elif pid in now:
            found[now[pid]][pid].append(Call(call["name"], call["arguments"], int(call["result"])))
    return found


class Day:
    """A world's whole day under strace: files of three partners, one of them by SFTP, one on hold, one twice, one with a
    checksum file; a rehearsal of metrics, notifications, a reload, the night, the proof."""

    def __init__(self, world, folder):
        self.world, self.trace = world, folder / "trace"
        self.privileges = {}
        options = ["-f", "-qq", "-y", "-xx", "-s", "100000", "--seccomp-bpf", "-e", f"trace={CALLS}"]
        world.start_daemon(prefix=["strace", "-D", *options, "-o", self.trace])
        self.deliver()
        world.daemons[-1].send_signal(1)
        world.drop("AURORA", *world.file("AURORA"))
        world.wait_quiet(60)
        world.until((world.spool / "collector.prom").exists, "the collector's figures")
        self.note_privileges()
        assert world.stop_daemon(within=20) == 0
        for command in ("nightly", "audit verify"):
            self.run(options, folder, command.split())
        self.calls = collections.defaultdict(list)
        for trace in folder.glob("trace*"):
            for program, processes in calls_by_program(trace).items():
                self.calls[program] += processes.values()
        self.theirs = [str(f) for f in (*world.inbound.values(), *(world.spool / n for n in ("incoming", "work", "archive", "quarantine")))]

    def deliver(self):
        world = self.world
        world.drop(PARTNER, *world.file(PARTNER))
        name, data = world.file("MERIDIAN")
        world.drop("MERIDIAN", name, data)
        world.wait_quiet(60)
        world.drop("MERIDIAN", name, data)  # again
        world.drop("MERIDIAN", *world.file("MERIDIAN", sequence=2, break_totals=1))
        world.wait_quiet(60)

    def note_privileges(self):
        for pid in (self.world.daemons[-1].pid, *descendants(self.world.daemons[-1].pid)):
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
            self.privileges[re.search(r"^Name:\t(.*)", status, re.M)[1]] = re.search(r"^NoNewPrivs:\t(\d)", status, re.M)[1]

    def run(self, options, folder, command):
        done = subprocess.run(["strace", *options, "-o", folder / f"trace-{command[0]}", self.world.build / CTL, "--config",
                               self.world.config, *command], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
                              env=self.world.environment())
        assert done.returncode in (0, 3), done.stderr

    def of(self, program):
        return [call for calls in self.calls[program] for call in calls]

    def is_theirs(self, path):
        return any(path.startswith(f + "/") for f in self.theirs)

    def read_of_theirs(self, program):
        """The calls by which it read a file that came from a partner, or a copy of one."""
        return [c for c in self.of(program) if c.name in READS and c.result > 0 and self.is_theirs(c.path)]

    def connections(self, program):
        """The local sockets that it connected to."""
        return [unhex(m) for c in self.of(program) if c.name == "connect" for m in re.findall(r'sun_path="([^"]*)"', c.arguments)]


@pytest.fixture(scope="module")
def day(cluster, build, tmp_path_factory, strace):
    if not SSHD:
        pytest.skip("openssh-server is not installed")
    folder = tmp_path_factory.mktemp("day")
    with Sshd(folder) as server, SftpWorld(cluster, build, server) as world:
        world.configure(metrics=f"\n  listen: {world.dir}/metrics\n  interval: 200ms", notifications="\n  command: /bin/true")
        yield Day(world, folder)


def test_the_day_was_a_day(day):
    """The test of those below: everybody was at work, and what is looked for can be seen."""
    states = sorted(s for s, in day.world.query("SELECT state::text FROM handback.file"))
    assert states == ["duplicate", "held", "posted", "posted", "posted"]
    for program in ("handbackd", "handback-reconcile", "handback-collect", "handback-parse", "handback-fetch", "handback-nightly",
                    "handback-verify"):
        assert day.of(program), program
    assert day.read_of_theirs("handback-reconcile") and day.read_of_theirs("handback-parse")
    assert any(".s.PGSQL" in path for path in day.connections("handback-reconcile"))


def test_nobody_can_gain_privileges(day):
    assert {"handbackd", "handback-reconc", "handback-collec"} <= set(day.privileges)
    assert set(day.privileges.values()) == {"1"}, day.privileges


# ---------------------------------------------------------------- handbackd

def test_handbackd_reads_no_partners_byte(day):
    assert day.read_of_theirs("handbackd") == []
    opened = {c.path: c.arguments for c in day.of("handbackd") if c.name in ("open", "openat") and day.is_theirs(c.path)}
    wrong = [path for path, arguments in opened.items()
             if "O_DIRECTORY" not in arguments and not (path.endswith("/.fetch/archived") and "O_WRONLY" in arguments)]
    assert not wrong, wrong


def test_handbackd_does_not_connect_to_the_database(day):
    assert [path for path in day.connections("handbackd") if "PGSQL" in path] == []
    assert [c for c in day.of("handbackd") if c.name == "connect" and "AF_INET" in c.arguments] == []


def test_handbackd_says_nothing_to_its_own_server_but_are_you_there(build, tmp_path, strace):
    """An embedded server is its child: it asks whether it answers, by one startup message, and logs in to nothing."""
    place = tmp_path if os.geteuid() != 0 else pathlib.Path("/tmp") / tmp_path.name
    place.mkdir(exist_ok=True, mode=0o755)
    try:
        config = place / "handback.yaml"
        config.write_text(f"database:\n  embedded: {place}/postgres\nspool: {place}/spool\nprofiles: {ROOT}/fixtures/profiles\n"
                          f"reports: {place}/reports\ncontrol: {place}/control\nsources: []\n")
        trace = place / "trace"
        subprocess.run([strace, "-qq", "-y", "-s", "1000", "-e", "trace=connect,sendto", "-o", trace, build / "daemon/handbackd", "--config",
                        config, "--once"], stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
        calls = trace.read_text(errors="replace").splitlines()
        assert [c for c in calls if ".s.PGSQL.5432" in c and c.startswith("connect")]
        sent = {re.search(r'"(.*)"', c)[1] for c in calls if c.startswith("sendto") and "PGSQL" not in c.split('"')[0].split("<")[0]
                and "NOTIFY" not in c and "journal" not in c}
        asked = {s for s in sent if "user" in s}
        assert len(asked) == 1 and "application_name" in next(iter(asked)), sent
        assert sent - asked <= {r"X\0\0\0\4"}, sent
    finally:
        subprocess.run(["rm", "-rf", place], check=True)


# ---------------------------------------------------------------- handback-reconcile

def test_the_reconciler_only_copies_what_a_partner_sent(day):
    """Each piece that it reads it writes as it is into its copy, right away; of the copy it reads nothing back."""
    seen = 0
    for calls in day.calls["handback-reconcile"]:
        calls = [c for c in calls if c.result > 0 and (c.name in READS or c.name == "write")]
        for call, after in zip(calls, calls[1:] + [None]):
            if call.name == "write" or not day.is_theirs(call.path):
                continue
            assert call.name == "pread64", call
            assert after.name == "write" and "/spool/work/" in after.path, after
            assert after.bytes == call.bytes and after.result == call.result
            seen += 1
    assert seen >= 5


@pytest.mark.parametrize("program", ["reconcile/handback-reconcile", "nightly/handback-nightly"])
def test_who_posts_has_no_parser_in_it(build, program):
    """Not by linking a format's library, and not by our own code either."""
    names = subprocess.run(["nm", build / program], check=True, capture_output=True, text=True).stdout
    inside = set(re.findall(r" [tT] (\w+)", names))
    assert len(inside) > 100
    parsers = set()
    for archive in (*build.glob("parsers/*/*.a"), build / "parsers/libformats.a"):
        out = subprocess.run(["nm", "-g", archive], capture_output=True, text=True).stdout
        parsers |= set(re.findall(r" T (\w+)", out))
    assert len(parsers) > 50 and not inside & parsers


@pytest.fixture(scope="module")
def world(cluster, build):
    """With a record on hold, and a file."""
    with World(cluster, build) as made:
        made.drop("SKYLINE", *made.file("SKYLINE", made.unusual()))
        made.run()
        made.drop("MERIDIAN", *made.file("MERIDIAN", break_totals=1))
        made.run()
        yield made


PEOPLES = ("handback.assign_hold(1, 'x', NULL)", "handback.comment_hold(1, 'x')",
           "handback.propose('close', ARRAY[1]::bigint[], 'x', NULL)", "handback.approve(1, 'x')", "handback.reject(1, 'x')",
           "ledger.post_reinstatements(ARRAY[1]::bigint[])")
BY_HAND = ("INSERT INTO ledger.entry (programme_id, member_id, category, points) VALUES (1, 1, 'Credit By Accrual', 5)",
           "UPDATE ledger.balance SET points = points + 1", "INSERT INTO ledger.member DEFAULT VALUES",
           "DELETE FROM ledger.entry", "TRUNCATE ledger.entry CASCADE", "UPDATE handback.outcome SET points = 0",
           "DELETE FROM audit.head", "UPDATE audit.event SET why = ''", "ALTER TABLE ledger.entry DISABLE TRIGGER ALL",
           "CREATE TABLE handback.mine (n integer)", "SET session_replication_role = replica", "COPY ledger.entry TO PROGRAM 'true'")
ANSWERS = ("ledger.redeem_points('P', 'M', 1, 'x', 6)", "ledger.reversal_points('P', 'M', 'x', gen_random_uuid())")
ROLES = ("handback_daemon", "handback_nightly", "handback_verify", "handback_collector", "handback_operator", "handback_finance", "handback_owner")


def refused(connection, statement):
    with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedFunction)) as said:
        connection.execute(statement)
    assert said.type is psycopg.errors.InsufficientPrivilege, f"{statement}: {said.value}"


@pytest.mark.parametrize("role", ("handback_daemon", "handback_nightly", "handback_verify", "handback_collector"))
def test_a_programs_role_cannot_do_what_people_decide(world, role):
    with world.database.connect() as owner:
        known = {name for name, in owner.execute("SELECT DISTINCT oid::regproc::text FROM pg_proc")}
    assert {call.split("(")[0] for call in PEOPLES} <= known
    with world.database.connect(role) as c:
        for name in PEOPLES:
            with world.database.connect() as owner:
                may = owner.execute("SELECT bool_or(has_function_privilege(%s, p.oid, 'EXECUTE')) FROM pg_proc p"
                                    " WHERE p.oid::regproc::text = %s", (role, name.split("(")[0])).fetchone()[0]
            assert may is False, f"{role} may {name}"
            with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedFunction)):
                c.execute(f"SELECT {name}")


@pytest.mark.parametrize("role", ("handback_daemon", "handback_nightly", "handback_verify", "handback_collector", "handback_operator",
                                  "handback_finance"))
def test_no_role_posts_by_hand(world, role):
    with world.database.connect(role) as c:
        for statement in BY_HAND:
            refused(c, statement)
        for call in ANSWERS:
            with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedFunction)):
                c.execute(f"SELECT {call}")
    with world.database.connect() as owner:
        for call in ANSWERS:
            assert owner.execute("SELECT bool_or(has_function_privilege(%s, p.oid, 'EXECUTE')) FROM pg_proc p WHERE p.oid::regproc::text = %s",
                                 (role, call.split("(")[0])).fetchone()[0] is False, f"{role} may {call}"


@pytest.mark.parametrize("role", ROLES[:-1])
def test_no_role_becomes_another(world, role):
    """But who decides, who reads as one who decides nothing."""
    for other in (*ROLES, "postgres"):
        if other != role and (role, other) != ("handback_operator", "handback_finance"):
            with world.database.connect(role) as c:
                refused(c, f"SET ROLE {other}")


# ---------------------------------------------------------------- handback-collect

MEMBERS = re.compile(r"member|reference|points_|text|value|detail|amount|merchant|why|answer|name\b", re.I)


def test_the_collector_sees_no_members_data(world):
    """It may read these, and none of their columns says more of a person than how many points are on hold."""
    with world.database.connect() as owner:
        relations = owner.execute("SELECT c.oid::regclass::text, has_any_column_privilege('handback_collector', c.oid, 'SELECT'),"
                                  " ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0"
                                  " AND has_column_privilege('handback_collector', c.oid, attnum, 'SELECT'))"
                                  f" FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname IN {SCHEMAS}"
                                  " AND c.relkind IN ('r', 'v', 'm')").fetchall()
    may = {name: columns for name, allowed, columns in relations if allowed}
    assert set(may) == {"handback_schema.migration", "handback.partner", "handback.file", "handback.hold", "handback.hold_guarded",
                        "handback.hold_now", "handback.hold_open", "handback.hold_end", "handback.expected_files", "handback.target_status",
                        "handback.target_break", "handback.parity_status"}
    # of what targets lost or changed it counts the rows, and sees no key and no value
    assert (may["handback.target_break"], may["handback.parity_status"]) == (["target"], ["target", "ended_at", "result"])
    people = re.compile(r"member|relation|external|outbound|booking|reference|merchant|amount|shown_value|detail|reason_text")
    assert not [(name, c) for name, columns in may.items() for c in columns if people.search(c)]
    with world.database.connect("handback_collector") as c:
        for name, allowed, _ in relations:
            if not allowed:
                refused(c, f"SELECT 1 FROM {name}")


def test_the_collector_reads_no_partners_byte(day):
    assert day.read_of_theirs("handback-collect") == []


# ---------------------------------------------------------------- handback-nightly, handback-verify

def test_the_night_makes_no_files_row(world):
    with world.database.connect("handback_nightly") as c:
        for statement in ("INSERT INTO handback.file DEFAULT VALUES", "INSERT INTO handback.file (file_id) SELECT max(file_id) + 1 FROM handback.file",
                          "UPDATE handback.file SET state = 'posted'", "UPDATE handback.file SET archived_as = 'x'",
                          "INSERT INTO handback.partner (code) VALUES ('X')", "INSERT INTO handback.control DEFAULT VALUES",
                          "INSERT INTO handback.tie_out DEFAULT VALUES", "INSERT INTO audit.head DEFAULT VALUES",
                          "INSERT INTO audit.event DEFAULT VALUES", "INSERT INTO handback.hold DEFAULT VALUES"):
            refused(c, statement)


def test_the_night_reads_a_partners_file_only_to_have_it_parsed(day):
    assert day.read_of_theirs("handback-nightly") == []


def test_the_proof_is_read_as_the_role_that_reads(world):
    """Its login may everything, as the service's may; it takes the one role, before it asks anything."""
    with world.database.connect() as owner:
        owner.execute("DROP ROLE IF EXISTS the_service; CREATE ROLE the_service LOGIN IN ROLE handback_daemon, handback_nightly,"
                      " handback_verify, handback_collector")
        before = contents(owner)
        command = [world.build / "nightly/handback-verify", "--config", world.config, "--database", world.database.conninfo("the_service")]
        try:
            done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
            assert done.returncode == 0, done.stderr
            owner.execute("REVOKE SELECT ON audit.head FROM handback_verify")
            done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
            assert done.returncode not in (0, 5) and "permission denied" in done.stderr, done
        finally:
            owner.execute("GRANT SELECT ON audit.head TO handback_verify")
            owner.execute("DROP ROLE the_service")
        assert contents(owner) == before


def contents(owner):
    """{table: (rows, hash of them)}"""
    tables = owner.execute(f"SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                           f" WHERE n.nspname IN {SCHEMAS} AND c.relkind = 'r'").fetchall()
    return {name: owner.execute(f"SELECT count(*), sum(hashtext(t::text)::bigint) FROM {name} t").fetchone() for name, in tables}


# ---------------------------------------------------------------- handbackctl

READING = ("files", "show 1", "explain 1:1", "holds", "hold show 1", "overdue", "proposals", "report --all", "audit head", "audit verify")
DECIDING = ("hold assign 1 x --why x", "hold comment 1 x", "hold propose close 1 --why x --yes", "hold approve 1 --why x", "hold reject 1 --why x")
OTHERS = {"try --hold 1": {"handback_daemon"}, "nightly --plan": {"handback_nightly"}}
READERS = {"handback_finance", "handback_verify", "handback_operator"}


def who_may():
    for command in READING:
        yield command, READERS
    for command in DECIDING:
        yield command, {"handback_operator"}
    yield from OTHERS.items()


@pytest.mark.parametrize("command, may", list(who_may()), ids=lambda v: v if isinstance(v, str) else "")
def test_a_command_is_refused_to_every_other_role(world, command, may):
    with world.database.connect() as owner:
        before = contents(owner)
        for role in set(ROLES) - may:
            done = subprocess.run([world.build / CTL, "--config", world.config, "--database", world.database.conninfo(role),
                                   *command.split()], text=True, env=world.environment(), stdin=subprocess.DEVNULL, capture_output=True,
                                  timeout=60)
            assert done.returncode == 6 and re.search(r"it has to be a member of handback_", done.stderr), (role, done)
        assert contents(owner) == before


@pytest.mark.parametrize("role", ROLES[:-1])
def test_only_the_owner_migrates(world, role):
    with world.database.connect() as owner:
        before = contents(owner)
        owner.execute("CREATE ROLE stranger LOGIN; DROP ROLE stranger")
        subprocess.run([world.build / CTL, "--config", world.config, "--database", world.database.conninfo(role), "migrate"],
                       env=world.environment(), stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
        assert contents(owner) == before
    with world.database.connect(role) as c:
        refused(c, "INSERT INTO handback_schema.migration (version, name, sha256) VALUES (9999, 'x', '')")
        refused(c, "DELETE FROM handback_schema.migration")
        refused(c, "CREATE SCHEMA mine")


# ---------------------------------------------------------------- all of them

def programs():
    source = (ROOT / "lib/base/paths.c").read_text(encoding="utf-8")
    return re.findall(r'\{"(handback[\w-]*)", "([\w/]+)", HANDBACK_', source)


@pytest.mark.parametrize("name, folder", programs())
def test_a_program_gives_up_new_privileges_before_all_else(name, folder, build, strace, tmp_path):
    """Whoever starts it, and with whatever: before it opens anything but its libraries."""
    trace = tmp_path / "trace"
    subprocess.run([strace, "-qq", "-o", trace, "-e", "trace=prctl,prlimit64,setrlimit,openat,socket,getsockopt", build / folder / name,
                    "--nonsense"], stdin=subprocess.DEVNULL, capture_output=True, timeout=20)
    calls = trace.read_text(errors="replace").splitlines()
    first = next(i for i, call in enumerate(calls) if re.match(r"prctl\(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0\) += 0", call))
    assert any("RLIMIT_CORE" in call and "rlim_cur=0" in call for call in calls[first:first + 2])
    assert not [c for c in calls[:first] if c.startswith(("socket", "getsockopt"))]
    # what libraries read before main() is the system's
    assert not [c for c in calls[:first] if c.startswith("openat") and not re.search(r'"/(etc|lib|usr|proc|sys|dev)', c)]


@pytest.mark.parametrize("name, folder", programs())
def test_a_program_that_cannot_give_them_up_ends(name, folder, build, strace, tmp_path):
    done = subprocess.run([strace, "-qq", "-o", "/dev/null", "-e", "trace=prctl", "-e", "inject=prctl:error=EPERM", build / folder / name,
                           "--help"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
    assert done.returncode != 0 and "cannot give up what is not needed" in done.stderr, done

"""handback-parse: how it starts, how far it locks itself down, and that nothing gets out."""
import array
import os
import re
import signal
import socket
import subprocess
import sys
import time

import pytest

import parse_client
from parse_client import BUILD
from world import World

PARSER = BUILD / "parsers/handback-parse"
HOOKED = BUILD / "parsers/handback-parse-test"

PROFILE = b"""
profile: sandbox
partner: SANDBOX
programme: NS
format: json_lines
zone: UTC
records:
  item:
    role: entry
    path: /
    fields:
      partner_reference: {at: r, type: id}
      points: {at: p}
      status: {at: s, type: id}
verdict:
  field: status
  words: {Y: accepted, N: rejected}
match: [partner_reference]
check: none
reasons: {}
"""
FILE = b'{"r": "A1", "p": 5, "s": "Y"}\n{"r": "A2", "p": 6, "s": "N"}\n'

SANITIZED = "__asan_init" in subprocess.run(["nm", "-D", PARSER], capture_output=True, text=True).stdout \
    if PARSER.exists() else False


@pytest.mark.sanitize
def test_locks_down_first_and_says_how_far():
    result = parse_client.parse(PROFILE, FILE)
    assert result.status == 0, result.stderr
    kind, sandbox = result.frames[0]
    assert kind == "sandbox" and sandbox["seccomp"] == 1 and sandbox["no_new_privs"] == 1 and sandbox["landlock_abi"] >= 1
    assert [r["partner_reference"] for r in result.records] == ["A1", "A2"]
    assert result.end == {"records": 2, "bytes": len(FILE), "file_bytes": len(FILE), "refused": False, "whole": result.end["whole"]}


def escapes():
    source = (parse_client.ROOT / "lib/sandbox/escape.c").read_text(encoding="utf-8")
    return re.findall(r'^    \{"([^"]+)"', source, re.M)


@pytest.mark.parametrize("number, name", list(enumerate(escapes(), 1)), ids=lambda v: str(v).replace(" ", "_"))
def test_no_escape(number, name):
    """The attempt is refused and the file read all the same, or the kernel ends the process at once."""
    if not HOOKED.exists():
        pytest.skip("needs -Dtest_build=true")
    result = parse_client.parse(PROFILE, FILE, binary=HOOKED, escape=number)
    assert result.stderr.startswith(name)
    if result.status == 0:
        assert len(result.records) == 2
    else:
        assert result.status == -signal.SIGSYS, result.stderr


def test_escapes_are_many():
    assert len(escapes()) >= 20
    if HOOKED.exists():
        assert parse_client.parse(PROFILE, FILE, binary=HOOKED, escape=len(escapes()) + 1).status == 98


def test_the_hooks_are_not_in_what_is_shipped():
    result = parse_client.parse(PROFILE, FILE, escape=1)
    assert result.status == 1 and "flag that is not known" in result.stderr and result.output == b""
    result = parse_client.parse(PROFILE, FILE, flags=parse_client.NO_SANDBOX)
    assert result.status == 1 and result.output == b""


def test_fails_closed_without_landlock(need):
    """ENOSYS for the landlock calls: refused, unless the operator wrote it off by name."""
    need("strace")
    deny = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=landlock_create_ruleset",
            "-e", "inject=landlock_create_ruleset:error=ENOSYS"]
    # strace -D: the tracer is a grandchild, so that the parser still is our own child
    deny.insert(1, "-D")
    result = parse_client.parse(PROFILE, FILE, preload=deny)
    assert result.status == 4, result
    assert "Landlock" in result.stderr and "no_landlock" in result.stderr and result.output == b""
    result = parse_client.parse(PROFILE, FILE, preload=deny, flags=parse_client.NO_LANDLOCK)
    assert result.status == 0, result.stderr
    assert result.frames[0][1] == {"landlock_abi": 0, "seccomp": 1, "no_new_privs": 1}


def test_the_configuration_writes_landlock_off_by_name(need, cluster, build):
    need("strace")
    # only the parsers ask for it: every process below is told that the kernel has none
    deny = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=landlock_create_ruleset",
            "-e", "inject=landlock_create_ruleset:error=ENOSYS"]
    with World(cluster, build) as world:
        name, data = world.file("SKYLINE")
        world.drop("SKYLINE", name, data)
        daemon = world.start_daemon(prefix=deny)
        world.until(lambda: '"sandbox: no_landlock" is not set' in daemon.log.read_text().replace('\\"', '"'), "the refusal")
        assert world.files() == {} and (world.inbound["SKYLINE"] / name).exists()
        world.configure(sandbox="no_landlock")
        daemon.send_signal(signal.SIGHUP)
        world.until(lambda: world.files() == {name: "posted"}, "the file to be posted without Landlock")
        assert world.stop_daemon() == 0


@pytest.mark.parametrize("call, error", [("seccomp", "EINVAL"), ("landlock_restrict_self", "EPERM"),
                                         ("landlock_create_ruleset", "EPERM"), ("prlimit64", "EPERM"),
                                         ("close_range", "EINVAL"), ("seccomp", "EINVAL last")])
def test_fails_closed(need, tmp_path, call, error):
    """Where every such call fails, and where the library had its way and only the sandbox's own one does."""
    error, _, last = error.partition(" ")
    if last:
        calls, _ = traced(need, tmp_path, "-e", f"trace={call}")
        error += f":when={sum(line.startswith(call + '(') for line in calls)}"
    need("strace")
    deny = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:error={error}"]
    result = parse_client.parse(PROFILE, FILE, preload=deny)
    assert result.status != 0 and result.output == b""
    assert "cannot" in result.stderr or SANITIZED


def traced(need, tmp_path, *options):
    need("strace")
    log = tmp_path / "calls"
    result = parse_client.parse(PROFILE, FILE, preload=["strace", "-D", "-f", "-qq", "-o", log, *options])
    assert result.status == 0, result.stderr
    calls = [re.sub(r"^\d+ +", "", line) for line in log.read_text(encoding="utf-8", errors="replace").splitlines()]
    locked = max(i for i, line in enumerate(calls) if re.match(r"(seccomp|prctl\(PR_SET_SECCOMP)", line))
    return calls, locked


def test_reads_the_file_only_when_locked(need, tmp_path):
    calls, locked = traced(need, tmp_path)
    first = min(i for i, line in enumerate(calls) if line.startswith("read(3,") and '"r' in line)
    assert first > locked
    after = [line.split("(")[0] for line in calls[locked + 1:] if "(" in line]
    assert set(after) <= {"read", "write", "brk", "mmap", "munmap", "exit_group"}, set(after)


@pytest.mark.skipif(SANITIZED, reason="the sanitizers need more")
def test_at_most_25_system_calls():
    source = (parse_client.ROOT / "lib/sandbox/parser.c").read_text(encoding="utf-8")
    source = re.sub(r"#if SANITIZED.*?#endif", "", source, flags=re.S)
    allowed = set(re.findall(r"SCMP_ACT_ALLOW, SCMP_SYS\((\w+)\)", source))
    plain = set(re.findall(r"SCMP_SYS\((\w+)\)", source.split("plain_calls[] = {")[1].split("};")[0]))
    assert len(allowed | plain) <= 25


AHEAD = b"HBAP" + parse_client.VERSION.to_bytes(2, sys.byteorder) + bytes(2)  # lib/protocol/parse_job.h


def send_ahead(channel, profile, message):
    text = parse_client.opened(profile)
    channel.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [text]))])
    os.close(text)


def start(size=None, fds=2, message=None, send=True, profile=PROFILE, ahead=(), ahead_message=AHEAD):
    """One parser, started by hand: (status, stderr, output)."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    file, text = parse_client.opened(FILE), parse_client.opened(profile)
    child = subprocess.Popen([PARSER], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             env={"ASAN_OPTIONS": "detect_leaks=0"}, pass_fds=(3,), preexec_fn=lambda: os.dup2(theirs.fileno(), 3, inheritable=True))
    theirs.close()
    for other in ahead:
        send_ahead(ours, other, ahead_message)
    if send:
        job = message or parse_client.JOB.pack(parse_client.MAGIC, parse_client.VERSION, 0,
                                               len(FILE) if size is None else size, 0, 1, b"f")
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", ([file, text] * 2)[:fds]))] if fds else []
        ours.sendmsg([job], rights)
    ours.close()
    output, errors = child.communicate(timeout=20)
    os.close(file)
    os.close(text)
    return child.returncode, errors.decode(), output


def test_may_be_started_in_vain():
    assert start(send=False) == (0, "", b"")


@pytest.mark.parametrize("what", [{"fds": 0}, {"fds": 1}, {"fds": 3}, {"fds": 4}, {"size": 7}, {"size": -1},
                                  {"message": b"x"}, {"message": b"\0" * 280}, {"message": b"\0" * 4000},
                                  {"message": parse_client.JOB.pack(parse_client.MAGIC, 2, 0, len(FILE), 0, 1, b"f")},
                                  {"message": parse_client.JOB.pack(parse_client.MAGIC, 1, 0, len(FILE), 0, 256, b"f")},
                                  {"message": parse_client.JOB.pack(parse_client.MAGIC, 1, 128, len(FILE), 0, 1, b"f")}],
                         ids=str)
def test_a_broken_job_is_no_job(what):
    status, errors, output = start(**what)
    assert status == 1 and errors.startswith("handback-parse: ") and output == b""


def test_a_profile_that_does_not_compile_is_told_with_its_places():
    status, errors, output = start(profile=b"profile: x\nformat: nonsense\n")
    assert status == 2 and output == b"" and re.search(r"profile:2:9: ", errors), errors


@pytest.mark.sanitize
@pytest.mark.parametrize("ahead", [PROFILE, PROFILE.replace(b"Y: accepted", b"X: accepted"), b"profile: x\nformat: nonsense\n"],
                         ids=["the same", "another", "one that does not compile"])
def test_a_profile_ahead_of_the_job_changes_nothing(ahead):
    """It is compiled while nobody waits, and used where the job comes with the very same."""
    assert start(ahead=[ahead]) == start()
    assert start(ahead=[ahead], send=False) == (0, "", b"")


def test_a_profile_ahead_is_not_read_as_another():
    status, errors, _ = start(ahead=[PROFILE], profile=b"profile: x\nformat: nonsense\n")
    assert status == 2 and re.search(r"profile:2:9: ", errors), errors


@pytest.mark.parametrize("times, message", [(2, AHEAD), (1, AHEAD[:7] + b"\1"), (1, AHEAD + b"\0"), (1, AHEAD[:4] + b"\7\0\0\0")],
                         ids=["twice", "a flag", "too long", "another version"])
def test_a_broken_message_ahead_ends_it(times, message):
    status, errors, output = start(ahead=[PROFILE] * times, ahead_message=message, send=False)
    assert status == 1 and errors.startswith("handback-parse: ") and output == b""


def test_started_by_hand_it_says_what_it_is():
    done = subprocess.run([PARSER], stdin=subprocess.DEVNULL, capture_output=True, text=True, close_fds=True)
    assert done.returncode == 2 and "handback-reconcile" in done.stderr


def test_dies_with_its_parent():
    """The parent of a waiting parser is killed; the parser goes with it."""
    code = ("import os,socket,subprocess,sys,time\n"
            "a,b=socket.socketpair(socket.AF_UNIX,socket.SOCK_SEQPACKET)\n"
            "keep=os.dup(a.fileno()); os.set_inheritable(keep, True)\n"
            "p=subprocess.Popen([sys.argv[1]],pass_fds=(3,keep),preexec_fn=lambda:os.dup2(b.fileno(),3,inheritable=True))\n"
            "print(p.pid,flush=True)\n"
            "time.sleep(60)\n")
    parent = subprocess.Popen([sys.executable, "-c", code, PARSER], stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    os.kill(child, 0)
    parent.kill()
    parent.wait()
    for _ in range(200):
        try:
            state = open(f"/proc/{child}/stat", encoding="ascii").read().rsplit(")", 1)[1].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return
        if state == "Z":
            return
        time.sleep(0.02)
    pytest.fail("the parser outlived its parent")

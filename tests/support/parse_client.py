#!/usr/bin/python3
"""Runs handback-parse on a file and reads its frames, independently of the C code.

    tests/support/parse_client.py [--build DIR] [--name NAME] [--measure] PROFILE FILE

prints each frame as a JSON line (with --measure: what it took from the job on, and nothing else).
As a module: parse(profile, data) -> Result; measure(profile, data) -> dict.
"""
import argparse
import array
import dataclasses
import datetime
import fcntl
import json
import os
import pathlib
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("HANDBACK_BUILD", ROOT / "build"))

# lib/protocol/parse_job.h
JOB = struct.Struct("=IHHqHH256s4x")
MAGIC, VERSION = 0x504A4248, 1
NO_LANDLOCK, NO_SANDBOX = 1, 2

# reconcile/file/parser_child.c: a reader that is slow for a moment does not stop the parser
PIPE_BYTES = 1 << 20
F_SETPIPE_SZ = 1031  # linux/fcntl.h; Python's fcntl has it from 3.10 on

# lib/protocol/record.h, lib/protocol/frame.h
KINDS = {1: "sandbox", 2: "record", 3: "facts", 4: "control", 5: "refusal", 6: "end"}
VERDICTS = {1: "accepted", 2: "accepted_with_change", 3: "accepted_with_warning", 4: "rejected", 5: "pending"}
TEXTS = ("outbound_reference", "partner_reference", "reference_shown", "member", "programme", "merchant", "currency",
         "reasons", "reason_text", "change", "record_id", "replaces", "replaces_file", "replaces_record")
HAS_REFERENCE, HAS_POINTS, HAS_AMOUNT, HAS_TYPE, HAS_DATE, HAS_LINE, BAD_VALUE, WHOLE_MESSAGE = (1 << i for i in range(8))


class Broken(Exception):
    """The stream of frames is not what lib/protocol/frame.h says."""


class Body:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        size = struct.calcsize("<" + form)
        if self.at + size > len(self.data):
            raise Broken("a frame is shorter than its fields")
        values = struct.unpack_from("<" + form, self.data, self.at)
        self.at += size
        return values[0] if len(values) == 1 else values

    def text(self):
        length = self.take("I")
        if self.at + length > len(self.data):
            raise Broken("a text passes its frame")
        self.at += length
        return self.data[self.at - length:self.at].decode("utf-8")


def day(number):
    return (datetime.date(1970, 1, 1) + datetime.timedelta(days=number)).isoformat()


# bit of `has`, name, how it stands in the frame, what it is
VALUES = ((HAS_REFERENCE, "external_reference", "16s", lambda v: str(uuid.UUID(bytes=v))), (HAS_POINTS, "points", "q", int),
          (HAS_AMOUNT, "amount", "q", int), (HAS_TYPE, "transaction_type", "i", int), (HAS_DATE, "date", "i", day),
          (HAS_LINE, "outbound_line", "q", int))


def record(b):
    number, offset, length, has, verdict, texts = b.take("QQIIBH")
    out = {"number": number, "offset": offset, "length": length, "verdict": VERDICTS[verdict]}
    for bit, name, form, meaning in VALUES:
        if has & bit:
            out[name] = meaning(b.take(form))
    for bit, name in ((BAD_VALUE, "bad_value"), (WHOLE_MESSAGE, "whole_message")):
        if has & bit:
            out[name] = True
    for i, name in enumerate(TEXTS):
        if texts >> i & 1:
            value = b.text()
            out[name] = value.split("\x1f") if name == "reasons" else value
    return out


def facts(b):
    has_sequence, has_date, is_test, sequence, date = b.take("BBBqi")
    out = {"is_test": bool(is_test)}
    if has_sequence:
        out["sequence"] = sequence
    if has_date:
        out["business_date"] = day(date)
    for name in ("partner_id", "partner_file_id", "original_message", "lists"):
        value = b.text()
        if value:
            out[name] = value
    return out


def control(b):
    out = {name: b.text() for name in ("name", "where", "stated", "counted")}
    agrees, number, offset = b.take("BQQ")
    return {**out, "agrees": bool(agrees), "record": number, "offset": offset}


def refusal(b):
    out = {name: b.text() for name in ("rule", "message", "field", "value")}
    number, offset = b.take("QQ")
    return {**out, "record": number, "offset": offset}


def end(b):
    records, count, file_bytes, refused, whole = b.take("QQQBB")
    return {"records": records, "bytes": count, "file_bytes": file_bytes, "refused": bool(refused), "whole": bool(whole)}


def sandbox(b):
    abi, seccomp, no_new_privs = b.take("iBB")
    return {"landlock_abi": abi, "seccomp": seccomp, "no_new_privs": no_new_privs}


DECODERS = {"sandbox": sandbox, "record": record, "facts": facts, "control": control, "refusal": refusal, "end": end}


def frames(data):
    """(kind, fields) of each whole frame."""
    at = 0
    while at < len(data):
        if at + 5 > len(data):
            raise Broken("cut off")
        length, kind = struct.unpack_from("<IB", data, at)
        if not 1 <= length <= 1 << 20 or at + 4 + length > len(data) or kind not in KINDS:
            raise Broken("a frame's head")
        body = Body(data[at + 5:at + 4 + length])
        fields = DECODERS[KINDS[kind]](body)
        if body.at != len(body.data):
            raise Broken("a frame is longer than its fields")
        yield KINDS[kind], fields
        at += 4 + length


@dataclasses.dataclass
class Result:
    status: int  # exit status, or minus the signal
    stderr: str
    output: bytes
    seconds: float
    cpu: float  # seconds of it that the parser worked
    max_rss: int  # KiB; at least what this process had, which the child begins with: see measure
    count: int  # bytes of output
    _frames: list = None

    @property
    def frames(self):
        if self._frames is None:
            self._frames = list(frames(self.output))
        return self._frames

    def of(self, kind):
        return [f for k, f in self.frames if k == kind]

    @property
    def records(self):
        return self.of("record")

    @property
    def refusals(self):
        return self.of("refusal")

    @property
    def rules(self):
        return [r["rule"] for r in self.refusals]

    @property
    def facts(self):
        return (self.of("facts") or [None])[0]

    @property
    def end(self):
        return (self.of("end") or [None])[0]

    @property
    def refused(self):
        """Refused properly: told why, ended, left in peace."""
        return self.status == 0 and self.end is not None and self.end["refused"]


def opened(source):
    """A read-only descriptor of bytes, or of a file."""
    if isinstance(source, (str, os.PathLike)):
        return os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    fd, path = tempfile.mkstemp()
    try:
        with os.fdopen(fd, "wb") as f:
            f.write(source)
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.unlink(path)


def drain(pipes, deadline, keep=True):
    """Everything from these descriptors, until all have ended; only counted where it is not to be kept."""
    out = {fd: bytearray() for fd in pipes}
    count = dict.fromkeys(pipes, 0)
    left = set(pipes)
    buffer = memoryview(bytearray(PIPE_BYTES))
    while left:
        ready, _, _ = select.select(list(left), [], [], max(0, deadline - time.monotonic()))
        if not ready:
            raise TimeoutError("handback-parse does not end")
        for fd in ready:
            got = os.readv(fd, [buffer])
            count[fd] += got
            if keep:
                out[fd] += buffer[:got]
            if not got:
                left.discard(fd)
    return [bytes(out[fd]) for fd in pipes], count[pipes[0]]


def program(profile):
    """The one that reads files of this profile: a path, or bytes."""
    text = profile if isinstance(profile, bytes) else pathlib.Path(profile).read_bytes()
    return "handback-parse-xml" if re.search(rb"^format:\s*[\"']?xml\b", text, re.M) else "handback-parse"


def waits(pid):
    """Waits until a child that was started ahead waits itself; the seconds of processor that it took."""
    while not re.match(r"\d+ \((?!sh\)).*\) S ", pathlib.Path(f"/proc/{pid}/stat").read_text()):
        time.sleep(0.001)
    return int(pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def send_job(end, size, name, fds, flags=0, escape=0):
    message = JOB.pack(MAGIC, VERSION, flags, size, escape, len(name), name)
    end.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))])


def parse(profile, source, name=None, *, binary=None, flags=0, escape=0, timeout=60, preload=None, env=None,
          keep=True, ahead=False):
    """Runs one job.  profile and source: a path, or bytes; name: what the file is called; ahead: started before the
    clock is, as handback-reconcile starts it."""
    if name is None:
        name = os.fsencode(os.path.basename(source)) if isinstance(source, (str, os.PathLike)) else b"test.dat"
    name = name.encode() if isinstance(name, str) else name
    binary = binary or BUILD / "parsers" / program(profile)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    file, text = opened(source), opened(profile)
    out_r, out_w = os.pipe()
    err_r, err_w = os.pipe()
    fcntl.fcntl(out_r, F_SETPIPE_SZ, PIPE_BYTES)
    start = time.monotonic()
    # the channel goes to descriptor 3 by way of a shell: a function of Python's before the exec would have this whole
    # process copied, which costs more than the parser does
    child = subprocess.Popen(["/bin/sh", "-c", 'exec "$@" 3<&0 </dev/null', "sh", *(preload or []), binary], stdin=theirs,
                             stdout=out_w, stderr=err_w, env={"LANG": "C.UTF-8", "PATH": "/usr/bin:/bin",
                                                              "ASAN_OPTIONS": "detect_leaks=0", **(env or {})})
    try:
        for fd in (out_w, err_w):
            os.close(fd)
        theirs.close()
        before = waits(child.pid) if ahead else 0
        start = time.monotonic() if ahead else start
        try:
            send_job(ours, os.fstat(file).st_size, name, [file, text], flags, escape)
        except BrokenPipeError:
            pass
        (output, errors), count = drain([out_r, err_r], start + timeout, keep)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        return Result(child.returncode, errors.decode("utf-8", "replace"), output, time.monotonic() - start,
                      usage.ru_utime + usage.ru_stime - before, usage.ru_maxrss, count)
    finally:
        if child.returncode is None:
            child.send_signal(signal.SIGKILL)
            child.wait()
        ours.close()
        for fd in (file, text, out_r, err_r):
            os.close(fd)


def measure(profile, path, name=None):
    """Seconds and peak memory of one run, by a process that is small itself."""
    with tempfile.NamedTemporaryFile() as f:
        f.write(profile)
        f.flush()
        done = subprocess.run([sys.executable, __file__, "--build", BUILD, "--measure", *(["--name", name] if name else []),
                               f.name, path], capture_output=True, check=True, text=True)
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", type=pathlib.Path, default=BUILD, help="build directory (HANDBACK_BUILD)")
    parser.add_argument("--name", help="what the file is called (default: its own name)")
    parser.add_argument("--measure", action="store_true", help="print seconds and peak memory")
    parser.add_argument("profile")
    parser.add_argument("file")
    options = parser.parse_args()
    binary = options.build / "parsers" / program(options.profile)
    result = parse(options.profile, options.file, options.name, binary=binary, keep=not options.measure,
                   ahead=options.measure)
    if options.measure:
        print(json.dumps({"status": result.status, "seconds": result.seconds, "cpu": result.cpu,
                          "max_rss": result.max_rss, "output": result.count}))
        return 0
    sys.stderr.write(result.stderr)
    for kind, fields in result.frames:
        print(json.dumps({"frame": kind, **fields}, ensure_ascii=False))
    if result.status != 0:
        print(f"handback-parse ended with {result.status}", file=sys.stderr)
    return 0 if result.status == 0 and result.end and not result.end["refused"] else 1


if __name__ == "__main__":
    sys.exit(main())

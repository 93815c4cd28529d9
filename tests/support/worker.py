"""One handback-reconcile under a test's hand, without handbackd: a worker on the other end of a channel.

    with Desk(database, build) as desk:
        desk.redeem("R1", points=100)
        reply = desk.deliver([("R1", "OK")])          # a file of partner AIR, by the next number
        assert reply["state"] == "posted" and desk.outcomes(reply["file"]) == [("confirmed", None)]

or, for one's own configuration, Worker(build, config, log).job(directory, name, source, partner, profile).
"""
import array
import collections
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import time
import uuid

RECONCILE = "reconcile/handback-reconcile"

PROFILE = """\
profile: air
partner: AIR
programme: P
format: delimited
encoding: utf-8
zone: Europe/Zurich

file_name: "{file_name}"

framing:
  newline: lf
  last_newline: required

delimited:
  delimiter: ","
  quote: '"'
  header: names
  extra_columns: refuse

records:
  trailer:
    role: trailer
    when: {1: TRAILER}
    columns: 3
    fields:
      count: {at: 2, type: integer}
      points_total: {at: 3, type: integer}
  detail:
    role: entry
    fields:
      external_reference: {at: Reference, optional: yes}
      outbound_reference: {at: Outbound, type: id, optional: yes}
      partner_reference: {at: Booking, type: id, optional: yes}
      member: {at: Member, type: id, optional: yes}
      programme: {at: Programme, type: id, optional: yes}
      points: {at: Points, optional: yes}
      currency: {at: Currency, optional: yes}
      amount: {at: Cents, type: amount, optional: yes}
      merchant: {at: Merchant, optional: yes}
      transaction_type: {at: Type, type: integer, optional: yes}
      status: {at: Status, type: id}
      reason: {at: Reason, type: id, optional: yes, separator: "+"}
      reason_text: {at: Text, optional: yes}
      change: {at: Change, type: id, optional: yes}

verdict:
  field: status
  words:
    OK: accepted
    NEW: accepted_with_change
    LATE: accepted_with_warning
    KO: rejected
    WAIT: pending

controls:
  records: trailer.count = count(detail)
  points: trailer.points_total = sum(detail.points)

match: {match}
check: [programme, member, points, currency, amount, merchant, transaction_type]
lists: {lists}
order_by: {order_by}
gap: {gap}
late_reject: {late_reject}
resubmission: {resubmission}
{more}
reasons:
  FULL: {means: not_available, action: reverse}
  FRAUD: {means: suspected_fraud, action: hold}
  SYSTEM: {means: partner_error, action: retry}
  MOVED: {means: account_changed, action: accept}
unknown_reason: {unknown_reason}
no_reason: reverse
"""
SETTINGS = {"match": "[external_reference]", "order_by": "sequence", "gap": "continue", "late_reject": "hold",
            "resubmission": "hold", "unknown_reason": "hold", "lists": "all", "file_name": "AIR_{sequence:+}.csv", "more": ""}
COLUMNS = ("Reference", "Outbound", "Booking", "Member", "Programme", "Points", "Currency", "Cents", "Merchant", "Type",
           "Status", "Reason", "Text", "Change")

ESCAPES = {"\\": "\\", "t": "\t", "n": "\n", "r": "\r"}


def unescape(text):
    return re.sub(r"\\(x[0-9a-f]{2}|.)", lambda m: ESCAPES.get(m[1]) or chr(int(m[1][1:], 16)), text)


class Worker:
    """One process and its channel."""

    def __init__(self, build, config, log, prefix=(), **environment):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [*prefix, str(build / RECONCILE), "--config", str(config)]
        # descriptor 3 by way of a shell: subprocess can only keep numbers as they are
        with open(log, "ab") as out:
            self.process = subprocess.Popen(["/bin/sh", "-c", 'exec "$@" 3<&0 </dev/null', "sh", *command], stdin=theirs,
                                            stdout=out, stderr=out, env={**os.environ, **environment}, cwd="/")
        theirs.close()
        self.channel = ours
        self.log = pathlib.Path(log)
        self.stages, self.retried = [], 0

    def receive(self, seconds=30):
        """One line as (verb, {key: value}), or None at the end; what it had to try again is counted in retried."""
        self.channel.settimeout(seconds)
        while True:
            line = self.channel.recv(1 << 16).decode("ascii")
            if not line:
                return None
            verb, *pairs = line.split("\t")
            said = {k: unescape(v) for k, v in (pair.split("=", 1) for pair in pairs)}
            if verb == "retried":
                self.retried += int(said["times"])
            elif verb != "waiting":
                return verb, said

    def wait_ready(self, seconds=30):
        said = self.receive(seconds)
        assert said and said[0] == "ready", f"the worker said {said}; its log: {self.log.read_text(errors='replace')}"
        return self

    def send(self, directory, name, source, partner, profile, seen=None):
        seen = seen or int(time.time() * 1e6)
        line = f"job\tsource={source}\tpartner={partner}\tprofile={profile}\tname={os.fsencode(name).hex()}\tseen={seen}"
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self.channel.sendmsg([line.encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
        finally:
            os.close(fd)

    def answer(self, seconds=30):
        """How the job ended: {"end": verb, ...}; what it said on the way is in stages."""
        while True:
            said = self.receive(seconds)
            assert said, "the worker went away over the job"
            verb, pairs = said
            if verb not in ("stage", "taken"):
                return {"end": verb, **{k: int(v) if re.fullmatch(r"\d+", v) else v for k, v in pairs.items()}}
            self.stages += [pairs] if verb == "stage" else []

    def job(self, directory, name, source, partner, profile, seconds=30, seen=None):
        self.send(directory, name, source, partner, profile, seen)
        return self.answer(seconds)

    def release(self, seconds=30):
        """Asks for the next held file that may go: how that ended."""
        self.channel.send(b"release")
        return self.answer(seconds)

    def close(self, seconds=10):
        self.channel.close()
        return self.process.wait(seconds)


class Desk:
    """A ledger with members of one programme, a partner AIR, a spool, and a worker."""

    def __init__(self, database, build, libexec=None, conninfo=None, start=True, **settings):
        self.database, self.build, self.libexec = database, build, libexec
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="handback-desk-", dir="/tmp"))
        self.inbound, self.spool, self.profiles = (self.dir / n for n in ("inbound", "spool", "profiles"))
        self.inbound.mkdir()
        self.profiles.mkdir()
        self.profile(**settings)
        self.config = self.dir / "handback.yaml"
        self.config.write_text(f'database:\n  conninfo: "{conninfo or database.conninfo()}"\nspool: {self.spool}\n'
                               f"profiles: {self.profiles}\nreports: {self.dir}/reports\ncontrol: {self.dir}/control\n"
                               f"sources:\n  - name: air\n    partner: AIR\n    profile: air\n"
                               f"    directory: {self.inbound}\n", encoding="utf-8")
        self.db = database.connect()
        self.references = {}
        self.opening = collections.Counter()
        self.sequence = 0
        self._ledger()
        self.worker = None
        if start:
            self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.worker:
            try:
                self.worker.close()
            except subprocess.TimeoutExpired:  # only one that a test has stopped or broken does not leave
                self.worker.process.kill()
                self.worker.process.wait()
        self.db.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def profile(self, **settings):
        text = PROFILE
        for key, value in {**SETTINGS, **settings}.items():
            text = text.replace("{" + key + "}", value)
        (self.profiles / "air.yaml").write_text(text, encoding="utf-8")

    def start(self, prefix=(), wait=True, **environment):
        if self.libexec:
            environment["HANDBACK_LIBEXEC"] = str(self.libexec)
        self.worker = Worker(self.build, self.config, self.dir / "log", prefix, **environment)
        return self.worker.wait_ready() if wait else self.worker

    def log(self):
        return (self.dir / "log").read_text(errors="replace")

    # the ledger

    def _ledger(self):
        self.db.execute("INSERT INTO ledger.programme (programme_id, code, name, rate_points, rate_minor, currency)"
                        " VALUES (1, 'P', 'Points', 1, 1, 'EUR'), (2, 'Q', 'Other points', 1, 1, 'EUR')")
        self.db.execute("INSERT INTO ledger.member (member_id, programme_id, relation_reference)"
                        " SELECT m, 1, 'M' || m FROM generate_series(1, 9) m UNION ALL VALUES (11, 2, 'M11')")
        self.db.execute("SELECT setval(pg_get_serial_sequence('ledger.member', 'member_id'), 100)")
        members = [*range(1, 10), 11]
        self.db.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points)"
                        " SELECT CASE m WHEN 11 THEN 2 ELSE 1 END, m, 'Credit By Accrual', 1000000 FROM unnest(%s::bigint[]) m", (members,))
        self.opening.update(dict.fromkeys(members, 1_000_000))

    def _entry(self, member, category, points, **columns):
        names = ["programme_id", "member_id", "category", "points", *columns]
        values = [2 if member == 11 else 1, member, category, points, *columns.values()]
        entry, = self.db.execute(f"INSERT INTO ledger.entry ({', '.join(names)}) VALUES"
                                 f" ({', '.join(['%s'] * len(values))}) RETURNING entry_id", values).fetchone()
        self.opening[member] += points if category == "Credit By Accrual" else -points
        return entry

    def redeem(self, key, member=1, points=100, partner="AIR", amount=100, currency="EUR", merchant="Air", type=6,
               **columns):
        """A debit, called key in this test; its UUID is references[key], its number is returned."""
        self.references[key] = str(uuid.uuid5(uuid.NAMESPACE_OID, key))
        return self._entry(member, "Debit By Redemption", points, partner=partner, amount=amount, currency=currency,
                           merchant=merchant, transaction_type=type, external_reference=self.references[key], **columns)

    def redeem_all(self, keys, points=100):
        """The same debit of the first member for each of many keys, in their order: by one statement, which takes a thirtieth of the time."""
        made = {key: str(uuid.uuid5(uuid.NAMESPACE_OID, key)) for key in keys}
        self.references.update(made)
        self.db.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points, partner, amount, currency, merchant, transaction_type,"
                        " external_reference) SELECT 1, 1, 'Debit By Redemption', %s, 'AIR', 100, 'EUR', 'Air', 6, r"
                        " FROM unnest(%s::uuid[]) WITH ORDINALITY u(r, n) ORDER BY n", (points, list(made.values())))
        self.db.execute("ANALYZE ledger.entry, ledger.balance")  # as the server does by itself, after a minute
        self.opening[1] -= points * len(made)

    def balance(self, member=1):
        """Against the opening balance, debits included: what was given back."""
        points, = self.db.execute("SELECT points FROM ledger.balance WHERE member_id = %s", (member,)).fetchone()
        return points - self.opening[member]

    # files

    def file(self, answers, count=None, points=None):
        """The bytes of a file; an answer is (key or text, status, {column: value}).  What is not said agrees."""
        lines, total = [",".join(COLUMNS)], 0
        for key, status, *more in answers:
            said = {"Reference": self.references.get(key, key), "Member": "M1", "Points": 100, "Status": status,
                    **(more[0] if more else {})}
            total += int(said["Points"] or 0)
            lines.append(",".join('"%s"' % said[c] if "," in str(said.get(c, "")) else str(said.get(c, ""))
                                  for c in COLUMNS))
        lines.append(f"TRAILER,{len(answers) if count is None else count},{total if points is None else points}")
        return ("\n".join(lines) + "\n").encode()

    def drop(self, name, data):
        part = self.inbound / ".part"
        part.write_bytes(data)
        part.rename(self.inbound / name)

    def take(self, name, seconds=30, source="air"):
        return self.worker.job(self.inbound, name, source, "AIR", "air", seconds)

    def deliver(self, answers, sequence=None, name=None, **more):
        """Writes a file and has it taken: the worker's answer."""
        self.sequence = sequence if sequence is not None else self.sequence + 1
        name = name or f"AIR_{self.sequence}.csv"
        self.drop(name, answers if isinstance(answers, bytes) else self.file(answers, **more))
        return self.take(name)

    def ctl(self, *arguments, allowed=(0,)):
        done = subprocess.run([str(self.build / "ctl/handbackctl"), "--config", str(self.config), *map(str, arguments)],
                              capture_output=True, text=True)
        assert done.returncode in allowed, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def nightly(self, allowed=(0, 3)):
        """The nightly run: {table: rows} of what it did."""
        said = self.ctl("nightly", "--json", allowed=allowed).stdout
        return json.loads(said)["done"]

    def release(self):
        """Every held file that may go now: the worker's answers."""
        ended = []
        while (done := self.worker.release())["end"] == "done":
            ended.append(done)
        assert done["end"] == "gone", done
        return ended

    # what came of it

    def query(self, sql, *parameters):
        return self.db.execute(sql, parameters).fetchall()

    def outcomes(self, file, revision=0):
        """[(outcome, hold_reason)] in the file's order."""
        return self.query("""SELECT n.name, o.hold_reason FROM handback.outcome o JOIN handback.outcome_name n USING (outcome)
                              WHERE o.file_id = %s AND o.revision = %s ORDER BY o.record_no""", file, revision)

    def details(self, file):
        return [row[0] for row in self.query(
            "SELECT detail FROM handback.outcome WHERE file_id = %s AND revision = 0 ORDER BY record_no", file)]

    def refusals(self, file):
        return self.query("SELECT rule, message FROM handback.refusal WHERE file_id = %s ORDER BY n", file)

    def row(self, file):
        columns = "state::text, hold_reason, duplicate_of, release_of, records, sequence, archived_as, encode(sha256, 'hex')"
        values = self.query(f"SELECT {columns} FROM handback.file WHERE file_id = %s", file)[0]
        return dict(zip(("state", "hold_reason", "duplicate_of", "release_of", "records", "sequence", "archived_as", "sha256"), values))

    def reversals(self):
        return self.query("SELECT count(*) FROM ledger.reversal")[0][0]

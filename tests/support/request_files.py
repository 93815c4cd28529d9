"""A desk whose partner AIR takes request files in a directory, by one handback-outbox."""
import signal
import subprocess
import time

from points import receive, terms
from redemption_api import credential

DELIMITED = """\
profile: air-requests
partner: AIR
programme: P
format: delimited
file_name: "REQ_{business_date:YYYYMMDD}_{sequence:6}.csv"
delimited: {delimiter: ";", quote: '"'}
records:
  head: {role: header, when: {1: H}, fields: {sequence: {at: 2}, business_date: {at: 3, format: YYYY-MM-DD}, count: {at: 4, type: integer}}}
  end: {role: trailer, when: {1: T}, fields: {rows: {at: 2, type: integer}, total: {at: 3, type: integer}}}
  request:
    role: entry
    when: {1: D}
    verdict: pending
    fields:
      outbound_line: {at: 2}
      outbound_reference: {at: 3}
      external_reference: {at: 4}
      account: {at: 5, type: text}
      member: {at: 6, type: text}
      points: {at: 7}
      amount: {at: 8, point: ".", decimals: 2}
      currency: {at: 9}
      note: {at: 10, type: text}
controls:
  count: head.count = count(request)
  rows: end.rows = lines
  total: end.total = sum(request.points)
match: [outbound_reference]
"""


class Requests:
    """A desk whose partner AIR takes request files in a directory, by one handback-outbox."""

    def __init__(self, desk, build, profile=DELIMITED):
        self.desk, self.build, self.process = desk, build, None
        self.root = desk.dir / "requests"
        credential(desk.db)
        self.add("AIR", profile)
        self.profile = self.profile_of("AIR")
        self.log = desk.dir / "outbox.log"

    def add(self, partner, profile, sftp=None):
        (self.root / "P" / partner).mkdir(parents=True)
        if sftp is None:
            (self.root / "P" / partner / "out").mkdir()
        else:
            (self.root / "P" / partner / "sftp").symlink_to(sftp)
        self.profile_of(partner).write_text(profile, encoding="utf-8")
        terms(self.desk.database, partner, account="stated", schedule="now")

    def profile_of(self, partner):
        return self.root / "P" / partner / "profile.yaml"

    def start(self, prefix=()):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([*prefix, self.build / "outbound/handback-outbox", "--database",
                                             self.desk.database.conninfo("handback_outbox"), "--requests", self.root], stderr=log)

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(20)

    def ask(self, key, member=1, points=100, **other):
        row = {"RequestKey": key, "RelationReference": f"M{member}", "PartnerMemberId": f"A{member}", "Partner": "AIR", "Points": points,
               "Reason": "Closed Won", **other}
        end = time.monotonic() + 30
        while (code := receive(self.desk.db, row)) == ["busy"] and time.monotonic() < end:
            time.sleep(0.01)  # who was killed holds its lock until its server's process has noticed
        assert code == ["000"]

    def files(self, partner="AIR"):
        out = self.root / "P" / partner / "out"
        return sorted(p for p in (out if out.exists() else self.server).iterdir() if not p.name.startswith("."))

    def wait(self, true, seconds=60):
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end and self.process.poll() is None, self.log.read_text(errors="replace")
            time.sleep(0.05)

    def open_points(self):
        return self.desk.query("SELECT coalesce(sum(open), 0) + coalesce(sum(unknown), 0) FROM points.batches")[0][0]

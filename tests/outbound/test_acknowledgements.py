"""The partner's acknowledgement of a request file: expected, missing, late; for half a file it is held and tells both numbers."""
from case_table import case
from request_files import Requests
from worker import Desk

ROWS = """\
profile: air-rows
partner: AIR
programme: P
format: delimited
delimited: {delimiter: ","}
records: {row: {role: entry, verdict: pending, fields: {outbound_reference: {at: 1}}}}
match: [outbound_reference]
check: none
acknowledges: {what: rows, within: 60}
"""
WHOLE = """\
profile: air-whole
partner: AIR
programme: P
format: delimited
delimited: {delimiter: ","}
records:
  head: {role: header, when: {1: ACK}, fields: {original_message: {at: 2}, got: {at: 3, type: integer}, miles: {at: 4, type: integer}}}
  row: {role: entry, when: {1: ROW}, verdict: pending, fields: {outbound_reference: {at: 2}}}
controls: {requests: head.got = head.got, points: head.miles = head.miles}
match: [outbound_reference]
check: none
acknowledges: {what: whole, within: 60}
"""


class Acknowledging(Desk):
    """A desk with two more sources of AIR, which acknowledge its request files."""

    def __init__(self, database, build):
        super().__init__(database, build, start=False)
        with open(self.config, "a", encoding="utf-8") as config:
            for name, text in (("rows", ROWS), ("whole", WHOLE)):
                (self.profiles / f"air-{name}.yaml").write_text(text, encoding="utf-8")
                (self.dir / name).mkdir()
                config.write(f"  - name: {name}\n    partner: AIR\n    profile: air-{name}\n    directory: {self.dir / name}\n")
        self.acknowledged = 0

    def acknowledge(self, source, *lines):
        """The worker's answer to a file of these lines, and why it was held."""
        self.acknowledged += 1
        name = f"ack-{self.acknowledged}.csv"
        (self.dir / source / name).write_text("".join(f"{line}\n" for line in lines))
        done = self.worker.job(self.dir / source, name, source, "AIR", f"air-{source}")
        return done["state"], self.query("SELECT f.hold_reason, (SELECT r.message FROM handback.refusal r WHERE r.file_id = f.file_id)"
                                         " FROM handback.file f WHERE f.file_id = %s", done["file"])[0]

    def expected(self, source):
        return self.query("SELECT kind, state FROM handback.expected_files WHERE source = %s ORDER BY due_at", source)


@case("points request: the acknowledgement of a request file is expected, late, and held with both numbers where it is for half of it")
def test_acknowledgements(database, build):
    with Acknowledging(database, build) as desk:
        requests = Requests(desk, build)
        for n in range(1, 6):
            requests.ask(f"deal-{n}", n, n * 11)
        requests.start()
        requests.wait(lambda: desk.query("SELECT 1 FROM points.batches WHERE placed_at IS NOT NULL"))
        file, = requests.files()
        # two hours go by
        desk.db.execute("SET session_replication_role = replica")
        desk.db.execute("UPDATE points.batch_step SET at = at - interval '2 hours'")
        desk.db.execute("SET session_replication_role = origin")
        assert desk.expected("rows") == []
        desk.nightly()
        kind = f"acknowledgement of {file.name}"
        assert desk.expected("rows") == desk.expected("whole") == [(kind, "missing")]
        desk.start()
        references = [r for r, in desk.query("SELECT outbound_reference FROM ledger.redemption ORDER BY points")]
        half = f"it acknowledges 3 of the 5 requests of {file.name}, and 66 of its 165 points"
        assert desk.acknowledge("rows", *references[:3]) == ("held", ("acknowledged_in_part", half))
        assert desk.acknowledge("whole", f"ACK,{file.name},3,66") == ("held", ("acknowledged_in_part", half))
        assert desk.acknowledge("whole", "ACK,another.csv,5,165") == (
            "held", ("acknowledged_in_part", "it acknowledges no request file of ours"))
        assert desk.query("SELECT acknowledged FROM points.batches") == [(None,)]
        assert desk.expected("rows") == [(kind, "missing")]
        assert "3 of the 5 requests" in desk.ctl("hold", "show", 1).stdout
        # what it has not, people settle with the partner: the file goes then as it is
        assert desk.acknowledge("rows", *references)[0] == "posted"
        assert desk.acknowledge("whole", "ACK,1,5,165")[0] == "posted"  # by its number
        assert desk.expected("rows") == desk.expected("whole") == [(kind, "late")]
        assert desk.query("SELECT acknowledged, sent, open, credited, reversed FROM points.batches") == [(165, 165, 165, 0, 0)]
        # a second one comes in its time
        requests.ask("deal-6", 6, 7)
        requests.wait(lambda: len(requests.files()) == 2 and desk.query("SELECT 1 FROM points.batches WHERE sequence = 2 AND placed_at IS NOT NULL"))
        second, = desk.query("SELECT outbound_reference FROM ledger.redemption ORDER BY redemption_id DESC LIMIT 1")[0]
        assert desk.acknowledge("rows", references[0], second)[1][1].startswith("it acknowledges 2 request files")
        assert desk.acknowledge("rows", second)[0] == "posted"
        desk.nightly()
        assert [state for _, state in desk.expected("rows")] == ["late", "on_time"]
        assert [state for _, state in desk.expected("whole")] == ["late", "due"]
        requests.stop()
        desk.ctl("audit", "verify")

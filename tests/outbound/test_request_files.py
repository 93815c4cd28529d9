"""Request files: batches that become files by a profile read backwards, whole and once; read back by our own parser they are the requests;
the hand-back file settles them, and the batch comes to zero."""
import json
import random
import re
import signal
import time
from xml.etree import ElementTree

import pytest

from case_table import case
from fetcher import Source
from parse_client import parse
from request_files import DELIMITED, Requests
from sshd import Sshd
from worker import Desk

FIXED = """\
profile: air-requests
partner: AIR
programme: P
format: fixed
fixed: {length: 80}
records:
  head: {role: header, when: {1-2: HD}, fields: {sequence: {at: 3-8}, business_date: {at: 9-16, format: YYYYMMDD}}}
  end: {role: trailer, when: {1-2: TR}, fields: {rows: {at: 3-9, type: integer}, total: {at: 10-24, type: integer}}}
  request:
    role: entry
    when: {1-2: RQ}
    verdict: pending
    fields:
      outbound_reference: {at: 3-22}
      account: {at: 23-42, type: text}
      points: {at: 43-54}
controls:
  rows: end.rows = count(request)
  total: end.total = sum(request.points)
match: [outbound_reference]
"""
XML = """\
profile: bus-requests
partner: BUS
programme: P
format: xml
file_name: "REQ_{sequence:6}.xml"
xml: {namespace: "urn:bus:requests", namespaces: {x: "urn:bus:more"}}
records:
  head:
    role: level
    path: /Requests
    fields:
      sequence: {at: "@number"}
      business_date: {at: "Head/Day", format: YYYY-MM-DD}
      count: {at: "Head/Totals/@count", type: integer}
      total: {at: "Head/Totals/x:Points", type: integer}
      kind: {at: "@kind", must_be: CREDIT}
  request:
    role: entry
    path: /Requests/Body/Request
    verdict: pending
    fields:
      outbound_reference: {at: "@ref"}
      account: {at: "Party[@role='credit']/x:Account", type: text}
      member: {at: "Party[@role='debit']/x:Account", type: text}
      points: {at: Points}
      amount: {at: Money, point: ".", decimals: 2}
      currency: {at: "Money/@ccy"}
      note: {at: Note, type: text, optional: yes}
controls:
  count: head.count = count(request)
  total: head.total = sum(request.points)
match: [outbound_reference]
"""
JSON = """\
profile: car-requests
partner: CAR
programme: P
format: json
file_name: "REQ_{sequence:6}.json"
records:
  head:
    role: level
    path: /
    fields:
      sequence: {at: head/number}
      count: {at: head/count, type: integer}
      total: {at: head/points, type: integer}
  request:
    role: entry
    path: "/batches[]/requests[]"
    verdict: pending
    fields:
      outbound_reference: {at: ref}
      external_reference: {at: ids/uuid}
      account: {at: ids/account, type: text}
      points: {at: value/points}
      amount: {at: value/money, point: ".", decimals: 2}
      currency: {at: value/currency}
      note: {at: "notes[]", type: text, optional: yes}
controls:
  count: head.count = count(request)
  total: head.total = sum(request.points)
match: [outbound_reference]
"""


@pytest.fixture
def desk(database, build):
    with Desk(database, build, start=False) as made:
        yield made


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Sshd(tmp_path_factory.mktemp("server")) as made:
        yield made


LAYOUTS = {"AIR": DELIMITED, "TRAIN": FIXED.replace("AIR", "TRAIN"), "BUS": XML, "CAR": JSON}
ASKED = ("SELECT d.outbound_reference, d.points, d.external_reference::text, r.account FROM points.request r"
         " JOIN ledger.redemption d ON d.redemption_id = r.entry_id WHERE r.partner = %s ORDER BY 1")


@case("points request: a request file read back by our own parser gives the requests; its hand-back file settles them and closes the batch")
def test_circle(desk, build, server):
    requests = Requests(desk, build)
    requests.server = server.root / "requests"
    requests.server.mkdir()
    source = Source(desk.dir, server.port, server.user, server.key, [server.pin], directory=server.root, requests_directory=requests.server)
    source.run()  # from then on there is a place for request files
    for partner, text in LAYOUTS.items():
        if partner != "AIR":
            requests.add(partner, text, source.spool / ".requests" if partner == "CAR" else None)
        for n in range(1, 6):
            requests.ask(f"{partner}-{n}", n, n * 11, Partner=partner, PartnerMemberId=f"A-{n}",
                         Reason="won" if partner == "TRAIN" else 'won; "big" <&> \\ \u00e9' if n < 5 else "-")
    requests.start()
    placed = "SELECT partner FROM points.batches WHERE placed_at IS NOT NULL ORDER BY 1"
    requests.wait(lambda: len(desk.query(placed)) == 3 and (source.spool / ".requests/REQ_000001.json").exists())
    assert desk.query(placed) == [("AIR",), ("BUS",), ("TRAIN",)]  # CAR's was not uploaded: its points may not have left us
    assert desk.query("SELECT sent, unknown FROM points.batches WHERE partner = 'CAR'") == [(0, 165)]
    assert source.run().one("answered")["name"] == "REQ_000001.json"
    requests.wait(lambda: len(desk.query(placed)) == len(LAYOUTS))
    requests.wait(lambda: not list((source.spool / ".requests").iterdir()))
    for partner in LAYOUTS:
        file, = requests.files(partner)
        read = parse(str(requests.profile_of(partner)), str(file))
        assert not read.refused, (read.refusals, file.read_text())
        asked = desk.query(ASKED, partner)
        assert [(r["outbound_reference"], r["points"]) for r in read.records] == [a[:2] for a in asked] and len(asked) == 5
        if partner in ("AIR", "CAR"):
            assert [r["external_reference"] for r in read.records] == [a[2] for a in asked]
        if partner in ("AIR", "BUS", "CAR"):
            assert [(r["amount"], r["currency"]) for r in read.records] == desk.query(
                "SELECT d.amount, d.currency FROM ledger.redemption d JOIN points.request r ON r.entry_id = d.redemption_id"
                " WHERE r.partner = %s ORDER BY d.outbound_reference", partner)
    assert re.fullmatch(r"REQ_\d{8}_000001\.csv", requests.files()[0].name)
    # and by readers that are not ours
    file, = requests.files("BUS")
    space = {"b": "urn:bus:requests", "x": "urn:bus:more"}
    root = ElementTree.parse(file).getroot()
    assert [(e.get("ref"), e.findtext("b:Party[@role='credit']/x:Account", None, space), e.findtext("b:Note", None, space))
            for e in root.findall("b:Body/b:Request", space)] == [
        (a[0], a[3], 'won; "big" <&> \\ \u00e9' if n < 5 else "-") for n, a in enumerate(desk.query(ASKED, "BUS"), 1)]
    file, = requests.files("CAR")
    rows = json.loads(file.read_text(encoding="utf-8"))
    assert rows["head"] == {"number": 1, "count": 5, "points": 165} and len(rows["batches"]) == 1
    assert [(r["ref"], r["value"]["points"], r["notes"][0]) for r in rows["batches"][0]["requests"]] == [
        (a[0], a[1], 'won; "big" <&> \\ \u00e9' if n < 5 else "-") for n, a in enumerate(desk.query(ASKED, "CAR"), 1)]
    desk.start()
    references = [a[2] for a in desk.query(ASKED, "AIR")]
    answers = [(r, "KO" if n == 2 else "OK", {"Member": f"M{n}", "Points": n * 11, **({"Reason": "FULL"} if n == 2 else {})})
               for n, r in enumerate(references, 1)]
    done = desk.deliver(answers)
    assert done["state"] == "posted", desk.refusals(done["file"])
    requests.wait(lambda: desk.query("SELECT count(*) FROM points.batch_end")[0][0] == 1)
    assert desk.query("SELECT requested, credited, rejected, reversed, unknown, open FROM points.batches WHERE partner = 'AIR'") == [
        (165, 143, 22, 22, 0, 0)]
    assert [s for s, in desk.query("SELECT state FROM points.requests WHERE partner = 'AIR' ORDER BY request_no")] == [
        "credited", "reversed", "credited", "credited", "credited"]
    requests.stop()
    # both sides' files: their totals against ours
    batch, = desk.query("SELECT batch_no FROM points.batches WHERE partner = 'AIR'")[0]
    assert desk.query("SELECT file_id, answers, stated, credited, reversed, held, records FROM points.batch_files") == [
        (done["file"], 5, 165, 143, 22, 0, 5)]
    shown = json.loads(desk.ctl("points", "batch", batch, "--json").stdout)
    assert shown["files"][0]["stated"] == shown["batch"]["requested"] == 165
    desk.ctl("audit", "verify")


@case("points request: a window becomes a batch without reading for each request what it has written of the others")
def test_large_window(desk, build):
    requests = Requests(desk, build)
    for n in range(30):
        requests.ask(f"deal-{n}")
    desk.db.execute("ANALYZE points.sending")  # empty, as before the first window
    scans = "SELECT coalesce(sum(seq_scan), 0) FROM pg_stat_xact_user_tables WHERE relid = 'points.sending'::regclass"
    with desk.db.transaction(force_rollback=True):
        assert desk.query("SELECT points.open_batch(1, 'AIR', clock_timestamp())") == [(1,)]
        assert desk.query("SELECT count(*) FROM points.sending") == [(30,)] and desk.query(scans)[0][0] < 6


@case("points request: a file that cannot be written as its profile says is not sent, and nothing of it is cut")
def test_refused(desk, build):
    requests = Requests(desk, build, FIXED)
    requests.ask("long", PartnerMemberId="A" * 21)
    requests.start()
    requests.wait(lambda: "is longer than its 20 bytes" in requests.log.read_text())
    assert requests.files() == [] and requests.open_points() == 200  # open, and not known to have left
    requests.profile.write_text(FIXED.replace("23-42", "23-43").replace("43-54", "44-55"), encoding="utf-8")
    requests.wait(requests.files)
    requests.stop()


def cut_run(desk, requests, seed):
    """Requests, cuts at random moments and a hand-back file over what was placed: what the partner then has."""
    dice, taken = random.Random(seed), {}
    total = dice.randint(1, 4)
    for n in range(total):
        for m in range(dice.randint(1, 3)):
            requests.ask(f"{seed}/{n}/{m}", dice.randint(1, 9), dice.randint(1, 500))
        requests.start(("prlimit", "--fsize=300") if dice.random() < 0.2 else ())
        if dice.random() < 0.7:
            time.sleep(dice.uniform(0.0, 0.6))
        else:
            desk.db.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'handback-outbox'")
        requests.stop(signal.SIGKILL)
        for file in requests.files():  # the partner takes it
            assert file.name not in taken, "a file was placed twice"
            taken[file.name] = file.read_bytes()
            file.unlink()
    requests.start()
    requests.wait(lambda: not desk.query("SELECT 1 FROM points.waiting UNION ALL SELECT 1 FROM points.batches WHERE placed_at IS NULL"))
    requests.stop()
    for file in requests.files():
        assert file.name not in taken, "a file was placed twice"
        taken[file.name] = file.read_bytes()
        file.unlink()
    return taken


@case("points request: random cuts while files are made, then the hand-back file: nothing unknown, nothing sent twice, every batch at zero")
def test_cuts(desk, build, seeds=range(3)):
    requests = Requests(desk, build)
    desk.start()
    dice = random.Random(99)
    for seed in seeds:
        taken = cut_run(desk, requests, seed)
        rows = []
        for name, data in taken.items():
            read = parse(str(requests.profile), data, name)
            assert not read.refused, (name, read.refusals)
            rows += read.records
        sent = [r["outbound_reference"] for r in rows]
        assert len(sent) == len(set(sent)), "a request was sent twice"
        asked = {r: (str(x), m, p) for r, x, m, p in desk.query(
            "SELECT d.outbound_reference, d.external_reference, d.member, d.points FROM points.request r"
            " JOIN ledger.redemption d ON d.redemption_id = r.entry_id WHERE r.request_key LIKE %s", f"{seed}/%")}
        assert set(sent) == set(asked)
        done = desk.deliver([(asked[r][0], dice.choice(("OK", "KO")), {"Member": asked[r][1], "Points": asked[r][2]}) for r in sent])
        assert done["state"] == "posted"
        desk.db.execute("SELECT points.close_batches()")
        assert requests.open_points() == 0
        assert desk.query("SELECT count(*) FROM points.batches WHERE ended_at IS NULL") == [(0,)]
    assert desk.query("SELECT count(*) FROM points.request r WHERE points.state_of(r.request_no) NOT IN ('credited', 'reversed')") == [(0,)]
    assert desk.query("SELECT sum(b.points) + (SELECT sum(d.points) FROM ledger.redemption d WHERE handback.redemption_state(d.redemption_id) = 'confirmed')"
                      " FROM ledger.balance b") == [(10 * 1_000_000,)]

"""Points requests in real time: what a partner's answer means, what is not known, and that nothing is ever sent under two references or twice."""
import subprocess
import time

import pytest

import partners
import points_runs
from case_table import case
from operators import Operators
from points import PARTNER, balance, points_world, terms
from targets import Refused
from worker import Desk


def shortened(name):
    """What a test does not wait for: when what is not there is missing."""
    return {"ask:\n": "ask:\n    missing_after: 1s\n"} if name != "points-exchange" else {}


@pytest.fixture
def route(database, build, tmp_path):
    made = []

    def of(name, **options):
        partner = partners.KINDS[name][0]()
        made.append(partner)
        connector = partners.shipped(name, partner, **shortened(name))
        made.append(partners.Route(points_world(database), build, tmp_path, name, partner, connector, **options))
        return made[-1]
    yield of
    for each in reversed(made):
        each.__exit__()


@pytest.mark.parametrize("name", sorted(partners.KINDS))
@case("points request: in real time each partner that we ship a connector for credits once, refuses by its word, takes its time, and the batch is closed")
def test_answers(route, build, name):
    r = route(name)
    keys = {what: r.ask(what, points=10 + n, member=n + 1) for n, what in enumerate(("credited", "rejected", "pending"))}
    known = {what: f"A{n}" if name == "points-exchange" else reference for n, (what, reference) in enumerate(keys.items(), 1)}
    r.partner.verdicts = {known["rejected"]: "rejected", known["pending"]: "pending"}
    began = time.monotonic()
    r.start()
    r.wait(lambda: r.states() == {"credited": "credited", "rejected": "reversed", "pending": "sent"})
    assert r.partner.credits == {known["credited"]: [10]} and r.partner.calls == 3 and time.monotonic() - began < 20
    assert [balance(r.db, f"M{n}") for n in (1, 2, 3)] == [4990, 5000, 4988]
    assert r.one("SELECT count(*) FROM audit.event WHERE what = 'points_refused'") == 1
    account = "SELECT sum(requested), sum(sent), sum(credited), sum(rejected), sum(reversed), sum(unknown), sum(open) FROM points.batches"
    assert r.db.execute(account).fetchone() == (33, 33, 10, 11, 11, 0, 12)
    r.partner.decide(known["pending"], "credited")
    r.hurry()
    r.wait(lambda: r.state("pending") == "credited")
    r.wait(lambda: r.one("SELECT count(*) FROM points.batches WHERE ended_at IS NULL") == 0)
    assert r.partner.credits[known["pending"]] == [12] and r.db.execute(account).fetchone() == (33, 33, 22, 11, 11, 0, 0)
    # what went to the partner is its own to undo; what it refused was given back, and is no more
    code = r.one("SELECT code FROM ledger.reversal_points('P', 'M1', %s, (SELECT external_reference FROM ledger.redemption WHERE member = 'M1'))", PARTNER)
    assert code == "301" and balance(r.db, "M1") == 4990
    if name == "fulfilment-order":
        proof = subprocess.run([build / "ctl/handbackctl", "audit", "verify", "--database", r.database.conninfo("handback_verify")], capture_output=True, text=True)
        assert proof.returncode == 0, proof.stdout + proof.stderr


@case("points request: an answer that is lost is unknown; a partner that takes a reference once is asked, and sent it again by the same one only")
def test_unknown_idempotent(route):
    r = route("fulfilment-order")
    r.partner.faults = list(partners.FAULTS)
    keys = [f"k{n}" for n in range(len(partners.FAULTS))]
    references = [r.ask(k, member=n + 1, points=50 + n) for n, k in enumerate(keys)]
    r.start()
    r.wait(lambda: set(r.states().values()) == {"unknown"})
    assert sorted(r.partner.credits) == sorted(ref for n, ref in enumerate(references) if ref in r.partner.orders) and len(r.partner.credits) == 3
    deadline = time.monotonic() + 30
    while set(r.states().values()) != {"credited"} and time.monotonic() < deadline:
        r.hurry()
        time.sleep(0.2)
    assert set(r.states().values()) == {"credited"}, r.states()
    assert r.partner.credits == {ref: [50 + n] for n, ref in enumerate(references)}
    assert any(("ask", "missing") in r.attempts(k) and r.attempts(k)[-1] == ("send", "credited") for k in keys)
    assert any(("ask", "credited") in r.attempts(k) for k in keys)
    assert all(nth == 1 for nth, in r.db.execute("SELECT nth FROM points.sending").fetchall())


@case("points request: a storefront is asked for our number before anything is ordered again, and has one order of each")
def test_unknown_looked_up(route):
    r = route("storefront-order")
    r.partner.faults = list(partners.FAULTS)
    references = [r.ask(f"k{n}", member=n + 1, points=50 + n) for n in range(len(partners.FAULTS))]
    r.start()
    r.wait(lambda: set(r.states().values()) == {"unknown"})
    deadline = time.monotonic() + 40
    while set(r.states().values()) != {"credited"} and time.monotonic() < deadline:
        r.hurry()
        time.sleep(0.2)
    assert r.partner.credits == {ref: [50 + n] for n, ref in enumerate(references)}, r.states()
    again = [k for k in (f"k{n}" for n in range(len(partners.FAULTS))) if len([a for a in r.attempts(k) if a[0] == "send"]) > 1]
    assert again and all(("ask", "missing") in r.attempts(k) for k in again)
    assert r.partner.calls == len(references) + len(again)


@case("points request: a partner that cannot be asked leaves it unknown until its hand-back file; nothing is sent a second time")
def test_unknown_waits(route):
    r = route("points-exchange")
    r.partner.faults = [partners.lose]
    r.ask("lost", points=70)
    r.start()
    r.wait(lambda: r.state("lost") == "unknown")
    for _ in range(5):
        r.hurry()
        time.sleep(0.3)
    assert r.state("lost") == "unknown" and r.partner.calls == 1 and r.partner.credits == {"A1": [70]}
    assert r.db.execute("SELECT programme, partner, request_key, points, state, target FROM points.open_requests").fetchall() == \
        [("P", PARTNER, "lost", 70, "unknown", "points-exchange")]
    assert r.db.execute("SELECT requested, sent, unknown, open FROM points.batches").fetchone() == (70, 0, 70, 70)


@case("points request: other points than were asked for, or an order that is there twice, wait for people")
def test_differs(route):
    r = route("fulfilment-order")
    other = r.ask("other", points=40)
    r.partner.verdicts = {other: 39}
    exists = r.ask("exists", points=41, member=2)
    r.partner.orders[exists] = {"id": "F0", "reference": exists, "status": "accepted",
                                "items": [{"loyalty_program_id": "your-program", "amount": 41, "membership_number": "A", "status": "fulfilled"}]}
    r.start()
    r.wait(lambda: r.states() == {"other": "differs", "exists": "credited"})
    assert r.attempts("exists") == [("send", "exists"), ("ask", "credited")]
    assert r.one("SELECT points FROM points.attempt_end WHERE result = 'differs'") == 39 and balance(r.db, "M1") == 4960
    r.hurry()
    time.sleep(0.5)
    assert r.state("other") == "differs" and r.partner.calls == 2


@case("points request: what certainly never left us goes again, and by file where the target cannot be reached for too long; what is unknown does not")
def test_falls_over(route, database):
    r = route("fulfilment-order", fall_over=1)
    r.partner.faults = [partners.lose]
    lost = r.ask("lost", points=30)
    r.start()
    r.wait(lambda: r.state("lost") == "unknown")
    r.partner.server.shutdown()
    r.partner.server.server_close()
    r.ask("waits", points=31, member=2)
    r.wait(lambda: r.attempts("waits")[:1] == [("send", "not_sent")])
    assert r.state("waits") == "queued" and r.state("lost") == "unknown"
    now = r.one("SELECT clock_timestamp()")
    assert r.db.execute("SELECT batch FROM points.next_batch('P', %s)", (PARTNER,)).fetchone() == (None,)
    r.kill()
    assert r.one("SELECT points.goes_by_file(t, %s + interval '2 minutes') FROM points.partner_now t", now)
    batch = r.one("SELECT points.open_batch(1, %s, %s)", PARTNER, now)
    assert [k for k, in r.db.execute("SELECT request_key FROM points.batch_rows(%s)", (batch,)).fetchall()] == ["waits"]
    assert r.db.execute("SELECT nth, after_nth, after_result FROM points.sending WHERE batch_no = %s", (batch,)).fetchone()[1:] is not None
    assert r.one("SELECT sequence FROM points.batch WHERE batch_no = %s", batch) == 1, "files are numbered by themselves"
    assert r.partner.credits == {lost: [30]}


@case("points request: who sends is told that there is a request, looks at once, and looks without being told, too")
def test_hints(route):
    r = route("fulfilment-order")
    r.db.execute(f'ALTER DATABASE "{r.database.name}" SET track_functions = \'all\'')
    r.start()
    r.ask("unannounced")  # as after a hint that was lost
    r.wait(lambda: r.state("unannounced") == "credited")

    def claims(tell):
        """How often the outbox looked in the time of twenty hints."""
        def looked():
            return r.one("SELECT calls FROM pg_stat_user_functions WHERE funcname = 'claim_requests'")
        time.sleep(1.2)  # a session tells its counts once a second
        before = looked()
        for _ in range(20):
            r.db.execute("SELECT pg_notify('handback_points', '')" if tell else "SELECT 1")
            time.sleep(0.03)
        time.sleep(1.2)
        return looked() - before
    without, hinted = claims(False), claims(True)
    assert hinted > without + 5, (without, hinted)


@case("points request: two senders that end each other's token by asking for theirs: each request is credited once, under its one reference")
def test_tokens_raced(route):
    r = route("fulfilment-order")
    r.partner.newest_only = True
    r.db.execute("SELECT handback.add_target('twin', 'P', %s)", (partners.shipped("fulfilment-order", r.partner, **shortened("fulfilment-order")),))
    secret = r.outbox.credentials / "twin.transfer_secret"
    secret.write_text("s3cret", encoding="utf-8")
    secret.chmod(0o600)
    terms(r.database, partner="TWIN", target="twin", schedule="now", account="stated")
    due, deadline = {}, time.monotonic() + 60
    r.start()
    for wave in range(4):  # whoever was behind in the last one has no token that holds
        due |= {r.ask(f"{partner}{n}", member=n % 9 + 1, points=10 + n, Partner=partner): [10 + n]
                for n in range(4 * wave, 4 * wave + 4) for partner in (PARTNER, "TWIN")}
        while set(r.states().values()) != {"credited"}:
            assert time.monotonic() < deadline, (r.states(), r.outbox.log.read_text()[-2000:])
            r.hurry()
            time.sleep(0.1)
    assert r.partner.credits == due and r.partner.tokens_given >= 4 and r.partner.refused >= 2
    assert r.one("SELECT count(*) FROM points.attempt_end WHERE result NOT IN ('credited', 'not_sent')") == 0
    r.wait(lambda: r.one("SELECT count(*) FROM points.batches WHERE ended_at IS NULL") == 0)


@case("points request: a connector on which two people did not agree sends nothing")
def test_agreed(route):
    r = route("fulfilment-order")
    r.db.execute("SELECT handback.add_target('fulfilment-order', 'P', %s)", (partners.shipped("fulfilment-order", r.partner, **{"your-program": "mine"}),))
    r.ask("k")
    r.start()
    time.sleep(1.5)
    assert r.state("k") == "queued" and r.partner.calls == 0
    assert r.db.execute("SELECT partner, target, state FROM points.routes").fetchall() == [(PARTNER, "fulfilment-order", "not_agreed")]
    with Operators(r.database) as people:
        number = people.ann.execute("SELECT points.propose_partner('P', %s, '{\"target\": \"fulfilment-order\"}', 'its program')", (PARTNER,)).fetchone()[0]
        people.ben.execute("SELECT points.approve(%s)", (number,))
    r.partner.order = lambda said: (201, {"id": "F", "reference": said["reference"], "items": [{**said["items"][0], "status": "fulfilled"}]}, {})
    r.wait(lambda: r.state("k") == "credited")


@case("points request: a target that refuses the login is stopped, and nothing of it was sent; a clock that is wrong is no refusal of points")
def test_login_refused(route):
    r = route("points-exchange")
    r.partner.skew = 3600
    r.ask("k")
    r.start()
    r.wait(lambda: r.one("SELECT state FROM handback.target_now") == "stopped")
    assert r.state("k") == "queued" and r.partner.calls == 0 and balance(r.db, "M1") == 4900
    r.partner.skew = 0
    r.db.execute("SELECT handback.resume_target('points-exchange')")
    r.hurry()
    r.wait(lambda: r.state("k") == "credited")
    assert r.partner.credits == {"A1": [100]}


@case("points request: a token that ends is renewed, and the request goes once")
def test_token_renewed(route):
    r = route("fulfilment-order")
    first = r.ask("a")
    r.start()
    r.wait(lambda: r.state("a") == "credited")
    r.partner.tokens.clear()
    second = r.ask("b", member=2)
    r.wait(lambda: r.state("b") == "credited")
    assert r.partner.credits == {first: [100], second: [100]} and r.partner.tokens_given == 2 and r.attempts("b") == [("send", "credited")]


@case("points request: a documented refusal that comes when the hand-back file reversed it is no second reversal, and one against it is shown")
def test_answer_behind_the_file(route):
    r = route("fulfilment-order")
    lost = r.ask("lost", points=25)
    r.partner.faults = [lambda do: (do(), (_ for _ in ()).throw(Refused(504, {}, {})))]
    r.partner.verdicts = {lost: "pending"}
    r.start()
    r.wait(lambda: r.state("lost") == "unknown")
    r.kill()
    r.db.execute("SELECT ledger.post_reversals(ARRAY(SELECT entry_id FROM points.request WHERE request_key = 'lost'))")
    r.partner.decide(lost, "credited")
    number = r.one("SELECT request_no FROM points.request")
    note = "SELECT points.note_attempt(%s, 1, 1, %s, 201, NULL, NULL, NULL, true, false, 1)"
    r.db.execute("INSERT INTO points.attempt (request_no, nth, n, what) VALUES (%s, 1, 2, 'ask')", (number,))
    r.db.execute(note.replace("1, 1,", "1, 2,"), (number, "credited"))
    assert balance(r.db, "M1") == 5000 and r.state("lost") == "reversed"
    assert r.db.execute("SELECT answered, state FROM points.contradictions").fetchall() == [("credited", "reversed")]


@case("points request: a refusal of what may have been taken before is believed once the partner said that it is not there")
def test_refused_when_sent_again(route):
    """What was refused the second time may have been credited the first: given back, the points would be there twice."""
    r = route("fulfilment-order")
    (name, version), = r.db.execute("SELECT name, version FROM points.targets_to_send()").fetchall()

    def claim(asks):
        r.hurry()
        (request, nth, n, what), = r.db.execute("SELECT request, nth, n, what FROM points.claim_requests(%s, %s, 10, %s, true, 3600)",
                                                (name, version, asks)).fetchall()
        return what, lambda result: r.db.execute("SELECT points.note_attempt(%s, %s, %s, %s, NULL, NULL, NULL, 'x', true, false, 0)", (request, nth, n, result))

    for key, asks, last in (("unsure", False, "unknown"), ("missing", True, "reversed")):
        r.ask(key, points=10)
        for turn in ("unknown", *(("missing",) if asks else ()), "rejected"):
            what, note = claim(asks)
            assert what == ("ask" if turn == "missing" else "send")
            note(turn)
        assert r.state(key) == last
        r.db.execute("UPDATE points.unsettled SET next_at = NULL")


@case("points request: random cuts of every kind, then the hand-back file: nothing unknown, nothing under two references or twice, every batch at zero")
def test_runs(database, build):
    with Desk(database, build) as desk:
        points_runs.prepare(desk, points_runs.CONNECTOR)
        seen = points_runs.model_runs(desk, 8, 1)
        assert seen["send unknown"] > 0 and seen["batches closed"] > 0
        # whoever looks each second what is to be closed looks at nothing that was
        with desk.db.transaction():
            desk.db.execute("SET LOCAL track_functions = 'all'")
            desk.db.execute("SELECT points.close_batches()")
            assert desk.query("SELECT sum(calls) FROM pg_stat_xact_user_functions WHERE funcname = 'redemption_state'") == [(None,)]


@case("points request: a hand-back file that agrees with the partner's answer at once is a repeat, and one that says the opposite waits for people")
def test_file_behind_the_answer(database, build):
    with Desk(database, build) as desk:
        points_runs.prepare(desk, points_runs.CONNECTOR)
        for n, key in enumerate(("credited", "rejected", "both"), 1):
            points_runs.ask(desk, (key, n, 100))
        assert desk.query("SELECT points.begin_requests('api')") == [(True,)]
        for request, nth, n, o in desk.query("SELECT request, nth, n, object FROM points.claim_requests('api', 1, 9, false, false, 86400)"):
            said = {"both": "credited"}.get(o["request_key"], o["request_key"])
            desk.db.execute("SELECT points.note_attempt(%s, %s, %s, %s, 200, NULL, NULL, NULL, false, false, 1)", (request, nth, n, said))
        known = dict(desk.query("SELECT request_key, external_reference::text FROM points.requests"))
        file = desk.deliver([(known["credited"], "OK", {"Member": "M1"}), (known["rejected"], "KO", {"Member": "M2"}),
                             (known["both"], "KO", {"Member": "M3"})])["file"]
        assert desk.outcomes(file) == [("confirmed", None), ("already_applied", None), ("held", "contradiction")]
        assert [desk.balance(m) for m in (1, 2, 3)] == [-100, 0, -100], "given back once, and what is disputed by nobody"
        assert desk.outcomes(desk.deliver([(known["rejected"], "OK", {"Member": "M2"})])["file"]) == [("held", "contradiction")]

"""Every decision that the reconciler takes, one by one, by delivering files to a worker."""
import itertools
import random
import time
import uuid

import pytest

import proof
import worker
from operators import Operators

STATUS = {"accepted": "OK", "accepted_with_change": "NEW", "accepted_with_warning": "LATE", "rejected": "KO", "pending": "WAIT"}


@pytest.fixture
def desk(database, build):
    with worker.Desk(database, build) as made:
        yield made
        assert proof.differences(made.db) == []


def settle(desk, state, keys):
    """Bring redemptions into a state, by files with the numbers 1 and 2."""
    for key in keys:
        if state != "unknown":
            desk.redeem(key)
    if state in ("confirmed", "reversed", "reinstated"):
        done = desk.deliver([(k, "OK" if state == "confirmed" else "KO") for k in keys], sequence=10)
        assert done["state"] == "posted", done
    if state == "reinstated":
        desk.query("SELECT * FROM ledger.post_reinstatements((SELECT array_agg(reversal_id) FROM ledger.reversal))")


@pytest.mark.parametrize("state", ["open", "confirmed", "reversed", "reinstated", "unknown"])
@pytest.mark.parametrize("age", ["newer", "older"])
@pytest.mark.parametrize("late_reject", ["hold", "reverse"])
def test_verdict_table(database, build, state, age, late_reject):
    with worker.Desk(database, build, late_reject=late_reject) as desk:
        rules = dict(((v, (o, r)) for v, o, r in desk.query(
            "SELECT v.name, o.name, t.hold_reason FROM handback.verdict_rule t JOIN handback.verdict_name v USING (verdict)"
            " JOIN handback.outcome_name o USING (outcome) WHERE state = %s AND age = %s AND late_reject = %s",
            state, age, late_reject)))
        assert set(rules) == set(STATUS)
        keys = list(STATUS)
        settle(desk, state, keys)
        before, given_back = desk.reversals(), desk.balance()
        done = desk.deliver([(k, STATUS[k]) for k in keys], sequence=5 if age == "older" else 20)
        # nothing can have answered an open redemption, so that no file is older than its answer
        expected = [rules[k] if (state, age) != ("open", "older") else
                    {"rejected": ("reversed", None), "pending": ("informational", None)}.get(k, ("confirmed", None)) for k in keys]
        assert desk.outcomes(done["file"]) == expected
        reversed_now = sum(outcome == "reversed" for outcome, _ in expected)
        assert desk.reversals() == before + reversed_now
        assert desk.balance() == given_back + 100 * reversed_now
        assert proof.differences(desk.db) == []


def test_table_is_complete(desk):
    assert desk.query("SELECT count(*) FROM handback.verdict_rule") == [(5 * 5 * 2 * 2,)]


@pytest.mark.parametrize("column, stated, reason, detail", [
    ("Points", "99", "points_mismatch", "points: stated 99, redeemed 100"),
    ("Points", "101", "points_mismatch", "points: stated 101, redeemed 100"),
    ("Member", "M2", "member_mismatch", "member: stated M2, redeemed M1"),
    ("Programme", "Q", "programme_mismatch", "programme: stated Q, redeemed P"),
    ("Currency", "USD", "currency_mismatch", "currency: stated USD, redeemed EUR"),
    ("Cents", "101", "amount_mismatch", "amount: stated 101, redeemed 100"),
    ("Merchant", "Rail", "merchant_mismatch", "merchant: stated Rail, redeemed Air"),
    ("Type", "5", "transaction_type_mismatch", "transaction type: stated 5, redeemed 6"),
])
@pytest.mark.parametrize("status", ["OK", "KO"])
def test_mismatch(desk, column, stated, reason, detail, status):
    desk.redeem("R")
    done = desk.deliver([("R", status, {column: stated})])
    assert desk.outcomes(done["file"]) == [("held", reason)]
    assert desk.details(done["file"]) == [detail]
    assert desk.reversals() == 0 and desk.balance() == 0
    # it was not answered: a right answer still counts
    done = desk.deliver([("R", status)])
    assert desk.outcomes(done["file"]) == [("confirmed" if status == "OK" else "reversed", None)]


def test_what_agrees_or_is_not_stated_is_no_mismatch(desk):
    desk.redeem("R"), desk.redeem("S"), desk.redeem("T", amount=None, currency=None, type=None)
    done = desk.deliver([
        ("R", "OK", {"Programme": "P", "Currency": "EUR", "Cents": "100", "Merchant": "Air", "Type": "6"}),
        ("S", "OK", {"Member": "", "Points": ""}),
        ("T", "OK", {"Currency": "EUR", "Cents": "5", "Type": "9"})])
    assert desk.outcomes(done["file"]) == [("confirmed", None)] * 3


def test_several_mismatches_are_all_told(desk):
    desk.redeem("R")
    done = desk.deliver([("R", "KO", {"Points": "1", "Member": "M9"})])
    assert desk.outcomes(done["file"]) == [("held", "member_mismatch")]
    assert desk.details(done["file"]) == ["member: stated M9, redeemed M1; points: stated 1, redeemed 100"]


def test_unknown_is_said_of_what_is_another_partners_or_programmes(desk):
    desk.redeem("theirs", partner="SEA")
    desk.redeem("elsewhere", member=11)
    done = desk.deliver([("theirs", "KO"), ("elsewhere", "KO", {"Member": "M11"}), ("no-uuid", "KO"), ("", "KO")])
    assert desk.outcomes(done["file"]) == [("held", "unknown_reference")] * 4
    rows = desk.query("SELECT redemption_id, reference FROM handback.outcome WHERE file_id = %s ORDER BY record_no", done["file"])
    assert rows == [(None, desk.references["theirs"]), (None, desk.references["elsewhere"]), (None, "no-uuid"), (None, None)]
    assert desk.reversals() == 0


def test_the_same_record_twice(desk):
    desk.redeem("R"), desk.redeem("S")
    done = desk.deliver([("R", "KO"), ("S", "OK"), ("R", "KO"), ("R", "KO")])
    assert desk.outcomes(done["file"]) == [("reversed", None), ("confirmed", None), ("duplicate_record", None), ("duplicate_record", None)]
    assert desk.balance() == 100


@pytest.mark.parametrize("first, second", itertools.permutations(["OK", "KO", "WAIT"], 2))
def test_unlike_verdicts_in_one_file(desk, first, second):
    desk.redeem("R"), desk.redeem("S")
    done = desk.deliver([("R", first), ("S", "OK"), ("R", second)])
    assert desk.outcomes(done["file"]) == [("held", "conflicting_duplicate"), ("confirmed", None), ("held", "conflicting_duplicate")]
    assert desk.details(done["file"])[0].startswith("verdicts: ")
    assert desk.balance() == 0


def test_unlike_facts_in_one_file(desk):
    desk.redeem("R")
    done = desk.deliver([("R", "NEW", {"Change": "A1"}), ("R", "NEW", {"Change": "A2"})])
    assert desk.outcomes(done["file"]) == [("held", "conflicting_duplicate")] * 2
    assert desk.details(done["file"])[0] == "conflicting records: 1, 2"


@pytest.mark.parametrize("status, reasons, outcome", [
    ("OK", "NEWS", ("confirmed", None)),
    ("OK", "FRAUD+NEWS", ("confirmed", None)),
    ("KO", "NEWS", ("held", "unknown_reason")),
    ("KO", "FULL+NEWS", ("held", "unknown_reason")),
])
def test_codes_of_accepted_records_may_be_remarks(database, build, status, reasons, outcome):
    with worker.Desk(database, build, unknown_reason="{accepted: accept, rejected: hold}") as desk:
        desk.redeem("R")
        done = desk.deliver([("R", status, {"Reason": reasons})])
        assert desk.outcomes(done["file"]) == [outcome]
        assert desk.query("SELECT reasons FROM handback.outcome WHERE file_id = %s", done["file"])[0][0] == reasons.replace("+", " ")


@pytest.mark.parametrize("status, reasons, outcome", [
    ("KO", "FULL", ("reversed", None)),
    ("KO", "", ("reversed", None)),
    ("KO", "FRAUD", ("held", "reason_holds")),
    ("KO", "SYSTEM", ("held", "reason_retry")),
    ("KO", "NEWS", ("held", "unknown_reason")),
    ("KO", "MOVED", ("confirmed", None)),
    ("KO", "FULL+MOVED", ("reversed", None)),
    ("KO", "FULL+SYSTEM", ("held", "reason_retry")),
    ("KO", "SYSTEM+FRAUD", ("held", "reason_holds")),
    ("KO", "FULL+NEWS", ("held", "unknown_reason")),
    ("OK", "FULL", ("confirmed", None)),
    ("OK", "FRAUD", ("confirmed", None)),
    ("OK", "NEWS", ("held", "unknown_reason")),
])
def test_reason_codes(desk, status, reasons, outcome):
    desk.redeem("R")
    done = desk.deliver([("R", status, {"Reason": reasons})])
    assert desk.outcomes(done["file"]) == [outcome]
    kept = desk.query("SELECT reasons FROM handback.outcome WHERE file_id = %s", done["file"])[0][0]
    assert kept == (reasons.replace("+", " ") or None)


def test_change_and_warning_are_kept(desk):
    desk.redeem("R"), desk.redeem("S")
    done = desk.deliver([("R", "NEW", {"Change": "A77"}), ("S", "LATE", {"Text": "booked late"})])
    assert desk.outcomes(done["file"]) == [("confirmed", None)] * 2
    assert desk.details(done["file"]) == ["change: A77", "booked late"]


def test_match_keys_in_order(database, build):
    with worker.Desk(database, build, match="[external_reference, outbound_reference, member + points]") as desk:
        desk.redeem("R"), desk.redeem("S", outbound_reference="OUT1"), desk.redeem("T", member=3, points=333)
        desk.redeem("U", outbound_reference="OUT2"), desk.redeem("V", outbound_reference="OUT2")
        desk.redeem("W", member=4, points=44), desk.redeem("X", member=4, points=44)
        done = desk.deliver([
            ("R", "OK", {"Outbound": "OUT1"}),                          # the first key decides
            ("", "OK", {"Outbound": "OUT1"}),
            ("", "OK", {"Member": "M3", "Points": "333"}),
            ("", "KO", {"Outbound": "OUT2", "Member": "M1"}),           # two: never a pick
            ("", "KO", {"Member": "M4", "Points": "44"}),
            ("", "KO", {"Member": "M5", "Points": "44"})])
        assert desk.outcomes(done["file"]) == [("confirmed", None)] * 3 + [("held", "ambiguous")] * 2 + \
            [("held", "unknown_reference")]
        assert desk.details(done["file"])[4] == "candidates: " + ", ".join(sorted((desk.references["W"], desk.references["X"])))
        assert desk.reversals() == 0
        # found by another key, the same redemption twice is still the same
        done = desk.deliver([("S", "OK", {"Outbound": ""}), ("", "OK", {"Outbound": "OUT1"})])
        assert [o for o, _ in desk.outcomes(done["file"])] == ["already_applied", "duplicate_record"]
        assert proof.differences(desk.db) == []


def test_the_same_file_once_under_any_name_that_states_the_same(desk):
    desk.redeem("R")
    data = desk.file([("R", "KO")])
    first = desk.deliver(data, sequence=1)
    for name in ("AIR_01.csv", "AIR_1.csv"):
        again = desk.deliver(data, name=name)
        assert again["state"] == "duplicate" and again["records"] == 0
        assert desk.row(again["file"])["duplicate_of"] == first["file"]
        assert (desk.spool / desk.row(again["file"])["archived_as"]).read_bytes() == data
    other = desk.deliver(data, name="AIR_2.csv")
    assert (other["state"], other["already_applied"], other["earlier"]) == ("posted", 1, again["file"])
    assert desk.reversals() == 1 and list(desk.inbound.iterdir()) == []


def test_a_held_file_delivered_again_is_a_duplicate_of_it(desk):
    data = desk.file([("nobody", "KO")], points=7)
    first = desk.deliver(data, sequence=1)
    assert (first["state"], first["reason"]) == ("held", "control_total")
    again = desk.deliver(data, sequence=1)
    assert (again["state"], desk.row(again["file"])["duplicate_of"]) == ("duplicate", first["file"])
    assert desk.deliver(data, sequence=2)["reason"] == "control_total"


def test_control_total_holds_the_file(desk):
    desk.redeem("R")
    for wrong in ({"count": 2}, {"points": 101}, {"points": 99}):
        done = desk.deliver([("R", "KO")], **wrong)
        assert (done["state"], done["reason"]) == ("held", "control_total")
        row = desk.row(done["file"])
        data = (desk.spool / row["archived_as"]).read_bytes()
        reason = (desk.spool / (row["archived_as"] + ".reason")).read_text()
        assert row["sha256"] in row["archived_as"] and data.endswith(b"\n")
        assert f"stated {next(iter(wrong.values()))}, counted {1 if 'count' in wrong else 100}: differs" in reason
        assert desk.query("SELECT record_no, reason FROM handback.hold WHERE file_id = %s", done["file"]) == [(None, "control_total")]
        assert desk.outcomes(done["file"]) == []
    assert desk.reversals() == 0


def test_a_test_file_is_held(database, build):
    with worker.Desk(database, build) as desk:
        profile = desk.profiles / "air.yaml"
        profile.write_text(profile.read_text().replace("columns: 3\n    fields:\n", "columns: 4\n    fields:\n"
                                                       "      test: {at: 4, words: {T: yes, P: no}}\n"))
        desk.redeem("R")
        said = desk.file([("R", "KO")]).decode()
        done = desk.deliver(said.replace("TRAILER,1,100", "TRAILER,1,100,T").encode())
        assert (done["state"], done["reason"]) == ("held", "test_file") and desk.reversals() == 0
        done = desk.deliver(said.replace("TRAILER,1,100", "TRAILER,1,100,P").encode())
        assert done["state"] == "posted" and desk.reversals() == 1
        assert proof.differences(desk.db) == []


def test_two_files_of_a_partner_at_once_see_each_other(database, build):
    """Two workers have a file each of the same number; both are on their way when the chain's end becomes free."""
    with worker.Desk(database, build) as desk:
        desk.redeem("R1")
        desk.redeem("R2")
        desk.deliver([], sequence=1)  # the partner's row is there: nobody waits for that
        other = worker.Worker(build, desk.config, desk.dir / "other.log").wait_ready()
        for name, key in (("AIR_7.csv", "R1"), ("AIR_007.csv", "R2")):
            desk.drop(name, desk.file([(key, "OK")]))
        with database.connect(autocommit=False) as chain:
            chain.execute("SELECT * FROM audit.chain_end()")
            desk.worker.send(desk.inbound, "AIR_7.csv", "air", "AIR", "air")
            other.send(desk.inbound, "AIR_007.csv", "air", "AIR", "air")
            deadline = time.monotonic() + 20
            while desk.query("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                             " AND wait_event_type = 'Lock'") != [(2,)]:
                assert time.monotonic() < deadline, "two workers do not come to wait"
                time.sleep(0.02)
        ends = sorted((r["state"], r.get("reason", "")) for r in (desk.worker.answer(), other.answer()))
        other.close()
        assert ends == [("held", "resubmission"), ("posted", "")]
        assert proof.differences(desk.db) == []


MOST = 2**63 - 1


def rich(desk, member):
    """A member who has redeemed 2^63-1 points."""
    desk._entry(member, "Credit By Accrual", MOST - 1_000_000)
    desk.redeem(f"R{member}", member=member, points=MOST)
    return (f"R{member}", "KO", {"Member": f"M{member}", "Points": MOST})


@pytest.mark.parametrize("guard, state", [("", "posted"), (f"guard: {{points: {MOST - 1}}}", "held")])
def test_sums_beyond_63_bits(database, build, guard, state):
    with worker.Desk(database, build, more=guard) as desk:
        profile = desk.profiles / "air.yaml"
        profile.write_text(profile.read_text().replace("  points: trailer.points_total = sum(detail.points)\n", ""))
        done = desk.deliver([rich(desk, 2), rich(desk, 3)], points=1)
        assert done["state"] == state and desk.reversals() == (2 if state == "posted" else 0)
        if state == "posted":
            assert desk.query("SELECT points FROM handback.tie_out") == [(2 * MOST,)]
            assert desk.query("SELECT points FROM ledger.balance WHERE member_id IN (2, 3)") == [(MOST,)] * 2
        assert proof.differences(desk.db) == []


def test_what_the_ledger_refuses_is_held_and_the_rest_posted(desk):
    """A balance that would pass 63 bits: that record waits, with the ledger's words; the other members have their points."""
    others = [f"C{i}" for i in range(9)]
    desk.redeem("R", member=4, points=100)
    desk._entry(4, "Credit By Accrual", MOST - 1_000_000 + 100)
    for key in others:
        desk.redeem(key)
    done = desk.deliver([("R", "KO", {"Member": "M4"}), *((key, "KO") for key in others)])
    assert (done["state"], done["reversed"], done["held"]) == ("posted", 9, 1), done
    assert desk.reversals() == 9 and desk.query("SELECT points FROM ledger.balance WHERE member_id = 4") == [(MOST,)]
    (reason, detail), = desk.query("SELECT hold_reason, detail FROM handback.outcome WHERE outcome = 6")
    assert reason == "posting_failed" and "out of range" in detail, (reason, detail)
    assert desk.query("SELECT reason, redemption_id IS NOT NULL, points FROM handback.hold") == [("posting_failed", True, 100)]
    assert proof.differences(desk.db) == [] and desk.deliver([(key, "KO") for key in others])["already_applied"] == 9


REFUSE = """CREATE FUNCTION ledger.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN IF NEW.category = 'Redemption Reversal' AND NEW.points = 7 THEN RAISE EXCEPTION 'not today'; END IF; RETURN NEW; END $$;
    CREATE TRIGGER refuse BEFORE INSERT ON ledger.entry FOR EACH ROW EXECUTE FUNCTION ledger.refuse()"""


@pytest.mark.parametrize("refused, state", [(1, "posted"), (100, "posted"), (101, "held")])
def test_a_ledger_that_refuses_many_holds_the_file(desk, refused, state):
    """By a rule of the site's own. A hundred are holds of their own; of more the file waits, and nothing of it is posted."""
    desk.db.execute(REFUSE)
    points = [7] * refused + [100] * 20
    random.Random(3).shuffle(points)
    keys = [f"R{i}" for i in range(len(points))]
    for key, value in zip(keys, points):
        desk.redeem(key, points=value)
    done = desk.deliver([(key, "KO", {"Points": value}) for key, value in zip(keys, points)])
    if state == "posted":
        assert (done["state"], done["reversed"], done["held"], desk.reversals()) == ("posted", 20, refused, 20), done
        assert {detail for detail, in desk.query("SELECT detail FROM handback.outcome WHERE hold_reason = 'posting_failed'")} == \
            {"not today"}
    else:
        assert (done["state"], done["reason"], desk.reversals()) == ("held", "posting_failed", 0), done
        assert "not today" in desk.refusals(done["file"])[0][1]
    assert proof.differences(desk.db) == []


def test_guard(database, build):
    with worker.Desk(database, build, more="guard: {rejects: 3, points: 350, share: 50, least: 1}") as desk:
        keys = [f"R{i}" for i in range(10)]
        for key in keys:
            desk.redeem(key)
        for rejected, why in ((4, "4 redemptions; the guard allows 3"), (None, None)):
            if rejected:
                done = desk.deliver([(k, "KO" if i < rejected else "OK") for i, k in enumerate(keys)])
                assert (done["state"], done["reason"]) == ("held", "guard")
                assert why in desk.refusals(done["file"])[0][1]
        done = desk.deliver([("R0", "KO"), ("R1", "KO"), ("R2", "OK")])
        assert done["reason"] == "guard" and "2 of its 3 records" in desk.refusals(done["file"])[0][1]
        desk.redeem("big", points=351)
        done = desk.deliver([("big", "KO", {"Points": "351"}), ("R0", "OK"), ("R1", "OK")])
        assert done["reason"] == "guard" and "351 points" in desk.refusals(done["file"])[0][1]
        assert desk.reversals() == 0
        done = desk.deliver([(k, "KO" if i < 3 else "OK") for i, k in enumerate(keys)])
        assert (done["state"], done["reversed"], desk.balance()) == ("posted", 3, 300)


def test_gap(database, build):
    with worker.Desk(database, build, gap="hold") as desk:
        for i in range(1, 6):
            desk.redeem(f"R{i}")
        assert desk.deliver([("R2", "OK")], sequence=2)["reason"] == "sequence_gap"
        assert desk.deliver([("R1", "OK")], sequence=1)["state"] == "posted"
        assert desk.deliver([("R4", "OK")], sequence=4)["reason"] == "sequence_gap"


def test_gap_that_goes_on(desk):
    desk.redeem("R1"), desk.redeem("R2")
    assert desk.deliver([("R1", "OK")], sequence=7)["state"] == "posted"
    assert desk.deliver([("R2", "OK")], sequence=20)["state"] == "posted"


@pytest.mark.parametrize("resubmission, state", [("hold", "held"), ("continue", "posted")])
def test_resubmission(database, build, resubmission, state):
    with worker.Desk(database, build, resubmission=resubmission) as desk:
        desk.redeem("R"), desk.redeem("S")
        first = desk.deliver([("R", "OK")], sequence=3)
        second = desk.deliver([("S", "OK")], sequence=3)
        assert second["state"] == state
        if state == "held":
            assert second["reason"] == "resubmission"
            assert f"as file {first['file']} " in desk.refusals(second["file"])[0][1]


def test_a_file_with_the_number_of_a_refused_one_is_no_resubmission(desk):
    desk.redeem("R")
    assert desk.deliver([("R", "OK")], sequence=3, count=9)["state"] == "held"
    assert desk.deliver([("R", "OK")], sequence=3)["state"] == "posted"


def test_no_record_at_all(desk):
    done = desk.deliver([])
    assert (done["state"], done["records"]) == ("posted", 0)
    assert desk.outcomes(done["file"]) == []


def test_late_reversal(database, build):
    with worker.Desk(database, build, more="reversal_days: 3") as desk:
        desk.redeem("old", posted_at="2020-01-01"), desk.redeem("new")
        done = desk.deliver([("old", "KO"), ("new", "KO")])
        assert desk.outcomes(done["file"]) == [("held", "reversal_late"), ("reversed", None)]
        assert desk.outcomes(desk.deliver([("old", "OK")])["file"]) == [("confirmed", None)]


MEMBERS = {"Active": 1, "Inactive": 2, "Suspended": 3, "Blocked": 4, "Cancelled": 5}


def of_each_status(desk, status):
    for name, member in MEMBERS.items():
        desk.redeem(name, member=member)
        desk.db.execute("UPDATE ledger.member SET status = %s WHERE member_id = %s", (name, member))
    return [(name, status, {"Member": f"M{member}"}) for name, member in MEMBERS.items()]


def test_a_reject_is_credited_whatever_the_members_status(desk):
    done = desk.deliver(of_each_status(desk, "KO"))
    assert desk.outcomes(done["file"]) == [("reversed", None)] * 5


def test_rejects_of_members_whose_status_the_profile_holds(database, build):
    with worker.Desk(database, build, late_reject="reverse", more="hold_members: [Cancelled, Blocked]") as desk:
        answers = of_each_status(desk, "KO")
        done = desk.deliver(answers)
        assert desk.outcomes(done["file"]) == [("reversed", None)] * 3 + [("held", "member_status")] * 2
        assert desk.details(done["file"])[3:] == ["the member is Blocked", "the member is Cancelled"]
        assert desk.reversals() == 3 and desk.query("SELECT count(*) FROM handback.open_holds WHERE reason = 'member_status'") == [(2,)]
        # people decide, and what only repeats is not touched
        with Operators(database) as people:
            [(hold,)] = desk.query("SELECT hold_id FROM handback.open_holds WHERE record_no = 5")
            people.decide([hold], "reverse")
        assert desk.reversals() == 4
        again = desk.deliver(answers)
        assert desk.outcomes(again["file"]) == [("already_applied", None)] * 3 + [("held", "member_status"), ("already_applied", None)]
        # an acceptance moves no points; a rejection of it would
        assert desk.outcomes(desk.deliver([("Blocked", "OK", {"Member": "M4"})])["file"]) == [("confirmed", None)]
        assert desk.outcomes(desk.deliver([("Blocked", "KO", {"Member": "M4"})])["file"]) == [("held", "member_status")]


def test_tie_out_and_holds(desk):
    for key in "RSTUV":
        desk.redeem(key)
    done = desk.deliver([("R", "OK"), ("S", "KO"), ("S", "KO"), ("T", "WAIT"), ("U", "OK", {"Points": "7"}), ("V", "KO")])
    assert dict(desk.query("SELECT n.name, records FROM handback.tie_out JOIN handback.outcome_name n USING (outcome)"
                           " WHERE file_id = %s", done["file"])) == \
        {"confirmed": 1, "reversed": 2, "duplicate_record": 1, "informational": 1, "held": 1}
    assert desk.query("SELECT record_no, reason, points FROM handback.hold WHERE file_id = %s", done["file"]) == \
        [(5, "points_mismatch", 100)]
    assert {k: done[k] for k in ("records", "confirmed", "reversed", "held")} == \
        {"records": 6, "confirmed": 1, "reversed": 2, "held": 1}
    assert desk.balance() == 200


def test_a_ledger_that_shows_a_redemption_twice_posts_nothing(desk):
    """A site's own views may be wrong: no record is decided twice, nor one in another's place."""
    desk.redeem("R"), desk.redeem("S")
    view = desk.query("SELECT pg_get_viewdef('ledger.redemption'::regclass)")[0][0].rstrip(";")
    desk.db.execute(f"CREATE OR REPLACE VIEW ledger.redemption AS {view} UNION ALL {view} AND d.points > 0")
    failed = desk.deliver([("R", "KO"), ("S", "OK")])
    assert failed["end"] == "failed" and "records decided are 4, and have to be 2" in failed["why"], failed
    assert desk.reversals() == 0 and desk.query("SELECT count(*) FROM handback.file") == [(0,)]
    desk.db.execute(f"CREATE OR REPLACE VIEW ledger.redemption AS {view}")
    assert desk.take("AIR_1.csv")["state"] == "posted" and desk.reversals() == 1


def test_a_large_file_is_decided_like_a_small_one(desk):
    """Large files have plans, chunks and an order of their own; what comes of them is the same."""
    many = 5200  # more than DECIDE_LARGE, of records and of reversals
    desk.redeem_all((f"large {n}" for n in range(many)), points=1)
    answers = [(f"large {n}", "KO", {"Points": 1}) for n in range(many)]
    answers[7] = ("large 7", "OK", {"Points": 1})
    answers[8] = ("large 8", "KO", {"Points": 2})
    answers[9] = (str(uuid.uuid4()), "KO", {"Points": 1})
    answers.append(answers[10])
    done = desk.deliver(answers)
    assert done["state"] == "posted"
    assert [done[k] for k in ("records", "confirmed", "reversed", "held", "duplicate_record")] == [many + 1, 1, many - 3, 2, 1]
    assert desk.query("SELECT count(*), count(DISTINCT answers_entry_id) FROM ledger.entry WHERE answers_entry_id IS NOT NULL") \
        == [(many - 3, many - 3)]
    assert desk.query("SELECT hold_reason FROM handback.outcome WHERE outcome = 6 ORDER BY record_no") == \
        [("points_mismatch",), ("unknown_reference",)]
    assert desk.balance() == many - 3
    desk.ctl("audit", "verify")


def test_what_a_large_file_brought_is_found_at_once(desk):
    """Nobody waits for a vacuum: one record of a large file is looked up where it is, and the planner knows that the tables have grown."""
    many = 20_000  # TIDY_RECORDS
    desk.redeem_all((f"found {n}" for n in range(many)), points=1)
    done = desk.deliver([(f"found {n}", "OK", {"Points": 1}) for n in range(many)])
    assert done["confirmed"] == many
    desk.redeem("after")
    desk.deliver([("after", "OK")])  # its turn comes when the worker has tidied up
    plan = desk.query(f"EXPLAIN (ANALYZE, FORMAT JSON) SELECT FROM handback.outcome WHERE file_id = {1} AND record_no = 7")[0][0][0]["Plan"]
    assert plan["Actual Rows"] == 1 and plan["Rows Removed by Index Recheck"] < many / 4, plan
    assert desk.query("SELECT reltuples > 0 FROM pg_class WHERE oid = 'handback.outcome'::regclass") == [(True,)]

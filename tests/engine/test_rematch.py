"""What the nightly run makes of records whose redemption was unknown: rematched, held by the guard, never found."""
import json
import os
import uuid

import psycopg
import pytest

import pg
import proof
from operators import Operators
from worker import Desk

GUARD = "guard: {rejects: 3}\n"
FOUND = [  # what the record says, what turns up, and what comes of it
    ("KO", {}, {"points": 501}, "points_mismatch", "points: stated 100, redeemed 501"),
    ("OK", {"Member": "M2"}, {}, "member_mismatch", "member: stated M2, redeemed M1"),
    ("KO", {"Reason": "ZZ"}, {}, "unknown_reason", None),
    ("KO", {"Reason": "FRAUD"}, {}, "reason_holds", None)]
NAME_OF_BYTES = os.fsdecode("ÄIR".encode() + b"\xff\\\x01_7.csv")
STRANGERS = [str(uuid.UUID(int=n, version=4)) for n in range(1, 9)]


@pytest.fixture
def desk(database, build):
    with Desk(database, build, more=GUARD) as made:
        yield made
        assert proof.differences(made.db) == []
        made.ctl("audit", "verify")


def arrive(desk, *references, points=100):
    """The redemption API was behind: these debits come after the partner's answer."""
    for reference in references:
        desk.redeem(reference, points=points)
        desk.db.execute("SET session_replication_role = replica")
        desk.db.execute("UPDATE ledger.entry SET external_reference = %s WHERE external_reference = %s",
                        (reference, desk.references[reference]))
        desk.db.execute("SET session_replication_role = origin")
        desk.references[reference] = reference


def everything(desk):
    return [desk.query(f"SELECT count(*) FROM {table}")[0][0] for table in (
        "ledger.entry", "handback.outcome", "handback.hold", "handback.hold_end", "handback.hold_guarded", "audit.head")]


def test_what_is_never_found_expires_once_and_posts_nothing(desk):
    file = desk.deliver([(STRANGERS[0], "KO"), (STRANGERS[1], "OK"), ("", "KO", {"Outbound": "M1/7"})])["file"]
    assert desk.nightly()["done"]["expired"] == 0  # unknown_days is 5
    desk.profile(more=GUARD + "unknown_days: 0\n")
    assert desk.nightly()["done"]["expired"] == 3
    assert desk.outcomes(file, 1) == [("closed", None)] * 3 and desk.reversals() == 0
    assert desk.query("SELECT DISTINCT how FROM handback.hold_end") == [("unknown_reference_expired",)]
    assert desk.query("SELECT what, subject, detail FROM audit.event") == [
        ("unknown_reference_expired", f"file {file}", "3 records whose redemption was unknown for 0 days")]
    before = everything(desk)
    assert desk.nightly()["done"]["expired"] == 0 and everything(desk) == before
    said = json.loads(desk.ctl("holds", "--ended", "--json").stdout)["ended"]
    assert [(h["record"], h["how"], h["reason"]) for h in said] == \
        [(n, "unknown_reference_expired", "unknown_reference") for n in (1, 2, 3)]
    assert json.loads(desk.ctl("holds", "--json").stdout)["holds"] == []
    story = desk.ctl("explain", f"{file}:1").stdout
    assert "its redemption was never known: closed" in story and "ended: unknown_reference_expired" in story


def test_what_turns_up_after_it_expired_is_not_matched_any_more(desk):
    desk.deliver([(STRANGERS[0], "KO")])
    desk.profile(more=GUARD + "unknown_days: 0\n")
    desk.nightly()
    arrive(desk, STRANGERS[0])
    before = everything(desk)
    assert desk.nightly()["done"]["matched"] == 0 and everything(desk) == before and desk.reversals() == 0
    # the partner says it again: a new record is a new answer
    assert desk.outcomes(desk.deliver([(STRANGERS[0], "KO", {"Text": "again"})])["file"]) == [("reversed", None)]


def test_a_last_try_comes_before_the_end(desk):
    file = desk.deliver([(STRANGERS[0], "KO"), (STRANGERS[1], "KO")])["file"]
    arrive(desk, STRANGERS[1])
    desk.profile(more=GUARD + "unknown_days: 0\n")
    done = desk.nightly()["done"]
    assert (done["matched"], done["reversed"], done["expired"]) == (1, 1, 1)
    assert desk.outcomes(file, 1) == [("closed", None), ("reversed", None)] and desk.balance() == 100


@pytest.mark.parametrize("status, states, redeemed, reason, detail", FOUND)
def test_what_turns_up_and_does_not_fit_is_held_for_its_true_reason_and_never_expires(desk, status, states, redeemed, reason, detail):
    """R3: it was found, so it is not closed as never found; both values are shown, and people decide."""
    file = desk.deliver([(STRANGERS[0], status, states), (STRANGERS[1], "KO")])["file"]
    arrive(desk, STRANGERS[0], **redeemed)
    assert desk.nightly()["done"]["matched"] == 0
    [found, unknown] = json.loads(desk.ctl("holds", "--json").stdout)["holds"]
    assert (found["record"], found["reason"], unknown["reason"]) == (1, reason, "unknown_reference")
    facts = json.loads(desk.ctl("hold", "show", found["hold"], "--json").stdout)["hold"]
    assert (facts["external_reference"], facts["redemption_state"], facts["detail"]) == (STRANGERS[0], "open", detail)
    assert (facts["stated_points"], facts["points"]) == (100, redeemed.get("points", 100))
    assert desk.outcomes(file, 1) == [("held", reason)]
    before = everything(desk)
    desk.nightly()
    assert everything(desk) == before  # once
    desk.profile(more=GUARD + "unknown_days: 0\n")
    assert desk.nightly()["done"]["expired"] == 1
    assert desk.query("SELECT h.record_no, e.how FROM handback.hold_end e JOIN handback.hold h USING (hold_id)") == \
        [(2, "unknown_reference_expired")]
    assert "does not fit: held" in desk.ctl("explain", STRANGERS[0]).stdout
    with Operators(desk.database) as people:
        people.decide([found["hold"]], "reverse")
    assert desk.reversals() == 1 and desk.balance() == redeemed.get("points", 100)
    assert desk.outcomes(file, 2) == [("reversed", None)]


def test_what_turns_up_and_was_confirmed_meanwhile_is_a_contradiction_and_never_expires(desk):
    """R4: the rejection came first, its redemption later, and another file confirmed that before the night."""
    file = desk.deliver([(STRANGERS[0], "KO")], sequence=2)["file"]
    arrive(desk, STRANGERS[0])
    assert desk.outcomes(desk.deliver([(STRANGERS[0], "OK")], sequence=1)["file"]) == [("confirmed", None)]
    desk.profile(more=GUARD + "unknown_days: 0\n")
    done = desk.nightly()["done"]
    assert (done["matched"], done["expired"]) == (0, 0) and desk.outcomes(file, 1) == [("held", "contradiction")]
    [hold] = json.loads(desk.ctl("holds", "--json").stdout)["holds"]
    assert hold["reason"] == "contradiction" and hold["redemption_id"] and desk.reversals() == 0


def test_what_turns_up_and_could_mean_several_is_ambiguous_and_never_expires(desk):
    desk.profile(match="[outbound_reference]", more=GUARD)
    desk.deliver([("", "KO", {"Outbound": "OF-1"})])
    for key in ("A", "B"):
        desk.redeem(key, outbound_reference="OF-1")
    desk.nightly()
    desk.profile(match="[outbound_reference]", more=GUARD + "unknown_days: 0\n")
    assert desk.nightly()["done"]["expired"] == 0
    [hold] = json.loads(desk.ctl("holds", "--json").stdout)["holds"]
    assert (hold["reason"], hold["redemption_id"]) == ("ambiguous", None)
    with Operators(desk.database) as people:
        people.approve(people.propose([hold["hold"]], "reverse", "by telephone", desk.references["B"]))
    assert desk.reversals() == 1


def test_a_changed_row_of_what_was_found_and_does_not_fit_is_named(desk):
    desk.deliver([(STRANGERS[0], "KO")])
    arrive(desk, STRANGERS[0], points=501)
    desk.nightly()
    for change in ("redemption_id = redemption_id + 1", "reason = 'guard'", "redemption_id = NULL"):
        desk.db.execute("SET session_replication_role = replica")
        desk.db.execute("CREATE TEMP TABLE kept AS TABLE handback.hold_found")
        desk.db.execute(f"UPDATE handback.hold_found SET {change}")
        said = desk.ctl("audit", "verify", allowed=(5,))
        assert "found and do not fit" in said.stdout + said.stderr
        desk.db.execute("DELETE FROM handback.hold_found; INSERT INTO handback.hold_found TABLE kept; DROP TABLE kept")
        desk.db.execute("SET session_replication_role = origin")


def test_what_could_not_be_tried_does_not_expire(desk):
    file = desk.deliver([(STRANGERS[0], "KO")])["file"]
    kept = desk.spool / desk.row(file)["archived_as"]
    kept.rename(desk.dir / "away")
    desk.profile(more=GUARD + "unknown_days: 0\n")
    arrive(desk, STRANGERS[0])
    assert desk.nightly(allowed=(4,))["done"]["expired"] == 0 and desk.query("SELECT * FROM handback.hold_end") == []
    (desk.dir / "away").rename(kept)
    assert desk.nightly()["done"]["reversed"] == 1


@pytest.mark.parametrize("redeemed_by", ["AIR", "OTHER"])
@pytest.mark.parametrize("programme", ["P", "Q"])
def test_another_partners_or_programmes_redemption_is_answered_as_unknown(desk, redeemed_by, programme):
    desk.redeem("R", member=1 if programme == "P" else 11, partner=redeemed_by)
    file = desk.deliver([("R", "KO", {"Member": "M1"})])["file"]
    if (redeemed_by, programme) == ("AIR", "P"):
        assert desk.outcomes(file) == [("reversed", None)]
        return
    # word for word what a reference that nobody has gives
    nobody = desk.deliver([(STRANGERS[0], "KO")])["file"]
    facts = "SELECT o.outcome, o.hold_reason, o.detail, o.redemption_id, o.points FROM handback.outcome o WHERE file_id = %s"
    assert desk.query(facts, file) == desk.query(facts, nobody) == [(6, "unknown_reference", None, None, 100)]
    assert desk.nightly()["done"]["matched"] == 0
    assert desk.reversals() == 0


@pytest.mark.parametrize("reversed_at_once, later, guarded", [(0, 3, 0), (0, 4, 4), (2, 1, 0), (2, 2, 2), (3, 1, 1)])
def test_the_guard_judges_a_file_with_what_it_reverses_later(desk, reversed_at_once, later, guarded):
    for n in range(reversed_at_once):
        desk.redeem(f"R{n}")
    file = desk.deliver([(f"R{n}", "KO") for n in range(reversed_at_once)] + [(s, "KO") for s in STRANGERS[:later]])["file"]
    arrive(desk, *STRANGERS[:later])
    done = desk.nightly()["done"]
    assert (done["reversed"], done["guarded"]) == (0 if guarded else later, guarded)
    assert desk.reversals() == reversed_at_once + done["reversed"]
    before = everything(desk)
    done = desk.nightly()["done"]
    assert (done["reversed"], done["guarded"]) == (0, 0) and everything(desk) == before
    told = [json.loads(p.read_text()) for p in desk.spool.glob("notifications/**/guard_rematch-*.json")]
    assert [t["file"] for t in told] == ([str(file)] if guarded else [])


def test_what_the_guard_holds_later_is_decided_by_two_people(desk):
    desk.deliver([(s, "KO") for s in STRANGERS[:4]])
    arrive(desk, *STRANGERS[:4])
    desk.nightly()
    desk.profile(more=GUARD + "unknown_days: 0\n")
    assert desk.nightly()["done"]["expired"] == 0  # it is found, so it does not expire
    rows = json.loads(desk.ctl("holds", "--json").stdout)["holds"]
    assert [r["reason"] for r in rows] == ["guard"] * 4 and all(r["redemption_id"] for r in rows)
    with Operators(desk.database) as people:
        assert desk.reversals() == 0
        people.decide([r["hold"] for r in rows], "reverse")
    assert desk.reversals() == 4 and desk.balance() == 400
    assert "guarded (file 1)" in desk.ctl("explain", STRANGERS[0]).stdout


@pytest.mark.parametrize("setting, points, found, passes", [
    ("guard: {points: 399}", 100, 4, False), ("guard: {points: 400}", 100, 4, True),
    ("guard: {share: 49, least: 0, unmatched: 100}", 100, 4, False), ("guard: {share: 50, least: 0, unmatched: 100}", 100, 4, True)])
def test_the_guard_counts_points_and_share_of_the_file(desk, setting, points, found, passes):
    desk.profile(more=setting + "\n")
    desk.deliver([(s, "KO") for s in STRANGERS[:8]])  # of eight, some are found
    arrive(desk, *STRANGERS[:found], points=points)
    done = desk.nightly()["done"]
    assert (done["reversed"], done["guarded"]) == ((found, 0) if passes else (0, found))


def test_what_only_confirms_needs_no_guard(desk):
    desk.redeem("R0")
    desk.deliver([("R0", "KO")] + [(s, "OK") for s in STRANGERS])
    arrive(desk, *STRANGERS)
    desk.profile(more="guard: {rejects: 0}\n")
    done = desk.nightly()["done"]
    assert (done["matched"], done["guarded"]) == (8, 0)


def test_a_changed_row_of_what_the_guard_holds_is_named(desk):
    desk.deliver([(s, "KO") for s in STRANGERS[:4]])
    arrive(desk, *STRANGERS[:4])
    desk.nightly()
    for change in ("redemption_id = redemption_id + 1", "outcome = 1", "hold_id = hold_id + 10"):
        desk.db.execute("SET session_replication_role = replica")
        desk.db.execute("CREATE TEMP TABLE kept AS TABLE handback.hold_guarded")
        desk.db.execute(f"UPDATE handback.hold_guarded SET {change} WHERE hold_id = (SELECT max(hold_id) FROM handback.hold_guarded)")
        said = desk.ctl("audit", "verify", allowed=(5,))
        assert "guard" in said.stdout + said.stderr
        desk.db.execute("DELETE FROM handback.hold_guarded; INSERT INTO handback.hold_guarded TABLE kept; DROP TABLE kept")
        desk.db.execute("SET session_replication_role = origin")


def test_a_name_of_bytes_is_read_again_as_it_came(desk):
    desk.profile(more=GUARD, file_name="ÄIR*_{sequence:+}.csv")
    desk.redeem("R1")
    file = desk.deliver([("R1", "KO"), (STRANGERS[0], "KO")], sequence=7, name=NAME_OF_BYTES)
    assert (file["state"], desk.row(file["file"])["sequence"]) == ("posted", 7)
    arrive(desk, STRANGERS[0])
    assert desk.nightly(allowed=(0,))["done"]["reversed"] == 1
    assert desk.outcomes(file["file"], 1) == [("reversed", None)] and desk.reversals() == 2


GROUP_VERDICT = """\
<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.03"><CstmrPmtStsRpt><GrpHdr><MsgId>BANK-78</MsgId>\
<CreDtTm>2026-11-20T09:00:00</CreDtTm></GrpHdr><OrgnlGrpInfAndSts><OrgnlMsgId>MSG7</OrgnlMsgId><GrpSts>RJCT</GrpSts>\
<StsRsnInf><Rsn><Cd>AC04</Cd></Rsn></StsRsnInf></OrgnlGrpInfAndSts></CstmrPmtStsRpt></Document>
"""


def test_a_verdict_on_a_whole_message_by_the_shipped_profile(desk):
    """A bank rejects all that was sent in one message: nothing moves until two people say so of each redemption."""
    shipped = (pg.ROOT / "fixtures/profiles/pain002.yaml").read_text()
    ours = shipped.replace("partner: ISOBANK", "partner: AIR").replace("programme: NORTHSTAR", "programme: P")
    assert ours.count("partner: AIR") == ours.count("programme: P") == 1
    (desk.profiles / "pain002.yaml").write_text(ours)
    desk.config.write_text(desk.config.read_text().replace("profile: air", "profile: pain002"))
    for n in (1, 2, 3):
        desk.redeem(f"R{n}", outbound_reference=f"MSG7/{n}", points=100 + n)
    desk.redeem("OTHER", outbound_reference="MSG70/1", points=104)
    desk.drop("status.xml", GROUP_VERDICT.encode())
    done = desk.worker.job(desk.inbound, "status.xml", "air", "AIR", "pain002")
    assert (done["state"], desk.outcomes(done["file"])) == ("posted", [("held", "whole_message")])
    assert desk.nightly()["done"]["matched"] == 0 and desk.reversals() == 0
    [hold] = json.loads(desk.ctl("holds", "--json").stdout)["holds"]
    sent = json.loads(desk.ctl("hold", "show", hold["hold"], "--json").stdout)["candidates"]
    assert {c["external_reference"] for c in sent} == {desk.references[f"R{n}"] for n in (1, 2, 3)}
    assert all("sent in this message" in c["speaks_for"] for c in sent)
    with Operators(desk.database) as people:
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="say which is meant"):
            people.propose([hold["hold"]], "reverse")
        number = people.propose([hold["hold"]], "reverse", "by telephone", desk.references["R2"])
        assert people.approve_own(number) and desk.reversals() == 0
        people.approve(number)
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
            people.approve(number)
    assert (desk.reversals(), desk.balance()) == (1, 102)
    assert desk.outcomes(done["file"], 1) == [("reversed", None)]
    desk.drop("status.xml", GROUP_VERDICT.encode())  # the same bytes once more
    assert desk.worker.job(desk.inbound, "status.xml", "air", "AIR", "pain002")["state"] == "duplicate"
    assert desk.reversals() == 1

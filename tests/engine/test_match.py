"""Which redemption a record means: what its references say, and what weaker keys may say beside them."""
import datetime
import subprocess
import uuid

import pytest

import proof
from worker import Desk

NOW = datetime.datetime.now(datetime.timezone.utc).replace(hour=12)  # noon: the same day in each zone that is tried
STRANGER = str(uuid.UUID(int=7, version=4))
KEYS = {"Reference": "external_reference", "Outbound": "outbound_reference", "Booking": "partner_reference"}


def lint(desk):
    done = subprocess.run([desk.build / "ctl/handbackctl", "profile", "lint", desk.profiles / "air.yaml"], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def details(desk, file):
    return desk.query("SELECT reference, redemption_id, detail FROM handback.outcome WHERE file_id = %s ORDER BY record_no", file)


@pytest.mark.parametrize("status", ["OK", "KO"])
@pytest.mark.parametrize("column, stated", [
    ("Outbound", "OF-2"), ("Booking", "CONF-2"), ("Reference", STRANGER), ("Reference", "{" + STRANGER + "}")])
@pytest.mark.parametrize("theirs", [{"outbound_reference": "OF-1", "partner_reference": "CONF-1"}, {}])
def test_a_stated_reference_that_is_unknown_is_never_left_to_a_weaker_key(database, build, column, stated, theirs, status):
    """R1, R2: all but the reference agrees with one open redemption, and it is not meant."""
    with Desk(database, build, match=f"[{KEYS[column]}, member + points]") as desk:
        desk.redeem("Y", points=500, **theirs)
        file = desk.deliver([("", status, {column: stated, "Points": 500})])["file"]
        assert desk.outcomes(file) == [("held", "unknown_reference")]
        [(reference, redemption, detail)] = details(desk, file)
        assert (reference, redemption) == (stated, None) and desk.reversals() == 0
        assert detail == "no redemption has the stated reference; without it the record would fit " + " ".join(
            [desk.references["Y"]] + [f"{name} {theirs[name]}" for name in theirs])
        # without a reference the weaker key is all that there is
        file = desk.deliver([("", status, {"Points": 500})])["file"]
        assert desk.outcomes(file) == [("confirmed" if status == "OK" else "reversed", None)]
        assert proof.differences(desk.db) == []


def test_what_a_stated_reference_waits_for_is_matched_when_it_comes(database, build):
    """An answer that overtakes its redemption is the everyday case: OF-2 is on the ledger a moment later."""
    with Desk(database, build, match="[outbound_reference, member + points]") as desk:
        desk.redeem("OF-1", points=500, outbound_reference="OF-1")
        file = desk.deliver([("", "KO", {"Outbound": "OF-2", "Points": 500})])["file"]
        assert desk.outcomes(file) == [("held", "unknown_reference")]
        desk.redeem("OF-2", points=500, outbound_reference="OF-2")
        assert desk.nightly()["done"]["reversed"] == 1
        assert desk.outcomes(file, 1) == [("reversed", None)]
        assert desk.query("SELECT r.external_reference::text FROM ledger.reversal v JOIN ledger.redemption r USING (redemption_id)") == \
            [(desk.references["OF-2"],)]


def test_no_order_of_the_keys_lets_one_without_a_reference_overrule_one(database, build):
    with Desk(database, build, match="[member + points, outbound_reference]") as desk:
        desk.redeem("A", points=500, outbound_reference="OF-1")
        desk.redeem("B", points=700, outbound_reference="OF-2")
        file = desk.deliver([("", "KO", {"Outbound": "OF-3", "Points": 500}), ("", "OK", {"Outbound": "OF-2", "Points": 700}),
                             ("", "KO", {"Outbound": "OF-2", "Points": 500})])["file"]
        # the third names a redemption of 700 points, and states 500: conflicting with the second, not an answer to A
        assert desk.outcomes(file) == [("held", "unknown_reference"), ("held", "conflicting_duplicate"), ("held", "conflicting_duplicate")]
        assert desk.reversals() == 0


def test_a_reference_of_a_key_behind_does_not_overrule_the_key_before(database, build):
    """The order of the references is the profile's: what the first finds is meant."""
    with Desk(database, build, match="[external_reference, outbound_reference, member + points]") as desk:
        desk.redeem("R", outbound_reference="OUT1"), desk.redeem("S", outbound_reference="OUT2")
        file = desk.deliver([("R", "OK", {"Outbound": "OUT2"}), (STRANGER, "KO", {"Outbound": "OUT2"})])["file"]
        assert desk.outcomes(file) == [("confirmed", None), ("held", "unknown_reference")] and desk.reversals() == 0


def test_a_profile_may_leave_an_unknown_reference_to_a_weaker_key(database, build):
    """unknown_reference: weaker_key: for partners whose own number is first known by the file; one with another never is meant."""
    keys = "[external_reference, partner_reference, member + points]"
    with Desk(database, build, match=keys, more="unknown_reference: weaker_key") as desk:
        desk.redeem("none", points=500), desk.redeem("other", points=600, partner_reference="CONF-1")
        file = desk.deliver([("", "KO", {"Booking": "CONF-2", "Points": 500}), ("", "KO", {"Booking": "CONF-3", "Points": 600}),
                             (STRANGER, "KO", {"Points": 500})])["file"]
        assert desk.outcomes(file) == [("reversed", None), ("held", "unknown_reference"), ("held", "unknown_reference")]
        code, said = lint(desk)
        assert code == 0 and "weaker_key" in said and "its points could be reversed" in said
        desk.profile(match=keys)
        assert "weaker_key" not in lint(desk)[1]


@pytest.mark.parametrize("keys", ["[external_reference]", "[external_reference, member + points]", "[outbound_reference]", "[member + points]"])
def test_weaker_key_is_refused_where_it_would_do_nothing(database, build, keys):
    with Desk(database, build, start=False, match=keys, more="unknown_reference: weaker_key") as desk:
        code, said = lint(desk)
        assert code != 0 and "weaker_key does nothing" in said


# ---- keys without a reference

WEAK = {"match": "[external_reference, member + points]", "order_by": "none", "resubmission": "continue"}


def ago(days):
    return NOW - datetime.timedelta(days=days)


def said(desk, status, **columns):
    """One record without a reference: what came of it, and of which redemption."""
    file = desk.deliver([("", status, {"Points": 800, **columns})])["file"]
    [(outcome, reason, redemption)] = desk.query(
        "SELECT n.name, o.hold_reason, r.external_reference::text FROM handback.outcome o JOIN handback.outcome_name n USING (outcome)"
        " LEFT JOIN ledger.redemption r USING (redemption_id) WHERE o.file_id = %s", file)
    return outcome, reason, {reference: key for key, reference in desk.references.items()}.get(redemption)


@pytest.mark.parametrize("status, outcome", [("OK", "confirmed"), ("KO", "reversed")])
def test_open_redemptions_come_first_for_a_key_without_a_reference(database, build, status, outcome):
    """R8: the same points of the same member were confirmed last month; what is open now is meant, and then is repeated."""
    with Desk(database, build, **WEAK) as desk:
        desk.redeem("OLD", points=800, posted_at=ago(30))
        assert desk.outcomes(desk.deliver([("OLD", status, {"Points": 800})])["file"]) == [(outcome, None)]
        desk.redeem("NEW", points=800)
        assert said(desk, status) == (outcome, None, "NEW")
        # a repeat: both are answered so, nothing moves, and nobody is asked
        assert said(desk, status, Text="again") == ("already_applied", None, "NEW")
        # two that are open are two: never a guess
        desk.redeem("A", points=800), desk.redeem("B", points=800)
        assert said(desk, status, Text="which?") == ("held", "ambiguous", None)
        assert proof.differences(desk.db) == []


@pytest.mark.parametrize("first, second", [("OK", "KO"), ("KO", "OK")])
def test_what_contradicts_one_of_several_answers_is_no_repeat(database, build, first, second):
    with Desk(database, build, **WEAK) as desk:
        for key, status in (("A", first), ("B", second)):
            desk.redeem(key, points=800)
            desk.deliver([(key, status, {"Points": 800})])
        before = desk.reversals()
        assert said(desk, "KO") == ("held", "ambiguous", None) and said(desk, "OK") == ("held", "ambiguous", None)
        assert desk.reversals() == before


@pytest.mark.parametrize("key, window, dated, at, meant", [
    ("member + points", "", None, 400, True),                      # no window: any that there ever was
    ("member + points", "match_days: 20", None, 19, True),         # of a record without a date, by today
    ("member + points", "match_days: 20", None, 21, False),
    ("member + points", "match_days: 3", 10, 13, True),            # partners book days later
    ("member + points", "match_days: 3", 10, 14, False),
    ("member + points", "match_days: 3", 10, 9, False),            # and never before it was redeemed
    ("member + points + date", "", 10, 10, True),                  # the same day,
    ("member + points + date", "", 10, 11, False),
    ("member + points + date", "match_days: 2", 10, 12, True),
    ("member + points + date", "match_days: 2", 10, 13, False),
    ("member + points + date", "match_days: 2", None, 0, False)])
def test_a_redemption_lies_within_the_profiles_days_before_the_record(database, build, key, window, dated, at, meant):
    with Desk(database, build, **{**WEAK, "match": f"[external_reference, {key}]", "more": window}) as desk:
        profile = desk.profiles / "air.yaml"
        profile.write_text(profile.read_text().replace("      status: {at: Status,", "      date: {at: Booking, format: YYYY-MM-DD, optional: yes}\n      status: {at: Status,")
                           .replace("      partner_reference: {at: Booking, type: id, optional: yes}\n", ""))
        desk.redeem("R", points=800, posted_at=ago(at))
        expected = ("reversed", None, "R") if meant else ("held", "unknown_reference", None)
        assert said(desk, "KO", Booking="" if dated is None else ago(dated).date()) == expected


def test_lint_tells_of_keys_that_look_at_all_redemptions_ever(database, build):
    with Desk(database, build, start=False, **WEAK) as desk:
        assert "say match_days" in lint(desk)[1]
        desk.profile(**WEAK, more="match_days: 30")
        assert "match_days" not in lint(desk)[1]
        desk.profile(more="match_days: 30")
        code, told = lint(desk)
        assert code != 0 and "does nothing" in told


# ---- the record's programme, and lines of our messages

def two_programmes(desk, settings):
    desk.profile(**settings)
    profile = desk.profiles / "air.yaml"
    profile.write_text(profile.read_text().replace("programme: P\n", "", 1))


@pytest.mark.parametrize("keys", ["[outbound_reference]", "[external_reference, outbound_reference, member + points]"])
def test_the_records_programme_takes_part(database, build, keys):
    """R9: the same outbound reference in two programmes; the record says which."""
    settings = {**WEAK, "match": keys}
    with Desk(database, build, **settings) as desk:
        two_programmes(desk, settings)
        desk.redeem("NS", outbound_reference="X"), desk.redeem("SS", member=11, outbound_reference="X")
        desk.redeem("ALONE", outbound_reference="Y")
        file = desk.deliver([("", "KO", {"Outbound": "X", "Member": "M11", "Programme": "Q"}), ("", "OK", {"Outbound": "X", "Programme": "P"}),
                             ("", "KO", {"Outbound": "Y", "Programme": "Q"}), ("", "OK", {"Outbound": "X", "Member": ""})])["file"]
        assert desk.outcomes(file)[:1] == [("reversed", None)] and desk.balance(11) == 100
        assert desk.outcomes(file)[1:] == [("confirmed", None), ("held", "programme_mismatch"), ("held", "ambiguous")]


def test_an_outbound_line_without_a_message_is_refused_by_lint(database, build):
    """It would find nothing: "message/line" is how a line of ours is named."""
    with Desk(database, build, start=False) as desk:
        desk.profile(match="[outbound_line]")
        profile = desk.profiles / "air.yaml"
        text = profile.read_text().replace("outbound_reference: {at: Outbound, type: id, optional: yes}", "outbound_line: {at: Outbound, optional: yes}")
        profile.write_text(text)
        code, told = lint(desk)
        assert code != 0 and "needs outbound_reference" in told
        profile.write_text(text.replace("      outbound_line:", "      outbound_reference: {at: Booking, type: id, optional: yes}\n      outbound_line:")
                           .replace("      partner_reference: {at: Booking, type: id, optional: yes}\n", ""))
        assert lint(desk)[0] == 0
        desk.start()
        desk.redeem("L3", outbound_reference="MSG7/3"), desk.redeem("L4", outbound_reference="MSG7/4")
        file = desk.deliver([("", "KO", {"Booking": "MSG7", "Outbound": "4"}), ("", "KO", {"Booking": "MSG7", "Outbound": "5"})])["file"]
        assert desk.outcomes(file) == [("reversed", None), ("held", "unknown_reference")]


# ---- what cannot be seen

@pytest.mark.parametrize("stated, redeemed, told", [
    ("Ho\u0302tel Azur", "H\u00f4tel Azur", " (at character 2: stated U+006F U+0302, redeemed U+00F4)"),
    ("H\u00f4tel\u00a0Azur", "H\u00f4tel Azur", " (at character 6: stated U+00A0, redeemed U+0020)"),
    ("Azur\u200b", "Azur", " (at character 5: stated U+200B, redeemed its end)"),
    ("\u0410zur", "Azur", " (at character 1: stated U+0410, redeemed U+0041)"),
    ("Rail", "Air", "")])
def test_a_mismatch_says_what_cannot_be_seen(database, build, stated, redeemed, told):
    """R10: both look the same on a screen."""
    with Desk(database, build) as desk:
        desk.redeem("R", merchant=redeemed)
        file = desk.deliver([("R", "OK", {"Merchant": stated})])["file"]
        assert desk.outcomes(file) == [("held", "merchant_mismatch")]
        assert desk.details(file) == [f"merchant: stated {stated}, redeemed {redeemed}{told}"]

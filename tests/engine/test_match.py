"""Which redemption a record means: what its references say, and what weaker keys may say beside them."""
import subprocess
import uuid

import pytest

import proof
from worker import Desk

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

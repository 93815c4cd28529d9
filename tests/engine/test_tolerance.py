"""An acceptance may differ from the debit within the profile's tolerance, and confirms it; a rejection never."""
import json
import subprocess

import pytest

import proof
from worker import Desk


def settings(tolerance):
    return {"order_by": "none", "resubmission": "continue", "more": f"tolerance: {tolerance}"}


@pytest.mark.parametrize("tolerance, stated, confirms", [
    ("{points: 5}", 495, True), ("{points: 5}", 494, False), ("{points: 5}", 505, True), ("{points: 5}", 506, False),
    ("{points_permille: 10}", 495, True), ("{points_permille: 10}", 494, False), ("{points_permille: 9}", 495, False),
    ("{points: 5, points_permille: 10}", 495, True), ("{points: 5, points_permille: 9}", 495, False),  # both bind
    ("{points: 4, points_permille: 10}", 495, False), ("{points: 0}", 500, True), ("{points: 0}", 499, False),
    ("{points_permille: 0}", 499, False), ("{amount: 100}", 499, False), ("{points: 9223372036854775807}", 2 ** 63 - 1, True)])
def test_points_within_the_tolerance_confirm_and_never_reverse(database, build, tolerance, stated, confirms):
    with Desk(database, build, **settings(tolerance)) as desk:
        statuses, fits = ("OK", "NEW", "LATE", "KO", "WAIT"), stated == 500
        for status in statuses:
            desk.redeem(status, points=500)
        # each in a file of its own: a sum of the file's points shall not pass what a control holds
        files = [desk.deliver([(status, status, {"Points": stated})])["file"] for status in statuses]
        accepts = ("confirmed", None, None if fits else f"points: fulfilled {stated}, redeemed 500, difference {stated - 500}")
        differs = ("held", "points_mismatch", f"points: stated {stated}, redeemed 500")
        said = [(*desk.outcomes(file)[0], *desk.details(file)) for file in files]
        assert said == [accepts if confirms else differs] * 3 + ([("reversed", None, None), ("informational", None, None)] if fits else [differs] * 2)
        assert desk.balance() == (500 if fits else 0)
        assert proof.differences(desk.db) == []


def test_the_difference_is_kept_reported_and_proven(database, build):
    with Desk(database, build, **settings("{points: 5, amount: 50, amount_permille: 100}")) as desk:
        desk.redeem("A", points=500, amount=1000), desk.redeem("B", points=500, amount=1000), desk.redeem("C", points=500, amount=100)
        desk.redeem("D", points=500)
        file = desk.deliver([
            ("A", "OK", {"Points": 497, "Cents": 990, "Text": "points: fulfilled 1, redeemed 500, difference -499"}),
            ("B", "OK", {"Points": 500, "Cents": 1050, "Change": "X1"}),
            ("C", "OK", {"Points": 500, "Cents": 111}),                     # more than 100 thousandths
            ("D", "OK", {"Points": 501, "Currency": "USD", "Cents": 101})])["file"]
        assert desk.outcomes(file) == [("confirmed", None), ("confirmed", None), ("held", "amount_mismatch"), ("held", "currency_mismatch")]
        assert desk.details(file)[:3] == [
            "points: fulfilled 497, redeemed 500, difference -3; amount: fulfilled 990, redeemed 1000, difference -10; "
            "points: fulfilled 1, redeemed 500, difference -499",
            "amount: fulfilled 1050, redeemed 1000, difference 50; change: X1", "amount: stated 111, redeemed 100"]
        # the same again: applied already, with its difference; a rejection that differs is no contradiction to be reversed
        again = desk.deliver([("A", "OK", {"Points": 497, "Cents": 990}), ("B", "KO", {"Points": 499})])["file"]
        assert desk.outcomes(again) == [("already_applied", None), ("held", "points_mismatch")] and desk.reversals() == 0
        [row] = json.loads(desk.ctl("report", "--all", "--json").stdout)["differences"]
        assert row == {"file": file, "partner": "AIR", "name": "AIR_1.csv", "records": 2, "redeemed": 500, "fulfilled": 497,
                       "difference": -3, "currency": "EUR", "amount_difference": 40}
        assert "difference -3" in desk.ctl("explain", desk.references["A"]).stdout
        shown = json.loads(desk.ctl("show", file, "--records", "--json").stdout)["records"]
        assert (shown[0]["points"], shown[0]["detail"][:39]) == (500, "points: fulfilled 497, redeemed 500, di")
        assert proof.differences(desk.db) == []
        desk.ctl("audit", "verify")


def test_what_the_partner_writes_is_no_difference(database, build):
    with Desk(database, build, **settings("{points: 5}")) as desk:
        desk.redeem("A", points=500)
        desk.deliver([("A", "OK", {"Points": 500, "Text": "points: fulfilled 1, redeemed 500, difference -499"})])
        assert json.loads(desk.ctl("report", "--all", "--json").stdout).get("differences", []) == []


def test_a_redemption_that_turns_up_later_is_confirmed_within_the_tolerance(database, build):
    with Desk(database, build, match="[outbound_reference]", more="tolerance: {points: 5}", order_by="none") as desk:
        file = desk.deliver([("", "OK", {"Outbound": "O1", "Points": 496}), ("", "KO", {"Outbound": "O2", "Points": 496})])["file"]
        for out in ("O1", "O2"):
            desk.redeem(out, points=500, outbound_reference=out)
        desk.nightly()
        assert desk.outcomes(file, 1) == [("confirmed", None), ("held", "points_mismatch")] and desk.reversals() == 0
        desk.ctl("audit", "verify")


@pytest.mark.parametrize("more, code, says", [
    ("tolerance: {points: 5}", 0, "the member is short of the difference"), ("tolerance: {points: 0}", 0, None),
    ("tolerance: {points: -1}", 2, "tolerance"), ("tolerance: {points_permille: 1000}", 2, "points_permille"),
    ("tolerance: {point: 5}", 2, "point")])
def test_lint_tells_what_a_tolerance_leaves_open(database, build, more, code, says):
    with Desk(database, build, start=False, more=more) as desk:
        done = subprocess.run([desk.build / "ctl/handbackctl", "profile", "lint", desk.profiles / "air.yaml"], capture_output=True, text=True)
        said = done.stdout + done.stderr
        assert (done.returncode == 0) == (code == 0) and ((says or "") in said) and ("short of" in said) == (says is not None and code == 0)


def test_a_tolerance_of_what_is_not_compared_is_refused(database, build):
    with Desk(database, build, start=False, more="tolerance: {amount: 5}") as desk:
        profile = desk.profiles / "air.yaml"
        profile.write_text(profile.read_text().replace("currency, amount, merchant", "currency, merchant"))
        done = subprocess.run([desk.build / "ctl/handbackctl", "profile", "lint", profile], capture_output=True, text=True)
        assert done.returncode != 0 and "amount does nothing" in done.stdout + done.stderr

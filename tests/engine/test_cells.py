"""Cells of docs/verdicts.md beside the verdict table: answers in parts, groups, and numbers that begin again, each met by files."""
import itertools
import pathlib
import sys

import pytest

import proof
from operators import Operators
from worker import Desk

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))
import verdict_cells as page  # noqa: E402

STATUS = {"accepted": "OK", "accepted_with_change": "NEW", "accepted_with_warning": "LATE", "rejected": "KO", "pending": "WAIT"}
ANSWER, AGES = 10, {"older": 5, "newer": 20}


def shown(outcomes):
    return [f"held: {reason}" if reason else word for word, reason in outcomes]


def compare(found, cells):
    """found and cells: {where: what}; every one that differs is named."""
    assert {where: (found[where], cell) for where, cell in cells.items() if found[where] != cell} == {}


def sound(desk):
    assert proof.differences(desk.db) == []
    desk.ctl("audit", "verify")


# ---- answers in parts

BEFORE = {"nothing": [], "L1 of 100, accepted, waits": [("L1", 100, "OK")], "L1 of 100, rejected, waits": [("L1", 100, "KO")],
          "confirmed by L1 of 100 and L2 of 200": [("L1", 100, "OK"), ("L2", 200, "OK")],
          "reversed by L1 of 100 and L2 of 200": [("L1", 100, "KO"), ("L2", 200, "KO")]}
PARTS = [("L2", 100, "OK"), ("L2", 100, "KO"), ("L2", 200, "OK"), ("L2", 200, "KO"), ("L2", 250, "OK"), ("L1", 100, "OK"), ("L1", 100, "KO"),
         ("L9", 300, "OK"), ("L9", 300, "KO")]


def part(key, name, points, status):
    return key, status, {"Booking": name, "Points": points}


def test_parts(database, build):
    assert len(PARTS) == len(page.PARTS) and BEFORE.keys() == page.SPLIT.keys()
    with Desk(database, build, order_by="none", resubmission="continue", more="split: partner_reference") as desk:
        cells = {(before, head): cell for before, row in page.SPLIT.items() for head, cell in zip(page.PARTS, row)}
        met = dict(zip(itertools.product(BEFORE, page.PARTS), itertools.cycle(PARTS)))
        for n, where in enumerate(met):
            desk.redeem(str(where), points=300, member=n % 9 + 1)
        member = {str(where): {"Member": f"M{n % 9 + 1}"} for n, where in enumerate(met)}

        def said(where, one):
            key, status, columns = part(str(where), *one)
            return key, status, {**columns, **member[key]}
        desk.deliver([said(where, one) for where in met for one in BEFORE[where[0]]])
        file = desk.deliver([said(where, one) for where, one in met.items()])
        assert file["state"] == "posted"
        compare(dict(zip(met, shown(desk.outcomes(file["file"])))), cells)
        # a part that made it whole ends what waited; nothing else ends anything
        waits = desk.query("SELECT r.external_reference::text FROM handback.hold h JOIN ledger.redemption r USING (redemption_id)"
                           " JOIN handback.hold_end e USING (hold_id) ORDER BY h.hold_id")
        whole = [where for where in met if cells[where] in ("confirmed", "reversed") and BEFORE[where[0]]]
        assert [w for w, in waits] == [desk.references[str(where)] for where in whole] and len(whole) == 2
        sound(desk)


# ---- groups

@pytest.mark.parametrize("late", ["hold", "reverse"])
def test_groups(database, build, late):
    with Desk(database, build, late_reject=late, resubmission="continue", match="[external_reference, partner_reference]",
              more="group: partner_reference") as desk, Operators(database) as people:
        rules = {(state, verdict, age): f"held: {reason}" if reason else outcome for state, verdict, age, outcome, reason in desk.query(
            "SELECT t.state, v.name, t.age, o.name, t.hold_reason FROM handback.verdict_rule t JOIN handback.verdict_name v USING (verdict)"
            " JOIN handback.outcome_name o USING (outcome) WHERE t.late_reject = %s", late)}
        met = {(states, verdict, age): page.group_cell(rules, states, verdict, age)
               for states in page.GROUPS for verdict in STATUS for age in AGES}
        state = {}
        for n, where in enumerate(met):
            for one, of in enumerate(where[0]):
                state[f"{n}-{one}"] = of
                desk.redeem(f"{n}-{one}", partner_reference=f"BK{n}")
        answered = [(key, "OK" if of == "confirmed" else "KO", {"Text": "x"}) for key, of in state.items() if of != "open"]
        assert desk.deliver(answered, sequence=ANSWER)["state"] == "posted"
        again = [(key, "OK") for key, of in state.items() if of == "reinstated"]
        held = desk.deliver(again, sequence=ANSWER + 1)["file"]
        people.decide([h for h, in desk.query("SELECT hold_id FROM handback.hold WHERE file_id = %s", held)], "reinstate")
        for age, sequence in AGES.items():
            here = {where: n for n, where in enumerate(met) if where[2] == age}
            before = desk.reversals()
            file = desk.deliver([("", STATUS[verdict], {"Booking": f"BK{n}", "Points": 200}) for (_, verdict, _), n in here.items()],
                                sequence=sequence)
            assert file["state"] == "posted"
            found = {}
            for (where, n), record, cell in zip(here.items(), itertools.count(1), shown(desk.outcomes(file["file"]))):
                each = [word for word, in desk.query(
                    "SELECT DISTINCT o.name FROM handback.outcome w JOIN handback.outcome_name o USING (outcome) WHERE w.file_id = %s"
                    " AND w.record_no = %s AND w.revision > 0", file["file"], record)]
                found[where] = f"each {each[0]}" if each else cell
            compare(found, {where: met[where] for where in here})
            assert desk.reversals() == before + 2 * sum(met[where] == "each reversed" for where in here)
        sound(desk)


# ---- numbers that begin again

MORE = {"rise for ever": "sequence: {jump: 3}", "resets: yearly": "sequence: {resets: yearly, jump: 3}", "after: 9": "sequence: {after: 9, jump: 3}"}


NAME = "AIR_{business_date:YYYYMMDD}_{sequence:+}.csv"


@pytest.mark.parametrize("numbers", page.NUMBERS)
def test_numbers(cluster, build, numbers):
    """What comes of a file by its day and number, and whether its rejection counts as newer than what was confirmed."""
    cells = {where: row[page.NUMBERS.index(numbers)] for where, row in page.SCOPES.items()}
    newer, found = [where for where, cell in cells.items() if cell == "newer"], {}
    # what is held moves nothing, and what is older not the last place: one newer file is the end of each desk
    others = sorted((where for where in cells if where not in newer), key=lambda where: cells[where] == "older")
    for last in newer:
        database = cluster.database()
        with Desk(database, build, late_reject="reverse", file_name=NAME, more=MORE[numbers]) as desk:
            for where in cells:
                desk.redeem(str(where))
            assert desk.deliver([(str(where), "OK") for where in cells], name="AIR_20201230_5.csv")["state"] == "posted"
            desk.profile(late_reject="reverse", file_name=NAME, more=MORE[numbers], gap="hold")
            for day, number in [*others, last]:
                done = desk.deliver([(str((day, number)), "KO")], name=f"AIR_{day.replace('-', '')}_{number}.csv")
                posted = done["state"] == "posted" and desk.outcomes(done["file"])
                found[day, number] = {("reversed", None): "newer", ("held", "contradiction"): "older"}[posted[0]] if posted \
                    else f"{done['state']}: {done.get('reason')}"
            sound(desk)
        database.drop()
        others = []
    compare(found, cells)

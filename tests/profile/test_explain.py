"""profile explain: what it says would be seen is seen, and what it says would not be is not."""
import csv
import io
import json
import subprocess

import pytest

import parse_client
from world import CTL, ROOT

PROFILE = ROOT / "fixtures/profiles/skyline.yaml"
FILE = next((ROOT / "fixtures/demo/1/skyline").iterdir())
COLUMN = {"member": 1, "points": 2, "status": 3, "reason": 4, "reason_text": 5, "date": 6, "partner_reference": 7, "change": 8}
TRAILER = {"count": 1, "miles": 2, "rejected_count": 3, "rejected_miles": 4}


@pytest.fixture(scope="module")
def explained(build):
    done = subprocess.run([build / CTL, "profile", "explain", PROFILE, "--json"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def turned(row, column):
    """The file with one byte of a cell turned into another that the cell could have."""
    rows = list(csv.reader(io.StringIO(FILE.read_text())))
    cell = rows[row][column]
    other = {"CONFIRMED": "REJECTED", "REJECTED": "CONFIRMED"}.get(cell) or (cell[:-1] + ("1" if cell[-1:] != "1" else "2") if cell else "x")
    rows[row][column] = other
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return parse_client.parse(PROFILE, out.getvalue().encode(), name=FILE.name)


def test_a_field_of_a_control_refuses_the_file(explained):
    said = {(f["record"], f["field"]): f for f in explained["fields"]}
    for (record, field), row in said.items():
        column = (TRAILER if record == "trailer" else COLUMN).get(field)
        if column is None:
            continue
        refused = turned(-1 if record == "trailer" else 1, column).end["refused"]
        if "refuses the file" in row["by"]:
            assert row["seen"] == "yes" and refused, row
        elif row["seen"] == "no":
            assert not refused, row
    assert sum("refuses the file" in row["by"] for row in said.values()) >= 6
    assert {field for (_, field), row in said.items() if row["by"] == "compared with the redemption: held"} == {"member"}


def test_the_score_counts_what_is_seen(explained):
    by_record = {row["record"]: row for row in explained["score"]}
    for record, row in by_record.items():
        words = [f["seen"] for f in explained["fields"] if f["record"] == record]
        assert [row["fields"], row["all"], row["part"], row["nothing"]] == \
            [len(words), words.count("yes"), words.count("in part"), words.count("no")]
        assert row["score"] == (200 * row["all"] + 100 * row["part"]) // (2 * row["fields"])
    assert by_record["trailer"]["score"] == 100 > by_record["detail"]["score"]


def test_a_profile_that_compares_nothing_scores_low(build):
    done = subprocess.run([build / CTL, "profile", "explain", ROOT / "fixtures/profiles/idpay-feedback-csv.yaml", "--json"],
                          capture_output=True, text=True, check=True)
    fields = {f["field"]: f for f in json.loads(done.stdout)["fields"]}
    assert fields["outbound_reference"]["seen"] == "no" and "another redemption that has it would be taken" in fields["outbound_reference"]["by"]


def test_lint_explains(build, explained):
    """`profile lint --explain` says the same beside what lint says."""
    path = ROOT / "fixtures/profiles/skyline.yaml"
    lint = [build / CTL, "profile", "lint", path, "--explain"]
    said = json.loads(subprocess.run([*lint, "--json"], capture_output=True, text=True, check=True).stdout)
    alone = json.loads(subprocess.run([build / CTL, "profile", "explain", path, "--json"], capture_output=True, text=True, check=True).stdout)
    assert said["profiles"][0]["errors"] == 0 and (said["score"], said["fields"]) == (alone["score"], alone["fields"])
    assert "Score %" in subprocess.run(lint, capture_output=True, text=True, check=True).stdout
    two = subprocess.run([*lint, path], capture_output=True, text=True)
    assert two.returncode == 2 and "one profile" in two.stderr

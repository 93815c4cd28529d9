"""The profiles that are shipped for public layouts: what they make of the sample files, and how much they let through.

    test_layouts.py --update     write the expected outcomes again (then read the difference)
"""
import datetime
import pathlib
import random
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "fixtures"))

import generate  # noqa: E402
import layouts  # noqa: E402
from layout_proof import CUT, TURN, dump, passed, warnings  # noqa: E402
from layout_samples import SAMPLES  # noqa: E402

LAYOUTS, PROFILES = ROOT / "fixtures/layouts", ROOT / "fixtures/profiles"
SHARED = ROOT.parent / "shared/samples"

# which good file of each layout is cut at every byte, and has every byte turned into others
PROOF = {
    "absa-unpaids": "unpaids.txt", "airmiles-amcash": "AMCASH_RECON_20261120", "airmiles-thtd": "WXYZ0017.T",
    "bai2": "report.txt", "camt054": "returns.xml", "crowdtwist-activities": "partner_78_activities_12_20261120093000.txt",
    "crowdtwist-redemptions": "2_12_USER_REDEMPTION_20261120.zip", "idpay-feedback": "feedback.zip",
    "idpay-feedback-csv": "feedback.csv", "json-outcome": "PAGOPAPM_NPG_CONTRACTS_20261120000000_001_OUT.json",
    "kognitiv": "pair.txt", "nacha-returns": "returns.ach", "pain002": "part.xml",
}
# formats that say nothing by which a cut between two records could be seen
BLIND_TO_CUTS = {"crowdtwist-activities", "idpay-feedback-csv", "kognitiv"}
# ... by which one byte of an answer could be seen to be another: nothing counts accepted and rejected records
BLIND_TO_TURNS = {"bai2", "kognitiv"}
# the same by their words, but in the sample other fields of the record show it
WARNED_OF_TURNS = {"absa-unpaids", "camt054", "nacha-returns", "pain002"}


def outcome(profile, path):
    return dump(PROFILES / f"{profile}.yaml", path)


def proof(profile):
    return "".join(dump(mode, PROFILES / f"{profile}.yaml", LAYOUTS / profile / PROOF[profile])
                   for mode in ("--cuts", "--turns"))


def sample_files():
    return sorted(p for p in LAYOUTS.glob("*/*") if p.suffix != ".expected")


@pytest.mark.parametrize("path", sample_files(), ids=lambda p: f"{p.parent.name}/{p.name}")
def test_sample(path):
    assert outcome(path.parent.name, path) == path.with_name(path.name + ".expected").read_text()


@pytest.mark.parametrize("profile", PROOF)
def test_cuts_and_turned_bytes(profile):
    """Each is refused, held, seen at the ledger, or of a text or date that nobody judges; or it is told by lint."""
    now = proof(profile)
    cuts, turns = passed(now)
    assert (cuts > 0) == (profile in BLIND_TO_CUTS) and (turns > 0) == (profile in BLIND_TO_TURNS), now
    assert now == (LAYOUTS / profile / "proof.expected").read_text()
    told = warnings(PROFILES / f"{profile}.yaml")
    assert (CUT.search(told) is not None) == (profile in BLIND_TO_CUTS)
    assert (TURN.search(told) is not None) == (profile in BLIND_TO_TURNS | WARNED_OF_TURNS)


@pytest.mark.parametrize("partner", sorted(layouts.WRITERS))
def test_cuts_and_turned_bytes_of_our_own(partner, tmp_path):
    usual = list(generate.usual(random.Random(3), partner, generate.demo_ledger().of(partner)))
    answers = [next(a for a in usual if a.verdict == verdict) for verdict in sorted({a.verdict for a in usual})]
    assert len(answers) >= 3
    name, data = layouts.WRITERS[partner](answers, datetime.date(2026, 11, 18), 1, 0)
    (tmp_path / name).write_bytes(data)
    profile = PROFILES / f"{partner.lower()}.yaml"
    assert passed(dump("--cuts", profile, tmp_path / name) + dump("--turns", profile, tmp_path / name)) == [0, 0]
    assert not any(warning.search(warnings(profile)) for warning in (CUT, TURN))


def test_samples_are_made_again(tmp_path):
    subprocess.run([sys.executable, ROOT / "fixtures/make_layouts.py", tmp_path], check=True)
    made = {p.relative_to(tmp_path): p.read_bytes() for p in tmp_path.glob("*/*")}
    assert made == {p.relative_to(LAYOUTS): p.read_bytes() for p in sample_files()}


def test_all_layouts_have_good_and_bad_files():
    for profile in PROOF:
        texts = [p.read_text() for p in (LAYOUTS / profile).glob("*.expected")]
        assert any(" refused\n" in t for t in texts) and any("record 1" in t and " refused\n" not in t for t in texts)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the collected samples are not here")
@pytest.mark.parametrize("profile, path, name, wanted", SAMPLES, ids=lambda v: str(v)[-40:])
def test_collected_sample(profile, path, name, wanted):
    arguments = [PROFILES / f"{profile}.yaml", SHARED / path] + ([name] if name else [])
    text = dump(*arguments)
    assert wanted in text
    assert ("refused" in text) == ("refused" in wanted or "its records make" in wanted)


def test_parser_names_no_partner():
    """A partner is a profile, never code."""
    partners = {re.search(r"^partner: (\w+)", p.read_text(), re.M)[1] for p in PROFILES.glob("*.yaml")}
    words = re.compile(r"\b(" + "|".join(sorted(partners)) + r")\b|(?i:airmiles|nacha|absa|kognitiv|crowdtwist|idpay|camt|pain\.00|bai2)")
    for source in (ROOT / "parsers").rglob("*.[ch]"):
        assert words.search(source.read_text()) is None, source.name


def update():
    for path in sample_files():
        path.with_name(path.name + ".expected").write_text(outcome(path.parent.name, path))
    for profile in PROOF:
        (LAYOUTS / profile / "proof.expected").write_text(proof(profile))


if __name__ == "__main__" and sys.argv[1:] == ["--update"]:
    update()

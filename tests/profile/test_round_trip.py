"""profile infer, lint, read: each public sample and each layout that ships is read by the profile that was proposed for it, once a
person has answered what it left open; a sample of which nothing can be proposed says what to do, and that works."""
import re
import zipfile

import pytest

import parse_client
from infer_client import completed, files, infer, lint
from layout_samples import SAMPLES
from world import ROOT

PROFILES = ROOT / "fixtures/profiles"
SHARED = ROOT.parent / "shared/samples"
ALL = [*files(ROOT / "fixtures/layouts"), *files(ROOT / "fixtures/demo"), *files(PROFILES), *files(SHARED)]
ALL = [path for path in ALL if path.suffix != ".yaml"]
# what is no whole sample of its layout, and is told so
BROKEN = {"PAGOPAPM_NPG_CONTRACTS_20261120000000_001_COMMA.json": "a comma or an end was expected", "doctype.xml": "it has a DOCTYPE",
          "zero-bytes.made.zip": "it is empty", "two-members.made.zip": "it is a zip", "two.zip": "it is a zip",
          "2_12_USER_REDEMPTION_20261120.quote.zip": "a quote that neither begins nor ends a value"}
# records that the shipped profile counts otherwise: it leaves some out by their words, reports a level's own verdict, joins lines or
# knows types that stand at a place which a few records do not show
OTHERWISE = {"cnab240", "camt053", "camt054", "pain002", "bai2"}


def shipped(path):
    """The profile of ours for a sample."""
    if SHARED in path.parents:
        return next(profile for profile, sample, _, _ in SAMPLES if SHARED / sample == path)
    return path.parent.name.removesuffix(".cases")


def with_a_key(text):
    """Which field the redemption is found by, where the sample shows none: the first that each record has."""
    if "\nmatch: " in text:
        return text
    head, body = text.split("    role: entry\n", 1)
    at = re.search(r"^      (?!status|points)(\w+): \{(at: (?:\"[^\"\n]*\"|[^,}\n]*))(?=[,}])(?![^\n]*optional|, type: blank)[^\n]*", body, re.M)
    return f"{head}    role: entry\n{body[:at.start()]}      outbound_reference: {{{at[2]}, type: text}}{body[at.end():]}match: [outbound_reference]\n"


def answered(text):
    """The questions answered as a person would: a key, what the words mean, what is compared."""
    text = with_a_key(text)
    if re.search(r"^# verdict:$", text, re.M):
        text = re.sub(r"^# (verdict:|  field: status|  words:)$", r"\1", text, flags=re.M)
    elif "\nverdict:" not in text:
        text += "verdict: [{is: accepted}]\n"
    return completed(text.replace("# check: none", "check: none"))


def unpacked(path, tmp_path):
    """The copy that the reason asks for, and the line that it says to add."""
    with zipfile.ZipFile(path) as packed:
        name, = (name for name in packed.namelist() if not name.startswith("__MACOSX/"))
        (tmp_path / "copy").write_bytes(packed.read(name))
    return tmp_path / "copy", f'container: {{kind: zip, member: "{name}", ignore: ["__MACOSX/*"]}}\n'


@pytest.mark.parametrize("path", ALL, ids=lambda p: p.name)
def test_a_sample_is_read_by_the_profile_proposed_for_it(build, path, tmp_path):
    done, more = infer(build, path), ""
    if path.name in BROKEN and done.returncode and ".quote." not in path.name:
        assert BROKEN[path.name] in done.stderr
        return
    if done.returncode and "it is a zip" in done.stderr:
        copy, more = unpacked(path, tmp_path)
        done = infer(build, copy)
    if done.returncode:  # of a standard: the profile that ships
        kind, = re.findall(r"it is an? .*?(EDIFACT|ISA|SWIFT).*: take (?:the|a) shipped profile of that standard", done.stderr)
        assert shipped(path).startswith({"EDIFACT": "edifact", "ISA": "x12", "SWIFT": "mt9"}[kind])
        return
    profile = tmp_path / "proposed.yaml"
    profile.write_text(done.stdout)
    assert any("still to decide" in line for line in lint(build, profile))
    profile.write_text(answered(done.stdout) + more)
    assert lint(build, profile) == [], profile.read_text()
    ours = parse_client.parse(profile.read_text().encode(), path)
    refusals = [frame["message"] for kind, frame in ours.frames if kind == "refusal"]
    if path.name in BROKEN:
        assert refusals == [BROKEN[path.name]]
        return
    assert not refusals and ours.end["records"] > 0, (refusals, profile.read_text())
    theirs = parse_client.parse(PROFILES / f"{shipped(path)}.yaml", path)
    if shipped(path) not in OTHERWISE and not theirs.end["refused"] and theirs.end["records"]:
        assert ours.end["records"] == theirs.end["records"], profile.read_text()

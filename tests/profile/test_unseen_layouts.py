"""Public layouts that were not known when the language was made: a profile has to do, and no code.

    test_unseen_layouts.py --update     write the expected outcomes again (then read the difference)
"""
import pathlib
import re
import sys

import pytest

import layout_proof

UNSEEN = pathlib.Path(__file__).resolve().parent / "unseen"
LAYOUTS = sorted(p.name for p in UNSEEN.iterdir())

# what is wrong, and the rule that refuses it
WRONG = [
    ("bsp-hot", b"BKS00000009", b"BKS00000010", "running_number"), ("bsp-hot", b"0000001250{", b"0000001251{", "control_total"),
    ("bsp-hot", b"0000001250{", b"00000012501", "control_total"), ("bsp-hot", b"PROD", b"LIVE", "unknown_word"),
    ("cnab240", b"00004U", b"00004V", "record_type"),
    ("cnab240", b"A002                     09", b"A002                     08", "unknown_word"), ("cnab240", b"00003T", b"00005T", "running_number"),
    ("cnab240", b"A002                     09", b"A002                     08", "unknown_word"), ("cnab240", b"18112026", b"31112026", "date"),
    ("coda", b"000000000012500181126", b"000000000012501181126", "decimals"), ("coda", b"01005500", b"01005501", "decimals"),
    ("coda", b"00000001005500", b"00000001005510", "control_total"), ("coda", b"     000006", b"     000007", "control_total"),
    ("mt940", b"1118D12,50", b"1118D12,51", "control_total"), ("mt940", b"1118D12,50", b"1118C12,50", "control_total"),
    ("mt940", b"NTRFA001//", b"NTRF//", "pattern"), ("mt940", b"NMSC", b"NMSX", "must_be"), ("mt940", b"B-0000001", b"B-000000123456789", "pattern"),
    ("mt940", b":60F:C261117", b":60F:X261117", "pattern"), ("mt940", b"D7,NTRF", b"D7,123NTRF", "decimals"),
    ("pacs002", b">RJCT</TxSts>", b">RJCX</TxSts>", "unknown_word"), ("pacs002", b">ACSC</", b">RJCT</", "control_total"),
    ("pacs002", b'Ccy="EUR">7<', b'Ccy="JPY">7.5<', "decimals"), ("pacs002", b"pacs.002.001.10", b"pacs.002.001.11", "wrong_root"),
    ("x12-999", b"IK5*R", b"IK5*A", "control_total"), ("x12-999", b"SE*10", b"SE*11", "control_total"),
    ("x12-999", b"IK5*A~\n", b"", "occurs"), ("x12-999", b"GS*FA", b"GS*FB", "must_be"),
    ("zengin", b"A021", b"A025", "unknown_word"), ("zengin", b"1127", b"1131", "date"),
    ("zengin", b"000001000000000700", b"000001000000000701", "control_total"),
]

# another code of the bank's, and nothing else in the file says how many were accepted
BLIND_TO_TURNS = {"coda"}
# the same by its words, but both segments of a title say it, and their sums are compared; the balance tells
WARNED_OF_TURNS = {"cnab240", "mt940"}


def files(layout):
    """(profile, the one good file)."""
    profile = UNSEEN / layout / "profile.yaml"
    data, = (p for p in (UNSEEN / layout).iterdir() if p.suffix not in (".yaml", ".expected"))
    return profile, data


def outcome(layout):
    """What comes of the file; how many bytes of it may be missing, and where a turned byte passes."""
    profile, data = files(layout)
    return layout_proof.dump(profile, data) + layout_proof.dump("--cuts", profile, data) + \
        layout_proof.dump("--turns", profile, data)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_profile_does(layout):
    said = outcome(layout)
    assert said == (UNSEEN / layout / "outcome.expected").read_text(encoding="utf-8")
    assert " accepted" in said and " rejected" in said and "refused " not in said.partition("\ncuts")[0]
    cuts, turns = layout_proof.passed(said)
    assert cuts == 0 and (turns > 0) == (layout in BLIND_TO_TURNS)
    told = layout_proof.warnings(UNSEEN / layout / "profile.yaml")
    assert (layout_proof.TURN.search(told) is not None) == (layout in BLIND_TO_TURNS | WARNED_OF_TURNS)


@pytest.mark.parametrize("layout, good, bad, rule", WRONG, ids=lambda v: v if isinstance(v, str) else v.decode("latin-1")[:12])
def test_what_is_wrong_is_refused(layout, good, bad, rule, tmp_path):
    profile, path = files(layout)
    data = path.read_bytes()
    assert good in data
    (tmp_path / path.name).write_bytes(data.replace(good, bad, 1))
    said = layout_proof.dump(profile, tmp_path / path.name)
    assert re.search(rf"^refused {rule} ", said, re.M), said


def update():
    for layout in LAYOUTS:
        (UNSEEN / layout / "outcome.expected").write_text(outcome(layout), encoding="utf-8")


if __name__ == "__main__" and sys.argv[1:] == ["--update"]:
    update()

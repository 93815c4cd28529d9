"""The mutants of mutant_list.py can still be made, and the quick ones are."""
import subprocess

import pytest

from mutant_list import MUTANTS
from mutants import ROOT


def test_each_mutant_is_a_change_of_what_stands_there_once():
    wrong = [b.name for b in MUTANTS if (ROOT / b.path).read_text(encoding="utf-8").count(b.old) != 1 or b.old == b.new]
    assert not wrong, "see tests/proofs/mutant_list.py"
    assert len({b.name for b in MUTANTS}) == len(MUTANTS) >= 15


def test_each_mutant_names_a_test_that_is_there():
    for mutant in MUTANTS:
        path, name = mutant.test.split("::")
        text = (ROOT / path).read_text(encoding="utf-8")
        assert f"cmocka_unit_test({name})" in text or f"({name}, setup" in text or f"def {name}(" in text, mutant


@pytest.mark.all_only
def test_a_sample_is_caught(build):
    done = subprocess.run([ROOT / "tests/proofs/mutants.py", "--sample", "--build", build], text=True, capture_output=True, check=False)
    assert done.returncode == 0 and done.stdout.endswith(" passed, 0 failed\n"), done.stdout + done.stderr

"""The mutants of mutant_list.py can still be made, and the quick ones are."""
import pathlib
import subprocess

import pytest

from mutant_list import MUTANTS, source
from mutants import ROOT


def test_each_mutant_is_a_change_of_what_stands_there_once():
    wrong = [b.name for b in MUTANTS if source(ROOT, b).read_text(encoding="utf-8").count(b.old) != 1 or b.old == b.new]
    assert not wrong, "see tests/proofs/mutant_list.py"
    assert len({b.name for b in MUTANTS}) == len(MUTANTS) >= 15


def test_a_mutant_of_a_function_changes_the_one_in_force():
    """A later migration that says the same again would undo it in silence."""
    again = [b.name for b in MUTANTS if b.path.startswith("schema/migrations/") for p in (ROOT / "schema/migrations").glob("*.sql")
             if p.name > pathlib.Path(b.path).name and b.old in p.read_text(encoding="utf-8") and b.name != "approve one's own proposal"]
    assert not again, "name schema/migrations alone: the last that has the text is taken"
    present = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "schema/present").glob("*.sql"))
    assert not [b.name for b in MUTANTS if b.path == "schema/migrations" and b.old not in present], "not in force any more"


def test_each_mutant_names_a_test_that_is_there():
    for mutant in MUTANTS:
        path, name = mutant.test.split("::")
        text = (ROOT / path).read_text(encoding="utf-8")
        assert f"cmocka_unit_test({name})" in text or f"({name}, setup" in text or f"def {name}(" in text, mutant


@pytest.mark.all_only
def test_a_sample_is_caught(build):
    done = subprocess.run([ROOT / "tests/proofs/mutants.py", "--sample", "--build", build], text=True, capture_output=True, check=False)
    assert done.returncode == 0 and done.stdout.endswith(" passed, 0 failed\n"), done.stdout + done.stderr

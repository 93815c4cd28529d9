"""The bugs of planted.py can still be planted, and the quick ones are."""
import subprocess

import pytest

from planted import BUGS
from teeth import ROOT


def test_each_bug_is_a_change_of_what_stands_there_once():
    wrong = [b.name for b in BUGS if (ROOT / b.path).read_text(encoding="utf-8").count(b.old) != 1 or b.old == b.new]
    assert not wrong, "see tests/proofs/planted.py"
    assert len({b.name for b in BUGS}) == len(BUGS) >= 15


def test_each_bug_names_a_test_that_is_there():
    for bug in BUGS:
        path, name = bug.test.split("::")
        text = (ROOT / path).read_text(encoding="utf-8")
        assert f"cmocka_unit_test({name})" in text or f"({name}, setup" in text or f"def {name}(" in text, bug


@pytest.mark.all_only
def test_a_sample_is_caught(build):
    done = subprocess.run([ROOT / "tests/proofs/teeth.py", "--sample", "--build", build], text=True, capture_output=True, check=False)
    assert done.returncode == 0 and done.stdout.endswith(" passed, 0 failed\n"), done.stdout + done.stderr

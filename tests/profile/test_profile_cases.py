"""The cases that stand beside the profiles that ship: handbackctl profile test and read; cuts and turned bytes of each good file."""
import re
import shutil
import subprocess
import sys

import pytest

from layout_proof import CTL, CUT, ROOT, TURN, dump, passed, warnings

PROFILES = ROOT / "fixtures/profiles"
# those whose good files are cut and turned here; fixtures/layouts have test_layouts.py
GOOD = {"camt053": "statement.xml", "mt942": "MT942.STA", "x12-997": "997.edi", "edifact-contrl": "contrl.edi"}


def ctl(*arguments):
    return subprocess.run([CTL, *map(str, arguments)], capture_output=True, text=True, timeout=120)


def with_cases():
    return sorted(p for p in PROFILES.glob("*.yaml") if p.with_suffix(".cases").is_dir())


def cases(profile):
    return sorted(p for p in profile.with_suffix(".cases").iterdir() if p.suffix != ".expected")


def test_all_cases_are_right():
    assert len(with_cases()) >= 20
    done = ctl("profile", "test", *with_cases(), "--format", "csv")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(",right") == sum(len(cases(p)) for p in with_cases())


@pytest.mark.parametrize("profile", [p for p in with_cases() if not p.with_suffix(".cases").is_symlink()], ids=lambda p: p.stem)
def test_cases_show_what_is_right_and_what_is_refused(profile):
    texts = [p.with_name(p.name + ".expected").read_text() for p in cases(profile)]
    assert any(re.search(r"^record 1 ", t, re.M) and " refused" not in t for t in texts) and any("\nrefused " in "\n" + t for t in texts)


@pytest.mark.parametrize("name", GOOD)
def test_cuts_and_turned_bytes_are_told(name):
    profile, file = PROFILES / f"{name}.yaml", PROFILES / f"{name}.cases/{GOOD[name]}"
    cuts, turns = passed(dump("--cuts", profile, file) + dump("--turns", profile, file))
    told = warnings(profile)
    assert (cuts == 0 or CUT.search(told)) and (turns == 0 or TURN.search(told)), (cuts, turns)


def test_a_case_that_is_not_as_expected_is_told(tmp_path):
    shutil.copy(PROFILES / "x12-997.yaml", tmp_path / "p.yaml")
    folder = tmp_path / "p.cases"
    profile = tmp_path / "p.yaml"
    assert ctl("profile", "test", profile).returncode == 2
    folder.mkdir()
    assert "no case" in ctl("profile", "test", profile).stderr
    shutil.copy(PROFILES / "x12-997.cases/997.edi", folder)
    done = ctl("profile", "test", profile)
    assert done.returncode == 5 and "nothing expected" in done.stdout
    said = ctl("profile", "read", profile, folder / "997.edi")
    assert said.returncode == 0 and said.stdout == (PROFILES / "x12-997.cases/997.edi.expected").read_text()
    (folder / "997.edi.expected").write_text(said.stdout)
    assert ctl("profile", "test", profile).returncode == 0
    (folder / "997.edi.expected").write_text(said.stdout.replace("record 2 ", "record 3 "))
    done = ctl("profile", "test", profile, "--json")
    assert done.returncode == 5 and '"line": 2' in done.stdout and "record 3" in done.stdout, done.stdout
    profile.write_text("profile: p\n")
    assert ctl("profile", "test", profile).returncode == 2


def update():
    for profile in with_cases():
        for path in cases(profile):
            path.with_name(path.name + ".expected").write_text(dump(profile, path))


if __name__ == "__main__" and sys.argv[1:] == ["--update"]:
    update()

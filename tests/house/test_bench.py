"""The bench runs to its end and judges every goal; how fast anything is, no test asks."""
import json
import shutil
import subprocess
import sys
import xml.etree.ElementTree

import pytest

import pg
from sshd import SSHD

sys.path.insert(0, str(pg.ROOT / "bench"))
import api  # noqa: E402
import goals  # noqa: E402
import show  # noqa: E402


def result(judged=True, **values):
    plan = {"records": 1000, "runs": 1, "slow_runs": 1, "rows": 10, "files": 5, "singles": 5}
    return {"date": "2026-01-02", "command": "./dev bench", "machine": "a machine", "postgresql": "postgres 15",
            "plan": plan, "judged": judged, "values": values, "rows": []}


@pytest.mark.parametrize("profile", sorted((pg.ROOT / "bench/profiles").glob("*.yaml")), ids=lambda p: p.stem)
def test_its_profiles_compile(build, profile):
    done = subprocess.run([build / "ctl/handbackctl", "profile", "lint", profile], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.all_only
def test_smoke(build, tmp_path):
    absent = set() if shutil.which("pgloader") else {"against_pgloader"}  # said to be not measured, and nothing else is
    done = subprocess.run(["/usr/bin/python3", "-B", pg.ROOT / "bench/bench.py", "--smoke", "--build", build, "--folder", tmp_path],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    said = json.loads((tmp_path / "results.json").read_text())
    assert set(said["values"]) == {goal[0] for goal in goals.GOALS}
    assert {key for key, value in said["values"].items() if value is None} == absent, said["values"]
    assert all(value > 0 for value in said["values"].values() if value is not None), said["values"]
    assert done.stdout.count("not measured") == len(absent)
    xml.etree.ElementTree.parse(tmp_path / "results.svg")
    for profile in {goal[5] for goal in goals.GOALS if goal[5]}:
        assert " times  " in (tmp_path / f"profile-{profile}.txt").read_text()


@pytest.mark.all_only
def test_smoke_of_the_download(build, need):
    need("sftp")
    pytest.importorskip("asyncssh", reason="python3-asyncssh is not installed")
    if not SSHD:
        pytest.skip("openssh-server is not installed")
    done = subprocess.run(["/usr/bin/python3", "-B", pg.ROOT / "bench/bench.py", "--sftp", "--smoke", "--build", build],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    rows = [line.split(" | ") for line in done.stdout.splitlines() if line.startswith("| ")]
    rows = [row for row in rows if row[0] not in ("| goal", "| medians")]
    assert [row[0] for row in rows[-2:]] == ["| handback-fetch", "| sftp"] and all(float(row[1]) > 0 for row in rows[-2:])
    assert len(rows) == 5 and "| no |" not in done.stdout, "what is small is not judged"


@pytest.mark.all_only
def test_smoke_of_the_redemption_api(build, tmp_path, need):
    need("wrk")
    done = subprocess.run(["/usr/bin/python3", "-B", pg.ROOT / "bench/bench.py", "--api", "--smoke", "--build", build, "--folder", tmp_path],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    said = json.loads((tmp_path / "api.json").read_text())
    assert set(said["values"]) == {goal[0] for goal in api.GOALS} and all(value > 0 for value in said["values"].values())
    assert "| no |" not in done.stdout, "what is small is not judged"


def test_the_redemption_api_has_its_place_in_the_readme(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text((pg.ROOT / "README.md").read_text())
    told = {**result(), "values": {goal[0]: goal[3] for goal in api.GOALS}, "rows": []}
    show.readme(readme, told, api.goal_lines, "api ")
    assert readme.read_text().count("| yes |") >= len(api.GOALS)
    for key, _, _, target, direction in api.GOALS:
        missed = {**told, "values": {**told["values"], key: target * (1.01 if direction == "max" else 0.99)}}
        assert sum("| no |" in line for line in api.goal_lines(missed)) == 1
    assert not any("yes" in line or "no" in line.split("|")[4] for line in api.goal_lines({**told, "judged": False})[2:])


def test_a_missed_goal_says_where_to_look(tmp_path):
    told = result(against_reference=1.16, small_median=9.9)
    assert "| no |" in show.table(told) and "| yes |" in show.table(told)
    missed = show.missed(told, tmp_path)
    assert len(missed) == 1 and f"{tmp_path}/profile-file.txt" in missed[0]
    assert show.missed(result(judged=False, against_reference=2), tmp_path) == []


def test_the_readme_has_its_place_and_is_filled_twice(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text((pg.ROOT / "README.md").read_text())
    show.readme(readme, result(against_reference=1.1))
    once = readme.read_text()
    assert "| 1,000 records, closed → committed, against the reference SQL | ≤ 1.15 × | 1.1 × | yes |" in once
    show.readme(readme, result(against_reference=1.1))
    assert readme.read_text() == once
    end = "What is missed, in short"
    assert once.split(end)[1] == (pg.ROOT / "README.md").read_text().split(end)[1]
    with pytest.raises(SystemExit):
        show.readme(readme, result(judged=False))


def test_it_compares_only_runs_of_the_same_size(tmp_path):
    show.write(tmp_path, result(report=1.0))
    show.write(tmp_path, result(report=2.0))
    assert show.compare(tmp_path, result(report=2.0)) == ["since 2026-01-02: report 1 → 2"]
    other = result(report=2.0)
    other["plan"]["records"] = 7
    assert show.compare(tmp_path, other) == []

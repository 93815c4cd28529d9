"""Some of the points of ./dev crashproof, which has them all."""
import shutil
import subprocess

import pytest

import crashproof
from case_table import case

SEED = 20261121
POINTS, SEEDS = 70, 50


@pytest.fixture(scope="module")
def strace():
    path = shutil.which("strace")
    if path is None or subprocess.run([path, "-qq", "-o", "/dev/null", "true"], capture_output=True).returncode != 0:
        pytest.skip("strace is not installed, or may not trace here")


@case("every program killed or failed at its system calls")
def test_nothing_differs_after_a_crash(cluster, build, strace):
    points, errors, end = crashproof.count_points(cluster, build)
    tally = crashproof.Tally()
    for kind, chosen in crashproof.plan(points, errors, POINTS, SEEDS, SEED):
        tally.add(kind, chosen, *crashproof.try_points(cluster, build, chosen, end))
    said = (f"{tally.distinct()} of {len(points) + len(errors)} points, {SEEDS} runs of seed {SEED}, "
            f"{len(tally.wrong)} violations")
    assert not tally.wrong, "\n".join([said, *(f"{wrong}\n  again: {crashproof.again(c)}" for c, wrong in tally.wrong)])
    assert {program for _, program in tally.rows} == set(crashproof.PROGRAMS)
    # the disturbances disturb: what is killed at a counted point dies there
    assert sum(row["whole"] for (kind, _), row in tally.rows.items() if kind == "killed") > POINTS * 0.9, tally.table()
    return said

"""Some of the points of ./dev crashproof, which has them all."""
import shutil
import subprocess

import pytest

import crash_runs
import crashproof
from case_table import case
from share import share
from sshd import SSHD, Sshd

SEED = 20261121
POINTS, SEEDS = share(30, 20), share(20, 12)


@pytest.fixture(scope="module")
def strace():
    path = shutil.which("strace")
    if path is None or subprocess.run([path, "-qq", "-o", "/dev/null", "true"], capture_output=True).returncode != 0:
        pytest.skip("strace is not installed, or may not trace here")


def try_share(place, scenario, least):
    """The scenario's share of the points and seeds, at least so many of which take place: what came of them."""
    counted = crashproof.count_points(place, scenario)
    tally = crashproof.Tally()
    for kind, chosen in crashproof.plan_all({scenario: counted}, POINTS, SEEDS, SEED):
        tally.add(kind, chosen, *crashproof.try_points(place, chosen, counted.end))
    said = (f"{tally.distinct()} of {len(counted.points) + len(counted.errors)} points, {tally.total('runs')} runs, "
            f"seed {SEED}, {len(tally.wrong)} violations")
    assert not tally.wrong, "\n".join([said, *(f"{wrong}\n  again: {crashproof.again(c)}" for c, wrong in tally.wrong)])
    assert {program for _, program in tally.rows} == set(scenario.programs)
    # the disturbances disturb: what is killed at a counted point dies there, unless a socket was quicker this time
    killed = [row for (kind, _), row in tally.rows.items() if kind == "killed"]
    assert sum(row["whole"] for row in killed) > sum(row["runs"] for row in killed) * least, tally.table()
    return said


@case("every program killed or failed at its system calls")
def test_nothing_differs_after_a_crash(cluster, build, strace):
    return try_share(crash_runs.Place(cluster, build, None), crash_runs.Run, least=0.9)


@case("handback-fetch killed or failed at its system calls")
@pytest.mark.skipif(not SSHD, reason="openssh-server is not installed")
def test_nothing_differs_after_a_crash_of_the_fetcher(cluster, build, strace, tmp_path):
    with Sshd(tmp_path) as server:
        return try_share(crash_runs.Place(cluster, build, server), crash_runs.SftpRun, least=0.5)

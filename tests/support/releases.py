"""Held files and people who let them go: what the tests of both ask of a desk (worker.Desk)."""
import subprocess

import proof
from world import CTL


def verify(desk, build):
    assert proof.differences(desk.db) == []
    for command in (["audit", "verify"], ["report", "--all"]):
        done = subprocess.run([build / CTL, *command, "--config", desk.config, "--json"], capture_output=True, text=True,
                              check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def hold_of(desk, file):
    return desk.query("SELECT hold_id FROM handback.hold WHERE file_id = %s AND record_no IS NULL", file)[0][0]


def released(desk, file):
    """Two people let it go, and the worker does it: the one answer."""
    desk.people.decide([hold_of(desk, file)], "release")
    done, = desk.release()
    assert desk.row(done["file"])["release_of"] == file
    return done

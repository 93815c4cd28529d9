"""Every answer that a test of tests/api gets is judged by Prism, too, where that is installed: fixtures of tests/conftest.py."""
import os
import subprocess

import pytest

import opponents
import prism
import redemption_api


@pytest.fixture(scope="session")
def judge():
    try:
        # installed by what runs all tests, never for a few of them
        opponents.have(install="CI" in os.environ and "HANDBACK_QUICK" not in os.environ)
    except (opponents.NotHere, AssertionError, subprocess.TimeoutExpired):
        yield None  # tests/opponents says so, and why
        return
    made = prism.Prism(opponents.ROOT / "gate/openapi.json")
    yield made
    made.close()


@pytest.fixture(autouse=True)
def judged(request):
    if request.path.parent.name != "api":
        yield
        return
    judge = request.getfixturevalue("judge")
    redemption_api.Api.judge = judge
    yield
    redemption_api.Api.judge = None
    if judge is not None:
        found, judge.violations = judge.violations, []
        assert not found, "\n".join(found)

"""What CONTRIBUTING tells a newcomer to type works, as it stands there."""
import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
COMMANDS = [line.split("  #")[0].strip() for block in re.findall(r"```sh\n(.*?)```", TEXT, re.S) for line in block.splitlines()]
WHOLE = ("./dev build", "./dev test", "./dev test --all")  # what runs this test, or has built what it tests


def test_there_are_commands():
    assert set(WHOLE) <= set(COMMANDS) and any("meson test" in command for command in COMMANDS)


@pytest.mark.parametrize("command", [c for c in COMMANDS if c not in WHOLE])
def test_a_command_works(build, command):
    """In the build folder that is tested; end-to-end tests are found, and not run once more."""
    asked = re.sub(r"-C build\b", f"-C '{build}'", command)
    done = subprocess.run(["bash", "-c", asked], cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          env={**os.environ, "HANDBACK_BUILD": str(build), "PYTEST_ADDOPTS": "--collect-only"})
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    if "./dev test" in command:
        assert re.search(r"\btest_\w+", done.stdout), "no test is found"


def test_help_names_each_way_to_test():
    usage = subprocess.run([ROOT / "dev", "help"], check=True, capture_output=True, text=True).stdout
    for command in ("./dev test", "./dev test --all", "./dev test ROOM", "./dev test NAME"):
        assert re.search(rf"^  {command}  ", usage, re.M), command

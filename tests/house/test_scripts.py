"""The scripts that a newcomer meets first."""
import os
import pathlib
import pty
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
STEPS = """
steps_log=$1
. tools/steps.sh
step good sleep 0.3
step bad false || echo "status $?"
"""


def test_shellcheck_is_content(need):
    need("shellcheck")
    done = subprocess.run(["shellcheck", "-x", "dev", ".ci/run", *sorted(ROOT.glob("tools/*.sh"))], cwd=ROOT, text=True,
                          capture_output=True)
    assert done.returncode == 0, done.stdout


def steps(tmp_path, **environment):
    command = ["bash", "-c", STEPS, "steps", str(tmp_path / "log")]
    return command, {"PATH": os.environ["PATH"], "TERM": "xterm", "LC_ALL": "C.UTF-8", **environment}


def on_terminal(command, environment):
    """What comes out when standard output is a terminal."""
    mine, theirs = pty.openpty()
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=theirs, stderr=theirs)
    os.close(theirs)
    said = b""
    while True:
        try:
            more = os.read(mine, 4096)
        except OSError:
            break
        if not more:
            break
        said += more
    os.close(mine)
    process.wait()
    return said.decode()


def test_steps_are_plain_lines_without_a_terminal(tmp_path):
    command, environment = steps(tmp_path)
    said = subprocess.run(command, cwd=ROOT, env=environment, text=True, capture_output=True).stdout
    assert re.fullmatch(r"  ✓ good +0\.\d s\n  ✗ bad +0\.\d s  \(exit 1\)\nstatus 1\n", said), said


def test_steps_move_on_a_terminal_and_use_no_colour_when_told(tmp_path):
    command, environment = steps(tmp_path)
    said = on_terminal(command, environment)
    assert "\x1b[32m✓" in said and "…" in said and "\r" in said
    said = on_terminal(command, {**environment, "NO_COLOR": "1"})
    assert "✓ good" in said and not re.search(r"\x1b\[\d*m", said)


def test_an_unknown_command_is_told_so():
    done = subprocess.run([ROOT / "dev", "dmeo"], text=True, capture_output=True)
    assert done.returncode != 0 and "no such command: dmeo" in done.stderr


def test_what_runs_long_starts_by_itself():
    """As ./dev starts it: with nothing on Python's path but its own folder."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    programs = [p for p in (*sorted((ROOT / "tests/proofs").glob("*.py")), ROOT / "bench/bench.py") if "__main__" in p.read_text()]
    assert len(programs) >= 6
    for program in programs:
        done = subprocess.run(["/usr/bin/python3", "-B", program, "--help"], cwd=ROOT, env=environment, text=True, capture_output=True)
        assert done.returncode == 0 and "usage: " in done.stdout, done.stderr

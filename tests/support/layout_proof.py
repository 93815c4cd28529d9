"""What the parser makes of a file, of each of its cuts and of each byte turned, and what lint says of its profile."""
import json
import os
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("HANDBACK_BUILD", ROOT / "build"))
DUMP, CTL = BUILD / "tests/unit/parse_dump", BUILD / "ctl/handbackctl"
# lint's words for a profile whose files may be cut, or changed in a byte, unseen
CUT, TURN = re.compile("a file that was cut"), re.compile("a one-byte error can turn (?!reason )")


def dump(*arguments):
    run = subprocess.run([DUMP, *map(str, arguments)], capture_output=True, check=True, timeout=60)
    return run.stdout.decode()


def passed(proof_text):
    """How many cuts, and how many turned bytes, passed unseen."""
    return [int(n) for n in re.findall(r"(\d+) passed", proof_text)]


def warnings(path):
    lint = subprocess.run([CTL, "profile", "lint", "--json", path], capture_output=True, check=True, text=True, timeout=60)
    return " ".join(p["problem"] for p in json.loads(lint.stdout).get("problems", []))

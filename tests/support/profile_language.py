"""docs/profiles.md and the profile language as tests read them."""
import os
import pathlib
import re
import subprocess

import parse_client

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs/profiles.md"
BUILD = pathlib.Path(os.environ.get("HANDBACK_BUILD", ROOT / "build"))
UNIT = BUILD / "tests/unit"

EXAMPLE = re.compile(r"```yaml (delimited|fixed|xml|json)\n(.*?)```\n(?:```in ?([^\n]*)\n(.*?)\n```\n```out\n(.*?)```\n)?", re.S)
BASE = re.compile(r"```yaml\n(.*?)```", re.S)
# the beginning of a profile whose rest a test says
HEAD = "profile: p\npartner: P\nprogramme: NS\n"


def keys():
    rows = subprocess.run([UNIT / "profile_keys"], capture_output=True, check=True, text=True).stdout
    return [row.split("\t") for row in rows.splitlines()]


def document():
    return DOCUMENT.read_text(encoding="utf-8")


def examples():
    return list(EXAMPLE.finditer(document()))


def top_level(yaml):
    """The profile's keys with their text; comments and all."""
    parts = re.split(r"^(?=\w)", yaml, flags=re.M)
    return {part.split(":")[0]: part for part in parts if part.strip()}


def short_profile(text, form):
    return top_level(next(b for b in BASE.findall(text) if f"\nformat: {form}\n" in b))


def unescape(text):
    return text.encode().decode("unicode_escape").encode("latin-1")


def compiles(text, build, tmp_path):
    """Whether `profile lint` takes it, and the lines that it prints."""
    path = tmp_path / "p.yaml"
    path.write_text(text)
    done = subprocess.run([build / "ctl/handbackctl", "profile", "lint", path], capture_output=True, text=True, timeout=30)
    return done.returncode == 0, done.stdout + done.stderr


def parse(profile, data, **more):
    return parse_client.parse(profile.encode(), data, **more)

"""What the README promises is there."""
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_two_commands_are_commands_of_dev():
    usage = subprocess.run([ROOT / "dev", "help"], check=True, capture_output=True, text=True).stdout
    commands = re.findall(r"^\./dev (\w+)", README, re.M)
    assert commands[:2] == ["demo", "test"]
    for command in commands:
        assert f"./dev {command}" in usage


def test_the_build_server_calls_the_same_test_command():
    assert re.search(r"^exec .*\./dev test", (ROOT / ".ci/run").read_text(encoding="utf-8"), re.M)


def test_every_folder_is_in_the_layout():
    made = re.compile(r"build|demo$|\.|__pycache__")
    folders = {p.name + "/" for p in ROOT.iterdir() if p.is_dir() and not made.match(p.name)}
    layout = README.split("### Layout")[1].split("\n#")[0]
    assert not {f for f in folders if f"`{f}`" not in layout} - {"docs/"}


def test_every_dependency_is_told_with_its_reason():
    names = {"libcsv": "libcsv", "libxml2": "libxml-2.0", "libpq": "libpq", "libevent": "libevent_core",
             "libyaml": "yaml-0.1", "libcrypto": "libcrypto", "libseccomp": "libseccomp", "libsystemd": "libsystemd",
             "libssh": "libssh", "zlib": "zlib", "cmocka": "cmocka"}
    build = (ROOT / "meson.build").read_text(encoding="utf-8")
    for found in set(re.findall(r"dependency\('([\w.-]+)'", build)) - {"libevent_extra"}:  # a part of libevent
        shown = [k for k, v in names.items() if v == found] or [found]
        assert shown[0] in README.split("### Dependencies")[1].split("\n## ")[0], f"{found} is not in the README's table"


def test_every_program_is_in_the_trust_table():
    table = README.split("## Who is trusted")[1].split("\n## ")[0]
    for program in ("handbackd", "handback-reconcile", "handback-parse", "handback-parse-xml", "handback-fetch", "handbackctl"):
        assert f"| `{program}` |" in table

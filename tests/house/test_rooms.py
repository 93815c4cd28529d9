"""How the tests are kept: in rooms, with what they share in tests/support and nowhere else."""
import ast
import configparser
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
TESTS = sorted(p for p in (ROOT / "tests").rglob("*.py") if "__pycache__" not in p.parts)
OTHERS = sorted(p for folder in ("bench", "fixtures", "tools") for p in (ROOT / folder).rglob("*.py"))


def imports(path):
    """The first name of each module that this file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]


def test_nobody_imports_a_test():
    wrong = [f"{path.relative_to(ROOT)} imports {name}" for path in [*TESTS, *OTHERS] for name in imports(path)
             if name.startswith("test_") or name == "tests"]
    assert not wrong, "what two tests share belongs into tests/support"


def test_a_test_finds_only_what_is_meant_to_be_shared():
    told = configparser.ConfigParser()
    told.read(ROOT / "pytest.ini")
    assert told["pytest"]["pythonpath"].split() == ["tests/support", "tests/proofs", "fixtures"]


def test_every_test_is_in_a_room():
    assert [p.name for p in (ROOT / "tests").glob("test_*.py")] == []
    held = [p for p in TESTS if p.name.startswith("test_") and p.parent.name in ("support", "proofs", "golden", "fuzz")]
    assert held == []


def test_what_begins_first_is_there():
    text = (ROOT / "tests/conftest.py").read_text(encoding="utf-8")
    longest = ast.literal_eval(text.split("LONGEST = ")[1].split(")")[0] + ")")
    assert set(longest) <= {p.name for p in TESTS}


def test_what_runs_by_itself_too_finds_its_helpers():
    """As its own first line says that it may be run."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    for name in ("test_documents", "test_pictures"):
        subprocess.run([sys.executable, "-B", "-c", f"import {name}"], cwd=ROOT / "tests/house", env=environment, check=True)

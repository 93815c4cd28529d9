"""What the programs say to each other: the tables of lib/protocol, as a golden text, and as docs/architecture.md tells them."""
import os
import pathlib
import re
import subprocess

import pytest

from c_source import ROOT

BUILD = pathlib.Path(os.environ.get("HANDBACK_BUILD", ROOT / "build"))
GOLDEN = ROOT / "tests/golden/protocol.txt"
SECTIONS = {"worker_job": "Worker protocol", "parse_job": "Parser protocol", "frame": "Frames", "decrypt_job": "Decrypt protocol",
            "fetch_job": "Fetch protocol", "control_client": "Control socket",
            "api_call": "API protocol", "receive_job": "Receiver protocol", "send_job": "Send protocol",
            "desk_call": "Desk protocol", "try_call": "Try protocol"}


def printed():
    return subprocess.run([BUILD / "tests/unit/print_contracts"], check=True, capture_output=True, text=True).stdout


def contracts():
    """{contract: {verb: [field, ...]}}"""
    found = {}
    for line in printed().splitlines():
        if line.startswith("# "):
            here = found.setdefault(line[2:].split(":")[0], {})
        elif line[:3] in ("-> ", "<- "):
            fields = here.setdefault(line.split()[1], [])
        elif re.match(r"    \w+\??: ", line):
            fields.append(line.split(":")[0].strip(" ?"))
    return found


def documented(title):
    """{verb: [field, ...]} of the tables of a section: a cell `verb` `field` `field`; `verb` ...; a bare … stands for more."""
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    section = re.search(rf"^## {title}.*?(?=^## )", text, re.M | re.S)[0]
    found = {}
    for cell in re.findall(r"^\| (`[^|]*) \|", section, re.M):
        for message in cell.split("; "):
            verb, *fields = re.findall(r"`(\w+)`", message)
            found[verb] = (fields, "…" in message)
    return found


def test_the_contracts_are_as_they_were():
    """A change shows as a diff.  To accept it: build/tests/unit/print_contracts > tests/golden/protocol.txt"""
    assert printed() == GOLDEN.read_text(encoding="utf-8")


@pytest.mark.parametrize("contract", SECTIONS)
def test_the_architecture_tells_each_message_and_field(contract):
    have, told = contracts()[contract], documented(SECTIONS[contract])
    assert set(have) == set(told)
    for verb, fields in have.items():
        names, more = told[verb]
        assert [f for f in names if f not in fields] == [] and (more or set(names) == set(fields)), verb


def test_each_contract_has_its_section():
    assert set(contracts()) == set(SECTIONS)

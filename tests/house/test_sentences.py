"""docs/catalogue.md: each sentence of the contract, and each thing that goes wrong, names tests that are there."""
import re

from c_source import ROOT

DOCUMENT = (ROOT / "docs/catalogue.md").read_text(encoding="utf-8")


def rows(heading):
    """{what is said: [(file, test), ...]} of the table under a heading."""
    table = DOCUMENT.split(f"## {heading}\n")[1].split("\n## ")[0]
    found = {}
    for line in table.splitlines():
        if line.startswith("| ") and "shown by" not in line:
            said, by = (cell.strip() for cell in line.strip("|").split("|"))
            file, tests = None, []
            for word in re.findall(r"`([^`]+)`", by):
                file = word.split(": ")[0] if ": " in word else file
                tests.append((file, word.split(": ")[-1]))
            found[said] = tests
    return found


def test_each_sentence_is_shown():
    sentences, wrong = rows("The contract, sentence by sentence"), rows("What goes wrong, and what becomes of it")
    assert len(sentences) >= 16 and len(wrong) >= 9
    for said, tests in {**sentences, **wrong}.items():
        assert tests, said
        for file, test in tests:
            where, = (ROOT / "tests").glob(f"*/{file}")
            text = where.read_text(encoding="utf-8")
            assert re.search(rf"^def {test}\(", text, re.M), (said, file, test)

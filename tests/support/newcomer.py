"""A newcomer who types what README says, and nothing else.

The commands are the code blocks of README, in their order; what README leaves to a person (a file that is edited, a number
that is read from a table) is in `Newcomer.edit` and `Newcomer.read`.
"""
import dataclasses
import pathlib
import re
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROFILE = "/etc/handback/profiles/skyline.yaml"
CONFIG = "/etc/handback/handback.yaml"
WAITS = 3  # the exit status of a command that says that something waits for a person
PATIENCE = 30  # seconds, for what README says is there within seconds


@dataclasses.dataclass(frozen=True)
class Block:
    step: str  # the last heading or bold words before it
    language: str
    lines: tuple


def blocks(text=README):
    """README's code blocks up to its figures."""
    step, found, inside = "", [], None
    for line in text.split("\n"):
        if inside is not None:
            if line.strip() == "```":
                found.append(Block(step, inside[0], tuple(inside[1])))
                inside = None
            else:
                inside[1].append(line)
        elif match := re.match(r"\s*```(\w*)$", line):
            inside = (match[1], [])
        elif match := re.match(r"#+ (.*)|\d+\. \*\*(.*?)\*\*", line):
            step = match[1] or match[2]
    return found


def commands(found):
    """(step, command) of what is typed."""
    return [(block.step, line.split("    #")[0].strip()) for block in found if block.language == "sh" for line in block.lines]


def part(first, last):
    """The blocks of the steps from one to another, both included."""
    found = blocks()
    steps = [block.step for block in found]
    return found[steps.index(first):len(steps) - steps[::-1].index(last)]


class Newcomer:
    """say(command) runs it in a shell and gives (status, output); write and read give and take a file's text."""

    def __init__(self, say, read, write, quick=()):
        self.say, self.read, self.write, self.quick = say, read, write, dict(quick)
        self.times, self.said = [], {}

    def type(self, found):
        for step, command in commands(found):
            start = time.monotonic()
            self.one(command)
            self.times.append((step, command, time.monotonic() - start))
            yield self.times[-1]

    def one(self, command):
        if command.startswith("editor "):
            return self.edit(command.split()[1])
        typed = self.quick.get(command, command)
        if "REFERENCE" in typed:
            typed = typed.replace("REFERENCE", re.search(r"handbackctl explain (\S+)", self.said["./dev demo"])[1])
        deadline = time.monotonic() + PATIENCE
        while True:
            status, said = self.say(typed)
            self.said[command] = said
            if command != "handbackctl files" or "posted" in said or time.monotonic() > deadline:
                break
            time.sleep(0.2)
        assert status in (0, WAITS), f"README's `{command}` ended with {status}:\n{said[-3000:]}"
        return None

    def edit(self, path):
        """What a person decides: the profile that README points to, and the sources that README shows."""
        before = self.read(path)
        if path == PROFILE:
            assert "partner: PARTNER" in before and "Redemption Reference" in before, f"no proposal to edit:\n{before}"
            return self.write(path, (ROOT / "fixtures/profiles/skyline.yaml").read_text(encoding="utf-8"))
        assert path == CONFIG and before.count("\nsources: []\n") == 1, before
        shown, = ("\n".join(line.removeprefix("   ") for line in block.lines) for block in blocks() if block.language == "yaml")
        return self.write(path, before.replace("sources: []", shown))


def check(newcomer):
    """What the newcomer has seen by the end is what README says."""
    said = newcomer.said
    assert "posted" in said["handbackctl files"], said["handbackctl files"]
    assert re.search(r"^ *1 .*reverse", said["sudo -u ben handbackctl proposals"], re.M), said["sudo -u ben handbackctl proposals"]
    assert "Difference" in said["sudo -u carol handbackctl report"], said["sudo -u carol handbackctl report"]
    assert "Result" in said["handbackctl audit verify"], said["handbackctl audit verify"]

"""Enough of C to ask questions of our own sources: comments, strings, includes, functions."""
import functools
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ("lib", "parsers", "reconcile", "daemon", "fetch", "nightly", "ctl")

TOKEN = re.compile(r"""(?P<comment>//[^\n]*|/\*.*?\*/)|(?P<string>"(?:[^"\\\n]|\\.)*")|'(?:[^'\\\n]|\\.)+'""", re.S)
INCLUDE = re.compile(r'^\s*#\s*include\s+[<"]([^>"]+)[>"]', re.M)


@functools.cache
def files(*folders, suffixes=(".c", ".h")):
    """Our own C files below these folders (all when none is given), in order."""
    return tuple(sorted(p for f in folders or FOLDERS for p in (ROOT / f).rglob("*") if p.suffix in suffixes))


@functools.cache
def text(path):
    return path.read_text(encoding="utf-8")


def name(path):
    return path.relative_to(ROOT).as_posix()


@functools.cache
def includes(path):
    return tuple(INCLUDE.findall(text(path)))


def blank(match):
    """As many newlines, so that line numbers stay."""
    return " " + "\n" * match.group().count("\n")


def code(path):
    """The text without comments and without what is in strings."""
    return TOKEN.sub(lambda m: blank(m) if m.group("comment") else '""', text(path))


def strings(path):
    """(line, content) of each string literal outside of preprocessor lines."""
    whole = text(path)
    for match in TOKEN.finditer(whole):
        start = whole.rfind("\n", 0, match.start()) + 1
        if match.group("string") and not whole[start:match.start()].lstrip().startswith("#"):
            yield whole.count("\n", 0, match.start()) + 1, match.group("string")[1:-1]


def functions(path):
    """(name, first line, lines, comment before) of each function: clang-format puts its braces at column 0."""
    lines = text(path).splitlines()
    start = None
    for i, line in enumerate(lines):
        if line == "{":
            start = i
        elif line == "}" and start is not None:
            head = start
            while head > 0 and lines[head - 1].strip() and not lines[head - 1].startswith(("}", "#", " *", "/*")):
                head -= 1
            found = re.search(r"(\w+)\s*\(", "\n".join(lines[head:start]))
            before = []
            while head > 0 and lines[head - 1].strip():
                head -= 1
                before.append(lines[head])
            yield found.group(1) if found else "?", start + 1, i - start + 1, "\n".join(before)
            start = None

"""Enough of C to ask questions of our own sources: comments, strings, includes, functions."""
import functools
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ("lib", "parsers", "reconcile", "collect", "daemon", "fetch", "nightly", "ctl")

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


def calls():
    """file -> the files of ours that define what its functions call or hand on: {path: {path, ...}}, by function names.

    A name in more than one program (main apart, there are a few) means the one nearest by folder.
    """
    defined, own = {}, {}
    for path in files(suffixes=(".c",)):
        text_of = code(path)
        for function, *_ in functions(path):
            if re.search(rf"^static\b[^;{{}}=]*?\b{re.escape(function)}\s*\(", text_of, re.M):
                own.setdefault(path, set()).add(function)
            else:
                defined.setdefault(function, set()).add(path)
    graph = {}
    for path in files(suffixes=(".c",)):
        # a tag of a struct, and a member, are no functions
        names = set(re.findall(r"(?<!struct )(?<!enum )(?<!union )(?<![.\w])(?<!->)([a-z_]\w*)\b", code(path)))
        graph[path] = {nearest(path, defined[n]) for n in names - own.get(path, set()) if n in defined} - {path}
    return graph


def nearest(path, others):
    """Of several files with the same name in them, the one that shares most of the way."""
    return max(sorted(others), key=lambda o: sum(1 for a, b in zip(path.parts, o.parts) if a == b))


def knots(graph):
    """The cycles of a graph, each as the whole set of nodes that reach one another."""
    number, low, stack, found = {}, {}, [], []

    def walk(node):
        number[node] = low[node] = len(number)
        stack.append(node)
        for other in graph.get(node, ()):
            if other not in number:
                walk(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], number[other])
        if low[node] == number[node]:
            knot = set()
            while node not in knot:
                knot.add(stack.pop())
            if len(knot) > 1:
                found.append(knot)

    for node in graph:
        if node not in number:
            walk(node)
    return found

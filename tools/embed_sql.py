#!/usr/bin/python3
"""Turn .sql files into one C file and one header of string constants.

    embed_sql.py [--header HEADER]... [--table] OUT.c OUT.h PREFIX FILE ...

A file holds one statement under the file's name, or several, each below a line
`-- name: STATEMENT`.  Each becomes `extern const char PREFIX_STATEMENT[];`.
`:OUTCOME_HELD` in a statement is the number that an enum of a header gives that name; a name that none has is an error.
A cast (`::text`), a quoted text and a comment are left as they are. With --table there is `PREFIX_table[]` too, of {file name, text}, ended by a NULL name.
"""
import argparse
import pathlib
import re
import sys

NAME = re.compile(r"^-- name: (\w+)\n", re.M)


def statements(path):
    """(name, text) of each statement of a file."""
    text = path.read_text(encoding="utf-8")
    first, *named = NAME.split(text)
    if not named:
        return [(re.sub(r"\W", "_", path.stem), text)]
    if first.strip():
        sys.exit(f"{path}: text before the first \"-- name:\"")
    return [(name, body.strip("\n") + "\n") for name, body in zip(named[::2], named[1::2])]


def constants(headers):
    """{name: number} of every enum of these headers."""
    found = {}
    for header in headers:
        text = re.sub(r"/\*.*?\*/|//[^\n]*", "", pathlib.Path(header).read_text(encoding="utf-8"), flags=re.S)
        for body in re.findall(r"\benum\s+\w*\s*\{(.*?)\}", text, re.S):
            number = -1
            for entry in filter(None, (e.strip() for e in body.split(","))):
                name, _, value = (part.strip() for part in entry.partition("="))
                base, _, shift = value.partition("<<")
                number = int(base) << int(shift or 0) if value else number + 1
                found[name] = number
    return found


# what is left alone comes first: a quoted text, comments, a cast
NAMED = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/|::|(?<!\w):([A-Z][A-Z0-9_]*)\b", re.S)


def fill(text, numbers, where="a statement"):
    """The text with each `:NAME` as its number."""
    def number(match):
        if match[1] is None:
            return match[0]
        if match[1] not in numbers:
            sys.exit(f"{where}: no header has {match[1]}")
        return str(numbers[match[1]])

    return NAMED.sub(number, text)


def c_string(text):
    lines = []
    for line in text.splitlines(keepends=True):
        quoted = line.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
        lines.append(f'\t"{quoted}"')
    return "\n".join(lines) or '\t""'


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--header", action="append", default=[])
    arguments.add_argument("--table", action="store_true")
    arguments.add_argument("out_c")
    arguments.add_argument("out_h")
    arguments.add_argument("prefix")
    arguments.add_argument("files", nargs="*")
    given = arguments.parse_args()
    out_c, out_h, prefix, table = given.out_c, given.out_h, given.prefix, given.table
    paths, numbers = [pathlib.Path(f) for f in given.files], constants(given.header)
    made = [(f"{prefix}_{name}", fill(text, numbers, path) if path.suffix == ".sql" else text)
            for path in paths for name, text in statements(path)]
    if len({name for name, _ in made}) < len(made):
        sys.exit(f"{out_c}: a statement's name stands twice")
    guard = f"HANDBACK_{pathlib.Path(out_h).stem.upper()}_H"
    header = [f"#ifndef {guard}", f"#define {guard}", ""]
    header += ['#include "lib/base/sql_file.h"', ""] if table else []
    header += [f"extern const char {name}[];" for name, _ in made]
    header += [f"extern const struct sql_file {prefix}_table[];"] if table else []
    header += ["", "#endif", ""]
    body = [f'#include "{pathlib.Path(out_h).name}"', "", "#include <stddef.h>", "",
            "/* a statement is one string, and ISO C promises only 4095 characters of it */",
            '#pragma GCC diagnostic ignored "-Woverlength-strings"', ""]
    for name, text in made:
        body.append(f"const char {name}[] =\n{c_string(text)};\n")
    if table:
        rows = [f'\t{{"{p.name}", {name}}},' for p, (name, _) in zip(paths, made)]
        body += [f"const struct sql_file {prefix}_table[] = {{", *rows, "\t{NULL, NULL},", "};", ""]
    pathlib.Path(out_c).write_text("\n".join(body), encoding="utf-8")
    pathlib.Path(out_h).write_text("\n".join(header), encoding="utf-8")


if __name__ == "__main__":
    main()

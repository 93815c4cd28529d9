#!/usr/bin/python3
"""Turn .sql files into one C file and one header of string constants.

    embed_sql.py [--table] OUT.c OUT.h PREFIX FILE ...

A file holds one statement under the file's name, or several, each below a line
`-- name: STATEMENT`.  Each becomes `extern const char PREFIX_STATEMENT[];`.
With --table there is `PREFIX_files[]` too, of {file name, text}, ended by a NULL name.
"""
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


def c_string(text):
    lines = []
    for line in text.splitlines(keepends=True):
        quoted = line.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
        lines.append(f'\t"{quoted}"')
    return "\n".join(lines) or '\t""'


def main():
    table = sys.argv[1] == "--table"
    out_c, out_h, prefix, *files = sys.argv[2 if table else 1:]
    paths = [pathlib.Path(f) for f in files]
    made = [(f"{prefix}_{name}", text) for path in paths for name, text in statements(path)]
    if len({name for name, _ in made}) < len(made):
        sys.exit(f"{out_c}: a statement's name stands twice")
    guard = f"HANDBACK_{pathlib.Path(out_h).stem.upper()}_H"
    header = [f"#ifndef {guard}", f"#define {guard}", ""]
    header += ['#include "lib/base/sql_file.h"', ""] if table else []
    header += [f"extern const char {name}[];" for name, _ in made]
    header += [f"extern const struct sql_file {prefix}_files[];"] if table else []
    header += ["", "#endif", ""]
    body = [f'#include "{pathlib.Path(out_h).name}"', "", "#include <stddef.h>", "",
            "/* a statement is one string, and ISO C promises only 4095 characters of it */",
            '#pragma GCC diagnostic ignored "-Woverlength-strings"', ""]
    for name, text in made:
        body.append(f"const char {name}[] =\n{c_string(text)};\n")
    if table:
        rows = [f'\t{{"{p.name}", {name}}},' for p, (name, _) in zip(paths, made)]
        body += [f"const struct sql_file {prefix}_files[] = {{", *rows, "\t{NULL, NULL},", "};", ""]
    pathlib.Path(out_c).write_text("\n".join(body), encoding="utf-8")
    pathlib.Path(out_h).write_text("\n".join(header), encoding="utf-8")


if __name__ == "__main__":
    main()

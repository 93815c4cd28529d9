#!/usr/bin/python3
"""Turn .sql files into one C file and one header of string constants.

    embed_sql.py OUT.c OUT.h PREFIX FILE.sql ...

gives, for each FILE.sql, `extern const char PREFIX_FILE[];` and a table
`PREFIX_files[]` of {name, text} ended by a NULL name.
"""
import pathlib
import re
import sys


def c_string(text):
    lines = []
    for line in text.splitlines(keepends=True):
        quoted = line.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
        lines.append(f'\t"{quoted}"')
    return "\n".join(lines) or '\t""'


def main():
    out_c, out_h, prefix, *files = sys.argv[1:]
    paths = sorted(map(pathlib.Path, files), key=lambda p: p.name)
    names = [f"{prefix}_" + re.sub(r"\W", "_", p.stem) for p in paths]
    guard = f"HANDBACK_{prefix.upper()}_SQL_H"
    header = [f"#ifndef {guard}", f"#define {guard}", "", '#include "base/sql_file.h"', ""]
    header += [f"extern const char {name}[];" for name in names]
    header += [f"extern const struct sql_file {prefix}_files[];", "", "#endif", ""]
    body = [f'#include "{pathlib.Path(out_h).name}"', "", "#include <stddef.h>", "",
            "/* a file is one string, and ISO C promises only 4095 characters of it */",
            '#pragma GCC diagnostic ignored "-Woverlength-strings"', ""]
    for name, path in zip(names, paths):
        body.append(f"const char {name}[] =\n{c_string(path.read_text(encoding='utf-8'))};\n")
    rows = [f'\t{{"{p.name}", {n}}},' for p, n in zip(paths, names)]
    body += [f"const struct sql_file {prefix}_files[] = {{", *rows, "\t{NULL, NULL},", "};", ""]
    pathlib.Path(out_c).write_text("\n".join(body), encoding="utf-8")
    pathlib.Path(out_h).write_text("\n".join(header), encoding="utf-8")


if __name__ == "__main__":
    main()

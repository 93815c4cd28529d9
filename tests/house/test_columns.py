"""Columns of a result are taken by their names, so that a statement may change its list without moving a value."""
import re

import c_source
from c_source import name

READ = re.compile(r"\bpg_(?:text|int|null|get_\w+)\(\s*\w+,\s*[^,()]+,\s*(\d+|[A-Z][A-Z0-9_]*)\b")
NAMED = re.compile(r'\bpg_(?:text_of|int_of|true_of|null_of|column)\([^;"]*?"(\w+)"\)')
# a leaf's columns are read for each record of the longest history: by places that lib/proof/leaf_row.h alone knows
BY_PLACE = {"lib/proof/leaf_row.c", "lib/proof/verify/verify_trees.c"}
ROOMS = ("lib", "reconcile", "daemon", "fetch", "nightly")


def test_no_column_is_counted():
    wrong = [f"{name(p)}:{c_source.code(p).count(chr(10), 0, m.start()) + 1}: {m.group()}"
             for p in c_source.files(*ROOMS, suffixes=(".c",)) if name(p) not in BY_PLACE
             for m in READ.finditer(c_source.code(p))]
    assert not wrong


def test_each_named_column_is_one_of_a_statement_of_the_room():
    wrong = []
    for path in c_source.files(suffixes=(".c",)):
        sql = "\n".join(p.read_text(encoding="utf-8") for p in path.parent.glob("*.sql"))
        if path.parent.as_posix().endswith("proof/verify"):
            sql += (path.parent.parent / "head.sql").read_text(encoding="utf-8")
        if name(path).startswith("ctl/site/"):
            sql += "\n".join(p.read_text(encoding="utf-8") for p in path.parent.parent.glob("*.sql"))
        if name(path) in ("ctl/people.c", "web/desk/decide.c"):
            sql += (c_source.ROOT / "lib/finance/view/people.sql").read_text(encoding="utf-8")
        wrong += [f"{name(path)}: {column}" for column in NAMED.findall(c_source.text(path)) if name(path) != "lib/db/pg_column.c" and not re.search(rf"\b{column}\b", sql)]
    assert not wrong


def test_the_patterns_see_what_they_should():
    assert READ.findall("pg_int(r, 0, 3); pg_text(rows, i, FILE_ID); pg_text(r, row, column)") == ["3", "FILE_ID"]
    assert NAMED.findall('pg_int_of(r, 0, "file_id") + pg_column(waiting, "record_no")') == ["file_id", "record_no"]

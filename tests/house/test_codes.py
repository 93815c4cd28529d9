"""The words that C and SQL share are the same words under the same numbers."""
import pathlib
import re

import pg

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEADER = (ROOT / "lib/base/codes.h").read_text(encoding="utf-8")
SOURCE = (ROOT / "lib/base/codes.c").read_text(encoding="utf-8")
SCHEMA = "\n".join(pg.filled(path) for _, path in pg.migration_files())


def c_numbers(prefix):
    return {name.lower(): int(number) for name, number in re.findall(rf"\b{prefix}_(\w+) = (\d+)", HEADER)}


def c_names(prefix):
    return {key.lower(): word for key, word in re.findall(rf'\[{prefix}_(\w+)\] = "(\w+)"', SOURCE)}


def sql_numbers(table):
    rows = re.findall(rf"INSERT INTO handback\.{table} VALUES(.*?);", SCHEMA, re.S)
    assert rows, f"schema/ fills no handback.{table}"
    return {name: int(n) for text in rows for n, name in re.findall(r"\((\d+), '(\w+)'\)", text)}


def test_verdicts_are_the_same_in_c_and_sql():
    in_c = c_numbers("VERDICT")
    assert in_c.pop("none") == 0, "0 stands for no verdict"
    assert in_c == sql_numbers("verdict_name")


def test_outcomes_are_the_same_in_c_and_sql():
    assert c_numbers("OUTCOME") == sql_numbers("outcome_name")


def test_each_number_has_its_own_word():
    for prefix in ("VERDICT", "OUTCOME"):
        names = c_names(prefix)
        assert all(key == word for key, word in names.items()), f"{prefix}: a word beside another's number"
        assert set(names) == set(c_numbers(prefix)) - {"none"}, f"{prefix}: a number without a word"


def test_the_database_holds_the_same_words(database):
    """What was migrated, not what the files seem to say."""
    for table, column, prefix in (("verdict_name", "verdict", "VERDICT"), ("outcome_name", "outcome", "OUTCOME")):
        with database.connect() as c:
            rows = c.execute(f"SELECT name, {column} FROM handback.{table}").fetchall()
        assert dict(rows) == {k: v for k, v in c_numbers(prefix).items() if v}

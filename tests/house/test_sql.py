"""Statements name what they mean: no bare number of an outcome, a verdict, a state, a check or a part of a key."""
import pathlib
import re
import subprocess

import pytest

import embed_sql
import pg

# what others wrote to be measured against (bench/) is theirs
FILES = [p for p in sorted(pg.ROOT.rglob("*.sql"))
         if not {"bench", "tests"} & set(p.relative_to(pg.ROOT).parts) and not p.relative_to(pg.ROOT).parts[0].startswith(("build", "demo"))]
WORD = r"\w*(?:outcome|verdict|state)"
BARE = (
    rf"\b{WORD}\b\)?\s*(?:=|<>|!=|<|>|<=|>=|:=)\s*\d",        # o.outcome = 6
    rf"\b{WORD}\b\)?\s+(?:NOT\s+)?IN\s*\(\s*\d",              # o.outcome IN (1, 2)
    rf"\b{WORD}\b\s+BETWEEN\s+\d",                             # outcome BETWEEN 1 AND 8
    r"&\s*\d",                                                 # $5::integer & 4
    rf"(?:THEN|ELSE)\s+\d+\s+END\s+AS\s+{WORD}\b",             # ELSE 2 END AS state
    rf"\b{WORD}\s*:=\s*CASE[^;]*?(?:THEN|ELSE)\s+\d",          # o.outcome := CASE ... THEN 1
    r"\b(?:verdict|outcome)_name VALUES[^;]*?\(\d",            # (1, 'confirmed')
    r"\bROW\((?:[^,()]+,){3}\s*(?:\d|[^,()]+,\s*\d+,)(?:[^()]|\([^()]*\))*\)::handback\.outcome",  # its 4th and 5th columns
)
CASE = re.compile(rf"\bCASE\b((?:(?!\bCASE\b|\bEND\b).)*)\bEND\s+AS\s+{WORD}\b", re.S)


def bare(text):
    """What stands there as a number and has a name."""
    text = re.sub(r"--[^\n]*", "", text)
    found = [match[0][:60] for pattern in BARE for match in re.finditer(pattern, text)]
    return found + [number[0] for case in CASE.finditer(text) for number in re.finditer(r"(?:THEN|ELSE)\s+\d+\b", case[1])]


def test_no_statement_has_a_bare_number():
    assert len(FILES) > 30
    wrong = {str(p.relative_to(pg.ROOT)): bare(p.read_text(encoding="utf-8")) for p in FILES}
    assert {name: found for name, found in wrong.items() if found} == {}


@pytest.mark.parametrize("text", [
    "WHERE o.outcome = 6", "WHERE (o).outcome <> 6", "outcome NOT IN (1, 2)", "verdict BETWEEN 1 AND 5", "effective_verdict=4", "$5::integer & 16 <> 0",
    "CASE WHEN a THEN 5 ELSE b END AS outcome", "CASE WHEN a THEN :STATE_OPEN ELSE 2 END AS state", "o.outcome := CASE d WHEN 'x' THEN 1 END;",
    "INSERT INTO handback.outcome_name VALUES (1, 'confirmed');", "ROW(f, 0, 1, 1, :OUTCOME_HELD, 0)::handback.outcome",
    "ROW(o.f, o.r, o.n + 1, o.verdict, 8, format('x', 1))::handback.outcome"])
def test_a_bare_number_is_seen(text):
    assert bare(text)


@pytest.mark.parametrize("text", [
    "WHERE o.outcome = :OUTCOME_HELD -- outcome = 6", "record_no = 1", "CASE WHEN a THEN 5 END AS records, x AS outcome",
    "ROW(o.f, 0, 1, o.verdict, :OUTCOME_CLOSED, 0, 0)::handback.outcome"])
def test_other_numbers_are_not(text):
    assert not bare(text)


def test_what_is_filled_in_and_what_is_left(tmp_path):
    header = tmp_path / "codes.h"
    header.write_text("/* enum old { GONE = 9 }; */\nenum a {\n\tA_ONE = 1, /* first, of 2 */\n\tA_FOUR = 1 << 2,\n};\nenum b { B_NONE, B_NEXT };\n")
    numbers = embed_sql.constants([header])
    assert numbers == {"A_ONE": 1, "A_FOUR": 4, "B_NONE": 0, "B_NEXT": 1}
    text = "SELECT x::A_ONE, ':A_ONE', 'it''s :A_ONE', a[1:2] -- :A_ONE\nWHERE y & :A_FOUR<>:B_NONE /* :A_ONE */"
    assert embed_sql.fill(text, numbers) == text.replace(":A_FOUR<>:B_NONE", "4<>0")


def test_an_unknown_name_is_an_error_of_the_build(tmp_path):
    statement = tmp_path / "x.sql"
    statement.write_text("SELECT :OUTCOME_NOWHERE")
    made = subprocess.run([pg.ROOT / "tools/embed_sql.py", "--header", pg.ROOT / "lib/base/codes.h", tmp_path / "x.c", tmp_path / "x.h", "sql", statement],
                          capture_output=True, text=True)
    assert made.returncode != 0 and "x.sql" in made.stderr and "OUTCOME_NOWHERE" in made.stderr
    assert not (tmp_path / "x.c").exists()


def test_states_of_a_redemption_are_those_of_the_verdict_table():
    """The statement counts with numbers; the table has the words."""
    in_c = {name.removeprefix("STATE_").lower(): n for name, n in pg.NUMBERS.items() if name.startswith("STATE_")}
    decide = pg.statement("reconcile/decide/decide.sql", "decide")
    assert {word: int(n) for word, n in re.findall(r"WHEN '(\w+)' THEN (\d)", decide.partition("* 100")[0])} == in_c
    schema = "\n".join(pg.filled(path) for _, path in pg.migration_files())
    words = re.search(r"CREATE TABLE handback\.verdict_rule.*?state IN \((.*?)\)", schema, re.S)
    assert set(re.findall(r"'(\w+)'", words[1])) == set(in_c)

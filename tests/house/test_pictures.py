"""The pictures say what the code says.  Run this file itself to make them again (the SVG by graphviz's dot)."""
import pathlib
import re
import shutil
import subprocess
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))  # when it runs by itself

import pg  # noqa: E402

DOCS = ROOT / "docs"
DRAWN = ("processes", "data-model", "deemed-acceptance")
SCHEMAS = {"ledger": ("the points ledger, or a contract over the bank's own", "#e9f4ee"),
           "handback": ("what came of the files", "#f3f5f8"), "audit": ("the proof", "#fdf3e4"), "api": ("callers of the redemption API", "#f5eefb"),
           "catalogue": ("the shop", "#fbeef3"),
           "points": ("points requests to partners", "#eef7fb")}
TABLES = """SELECT n.nspname, c.relname, c.relkind, obj_description(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = ANY (%s) AND (c.relkind = 'r' OR c.relkind = 'v' AND n.nspname = 'ledger') ORDER BY 1, 2"""
KEYS = """SELECT DISTINCT a.nspname || '.' || t.relname, b.nspname || '.' || f.relname FROM pg_constraint k
          JOIN pg_class t ON t.oid = k.conrelid JOIN pg_namespace a ON a.oid = t.relnamespace
          JOIN pg_class f ON f.oid = k.confrelid JOIN pg_namespace b ON b.oid = f.relnamespace
          WHERE k.contype = 'f' AND a.nspname = ANY (%s) ORDER BY 1, 2"""


# what no foreign key says, since it is held by a statement's trigger or the tie-out: docs/decisions/02
HELD_OTHERWISE = [("handback.outcome", "handback.file"), ("handback.outcome", "ledger.entry"), ("ledger.entry", "ledger.member")]


def label(name, comment):
    """The table's name, and the beginning of its comment."""
    first = re.split(r"[;.]|(?<!Contract):", comment or "")[0].removeprefix("Contract: ")
    return "\\n".join([name, *textwrap.wrap(first.replace('"', "'"), 36)[:3]])


def data_model(connection):
    """docs/data-model.dot, from the catalogue."""
    yield "// Tables and foreign keys, made from the database's catalogue by tests/house/test_pictures.py."
    yield "digraph data_model {"
    yield '\tgraph [rankdir=LR, nodesep=0.2, ranksep=0.6, fontname="DejaVu Sans", fontsize=13, bgcolor="white", pad=0.2]'
    yield '\tnode [shape=box, style=filled, color="#5b6b7f", fontname="DejaVu Sans", fontsize=9, margin="0.1,0.05"]'
    yield '\tedge [color="#5b6b7f", arrowsize=0.6]'
    rows = connection.execute(TABLES, [list(SCHEMAS)]).fetchall()
    for schema, (what, fill) in SCHEMAS.items():
        yield f"\tsubgraph cluster_{schema} {{"
        yield f'\t\tlabel="{schema}: {what}"; style=rounded; color="#5b6b7f"'
        for _, name, kind, comment in (r for r in rows if r[0] == schema):
            dashed = ', style="filled,dashed"' if kind == "v" else ""
            yield f'\t\t"{schema}.{name}" [label="{label(name, comment)}", fillcolor="{fill}"{dashed}]'
        yield "\t}"
    for table, target in connection.execute(KEYS, [list(SCHEMAS)]).fetchall():
        yield f'\t"{table}" -> "{target}"'
    for table, target in HELD_OTHERWISE:
        yield f'\t"{table}" -> "{target}" [style=dashed]'
    yield "}"


def nodes(dot):
    """What has a line of attributes, or stands in a line of names alone."""
    found = set(re.findall(r'^\t*"([^"]+)" \[', dot, re.M))
    for line in map(str.strip, dot.splitlines()):
        if re.fullmatch(r'"[^"]+"(; "[^"]+")*', line):
            found |= set(re.findall(r'"([^"]+)"', line))
    return found


def titles(svg):
    return set(re.findall(r'class="node">\s*<title>([^<]+)</title>', svg))


def text(name):
    return (DOCS / name).read_text(encoding="utf-8")


def test_the_data_model_is_the_databases(database):
    with database.connect() as c:
        assert text("data-model.dot").splitlines() == list(data_model(c)), "run tests/house/test_pictures.py, and look at it"


def test_the_processes_are_the_programs():
    """Each program that is installed, and no other."""
    table = (ROOT / "lib/base/paths.c").read_text(encoding="utf-8")
    programs = set(re.findall(r'\{"(handback[\w-]*)", "', table))
    drawn = {n for n in nodes(text("processes.dot")) if n.startswith("handback")}
    assert len(programs) >= 8 and drawn == programs


def test_each_svg_is_of_its_text():
    for name in DRAWN:
        # graphviz writes an apostrophe and a greater-than as entities
        shown = {t.replace("&#39;", "'").replace("&#45;", "-").replace("&gt;", ">") for t in titles(text(f"{name}.svg"))}
        assert shown == nodes(text(f"{name}.dot")), f"docs/{name}.svg: run tests/house/test_pictures.py"


def draw(name):
    """The SVG without what names graphviz's version, so that a diff shows what changed."""
    made = subprocess.run(["dot", "-Tsvg", DOCS / f"{name}.dot"], check=True, capture_output=True, text=True).stdout
    (DOCS / f"{name}.svg").write_text(re.sub(r"<!--.*?-->\n", "", made, flags=re.S), encoding="utf-8")


def main():
    cluster = pg.Cluster()
    try:
        with cluster.database().connect() as c:
            (DOCS / "data-model.dot").write_text("\n".join(data_model(c)) + "\n", encoding="utf-8")
    finally:
        cluster.close()
    if shutil.which("dot") is None:
        return "dot is not installed (graphviz): the SVG was not made"
    for name in DRAWN:
        draw(name)
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "tests/support"))
    sys.exit(main())

"""The documents say what the tables say.  Run this file itself to write the tables into docs/operator.md."""
import json
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/support")]  # when it runs by itself

import conftest  # noqa: E402
import pg  # noqa: E402

GUIDE = ROOT / "docs/operator.md"


def configuration(build):
    rows = subprocess.run([build / "daemon/handbackd", "--options"], check=True, capture_output=True, text=True).stdout
    yield from ("| option | type | default | changes by | meaning |", "|---|---|---|---|---|")
    for row in rows.splitlines():
        name, kind, default, change, text = row.split("\t")
        shown = default if default.startswith("(") else f"`{default}`"
        yield f"| `{name}` | {kind} | {shown} | {change} | {text} |"


def hold_reasons(connection):
    yield from ("| reason | meaning | action required |", "|---|---|---|")
    for reason, meaning, action_required in connection.execute(
            "SELECT reason, meaning, action_required FROM handback.hold_reason ORDER BY reason"):
        yield f"| `{reason}` | {meaning} | {action_required} |"


def exit_codes():
    header = (ROOT / "lib/base/exit_codes.h").read_text(encoding="utf-8")
    yield from ("| status | meaning |", "|---|---|")
    for number, meaning in re.findall(r"= (\d+), +/\* (.*?) \*/", header):
        yield f"| {number} | {meaning} |"


def section(text, name):
    found = re.search(rf"<!-- {name}: [^\n]*-->\n(.*?)<!-- end -->", text, re.S)
    assert found, f"docs/operator.md has no place for {name}"
    return found


def check(name, rows):
    said = section(GUIDE.read_text(encoding="utf-8"), name).group(1).splitlines()
    assert said == list(rows), f"docs/operator.md: {name}: run tests/house/test_documents.py, and look at what it wrote"


def test_what_the_package_points_to_is_in_the_package(build):
    """Each link of a document that is installed leads to what is installed, too; fixtures/ is examples/ there."""
    placed = json.loads(subprocess.run(["meson", "introspect", "--installed", build], check=True, capture_output=True, text=True).stdout)
    placed = {pathlib.Path(source).resolve(): pathlib.Path(place) for source, place in placed.items()}
    shown = [p for p in placed if p.suffix == ".md" and "share/doc" in str(placed[p])]
    assert len(shown) > 10
    for page in shown:
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            target = (page.parent / link).resolve()
            assert target.is_file() and any(p in placed for p in (target, *target.parents)), f"{page.name}: {link}"
    units = re.findall(r"Documentation=file://(\S+)", "".join(p.read_text() for p in (ROOT / "systemd").glob("*.*") if p.is_file()))
    assert units and set(map(pathlib.Path, units)) <= {pathlib.Path("/usr/share/doc/handback") / p.name for p in shown}


def test_the_guide_has_every_option(build):
    check("configuration", configuration(build))


def test_the_guide_has_every_hold_reason(database):
    with database.connect() as c:
        rows = list(hold_reasons(c))
    assert len(rows) > 10
    check("hold reasons", rows)


def test_the_guide_has_every_exit_status():
    rows = list(exit_codes())
    assert len(rows) == 9
    check("exit codes", rows)


@pytest.mark.parametrize("page", ("handbackctl.1", "handbackd.8", "handback.conf.5", "handback-profile.5"))
def test_the_manual_pages_have_no_mistakes(build, page):
    path = build / "docs" / page
    for lint in (["groff", "-man", "-ww", "-b", "-z", "-Tutf8", "-Kutf8", path], ["man", "--warnings", "-E", "UTF-8", "-l", path]):
        if shutil.which(lint[0]) is None:
            pytest.skip(f"{lint[0]} is not installed")
        done = subprocess.run(lint, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                              env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "MANWIDTH": "80"})
        assert (done.returncode, done.stderr) == (0, ""), f"{page}\n{done.stderr}"
    name = path.read_text(encoding="utf-8").split(".SH NAME\n")[1].split("\n")[0]
    assert name.replace("\\-", "-").startswith(f"{page[:-2]} - "), name


@pytest.mark.parametrize("document", sorted(p.relative_to(ROOT).as_posix() for p in
                                            [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]))
def test_links_lead_somewhere(document):
    text = (ROOT / document).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        if "://" not in target:
            assert ((ROOT / document).parent / target).exists(), f"{document}: {target}"


@pytest.mark.parametrize("document", sorted(p.relative_to(ROOT).as_posix() for p in
                                            [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]))
def test_files_that_are_named_are_there(document):
    """`lib/proof/merkle.c` and the like, written in backquotes."""
    text = (ROOT / document).read_text(encoding="utf-8")
    folders = "lib|fetch|nightly|parsers|reconcile|daemon|ctl|schema|systemd|debian|fixtures|tests|tools|docs"
    for name in re.findall(rf"`((?:{folders})/[\w./-]*\w)`", text):
        assert (ROOT / name).exists(), f"{document} names {name}"


def test_the_runbook_has_every_alert():
    alerts = re.findall(r"^ +- alert: (\w+)", (ROOT / "docs/alerts.yml").read_text(encoding="utf-8"), re.M)
    sections = re.findall(r"^## (\w+)$", (ROOT / "docs/runbook.md").read_text(encoding="utf-8"), re.M)
    assert len(alerts) > 10 and sections == alerts


def main():
    cluster = pg.Cluster()
    try:
        with cluster.database().connect() as c:
            rows = {"configuration": configuration(conftest.BUILD), "hold reasons": hold_reasons(c),
                    "exit codes": exit_codes()}
            for name, lines in rows.items():
                text = GUIDE.read_text(encoding="utf-8")
                place = section(text, name)
                GUIDE.write_text(text[:place.start(1)] + "".join(line + "\n" for line in lines) + text[place.end(1):],
                                 encoding="utf-8")
    finally:
        cluster.close()


if __name__ == "__main__":
    sys.exit(main())

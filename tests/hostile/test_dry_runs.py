"""Dry runs from the pages: anybody's bytes are tried, shown escaped, and nothing is changed or kept."""
import html
import os
import re

import pytest

import web
import world as worlds

NAME = "SKYLINE_20261118_000001.csv"
HOSTILE = "\"><img src=x onerror=injected=1><script>injected=1</script>"


@pytest.fixture(scope="module")
def world(cluster, build):
    with worlds.World(cluster, build) as made:
        yield made


@pytest.fixture(scope="module")
def pages(world):
    with web.Web(world) as made:
        yield made


@pytest.fixture(scope="module")
def fin(pages):
    """To look at what would be takes no right to decide."""
    return pages.person("fin", "handback_finance")


@pytest.fixture(scope="module")
def content(world):
    name, bytes_ = world.file("SKYLINE", world.unusual())
    assert name == NAME
    return bytes_


def everything(world):
    """Each table of ours, row by row, and each file that is kept; who logged in is no part of it."""
    tables = [row[0] for row in world.query("SELECT schemaname || '.' || quote_ident(tablename) FROM pg_tables WHERE schemaname IN ('ledger', 'handback', 'audit', 'points')"
                                            " AND left(tablename, 4) <> 'web_' ORDER BY 1")]
    assert len(tables) > 40
    rows = {table: world.query(f"SELECT md5(coalesce(string_agg(t::text, ' ' ORDER BY t::text), '')) FROM {table} t")[0][0] for table in tables}
    return rows, sorted(str(path) for path in world.dir.rglob("*") if path.is_file() and "sock" not in path.name)


def outcomes(text):
    table = text[text.index("Records by outcome"):]
    return dict(re.findall(r'<t[hd][^>]*>(\w+)</t[hd]><td class="number">([\d,]+)</td>', table[:table.index("</table>")]))


def test_a_file_is_tried_and_looks_as_on_the_command_line(fin, world, content):
    page = fin.upload(fin.get("/try"), NAME, content)
    assert page.status == 200 and "nothing was changed" in page.text and "profile skyline" in page.text, page.text + fin.web.log("handback-try") + fin.web.log("handback-desk")
    path = world.dir / NAME
    path.write_bytes(content)
    told = world.ctl("try", path, "--profile", "skyline", "--format", "csv", "--table", "outcomes", check=False).stdout.splitlines()[1:]
    path.unlink()
    assert outcomes(page.text) == {line.split(",")[0]: f"{int(line.split(',')[1]):,}" for line in told} and "held" in outcomes(page.text)
    line = content.decode().splitlines().index(next(l for l in content.decode().splitlines() if "Z99" in l)) + 1
    assert f'<th scope="row" class="number">{line}</th>' in page.text and f">{line}:1 unknown_reason" in page.text


def test_what_is_wrong_stands_beside_the_text_by_line_and_column(fin, content):
    lines = content.split(b"\n")
    fields = lines[6].split(b",")
    fields[2] = b"7x7"
    lines[6] = b",".join(fields)
    page = fin.upload(fin.get("/try"), NAME, b"\n".join(lines))
    column = len(b",".join(fields[:2])) + 2
    assert f">7:{column} " in page.text and '<mark class="m2">7x7</mark>' in page.text, page.text
    assert "held" in page.text


def test_nothing_is_changed_and_nothing_is_kept(fin, world, content):
    fin.upload(fin.get("/try"), NAME, content)
    before = everything(world)
    for name, bytes_ in ((NAME, content), (NAME, content[:500]), ("unseen.csv", b"ref;points\na;1\nb;2\n"), (NAME, b"\x1f\x8b" + b"\0" * 90), ("x", os.urandom(3000))):
        page = fin.upload(fin.get("/try"), name, bytes_)
        assert page.status == 200, page.text
    assert everything(world) == before


def test_a_profile_is_inferred_where_no_name_fits(fin, content):
    page = fin.upload(fin.get("/try"), "answers.csv", content)
    assert "was inferred" in page.text and "PARTNER is a placeholder" in page.text
    told = fin.upload(fin.get("/try"), "answers.csv", content, partner="SKYLINE", programme="NORTHSTAR")
    assert 'partner: "SKYLINE"' in html.unescape(told.text) and '<mark class="m2">CONFIRMED_NEW_MEMBER</mark>' in told.text, "the word that it could not tell"
    named = fin.upload(fin.get("/try"), "answers.csv", content, source="skyline")
    assert "profile skyline" in named.text and "was inferred" not in named.text
    assert "no such source" in fin.upload(fin.get("/try"), NAME, content, source="none").text


def test_what_it_has_stays_text(fin, content):
    for name, bytes_ in ((HOSTILE.replace("/", "\\").replace('"', "%22"), content), (NAME, content.replace(b"NS1", HOSTILE.encode())), (NAME, HOSTILE.encode() * 40),
                         ("a.csv", b"x,y\n" + HOSTILE.encode() + b",1\n")):
        page = fin.upload(fin.get("/try"), name, bytes_)
        assert page.status in (200, 400) and "<img src=x" not in page.text and "<script>injected" not in page.text
    assert "&lt;img src=x" in page.text


def test_only_a_form_of_ours_is_taken(pages, fin, content):
    page = fin.get("/try")
    token = page.forms()["/try"]["form"]
    head = {"Content_Type": "multipart/form-data; boundary=b"}

    def body(*parts, end=b"--b--\r\n"):
        return b"".join(b"--b\r\nContent-Disposition: form-data; " + part + b"\r\n" for part in parts) + end
    field, file = b'name="form"\r\n\r\n' + token.encode(), b'name="file"; filename="a"\r\n\r\nx'
    for wrong in (body(field, file, end=b""), body(field, file)[:-9], b"", b"--c\r\n" + body(field, file), body(b"no name\r\n\r\n"), body(field, file, file),
                  body(b'name="form"\r\n\r\n' + token.encode() + b"\0", file), body(*[field] * 300), body(b'name="x"\r\n\r\n' + b"y" * 300), b"\r\n" * 4000):
        assert fin.request("POST", "/try", wrong, **head).status in (400, 403, 413), wrong[:60]
    for kind in ("multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=" + "b" * 80, "multipart/form-data; boundary=b\u00e9"):
        assert fin.request("POST", "/try", body(field, file), Content_Type=kind.encode("latin-1").decode("latin-1")).status in (400, 403, 413)
    assert fin.request("POST", "/holds/propose", body(field, file), **head).status == 403, "no other page takes a file"
    assert fin.request("POST", "/try", body(field, file), Sec_Fetch_Site="cross-site", **head).status == 403
    assert web.Browser(pages).request("POST", "/try", body(field, file), **head).status == 403
    assert fin.request("POST", "/try", body(file), **head).status == 403, "without its token"
    assert fin.request("POST", "/try", body(field, b'name="file"; filename="a"\r\n\r\n'), **head).status == 400, "no file"
    assert fin.request("POST", "/try", body(field, file), **head).status == 403, "a form is sent once"
    assert fin.get("/").status == 200


def test_it_is_bounded(fin):
    most = fin.upload(fin.get("/try"), NAME, b"x" * ((2 << 20) + 1))
    assert most.status == 400 and "2 MiB" in most.text
    assert fin.upload(fin.get("/try"), NAME, b"x" * (2 << 20)).status == 200
    assert fin.request("POST", "/holds/propose", b"x=" + b"y" * (70 << 10), Content_Type="application/x-www-form-urlencoded").status == 413
    try:
        status = fin.upload(fin.get("/try"), NAME, b"x" * (3 << 20)).status
    except (ConnectionError, BrokenPipeError):
        status = 413
    assert status in (400, 413, 503) and fin.get("/").status == 200


def test_without_its_program_there_are_no_dry_runs_and_all_else(pages, content):
    trying = next(process for process in pages.started if "handback-try" in str(process.args[0]))
    trying.terminate()
    trying.wait(10)
    eve = pages.person("eve", "handback_finance")
    page = eve.upload(eve.get("/try"), NAME, content)
    assert page.status == 503 and "does not answer" in page.text and eve.get("/").status == 200

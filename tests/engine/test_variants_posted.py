"""Files of one profile that come in other encodings, containers and delimiters: each is posted as what it says, byte by byte explained."""
import gzip
import hashlib
import io
import zipfile

import pytest

import worker

VARIANTS = """
variants:
  wide: {begins: [0xfffe, 0xfeff], encoding: utf-16}
  packed: {begins: 0x1f8b, container: {kind: gzip}}
  several: {begins: 0x504b0304, container: {kind: zip, files: "*.csv"}}
  semicolons: {files: "AIR_9*", delimited: {delimiter: ";"}}
"""


@pytest.fixture(scope="module")
def desk(cluster, build):
    database = cluster.database()
    with worker.Desk(database, build, more=VARIANTS,) as one:
        yield one
    database.drop()


def little(data):
    return b"\xff\xfe" + data.decode().encode("utf-16-le")


def big(data):
    return b"\xfe\xff" + data.decode().encode("utf-16-be")


@pytest.mark.parametrize("sequence, write", [
    (1, bytes), (2, little), (3, big), (4, lambda data: gzip.compress(data, mtime=0)), (95, lambda data: data.replace(b",", b";"))],
    ids=["plain", "utf-16le", "utf-16be", "gzip", "semicolons"])
def test_a_variant_is_posted(desk, sequence, write):
    good, bad = f"G{sequence}", f"B{sequence}"
    desk.redeem(good)
    desk.redeem(bad)
    before = desk.balance()
    data = write(desk.file([(good, "OK", {"Text": "Zürich"}), (bad, "KO", {"Reason": "FULL"})]))
    done = desk.deliver(data, sequence=sequence)
    assert done["state"] == "posted", desk.refusals(done["file"])
    assert desk.outcomes(done["file"]) == [("confirmed", None), ("reversed", None)]
    assert desk.balance() - before == 100
    assert desk.row(done["file"])["sha256"] == hashlib.sha256(data).hexdigest()  # our copy is the file as it came
    shown = desk.ctl("explain", desk.references[bad]).stdout
    assert "FULL" in shown and f"AIR_{sequence}.csv" in shown


def zipped(*members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for i, data in enumerate(members):
            z.writestr(f"part{i}.csv", data)
    return out.getvalue()


def test_a_zip_of_several_files_is_posted_whole_or_not_at_all(desk):
    for name in ("Z1", "Z2", "Z3"):
        desk.redeem(name)
    before = desk.balance()
    one, other = desk.file([("Z1", "OK")]), desk.file([("Z2", "KO", {"Reason": "FULL"}), ("Z3", "OK")])
    cut = desk.deliver(zipped(one, other[:-20]), sequence=21)
    assert cut["state"] != "posted" and desk.balance() == before
    done = desk.deliver(zipped(one, other), sequence=22)
    assert done["state"] == "posted", desk.refusals(done["file"])
    assert desk.outcomes(done["file"]) == [("confirmed", None), ("reversed", None), ("confirmed", None)]
    assert desk.balance() - before == 100
    shown = desk.ctl("explain", desk.references["Z2"]).stdout
    assert "FULL" in shown and "AIR_22.csv" in shown
    assert desk.ctl("audit", "verify").returncode == 0


@pytest.mark.parametrize("sequence, spoil, rule", [
    (11, lambda data: little(data)[:-1], "encoding"), (12, lambda data: little(data)[:-30], "cut"),
    (13, lambda data: little(data).replace(b"O\0K\0", b"O\0\0\xd8"), "encoding"), (14, lambda data: gzip.compress(data, mtime=0)[:-9], "container")],
    ids=["half a character", "cut", "half a pair", "cut gzip"])
def test_a_variant_that_is_broken_posts_nothing(desk, sequence, spoil, rule):
    desk.redeem(f"R{sequence}")
    before, reversals = desk.balance(), desk.reversals()
    done = desk.deliver(spoil(desk.file([(f"R{sequence}", "OK")])), sequence=sequence)
    assert done["state"] != "posted" and desk.balance() == before and desk.reversals() == reversals
    assert desk.refusals(done["file"])[0][0] == rule

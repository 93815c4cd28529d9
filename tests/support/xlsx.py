"""A workbook as any reader takes it: names of sheets, and of each cell its type and value."""
import datetime
import io
import re
import zipfile
from xml.etree import ElementTree

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
LINK = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


def unescaped(text):
    return re.sub(r"_x([0-9A-Fa-f]{4})_", lambda m: chr(int(m[1], 16)), text)


def value(cell, dates):
    """A text is a str, a number an int, a float or a datetime; a formula is none of ours."""
    assert cell.find(f"{MAIN}f") is None, "a formula"
    if cell.get("t") == "inlineStr":
        return unescaped("".join(t.text or "" for t in cell.iter(f"{MAIN}t")))
    raw = cell.findtext(f"{MAIN}v")
    assert cell.get("t") in (None, "n"), cell.attrib
    if raw is not None and cell.get("s") in dates:
        return datetime.datetime(1899, 12, 30) + datetime.timedelta(seconds=round(float(raw) * 86400))
    return None if raw is None else int(raw) if raw.lstrip("-").isdigit() else float(raw)


def column(reference):
    n = 0
    for letter in re.match("[A-Z]+", reference)[0]:
        n = n * 26 + ord(letter) - 64
    return n - 1


def read(data):
    """{sheet: [[cell, ...], ...]}, in the workbook's order; what a cell does not have is None."""
    book = zipfile.ZipFile(io.BytesIO(data))
    assert book.testzip() is None
    styles = ElementTree.fromstring(book.read("xl/styles.xml"))
    forms = {f.get("numFmtId"): f.get("formatCode") for f in styles.iter(f"{MAIN}numFmt")}
    dates = {str(n) for n, xf in enumerate(styles.find(f"{MAIN}cellXfs")) if "yyyy" in forms.get(xf.get("numFmtId"), "")}
    targets = {r.get("Id"): r.get("Target") for r in ElementTree.fromstring(book.read("xl/_rels/workbook.xml.rels"))}
    sheets = {}
    for sheet in ElementTree.fromstring(book.read("xl/workbook.xml")).iter(f"{MAIN}sheet"):
        rows = sheets[sheet.get("name")] = []
        for row in ElementTree.fromstring(book.read("xl/" + targets[sheet.get(LINK)])).iter(f"{MAIN}row"):
            cells = {column(c.get("r")): value(c, dates) for c in row}
            rows += [[]] * (int(row.get("r")) - 1 - len(rows))
            rows.append([cells.get(n) for n in range(max(cells, default=-1) + 1)])
    return sheets


def table(rows):
    """Rows as dicts by the first one."""
    return [dict(zip(rows[0], [*row, *[None] * (len(rows[0]) - len(row))])) for row in rows[1:]]

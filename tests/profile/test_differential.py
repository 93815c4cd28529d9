"""Our readers against Python's own (expat, json, csv, decimal): what both accept, both read alike, and what Python
refuses we do not take."""
import csv
import decimal
import io
import json
import random
import xml.etree.ElementTree

import pytest

import parse_client
from case_table import case
from share import share

ROUNDS = share(250, 120)
SEED = 20261119

XML = b"""
profile: differ
partner: DIFFER
programme: NS
format: xml
zone: UTC
xml: {namespace: "urn:d"}
records:
  item:
    role: entry
    path: /File/Item
    fields:
      partner_reference: {at: "@ref", optional: yes}
      points: {at: Points}
      status: {at: "@status"}
      reason_text: {at: Text, optional: yes}
verdict:
  field: status
  words: {Y: accepted, N: rejected}
match: [partner_reference]
check: none
reasons: {}
"""
JSON = XML.replace(b"format: xml", b"format: json").replace(b'xml: {namespace: "urn:d"}\n', b"") \
    .replace(b"/File/Item", b'"/items[]"').replace(b'"@ref"', b"ref").replace(b"Points", b"points") \
    .replace(b'"@status"', b"status").replace(b"Text", b"text")

XML_FILE = """<?xml version="1.0"?>
<!-- made --><d:File xmlns:d="urn:d" xmlns="urn:e">
<d:Item ref="A1" status="Y"><d:Points>12</d:Points><d:Text>caf\u00e9 &amp; bar &#8364;<![CDATA[<x>]]></d:Text><Text>no</Text></d:Item>
<d:Item status='N' ref='A&#50;'><d:Points>7</d:Points><?pi x?><d:More><d:Points>9</d:Points></d:More></d:Item>
</d:File>
""".encode()
JSON_FILE = """{"made": [1, -2.5e3, {"items": []}], "items": [
 {"ref": "A1", "status": "Y", "points": 12, "text": "caf\u00e9 \\u0026 bar \\ud83d\\ude00 \\"x\\"\\/"},
 {"points": "7", "more": {"points": 9}, "status": "N", "ref": "A\\u0032", "text": null}
], "end": true}
""".encode()

XML_WORDS = [b"<", b">", b"&", b"&amp;", b"&#65;", b"&#x0;", b"]]>", b"<![CDATA[", b"<!--", b"-->", b"--", b"<?x?>", b"/",
             b'"', b"'", b"=", b" ", b"\n", b"\r", b"\t", b"\0", b"\xc3", b"\xa9", b"\xed\xa0\x80", b"d:", b"xmlns=''",
             b"<d:Item ref='A9' status='Y'><d:Points>1</d:Points></d:Item>", b"</d:File>", b"<Text/>", b"0", b"-"]
JSON_WORDS = [b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\\u00e9", b"\\ud800", b"null", b"true", b"0", b"-", b".",
              b"e", b" ", b"\n", b"\0", b"\xc3", b"\xed\xa0\x80", b'{"ref": "A9", "points": 1, "status": "Y"},', b'"ref": 1,',
              b"NaN", b"//", b"'", b"\xef\xbb\xbf", b"1e999"]


def mutations(data, words, seed):
    dice = random.Random(seed)
    for _ in range(ROUNDS):
        changed = bytearray(data)
        for _ in range(dice.choice((1, 1, 1, 2, 3))):
            at = dice.randrange(len(changed))
            kind = dice.randrange(4)
            if kind == 0:
                changed[at] = dice.randrange(256)
            elif kind == 1:
                changed[at:at] = dice.choice(words)
            elif kind == 2:
                del changed[at:at + dice.choice((1, 2, 5, 20))]
            else:
                end = dice.randrange(at, min(len(changed), at + 60))
                changed[at:at] = changed[at:end]
        yield bytes(changed)


def blank(text):
    return (text or "").strip(" \t\r\n")


def read_xml(data):
    """(ref, points, status, text) of each item, None where Python refuses; ... where it is not ours to compare."""
    parser = xml.etree.ElementTree.XMLParser()
    try:
        parser.feed(data)
        root = parser.close()
    except (xml.etree.ElementTree.ParseError, ValueError, LookupError):
        return None
    if root.tag != "{urn:d}File":
        return ...
    rows = []
    for item in root.iterfind("{urn:d}Item"):
        fields = {name: [e for e in item.iterfind(f"{{urn:d}}{name}")] for name in ("Points", "Text")}
        if any(len(found) > 1 or any(len(e) for e in found) for found in fields.values()):
            return ...
        rows.append((blank(item.get("ref")), *(blank(fields[n][0].text) if fields[n] else "" for n in ("Points",)),
                     item.get("status"), blank(fields["Text"][0].text) if fields["Text"] else ""))
    return rows


def read_json(data):
    def unique(pairs):
        if len({k for k, _ in pairs}) != len(pairs):
            raise ValueError("a key twice")
        return dict(pairs)

    def constant(name):
        raise ValueError(name)

    try:
        text = data.decode("utf-8-sig")
        whole = json.loads(text, object_pairs_hook=unique, parse_constant=constant, parse_int=str, parse_float=str)
        json.dumps(whole, ensure_ascii=False).encode("utf-8")  # no half surrogates
    except (ValueError, RecursionError):
        return None
    if "\0" in json.dumps(whole, ensure_ascii=False) or "\\u0000" in json.dumps(whole):
        return ...
    if not isinstance(whole, dict) or not isinstance(whole.get("items"), list):
        return ...
    rows = []
    for item in whole["items"]:
        if not isinstance(item, dict) or any(isinstance(item.get(k), (dict, list, bool)) for k in
                                             ("ref", "points", "status", "text")):
            return ...
        rows.append(tuple(blank(item.get(k)) for k in ("ref", "points", "status", "text")))
    return rows


def compare(profile, data, expected):
    """What is wrong, or None."""
    result = parse_client.parse(profile, data)
    if result.status != 0 or result.end is None:
        return f"status {result.status} {result.stderr}"
    if expected is None:
        return None if result.end["refused"] else "taken, and Python refuses it"
    if expected is ... or result.end["refused"]:
        return None
    verdicts = {"Y": "accepted", "N": "rejected"}
    got = [(r.get("partner_reference", ""), r["points"], r["verdict"], r.get("reason_text", "")) for r in result.records]
    want = [(ref, int(points), verdicts.get(status), text) for ref, points, status, text in expected]
    return None if got == want else f"{got} is not {want}"


@pytest.mark.parametrize("profile, data, words, read", [(XML, XML_FILE, XML_WORDS, read_xml),
                                                        (JSON, JSON_FILE, JSON_WORDS, read_json)], ids=["xml", "json"])
def test_differs_in_nothing_that_both_accept(profile, data, words, read):
    whole = parse_client.parse(profile, data)
    assert not whole.refusals and len(whole.records) == 2
    assert compare(profile, data, read(data)) is None
    taken, wrong = 0, []
    for number, changed in enumerate(mutations(data, words, seed=SEED)):
        expected = read(changed)
        problem = compare(profile, changed, expected)
        taken += isinstance(expected, list)
        if problem:
            wrong.append((number, changed, problem))
    assert not wrong, wrong[:3]
    assert taken > ROUNDS / 20  # the comparison compares


# ------------------------------------------------------------------ delimited, numbers

CSV = b"""
profile: differ
partner: DIFFER
programme: NS
format: delimited
zone: UTC
framing: {newline: lf}
delimited: {delimiter: ",", quote: '"'}
records:
  item:
    role: entry
    fields:
      partner_reference: {at: 1, optional: yes}
      status: {at: 2}
      reason_text: {at: 3, optional: yes}
verdict:
  field: status
  words: {Y: accepted, N: rejected}
match: [partner_reference]
check: none
"""
CSV_FILE = b"""A1,Y,plain
"A2","N","quoted, with ""quotes"" and
a newline"
A3,Y,
"A""4",N,"caf\xc3\xa9"
"""
CSV_WORDS = [b'"', b'""', b'"""', b",", b"\n", b"\r\n", b"\r", b" ", b"\t", b",,", b'"\n"', b'","', b"'", b"\\", b";", b"\0",
             b"\xc3", b"\xa9", b'A9,Y,"x\ny"\n', b"\n\n", b"Y", b"N"]


def read_csv(data):
    """(reference, status, text) of each record; None where Python refuses; ... where it is not ours to compare."""
    try:
        text = data.decode("utf-8")
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (ValueError, csv.Error):
        return None
    if "\r" in text or "\0" in text:  # Python ends a record at a carriage return, our profile does not
        return ...
    if any(len(row) != 3 for row in rows):
        return None
    return rows


def compare_csv(data, expected):
    """What is wrong, or None; and whether both took it."""
    result = parse_client.parse(CSV, data)
    if result.status != 0 or result.end is None:
        return f"status {result.status} {result.stderr}", False
    if result.end["refused"] or expected is ...:
        return None, False
    if expected is None:
        return "taken, and Python refuses it", False
    verdicts = {"Y": "accepted", "N": "rejected"}
    got = [[r.get("partner_reference", ""), r["verdict"], r.get("reason_text", "")] for r in result.records]
    want = [[reference, verdicts.get(status), text] for reference, status, text in expected]
    return (None if got == want else f"{got} is not {want}"), True


@case("delimited files as Python's csv reads them")
def test_csv_differs_in_nothing_that_both_accept():
    assert compare_csv(CSV_FILE, read_csv(CSV_FILE)) == (None, True)
    both, refused, wrong = 0, 0, []
    for number, changed in enumerate(mutations(CSV_FILE, CSV_WORDS, seed=SEED)):
        expected = read_csv(changed)
        problem, taken = compare_csv(changed, expected)
        both += taken
        refused += expected is None
        if problem:
            wrong.append((number, changed, problem))
    assert not wrong, wrong[:3]
    assert both > ROUNDS / 20 and refused > ROUNDS / 20
    return f"{ROUNDS} files of seed {SEED}: {both} taken by both, {refused} refused by Python, no difference"


def written_csv(dice):
    """Rows that anybody may write, by Python's own writer."""
    plain = ["a", "B9", ",", '"', ";", "'", "0", "--", "\\"]  # what a reference may be made of
    return [["".join(dice.choices(plain, k=dice.randrange(1, 12))), dice.choice("YN"),
             "".join(dice.choices([*plain, " ", "\n", "\u00e9", "\u20ac"], k=dice.randrange(0, 30))).strip()]
            for _ in range(dice.randrange(1, 40))]


@case("what Python's csv writes is read back")
def test_what_python_writes_is_taken_whole():
    dice, rows, files = random.Random(SEED), 0, 60
    for _ in range(files):
        wanted, out = written_csv(dice), io.StringIO(newline="")
        csv.writer(out, lineterminator="\n", quoting=dice.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL))).writerows(wanted)
        problem, taken = compare_csv(out.getvalue().encode(), wanted)
        assert taken and problem is None, (problem, out.getvalue())
        rows += len(wanted)
    return f"{rows} records of {files} files, seed {SEED}, no difference"


# where the point stands, the thousands, and what kind of sign
NUMBERS = [(".", "", "before"), (",", ".", "before"), (".", ",", "after"), (",", "", "parentheses"), (".", "'", "none")]


def number_profile(point, thousands, sign):
    field = f'at: 3, type: amount, point: "{point}", decimals: 0-4, minor: 4, sign: {sign}'
    if thousands:
        field += f', thousands: "{thousands}"'
    return CSV.replace(b'delimiter: ",", quote: \'"\'', b'delimiter: "|"') \
        .replace(b"reason_text: {at: 3, optional: yes}", f"amount: {{{field}}}".encode()) \
        .replace(b"match:", b"bad_value: hold\nmatch:")


def written_number(dice, point, thousands, sign):
    """A number as its partner may write it, or nearly so."""
    whole = str(dice.randrange(10 ** dice.randrange(1, 13)))
    if thousands and dice.random() < 0.6:
        whole = f"{int(whole):,}".replace(",", thousands)
    text = whole + (point + "".join(dice.choices("0123456789", k=dice.randrange(0, 7))) if dice.random() < 0.7 else "")
    if dice.random() < 0.5:
        text = {"before": "-" + text, "after": text + "-", "parentheses": f"({text})", "none": text}[sign]
    if dice.random() < 0.25:
        at = dice.randrange(len(text) + 1)
        text = text[:at] + dice.choice(" -+.,'()eE0x9_") + text[at + dice.randrange(2):]
    return text


def read_number(text, point, thousands, sign):
    """Ten-thousandths by Python's decimal, None where it refuses."""
    minus = False
    if sign == "parentheses" and text.startswith("(") and text.endswith(")"):
        text, minus = text[1:-1], True
    elif sign == "after" and text[-1:] in ("-", "+"):
        text, minus = text[:-1], text[-1] == "-"
    if thousands:
        text = text.replace(thousands, "")
    try:
        value = decimal.Decimal(text.replace(point, ".")) * 10000
    except decimal.InvalidOperation:
        return None
    return -value if minus else value


@case("numbers as Python's decimal reads them")
@pytest.mark.parametrize("point, thousands, sign", NUMBERS)
def test_decimal_differs_in_nothing_that_both_accept(point, thousands, sign):
    dice = random.Random(f"{SEED}{point}{thousands}{sign}")
    texts = [written_number(dice, point, thousands, sign) for _ in range(2000)]
    data = "".join(f"R{i}|Y|{text}\n" for i, text in enumerate(texts)).encode()
    result = parse_client.parse(number_profile(point, thousands, sign), data)
    assert result.status == 0 and not result.refusals, (result.stderr, result.refusals)
    assert len(result.records) == len(texts)
    taken, wrong = 0, []
    for text, record in zip(texts, result.records):
        if record.get("bad_value"):
            continue
        taken += 1
        expected = read_number(text, point, thousands, sign)
        if expected is None or decimal.Decimal(record["amount"]) != expected:
            wrong.append((text, record.get("amount"), expected))
    assert not wrong, wrong[:5]
    assert len(texts) / 4 < taken < len(texts)
    return f"{len(texts)} of seed {SEED} ({point!r} {thousands!r} {sign}): {taken} taken, none read otherwise"

"""XML and JSON at their limits and one beyond, and what hostile ones cost."""
import pytest

import parse_client

XML = b"""
profile: nested
partner: NESTED
programme: NS
format: xml
zone: UTC
xml: {namespace: "urn:x"}
framing: {bom: allow}
records:
  item:
    role: entry
    path: /File/Item
    fields:
      partner_reference: {at: "@ref", type: id, optional: yes}
      points: {at: Points}
      status: {at: "@status", type: id}
      reason_text: {at: Text, optional: yes}
      member: {at: Text/@who, type: id, optional: yes}
verdict:
  field: status
  words: {Y: accepted, N: rejected}
match: [partner_reference]
check: none
reasons: {}
"""
JSON = XML.replace(b"format: xml", b"format: json").replace(b'xml: {namespace: "urn:x"}\n', b"") \
    .replace(b"/File/Item", b'"/items[]"').replace(b'"@ref"', b"ref").replace(b"Points", b"points") \
    .replace(b'"@status"', b"status").replace(b"Text/@who", b"who").replace(b"at: Text", b"at: text")
LINES = JSON.replace(b"format: json", b"format: json_lines").replace(b'"/items[]"', b"/")


def xml_file(inside="", text="", before="", after=""):
    return (f'{before}<File xmlns="urn:x"><Item ref="A1" status="Y"><Points>5</Points>{text}</Item>{inside}</File>'
            f"{after}").encode()


def json_file(inside="", text="", after=""):
    return f'{{"items": [{{"ref": "A1", "status": "Y", "points": 5{text}}}]{inside}}}{after}'.encode()


def rules(profile, data):
    result = parse_client.parse(profile, data)
    assert result.status == 0, result
    assert result.end["refused"] == bool(result.refusals)
    return result.rules


def deep(n):
    return "<a>" * n + "</a>" * n


def attributes(n):
    return "<a " + " ".join(f'a{i}=""' for i in range(n)) + "/>"


# what to put in, the rule that refuses it (None: it passes)
XML_CASES = {
    "depth 32": (xml_file(deep(31)), None),
    "depth 33": (xml_file(deep(32)), "too_deep"),
    "depth 100000": (xml_file(deep(100_000)), "too_deep"),
    "attributes 64": (xml_file(attributes(64)), None),
    "attributes 65": (xml_file(attributes(65)), "too_many_attributes"),
    "attributes 20000": (xml_file(attributes(20_000)), "record_too_long"),
    "namespaces 65": (xml_file("<a " + " ".join(f'xmlns:a{i}="u"' for i in range(65)) + "/>"), "too_many_attributes"),
    "attribute 8 KiB": (xml_file(f'<a a="{"x" * 8192}"/>'), None),
    "attribute 8 KiB + 1": (xml_file(f'<a a="{"x" * 8193}"/>'), "attribute_too_long"),
    "field 4 KiB": (xml_file(text=f"<Text>{'x' * 4096}</Text>"), None),
    "field 4 KiB + 1": (xml_file(text=f"<Text>{'x' * 4097}</Text>"), "field_too_long"),
    "field 4 KiB + 1, in pieces": (xml_file(text=f"<Text>{'<!---->x' * 4097}</Text>"), "field_too_long"),
    "field 4 KiB + 1, as data": (xml_file(text=f"<Text><![CDATA[{'x' * 4097}]]></Text>"), "field_too_long"),
    "field 4 KiB + 1, attribute": (xml_file(text=f'<Text who="{"x" * 4097}"/>'), "field_too_long"),
    "record over 64 KiB": (xml_file(text="<z>yyyyyyyyyyyyyy</z>" * 4000), "record_too_long"),
    "tag without end": (xml_file('<a a="' + "x" * 5_000_000), "record_too_long"),
    "name without end": (xml_file("<" + "x" * 5_000_000), "record_too_long"),
    "comment of 1 MB": (xml_file("<!--" + "x" * 1_000_000 + "-->"), "record_too_long"),
    "text of 10 MB that nobody asks for": (xml_file("x" * 10_000_000), None),
    "names 5000": (xml_file("".join(f"<a{i}/>" for i in range(5_000))), None),
    "names 500000": (xml_file("".join(f"<a{i}/>" for i in range(500_000))), "too_many_names"),
    "unknown entity": (xml_file(text="<Text>&x;</Text>"), "not_xml"),
    "unknown entity that nobody asks for": (xml_file("&x;"), "not_xml"),
    "known entities": (xml_file(text="<Text>&lt;&#65;&amp;</Text>"), None),
    "an element in a value": (xml_file(text="<Text>a<b/></Text>"), "wrong_type"),
    "a value twice": (xml_file(text="<Text>a</Text><Text>b</Text>"), "repeated"),
    "text behind": (xml_file(after="x"), "not_xml"),
    "a second root": (xml_file(after="<File/>"), "not_xml"),
    "NUL behind": (xml_file(after="\0"), "trailing_bytes"),
    "NULs behind": (xml_file(after="\0" * 4096), "trailing_bytes"),
    "NUL inside": (xml_file("\0"), "not_xml"),
    "blanks and a comment behind": (xml_file(after="\n \t<!-- x -->\r\n"), None),
    "wrong end tag": (xml_file()[:-2] + b"x>", "not_xml"),
    "no last byte": (xml_file()[:-1], "not_xml"),
    "an attribute twice": (xml_file('<a b="" b=""/>'), "not_xml"),
    "a prefix of no namespace": (xml_file("<p:a/>"), "not_xml"),
    "DOCTYPE": (xml_file(before="<!DOCTYPE File>"), "doctype"),
    "DOCTYPE with a file": (xml_file(before='<!DOCTYPE File SYSTEM "file:///etc/passwd">'), "doctype"),
    "XInclude": (xml_file('<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="/etc/passwd"/>'), None),
    "a stylesheet": (xml_file(before='<?xml-stylesheet href="/etc/passwd"?>'), None),
    "byte-order mark": (b"\xef\xbb\xbf" + xml_file(), None),
    "not UTF-8": (xml_file(text="<Text>a</Text>").replace(b">a<", b">\xff<"), "not_xml"),
    "UTF-16": (xml_file().decode().encode("utf-16"), "encoding"),
    "UTF-16 without a mark": (xml_file().decode().encode("utf-16-le"), "encoding"),
    "UTF-32": (xml_file().decode().encode("utf-32"), "encoding"),
    "EBCDIC": (xml_file().decode().encode("cp500"), "not_xml"),
    "UTF-8 declared": (xml_file(before='<?xml version="1.0" encoding="utf-8"?>'), None),
    "another declared": (xml_file(before='<?xml version="1.0" encoding="iso-8859-1"?>'), "encoding"),
    "UTF-7 declared": (xml_file(before='<?xml version="1.0" encoding="utf-7"?>'), "encoding"),
    "nonsense declared": (xml_file(before='<?xml version="1.0" encoding="x-y"?>'), "encoding"),
    "another root": (b"<Other/>", "wrong_root"),
    "another namespace": (xml_file().replace(b"urn:x", b"urn:y"), "wrong_root"),
    "no byte": (b"", "empty"),
    "blanks only": (b" \n", "not_xml"),
}


def nested(n):
    return f', "x": {"[" * n}{"]" * n}'


JSON_CASES = {
    "depth 32": (json_file(nested(31)), None),
    "depth 33": (json_file(nested(32)), "too_deep"),
    "depth 100000": (json_file(nested(100_000)), "too_deep"),
    "field 4 KiB": (json_file(text=f', "text": "{"x" * 4096}"'), None),
    "field 4 KiB + 1": (json_file(text=f', "text": "{"x" * 4097}"'), "field_too_long"),
    "field 4 KiB + 1 by escapes": (json_file(text=f', "text": "{"x" * 4096}\\u0041"'), "field_too_long"),
    "field without end": (json_file(text=f', "text": "{"x" * 5_000_000}'), "field_too_long"),
    "key of 4 KiB + 1": (json_file(f', "{"x" * 4097}": 1'), "field_too_long"),
    "number of 4 KiB + 1": (json_file(f', "n": 1{"0" * 4096}'), "field_too_long"),
    "keys 256": (json_file("".join(f', "k{i}": 0' for i in range(255))), None),
    "keys 257": (json_file("".join(f', "k{i}": 0' for i in range(256))), "too_many_keys"),
    "record over 64 KiB": (json_file(text=f', "z": [{"1, " * 30_000}1]'), "record_too_long"),
    "an array of 10 MB that nobody asks for": (json_file(f', "z": [{"0," * 5_000_000}0]'), None),
    "a key twice": (json_file(', "items": []'), "duplicate_key"),
    "a key twice, spelled otherwise": (json_file(text=', "\\u0072ef": "A2"'), "duplicate_key"),
    "bytes behind": (json_file(after="x"), "trailing_bytes"),
    "a second document": (json_file(after="{}"), "trailing_bytes"),
    "NUL behind": (json_file(after="\0"), "trailing_bytes"),
    "blanks behind": (json_file(after=" \r\n\t"), None),
    "no last byte": (json_file()[:-1], "truncated"),
    "a comment": (json_file("/**/"), "not_json"),
    "not UTF-8": (json_file(text=', "text": "?"').replace(b"?", b"\xff"), "not_utf8"),
    "NUL in a text": (json_file(text=', "text": "\\u0000"'), "nul"),
    "half a character": (json_file(text=', "text": "\\ud800"'), "not_json"),
    "byte-order mark": (b"\xef\xbb\xbf" + json_file(), None),
    "UTF-16": (json_file().decode().encode("utf-16"), "not_json"),
    "items of another type": (b'{"items": {"ref": "A1"}}', "wrong_type"),
    "a text for a record": (b'{"items": ["A1"]}', "wrong_type"),
    "an object for a value": (json_file(text=', "text": {}'), "wrong_type"),
    "an array for a value": (json_file(text=', "text": []'), "wrong_type"),
    "null for a value": (json_file(text=', "text": null'), None),
    "no byte": (b"", "empty"),
    "blanks only": (b" \n", "truncated"),
}


@pytest.mark.sanitize
@pytest.mark.parametrize("name", XML_CASES)
def test_xml(name):
    data, rule = XML_CASES[name]
    assert rules(XML, data)[:1] == ([rule] if rule else [])


@pytest.mark.sanitize
@pytest.mark.parametrize("name", JSON_CASES)
def test_json(name):
    data, rule = JSON_CASES[name]
    assert rules(JSON, data)[:1] == ([rule] if rule else [])


def encoded(encoding, declared, text):
    data = xml_file(text=f"<Text>{text}</Text>", before=f'<?xml version="1.0" encoding="{declared}"?>').decode()
    return XML.replace(b"zone: UTC", f"zone: UTC\nencoding: {encoding}".encode()), data.encode(encoding)


@pytest.mark.parametrize("encoding, declared, text", [
    ("iso-8859-1", "ISO-8859-1", "M\u00fcller"), ("iso-8859-15", "iso-8859-15", "5 \u20ac"),
    ("windows-1252", "windows-1252", "\u201e5 \u20ac\u201c"), ("windows-1252", "CP1252", "\u0160"),
    ("shift_jis", "Shift_JIS", "\u6771\u4eac"), ("us-ascii", "US-ASCII", "plain")])
def test_xml_in_the_profiles_encoding(encoding, declared, text):
    """Tables that are loaded from files are there inside the sandbox; offsets are those of the file's bytes."""
    profile, data = encoded(encoding, declared, text)
    result = parse_client.parse(profile, data)
    assert not result.refusals, result.refusals
    record = result.records[0]
    assert record["reason_text"] == text
    assert data[record["offset"]:record["offset"] + record["length"]].startswith(b"<Item ref")
    assert data[record["offset"]:record["offset"] + record["length"]].endswith(b"</Item>")


# the encodings that partners write, and one where characters shift the meaning of those behind them
PLACES = [("iso-8859-1", "M\u00fcller"), ("iso-8859-15", "5 \u20ac"), ("windows-1251", "\u0431\u0430\u043b\u043b"),
          ("windows-1252", "\u201e5 \u20ac\u201c"), ("koi8-r", "\u0431\u0430\u043b\u043b"), ("cp850", "M\u00fcller"),
          ("shift_jis", "\u8868a\u4eac"), ("euc-jp", "\u6771a\u4eac"), ("gb18030", "\u4e1c\u20ac\U0001f600"),
          ("big5", "\u6771a\u4eac"), ("euc-kr", "\uac00a\ub098"), ("iso-2022-jp", "\u6771a\u4eac"), ("utf-8", "\u6771\U0001f600")]


@pytest.mark.sanitize
@pytest.mark.parametrize("encoding, word", PLACES)
def test_xml_places_are_those_of_the_file(encoding, word):
    """Of every record, over many reads; and of a value that is refused."""
    item = '<Item ref="A%d" status="Y"><Points>5</Points><!-- %s --><a b="%s"/><Text>%s</Text></Item>'
    items = [item % (i, word * (i % 40), word, word * (1 + i % 100)) for i in range(3000)]
    text = f'<?xml version="1.0" encoding="{encoding}"?>\n<File xmlns="urn:x">{word}%s</File>\n'
    profile = XML.replace(b"zone: UTC", f"zone: UTC\nencoding: {encoding}".encode())
    data = (text % f"\n{word}".join(items)).encode(encoding)
    result = parse_client.parse(profile, data)
    assert not result.refusals and len(result.records) == len(items)
    for number, record in enumerate(result.records):
        assert record["reason_text"] == word * (1 + number % 100)
        assert data[record["offset"]:record["offset"] + record["length"]] == items[number].encode(encoding), number

    data = (text % (word + items[1].replace("<Points>5", f"<Points>{word}"))).encode(encoding)
    value = data.index(b"<Points>") + len(b"<Points>")
    refused, = parse_client.parse(profile, data).refusals
    assert data[value:].startswith(word.encode(encoding))
    assert refused["offset"] == value + (3 if encoding == "iso-2022-jp" else 0)  # behind the shift


@pytest.mark.parametrize("encoding, bad", [("windows-1252", b"\x81"), ("windows-1251", b"\x98"), ("shift_jis", b"\x85\x20"),
                                           ("euc-kr", b"\xff"), ("gb18030", b"\x81\x30\x20")])
def test_xml_with_a_byte_that_means_nothing(encoding, bad):
    filler = "x" * 70_000  # further than one read
    data = (f'<?xml version="1.0" encoding="{encoding}"?><File xmlns="urn:x">{filler}<Item ref="A1" status="Y"><Points>5</Points>'
            "<Text>?</Text></Item></File>").encode()
    place = data.index(b"?</Text>")
    profile = XML.replace(b"zone: UTC", f"zone: UTC\nencoding: {encoding}".encode())
    for wrong in (data.replace(b"?</", bad + b"</"), data[:place] + bad[:1]):
        refused, = parse_client.parse(profile, wrong).refusals
        assert (refused["rule"], refused["offset"]) == ("encoding", place)


def test_xml_that_declares_nothing_is_utf8():
    profile, _ = encoded("iso-8859-1", "", "")
    assert rules(profile, xml_file()) == ["encoding"]
    profile, _ = encoded("us-ascii", "", "")
    assert rules(profile, xml_file(text="<Text>\u00e9</Text>")) == ["encoding"]


def many(kind, count):
    rows = ((f"A{i:08}", i % 5000 + 1, f"text {i}") for i in range(count))
    if kind == "xml":
        return b'<File xmlns="urn:x">' + b"".join(
            f'<Item ref="{r}" status="Y"><Points>{p}</Points><Text>{t}</Text></Item>\n'.encode() for r, p, t in rows) + \
            b"</File>"
    lines = [f'{{"ref": "{r}", "status": "Y", "points": {p}, "text": "{t}"}}'.encode() for r, p, t in rows]
    return b'{"items": [' + b",\n".join(lines) + b"]}" if kind == "json" else b"\n".join(lines) + b"\n"


@pytest.mark.parametrize("kind, profile", [("xml", XML), ("json", JSON), ("lines", LINES)])
def test_memory_is_flat(kind, profile, tmp_path):
    took = {}
    for count in (1_000, 200_000):
        path = tmp_path / str(count)
        path.write_bytes(many(kind, count))
        took[count] = parse_client.measure(profile, path)
        assert took[count]["status"] == 0 and took[count]["output"] > 60 * count
        path.unlink()
    assert took[200_000]["max_rss"] < 64 << 10
    assert took[200_000]["max_rss"] - took[1_000]["max_rss"] < 4 << 10, took


@pytest.mark.parametrize("name", ["depth 100000", "attributes 20000", "tag without end", "names 500000",
                                  "text of 10 MB that nobody asks for"])
def test_hostile_xml_costs_little(name, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(XML_CASES[name][0])
    took = parse_client.measure(XML, path)
    assert took["status"] == 0 and took["max_rss"] < 64 << 10


LIMIT = 64 << 10  # LIMIT_RECORD_BYTES
CODES = b"reason: {at: Code, many: yes, optional: yes}\n      reason_text"
ADDENDA = b"""
profile: many
partner: MANY
programme: NS
format: fixed
encoding: ascii
zone: UTC
framing: {newline: lf}
records:
  e: {role: entry, when: {1: E}, verdict: accepted, fields: {outbound_reference: {at: 2-5, type: id}}}
  r: {role: addendum, when: {1: R}, verdict: rejected, fields: {reason: {at: 2-9, type: id, trim: none}}}
match: [outbound_reference]
check: none
reasons: {}
unknown_reason: hold
"""


def codes(n):
    """XML and JSON of one record with n codes."""
    return (XML.replace(b"reason_text", CODES).replace(b"at: Code", b"at: Code"), xml_file(text="<Code>x</Code>" * n),
            JSON.replace(b"reason_text", CODES).replace(b"at: Code", b'at: "code[]"'),
            json_file(text=', "code": [' + ",".join(['"x"'] * n) + "]"))


def cheap(profile, data, tmp_path):
    """Frames of data, read within what any file takes."""
    (tmp_path / "file").write_bytes(data)
    took = parse_client.measure(profile, tmp_path / "file")
    assert took["status"] == 0 and took["max_rss"] < 64 << 10 and took["seconds"] < 5, took
    return parse_client.parse(profile, data)


@pytest.mark.parametrize("n", [2000, 16694, 400_000])
def test_codes_without_end_refuse_the_file(n, tmp_path):
    """Each code came to a copy of all that were there: 130 kB took 300 MiB, and the file was tried for ever."""
    xml, xml_data, json, json_data = codes(n)
    for profile, data in ((xml, xml_data), (json, json_data)):
        result = cheap(profile, data, tmp_path)
        assert result.rules == (["record_too_long"] if len(data) > LIMIT else []), (n, result.refusals)
        if not result.refusals:
            assert result.records[0]["reasons"] == ["x"] * n


@pytest.mark.parametrize("n", [7000, 7281, 7282, 7890, 200_000])
def test_addenda_without_end_refuse_the_file(n, tmp_path):
    data = b"E0001\n" + b"".join(b"R%08d\n" % i for i in range(n))
    result = cheap(ADDENDA, data, tmp_path)
    # the codes, what is between them, and the entry's own reference
    long = 9 * n - 1 + 4 > LIMIT
    assert result.rules == (["record_too_long"] if long else []), result.refusals
    if not long:
        assert result.records[0]["reasons"] == [f"{i:08}" for i in range(n)]


def test_addenda_without_end_whose_texts_nobody_asks_for(tmp_path):
    profile = ADDENDA.replace(b"{reason: {at: 2-9, type: id, trim: none}}", b"{note: {at: 2-900, trim: none}}")
    addendum = b"R" + b"x" * 899 + b"\n"
    for n, rules in ((1100, []), (1200, ["record_too_long"])):
        assert cheap(profile, b"E0001\n" + addendum * n, tmp_path).rules == rules, n

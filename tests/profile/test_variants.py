"""One profile for files that are framed, encoded or packed in several ways; UTF-16; what is told by content."""
import gzip

import pytest

from profile_language import HEAD, compiles, parse

UTF16 = HEAD + """format: delimited
encoding: %s
framing: {newline: [lf, crlf]}
delimited: {delimiter: ";", quote: '"', header: names}
records:
  answer: {role: entry, fields: {partner_reference: {at: Référence}, points: {at: Points}, member: {at: Nom, type: text}, status: {at: État}}}
verdict: {field: status, words: {OK: accepted, Refusé: rejected}}
match: [partner_reference]
check: none
"""
ROWS = 'Référence;Points;Nom;État\r\nA1;5;Žofia 😀;OK\r\nA2;7;"Ånd;ers";Refusé\r\n'
READ = [("A1", 5, "Žofia 😀", "accepted"), ("A2", 7, "Ånd;ers", "rejected")]


def read(result):
    return [(r["partner_reference"], r["points"], r["member"], r["verdict"]) for r in result.records]


@pytest.mark.parametrize("encoding, codec, mark", [
    ("utf-16", "utf-16-le", "\ufeff"), ("UTF-16", "utf-16-be", "\ufeff"), ("utf-16le", "utf-16-le", ""),
    ("utf-16be", "utf-16-be", ""), ("utf-16be", "utf-16-be", "\ufeff")])
def test_an_export_in_utf_16(encoding, codec, mark):
    result = parse(UTF16 % encoding, (mark + ROWS).encode(codec))
    assert not result.refusals and read(result) == READ
    assert result.end["bytes"] == len((ROWS if encoding.lower() == "utf-16" else mark + ROWS).encode())


@pytest.mark.parametrize("encoding, data", [
    ("utf-16", ROWS.encode("utf-16-le")),  # no mark: which order?
    ("utf-16", ROWS.encode()), ("utf-16le", ("\ufeff" + ROWS).encode("utf-16-be")),
    ("utf-16", ("\ufeff" + ROWS).encode("utf-16-le")[:-1]),
    ("utf-16", ("\ufeff" + ROWS).encode("utf-16-le").replace(b"\x3d\xd8", b"\x41\x00")),  # half of a pair
    ("utf-16", ("\ufeff" + ROWS).encode("utf-16-le") + b"\x3d\xd8")])
def test_what_is_no_utf_16_is_refused(encoding, data):
    assert "encoding" in parse(UTF16 % encoding, data).rules


def test_utf_16_where_the_profile_says_another_encoding():
    assert parse(UTF16 % "utf-8", ("\ufeff" + ROWS).encode("utf-16-le")).rules == ["utf16"]
    packed = UTF16.replace("framing:", "container: {kind: gzip}\nframing:") % "utf-16"
    assert read(parse(packed, gzip.compress(("\ufeff" + ROWS).encode("utf-16-le")))) == READ


@pytest.mark.parametrize("was, now, why", [
    ("newline: [lf, crlf]", "record_length: 20", "counts bytes"), ("newline: [lf, crlf]", "newline: lf, bom: require", "does nothing")])
def test_bytes_are_not_counted_in_utf_16(build, tmp_path, was, now, why):
    fine, said = compiles((UTF16 % "utf-16").replace(was, now), build, tmp_path)
    assert not fine and why in said


VARIANTS = HEAD + """format: fixed
framing: {newline: lf}
records:
  answer: {role: entry, when: {1: A}, fields: {partner_reference: {at: 2-4}, points: {at: 5-7}, status: {at: 8-9}}}
verdict: {field: status, words: {OK: accepted, KO: rejected}}
match: [partner_reference]
check: none
variants:
  mainframe: {begins: 0xc1, encoding: ibm037, framing: {newline: none, record_length: 9}}
  packed: {begins: 0x1f8b, container: {kind: gzip}}
  windows: {files: ["WIN_*", "*.dos"], framing: {newline: crlf}, verdict: {words: {NO: rejected}}}
"""


@pytest.mark.parametrize("name, data", [
    ("F1", b"AR01005OK\nAR02007KO\n"), ("F1", "AR01005OKAR02007KO".encode("cp037")),
    ("F1", gzip.compress(b"AR01005OK\nAR02007KO\n", mtime=0)), ("WIN_1", b"AR01005OK\r\nAR02007NO\r\n"), ("x.dos", b"AR01005OK\r\nAR02007KO\r\n")])
def test_one_profile_reads_several_framings_encodings_and_containers(name, data):
    result = parse(VARIANTS, data, name=name)
    assert not result.refusals
    assert [(r["partner_reference"], r["points"], r["verdict"]) for r in result.records] == [("R01", 5, "accepted"), ("R02", 7, "rejected")]


@pytest.mark.parametrize("name, data, rule", [
    ("F1", b"AR01005OK\r\n", "newline"), ("WIN_1", b"AR01005OK\n", "newline"), ("F1", b"AR01005NO\n", "unknown_word"),
    ("WIN_1", gzip.compress(b"AR01005OK\r\n", mtime=0)[1:], "not_utf8")])
def test_a_file_of_another_variant_is_not_guessed_at(name, data, rule):
    result = parse(VARIANTS, data, name=name)
    assert not result.records and (rule in result.rules or result.rules), result.rules


@pytest.mark.parametrize("was, now, why", [
    ("begins: 0xc1, ", "", "needs files or begins"), ("encoding: ibm037", "encoding: nonsense", "no encoding"),
    ("encoding: ibm037", "match: [member]", "unknown key"), ("records:\n", "answer: {rejects: {}}\nrecords:\n", None),
    ("framing: {newline: none, record_length: 9}", "framing: {record_length: 9}", "does nothing where records have a length"),
    ("words: {NO: rejected}", "words: {NO: rejcted}", "variants.windows.verdict.words.NO")])
def test_a_variant_is_held_to_what_a_profile_is(build, tmp_path, was, now, why):
    assert was in VARIANTS
    fine, said = compiles(VARIANTS.replace(was, now), build, tmp_path)
    assert fine == (why is None) and (why or "") in said, said


def test_what_is_wrong_in_the_profile_is_said_once(build, tmp_path):
    fine, said = compiles(VARIANTS, build, tmp_path)
    assert fine and said.count("no control total and no trailer") == 1


EDIFACT = HEAD + """format: delimited
encoding: ascii
framing: {terminator: "'", newline_after: yes}
delimited: {delimiter: "+", inner: ":", escape: "?"}
records:
  message: {role: header, when: {1: UNH}, fields: {kind: {at: 3.1, must_be: CONTRL}}}
  answer: {role: entry, when: {1: UCM}, fields: {partner_reference: {at: 2}, status: {at: 4}}}
  end: {role: trailer, when: {1: UNT}, fields: {segments: {at: 2, type: integer}, again: {at: 3}}}
verdict: {field: status, words: {"7": accepted, "4": rejected}}
controls: {segments: end.segments = 2 + count(answer)}
match: [partner_reference]
check: none
variants:
  una:
    begins: UNA
    framing: {terminator: {declared_at: 9}}
    delimited: {delimiter: {declared_at: 5}, inner: {declared_at: 4}}
    records: {service: {role: header, optional: yes, when: {1.1: UNA}, columns: 1-3}}
"""


@pytest.mark.parametrize("head, marks", [("", ":+'"), ("UNA:+.? '", ":+'"), ("UNA*|.? ~", "*|~")])
def test_edifact_with_and_without_its_service_string(head, marks):
    inner, outer, end = marks
    rows = [["UNH", "22", f"CONTRL{inner}D"], ["UCM", "R1", "x", "7"], ["UCM", "R?" + outer + "2", "x", "4"], ["UNT", "4", "22"]]
    body = "".join(outer.join(row) + end + "\n" for row in rows).encode()
    result = parse(EDIFACT, (head + "\n" * bool(head)).encode() + body)
    assert not result.refusals, result.refusals
    assert [(r["partner_reference"], r["verdict"]) for r in result.records] == [("R1", "accepted"), ("R" + outer + "2", "rejected")]
    # a trailer of eight characters is no service string
    assert len(outer.join(rows[-1])) == 8
    short = parse(EDIFACT, (head + "\n" * bool(head)).encode() + body.replace(outer.join(rows[-1]).encode() + end.encode() + b"\n", b""))
    assert "trailer_missing" in short.rules

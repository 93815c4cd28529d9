"""Profiles that could read wrongly in silence: each reads right, is refused, or does not compile."""
import pytest

import parse_client
from profile_language import HEAD, ROOT, compiles, parse

LINES = HEAD + """format: delimited
framing: {newline: lf}
delimited: {delimiter: "|"%s}
records:
  answer: {role: entry, fields: {partner_reference: {at: 1}, points: {at: 2}, status: {at: 3, type: id}}}
verdict: {field: status, words: {Y: accepted, N: rejected}}
match: [partner_reference]
check: none
"""
NAMED = HEAD + """format: delimited
framing: {newline: lf}
delimited: {delimiter: ",", header: names, extra_columns: allow, inner: ";"}
records:
  yes: {role: entry, verdict: accepted, when: {%s: "00"}, fields: {partner_reference: {at: Ref}}}
  no: {role: entry, verdict: rejected, fields: {partner_reference: {at: Ref}}}
match: [partner_reference]
check: none
"""


def shipped(name):
    return (ROOT / f"fixtures/profiles/{name}.yaml").read_bytes()


@pytest.mark.parametrize("value", [r"\N", r"\n", r"\t", r"\0"])
def test_an_escaped_letter_is_not_the_letter(value):
    result = parse(LINES % ", escape: backslash", f"A2|5|{value}\n".encode())
    assert result.rules and not result.records, "a NULL of an export is no rejection"
    result = parse(LINES % ", escape: backslash", b"A\\|2|5|N\n")
    assert [(r["partner_reference"], r["verdict"]) for r in result.records] == [("A|2", "rejected")] and not result.refusals


def test_records_are_told_by_a_column_s_name():
    for head, row in (("Ref,Code\n", "A1,05\nA2,00\n"), ("Ref,New,Code\n", "A1,00,05\nA2,05,00\n"), ("Code,Ref\n", "05,A1\n00,A2\n")):
        result = parse(NAMED % "Code", (head + row).encode())
        assert [(r["partner_reference"], r["verdict"]) for r in result.records] == [("A1", "rejected"), ("A2", "accepted")], head
    assert parse(NAMED % "Code", b"Ref,Kode\nA1,00\n").rules == ["header"]


def test_records_are_told_by_part_of_a_column():
    profile = (LINES % ', inner: ";"').replace("answer: {role: entry,", 'answer: {role: entry, when: {3.2: "X"},')
    profile = profile.replace("status: {at: 3,", "status: {at: 3.1,")
    result = parse(profile, b"A1|5|Y;X\n")
    assert [r["verdict"] for r in result.records] == ["accepted"] and not result.refusals
    assert not parse(profile, b"A1|5|X;Y\n").records


@pytest.mark.parametrize("was, now, why", [
    ('status: {at: 3', 'status: {at: 3', None),
    ("newline: lf", "newline: [lf, none]", "none stands alone"),
    ("newline: lf", "newline: lf, record_length: 9", "does nothing where records have a length"),
    ("points: {at: 2}", "points: {at: 2, zero: take}", "no redemption has no points"),
])
def test_what_would_do_nothing_does_not_compile(build, tmp_path, was, now, why):
    assert was in LINES
    fine, said = compiles((LINES % "").replace(was, now), build, tmp_path)
    assert fine == (why is None) and (why or "") in said


def test_a_number_tells_no_entry_of_a_file_with_a_header(build, tmp_path):
    fine, said = compiles(NAMED % "2", build, tmp_path)
    assert not fine and "told by a column's name" in said


def test_lines_of_json_have_no_framing_of_text(build, tmp_path):
    text = HEAD + """format: json_lines
framing: {blank_lines: skip}
records: {answer: {role: entry, path: /, verdict: accepted, fields: {partner_reference: {at: ref}}}}
match: [partner_reference]
check: none
"""
    fine, said = compiles(text, build, tmp_path)
    assert not fine and "framing.blank_lines is for delimited and fixed files" in said
    assert compiles(text.replace("framing: {blank_lines: skip}\n", ""), build, tmp_path)[0]


TOTALS = HEAD + """format: delimited
framing: {newline: lf}
delimited: {delimiter: ","}
records:
  total: {role: note, when: {1: T}, columns: 2, %sfields: {points: {at: 2, type: integer}}}
  more: {role: addendum, when: {1: B}, columns: 2, fields: {points: {at: 2, type: integer}}}
  answer: {role: entry, when: {1: A}, verdict: accepted, fields: {partner_reference: {at: 2}, points: {at: 3}}}
controls:
  points: %s
match: [partner_reference]
check: none
"""


def test_a_total_that_comes_twice_is_not_compared_once(build, tmp_path):
    profile = TOTALS % ("", "total.points = sum(answer.points)")
    assert not parse(profile, b"A,r1,5\nA,r2,7\nT,12\n").refusals
    assert "occurs" in parse(profile, b"A,r1,5\nT,999\nA,r2,7\nT,12\n").rules
    fine, said = compiles(TOTALS % ("occurs: 1-2, ", "total.points = sum(answer.points)"), build, tmp_path)
    assert not fine and "total may come more than once" in said


@pytest.mark.parametrize("counted", ["sum(total.points where accepted)", "count(total where rejected)"])
def test_what_has_no_verdict_is_not_counted_by_one(build, tmp_path, counted):
    fine, said = compiles(TOTALS % ("", f"total.points = {counted}"), build, tmp_path)
    assert not fine and "only entries and their addenda have a verdict" in said


def test_xml_of_another_version():
    data = (ROOT / "fixtures/layouts/camt054/returns.xml").read_bytes()
    assert b'version="1.0"' in data and parse_client.parse(shipped("camt054"), data).records
    assert parse_client.parse(shipped("camt054"), data.replace(b'version="1.0"', b'version="1.1"')).rules == ["xml_version"]


CAMT = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.04"><BkToCstmrDbtCdtNtfctn><GrpHdr><MsgId>M1</MsgId>\
<MsgPgntn><PgNb>1</PgNb><LastPgInd>%s</LastPgInd></MsgPgntn></GrpHdr><Ntfctn><Id>N1</Id><Ntry><Amt Ccy="EUR">490.00</Amt>\
<CdtDbtInd>%s</CdtDbtInd><RvslInd>true</RvslInd><NtryDtls>%s</NtryDtls></Ntry></Ntfctn></BkToCstmrDbtCdtNtfctn></Document>
"""
DETAILS = "<TxDtls><Refs><EndToEndId>E1</EndToEndId></Refs></TxDtls>"


def camt(last="true", side="CRDT", details=DETAILS):
    return parse_client.parse(shipped("camt054"), (CAMT % (last, side, details)).encode())


def test_a_notification_of_what_came_back():
    assert [(r["outbound_reference"], r["verdict"]) for r in camt().records] == [("E1", "rejected")]
    # what is debited again is no payment that came back
    assert camt(side="DBIT").records == []
    # a booking that names no transaction: which ones came back is for people
    [whole] = camt(details="").records
    assert whole["verdict"] == "rejected" and whole["whole_message"]
    assert camt(last="false").rules == ["must_be"], "its other pages"


PAIN = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.03"><CstmrPmtStsRpt><GrpHdr><MsgId>B1</MsgId>\
<CreDtTm>2026-11-20T09:00:00</CreDtTm></GrpHdr><OrgnlGrpInfAndSts><OrgnlMsgId>OUR-9</OrgnlMsgId>%s<GrpSts>RJCT</GrpSts></OrgnlGrpInfAndSts>\
<OrgnlPmtInfAndSts><OrgnlPmtInfId>OUR-9-1</OrgnlPmtInfId>%s<PmtInfSts>RJCT</PmtInfSts><TxInfAndSts>\
<OrgnlEndToEndId>E-1</OrgnlEndToEndId><TxSts>RJCT</TxSts></TxInfAndSts></OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>
"""


@pytest.mark.parametrize("count, whole", [("", 2), ("3", 2), ("1", 0)])
def test_a_batch_that_is_rejected_speaks_for_those_that_it_does_not_name(count, whole):
    stated = f"<OrgnlNbOfTxs>{count}</OrgnlNbOfTxs>" if count else ""
    result = parse_client.parse(shipped("pain002"), (PAIN % (stated, stated)).encode())
    assert not result.refusals
    assert [r["verdict"] for r in result.records] == ["rejected"] * (1 + whole)
    assert [bool(r.get("whole_message")) for r in result.records] == [False] + [True] * whole


def test_a_name_is_ascii_whatever_the_content_is_written_in():
    profile = HEAD + """format: fixed
encoding: cp037
file_name: "FILE{sequence}"
framing: {record_length: 5}
records: {answer: {role: entry, verdict: accepted, fields: {partner_reference: {at: 1-5}}}}
match: [partner_reference]
check: none
"""
    result = parse(profile, "REF01".encode("cp037"), name="FILE41")
    assert not result.refusals and [r["partner_reference"] for r in result.records] == ["REF01"]


def test_a_verdict_by_presence_is_warned_of(build, tmp_path):
    text = HEAD + """format: json_lines
records: {answer: {role: entry, path: /, fields: {partner_reference: {at: ref}, code: {at: reason, optional: yes}}}}
verdict:
  - {when: {code: {is: filled}}, is: rejected}
  - {is: accepted}
match: [partner_reference]
check: none
"""
    fine, said = compiles(text, build, tmp_path)
    assert fine and "if the partner renames it" in said
    assert "renames it" not in compiles(text.replace(", optional: yes", ""), build, tmp_path)[1]


EACH = HEAD + """format: delimited
framing: {newline: lf}
delimited: {delimiter: ","}
levels: [file, batch]
records:
  batch: {role: header, level: batch, when: {1: B}}
  answer: {role: entry, level: batch, when: {1: A}, fields: {partner_reference: {at: 2}, amount: {at: 3}, currency: {at: 4}, status: {at: 5}}}
  total: {role: note, level: batch, when: {1: T}, fields: {of: {at: 2}, amount: {at: 3, type: amount}}}
verdict: {field: status, words: {Y: accepted, N: rejected}}
controls: {amount: "total.amount = sum(answer.amount where currency = total.of)"}
match: [partner_reference]
check: [amount, currency]
"""


@pytest.mark.parametrize("data, refused", [
    ("B\nT,EUR,12\nA,1,5,EUR,Y\nA,2,7,EUR,N\nA,3,1,CHF,Y\nT,CHF,1\nB\nA,4,2,EUR,Y\nT,EUR,2\n", None),
    ("B\nA,1,5,EUR,Y\nT,EUR,5\nB\nA,4,2,EUR,Y\nT,EUR,7\n", "the file says 7, its records make 2"),  # a batch has its own
    ("B\nA,1,5,EUR,Y\nT,EUR,5\nT,USD,3\n", "the file says 3, its records make 0"),
    ("B\nA,1,5,EUR,Y\nB\nA,2,5,EUR,Y\nT,EUR,5\n", 'no total states the total of "EUR"'),
    ("B\nA,1,5,EUR,Y\n" + "".join(f"T,{n},0\n" for n in range(257)), "more than 256 total"),
    ("B\n" + "".join(f"A,{n},1,A{chr(65 + n // 26)}{chr(65 + n % 26)},Y\n" for n in range(257)), "more than 256 values"),
])
def test_a_total_for_each_value(data, refused):
    result = parse(EACH, data.encode())
    assert any(refused in line["message"] for line in result.refusals) if refused else not result.refusals, result.refusals


@pytest.mark.parametrize("wrong, why", [
    ("currency = answer.currency", "stands in a record of role note"), ("currency = total.none", "no record has this field"),
    ("currency = total.of and status = total.of", "only one record says"), ("currency != total.of", "expected )"),
])
def test_a_total_for_each_value_is_stated_by_a_note(build, tmp_path, wrong, why):
    fine, said = compiles(EACH.replace("currency = total.of", wrong), build, tmp_path)
    assert not fine and why in said, said


def test_a_total_for_each_value_in_xml():
    text = HEAD + """format: xml
records:
  answer: {role: entry, path: /r/a, fields: {partner_reference: {at: "@r"}, amount: {at: "@n"}, currency: {at: "@c"}, status: {at: "@s"}}}
  total: {role: note, path: /r/t, fields: {of: {at: "@c"}, n: {at: "@n", type: integer}}}
verdict: {field: status, words: {Y: accepted, N: rejected}}
controls: {n: "total.n = count(answer where rejected and currency = total.of)"}
match: [partner_reference]
check: [amount]
"""
    rows = '<a r="1" n="5" c="EUR" s="N"/><a r="2" n="5" c="CHF" s="N"/><t c="EUR" n="1"/>'
    assert not parse(text, f'<r>{rows}<t c="CHF" n="1"/></r>'.encode()).refusals
    assert "its records make 1" in parse(text, f'<r>{rows}<t c="CHF" n="2"/></r>'.encode()).refusals[0]["message"]


JOIN = HEAD + """format: delimited
framing: {newline: lf}
delimited: {delimiter: ","}
records:
  answer: {role: entry, fields: {a: {at: 1}, b: {at: 2, optional: yes}, n: {at: 3, type: integer}, partner_reference: {join: [a, b], between: "-"}}}
verdict: [{is: accepted}]
match: [partner_reference]
check: none
"""


@pytest.mark.parametrize("was, wrong, why", [
    (', between: "-"', "", "answer.a may be of any length"), ("[a, b]", "[a]", "needs two fields or more"),
    ("[a, b]", "[a, none]", "none: neither this record nor a level above it has such a field"),
    ("[a, b]", "[a, partner_reference]", "must be the name of another field"), ("{join:", "{at: 3, join:", "has no at, value or pattern"),
    ("{at: 3, type: integer}", '{join: [a, partner_reference], between: "-"}', "partner_reference is put together itself"),
    ("{at: 3, type: integer}", '{type: integer, join: [a, b], between: "-"}', "is for a field of type text, id or uuid"),
])
def test_what_is_put_together_makes_one_text(build, tmp_path, was, wrong, why):
    fine, said = compiles(JOIN.replace(was, wrong), build, tmp_path)
    assert not fine and why in said, said


def test_a_part_that_is_absent_makes_no_text():
    assert [r["partner_reference"] for r in parse(JOIN, b"x,y,1\n").records] == ["x-y"]
    assert "empty" in parse(JOIN, b"x,,1\n").rules


def test_elements_of_xml_are_put_together():
    text = HEAD + """format: xml
records:
  answer: {role: entry, path: /r/a, fields: {a: {at: "@a"}, partner_reference: {join: [a, b], between: "/"}, b: {at: B, optional: yes}, status: {at: "@s"}}}
verdict: {field: status, words: {Y: accepted, N: rejected}}
match: [partner_reference]
check: none
"""
    result = parse(text, b'<r><a a="1" s="Y"><B>2</B></a><a a="3" s="N"><B>4</B></a></r>')
    assert [r["partner_reference"] for r in result.records] == ["1/2", "3/4"] and not result.refusals
    assert "empty" in parse(text, b'<r><a a="1" s="Y"><B>2</B></a><a a="3" s="N"/></r>').rules


KEYS = HEAD + """format: json
records: {answer: {role: entry, path: "/answers/*", fields: {partner_reference: {at: "*"}, kind: {at: "more/*", optional: yes, type: text}, status: {at: status}}}}
verdict: {field: status, words: {Y: accepted, N: rejected}}
match: [partner_reference]
check: none
"""


def test_references_that_are_keys():
    result = parse(KEYS, b'{"answers": {"A1": {"more": {"x": "A9"}, "status": "Y"}, "A2": {"status": "N"}, "\\u00e9": {"status": "N"}}}')
    assert [(r["partner_reference"], r["verdict"]) for r in result.records] == [("A1", "accepted"), ("A2", "rejected")]
    assert "id" in result.rules[0], result.refusals  # a reference of other letters is refused, not cut
    assert "duplicate_key" in parse(KEYS, b'{"answers": {"A1": {"status": "Y"}, "A1": {"status": "N"}}}').rules
    assert parse(KEYS, b'{"answers": {"A1": "Y"}}').rules and not parse(KEYS, b'{"answers": {"A1": "Y"}}').records
    assert "empty" in parse(KEYS, b'{"answers": {"": {"status": "Y"}}}').rules
    many = ",".join(f'"A{n}": {{"status": "Y"}}' for n in range(257))
    assert "too_many_keys" in parse(KEYS, f'{{"answers": {{{many}}}}}'.encode()).rules


@pytest.mark.parametrize("path", ["/answers[]", "/answers", "/answers/*[]", "/"])
def test_a_key_is_of_a_record_whose_path_ends_in_any(build, tmp_path, path):
    fine, said = compiles(KEYS.replace("/answers/*", path), build, tmp_path)
    assert not fine and "* is the key of a record whose path ends in any key" in said

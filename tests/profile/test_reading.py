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


@pytest.mark.parametrize("counted", ["sum(more.points where accepted)", "count(more where rejected)"])
def test_what_has_no_verdict_is_not_counted_by_one(build, tmp_path, counted):
    fine, said = compiles(TOTALS % ("", f"total.points = {counted}"), build, tmp_path)
    assert not fine and "only entries have a verdict" in said


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

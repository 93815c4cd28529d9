"""Public collections of nasty files, where they lie beside the checkout: each decided as its own answer says,
within a second of work and 64 MiB."""
import json
import re

import pytest

import parse_client
from corpora import CORPORA, SECONDS, assert_little, files, shown, utf8_cases

pytestmark = pytest.mark.skipif(not CORPORA.is_dir(), reason=f"{CORPORA} is not there (HANDBACK_CORPORA names another)")

XML = b"""
profile: corpora
partner: CORPORA
programme: NS
format: xml
zone: UTC
framing: {bom: allow}
limits: {field_bytes: 8KiB}
records:
  item:
    role: entry
    path: /File/Item
    fields:
      partner_reference: {at: "@ref", type: id}
      points: {at: "@points"}
      status: {at: "@status", type: id}
      reason_text: {at: Text, optional: yes}
verdict:
  field: status
  words: {Y: accepted, N: rejected}
match: [partner_reference]
check: none
reasons: {}
"""
JSON = b"""
profile: corpora
partner: CORPORA
programme: NS
format: json_lines
zone: UTC
limits: {field_bytes: 8KiB}
records:
  item:
    role: entry
    path: /
    fields:
      partner_reference: {at: ref, type: id}
      points: {at: points}
      status: {at: status, type: id}
      reason_text: {at: text, optional: yes}
verdict:
  field: status
  words: {Y: accepted, N: rejected}
match: [partner_reference]
check: none
reasons: {}
"""


def xml_file(text):
    return b'<File><Item ref="A1" points="5" status="Y"><Text>' + text + b"</Text></Item></File>"


def json_file(text):
    return b'{"ref": "A1", "points": 5, "status": "Y", "text": "' + text + b'"}\n'


@pytest.mark.sanitize
@pytest.mark.parametrize("path", files("libxml2/test", "defusedxml/xmltestdata"),
                         ids=shown)
def test_xml_bombs_are_refused(path):
    """Whatever has a DOCTYPE by that; the others are parts of documents, or have another root."""
    result = parse_client.parse(XML, path)
    assert result.refused and result.records == [], result
    assert result.cpu < SECONDS
    if b"<!DOCTYPE" in path.read_bytes():
        assert result.rules == ["doctype"]
    else:
        assert result.rules[0] in ("not_xml", "wrong_root", "encoding")


def test_bombs_need_no_memory():
    for path in files("libxml2/test", "defusedxml/xmltestdata"):
        assert_little(XML, path)


def test_utf8_cases_are_all_there():
    cases = list(utf8_cases())
    assert len(cases) == 222
    for _, data, valid in cases:  # the collection and Python agree
        try:
            data.decode("utf-8")
            assert valid
        except UnicodeDecodeError:
            assert not valid


def xml_allows(text):
    return all(c in "\t\n\r" or "\x20" <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c >= "\U00010000" for c in text)


@pytest.mark.sanitize
def test_utf8_in_xml():
    wrong = []
    for number, data, valid in utf8_cases():
        content = data.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;")
        result = parse_client.parse(XML, xml_file(content))
        allowed = valid and xml_allows(data.decode("utf-8"))
        if allowed:
            got = result.records[0].get("reason_text", "") if result.records else None
            fine = result.status == 0 and not result.refusals and got == data.decode("utf-8").strip(" \t\r\n")
        else:
            fine = result.refused and result.rules[0] in ("not_xml", "not_utf8", "nul")
        if not fine:
            wrong.append((number, data, valid, result.records, result.refusals))
    assert not wrong


@pytest.mark.sanitize
def test_utf8_in_json():
    wrong = []
    for number, data, valid in utf8_cases():
        content = re.sub(rb'(["\\])', rb"\\\1", data)
        result = parse_client.parse(JSON, json_file(content))
        if valid and not re.search(rb"[\x00-\x1f]", data):
            got = result.records[0].get("reason_text", "") if result.records else None
            fine = result.status == 0 and not result.refusals and got == data.decode("utf-8").strip()
        else:
            fine = result.refused and result.rules[0] in ("not_json", "not_utf8", "nul")
            if not valid and fine:
                at = len(json_file(b"")) - 3
                fine = at <= result.refusals[0]["offset"] <= at + len(data) + 1
        if not fine:
            wrong.append((number, data, valid, result.records, result.refusals))
    assert not wrong


@pytest.mark.sanitize
def test_naughty_strings_come_through(tmp_path):
    """All in one file, as JSON: free text is carried as it is, whatever it says."""
    path = CORPORA / "blns/blns.json"
    if not path.exists():
        pytest.skip("blns is not there")
    strings = [s for s in json.loads(path.read_text(encoding="utf-8")) if "\0" not in s]
    rows = [{"ref": f"A{i}", "points": 5, "status": "Y", "text": s} for i, s in enumerate(strings)]
    for ascii_only in (True, False):
        data = "".join(json.dumps(row, ensure_ascii=ascii_only) + "\n" for row in rows).encode("utf-8", "surrogatepass")
        result = parse_client.parse(JSON, data)
        assert result.status == 0 and not result.refusals, result.refusals
        assert [r.get("reason_text", "").strip() for r in result.records] == [s.strip() for s in strings]
        (tmp_path / "naughty").write_bytes(data)
        assert_little(JSON, tmp_path / "naughty")

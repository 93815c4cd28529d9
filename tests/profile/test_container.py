"""gzip and zip: packed by Python in every way a partner might, and in the ways that nobody should."""
import gzip
import io
import subprocess
import zipfile
import zlib

import pytest

import parse_client

PROFILE = """
profile: packed
partner: PACKED
programme: NS
format: json_lines
zone: UTC
container: {CONTAINER}
limits: {expansion: 50}
records:
  item:
    role: entry
    path: /
    fields:
      partner_reference: {at: r, type: id}
      points: {at: p}
      status: {at: s, type: id}
verdict:
  field: status
  words: {Y: accepted, N: rejected}
match: [partner_reference]
check: none
reasons: {}
"""
CONTENT = b"".join(b'{"r": "A%d", "p": %d, "s": "Y"}\n' % (i, i * 7919 % 1000 + 1) for i in range(200))


def parse(container, data, name="in.zip"):
    return parse_client.parse(PROFILE.replace("{CONTAINER}", container).encode(), data, name)


def gz(data, name="in.gz"):
    return parse("{kind: gzip}", data, name)


def zipped(members, **options):
    """members: (name, bytes) each."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression=options.pop("compression", zipfile.ZIP_DEFLATED)) as z:
        for name, data in members:
            z.writestr(name, data, **options)
    return out.getvalue()


def unzip(data, name="in.zip", member='"{name}.json"', ignore='["__MACOSX/*", "*.DS_Store"]'):
    return parse(f"{{kind: zip, member: {member}, ignore: {ignore}}}", data, name)


def taken(result):
    assert result.status == 0, result.stderr
    assert result.refusals == []
    return [r["partner_reference"] for r in result.records] == [f"A{i}" for i in range(200)]


def refused(result):
    assert result.refused, (result.status, result.stderr)
    assert result.rules[0] == "container", result.refusals
    return result.refusals[0]["message"]


@pytest.mark.sanitize
def test_gzip():
    assert taken(gz(gzip.compress(CONTENT)))
    assert taken(gz(gzip.compress(CONTENT[:1000]) + gzip.compress(CONTENT[1000:])))
    assert taken(gz(gzip.compress(CONTENT, compresslevel=0)))


def test_gzip_of_two_files_each_of_which_ends_in_padding():
    """Between the members the input gives nothing for a moment: that is not its end."""
    profile = b"""
profile: packed
partner: PACKED
programme: NS
format: fixed
encoding: ascii
zone: UTC
framing: {prefix: u32be, padding: "0x00"}
container: {kind: gzip}
fixed: {length: 5}
records:
  detail:
    role: entry
    fields:
      outbound_reference: {at: 1-3, type: id}
      status: {at: 4-5, type: id}
verdict:
  field: status
  words: {OK: accepted, KO: rejected}
match: [outbound_reference]
check: none
reasons: {}
"""
    one, two = b"\0\0\0\5ABCOK\0\0\0\0", b"\0\0\0\5DEFKO"
    for data, records in ((gzip.compress(one), 1), (gzip.compress(one[:9]) + gzip.compress(two), 2)):
        result = parse_client.parse(profile, data, "in.gz")
        assert result.refusals == [] and len(result.records) == records, (result.refusals, result.stderr)
        assert result.end["file_bytes"] == len(data)
    for data in (gzip.compress(one) + gzip.compress(two), gzip.compress(one + two)):
        result = parse_client.parse(profile, data, "in.gz")
        assert result.refused and result.rules == ["padding"], result.refusals


def test_gzip_cut_anywhere():
    whole = gzip.compress(CONTENT)
    for n in {*range(0, len(whole), 7), 0, 1, 2, 3, 9, 10, *range(len(whole) - 12, len(whole))}:
        assert refused(gz(whole[:n]))


def test_gzip_damaged():
    whole = gzip.compress(CONTENT)
    for at in [0, 1, 2, *range(12, len(whole), 11), *range(len(whole) - 8, len(whole))]:
        damaged = bytearray(whole)
        damaged[at] ^= 0x10
        assert gz(bytes(damaged)).refused  # by the container, or by what came out of it before
    assert "follow" in refused(gz(whole + b"\0"))
    assert refused(gz(whole + b"x"))
    assert refused(gz(CONTENT))
    assert refused(gz(zlib.compress(CONTENT)))
    assert refused(gz(b""))


@pytest.mark.sanitize
def test_zip():
    assert taken(unzip(zipped([("in.json", CONTENT)])))
    assert taken(unzip(zipped([("in.json", CONTENT)], compress_type=zipfile.ZIP_STORED)))
    assert taken(unzip(zipped([("__MACOSX/._in.json", b"x" * 99), ("in.json", CONTENT), (".DS_Store", b"")])))


def test_zip_written_to_a_pipe():
    """Sizes behind the content, as a writer has it that cannot seek."""
    class Pipe(io.RawIOBase):
        def __init__(self):
            self.data = bytearray()

        def writable(self):
            return True

        def write(self, data):
            self.data += bytes(data)
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as z, z.open("in.json", "w") as member:
        member.write(CONTENT)
    assert taken(unzip(bytes(pipe.data)))
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as z, z.open("in.json", "w", force_zip64=True) as member:
        member.write(CONTENT)
    assert taken(unzip(bytes(pipe.data)))


def test_zip_with_wide_sizes():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z, z.open("in.json", "w", force_zip64=True) as member:
        member.write(CONTENT)
    assert taken(unzip(out.getvalue()))


@pytest.mark.parametrize("tool", ["zip", "7z"])
def test_zip_by_another_hand(need, tool, tmp_path):
    need(tool)
    (tmp_path / "in.json").write_bytes(CONTENT)
    subprocess.run([tool, *(["-q"] if tool == "zip" else ["a"]), "in.zip", "in.json"], cwd=tmp_path, check=True,
                   capture_output=True)
    assert taken(unzip((tmp_path / "in.zip").read_bytes()))


def test_zip_member_names():
    good = zipped([("in.json", CONTENT)])
    assert "another name" in refused(unzip(zipped([("other.json", CONTENT)])))
    assert "another name" in refused(unzip(good, name="out.zip"))
    assert "more than one" in refused(unzip(zipped([("in.json", CONTENT), ("in.json.bak", b"")])))
    assert "no member" in refused(unzip(zipped([("__MACOSX/x", b"")])))
    assert "no member" in refused(unzip(zipped([])))
    # pattern characters of the outer name stand for themselves
    assert taken(unzip(zipped([("a*[b].json", CONTENT)]), name="a*[b].zip"))
    assert "another name" in refused(unzip(zipped([("axb.json", CONTENT)]), name="a*[b].zip"))
    for name in ("../in.json", "/in.json", "in.json/", "..", "dir/in.json", "n" * 251 + ".json"):
        assert refused(unzip(zipped([(name, CONTENT)])))
    # a name is only compared: this one is what the profile asks for
    assert taken(unzip(zipped([("../../etc/passwd", CONTENT)]), member='"*passwd"'))


def test_zip_cut_anywhere():
    whole = zipped([("__MACOSX/x", b"y" * 50), ("in.json", CONTENT)])
    for n in {*range(0, len(whole), 9), 0, 1, 3, 4, 29, 30, *range(len(whole) - 130, len(whole))}:
        assert refused(unzip(whole[:n]))
    assert "more bytes" in refused(unzip(whole + b"\0"))
    assert "not a zip" in refused(unzip(b"x" + whole))
    assert refused(unzip(b"")) and refused(unzip(CONTENT))


# what no reader looks at: times, versions, attributes, the writer's system
def harmless(whole):
    directory = whole.index(b"PK\1\2")
    return {*range(4, 6), *range(10, 14), *range(directory + 4, directory + 8), *range(directory + 12, directory + 16),
            *range(directory + 34, directory + 42)}


def test_zip_damaged_anywhere():
    """Every byte changed: refused, or a byte that means nothing to the content."""
    whole = zipped([("in.json", CONTENT[:400])])
    odd = []
    for at in range(len(whole)):
        damaged = bytearray(whole)
        damaged[at] ^= 0xFF
        result = unzip(bytes(damaged))
        assert result.status == 0, (at, result.stderr)
        if not result.end["refused"] and at not in harmless(whole):
            odd.append(at)
    # flags of the two headers: bits that we do not know say nothing about the content
    directory = whole.index(b"PK\1\2")
    assert set(odd) <= {6, 7, directory + 8, directory + 9}, odd


def test_zip_whose_directory_tells_another_story():
    whole = zipped([("in.json", CONTENT)])
    directory = whole.index(b"PK\1\2")
    assert "differs" in refused(unzip(whole[:directory] + whole[directory:].replace(b"in.json", b"no.json")))
    two = zipped([("in.json", CONTENT), ("__MACOSX/x", b"1")])
    hidden = two[:two.index(b"PK\1\2")] + whole[directory:]
    assert refused(unzip(hidden))


def test_zip_encrypted():
    whole = bytearray(zipped([("in.json", CONTENT)]))
    whole[6] |= 1
    assert "encrypted" in refused(unzip(bytes(whole)))


def test_zip_packed_in_other_ways():
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        assert "deflate" in refused(unzip(zipped([("in.json", CONTENT)], compress_type=method)))


@pytest.mark.sanitize
def test_bombs():
    """Ten million equal lines: stopped at the limit, in no time and with no memory to speak of."""
    line = b'{"r": "A1", "p": 5, "s": "Y"}\n'
    packer = zlib.compressobj(9, wbits=31)
    bomb = packer.compress(line * 300_000) + packer.flush()
    assert len(bomb) * 50 < len(line) * 300_000
    result = gz(bomb)
    assert "larger than" in refused(result) and result.seconds < 5
    result = unzip(zipped([("in.json", line * 300_000)]))
    assert "larger than" in refused(result) and result.seconds < 5
    # what is ignored counts too
    result = unzip(zipped([("__MACOSX/x", b"0" * 10_000_000), ("in.json", CONTENT)]))
    assert "larger than" in refused(result)
    # many members
    assert refused(unzip(zipped([(f"__MACOSX/{i}", b"") for i in range(1100)] + [("in.json", CONTENT)])))


@pytest.mark.sanitize
def test_nested():
    inner = gzip.compress(zipped([("in.json", CONTENT)]))
    assert taken(parse('{kind: [gzip, zip], member: "*.json"}', inner))
    inner = zipped([("in.json.gz", gzip.compress(CONTENT))])
    assert taken(parse('{kind: [zip, gzip], member: "*.gz"}', inner))
    assert refused(parse('{kind: [zip, gzip], member: "*.gz"}', zipped([("in.json.gz", CONTENT)])))


def test_limit_is_exact():
    """Content of just limits: file_bytes passes, one byte more is refused."""
    packer = zlib.compressobj(9, wbits=31)
    packed = packer.compress(CONTENT) + packer.flush()
    for limit, fits in ((len(CONTENT), True), (len(CONTENT) - 1, False)):
        profile = PROFILE.replace("{CONTAINER}", "{kind: gzip}").replace("{expansion: 50}", f"{{file_bytes: {limit}}}")
        result = parse_client.parse(profile.encode(), packed, "in.gz")
        assert taken(result) if fits else "larger than" in refused(result)


LINES = """
profile: plain
partner: PLAIN
programme: NS
encoding: utf-8
zone: UTC
{format}
records:
  item:
    role: entry
    fields:
      partner_reference: {at: {first}, type: id}
      status: {at: {second}, type: id}
verdict:
  field: status
  words: {Y: accepted, N: rejected}
match: [partner_reference]
check: none
reasons: {}
"""
FORMATS = {
    "delimited": LINES.replace("{format}", 'format: delimited\nframing: {newline: [lf, crlf]}\ndelimited: {delimiter: ","}')
    .replace("{first}", "1").replace("{second}", "2"),
    "fixed": LINES.replace("{format}", "format: fixed\nframing: {newline: lf}\nfixed: {length: 5}")
    .replace("{first}", "1-4").replace("{second}", "5-5"),
    "json_lines": PROFILE.replace("container: {CONTAINER}\n", "").replace("limits: {expansion: 50}\n", ""),
    "xml": PROFILE.replace("container: {CONTAINER}\n", "").replace("limits: {expansion: 50}\n", "").replace("json_lines", "xml")
    .replace("path: /", "path: /R/I"),
}


def workbook():
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as z:
        for name in ("[Content_Types].xml", "xl/workbook.xml", "xl/worksheets/sheet1.xml"):
            z.writestr(name, "<a/>")
    return made.getvalue()


@pytest.mark.parametrize("format", FORMATS)
def test_what_is_packed_under_a_plain_name_is_told_as_what_it_is(format):
    """By its first bytes, and with what to do; never as the first odd byte or newline in it."""
    empty = io.BytesIO()
    zipfile.ZipFile(empty, "w").close()
    for data, what, then in ((gzip.compress(CONTENT), "gzip", "container: {kind: gzip}"), (workbook(), "a zip", "saved as CSV"),
                             (empty.getvalue(), "nothing in it", "send it again"),
                             (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504), "workbook", "as CSV"),
                             (b"\xfd7zXZ\0\0\4", "xz", "unpacked"), (b"\x28\xb5\x2f\xfd\x04", "zstd", "unpacked"),
                             (b"7z\xbc\xaf\x27\x1c\0\4", "7-Zip", "unpacked")):
        result = parse_client.parse(FORMATS[format].encode(), data, "answers.csv")
        said = refused(result)
        assert what in said and then in said and result.records == [] and len(result.refusals) == 1, said


def test_what_only_looks_packed_is_read():
    """A prefix in binary, or packed digits, may be any bytes; and a text that begins alike is no container."""
    assert refused(gz(gzip.compress(gzip.compress(CONTENT)))).startswith("the file is packed by gzip")
    for data in (b"PK,Y\n", b"7z,Y\n", b"PK\xc2\x83,Y\n"):
        result = parse_client.parse(FORMATS["delimited"].encode(), data, "answers.csv")
        assert "container" not in result.rules, (data, result.refusals)
    prefixed = FORMATS["fixed"].replace("{newline: lf}", "{prefix: u16be}").replace("fixed: {length: 5}", "fixed: {length: 8075}")
    result = parse_client.parse(prefixed.encode(), b"\x1f\x8b" + b"\x08" * 8075, "answers.csv")
    assert "container" not in result.rules, result.refusals


SEVERAL = """
profile: several
partner: PACKED
programme: NS
format: delimited
delimited: {delimiter: ","}
file_name: "in{sequence:2}.zip"
container: {kind: zip, files: "*.csv", ignore: "*.txt"}
FORMS
records:
  head: {role: header, when: {1: H}, fields: {business_date: {at: 2, format: YYYYMMDD}}}
  item: {role: entry, when: {1: D}, fields: {partner_reference: {at: 2, type: id}, points: {at: 3}, status: {at: 4, type: id}, number: {at: 5, type: integer, runs: {from: 1}}}}
  tail: {role: trailer, when: {1: T}, fields: {count: {at: 2, type: integer}, total: {at: 3, type: integer}}}
verdict: {field: status, words: {Y: accepted, N: rejected}}
controls: {items: count(item) = tail.count, sums: sum(item.points) = tail.total}
match: [partner_reference]
check: none
"""


def csv(name, points, day=20260901, total=None, encoding="utf-8"):
    """One data file: its items are numbered from 1, and its trailer says how many and how much."""
    rows = [f"H,{day}"] + [f"D,{name}{i},{p},Y,{i + 1}" for i, p in enumerate(points)]
    return "".join(row + "\n" for row in rows + [f"T,{len(points)},{sum(points) if total is None else total}"]).encode(encoding)


def several(members, forms="", profile=None):
    return parse_client.parse((profile or SEVERAL).replace("FORMS", forms).encode(), zipped(members), "in17.zip")


def told(members):
    result = several(members)
    assert result.refused, result.records
    return result.refusals[0]["message"]


@pytest.mark.sanitize
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_several_data_files(encoding):
    a, b, c = csv("A", [5, 7], encoding=encoding), csv("B", [11], encoding=encoding), csv("C", [1] * 40, encoding=encoding)
    members = [("read me.txt", b"odd"), ("a.csv", a), ("b.csv", b), ("z.txt", b""), ("c.csv", c)]
    result = several(members, "" if encoding == "utf-8" else "encoding: utf-16")
    assert result.refusals == [] and result.end["whole"]
    assert [r["partner_reference"] for r in result.records] == ["A0", "A1", "B0"] + [f"C{i}" for i in range(40)]
    assert [(c["name"], c["where"], c["counted"]) for c in result.of("control")] == [
        ("items", "file 1", "2"), ("sums", "file 1", "12"), ("items", "file 2", "1"), ("sums", "file 2", "11"),
        ("items", "file 3", "40"), ("sums", "file 3", "40")]
    content = csv("A", [5, 7]) + csv("B", [11]) + csv("C", [1] * 40)
    assert result.end["bytes"] == len(content)
    for r in result.records:  # one place in all that was read, and each behind the one before
        assert content[r["offset"]:r["offset"] + r["length"]].split(b",")[1].decode() == r["partner_reference"]
    assert result.facts["sequence"] == 17


@pytest.mark.parametrize("members, why", [
    ([("a.csv", csv("A", [5])), ("b.csv", csv("B", [5], total=6))], ("control sums of file 2", "(in b.csv)")),
    ([("a.csv", csv("A", [5], total=6)), ("b.csv", csv("B", [6], total=5))], ("control sums of file 1", "(in a.csv)")),
    ([("a.csv", csv("A", [5])), ("b.csv", b"".join(csv("B", [5]).splitlines(True)[:-1]))], ("tail record of this file is missing", "(in b.csv)")),
    ([("a.csv", b"".join(csv("A", [5]).splitlines(True)[:-1])), ("b.csv", csv("B", [5]))], ("tail record of this file is missing", "(in a.csv)")),
    ([("a.csv", csv("A", [5])), ("b.csv", b"D,B1,5,Y,2\nT,1,5\n")], ("stands before the header", "(in b.csv)")),
    ([("a.csv", csv("A", [5])), ("b.csv", b"")], ("the file is empty: 0 bytes", "(in b.csv)")),
    ([("a.csv", csv("A", [5])), ("b.csv", csv("B", [5], day=20260902))], ("head.business_date is not what the file", "(in b.csv)")),
    ([("a.csv", csv("A", [5])), ("b.csv", b"PK\3\4" + csv("B", [5]))], ("the file is a zip",)),
    ([("a.csv", csv("A", [5])), ("b\x1b.xml", csv("B", [5]))], ("another name than the profile says: b\\x1b.xml",)),
    ([("a.csv", csv("A", [5])), ("x.txt", b""), ("a.csv", csv("A", [5]))], ("two members of one name: a.csv",)),
    ([("read me.txt", b"nothing else")], ("no member that counts",)),
    ([("d/", b""), ("d/a.csv", csv("A", [5]))], ("another name than the profile says: d/",)),
])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_several_data_files_of_which_one_is_wrong(members, why):
    message = told(members)
    assert all(part in message for part in why), message


def test_several_data_files_of_nested_formats():
    rows = [(f"A{i}", i + 1) for i in range(6)]
    halves = (rows[:2], rows[2:])
    items = [[b'{"k": "%s", "p": %d, "s": "N"}' % (k.encode(), p) for k, p in half] for half in halves]
    forms = {
        "json": ("/r[]", [b'{"r": [%s]}' % b", ".join(half) for half in items]),
        "json_lines": ("/", [b"\n".join(half) + b"\n" for half in items]),
        "xml": ("/d/r", [b"<d>%s</d>" % b"".join(b"<r><k>%s</k><p>%d</p><s>N</s></r>" % (k.encode(), p) for k, p in half) for half in halves]),
    }
    for form, (path, parts) in forms.items():
        profile = f"""
profile: several
partner: PACKED
programme: NS
format: {form}
container: {{kind: zip, files: "*"}}
records: {{item: {{role: entry, path: "{path}", fields: {{partner_reference: {{at: k, type: id}}, points: {{at: p}}, status: {{at: s, type: id}}}}}}}}
verdict: {{field: status, words: {{Y: accepted, N: rejected}}}}
match: [partner_reference]
check: none
"""
        result = several([(str(i), part) for i, part in enumerate(parts)], profile=profile)
        assert result.status == 0 and result.refusals == [], (form, result)
        assert [(r["partner_reference"], r["points"], r["verdict"]) for r in result.records] == [(k, p, "rejected") for k, p in rows]
        content = b"".join(parts)
        assert result.end["bytes"] == len(content)
        for r, (k, _) in zip(result.records, rows):
            assert k.encode() in content[r["offset"]:r["offset"] + r["length"]], (form, r)
        cut = several([("0", parts[0]), ("1", parts[1][:-3])], profile=profile)
        assert cut.refused, form


def test_several_data_files_cut_or_damaged_anywhere():
    """Whatever byte is lost or turned: refused, or read as it was."""
    whole = zipped([("a.csv", csv("A", [5])), ("b.csv", csv("B", [7, 8]))])
    good = [r["partner_reference"] for r in several([("a.csv", csv("A", [5])), ("b.csv", csv("B", [7, 8]))]).records]
    text = SEVERAL.replace("FORMS", "").encode()
    for at in range(0, len(whole), 5):
        for data in (whole[:at], whole[:at] + bytes([whole[at] ^ 0x5A]) + whole[at + 1:]):
            result = parse_client.parse(text, data, "in17.zip")
            assert result.refused or [r["partner_reference"] for r in result.records] == good, at

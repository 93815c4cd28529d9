"""No key without an effect: each, taken away from a profile that has it, changes what the profile means; where it would
do nothing it does not compile."""
import functools
import pathlib
import subprocess

import pytest
import yaml

import profile_language as language

ROOT = language.ROOT
UNIT = language.UNIT
KEYS = [(where, key) for where, key, _ in language.keys()]
FORMATS = ["delimited", "fixed", "xml", "json", "json_lines"]


class Plain(yaml.SafeLoader):
    """Every scalar is its text."""


Plain.yaml_implicit_resolvers = {}


def dumped(tree):
    return yaml.dump(tree, Dumper=Quoting, sort_keys=False, allow_unicode=True, width=1000)


class Quoting(yaml.SafeDumper):
    pass


class Quoted(str):
    pass


Quoting.add_representer(Quoted, lambda d, v: d.represent_scalar("tag:yaml.org,2002:str", str(v), style='"'))
Quoting.add_representer(str, lambda d, v: d.represent_scalar("tag:yaml.org,2002:str", v, style=None))
Quoting.yaml_implicit_resolvers = {}
Plain.add_constructor("tag:yaml.org,2002:str",
                      lambda loader, node: Quoted(node.value) if node.style in ("'", '"') else node.value)


# what no example shows: the profile's other keys, and a file in which the key matters
MORE = [
    ("delimited", 'resubmission: continue\nfile_name: "f{sequence}"\n', b""),
    ("delimited", "records: {a: {role: entry, fields: {outbound_reference: {at: 1}, reason: {at: 2}, status: {at: 3}}}}\n"
     "unknown_reason: {rejected: retry, accepted: accept}\n", b""),
    ("delimited", 'delimited: {delimiter: ",", trim: yes}\n', b"A001 ,5,OK\n"),
    ("fixed", "variants: {x: {files: file, fixed: {length: 12}}}\n", b"A00100005OK\n"),
    ("xml", "records: {a: {role: entry, path: /r/a, fields: {outbound_reference: {at: '@r'}, status: {at: '@s'}}}}\n"
     "variants: {x: {files: file, xml: {namespace: u}}}\n", b'<r><a r="A" s="OK"/></r>'),
    ("delimited", "variants: {x: {files: file, verdict: {words: {NO: rejected}}}}\n", b"A001,5,NO\n"),
    ("delimited", "variants: {x: {files: file, controls: {n: '2 = count(answer)'}}}\n", b"A001,5,OK\n"),
    ("delimited", "openpgp: {encrypted: no, signature: yes}\n", b""), ("delimited", "openpgp: {encrypted: yes, signature: no}\n", b""),
    ("delimited", "openpgp: {weak: [sha1, ripemd160, short_keys]}\n", b""),
    ("fixed", "fixed: {count: characters}\nrecords: {a: {role: entry, fields: {reason_text: {at: 1}, outbound_reference: {at: 2-5}, status: {at: 6-7}}}}\n",
     "éA001OK\n".encode()),
    ("delimited", "records: {a: {role: entry, fields: {outbound_reference: {at: 1, length: 4}, points: {at: 2, bad_value: hold}, status: {at: 3}}}}\n",
     b"A001,x,OK\nA0001,5,OK\n"),
    ("fixed", "records:\n  h: {role: header, optional: yes, when: {1: H}}\n"
     "  a: {role: entry, length: 6, fields: {outbound_reference: {at: 1-4}, status: {at: 5-6}}}\n", b"A001OK \n"),
    ("fixed", "records:\n  h: {role: header, optional: yes, when: {1: H}}\n"
     "  a: {role: entry, fields: {outbound_reference: {at: 1-4}, status: {at: 5-6}}}\n", b"A001OK\n"),
    ("xml", "levels: [file, batch]\nrecords:\n  b: {role: level, level: batch, path: /r/b, group_record: yes, group_count: n, fields: {n: {at: '@n', type: integer},"
     " outbound_reference: {at: '@i'}, status: {at: '@s'}}}\n  a: {role: entry, path: /r/b/a, fields: {outbound_reference: {at: '@r'}, status: {at: '@s'}}}\n",
     b'<r><b i="B" n="1" s="KO"><a r="A" s="KO"/></b></r>'),
    ("delimited", "records:\n  x: {role: filler, when: {1: {not: [A001, X001]}}}\n  y: {role: filler, when: {1: {is: blank}}}\n"
     "  a: {role: entry, fields: {outbound_reference: {at: 1}, points: {at: 2}, status: {at: 3}}}\n", b"X002,5,OK\nA001,5,OK\n"),
    ("fixed", "levels: [file, s]\nrecords:\n  s: {role: header, level: s, fields: {m: {at: 1}}, repeat: [{record: i, at: 2-5, times: 1}]}\n"
     "  i: {role: entry, level: s, fields: {outbound_reference: {at: 1-4}}}\nverdict: [{is: accepted}]\n", b"MA001A002\n"),
    ("delimited", "levels: [file, s]\nrecords:\n  s: {role: header, level: s, columns: [m, {repeat: i, times: 1}, '-'], fields: {m: {}}}\n"
     "  i: {role: entry, level: s, columns: [outbound_reference], fields: {outbound_reference: {}}}\nverdict: [{is: accepted}]\n", b"M,A001,A002\n"),
    ("delimited", "guard: {points: 5}\nanswer: {rejects: {columns: [record], header: no, spreadsheet: yes}}\n"
     "expected: {daily: {due: '06:30', zone: Europe/Rome, days: mon, count: 2}}\n", b""),
    ("delimited", "records: {a: {role: entry, fields: {outbound_reference: {at: 1, must_be: A1}, points: {at: 2, max: 4}, status: {at: 3}}}}\n",
     b"A001,5,OK\n"),
    ("delimited", "zone: Europe/Berlin\nrecords: {a: {role: entry, fields: {outbound_reference: {at: 1}, date: {at: 2, format: YYYYMMDDHHMI, gap: accept}, "
     "status: {at: 3}}}}\n", b"A001,202603290230,OK\n"),
    ("fixed", "records: {a: {role: entry, fields: {outbound_reference: {at: 1-4}, status: {at: 5-6}, reason: {at: 7, type: flags, flags: {on: X, codes: {1: C}}}}}}\n",
     b"A001KOX\n"),
]


def world():
    """(tree, file's name, its bytes) of everything that is shipped or documented."""
    text = language.document()
    for form, fragment, data in MORE:
        whole = "".join({**language.short_profile(text, form), **language.top_level(fragment)}.values())
        yield yaml.load(whole, Plain), "file", data
    for match in language.examples():
        form, fragment, name, data, _ = match.groups()
        whole = "".join({**language.short_profile(text, form), **language.top_level(fragment)}.values())
        yield yaml.load(whole, Plain), name or "file", language.unescape(data) if data is not None else b""
    for path in sorted((ROOT / "fixtures/profiles").glob("*.yaml")):
        files = sorted(p for p in (ROOT / "fixtures/layouts" / path.stem).glob("*") if p.suffix != ".expected")
        for file in files or [path]:
            yield yaml.load(path.read_text(), Plain), file.name, file.read_bytes() if files else b""
    for path in sorted((ROOT / "tests/profile/unseen").glob("*/profile.yaml")):
        file, = (p for p in path.parent.iterdir() if p.suffix not in (".yaml", ".expected"))
        yield yaml.load(path.read_text(), Plain), file.name, file.read_bytes()


def places(tree, where):
    """The maps of a tree that stand at a place of the language, as in records.*.fields.*"""
    here = [tree]
    for step in where.split(".") if where else []:
        inner = []
        for one in here:
            if step == "*":
                inner += one if isinstance(one, list) else one.values() if isinstance(one, dict) else []
            elif isinstance(one, dict) and step in one:
                inner.append(one[step])
        here = inner
    # a list of columns may have lists within
    return [one for one in here if isinstance(one, dict)]


@functools.lru_cache(maxsize=None)
def meaning(text, name, data, scratch):
    """What comes of the file, and what is judged by."""
    at = pathlib.Path(scratch)
    (at / "p.yaml").write_text(text)
    (at / "file").write_bytes(data)
    done = subprocess.run([UNIT / "profile_keys", at / "p.yaml", at / "file", name], capture_output=True, timeout=60)
    return done.returncode or done.stdout


@pytest.mark.parametrize("where, key", KEYS, ids=lambda v: v or "profile")
def test_a_key_changes_something(where, key, tmp_path_factory):
    scratch = str(tmp_path_factory.getbasetemp())
    seen = 0
    for tree, name, data in everything():
        for at in places(tree, where):
            if key not in at:
                continue
            seen += 1
            before = meaning(dumped(tree), name, data, scratch)
            items = list(at.items())
            del at[key]
            after = meaning(dumped(tree), name, data, scratch)
            at.clear()
            at.update(items)
            assert isinstance(before, bytes), dumped(tree)
            if after != before:
                return
    assert seen, "no example and no shipped profile has it"
    raise AssertionError(f"{where} {key}: of {seen} profiles that have it none means anything else without it")


@functools.lru_cache(maxsize=None)
def everything():
    return list(world())


SHORT = {
    "delimited": 'format: delimited\nframing: {newline: lf}\ndelimited: {delimiter: ","}\n', "fixed": "format: fixed\nframing: {newline: lf}\n",
    "xml": "format: xml\n", "json": "format: json\n", "json_lines": "format: json_lines\n"}
AT = {"delimited": ("", "1", "2"), "fixed": ("", "1-4", "5-9"), "xml": ("path: /a/b, ", '"@r"', '"@n"'),
      "json": ('path: "/a[]", ', "r", "n"), "json_lines": ("path: /, ", "r", "n")}
TYPES = ["text", "id", "uuid", "integer", "amount", "digits", "date", "flags", "blank"]
ROLES = ["header", "entry", "addendum", "continuation", "trailer", "note", "name", "filler"]
VALUE = {"delimited": "{delimiter: ','}", "fixed": "{length: 9}", "xml": "{namespace: u}", "newline": "lf", "terminator": "'~'",
         "prefix": "u16be", "last_newline": "optional", "bom": "refuse", "padding": "x", "multiple": "5", "record_length": "9", "skip": "1",
         "comment": "'#'", "blank_lines": "skip", "when": "{1: A}", "path": "/a", "columns": "3", "repeat": "[]", "length": "9",
         "format": "YYYY", "flags": "{codes: {1: A}}", "runs": "{from: 1}", "sign": "before", "point": "'.'", "thousands": "','",
         "decimals": "2", "separator": "';'", "unit": "major", "zero": "absent", "months": "[]", "instead_of": "answer", "level": "file",
         "occurs": "1", "ignore_when": "{status: X}", "verdict": "accepted", "group_count": "n", "from": "2", "fields": "{}",
         "group_record": "empty", "depth": "3", "attributes": "3", "attribute_bytes": "1KiB", "hour_24": "same_day", "second_60": "accept",
         "gap": "accept", "cut_off": "'10:00'", "min": "1", "max": "9", "minor": "1", "implied": "1", "grouping": "indian",
         "minus_mark": "'~'", "pivot": "50"}


BESIDE = {"delimited": "delimiter: ',', "}


def lint(text, path):
    path.write_text(text)
    return subprocess.run([UNIT / "profile_keys", path], capture_output=True, text=True, timeout=60).stdout


def masks():
    rows = subprocess.run([UNIT / "profile_keys", "--where"], capture_output=True, check=True, text=True).stdout
    for row in rows.splitlines():
        where, key, formats, kinds, with_ = row.split("\t")
        yield where, key, int(formats), int(kinds), with_


def profile(form, where, key, role="entry", kind=None):
    """A short profile that has the key where it stands."""
    value = VALUE.get(key, "yes")
    prefix, reference, number = AT[form]
    field = f", type: {kind}" if kind else ""
    of_field = f", {key}: {value}" if where == "records.*.fields.*" else ""
    of_record = f", {key}: {value}" if where == "records.*" else ""
    head = SHORT[form]
    if where in ("", "framing", "delimited", "limits"):
        head = "".join(f"{k}: {v}\n" for k, v in {**dict(line.split(": ", 1) for line in head.splitlines()),
                                                   where or key: f"{{{BESIDE.get(where, '')}{key}: {value}}}" if where else value}.items())
    extra = ""
    if role != "entry":
        extra = f"  other: {{{prefix}role: {'level' if role == 'header' and form not in FORMATS[:2] else role}{of_record}}}\n"
        of_record = ""
    return (f"profile: p\npartner: P\nprogramme: N\n{head}records:\n"
            f"  answer: {{{prefix}role: entry, fields: {{outbound_reference: {{at: {reference}}}, n: {{at: {number}{field}{of_field}}}}}{of_record}}}\n"
            f"{extra}verdict: [{{is: accepted}}]\nmatch: [outbound_reference]\n")


@pytest.mark.parametrize("where, key, formats, kinds, with_", [m for m in masks() if m[2] or m[3] or m[4]], ids=lambda v: str(v))
def test_a_key_that_would_do_nothing_does_not_compile(where, key, formats, kinds, with_, tmp_path):
    path = tmp_path / "p.yaml"
    for bit, form in enumerate(FORMATS):
        if formats and not formats & 1 << bit:
            assert f"{key} is for " in lint(profile(form, where, key), path), form
    form = next(f for bit, f in enumerate(FORMATS) if not formats or formats & 1 << bit)
    for bit, kind in enumerate({"records.*": ROLES, "records.*.fields.*": TYPES}.get(where, [])):
        if kinds and not kinds & 1 << bit and kind != "name":
            text = profile(form, where, key, kind) if where == "records.*" else profile(form, where, key, kind=kind)
            assert f"{key} does nothing in a" in lint(text, path), text
    if where == "framing" and kinds:
        text = profile(form, where, key).replace(f"{{{key}:", f"{{record_length: 9, {key}:")
        assert "does nothing where records have a length" in lint(text, path), text
    if with_:
        assert f"{key} does nothing without {with_}" in lint(profile(form, where, key), path)


PREFIX = "profile: p\npartner: P\nprogramme: N\n" + SHORT["delimited"]


@pytest.mark.parametrize("line, why", [
    ("gap: continue", "no file_name has a field sequence"), ("resubmission: continue", "no file_name has a field sequence"),
    ("sequence: {jump: 5}", "no file_name has a field sequence"), ("sequence: {days_ahead: 5}", "no file_name has a field business_date"),
    ("file_name: 'A{sequence}'\ngap: continue", "does nothing without order_by: sequence"),
    ("reasons: {R1: {means: closed}}", "no record has a field reason"), ("unknown_reason: accept", "no record has a field reason"),
    ("holidays: swiss", "does nothing without answer_within or expected"), ("limits: {expansion: 5}", "does nothing without container"),
    ("container: {kind: gzip, member: x}", "does nothing without kind: zip"), ("container: {kind: gzip, files: x}", "does nothing without kind: zip"),
    ("container: {kind: [zip, gzip], files: x}", "as the innermost container"), ("container: {kind: zip, files: x, member: x}", "does not go with files"),
    ("match_days: 5", "does nothing"),
    ("unknown_reference: weaker_key", "does nothing"), ("guard: {of: file}", "does nothing without share"),
    ("records: {answer: {role: entry, when: {length: 8}, fields: {outbound_reference: {at: 1}}}}", "length alone"),
    ("records: {answer: {role: entry, fields: {outbound_reference: {at: 1}, date: {at: 2, format: YYYY-MM-DD, pivot: 20}}}}", "without YY"),
    ("records: {answer: {role: entry, fields: {outbound_reference: {at: 1}, date: {at: 2, format: YYMMDD, cut_off: '10:00'}}}}", "without a time"),
])
def test_a_rule_without_what_it_is_about_is_told(line, why, tmp_path):
    rest = "verdict: [{is: accepted}]\nmatch: [outbound_reference]\n"
    if not line.startswith("records"):
        rest += "records: {answer: {role: entry, fields: {outbound_reference: {at: 1}}}}\n"
    said = lint(PREFIX + rest + line + "\n", tmp_path / "p.yaml")
    assert why in said, said

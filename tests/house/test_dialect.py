"""One dialect of C, as CONTRIBUTING has it: what a formatter does not hold."""
import re

from c_source import FOLDERS, files, name as name_of, text as text_of, code

# A condition by its own name is a truth value; a pointer is compared.
POINTER = re.compile(r"(?:\b(?:struct|enum|union|const|static|extern)\s+)*\b\w+\s+(?:const\s+)?\*+(?:const\s+)?(\w+)\s*(?=[,;=)\[])")
PLAIN = re.compile(r"\b(?:bool|int|unsigned|size_t|uint\d+_t|int\d+_t|char|enum \w+)\s+(\w+)\s*(?=[,;=)\[])")
BARE = re.compile(r"!\s*(\w+)\b(?!\s*[-.\[(])|\b(?:if|while) \((\w+)\)")


def sources(read=text_of):
    for path in files(*FOLDERS, "tests", "bench"):
        yield name_of(path), read(path)


def test_sizeof_has_parentheses():
    assert [(name, found) for name, text in sources(code) for found in re.findall(r"\bsizeof [^\n]{0,20}", text)] == []


def test_a_pointer_is_compared_with_null():
    found = []
    for name, text in sources(code):
        for function in re.split(r"^}", text, flags=re.M):
            pointers = set(POINTER.findall(function)) - set(PLAIN.findall(function))
            found += [f"{name}: {m[0]}" for m in BARE.finditer(function) if (m[1] or m[2]) in pointers]
    assert found == []


def test_own_header_then_system_then_ours():
    wrong = []
    for name, text in sources():
        included = re.findall(r'^#include (<[^>]+>|"[^"]+")', text, re.M)
        if not included or re.search(r"^#if(?!ndef HANDBACK)", text, re.M):  # conditions have an order of their own
            continue
        own = f'"{name[:-2]}.h"'
        first = (own, '"tests/unit/check.h"')
        rank = [0 if i in first or (n == 0 and i.endswith('_internal.h"')) else 1 if i[0] == "<" else 2 for n, i in enumerate(included)]
        if rank != sorted(rank):
            wrong.append((name, included))
    assert wrong == []


def test_a_private_header_stays_in_its_room():
    wrong = []
    for name, text in sources():
        for header in re.findall(r'^#include "([^"]+_internal\.h)"', text, re.M):
            room = header.rsplit("/", 1)[0]
            if name.rsplit("/", 1)[0] != room and not name.startswith("tests/"):
                wrong.append((name, header))
    assert wrong == []


def test_a_header_is_guarded_by_its_path():
    wrong = []
    for name, text in sources():
        if name.endswith(".h"):
            guard = re.search(r"^#ifndef (HANDBACK_\w+_H)\n#define \1$", text, re.M)
            last = re.sub(r"\W", "_", name.rsplit("/", 1)[-1]).upper()
            if not guard or not guard[1].endswith("_" + last):
                wrong.append(name)
    assert wrong == []


def test_no_name_of_ours_is_a_foreign_librarys():
    """libssh, libpq, libevent and zlib begin their public names so."""
    ours = {}
    for name, text in sources():
        if name.endswith(".h"):
            for function in re.findall(r"^(?!typedef)[a-z][\w *]*?\b\**(\w+)\(", text, re.M):
                ours[function] = name
    foreign = re.compile(r"(ssh_|PQ|event_|bufferevent_|evbuffer_|evhttp_|gz|inflate(?![_r])|XML|xml[A-Z]|json_object_|lxw_|workbook_|worksheet_|chartsheet_|format_set_|sftp_(new|free|close|open|read|write|rename|unlink|init)$)")
    assert sorted((f, where) for f, where in ours.items() if foreign.match(f)) == []

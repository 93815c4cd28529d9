"""Who may include whom, link what and say what: the rules of docs/architecture.md, held."""
import os
import pathlib
import re
import subprocess

import pytest

import c_source
from c_source import ROOT, name

BUILD = pathlib.Path(os.environ.get("HANDBACK_BUILD", ROOT / "build"))

# room -> the rooms that it may include beside itself; a room is the longest of these names that a path begins with
BASE = {"lib/base"}
DATABASE = BASE | {"lib/hash", "lib/db"}
LIB = DATABASE | {"lib/yaml", "lib/json", "lib/protocol", "lib/config", "lib/embedded", "lib/profile", "lib/profile/variant", "lib/spool", "lib/proof", "lib/proof/verify"}
MAY_INCLUDE = {
    "lib/base": set(),
    "lib/yaml": BASE,
    "lib/hash": BASE,
    "lib/json": BASE,
    "lib/protocol": BASE | {"lib/json"},
    "lib/config": BASE | {"lib/yaml", "lib/protocol"},
    "lib/embedded": BASE,
    "lib/profile": BASE | {"lib/yaml", "lib/protocol", "lib/profile/variant"},
    "lib/profile/variant": BASE | {"lib/yaml"},
    "lib/connector": BASE | {"lib/yaml", "lib/json"},
    "schema": set(),
    "lib/db": BASE | {"lib/hash", "lib/config", "lib/embedded", "schema"},
    "lib/spool": DATABASE,
    "lib/proof": DATABASE | {"lib/spool"},
    "lib/proof/verify": DATABASE | {"lib/spool", "lib/proof"},
    "lib/finance/output": BASE | {"lib/hash", "lib/json"},
    "lib/finance/sheet": BASE | {"lib/finance/output"},
    "lib/finance/view": DATABASE | {"lib/finance/output"},
    "lib/sandbox": BASE | {"lib/protocol"},
    "lib/http": BASE | {"lib/protocol"},
    "parsers": BASE | {"lib/yaml", "lib/protocol", "lib/profile", "lib/profile/variant", "lib/sandbox"},
    "reconcile": LIB - {"lib/proof/verify"} | {"lib/sandbox"},
    "collect": DATABASE | {"lib/yaml", "lib/protocol", "lib/config", "lib/spool"},
    "daemon": BASE | {"lib/yaml", "lib/json", "lib/protocol", "lib/config", "lib/embedded"},
    "fetch": BASE | {"lib/hash", "lib/protocol", "lib/sandbox"},
    "nightly": LIB | {"lib/finance/output", "lib/finance/sheet", "lib/finance/view", "reconcile"},
    "api": DATABASE | {"lib/yaml", "lib/json", "lib/protocol", "lib/config"},
    "receive": BASE | {"lib/hash", "lib/yaml", "lib/protocol", "lib/config", "lib/sandbox"},
    "gate": BASE | {"lib/json", "lib/http", "lib/protocol", "lib/sandbox", "parsers"},
    "web": BASE | {"lib/hash", "lib/http", "lib/protocol", "lib/sandbox", "lib/finance/output"},
    "login": DATABASE | {"lib/config", "lib/http", "lib/sandbox"},
    "try": (LIB - {"lib/proof/verify"}) | {"lib/finance/output", "lib/finance/view", "reconcile"},
    "web/desk": DATABASE | {"lib/yaml", "lib/protocol", "lib/config", "lib/sandbox", "lib/spool", "lib/proof", "lib/proof/verify", "lib/finance/output", "lib/finance/view"},
    "outbound/send": BASE | {"lib/hash", "lib/yaml", "lib/json", "lib/protocol", "lib/connector", "lib/sandbox"},
    "outbound/compose": BASE | {"lib/yaml", "lib/protocol", "lib/profile"},
    "outbound": DATABASE | {"lib/yaml", "lib/json", "lib/protocol", "lib/config", "lib/connector", "lib/profile", "outbound/compose"},
    "ctl": LIB | {"lib/connector", "lib/finance/output", "lib/finance/sheet", "lib/finance/view", "reconcile", "try"},
}

# foreign header (a prefix where it ends with /) -> the only files that may include it
ONE_INCLUDER = {
    "libpq-fe.h": {"lib/db/pg_libpq.h"},
    "csv.h": {"parsers/lines/delimited.c"},
    "libxml/": {"parsers/nested/xml.c", "parsers/nested/xml_quiet.c", "gate/outbound_message.c"},
    "yaml.h": {"lib/yaml/yaml.c"},
    "jansson.h": {"lib/json/json.c"},
    "openssl/": {"lib/hash/"},
    "seccomp.h": {"lib/sandbox/"},
    "zlib.h": {"parsers/container/inflate.c"},
    "gpgme.h": {"parsers/decrypt/openpgp.c", "parsers/decrypt/keyring.h"},
    "systemd/": {"lib/base/log.c", "daemon/notify.c"},
    "event2/": {"daemon/", "gate/", "lib/http/", "login/", "web/", "outbound/send/"},
    "libssh/": {"fetch/"},
    "curl/": {"outbound/send/http.c"},
    "xlsxwriter.h": {"lib/finance/sheet/sheet.c"},
}

# binary -> libraries that it needs, libraries that it must not have
LINKS = {
    "parsers/handback-parse": ({"libcsv", "libseccomp"}, {"libxml2", "libpq", "libcrypto", "libjansson", "libsystemd", "libssh"}),
    "parsers/handback-parse-xml": ({"libcsv", "libxml2", "libseccomp"}, {"libpq", "libcrypto", "libjansson", "libsystemd", "libssh"}),
    "fetch/handback-fetch": ({"libssh", "libseccomp"}, {"libpq", "libcsv", "libxml2", "libevent_core", "libgpgme", "libsystemd"}),
    "parsers/decrypt/handback-decrypt": ({"libgpgme", "libseccomp"}, {"libpq", "libcsv", "libxml2", "libcrypto", "libjansson", "libsystemd", "libssh"}),
    "reconcile/handback-reconcile": ({"libpq", "libcrypto"}, {"libcsv", "libxml2", "libevent_core", "libssh"}),
    "collect/handback-collect": ({"libpq"}, {"libcsv", "libxml2", "libevent_core", "libssh", "libseccomp", "libgpgme"}),
    "nightly/handback-nightly": ({"libpq", "libjansson", "libxlsxwriter"}, {"libcsv", "libxml2", "libevent_core", "libssh", "libgpgme", "libseccomp"}),
    "nightly/handback-verify": ({"libpq", "libcrypto"}, {"libcsv", "libxml2", "libevent_core", "libssh", "libgpgme", "libseccomp"}),
    "daemon/handbackd": ({"libevent_core", "libjansson", "libsystemd"}, {"libpq", "libcsv", "libxml2", "libssh"}),
    "api/handback-api": ({"libpq", "libcrypto", "libjansson"}, {"libcsv", "libxml2", "libevent_core", "libssh", "libgpgme"}),
    "receive/handback-receive": ({"libcrypto", "libseccomp"}, {"libpq", "libcsv", "libxml2", "libevent_core", "libssh", "libgpgme"}),
    "gate/handback-gate": ({"libevent_core", "libjansson", "libxml2"}, {"libpq", "libcrypto", "libcsv", "libssh", "libgpgme"}),
    "web/handback-web": ({"libevent_core", "libcrypto"}, {"libpq", "libcsv", "libxml2", "libjansson", "libssh", "libgpgme"}),
    "web/desk/handback-desk": ({"libpq", "libcrypto", "libseccomp"}, {"libevent_core", "libcsv", "libxml2", "libssh", "libgpgme"}),
    "login/handback-login": ({"libevent_core", "libpq", "libcrypto", "libseccomp"}, {"libcsv", "libxml2", "libssh", "libgpgme"}),
    "try/handback-try": ({"libpq", "libcrypto"}, {"libcsv", "libxml2", "libevent_core", "libssh", "libgpgme"}),
    "outbound/send/handback-send": ({"libcurl", "libevent_core", "libcrypto", "libjansson", "libseccomp"}, {"libpq", "libcsv", "libxml2", "libssh", "libgpgme"}),
    "outbound/handback-outbox": ({"libpq", "libjansson"}, {"libcurl", "libcsv", "libxml2", "libevent_core", "libssh", "libgpgme", "libseccomp"}),
    "ctl/handbackctl": ({"libpq", "libjansson", "libxlsxwriter"}, {"libcsv", "libxml2", "libevent_core", "libssh"}),
}

SQL_START = re.compile(
    r"^\s*(SELECT|INSERT\s+INTO|UPDATE\s+\w|DELETE\s+FROM|COPY\s+\w|WITH\s+\w|CREATE\s+\w|ALTER\s+\w|DROP\s+\w|TRUNCATE|"
    r"BEGIN\b|COMMIT\b|ROLLBACK\b|SET\s+\w|SHOW\s+\w|LISTEN\b|NOTIFY\b|CALL\s+\w|MERGE\s+INTO)\b", re.I)
# sentences to people begin like statements now and then; statements shout or name our schemas
SQL_LOUD = re.compile(r"\b(SELECT|INSERT INTO|DELETE FROM|UPDATE|COPY|CREATE|ALTER|BEGIN|COMMIT|ROLLBACK)\b|"
                      r"\b(ledger|handback|audit)\.\w+\s*(\(|WHERE|SET|VALUES)")

FILE_LINES = 800
FUNCTION_LINES = 100
REASON = re.compile(r"\blong:|\blong because\b", re.I)


def room(path):
    """The room of a path, or None for a header that is not ours."""
    return max((r for r in MAY_INCLUDE if path.startswith(r + "/")), key=len, default=None)


def test_no_room_looks_where_it_may_not():
    wrong = []
    for path in c_source.files():
        here = room(name(path))
        wrong += [f"{name(path)} includes {include}" for include in c_source.includes(path)
                  if room(include) and room(include) != here and room(include) not in MAY_INCLUDE[here]]
    assert not wrong


def test_the_table_of_rooms_has_no_cycle():
    def walk(here, way):
        assert here not in way, " -> ".join([*way, here])
        for there in MAY_INCLUDE[here]:
            walk(there, [*way, here])

    for here in MAY_INCLUDE:
        walk(here, [])


def test_a_room_is_small():
    """At most 25 modules (a .c with its .h is one), or its meson.build says why."""
    rooms = {}
    for path in c_source.files():
        rooms.setdefault(path.parent, set()).add(path.stem)
    wrong = [f"{name(folder)}: {len(modules)} modules" for folder, modules in rooms.items()
             if len(modules) > 25 and not REASON.search((folder / "meson.build").read_text(encoding="utf-8"))]
    assert not wrong


def test_headers_of_ours_are_included_by_their_full_path():
    wrong = [f"{name(path)} includes {include}" for path in c_source.files()
             for include in re.findall(r'^#include "([^"/]+)"', c_source.text(path), re.M)]
    assert not wrong


def test_no_cycle_between_headers():
    graph = {name(p): [i for i in c_source.includes(p) if room(i)] for p in c_source.files(suffixes=(".h",))}
    done = set()

    def walk(header, way):
        assert header not in way, " -> ".join([*way, header])
        if header in done:
            return
        for include in graph.get(header, ()):
            walk(include, [*way, header])
        done.add(header)

    for header in graph:
        walk(header, [])


def test_each_foreign_library_has_one_wrapper():
    wrong = []
    for path in c_source.files():
        for include in c_source.includes(path):
            for foreign, homes in ONE_INCLUDER.items():
                hit = include.startswith(foreign) if foreign.endswith("/") else include == foreign
                if hit and not any(name(path) == h or h.endswith("/") and name(path).startswith(h) for h in homes):
                    wrong.append(f"{name(path)} includes {include}")
    assert not wrong


def test_the_wrappers_stand_where_the_architecture_says():
    document = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    for foreign, homes in ONE_INCLUDER.items():
        assert f"`{foreign}`" in document, f"docs/architecture.md names no home for {foreign}"
        assert all(f"`{home}`" in document for home in homes), f"{foreign}: {homes}"


def needed(binary):
    out = subprocess.run(["readelf", "-d", binary], check=True, capture_output=True, text=True).stdout
    return set(re.findall(r"NEEDED.*\[([\w+]+?)(?:-[\d.]+)?\.so", out))


@pytest.mark.parametrize("binary", LINKS)
def test_each_program_links_its_own_libraries_only(binary):
    path = BUILD / binary
    assert path.exists(), f"{path} was not built"
    have = needed(path)
    must, never = LINKS[binary]
    never = never | {"libxlsxwriter"} - must
    assert must <= have, f"{binary} lacks {must - have}"
    assert not never & have, f"{binary} links {never & have}"


def test_sql_stands_in_sql_files():
    wrong = [f"{name(path)}:{line}: {content[:60]}" for path in c_source.files()
             for line, content in c_source.strings(path)
             if SQL_START.search(content) and SQL_LOUD.search(content)
             # the wrapper's own verbs are words of the protocol
             and not (name(path) == "lib/db/pg.c" and re.match(r"(BEGIN|COMMIT|ROLLBACK)\b", content))]
    assert not wrong


def test_files_and_functions_are_small():
    wrong = []
    for path in c_source.files():
        count = c_source.text(path).count("\n")
        if count > FILE_LINES and not REASON.search(c_source.text(path)[:2000]):
            wrong.append(f"{name(path)}: {count} lines")
        wrong += [f"{name(path)}:{line}: {function} has {lines} lines"
                  for function, line, lines, before in c_source.functions(path)
                  if lines > FUNCTION_LINES and not REASON.search(before)]
    assert not wrong


def product_files():
    folders = ("lib", "collect", "fetch", "nightly", "parsers", "reconcile", "daemon", "ctl", "schema", "systemd", "tools", "docs", "fixtures", "tests")
    kinds = {".c", ".h", ".sql", ".py", ".sh", ".md", ".build", ".yaml", ".service", ".timer", ".svg"}
    for folder in folders:
        yield from (p for p in sorted((ROOT / folder).rglob("*")) if p.suffix in kinds and "__pycache__" not in p.parts)
    yield from (ROOT / n for n in ("dev", "meson.build", ".ci/run", "README.md", "CONTRIBUTING.md", "CHANGELOG.md"))


def test_nothing_is_left_to_do():
    mark = re.compile(r"\b(TODO|FIXME|HACK|TBD)\b|\bXXX(?=[:\s])")
    here = pathlib.Path(__file__)
    wrong = [f"{name(p)}:{n}: {line.strip()[:80]}" for p in product_files() if p.exists() and p != here
             for n, line in enumerate(p.read_text(encoding="utf-8").splitlines(), 1) if mark.search(line)]
    assert not wrong


def test_the_parsers_name_no_partner():
    partners = {p.stem for p in (ROOT / "fixtures/profiles").glob("*.yaml")}
    assert partners, "fixtures/profiles is empty"
    word = re.compile(r"\b(" + "|".join(sorted(map(re.escape, partners))) + r")\b", re.I)
    wrong = [f"{name(p)}:{n}: {line.strip()[:80]}" for p in c_source.files("lib", "parsers", "reconcile")
             for n, line in enumerate(c_source.text(p).splitlines(), 1) if word.search(line)]
    assert not wrong


def test_no_floating_point_near_money():
    # a number of a spreadsheet is one; what it does not keep exactly is written as a text (tests/api/test_workbooks.py)
    spreadsheet = ROOT / "lib/finance/sheet/sheet.c"
    wrong = [f"{name(p)}:{n}: {line.strip()[:80]}" for p in c_source.files("lib", "parsers", "reconcile", "collect", "nightly") if p != spreadsheet
             for n, line in enumerate(c_source.code(p).splitlines(), 1)
             if re.search(r"\b(float|double|long double|strtod|strtof)\b", line)]
    assert not wrong


def test_no_money_is_a_float_in_sql():
    paths = [*sorted((ROOT / "schema").rglob("*.sql")), *sorted((ROOT / "reconcile").rglob("*.sql")), *sorted((ROOT / "lib").rglob("*.sql"))]
    assert paths
    wrong = [f"{name(p)}:{n}: {line.strip()[:80]}" for p in paths
             for n, line in enumerate(p.read_text(encoding="utf-8").splitlines(), 1)
             if re.search(r"\b(real|float[48]?|double precision|money)\b", line.split("--")[0], re.I)]
    assert not wrong

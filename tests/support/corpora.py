"""Public collections of nasty files, where they lie beside the checkout, and what each may cost."""
import os
import pathlib
import re

import parse_client

CORPORA = pathlib.Path(os.environ.get("HANDBACK_CORPORA", parse_client.ROOT.parent / "shared/corpora"))
SECONDS = 1


def assert_little(profile, path):
    took = parse_client.measure(profile, path)
    assert took["max_rss"] < 64 << 10 and took["cpu"] < SECONDS, (path, took)


def files(*folders):
    return sorted(p for folder in folders for p in (CORPORA / folder).rglob("*") if p.is_file() and
                  p.name not in ("LICENSE", "Copyright"))


def shown(path):
    """A path's name in the test's id; without the collections there is one that is no path."""
    return path.relative_to(CORPORA).as_posix() if isinstance(path, pathlib.Path) else "none"


def utf8_cases():
    """(number, bytes, valid): lines `num:valid:text`, `num:valid hex:hex`, `num:invalid hex:hex:...`."""
    path = CORPORA / "utf8tests/utf8tests.txt"
    if not path.exists():
        return
    for line in path.read_text(encoding="ascii").splitlines():
        found = re.match(r"([\d.]+):\s*(valid|invalid)( hex)?:\s?(.*)$", line)
        if found and found[3]:
            yield found[1], bytes.fromhex(found[4].split(":")[0].strip()), found[2] == "valid"
        elif found:
            yield found[1], found[4].encode("ascii"), True

"""docs/profiles.md: its tables are the option table's, its examples are run.

    test_profile_language.py --update     write the tables and the outcomes again (then read the difference)
"""
import pathlib
import re
import subprocess
import sys
import tempfile

import pytest

from profile_language import DOCUMENT, EXAMPLE, ROOT, UNIT, document, examples, keys, short_profile, top_level, unescape

TABLE = re.compile(r"<!-- keys: ?(.*?) ?-->\n(.*?)<!-- end -->", re.S)


def table(places):
    wanted = [place.strip() for place in places.split(",")]
    yield from ("| key | takes |", "|---|---|") if len(wanted) == 1 else ("| in | key | takes |", "|---|---|---|")
    for place in wanted:
        for where, key, values in keys():
            if where == place:
                text = values.replace("|", "\\|").replace("*", "\\*")
                yield f"| `{key}` | {text} |" if len(wanted) == 1 else f"| `{where}` | `{key}` | {text} |"


def run(yaml, name, data):
    with tempfile.TemporaryDirectory() as directory:
        at = pathlib.Path(directory)
        (at / "profile.yaml").write_text(yaml)
        (at / "file").write_bytes(data)
        done = subprocess.run([UNIT / "parse_dump", at / "profile.yaml", at / "file", name or "file"],
                              capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode() + yaml
    return done.stdout.decode()


def outcome(text, match):
    form, fragment, name, data, _ = match.groups()
    yaml = "".join({**short_profile(text, form), **top_level(fragment)}.values())
    return run(yaml, name, unescape(data) if data is not None else b"")


def test_every_key_is_told():
    text = document()
    told = set()
    for places, said in TABLE.findall(text):
        assert said.splitlines() == list(table(places)), f"{places}: run tests/profile/test_profile_language.py --update"
        told.update(place.strip() for place in places.split(","))
    assert told == {where for where, _, _ in keys()}


@pytest.mark.parametrize("match", examples(), ids=lambda m: m.group(2).split("\n")[0][:40])
def test_example(match):
    got = outcome(document(), match)
    if match.group(4) is not None:
        assert got == match.group(5)


def test_every_feature_has_an_example():
    """Each key of a place stands in an example, or in a profile that is shipped."""
    texts = "".join(m.group(2) for m in examples())
    texts += "".join(p.read_text() for p in sorted((ROOT / "fixtures/profiles").glob("*.yaml")))
    missing = [(where, key) for where, key, _ in keys() if not re.search(rf"\b{key}(\\?\")?:", texts)]
    assert missing == []


def update():
    text = TABLE.sub(lambda m: f"<!-- keys: {m[1]} -->\n".replace("keys:  ", "keys: ") + "".join(f"{row}\n" for row in table(m[1]))
                     + "<!-- end -->", document())
    text = EXAMPLE.sub(lambda m: m[0] if m[4] is None
                       else m[0][:m.start(5) - m.start(0)] + outcome(text, m) + "```\n", text)
    DOCUMENT.write_text(text, encoding="utf-8")


if __name__ == "__main__" and sys.argv[1:] == ["--update"]:
    update()

"""Who calls whom, file by file: what calls in a circle is one module, whatever its files are called."""
import c_source
from c_source import ROOT, name

FILES = 3
# one module each in several files, as their meson.build says
ONE_MODULE = {"lib/db", "lib/profile", "parsers/assemble"}
# what is cut so that calls run one way: the caller first
ONE_WAY = [
    ("daemon/inbox/scan.c", "daemon/inbox/source.c", "daemon/inbox/file.c"),
]


def shown(knot):
    return " ".join(sorted(name(p) for p in knot))


def test_what_calls_in_a_circle_is_small():
    wrong = [shown(knot) for knot in c_source.knots(c_source.calls())
             if len(knot) > FILES and {name(p.parent) for p in knot} - ONE_MODULE]
    assert not wrong


def test_a_room_that_is_one_module_says_so():
    knots = c_source.knots(c_source.calls())
    for room in ONE_MODULE:
        assert any(len(k) > FILES and {name(p.parent) for p in k} == {room} for k in knots), f"{room} is no circle any more"
        assert "one module in several files" in (ROOT / room / "meson.build").read_text(encoding="utf-8")


def test_a_circle_is_found():
    """The finder itself: three that call in a circle, one beside them, one that only calls in."""
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set(), "e": {"a"}}
    assert c_source.knots(graph) == [{"a", "b", "c"}]


def test_calls_are_found():
    """As the compiler's own names have it, at one known place."""
    graph = {name(p): {name(q) for q in qs} for p, qs in c_source.calls().items()}
    assert "fetch/stop.c" in graph["fetch/main.c"]
    assert "fetch/main.c" not in graph["fetch/stop.c"]
    assert "lib/config/config.c" not in graph["lib/config/config_sftp.c"], "a struct's tag is no call"


def test_calls_run_one_way():
    graph = {name(p): {name(q) for q in qs} for p, qs in c_source.calls().items()}
    for way in ONE_WAY:
        assert all(after in graph[before] for before, after in zip(way, way[1:])), way
        assert not [f"{after} calls {before}" for i, before in enumerate(way) for after in way[i + 1:] if before in graph[after]]

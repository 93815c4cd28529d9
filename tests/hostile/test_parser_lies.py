"""A parser that was taken over: whatever it does, only its own file is held, and the worker goes on."""
import json
import pathlib

import pytest

import lying_parser
from case_table import case
from worker import Desk

ROOT = pathlib.Path(__file__).resolve().parents[2]
DECEIVED = ["garbage", "a frame without end", "a text longer than its frame", "a count that is not so", "cut in a frame",
            "two ends", "nothing", "a kind that there is not", "breaks"]
# without the frame that says how it is locked up nothing is believed, not even that the file is at fault
OURS = ["garbage at once", "no sandbox", "is killed", *lying_parser.LOOSE]
SLY = [how for how in lying_parser.SLY if how != "the truth"]


@pytest.fixture
def desk(database, build, tmp_path):
    (tmp_path / "handback-parse").symlink_to(ROOT / "tests/support/lying_parser.py")
    (tmp_path / "true-parser").symlink_to(build / "parsers/handback-parse")
    lies(tmp_path, {})
    with Desk(database, build, libexec=tmp_path) as made:
        yield made


def lies(folder, which):
    (folder / "lies").write_text(json.dumps(which))


def deliver(desk, number, how):
    """A file that may be lied about, and after it one that is not, each with one redemption: what became of them."""
    for n in (number, number + 1):
        desk.redeem(f"R{n}")
        desk.drop(f"AIR_{n}.csv", desk.file([(f"R{n}", "KO", {"Reason": "FULL"})]))
    (desk.libexec / "reference").write_text(f"R{number}")
    lies(desk.libexec, {f"AIR_{number}.csv": how} if how else {})
    return [desk.take(f"AIR_{n}.csv", seconds=90) for n in (number, number + 1)]


def check(desk, how, replies, posted):
    """The first is held with nothing posted, the second is posted."""
    mine, other = replies
    assert mine["end"] == "done" and mine["state"] == "held", (how, mine, desk.log()[-1500:])
    assert other["end"] == "done" and other["state"] == "posted" and other["reversed"] == 1, (how, other)
    assert desk.reversals() == posted, how
    assert desk.refusals(mine["file"]), how


@case("a parser that lies, sends garbage, breaks: its own file is held, the next is posted")
def test_who_lies_loses_its_own_file_only(desk):
    worker = desk.worker.process.pid
    for n, how in enumerate(DECEIVED):
        check(desk, how, deliver(desk, 2 * n + 1, how), n + 1)
    assert desk.worker.process.pid == worker and desk.worker.process.poll() is None
    assert desk.query("SELECT count(*) FROM handback.file WHERE state = 'held'") == [(len(DECEIVED),)]
    return f"{len(DECEIVED)} lies"


@case("a parser that tells lies in good order: whatever can be checked is, and its file is held, once")
def test_what_can_be_checked_is_not_believed(desk):
    for n, how in enumerate(SLY):
        check(desk, how, deliver(desk, 2 * n + 1, how), n + 1)
        assert not (desk.inbound / f"AIR_{2 * n + 1}.csv").exists(), how
    assert desk.query("SELECT DISTINCT hold_reason FROM handback.file WHERE state = 'held'") == [("parser_failed",)]
    assert desk.query("SELECT count(*) FROM handback.control WHERE agrees IS DISTINCT FROM (stated = counted)") == [(0,)]
    return f"{len(SLY)} lies"


def test_the_same_words_are_believed_where_they_are_so(desk):
    """Or the lies would be held for what is wrong with all of them."""
    told, other = deliver(desk, 1, "the truth")
    assert told["state"] == "posted" and told["reversed"] == 1, (told, desk.log()[-1500:])
    assert other["state"] == "posted" and desk.reversals() == 2


@case("a parser that hangs is ended by its alarm")
def test_a_parser_that_hangs(desk):
    check(desk, "hangs", deliver(desk, 1, "hangs"), 1)


@case("a parser that somebody killed, or that shows no sandbox: the file stays")
@pytest.mark.parametrize("how", OURS)
def test_what_is_not_the_files_fault_is_tried_again(desk, how):
    mine, other = deliver(desk, 1, how)
    assert mine["end"] == "failed" and other["state"] == "posted", (mine, other)
    assert (desk.inbound / "AIR_1.csv").exists() and desk.reversals() == 1
    lies(desk.libexec, {})
    assert desk.take("AIR_1.csv")["state"] == "posted" and desk.reversals() == 2


def children(pid):
    """(name, state) of each."""
    stats = [pathlib.Path(f"/proc/{child}/stat").read_text().split(" ", 1)[1].rsplit(")", 1)
             for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [(name.strip("("), rest.split()[0]) for name, rest in stats]


def test_a_parser_whose_file_was_known_already_is_ended(desk):
    """It is given a small file while the database is asked for it; nobody hears it, and the next file has another."""
    desk.redeem("R1")
    data = desk.file([("R1", "OK")])
    ends = []
    for n in (1, "01", "001"):
        desk.drop(f"AIR_{n}.csv", data)
        ends.append(desk.take(f"AIR_{n}.csv")["state"])
        [(name, state)] = children(desk.worker.process.pid)
        assert state != "Z", name
    assert ends == ["posted", "duplicate", "duplicate"]
    desk.redeem("R2")
    desk.drop("AIR_4.csv", desk.file([("R2", "KO", {"Reason": "FULL"})]))
    assert desk.take("AIR_4.csv")["reversed"] == 1

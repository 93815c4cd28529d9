"""A set that comes as several files: its parts wait for each other, and are decided in their order, each once."""
import itertools
import re
import shutil
import subprocess

import pytest

import releases
import worker
from operators import Operators
from world import CTL, PARTNERS, World

PATTERN = '"AIR_{sequence:+}_{part:+}of{parts:+}.csv"'


@pytest.fixture
def make(database, build):
    made = []

    def desk(**settings):
        made.append(worker.Desk(database, build, **settings))
        made[-1].people = Operators(database)
        path = made[-1].profiles / "air.yaml"
        path.write_text(path.read_text().replace('"AIR_{sequence:+}.csv"', PATTERN))
        return made[-1]
    yield desk
    for one in made:
        releases.verify(one, build)
        one.people.close()
        one.close()


def part(desk, number, total, answers, sequence=1, profile=None):
    """One part comes: how that ended."""
    name = f"AIR_{sequence}_{number}of{total}.csv"
    desk.drop(name, desk.file(answers))
    return desk.worker.job(desk.inbound, name, "air", "AIR", profile or "air")


def states(done):
    return [(one["state"], one.get("reason", "")) for one in done]


def message(desk, file):
    return next(text for path, text in ((p, p.read_text()) for p in (desk.spool / "quarantine").glob("*.reason"))
                if path.name.endswith(f"-{file}.reason"))


def posted(desk):
    """Parts in the order in which they were posted."""
    return [(n, total) for n, total in desk.query(
        "SELECT part, parts FROM handback.file WHERE state = 'posted' ORDER BY file_id")]


def test_a_set_in_order(make):
    desk = make()
    for key in "ABC":
        desk.redeem(key)
    first = part(desk, 1, 3, [("A", "KO")])
    second = part(desk, 2, 3, [("B", "KO")])
    assert states([first, second]) == [("held", "part_missing")] * 2
    assert desk.release() == [] and desk.reversals() == 0
    assert "part 1 of 3 came, and not part 2, 3" in message(desk, first["file"])
    assert "part 2 of 3 came, and not part 3" in message(desk, second["file"])
    assert states([part(desk, 3, 3, [("C", "KO")])]) == [("held", "part_missing")]
    assert states(desk.release()) == [("posted", "")] * 3
    assert posted(desk) == [(1, 3), (2, 3), (3, 3)] and desk.reversals() == 3
    assert desk.release() == []


def test_every_order_ends_in_the_same(make):
    """Each order of three parts, each in a set of its own: the parts are posted one, two, three."""
    desk = make(order_by="sequence", gap="hold")
    for sequence, order in enumerate(itertools.permutations((1, 2, 3)), 1):
        for n in order:
            desk.redeem(f"{sequence}-{n}")
        done = [part(desk, n, 3, [(f"{sequence}-{n}", "KO")], sequence) for n in order]
        assert {one["state"] for one in done[:2]} == {"held"}
        desk.release()
        assert posted(desk)[-3:] == [(1, 3), (2, 3), (3, 3)], order
        assert len(posted(desk)) == 3 * sequence == desk.reversals()


def test_the_last_to_come_may_be_the_first(make):
    desk = make()
    for key in "AB":
        desk.redeem(key)
    part(desk, 2, 2, [("B", "OK")])
    # nothing is before it, and nothing is missing any more
    assert states([part(desk, 1, 2, [("A", "OK")])]) == [("posted", "")]
    assert states(desk.release()) == [("posted", "")]
    assert posted(desk) == [(1, 2), (2, 2)]


def test_one_part_alone_and_other_sets_do_not_wait(make):
    desk = make(gap="continue")
    for key in "AB":
        desk.redeem(key)
    part(desk, 2, 2, [("A", "OK")], sequence=1)
    assert states([part(desk, 1, 1, [("B", "OK")], sequence=2)]) == [("posted", "")]
    assert desk.release() == []


@pytest.mark.parametrize("number, total, says", [
    (1, 2, "came before, as file"), (2, 3, "speaks of another number of parts"), (3, 2, "it says that it is part 3 of 2"),
    (0, 2, "it says that it is part 0 of 2"), (1, 10000, "it says that it is part 1 of 10000")])
def test_a_part_that_does_not_fit(make, number, total, says):
    desk = make()
    for key in "ABC":
        desk.redeem(key)
    part(desk, 1, 2, [("A", "OK")])
    odd = part(desk, number, total, [("B", "KO")])
    assert states([odd]) == [("held", "conflicting_part")] and says in message(desk, odd["file"])
    assert desk.release() == []
    part(desk, 2, 2, [("C", "OK")])
    assert len(desk.release()) == 2 and desk.reversals() == 0
    assert len(posted(desk)) == 2


def test_the_same_part_twice_is_a_duplicate(make):
    desk = make()
    desk.redeem("A")
    part(desk, 1, 2, [("A", "OK")])
    assert part(desk, 1, 2, [("A", "OK")])["state"] == "duplicate"
    assert desk.release() == []


def test_a_refused_part_is_none(make):
    """What is not whole has not come: the same part again, sound now, is the one that counts."""
    desk = make()
    for key in "AB":
        desk.redeem(key)
    desk.drop("AIR_1_1of2.csv", desk.file([("A", "OK")], count=7))
    assert desk.take("AIR_1_1of2.csv")["reason"] == "control_total"
    assert states([part(desk, 2, 2, [("B", "OK")])]) == [("held", "part_missing")]
    assert desk.release() == []
    assert states([part(desk, 1, 2, [("A", "OK")])]) == [("posted", "")]
    assert states(desk.release()) == [("posted", "")]


def test_people_do_not_wait_any_longer(make):
    desk = make()
    for key in "AB":
        desk.redeem(key)
    second = part(desk, 2, 2, [("B", "KO")])
    assert releases.released(desk, second["file"])["state"] == "posted" and desk.reversals() == 1
    # and the first, when it comes after all, has nothing to wait for
    assert states([part(desk, 1, 2, [("A", "KO")])]) == [("posted", "")]
    assert desk.release() == [] and desk.reversals() == 2


def test_a_closed_part_has_not_come(make):
    desk = make()
    for key in "AB":
        desk.redeem(key)
    first = part(desk, 1, 2, [("A", "OK")])
    desk.people.decide([releases.hold_of(desk, first["file"])], "close")
    assert states([part(desk, 2, 2, [("B", "OK")])]) == [("held", "part_missing")]
    assert desk.release() == []
    assert states([part(desk, 1, 2, [("A", "KO")])]) == [("posted", "")]
    assert states(desk.release()) == [("posted", "")] and desk.reversals() == 1


def test_behind_a_gap_a_set_waits_as_one(make):
    desk = make(order_by="sequence", gap="hold")
    for key in "ABC":
        desk.redeem(key)
    part(desk, 1, 2, [("B", "KO")], sequence=2)
    part(desk, 2, 2, [("C", "KO")], sequence=2)
    desk.release()
    assert posted(desk) == [] and desk.reversals() == 0
    assert states([part(desk, 1, 1, [("A", "KO")], sequence=1)]) == [("posted", "")]
    desk.release()
    assert posted(desk) == [(1, 1), (1, 2), (2, 2)] and desk.reversals() == 3


def test_what_the_guard_holds_keeps_the_later_parts(make):
    desk = make(more="guard: {rejects: 0}")
    for key in "AB":
        desk.redeem(key)
    part(desk, 1, 2, [("A", "KO")])
    part(desk, 2, 2, [("B", "OK")])
    [held] = desk.release()
    assert states([held]) == [("held", "guard")] and posted(desk) == []
    desk.people.decide([releases.hold_of(desk, held["file"])], "release")
    assert states(desk.release()) == [("posted", "")] * 2
    assert posted(desk) == [(1, 2), (2, 2)]


def test_the_part_that_completes_the_set_may_be_held_itself(make, build):
    desk = make(more="guard: {rejects: 0}")
    for key in "AB":
        desk.redeem(key)
    part(desk, 2, 2, [("B", "OK")])
    held = part(desk, 1, 2, [("A", "KO")])
    assert states([held]) == [("held", "guard")] and desk.release() == []
    hold = releases.hold_of(desk, held["file"])
    # it is no rival of itself
    tried = subprocess.run([build / CTL, "try", "--hold", str(hold), "--config", desk.config], capture_output=True, text=True,
                           check=False)
    assert "conflicting_part" not in tried.stdout and "reversed" in tried.stdout, tried
    desk.people.decide([hold], "release")
    assert states(desk.release()) == [("posted", "")] * 2 and posted(desk) == [(1, 2), (2, 2)]


@pytest.fixture
def world(cluster, build):
    """SKYLINE sends sets; nobody looks again for an hour."""
    with World(cluster, build, settings={"rescan": "1h"}) as made:
        profiles = made.dir / "profiles"
        profiles.mkdir()
        text = made.config.read_text(encoding="utf-8")
        shipped = next(line for line in text.splitlines() if line.startswith("profiles: "))
        for partner in PARTNERS:
            shutil.copy(f"{shipped.removeprefix('profiles: ')}/{partner.lower()}.yaml", profiles)
        made.config.write_text(text.replace(shipped, f"profiles: {profiles}"), encoding="utf-8")
        path = profiles / "skyline.yaml"
        path.write_text(re.sub("^file_name: .*", 'file_name: "SKY_{business_date:YYYYMMDD}_{sequence:1}_{part:2}of{parts:2}.csv"',
                               path.read_text(encoding="utf-8"), flags=re.M), encoding="utf-8")
        yield made


def drop_part(world, number, total=3):
    _, data = world.file("SKYLINE", world.answers("SKYLINE", count=20, start=20 * number))
    name = f"SKY_20261118_1_{number:02}of{total:02}.csv"
    (world.inbound["SKYLINE"] / f".{name}.part").write_bytes(data)
    (world.inbound["SKYLINE"] / f".{name}.part").rename(world.inbound["SKYLINE"] / name)


def released(world):
    return world.query("SELECT part FROM handback.file WHERE state = 'posted' ORDER BY file_id")


@pytest.mark.sanitize
def test_the_daemon_releases_a_set_with_its_last_part(world):
    world.start_daemon()
    for number in (2, 1, 3):
        drop_part(world, number)
        world.until(lambda: world.query("SELECT count(*) FROM handback.file WHERE part = %s", number)[0][0] > 0, "the part")
    world.until(lambda: released(world) == [(1,), (2,), (3,)], "the parts in their order")
    world.wait_quiet()
    assert world.stop_daemon() == 0
    assert world.ctl("audit", "verify").returncode == 0


def test_a_run_without_a_daemon_releases_a_set(world):
    for number in (3, 1):
        drop_part(world, number)
    world.run()
    assert released(world) == []
    drop_part(world, 2)
    world.run()
    assert released(world) == [(1,), (2,), (3,)]
    assert "part_missing" in world.ctl("hold", "list", "--all", check=False).stdout + world.ctl("files").stdout
    assert world.ctl("audit", "verify").returncode == 0

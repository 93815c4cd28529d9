"""From a dropped file to postings, proof and report; the oracle checks I1 to I8 after each."""
import dataclasses

import pytest

import generate
from world import PARTNERS, World

ROOT_DEMO = generate.pathlib.Path(generate.__file__).parent / "demo"


@pytest.fixture
def world(cluster, build):
    with World(cluster, build) as made:
        yield made


@pytest.mark.sanitize
@pytest.mark.parametrize("partner", PARTNERS)
def test_a_file_of_each_partner_is_posted(world, partner):
    name, data = world.file(partner)
    world.drop(partner, name, data)
    world.run()
    assert world.files() == {name: "posted"}
    world.oracle.check(world)
    assert world.postings() > 0, "the usual answers have some rejections"


@pytest.mark.sanitize
def test_the_daemon_takes_files_by_itself(world):
    world.start_daemon()
    for partner in PARTNERS:
        world.drop(partner, *world.file(partner))
    world.wait_quiet()
    assert world.stop_daemon() == 0
    assert set(world.files().values()) == {"posted"} and len(world.files()) == 3
    world.oracle.check(world)


def test_the_demo_has_one_of_everything(cluster, build):
    ledger = generate.demo_ledger()
    with World(cluster, build, members=generate.MEMBERS, redemptions=generate.REDEMPTIONS,
               seed=generate.SEED) as world:
        assert world.ledger.balances == ledger.balances
        for day in (1, 2):
            for when, partner, name, data in generate.files(world.ledger):
                if when == day:
                    world.drop(partner, name, data)
            world.run()
        made = world.oracle.check(world)
        words = {o.word for f in made.values() for o in f.outcomes}
        assert words == {"confirmed", "reversed", "already_applied", "duplicate_record", "informational", "held"}
        assert sorted(f.state for f in made.values()) == ["duplicate", "held"] + ["posted"] * 5
        assert world.ctl("audit", "verify").returncode == 0


def test_the_demo_files_are_what_the_generator_makes():
    made = {(str(day), partner.lower(), name): data for day, partner, name, data in
            generate.files(generate.demo_ledger())}
    kept = {p.relative_to(ROOT_DEMO).parts: p.read_bytes() for p in ROOT_DEMO.rglob("*") if p.is_file()}
    assert kept == made, "run fixtures/generate.py files fixtures/demo"
    first = ROOT_DEMO.parent / "first-partner"
    assert {p.name: p.read_bytes() for p in first.iterdir()} == dict(generate.first_partner()), f"run fixtures/generate.py first {first}"


# files that are not posted


@pytest.mark.parametrize("partner", PARTNERS)
def test_a_wrong_total_refuses_the_whole_file(world, partner):
    name, data = world.file(partner, break_totals=100)
    world.drop(partner, name, data)
    assert world.run().returncode == 3
    assert world.files() == {name: "held"}
    assert world.postings() == 0
    world.oracle.check(world)
    (reason,) = world.reasons().values()
    right = sum(a.points for a in world.answers(partner))
    assert str(right) in reason and str(right + 100) in reason, f"both totals belong into the reason:\n{reason}"


@pytest.mark.sanitize
@pytest.mark.parametrize("partner", PARTNERS)
def test_a_cut_file_posts_nothing(world, partner):
    """Cut at many places, each under its own number: nothing, ever."""
    answers = world.answers(partner, 6)
    _, whole = world.file(partner, answers)
    places = sorted({0, 1, len(whole) // 3, len(whole) // 2, len(whole) - 2, len(whole) - 1}
                    | set(range(7, len(whole), max(1, len(whole) // 40))))
    for sequence, at in enumerate(places, 1):
        name, data = world.file(partner, answers, sequence=sequence)
        world.drop(partner, name, data[:at])
    world.run()
    states = world.files()
    assert len(states) == len(places)
    assert set(states.values()) <= {"held", "duplicate"}, {n: s for n, s in states.items() if s == "posted"}
    assert world.postings() == 0
    assert world.query("SELECT count(*) FROM handback.outcome") == [(0,)]
    assert len(world.reasons()) == sum(s == "held" for s in states.values())
    world.oracle.check(world)


@pytest.mark.parametrize("partner", PARTNERS)
def test_an_empty_file_is_held(world, partner):
    name, _ = world.file(partner)
    world.drop(partner, name, b"")
    world.run()
    assert world.files() == {name: "held"}
    assert world.query("SELECT hold_reason FROM handback.file") == [("refused",)]
    assert world.query("SELECT rule FROM handback.refusal")[0] == ("empty",)


@pytest.mark.parametrize("partner", PARTNERS)
def test_a_file_without_records_is_taken(world, partner):
    name, data = world.file(partner, [])
    world.drop(partner, name, data)
    world.run()
    world.oracle.check(world)
    assert world.postings() == 0


@pytest.mark.parametrize("partner, from_whom, other", [("MERIDIAN", b"MERIDIAN  ", b"SOMEBODY  "), ("AURORA", b"AURORA", b"BOREAS")])
def test_a_file_that_says_it_is_from_somebody_else_is_held(world, partner, from_whom, other):
    name, data = world.file(partner)
    assert from_whom in data
    world.drop(partner, name, data.replace(from_whom, other, 1))
    world.run()
    assert world.query("SELECT state::text, hold_reason FROM handback.file") == [("held", "wrong_partner")]
    assert world.query("SELECT rule FROM handback.refusal WHERE field LIKE '%%.partner_id'") == [("must_be",)]
    assert world.postings() == 0


# the same again, and nearly the same again


@pytest.mark.parametrize("partner", PARTNERS)
def test_the_same_content_again_posts_nothing(world, partner):
    name, data = world.file(partner)
    world.drop(partner, name, data)
    world.run()
    before = world.postings()
    world.drop(partner, name, data)
    world.run()
    assert world.query("SELECT state::text, count(*) FROM handback.file GROUP BY 1 ORDER BY 1") == \
        [("duplicate", 1), ("posted", 1)] or world.query(
            "SELECT state::text FROM handback.file ORDER BY file_id") == [("posted",), ("duplicate",)]
    assert world.postings() == before
    world.oracle.check(world)


def test_the_same_content_under_another_number_is_another_file(world):
    name, data = world.file("SKYLINE")
    world.drop("SKYLINE", name, data)
    world.run()
    before = world.postings()
    world.drop("SKYLINE", "SKYLINE_20261119_000002.csv", data)
    world.run()
    assert world.files()["SKYLINE_20261119_000002.csv"] == "posted"
    assert world.postings() == before, "all of it is applied already"
    world.oracle.check(world)


def test_the_same_content_from_another_partner_posts_nothing(world):
    name, data = world.file("SKYLINE")
    world.drop("SKYLINE", name, data)
    world.run()
    before = world.postings()
    world.drop("SKYLINE", name, data, into="MERIDIAN")
    world.run()
    assert world.postings() == before
    assert [s for s, in world.query("SELECT state::text FROM handback.file ORDER BY file_id")] == ["posted", "held"]


def test_another_partners_layout_is_refused(world):
    name, data = world.file("SKYLINE")
    world.drop("SKYLINE", name, data, into="AURORA")
    world.run()
    assert world.files() == {name: "held"}
    assert world.postings() == 0


def test_a_name_used_again_is_another_file(world):
    """Nothing is skipped for its name: the new bytes are judged, and say that the number was used."""
    name, data = world.file("SKYLINE", world.answers("SKYLINE", 10))
    world.drop("SKYLINE", name, data)
    world.run()
    _, more = world.file("SKYLINE", world.answers("SKYLINE", 10, start=20))
    world.drop("SKYLINE", name, more)
    world.run()
    rows = world.query("SELECT state::text, hold_reason FROM handback.file ORDER BY file_id")
    assert len(rows) == 2 and rows[0][0] == "posted"
    assert rows[1][0] == "held" and rows[1][1] == "resubmission", f"the profile says resubmission: hold, and it is {rows[1]}"


@pytest.mark.parametrize("partner", PARTNERS)
def test_the_same_records_in_another_file_are_already_applied(world, partner):
    answers = [a for a in world.answers(partner, 30) if a.verdict in ("accepted", "rejected")]
    world.drop(partner, *world.file(partner, answers, sequence=1))
    world.run()
    before = world.postings()
    world.drop(partner, *world.file(partner, answers[::-1], sequence=2))
    world.run()
    made = world.oracle.check(world)
    assert list(made.values())[1].counts() == {"already_applied": len(answers)}
    assert world.postings() == before


def test_an_older_file_that_comes_late_moves_nothing(world):
    answers = [a for a in world.answers("MERIDIAN", 20) if a.verdict == "accepted"]
    late = [dataclasses.replace(a, verdict="rejected", reason="R01") for a in answers]
    world.drop("MERIDIAN", *world.file("MERIDIAN", answers, sequence=9))
    world.run()
    world.drop("MERIDIAN", *world.file("MERIDIAN", late, sequence=8))
    world.run()
    made = world.oracle.check(world)
    assert list(made.values())[1].counts() == {"held": len(late)}, "what contradicts is for people, and nothing moves"
    assert world.postings() == 0


@pytest.mark.parametrize("first,then", [("accepted", "rejected"), ("rejected", "accepted")])
def test_a_contradiction_is_held_for_a_person(world, first, then):
    def said(verdict):
        return [dataclasses.replace(a, verdict=verdict, reason="NO_SEAT" if verdict == "rejected" else "", text="")
                for a in world.answers("SKYLINE", 12)]
    padding = [a for a in world.answers("SKYLINE", 40, start=20) if a.verdict == "accepted"]  # below the guard's share
    world.drop("SKYLINE", *world.file("SKYLINE", said(first) + padding, sequence=1))
    world.run()
    before = world.postings()
    world.drop("SKYLINE", *world.file("SKYLINE", said(then) + padding, sequence=2))
    assert world.run().returncode == 3
    made = world.oracle.check(world)
    assert list(made.values())[1].counts()["held"] == 12
    assert world.postings() == before


@pytest.mark.parametrize("partner", PARTNERS)
def test_each_unusual_record_is_held_or_told_apart(world, partner):
    import random
    chance = random.Random(5)
    mine, other = world.ledger.of(partner), world.ledger.of("SKYLINE" if partner != "SKYLINE" else "AURORA")
    answers = list(generate.unusual(chance, partner, mine[40:60], other[3])) + world.answers(partner, 30)
    chance.shuffle(answers)
    world.drop(partner, *world.file(partner, answers))
    world.run()
    made = world.oracle.check(world)
    held = {o.reason for f in made.values() for o in f.outcomes if o.word == "held"}
    assert {"points_mismatch", "member_mismatch", "unknown_reference", "unknown_reason"} <= held


def test_nothing_is_taken_twice_by_two_daemons(cluster, build):
    """Two daemons with spools of their own on one database and the same inbound directories."""
    with World(cluster, build) as world:
        first = world.start_daemon()
        other = world.dir / "other.yaml"
        other.write_text(world.config.read_text().replace(str(world.spool), str(world.dir / "spool2"))
                         .replace(str(world.dir / "control"), str(world.dir / "control2")), encoding="utf-8")
        mine, world.config = world.config, other
        second = world.start_daemon()
        world.config = mine
        for partner in PARTNERS:
            for sequence in range(1, 9):
                answers = world.answers(partner, 8, seed=sequence, start=8 * sequence)
                world.drop(partner, *world.file(partner, answers, sequence=sequence))
        world.wait_quiet()
        assert world.stop_daemon(first) == 0 and world.stop_daemon(second) == 0
        assert world.query("SELECT count(*) FROM handback.file WHERE state = 'posted'") == [(24,)]
        # what one of them archived is in its own spool: bring them together for the oracle
        for folder in ("archive", "quarantine"):
            for path in (world.dir / "spool2" / folder).rglob("*"):
                if path.is_file():
                    (world.spool / folder).mkdir(exist_ok=True)
                    path.rename(world.spool / folder / path.name)
        world.oracle.check(world)

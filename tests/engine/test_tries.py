"""A file that fails by its own doing is tried a few times and then held; what is the machine's fails as long as it lasts."""
import json
import pathlib

import pytest

from case_table import case
from operators import Operators
from releases import hold_of, released, verify
from worker import Desk
from world import World

ROOT = pathlib.Path(__file__).resolve().parents[2]
TRIES = 3  # LIMIT_FILE_TRIES


def lies(folder, how=None):
    (folder / "lies").write_text(json.dumps({"AIR_1.csv": how} if how else {}))


@pytest.fixture
def desk(database, build, tmp_path):
    (tmp_path / "handback-parse").symlink_to(ROOT / "tests/support/lying_parser.py")
    (tmp_path / "true-parser").symlink_to(build / "parsers/handback-parse")
    (tmp_path / "reference").write_text("R1")
    lies(tmp_path)
    with Desk(database, build, libexec=tmp_path) as made:
        made.redeem("R1")
        made.redeem("R2")
        made.drop("AIR_1.csv", made.file([("R1", "KO", {"Reason": "FULL"})]))
        made.people = Operators(database)
        yield made
        made.db.execute("DROP FUNCTION IF EXISTS public.refuse CASCADE")  # a trigger that is none of ours is told
        verify(made, build)
        made.people.close()


def failures(desk):
    return desk.query("SELECT count(*) FROM handback.file_failure")[0][0]


def is_held(desk, reply):
    assert reply["end"] == "done" and reply["state"] == "held" and reply["reason"] == "file_failed", reply
    assert not (desk.inbound / "AIR_1.csv").exists() and desk.reversals() == 0
    [(message,)] = desk.query("SELECT message FROM handback.refusal WHERE file_id = %s", reply["file"])
    return message


def goes_on(desk, file):
    """The next file is posted, and the held one too once two people released it and nothing stands in its way."""
    desk.drop("AIR_2.csv", desk.file([("R2", "KO", {"Reason": "FULL"})]))
    assert desk.take("AIR_2.csv")["state"] == "posted"
    desk.people.decide([hold_of(desk, file)], "release")
    for n in range(1, TRIES):  # that is tried as often
        assert desk.worker.release()["end"] == "failed"
    again = desk.worker.release()
    assert again["end"] == "done" and again["reason"] == "file_failed" and desk.reversals() == 1, again
    assert desk.worker.release()["end"] == "gone" and failures(desk) == 2 * TRIES
    lies(desk.libexec)
    assert released(desk, again["file"])["state"] == "posted" and desk.reversals() == 2


@case("a file over which the parser runs out of memory: tried three times, across restarts, then held")
@pytest.mark.parametrize("how", ["takes much memory and has no more", "takes much memory and is killed"])
def test_memory_by_the_files_own_doing(desk, how):
    lies(desk.libexec, how)
    for n in range(1, TRIES):
        reply = desk.take("AIR_1.csv")
        assert reply["end"] == "failed" and (desk.inbound / "AIR_1.csv").exists(), (reply, desk.log()[-1000:])
        assert failures(desk) == n
        desk.worker.close()  # what is counted outlives the process
        desk.start()
    message = is_held(desk, desk.take("AIR_1.csv"))
    assert "parser" in message, message
    shown = json.loads(desk.ctl("show", "1", "--json", allowed=(0, 3)).stdout)["failures"]
    assert len(shown) == TRIES and all(row["release_of"] is None and "parser" in row["why"] for row in shown), shown
    goes_on(desk, desk.query("SELECT max(file_id) FROM handback.file")[0][0])


@case("a parser that fails by the machine's doing: tried as long as it lasts")
@pytest.mark.parametrize("how", ["has no more", "is killed"])
def test_what_is_the_machines_never_counts(desk, how):
    lies(desk.libexec, how)
    for _ in range(TRIES + 2):
        assert desk.take("AIR_1.csv")["end"] == "failed" and (desk.inbound / "AIR_1.csv").exists()
    assert failures(desk) == 0
    lies(desk.libexec)
    assert desk.take("AIR_1.csv")["state"] == "posted" and desk.reversals() == 1


def refuse(desk, sqlstate):
    """The database refuses what comes of a file, unless it is held."""
    desk.db.execute(f"""
        CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'no such file today' USING ERRCODE = '{sqlstate}'; END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON handback.file FOR EACH ROW WHEN (NEW.state = 'posted')
            EXECUTE FUNCTION public.refuse()""")


@case("a file that the database refuses for what is in it: tried three times, then held with its words")
@pytest.mark.parametrize("sqlstate", ["22003", "23514", "P0001", "54000"])
def test_what_the_database_refuses(desk, sqlstate):
    refuse(desk, sqlstate)
    for n in range(1, TRIES):
        assert desk.take("AIR_1.csv")["end"] == "failed" and failures(desk) == n
    assert "no such file today" in is_held(desk, desk.take("AIR_1.csv"))


@case("a database that is full, or lacks a right: tried as long as it lasts")
@pytest.mark.parametrize("sqlstate", ["53100", "42501", "57P03"])
def test_what_the_database_lacks_never_counts(desk, sqlstate):
    refuse(desk, sqlstate)
    for _ in range(TRIES + 2):
        desk.worker.send(desk.inbound, "AIR_1.csv", "air", "AIR", "air")
        while (reply := desk.worker.answer(60))["end"] == "ready":  # the connection was opened again
            pass
        assert reply["end"] == "failed", reply
    assert failures(desk) == 0 and (desk.inbound / "AIR_1.csv").exists()


@pytest.fixture
def world(cluster, build, tmp_path):
    (tmp_path / "handback-parse").symlink_to(ROOT / "tests/support/lying_parser.py")
    (tmp_path / "true-parser").symlink_to(build / "parsers/handback-parse")
    (tmp_path / "handback-reconcile").symlink_to(build / "reconcile/handback-reconcile")
    with World(cluster, build, settings={"workers": "1"}) as made:
        made.libexec = tmp_path
        yield made


def delivered(world, how):
    """A file over which a worker ends so, and a daemon that is at it."""
    name, data = world.file("SKYLINE")
    (world.libexec / "lies").write_text(json.dumps({name: how}))
    world.drop("SKYLINE", name, data)
    return name, world.start_daemon(wait=False, HANDBACK_LIBEXEC=str(world.libexec))


@case("a file over which the worker itself dies: held at the third time, and the next file is posted")
@pytest.mark.parametrize("fault", ["SIGSEGV", "SIGABRT"])
def test_a_worker_that_dies_over_a_file(world, fault):
    name, _ = delivered(world, f"ends its worker by {fault}")
    world.until(lambda: world.query("SELECT state, hold_reason FROM handback.file") == [("held", "file_failed")], "the file to be held", 60)
    assert world.query("SELECT count(*) FROM handback.file_failure") == [(TRIES,)]
    [(message,)] = world.query("SELECT message FROM handback.refusal")
    assert "handback-reconcile died over it" in message, message
    world.drop("SKYLINE", *world.file("SKYLINE", sequence=42))
    world.until(lambda: world.query("SELECT count(*) FROM handback.file WHERE state = 'posted'") == [(1,)], "the next file")
    assert world.stop_daemon(within=30) == 0
    world.until(lambda: not (world.inbound["SKYLINE"] / name).exists(), "the held file's original to go")


@case("a release over which the worker itself dies: on hold again at the third time, and the next one goes")
def test_a_worker_that_dies_over_a_release(world):
    """The daemon knows no name of a release: it hears from the worker which file that took."""
    name, _ = delivered(world, "ends its worker by SIGSEGV")
    held = "SELECT count(*) FROM handback.file WHERE hold_reason = 'file_failed'"
    world.until(lambda: world.query(held) == [(1,)], "the file to be held", 60)
    with Operators(world.database) as people:
        people.decide([world.query("SELECT hold_id FROM handback.open_holds")[0][0]], "release")
        world.until(lambda: world.query(held) == [(2,)], "its release to be held", 60)
        assert world.query("SELECT count(*) FILTER (WHERE release_of IS NULL), count(release_of) FROM handback.file_failure") == [(TRIES, TRIES)]
        (world.libexec / "lies").write_text("{}")
        people.decide([world.query("SELECT hold_id FROM handback.open_holds")[0][0]], "release")
        world.until(lambda: world.query("SELECT count(*) FROM handback.file WHERE state = 'posted'") == [(1,)], "it to be posted")
    assert world.stop_daemon(within=30) == 0


@case("a worker that is killed from outside: its file is tried as long as it lasts")
def test_a_worker_that_is_killed(world):
    name, daemon = delivered(world, "ends its worker by SIGKILL")
    world.until(lambda: daemon.log.read_text().count("it was killed by signal 9") > TRIES, "it to be killed as often", 90)
    assert world.query("SELECT count(*) FROM handback.file_failure") == [(0,)] and (world.inbound["SKYLINE"] / name).exists()
    (world.libexec / "lies").write_text("{}")
    world.until(lambda: world.query("SELECT state FROM handback.file") == [("posted",)], "it to be posted", 90)
    assert world.stop_daemon(within=30) == 0

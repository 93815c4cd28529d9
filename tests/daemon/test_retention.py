"""Kept copies leave the spool when they are old enough and nothing waits for them; what is proven of them stays."""
import json
import re
import subprocess
import time
import uuid

import psycopg
import pytest

from operators import Operators
from worker import Desk

STRANGER = str(uuid.UUID(int=1, version=4))
KEEP = "retention: {archive: 30d, quarantine: 10d}\n"
GUARD = "guard: {rejects: 1}\n"


@pytest.fixture
def desk(database, build):
    with Desk(database, build, more=GUARD + "unknown_days: 365\n") as made:
        configure(made, KEEP)
        yield made


def configure(desk, retention):
    kept = re.sub(r"^retention: .*\n", "", desk.config.read_text(), flags=re.M)
    desk.config.write_text(retention + kept)


def age(desk, file, days):
    """As if it had been archived so long ago."""
    with desk.db.transaction():
        desk.db.execute("SET LOCAL session_replication_role = replica")
        desk.db.execute("UPDATE handback.file SET archived_at = archived_at - make_interval(days => %s)"
                        " WHERE file_id = %s", (days, file))


def posted(desk, days=40):
    """A posted file of that age; its number and its copy."""
    reference = f"R{len(desk.references)}"
    desk.redeem(reference)
    file = desk.deliver([(reference, "OK")])["file"]
    age(desk, file, days)
    return file, desk.spool / desk.row(file)["archived_as"]


def held(desk, days=40):
    """A file on hold, by the guard."""
    for reference in ("G1", "G2"):
        desk.redeem(reference)
    file = desk.deliver([("G1", "KO"), ("G2", "KO")])["file"]
    assert desk.row(file)["hold_reason"] == "guard", desk.row(file)
    age(desk, file, days)
    return file, desk.spool / desk.row(file)["archived_as"]


def plan(desk):
    said = json.loads(desk.ctl("nightly", "--plan", "--json", allowed=(0, 3)).stdout)["retention"]
    return {row["copies"]: (row["files"], row["bytes"]) for row in said}


def night(desk, allowed=(0, 3)):
    done = desk.nightly(allowed)["done"]
    return done["purged"], done["purged_bytes"]


def verified(desk):
    return json.loads(desk.ctl("audit", "verify", "--json").stdout)["verified"]


def events(desk):
    return desk.query("SELECT subject, detail FROM audit.event WHERE what = 'purged' ORDER BY event_id")


def close(desk, file, decision="close"):
    hold = desk.query("SELECT hold_id FROM handback.hold WHERE file_id = %s AND record_no IS NULL", file)[0][0]
    with Operators(desk.database) as people:
        people.decide([hold], decision)


def test_without_the_option_everything_is_kept(desk):
    configure(desk, "")
    file, copy = posted(desk, 10000)
    assert plan(desk) == {} and night(desk) == (0, 0) and copy.exists() and events(desk) == []


def test_what_is_old_goes_and_what_is_proven_stays(desk):
    old, gone = posted(desk)
    young, kept = posted(desk, 29)
    size = gone.stat().st_size
    assert plan(desk) == {"archive": (1, size), "quarantine": (0, 0)}
    assert gone.exists() and events(desk) == []
    assert night(desk) == (1, size)
    assert not gone.exists() and kept.exists() and events(desk) == [("files", str(old))]
    assert desk.query("SELECT count(*) FROM handback.file") == [(2,)]
    today = desk.query("SELECT (now() AT TIME ZONE 'UTC')::date::text")[0][0]
    assert (verified(desk)["purged"], verified(desk)["files"]) == (1, 1)
    assert f"purged by retention on {today}" in re.sub(r"\s+", " ", desk.ctl("audit", "verify").stdout)
    assert f"(purged by retention on {today})" in desk.ctl("explain", f"{old}:1").stdout
    assert "purged by retention" not in desk.ctl("explain", f"{young}:1").stdout
    assert json.loads(desk.ctl("show", str(old), "--json").stdout)["file"]["purged"].startswith(today)
    assert json.loads(desk.ctl("show", str(young), "--json").stdout)["file"]["purged"] is None


def test_twice_is_once(desk):
    posted(desk)
    night(desk)
    before = desk.query("SELECT max(head_no) FROM audit.head")
    assert plan(desk)["archive"] == (0, 0) and night(desk) == (0, 0)
    assert desk.query("SELECT max(head_no) FROM audit.head") == before and len(events(desk)) == 1


def test_a_crash_between_the_act_and_the_end_of_the_copy(desk):
    old, copy = posted(desk)
    data = copy.read_bytes()
    night(desk)
    copy.write_bytes(data)  # as it was after the event
    assert verified(desk)["files"] == 1  # what is there is hashed
    configure(desk, "")  # what was given up goes, whatever the option says by now
    assert night(desk) == (1, len(data)) and not copy.exists() and len(events(desk)) == 1
    assert verified(desk)["purged"] == 1


def test_a_run_that_is_killed_before_the_copy_goes_is_finished_by_the_next(desk):
    old, copy = posted(desk)
    killed = subprocess.run(
        ["strace", "-qq", "-o", "/dev/null", "-e", "trace=unlinkat", "-e", "inject=unlinkat:signal=KILL:when=1",
         str(desk.build / "ctl/handbackctl"), "--config", str(desk.config), "nightly"], capture_output=True, text=True)
    assert killed.returncode in (-9, 137), killed.stdout + killed.stderr
    assert copy.exists() and events(desk) == [("files", str(old))]
    assert verified(desk)["files"] == 1
    assert night(desk)[0] == 1 and not copy.exists() and len(events(desk)) == 1
    assert verified(desk)["purged"] == 1


def test_a_copy_that_is_gone_without_an_act_is_a_difference(desk):
    old, copy = posted(desk)
    copy.unlink()
    assert plan(desk)["archive"] == (0, 0) and night(desk) == (0, 0)  # another spool may have it
    done = desk.ctl("audit", "verify", allowed=(5,))
    assert "the kept file cannot be opened" in re.sub(r"\s+", " ", done.stdout)


@pytest.mark.parametrize("forgery", [
    "INSERT INTO handback.purge SELECT {young}, max(event_id) FROM audit.event",
    "UPDATE audit.event SET detail = detail || ' {young}' WHERE what = 'purged'",
    "DELETE FROM handback.purge",
])
def test_what_is_said_to_be_removed_is_what_the_trail_says(desk, forgery):
    posted(desk)
    young, kept = posted(desk, 1)
    night(desk)
    with desk.db.transaction():
        desk.db.execute("SET LOCAL session_replication_role = replica")
        desk.db.execute(forgery.format(young=young))
    kept.unlink()
    assert desk.ctl("audit", "verify", allowed=(5,)).returncode == 5


def test_a_held_file_stays_while_its_hold_is_open(desk):
    file, copy = held(desk)
    assert plan(desk)["quarantine"] == (0, 0) and night(desk) == (0, 0) and copy.exists()
    event = desk.query("SELECT audit.append_event('purged', 'files', NULL, %s)", str(file))[0][0]
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="something still waits for it"):
        desk.db.execute("INSERT INTO handback.purge VALUES (%s, %s)", (file, event))


def test_a_held_file_goes_when_its_hold_has_ended(desk):
    file, copy = held(desk, 11)
    reason = copy.with_name(copy.name + ".reason")
    assert reason.exists()
    close(desk, file)
    assert plan(desk)["quarantine"] == (1, copy.stat().st_size)
    assert night(desk)[0] == 1 and not copy.exists() and not reason.exists()
    hold = desk.query("SELECT hold_id FROM handback.hold")[0][0]
    assert json.loads(desk.ctl("hold", "show", str(hold), "--json").stdout)["hold"]["purged"]
    assert verified(desk)["purged"] == 1


def test_a_file_that_two_people_released_stays_until_it_is_read_again(desk):
    file, copy = held(desk, 11)
    close(desk, file, "release")
    assert plan(desk)["quarantine"] == (0, 0)
    [again] = desk.release()
    assert plan(desk)["quarantine"][0] == 1
    night(desk)
    assert not copy.exists() and (desk.spool / desk.row(again["file"])["archived_as"]).exists()
    assert verified(desk)["purged"] == 1


def test_a_file_with_an_open_unknown_reference_stays(desk):
    file = desk.deliver([(STRANGER, "KO")])["file"]
    age(desk, file, 40)
    copy = desk.spool / desk.row(file)["archived_as"]
    assert plan(desk)["archive"] == (0, 0) and night(desk) == (0, 0) and copy.exists()
    desk.profile(more=GUARD + "unknown_days: 0\n")
    assert night(desk)[0] == 1 and not copy.exists()  # it expired in this very night


def test_only_names_of_the_spool_are_touched(desk):
    file, copy = posted(desk)
    elsewhere = desk.dir / "elsewhere"
    copy.rename(elsewhere)
    copy.symlink_to(elsewhere)
    assert night(desk, allowed=(4,)) == (0, 0) and copy.is_symlink() and elsewhere.exists() and events(desk) == []


def test_nobody_who_reads_keeps_copies_from_going(desk):
    _, copy = posted(desk)
    with psycopg.connect(desk.database.conninfo()) as other:
        for shared in ("", "_shared"):
            other.execute(f"SELECT pg_advisory_lock{shared}(hashtextextended('handback retention', 0))")
        for role in ("handback_finance", "handback_verify", "handback_collector", "handback_operator", "handback_daemon"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                other.execute(f"SET ROLE {role}; LOCK TABLE handback_schema.purge_lock IN ACCESS SHARE MODE")
            other.rollback()
        other.execute("SELECT pg_advisory_lock(hashtextextended('handback retention', 0))")
        assert night(desk)[0] == 1 and not copy.exists()


def test_what_is_purged_while_somebody_verifies_is_no_difference(desk):
    """Its snapshot is older than the event: the copy is not there, and the event is asked for."""
    _, copy = posted(desk)
    lost, its = posted(desk, 1)
    with psycopg.connect(desk.database.conninfo()) as late:
        late.execute("LOCK TABLE handback.hold_note IN ACCESS EXCLUSIVE MODE")  # which is read late, and not by the night
        verifying = subprocess.Popen([desk.build / "ctl/handbackctl", "audit", "verify", "--config", desk.config, "--json"],
                                     stdout=subprocess.PIPE, text=True)
        for _ in range(200):
            if desk.query("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()") == [(1,)]:
                break
            time.sleep(0.05)
        else:
            raise AssertionError("it does not wait")
        assert night(desk)[0] == 1 and not copy.exists()
        its.rename(desk.dir / "lost")
        late.rollback()
    said = json.loads(verifying.communicate(timeout=60)[0])
    # what is lost is told all the same
    assert verifying.returncode == 5 and said["verified"]["purged"] == 1, said
    assert said["difference"]["file"] == lost and "differences" not in said, said
    (desk.dir / "lost").rename(its)
    assert verified(desk)["purged"] == 1


def test_what_another_spool_has_is_said_and_is_no_difference(desk):
    """Two spools on one database: each verifies what it has."""
    file, copy = posted(desk, 1)
    text = desk.config.read_text()
    copy.rename(desk.dir / "elsewhere")
    assert desk.ctl("audit", "verify", allowed=(5,)).returncode == 5, "a source of its own"
    desk.config.write_text(text.replace("- name: air", "- name: other"))
    said = verified(desk)
    assert (said["result"], said["elsewhere"], said["files"]) == ("ok", 1, 0)
    assert "(air is the first)" in desk.ctl("audit", "verify").stdout
    (desk.dir / "elsewhere").rename(copy)
    assert (verified(desk)["elsewhere"], verified(desk)["files"]) == (None, 1)  # what is there is looked at
    copy.chmod(0o600)
    copy.write_bytes(copy.read_bytes() + b" ")
    assert desk.ctl("audit", "verify", allowed=(5,)).returncode == 5
    desk.config.write_text(text)

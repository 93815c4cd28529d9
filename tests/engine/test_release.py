"""Held files that go: behind a gap that closes, and by two people; each once, whatever happens on the way."""
import csv
import json
import os
import shutil

import psycopg
import pytest

import worker
from operators import Operators
from releases import hold_of, released, verify
from world import World

from generate import reject  # noqa: E402  fixtures/ is on the path since world


@pytest.fixture
def make(database, build):
    """make(**settings): a desk, and two people; what they leave is verified."""
    made = []

    def desk(**settings):
        made.append(worker.Desk(database, build, **settings))
        made[-1].people = Operators(database)
        return made[-1]
    yield desk
    for one in made:
        verify(one, build)
        one.people.close()
        one.close()


def ended(desk):
    return [how for how, in desk.query("SELECT how FROM handback.hold_end ORDER BY hold_id")]


# behind a gap

def test_a_file_that_waited_goes_when_the_missing_one_is_posted(make):
    desk = make(gap="hold")
    for key in "ABC":
        desk.redeem(key)
    assert desk.deliver([("A", "KO")], sequence=1)["state"] == "posted"
    early = desk.deliver([("C", "KO")], sequence=3)
    assert (early["state"], early["reason"]) == ("held", "sequence_gap") and desk.release() == []
    assert desk.deliver([("B", "KO")], sequence=2)["state"] == "posted"
    [done] = desk.release()
    assert (done["state"], done["reversed"]) == ("posted", 1) and desk.reversals() == 3 and desk.balance() == 300
    before, after = desk.row(early["file"]), desk.row(done["file"])
    assert (before["state"], before["hold_reason"], after["release_of"], after["sha256"], after["sequence"]) == \
        ("held", "sequence_gap", early["file"], before["sha256"], 3)
    assert before["archived_as"].startswith("quarantine/") and after["archived_as"].startswith("archive/")
    kept = (desk.spool / after["archived_as"]).read_bytes()
    assert kept == (desk.spool / before["archived_as"]).read_bytes()
    assert desk.query("SELECT how, ended_by FROM handback.hold_end") == [("released", "postgres")]
    assert desk.query("SELECT count(*) FROM audit.head WHERE file_id = %s", done["file"]) == [(1,)]
    assert desk.release() == []


def test_several_that_waited_go_in_the_order_of_their_numbers(make):
    desk = make(gap="hold")
    for number in range(1, 7):
        desk.redeem(f"R{number}")
    # of two with one number the first to come is posted
    for number in (1, 6, 4, 3, 5):
        desk.deliver([(f"R{number}", "OK")], sequence=number)
    other = desk.deliver([("R4", "KO")], sequence=4, name="AIR_4.csv")
    desk.deliver([("R2", "OK")], sequence=2)
    went = [desk.row(done["file"]) for done in desk.release()]
    assert [(row["sequence"], row["state"]) for row in went] == [(3, "posted"), (4, "posted"), (4, "held"), (5, "posted"), (6, "posted")]
    assert went[2]["hold_reason"] == "resubmission" and went[2]["release_of"] == other["file"]
    assert desk.reversals() == 0


def test_a_name_of_bytes_goes_as_it_came(make):
    desk = make(gap="hold", file_name="ÄIR*_{sequence:+}.csv")
    for key in "AB":
        desk.redeem(key)
    names = [os.fsdecode("ÄIR".encode() + b"\xff\\\x01_%d.csv" % n) for n in (1, 2)]
    early = desk.deliver([("B", "KO")], sequence=2, name=names[1])
    assert early["reason"] == "sequence_gap"
    desk.deliver([("A", "OK")], sequence=1, name=names[0])
    [done] = desk.release()
    assert (done["state"], desk.row(done["file"])["sequence"]) == ("posted", 2)
    assert desk.query("SELECT count(DISTINCT name) FROM handback.file") == [(2,)]


def test_a_number_that_comes_with_bytes_that_were_posted_is_a_file_of_its_own(make):
    desk = make(gap="hold")
    for key in "ABC":
        desk.redeem(key)
    first = desk.file([("A", "KO")])
    desk.deliver(first, sequence=1)
    early = desk.deliver([("B", "KO")], sequence=4)
    far = desk.deliver(first, sequence=9)
    assert (early["reason"], far["reason"], desk.release()) == ("sequence_gap", "sequence_gap", [])
    third = desk.deliver(first, sequence=3)
    assert (third["reason"], desk.release()) == ("sequence_gap", []), "number 2 has not come"
    again = desk.deliver(first, sequence=2)
    assert (again["state"], again["already_applied"], desk.row(again["file"])["sequence"]) == ("posted", 1, 2)
    assert [desk.row(done["file"])["release_of"] for done in desk.release()] == [third["file"], early["file"]]
    # in its turn, nothing waits for it; and what comes out of turn waives nothing
    assert desk.deliver(first, sequence=5)["state"] == "posted"
    assert desk.deliver([("C", "KO")], sequence=6)["state"] == "posted"
    assert desk.deliver([("C", "OK")], sequence=10)["reason"] == "sequence_gap"
    assert desk.deliver(first, sequence=1)["state"] == "duplicate" and desk.reversals() == 3


def test_bytes_that_are_held_wait_for_themselves_under_another_number(make):
    desk = make(gap="hold", more="guard: {rejects: 0}")
    for key in "ABC":
        desk.redeem(key)
    desk.deliver([("A", "OK")], sequence=1)
    bytes_of_two = desk.file([("B", "KO")])
    held = desk.deliver(bytes_of_two, sequence=2)
    third = desk.deliver(bytes_of_two, sequence=3)
    assert (held["reason"], third["reason"]) == ("guard", "sequence_gap")
    last = desk.deliver([("C", "OK")], sequence=4)
    assert (last["reason"], desk.release()) == ("sequence_gap", [])
    desk.people.decide([hold_of(desk, held["file"])], "release")
    assert [desk.row(done["file"])["release_of"] for done in desk.release()] == [held["file"], third["file"], last["file"]]
    assert desk.reversals() == 1


def test_bytes_that_say_their_number_are_refused_under_a_name_that_says_another(make):
    desk = make(gap="hold")
    profile = desk.profiles / "air.yaml"
    profile.write_text(profile.read_text().replace("columns: 3", "columns: 4").replace(
        "points_total: {at: 3, type: integer}", "points_total: {at: 3, type: integer}\n      sequence: {at: 4, type: integer}"))
    for key in "AB":
        desk.redeem(key)
    first = desk.file([("A", "KO")]).rstrip(b"\n") + b",1\n"
    assert desk.deliver(first, sequence=1)["state"] == "posted"
    early = desk.deliver(desk.file([("B", "KO")]).rstrip(b"\n") + b",3\n", sequence=3)
    again = desk.deliver(first, sequence=2)
    assert (again["state"], again["reason"]) == ("held", "refused")
    assert desk.release() == [] and early["reason"] == "sequence_gap"


def test_what_the_guard_holds_behind_a_gap_is_held_by_it_then(make):
    desk = make(gap="hold", more="guard: {rejects: 0}")
    for key in "AB":
        desk.redeem(key)
    desk.deliver([("A", "OK")], sequence=1)
    early = desk.deliver([("B", "KO")], sequence=3)
    desk.deliver([("A", "WAIT")], sequence=2)
    [again] = desk.release()
    assert (again["state"], again["reason"]) == ("held", "guard") and desk.reversals() == 0
    assert desk.row(again["file"])["archived_as"].startswith("quarantine/")
    done = released(desk, again["file"])
    assert done["state"] == "posted" and desk.reversals() == 1 and ended(desk) == ["released", "released"]
    assert desk.row(again["file"])["release_of"] == early["file"]


@pytest.mark.parametrize("call", ["sendto", "fsync", "renameat,renameat2,rename"])
def test_killed_anywhere_in_a_release_and_done_once(make, call):
    """At each such call (of those that send, every other) of a worker whose one job is the release; the next one does what is left."""
    desk = make(gap="hold")
    desk.redeem("FIRST")
    desk.deliver([("FIRST", "OK")], sequence=1)
    last, nth, killed = 1, 0, True
    while killed:
        nth += 1
        for key in ("A", "B"):
            desk.redeem(f"{key}{nth}")
        early = desk.deliver([(f"B{nth}", "KO")], sequence=last + 2)
        desk.deliver([(f"A{nth}", "OK")], sequence=last + 1)
        last += 2
        desk.worker.close()
        strace = ["strace", "-D", "-qq", "-o", desk.dir / "strace", "-e", f"trace={call}", "-e",
                  f"inject={call}:signal=KILL:when={8 + 2 * nth if call == 'sendto' else nth}"]
        try:
            desk.start(prefix=[str(word) for word in strace])
            desk.worker.release()
            killed = False
        except (AssertionError, ConnectionError):
            assert "killed by SIGKILL" in (desk.dir / "strace").read_text()
        desk.worker.process.kill()
        desk.worker.close()
        desk.start()
        desk.release()
        rows = desk.query("SELECT file_id, state::text, archived_at IS NOT NULL FROM handback.file WHERE release_of = %s", early["file"])
        assert [row[1:] for row in rows] == [("posted", True)], (nth, rows)
        assert desk.reversals() == nth and desk.release() == []
        assert not list((desk.spool / "work").iterdir())
    assert nth > (8 if call == "sendto" else 1), "no point of it was tried"


def test_a_copy_that_cannot_be_archived_is_archived_later(make):
    desk = make(gap="hold")
    for key in "AB":
        desk.redeem(key)
    early = desk.deliver([("B", "KO")], sequence=2)
    desk.deliver([("A", "OK")], sequence=1)
    shutil.move(desk.spool / "archive", desk.spool / "away")
    (desk.spool / "archive").touch()
    done = desk.worker.release()
    assert done["end"] == "failed" and "cannot be archived" in done["why"]
    assert desk.reversals() == 1
    (desk.spool / "archive").unlink()
    shutil.move(desk.spool / "away", desk.spool / "archive")
    [again] = desk.release()
    assert desk.row(again["file"])["release_of"] == early["file"] and desk.reversals() == 1
    assert desk.query("SELECT count(*) FROM handback.file WHERE archived_at IS NULL") == [(0,)]


def test_a_copy_in_quarantine_that_was_changed_is_not_read(make):
    desk = make(gap="hold")
    for key in "AB":
        desk.redeem(key)
    kept = desk.spool / desk.row(desk.deliver([("B", "KO")], sequence=2)["file"])["archived_as"]
    desk.deliver([("A", "OK")], sequence=1)
    data = kept.read_bytes()
    kept.chmod(0o600)
    kept.write_bytes(data.replace(b"KO", b"OK"))
    done = desk.worker.release()
    assert done["end"] == "failed" and "not what was delivered" in done["why"] and desk.reversals() == 0
    kept.write_bytes(data)
    [done] = desk.release()
    assert done["reversed"] == 1


# by people

def test_the_guard_lets_pass_what_two_people_release_once(make):
    desk = make(more="guard: {rejects: 1}")
    for key in "ABC":
        desk.redeem(key)
    held = desk.deliver([(key, "KO") for key in "ABC"])
    assert held["reason"] == "guard" and desk.release() == []
    hold = hold_of(desk, held["file"])
    proposal, second = (desk.people.propose([hold], "release") for _ in range(2))
    assert desk.people.approve_own(proposal) and desk.release() == []
    desk.people.approve(proposal)
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="was withdrawn"):
        desk.people.approve(second)
    [done] = desk.release()
    assert (done["state"], done["reversed"], desk.reversals(), desk.balance()) == ("posted", 3, 3, 300)
    assert desk.release() == []
    assert desk.query("SELECT what, who FROM audit.event ORDER BY event_id") == \
        [("proposed", "ann"), ("proposed", "ann"), ("approved", "ben"), ("withdrawn", "ben")]
    # the same bytes once more are what they always were
    again = desk.deliver(desk.file([(key, "KO") for key in "ABC"]), name="AIR_1.csv")
    assert (again["state"], desk.reversals()) == ("duplicate", 3)


def test_a_release_of_the_guard_lets_pass_the_guard_only(make):
    desk = make(more="guard: {rejects: 0}")
    for key in "ABC":
        desk.redeem(key)
    held = desk.deliver([("A", "KO"), ("B", "KO", {"Points": 99}), ("C", "KO")], sequence=7)
    desk.deliver([("C", "OK")], sequence=6)
    assert desk.deliver([("B", "OK")], sequence=7)["state"] == "posted"
    done = released(desk, held["file"])
    # meanwhile another file with its number was posted
    assert (done["state"], done["reason"]) == ("held", "resubmission") and desk.reversals() == 0
    done = released(desk, done["file"])
    assert done["state"] == "posted"
    assert desk.outcomes(done["file"]) == [("reversed", None), ("held", "points_mismatch"), ("held", "contradiction")]


def test_do_not_wait_for_the_missing_file_any_longer(make):
    desk = make(gap="hold")
    for key in "ABC":
        desk.redeem(key)
    begins = desk.deliver([("A", "OK")], sequence=5)
    assert released(desk, begins["file"])["state"] == "posted"
    early = desk.deliver([("C", "KO")], sequence=8)
    waits = desk.deliver([("B", "OK")], sequence=9)
    # the one behind it needs nobody
    desk.people.decide([hold_of(desk, early["file"])], "release")
    assert [desk.row(done["file"])["release_of"] for done in desk.release()] == [early["file"], waits["file"]]
    # what was not waited for comes after all, and moves nothing that was answered since
    assert desk.deliver([("C", "OK")], sequence=6)["state"] == "posted"
    assert desk.query("SELECT handback.redemption_state(redemption_id) FROM ledger.redemption ORDER BY 1") == \
        [("confirmed",), ("confirmed",), ("reversed",)]


def report(desk, *scope):
    said = json.loads(desk.ctl("report", *(scope or ["--all"]), "--json").stdout)
    return said["summary"], {row["file"]: row for row in said["files"]}, {row["partner"]: row for row in said["partners"]}


def moved_to(desk, file, day):
    """As if it had been decided on another day; what proves it is not of this test."""
    desk.db.execute("SET session_replication_role = replica")
    desk.db.execute("UPDATE handback.file SET decided_at = %s::timestamptz + interval '12 hours' WHERE file_id = %s", (day, file))
    desk.db.execute("SET session_replication_role = origin")


def test_what_was_held_and_released_is_counted_once_in_a_report(make):
    desk = make(more="guard: {rejects: 1}")
    for key in "ABC":
        desk.redeem(key)
    held = desk.deliver([(key, "KO") for key in "ABC"], sequence=1)["file"]
    summary, files, partners = report(desk)
    assert (summary["files"], summary["files_held"], summary["released"], summary["records"]) == (1, 1, 0, 3)
    assert (files[held]["records"], files[held]["not_processed"], files[held]["release"]) == (3, 3, None)
    first = desk.deliver([("C", "OK")], sequence=1, name="AIR_01.csv")["file"]
    # its number was posted meanwhile: held again, and released again
    again = released(desk, held)["file"]
    last = released(desk, again)["file"]
    outcomes = ("confirmed", "reversed", "already_applied", "duplicate_record", "informational", "held", "not_processed")
    summary, files, partners = report(desk)
    assert [files[n]["release"] for n in (held, first, again, last)] == \
        [f"as file {again}", None, f"of file {held}, as file {last}", f"of file {again}"]
    assert [(files[n]["release_of"], files[n]["released_as"]) for n in (held, again, last)] == \
        [(None, again), (held, last), (again, None)]
    assert [(files[n]["records"], files[n]["not_processed"]) for n in (held, again, last)] == [(None, None), (None, None), (3, 0)]
    assert [files[last][k] for k in outcomes] == [0, 2, 0, 0, 0, 1, 0] and len(files) == 4
    for row in (summary, partners["AIR"]):
        assert (row["files"], row["posted"], row["files_held"], row["released"], row["duplicates"]) == (2, 2, 0, 2, 0)
        assert row["records"] == 4 == sum(f[k] or 0 for f in files.values() for k in outcomes)
        assert row["reversed_points"] == 200 == 100 * desk.reversals()
    # one file of it is what that one was
    assert report(desk, "--file", held)[0]["records"] == 3 and report(desk, "--file", again)[1][again]["not_processed"] == 3
    # every format says the same
    table = list(csv.DictReader(desk.ctl("report", "--all", "--format", "csv", "--table", "partners").stdout.splitlines()))
    assert [(row["partner"], row["files"], row["released"], row["records"]) for row in table] == [("AIR", "2", "2", "4")]
    table = list(csv.DictReader(desk.ctl("report", "--all", "--format", "csv", "--table", "files").stdout.splitlines()))
    assert [(row["records"], row["release"]) for row in table if row["file"] == str(held)] == [("", f"as file {again}")]
    assert sum(int(row["records"] or 0) for row in table if row["file"]) == 4
    for form in ("text", "html"):
        said = desk.ctl("report", "--all", "--format", form).stdout
        assert f"as file {again}" in said and f"of file {again}" in said and "On hold, then released" in said


def test_a_report_of_two_times_has_what_was_held_as_of_each(make):
    desk = make(more="guard: {rejects: 0}")
    for key in "AB":
        desk.redeem(key)
    held = desk.deliver([("A", "KO"), ("B", "KO")])["file"]
    made = released(desk, held)["file"]
    when, = desk.query("SELECT f.decided_at, r.decided_at FROM handback.file f JOIN handback.file r ON r.release_of = f.file_id")
    moved_to(desk, held, "2026-03-02")
    moved_to(desk, made, "2026-03-03")
    for scope, counted, of in ((("--from", "2026-03-02", "--to", "2026-03-02"), held, (1, 0, 1, 0, 2, 0)),
                               (("--from", "2026-03-03", "--to", "2026-03-03"), made, (1, 1, 0, 0, 2, 200)),
                               (("--from", "2026-03-02", "--to", "2026-03-03"), made, (1, 1, 0, 1, 2, 200))):
        summary, files, partners = report(desk, *scope)
        for row in (summary, partners["AIR"]):
            assert tuple(row[k] for k in ("files", "posted", "files_held", "released", "records", "reversed_points")) == of, scope
        assert [n for n, row in files.items() if row["records"]] == [counted] and files[counted]["records"] == 2
    for file, at in zip((held, made), when):
        desk.db.execute("SET session_replication_role = replica")
        desk.db.execute("UPDATE handback.file SET decided_at = %s WHERE file_id = %s", (at, file))
        desk.db.execute("SET session_replication_role = origin")


def test_no_report_that_would_count_a_release_twice(make):
    """The second sum goes by what a file is: a release that does not say of what is found out."""
    desk = make(more="guard: {rejects: 0}")
    desk.redeem("A")
    held = desk.deliver([("A", "KO")])["file"]
    made = released(desk, held)["file"]
    definition, = desk.query("SELECT pg_get_indexdef('handback.file_identity'::regclass)")[0]
    desk.db.execute("SET session_replication_role = replica")
    desk.db.execute("DROP INDEX handback.file_identity")
    desk.db.execute("UPDATE handback.file SET release_of = NULL WHERE file_id = %s", (made,))
    done = desk.ctl("report", "--all", allowed=(5,))
    assert done.stdout == "" and f"file {made}" in done.stderr and "once" in done.stderr
    desk.db.execute("UPDATE handback.file SET release_of = %s WHERE file_id = %s", (held, made))
    desk.db.execute(definition)
    desk.db.execute("SET session_replication_role = origin")


def test_a_resubmission_that_is_meant(make):
    desk = make()
    for key in "AB":
        desk.redeem(key)
    desk.deliver([("A", "OK")], sequence=1)
    other = desk.deliver([("A", "OK"), ("B", "KO")], sequence=1, name="AIR_1.csv")
    assert other["reason"] == "resubmission"
    done = released(desk, other["file"])
    assert desk.outcomes(done["file"]) == [("already_applied", None), ("reversed", None)]


def test_a_test_file_that_is_none(make):
    desk = make()
    profile = desk.profiles / "air.yaml"
    profile.write_text(profile.read_text().replace("columns: 3", "columns: 4").replace(
        "points_total: {at: 3, type: integer}", "points_total: {at: 3, type: integer}\n      test: {at: 4, words: {L: no, T: yes}}"))
    desk.redeem("A")
    held = desk.deliver(desk.file([("A", "KO")]).rstrip(b"\n") + b",T\n")
    assert held["reason"] == "test_file"
    assert released(desk, held["file"])["reversed"] == 1 and desk.reversals() == 1


def test_a_profile_that_was_mended(make):
    desk = make()
    profile = desk.profiles / "air.yaml"
    right = profile.read_text()
    profile.write_text(right.replace("columns: 3", "columns: 4"))
    for key in "AB":
        desk.redeem(key)
    held = desk.deliver([("A", "KO"), ("B", "OK")], sequence=4)
    assert held["reason"] == "refused"
    again = released(desk, held["file"])
    assert (again["state"], again["reason"]) == ("held", "refused"), "it is judged again, and nothing was fixed"
    desk.people.decide([hold_of(desk, again["file"])], "release")
    profile.write_text("profile: air\n")  # nothing to go by
    done = desk.worker.release()
    assert done["end"] == "failed" and f"file {again['file']}, which may go" in done["why"]
    profile.write_text(right)
    [done] = desk.release()
    assert (done["state"], done["confirmed"], done["reversed"]) == ("posted", 1, 1)
    assert desk.row(done["file"])["sequence"] == 4
    assert desk.query("SELECT count(DISTINCT profile_sha256) FROM handback.file") == [(2,)]


def test_what_was_approved_and_has_not_gone_is_listed_with_why(make):
    desk = make(more="guard: {rejects: 0}")
    desk.redeem("A"), desk.redeem("B", partner="OTHER")
    held = desk.deliver([("A", "KO")])["file"]
    kept = desk.spool / desk.row(held)["archived_as"]

    def listed():
        of_holds = json.loads(desk.ctl("holds", "--json").stdout)["releases"]
        assert json.loads(desk.ctl("holds", "--partner", "OTHER", "--json").stdout)["releases"] == []
        return [(row["file"], row["approved_by"], row["why"]) for row in of_holds]
    assert listed() == []
    desk.people.decide([hold_of(desk, held)], "release")
    [(file, by, why)] = listed()
    assert (file, by) == (held, "ben") and "not taken up yet" in why and kept.name in why
    data = kept.read_bytes()
    kept.chmod(0o600)
    kept.write_bytes(data + b"\n")
    for _ in range(2):
        assert desk.worker.release()["end"] == "failed"
    [(file, by, why)] = listed()
    assert (file, by) == (held, "ben") and "not what was delivered" in why
    assert desk.query("SELECT count(*) FROM handback.release_failure") == [(1,)], "it is told once while it is the same"
    assert "not what was delivered" in desk.ctl("holds").stdout
    # the night says so, and that a person has to see to it
    assert [row["file"] for row in desk.nightly(allowed=(3, 4))["releases"]] == [held]
    kept.write_bytes(data)
    assert desk.release()[0]["state"] == "posted" and listed() == [] and desk.nightly(allowed=(0,))["releases"] == []
    assert "Approved, not yet released" not in desk.ctl("holds").stdout


def test_a_record_that_was_unknown_is_matched_in_a_released_file(make):
    """A release is a file like others: its records are tried again, and decided by people."""
    desk = make(more="guard: {rejects: 0}\nunknown_days: 10")
    for key in "AB":
        desk.redeem(key)
    held = desk.deliver([("A", "KO"), ("B", "KO", {"Points": 99})])
    done = released(desk, held["file"])
    assert desk.outcomes(done["file"]) == [("reversed", None), ("held", "points_mismatch")]
    desk.people.decide([desk.query("SELECT max(hold_id) FROM handback.hold")[0][0]], "reverse")
    assert desk.reversals() == 2 and desk.outcomes(done["file"], 1) == [("reversed", None)]


def test_two_workers_see_the_same_releases(make):
    desk = make(more="guard: {rejects: 0}")
    files = []
    for n in range(6):
        desk.redeem(f"R{n}")
        files.append(desk.deliver([(f"R{n}", "KO")])["file"])
    desk.people.decide([hold_of(desk, file) for file in files], "release")
    first, went = desk.worker, []
    workers = [first, desk.start()]
    while True:
        for one in workers:
            one.channel.send(b"release")
        said = [one.answer() for one in workers]
        assert {answer["end"] for answer in said} <= {"done", "gone"}, said
        went += [answer["file"] for answer in said if answer["end"] == "done"]
        if all(answer["end"] == "gone" for answer in said):
            break
    first.close()
    assert len(set(went)) == len(went) == 6 and desk.reversals() == 6
    assert desk.query("SELECT count(*), count(DISTINCT release_of) FROM handback.file WHERE release_of IS NOT NULL") == [(6, 6)]


def test_the_daemon_that_has_the_copy_does_it(make, tmp_path):
    """Two machines, one database, a spool each: what the other one holds is left to it."""
    desk = make(more="guard: {rejects: 0}")
    desk.redeem("A")
    held = desk.deliver([("A", "KO")])
    desk.people.decide([hold_of(desk, held["file"])], "release")
    config = tmp_path / "handback.yaml"
    config.write_text(desk.config.read_text().replace(f"spool: {desk.spool}", f"spool: {tmp_path}/spool"))
    other = worker.Worker(desk.build, config, tmp_path / "log").wait_ready()
    try:
        assert other.release()["end"] == "gone" and desk.reversals() == 0
        [done] = desk.release()
        assert done["state"] == "posted" and other.release()["end"] == "gone" and desk.reversals() == 1
    finally:
        other.close()


def test_what_cannot_be_released(make):
    desk = make(more="guard: {rejects: 0}")
    for key in "AB":
        desk.redeem(key)
    desk.deliver([("A", "OK", {"Points": 99})])
    record = desk.query("SELECT hold_id FROM handback.hold")[0][0]
    held = desk.deliver([("B", "KO")])
    hold = hold_of(desk, held["file"])
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="only a whole file"):
        desk.people.propose([record], "release")
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="can only be released or closed"):
        desk.people.propose([hold], "reverse")
    # not by the daemon alone, nor as something that it is not
    with desk.database.connect("handback_daemon") as c:
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="nobody has approved"):
            c.execute("INSERT INTO handback.hold_end (hold_id, how) VALUES (%s, 'released')", (hold,))
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="that is not so"), desk.db.transaction():
        desk.db.execute("SET CONSTRAINTS handback.check_release IMMEDIATE")
        desk.query("INSERT INTO handback.file (partner_id, source, name, name_shown, sha256, bytes, state, hold_reason, release_of,"
                   " profile, profile_sha256, seen_at) SELECT partner_id, source, name, name_shown, sha256, bytes, state, hold_reason,"
                   " file_id, profile, profile_sha256, seen_at FROM handback.file WHERE file_id = %s RETURNING 1", held["file"])
    desk.people.decide([hold], "close")
    assert desk.release() == [] and desk.reversals() == 0


# under the daemon

@pytest.fixture
def world(cluster, build):
    with World(cluster, build) as made:
        made.people = Operators(made.database)
        yield made
        made.people.close()


def rejected(world, partner="SKYLINE"):
    """A file that the guard holds: its hold."""
    mine = world.ledger.of(partner)[:10]
    world.drop(partner, *world.file(partner, [reject(r, "NO_SEAT") for r in mine]))
    return len(mine)


def guard_hold(world):
    return world.query("SELECT hold_id FROM handback.hold WHERE reason = 'guard' AND record_no IS NULL")[0][0]


def test_the_daemon_releases_what_is_approved(world):
    world.start_daemon()
    many = rejected(world)
    world.until(lambda: world.query("SELECT count(*) FROM handback.hold WHERE reason = 'guard'") == [(1,)], "the guard")
    proposal = world.people.propose([guard_hold(world)], "release")
    assert world.postings() == 0
    (world.dir / "spool/quarantine").rename(world.dir / "spool/away")
    world.ctl("--database", world.database.conninfo("ben"), "hold", "approve", proposal)
    [row] = json.loads(world.ctl("status", "--json").stdout)["releases"]
    assert row["approved_by"] == "ben" and "not taken up yet" in row["why"] and world.postings() == 0
    (world.dir / "spool/away").rename(world.dir / "spool/quarantine")
    world.until(lambda: world.postings() == many, "the release")
    world.wait_quiet()
    assert json.loads(world.ctl("status", "--json").stdout)["releases"] == []
    assert world.stop_daemon() == 0
    assert world.ctl("audit", "verify").returncode == 0
    files = json.loads(world.ctl("files", "--json").stdout)["files"]
    assert [(f["state"], f["release_of"]) for f in files] == [("posted", files[1]["file"]), ("held", None)]


def test_another_machine_takes_over_what_one_held(world):
    """Its spool was copied: whoever has the bytes may release; until then the other says nothing wrong."""
    many = rejected(world)
    world.run()
    world.people.decide([guard_hold(world)], "release")
    gone, world.spool = world.spool, world.dir / "spool-b"
    world.configure()
    world.run()
    assert world.postings() == 0
    shutil.copytree(gone / "quarantine", world.spool / "quarantine", dirs_exist_ok=True)
    world.run()
    assert world.postings() == many
    assert world.ctl("audit", "verify").returncode == 0


def test_what_a_release_would_do_is_shown_before(world):
    many = rejected(world)
    world.run()
    hold, file = guard_hold(world), 1
    shown = json.loads(world.ctl("hold", "show", hold, "--json").stdout)
    assert (shown["hold"]["records"], shown["hold"]["sequence"], shown["hold"]["file"]) == (many, 1, file)
    assert shown["refusals"][0]["rule"] == "guard" and all(c["agrees"] for c in shown["controls"])
    tried = json.loads(world.ctl("try", "--hold", hold, "--json").stdout)
    assert tried["result"]["state"] == "posted" and world.postings() == 0
    assert tried["outcomes"] == [{"outcome": "reversed", "records": many,
                                  "points": sum(r.points for r in world.ledger.of("SKYLINE")[:many])}]
    done = world.ctl("try", "--hold", hold, "--profile", "aurora", check=False)
    assert done.returncode != 0 and world.postings() == 0
    assert world.ctl("try", "--hold", "99", check=False).returncode == 2
    assert world.ctl("try", check=False).returncode == 2
    assert world.ctl("try", "x", "--hold", hold, check=False).returncode == 2
    world.people.decide([hold], "release")
    world.run()
    assert json.loads(world.ctl("hold", "show", hold, "--json").stdout)["hold"]["released_as"] == 2
    facts = [json.loads(world.ctl("show", n, "--json").stdout)["file"] for n in (1, 2)]
    assert (facts[0]["released_as"], facts[1]["release_of"]) == (2, 1)


def test_many_files_by_a_filter(world):
    """As people see it: how many files, and how many records, before they propose it."""
    many = rejected(world)
    world.drop("MERIDIAN", *world.file("MERIDIAN", break_totals=1))
    world.drop("AURORA", *world.file("AURORA", world.unusual("AURORA", "SKYLINE")))
    world.run()
    ann = ("--database", world.database.conninfo("ann"), "hold", "propose", "release", "--reason", "guard", "--why", "so it is")
    done = world.ctl(*ann, check=False)
    assert done.returncode == 2 and f"to release: 1 files of {many} records" in done.stderr
    proposal = json.loads(world.ctl(*ann, "--yes", "--json").stdout)["done"]["number"]
    world.ctl("--database", world.database.conninfo("ben"), "hold", "approve", proposal)
    # whole files only, however many records of the partner wait
    proposal = json.loads(world.ctl("--database", world.database.conninfo("ann"), "hold", "propose", "release", "--partner",
                                    "MERIDIAN", "--why", "again", "--yes", "--json").stdout)["done"]["number"]
    world.people.reject(proposal)
    done = world.ctl("--database", world.database.conninfo("ann"), "hold", "propose", "release", "--partner", "AURORA", "--why",
                     "x", "--yes", check=False)
    assert done.returncode == 2 and "no open hold matches" in done.stderr
    before = world.postings()
    world.run()
    assert world.postings() == before + many


def test_a_run_without_a_daemon_releases_too(world):
    many = rejected(world)
    world.run()
    world.people.decide([guard_hold(world)], "release")
    for _ in range(2):
        assert world.run().returncode == 0 and world.postings() == many
    assert world.ctl("audit", "verify").returncode == 0

"""What a file is: partner, profile, bytes and what its name states, and posted or still waiting as a whole.

F1 to F8 are small cases from the field in which "seen these bytes" was taken for "posted these bytes", and money went
wrong in silence.  Here each has the answer that the field expects.
"""
import csv
import datetime
import json
import re

import psycopg
import pytest

import worker
from operators import Operators
from releases import hold_of, released, verify


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
        if not getattr(one, "broken", False):
            verify(one, build)
        one.people.close()
        one.close()


def other_partner(desk, partner):
    """Another partner whose files look the same: how its deliveries are taken."""
    name = partner.lower()
    text = (desk.profiles / "air.yaml").read_text()
    (desk.profiles / f"{name}.yaml").write_text(text.replace("profile: air\n", f"profile: {name}\n").replace("partner: AIR\n", f"partner: {partner}\n"))

    def deliver(data, name_of_file):
        desk.drop(name_of_file, data)
        return desk.worker.job(desk.inbound, name_of_file, name, partner, name)
    return deliver


def close(desk, file):
    desk.people.decide([hold_of(desk, file)], "close")


def state(desk, key):
    return desk.query("SELECT handback.redemption_state(redemption_id) FROM ledger.redemption WHERE external_reference = %s::uuid",
                      desk.references[key])[0][0]


def same_bytes(desk, file):
    import json
    return [(row["file"], row["relation"]) for row in json.loads(desk.ctl("show", file, "--json").stdout)["same_bytes"]]


# the cases of the field

def test_f1_a_file_in_the_wrong_directory_is_posted_in_its_own(make):
    desk = make()
    sea = other_partner(desk, "SEA")
    desk.redeem("R")
    profile = desk.profiles / "sea.yaml"
    profile.write_text(profile.read_text().replace("columns: 3\n    fields:\n", "columns: 3\n    fields:\n      partner_id: {at: 1, must_be: SEA}\n", 1))
    data = desk.file([("R", "KO")])
    wrong = sea(data, "AIR_1.csv")
    assert (wrong["state"], wrong["reason"]) == ("held", "wrong_partner")
    close(desk, wrong["file"])
    done = desk.deliver(data, sequence=1)
    assert (done["state"], done["reversed"], done["earlier"]) == ("posted", 1, wrong["file"]) and state(desk, "R") == "reversed"
    assert same_bytes(desk, done["file"]) == [(wrong["file"], "of another partner")]


@pytest.mark.parametrize("closed", (False, True))
def test_f2_a_file_under_a_wrong_name_is_posted_under_the_right_one(make, closed):
    desk = make()
    desk.redeem("R")
    data = desk.file([("R", "KO")])
    wrong = desk.deliver(data, name="answers.csv")
    assert (wrong["state"], wrong["reason"]) == ("held", "refused")
    if closed:
        close(desk, wrong["file"])
    done = desk.deliver(data, sequence=1, name="AIR_1.csv")
    assert (done["state"], done["reversed"]) == ("posted", 1) and state(desk, "R") == "reversed"
    assert same_bytes(desk, wrong["file"]) == [(done["file"], "its name states something else")]


def test_f3_bytes_that_another_partner_delivered_first_are_posted_for_their_own(make):
    desk = make()
    evil = other_partner(desk, "EVIL")
    for n in range(4):
        desk.redeem(f"R{n}")
    data = desk.file([(f"R{n}", "KO") for n in range(4)])
    first = evil(data, "AIR_1.csv")
    assert (first["state"], first["held"]) == ("posted", 4)
    assert {o for o in desk.outcomes(first["file"])} == {("held", "unknown_reference")}
    done = desk.deliver(data, sequence=1)
    assert (done["state"], done["reversed"]) == ("posted", 4)


@pytest.mark.parametrize("before", ("another partner", "wrong name", "wrong checksum"))
def test_f4_what_was_rejected_is_never_confirmed_by_silence(make, before):
    desk = make(lists="rejects", order_by="none", more="answer_within: 5")
    for key in "RS":
        desk.redeem(key, posted_at=datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=30))
    data = desk.file([("R", "KO")])
    if before == "another partner":
        other_partner(desk, "EVIL")(data, "AIR_1.csv")
    elif before == "wrong name":
        close(desk, desk.deliver(data, name="answers.csv")["file"])
    else:
        # held, sent again while it is held, and closed because it was sent again: the second delivery waits then
        right = (desk.profiles / "air.yaml").read_text()
        (desk.profiles / "air.yaml").write_text(right.replace("columns: 3", "columns: 4"))
        held = desk.deliver(data, sequence=1)
        assert held["reason"] == "refused"
        (desk.profiles / "air.yaml").write_text(right)
        again = desk.deliver(data, sequence=1)
        assert (again["state"], again["earlier"]) == ("duplicate", held["file"])
        close(desk, held["file"])
        assert desk.query("SELECT file_id, reason FROM handback.open_holds") == [(again["file"], "not_a_duplicate")]
        desk.deliver([], sequence=2)
        desk.nightly()
        assert (state(desk, "R"), state(desk, "S")) == ("open", "open"), "somebody has to look first"
        assert released(desk, again["file"])["reversed"] == 1
    if before != "wrong checksum":
        assert desk.deliver(data, sequence=1)["reversed"] == 1
    desk.deliver([], sequence=3)
    desk.nightly()
    assert (state(desk, "R"), state(desk, "S")) == ("reversed", "confirmed")


def test_f5_after_the_profile_is_corrected_and_the_hold_closed_the_same_bytes_are_posted(make):
    desk = make()
    desk.redeem("R")
    right = (desk.profiles / "air.yaml").read_text()
    (desk.profiles / "air.yaml").write_text(right.replace("columns: 3", "columns: 4"))
    data = desk.file([("R", "KO")])
    held = desk.deliver(data, sequence=1)
    assert held["reason"] == "refused"
    (desk.profiles / "air.yaml").write_text(right)
    close(desk, held["file"])
    done = desk.deliver(data, sequence=1)
    assert (done["state"], done["reversed"]) == ("posted", 1)
    assert desk.query("SELECT again_of FROM handback.file WHERE file_id = %s", done["file"]) == [(held["file"],)]
    assert desk.deliver(data, sequence=1)["state"] == "duplicate" and desk.reversals() == 1


def test_f6_an_answer_that_is_taken_back_twice_is_a_contradiction(make):
    desk = make(gap="hold", late_reject="reverse", file_name="F_{sequence:6}.csv")
    desk.redeem("U")
    accepted = desk.file([("U", "OK")])
    desk.deliver(accepted, sequence=1, name="F_000001.csv")
    desk.deliver([("U", "KO")], sequence=2, name="F_000002.csv")
    assert state(desk, "U") == "reversed"
    third = desk.deliver(accepted, sequence=3, name="F_000003.csv")
    assert third["state"] == "posted" and desk.outcomes(third["file"]) == [("held", "contradiction")]
    assert desk.deliver(accepted, name="F_000003.csv")["state"] == "duplicate"
    assert desk.query("SELECT DISTINCT statement FROM handback.file ORDER BY 1") == \
        [("sequence 1",), ("sequence 2",), ("sequence 3",)]


def test_f7_files_with_nothing_in_them_came_each_day(make):
    desk = make(order_by="none", file_name="AIR_{business_date:YYYYMMDD}.csv",
                more='expected: {daily: {due: "00:01", days: mon-sun, empty: yes}}')
    profile = desk.profiles / "air.yaml"
    profile.write_text(re.sub(r"  trailer:\n.*?(?=  detail:)", "", profile.read_text(), flags=re.S).replace(
        "controls:\n  records: trailer.count = count(detail)\n  points: trailer.points_total = sum(detail.points)\n", ""))
    nothing = (",".join(worker.COLUMNS) + "\n").encode()
    days = [datetime.date.today() - datetime.timedelta(days=n) for n in (2, 1, 0)]
    for day in days:
        desk.query("SELECT handback.make_expected_deliveries('air', 'daily', 'UTC', 1, 127, 0, 1, %s)",
                   datetime.datetime.combine(day, datetime.time(), datetime.timezone.utc))
    for n, day in enumerate(days):
        name = f"AIR_{day:%Y%m%d}.csv"
        desk.drop(name, nothing)
        seen = int(datetime.datetime.combine(day, datetime.time(0, 0, 30), datetime.timezone.utc).timestamp() * 1e6)
        done = desk.worker.job(desk.inbound, name, "air", "AIR", "air", seen=seen)
        assert (done["state"], done["records"]) == ("posted", 0), n
    came = desk.query("SELECT day, came, state FROM handback.expected_files WHERE day = ANY (%s) ORDER BY day", days)
    assert came == [(day, 1, "on_time") for day in days]
    # the same one once more is no other day's
    again = desk.deliver(nothing, name=f"AIR_{days[1]:%Y%m%d}.csv")
    assert again["state"] == "duplicate"


def test_f8_a_release_whose_copy_is_lost_takes_the_one_that_comes_again(make):
    desk = make(more="guard: {rejects: 0}")
    desk.redeem("R")
    data = desk.file([("R", "KO")])
    held = desk.deliver(data, sequence=1)
    assert held["reason"] == "guard"
    copy = desk.spool / desk.row(held["file"])["archived_as"]
    copy.unlink()
    desk.people.decide([hold_of(desk, held["file"])], "release")
    assert desk.release() == []
    again = desk.deliver(data, sequence=1)
    assert (again["state"], again["earlier"]) == ("duplicate", held["file"])
    [done] = desk.release()
    assert (done["state"], done["reversed"]) == ("posted", 1)
    assert desk.row(done["file"])["release_of"] == held["file"]
    desk.broken = True  # the lost copy is what `audit verify` tells


def test_a_release_that_cannot_go_is_withdrawn_by_two_people(make):
    """The copy is lost and the partner has none: two people withdraw the release, and the file waits as before."""
    desk = make(more="guard: {rejects: 0}")
    desk.redeem("R")
    data = desk.file([("R", "KO")])
    held = desk.deliver(data, sequence=1)
    (desk.spool / desk.row(held["file"])["archived_as"]).unlink()
    first = hold_of(desk, held["file"])
    desk.people.decide([first], "release")
    assert desk.release() == [] and desk.query("SELECT file_id FROM handback.release_waiting") == [(held["file"],)]
    proposal = desk.people.propose([first], "reopen")
    with pytest.raises(psycopg.Error, match="proposed"):
        desk.people.ann.execute("SELECT handback.approve(%s)", (proposal,))
    desk.people.approve(proposal)
    assert desk.query("SELECT hold_id, reason, how FROM handback.file_hold") == [(first + 1, "guard", None)]
    assert desk.query("SELECT count(*) FROM handback.release_waiting") == [(0,)] and desk.release() == []
    with pytest.raises(psycopg.Error, match="reopened already"):
        desk.people.propose([first], "reopen")
    # what comes meanwhile is a duplicate of it: it waits; and is taken when two people release it once more
    assert desk.deliver(data, sequence=1)["state"] == "duplicate" and desk.release() == []
    desk.people.decide([first + 1], "release")
    [done] = desk.release()
    assert (done["state"], done["reversed"]) == ("posted", 1)
    with pytest.raises(psycopg.Error, match="its file was released"):
        desk.people.propose([first + 1], "reopen")
    desk.broken = True  # the lost copy is what `audit verify` tells


def test_a_release_that_was_withdrawn_posts_nothing(make):
    desk = make(more="guard: {rejects: 0}")
    desk.redeem("R")
    held = desk.deliver([("R", "KO")], sequence=1)
    first = hold_of(desk, held["file"])
    desk.people.decide([first], "release")
    desk.people.decide([first], "reopen")
    assert desk.release() == [] and desk.reversals() == 0
    desk.people.decide([first + 1], "close")
    again = desk.deliver(desk.file([("R", "OK")]), sequence=1, name="AIR_000001.csv")
    assert again["state"] == "posted"
    assert desk.query("SELECT file_id FROM handback.purgeable_copy WHERE file_id = %s", held["file"]) == [(held["file"],)]


def test_a_file_that_people_closed_says_so_and_names_its_right_version(make):
    desk = make(gap="hold", more="guard: {rejects: 0}")
    desk.redeem("R")
    held = desk.deliver([("R", "KO")], sequence=1)

    def shown(*command):
        return json.loads(desk.ctl(*command, "--json", allowed=(0, 3)).stdout)

    def listed(*options):
        return [(row["file"], row["state"], row["right_version"]) for row in shown("files", *options)["files"]]
    assert listed() == [(held["file"], "held", None)]
    desk.people.decide([hold_of(desk, held["file"])], "close")
    assert listed() == [(held["file"], "closed", None)] and listed("--state", "held") == []
    facts = shown("show", str(held["file"]))["file"]
    assert facts["state"] == "closed" and facts["action_required"] is None and facts["closed"]
    # other bytes with the same number
    posted = desk.deliver([("R", "OK")], sequence=1)
    assert posted["state"] == "posted"
    assert listed("--state", "closed") == [(held["file"], "closed", posted["file"])]
    assert shown("show", str(held["file"]))["file"]["right_version"] == posted["file"]
    assert shown("show", str(posted["file"]))["file"]["in_place_of"] == str(held["file"])
    report = shown("report", "--all")
    assert [(row["file"], row["state"], row["release"]) for row in report["files"][:1]] == \
        [(held["file"], "closed", f"posted since as file {posted['file']}")]
    [summary] = report["summary"] if isinstance(report["summary"], list) else [report["summary"]]
    assert (summary["files"], summary["files_held"], summary["closed"], summary["posted"]) == (2, 0, 1, 1)
    [refused] = report["refused"]
    assert (refused["action_required"], refused["right_version"]) == (None, posted["file"]) and refused["closed"]


def test_another_partners_file_of_the_same_number_is_no_right_version(make):
    desk = make(gap="hold", more="guard: {rejects: 0}")
    for key in "RS":
        desk.redeem(key)
    held = desk.deliver([("R", "KO")], sequence=1)
    desk.people.decide([hold_of(desk, held["file"])], "close")
    desk.deliver([("R", "OK")], sequence=1)
    desk.deliver([("S", "OK")], sequence=2)
    [(right,)] = desk.query("SELECT handback.right_version(f) FROM handback.file f WHERE file_id = %s", held["file"])
    assert desk.row(right)["sequence"] == 1
    assert desk.query("SELECT handback.right_version(f) FROM handback.file f WHERE file_id <> %s", held["file"]) == [(None,), (None,)]


def test_a_copy_that_is_another_file_is_never_taken_for_it(make):
    desk = make(more="guard: {rejects: 0}")
    desk.redeem("R")
    data = desk.file([("R", "KO")])
    held = desk.deliver(data, sequence=1)
    copy = desk.spool / desk.row(held["file"])["archived_as"]
    was = copy.read_bytes()
    copy.chmod(0o600)
    copy.write_bytes(was.replace(b"KO", b"OK"))
    desk.people.decide([hold_of(desk, held["file"])], "release")
    assert desk.worker.release()["end"] == "failed" and state(desk, "R") == "open"
    copy.write_bytes(was)
    assert [d["state"] for d in desk.release()] == ["posted"]


# what is a duplicate, and what people may say of it

def test_a_duplicate_repeats_what_is_posted_or_waits(make):
    desk = make(more="guard: {rejects: 0}")
    for key in "RS":
        desk.redeem(key)
    data = desk.file([("R", "KO")])
    held = desk.deliver(data, sequence=1)["file"]
    for _ in range(2):
        again = desk.deliver(data, sequence=1)
        assert (again["state"], desk.row(again["file"])["duplicate_of"]) == ("duplicate", held)
    assert ("same_bytes", 2) == ("same_bytes", len(same_bytes(desk, held)))
    shown = desk.ctl("hold", "show", hold_of(desk, held)).stdout
    assert "Other files with these bytes" in shown and "the same file" in shown
    made = released(desk, held)["file"]
    again = desk.deliver(data, sequence=1)
    assert (again["state"], desk.row(again["file"])["duplicate_of"]) == ("duplicate", made)
    assert desk.reversals() == 1


def test_not_a_duplicate_is_for_two_people(make):
    desk = make(late_reject="reverse")
    desk.redeem("U")
    accepted = desk.file([("U", "OK")])
    desk.deliver(accepted, sequence=1)
    desk.deliver([("U", "KO")], sequence=2)
    again = desk.deliver(accepted, sequence=1)
    assert again["state"] == "duplicate"
    proposal, = desk.people.ann.execute("SELECT handback.not_a_duplicate(%s, 'they say it again')", (again["file"],)).fetchone()
    assert desk.query("SELECT reason FROM handback.open_holds") == [("not_a_duplicate",)] and desk.release() == []
    with pytest.raises(psycopg.errors.CheckViolation):
        desk.people.ann.execute("SELECT handback.approve(%s)", (proposal,))
    desk.people.approve(proposal)
    [done] = desk.release()
    assert desk.row(done["file"])["release_of"] == again["file"] and done["state"] == "posted"
    assert desk.release() == []
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="has ended"):
        desk.people.ann.execute("SELECT handback.not_a_duplicate(%s, 'and again')", (again["file"],))
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="was not taken for a duplicate"):
        desk.people.ann.execute("SELECT handback.not_a_duplicate(1, 'no')")
    table = list(csv.DictReader(desk.ctl("report", "--all", "--format", "csv", "--table", "summary").stdout.splitlines()))
    assert (table[0]["duplicates"], table[0]["released"]) == ("0", "1")


def test_not_a_duplicate_by_command(make):
    desk = make()
    desk.redeem("U")
    data = desk.file([("U", "KO")])
    desk.deliver(data, sequence=1)
    again = desk.deliver(data, sequence=1)
    said = desk.ctl("hold", "propose", "not_a_duplicate", "--file", again["file"], "--why", "meant").stdout
    assert "proposed" in said
    assert desk.ctl("hold", "propose", "not_a_duplicate", "--why", "x", allowed=(2,)).stderr.count("--file") == 1
    assert desk.query("SELECT decision FROM handback.proposal") == [("release",)]
    # said, and closed by two people: it stays what it was
    desk.people.decide([hold_of(desk, again["file"])], "close")
    assert desk.release() == [] and desk.reversals() == 1


def test_what_came_while_a_file_waited_waits_when_that_is_closed(make):
    desk = make(more="guard: {rejects: 0}")
    desk.redeem("R")
    data = desk.file([("R", "KO")])
    held = desk.deliver(data, sequence=1)["file"]
    first, last = (desk.deliver(data, sequence=1)["file"] for _ in range(2))
    close(desk, held)
    assert desk.query("SELECT file_id FROM handback.open_holds") == [(last,)]
    close(desk, last)
    assert desk.query("SELECT file_id FROM handback.open_holds") == [] and desk.release() == []
    done = desk.deliver(data, sequence=1)
    assert (done["state"], done["reason"], done["earlier"]) == ("held", "guard", held)
    assert first < last < done["file"]
    assert released(desk, done["file"])["reversed"] == 1 and desk.reversals() == 1


def test_closed_and_sent_again_twice_at_once_is_decided_once(make, build):
    """Two workers have the same delivery under two names of one statement."""
    desk = make(file_name="AIR_{sequence:+}.csv", more="guard: {rejects: 0}")
    desk.redeem("R")
    data = desk.file([("R", "KO")])
    close(desk, desk.deliver(data, sequence=7)["file"])
    other = worker.Worker(build, desk.config, desk.dir / "other.log").wait_ready()
    for name in ("AIR_7.csv", "AIR_007.csv"):
        desk.drop(name, data)
    desk.worker.send(desk.inbound, "AIR_7.csv", "air", "AIR", "air")
    other.send(desk.inbound, "AIR_007.csv", "air", "AIR", "air")
    ends = sorted(w.answer()["state"] for w in (desk.worker, other))
    other.close()
    assert ends == ["duplicate", "held"]


def test_the_database_refuses_a_second_decision_of_what_counts(make):
    desk = make()
    desk.redeem("R")
    data = desk.file([("R", "KO")])
    done = desk.deliver(data, sequence=1)["file"]
    copy = ("INSERT INTO handback.file (partner_id, source, name, name_shown, sha256, bytes, state, profile, profile_sha256, seen_at,"
            " statement, again_of) SELECT partner_id, source, name, name_shown, sha256, bytes, state, profile, profile_sha256, seen_at,"
            " statement, {} FROM handback.file WHERE file_id = %s")
    with pytest.raises(psycopg.errors.UniqueViolation):
        desk.db.execute(copy.format("NULL"), (done,))
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="decided again"):
        desk.db.execute(copy.format(done), (done,))


def test_a_crash_after_the_decision_is_made_good_by_its_own_key(make):
    """A delivery that was decided and not archived goes on where it was, whatever else has its bytes."""
    desk = make()
    sea = other_partner(desk, "SEA")
    desk.redeem("R")
    data = desk.file([("R", "KO")])
    first = sea(data, "AIR_1.csv")
    (desk.spool / "archive").rename(desk.spool / "away")
    (desk.spool / "archive").write_text("")
    desk.drop("AIR_1.csv", data)
    assert desk.take("AIR_1.csv")["end"] == "failed"
    assert desk.query("SELECT count(*) FROM handback.file WHERE archived_at IS NULL") == [(1,)] and desk.reversals() == 1
    (desk.spool / "archive").unlink()
    (desk.spool / "away").rename(desk.spool / "archive")
    done = desk.take("AIR_1.csv")
    assert (done["end"], done["state"]) == ("done", "posted") and done["file"] > first["file"]
    assert desk.query("SELECT count(*) FROM handback.file") == [(2,)] and desk.reversals() == 1

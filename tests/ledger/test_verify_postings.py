"""audit verify and the ledger beside it: whose reversals are whose, and what the login may not read."""
import json

import psycopg
import pytest

from operators import Operators
from world import World

from generate import accept  # fixtures/ is on the path since world


@pytest.fixture
def world(cluster, build):
    with World(cluster, build) as made:
        made.run()  # makes the spool
        yield made


def verify(world):
    done = world.ctl("audit", "verify", "--json", check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def logins(cluster):
    names = {"app": "handback_owner", "carol": "handback_operator", "dave": "handback_operator", "second": "handback_daemon"}
    with cluster.connect() as c:
        for name, role in names.items():
            c.execute(f"DROP ROLE IF EXISTS {name}")
            c.execute(f"CREATE ROLE {name} LOGIN IN ROLE {role}")
    yield
    with cluster.connect() as c:
        for name in names:
            c.execute(f"DROP ROLE {name}")


def application_reverses(world, login, redemptions):
    with world.database.connect(login) as c:
        for member, merchant, programme, reference in redemptions:
            assert c.execute("SELECT code FROM ledger.reversal_points(%s, %s, %s, %s)",
                             (programme, member, merchant, reference)).fetchone() == ("000",)


def some(world, many):
    with world.database.connect() as c:
        return c.execute("SELECT member, merchant, programme, external_reference FROM ledger.redemption WHERE partner = 'SKYLINE'"
                         " ORDER BY redemption_id LIMIT %s", (many,)).fetchall()


@pytest.mark.parametrize("login", ("app", "postgres"), ids=("a login of its own", "the service's login"))
def test_an_application_reverses_and_people_take_one_back(world, logins, login):
    """The partner says OK to what the application reversed; two people believe it. The other reversal stays the application's."""
    application_reverses(world, login, some(world, 2))
    world.drop("SKYLINE", *world.file("SKYLINE"))
    world.run()
    assert verify(world)[0] == 0
    with world.database.connect("carol") as c:
        hold, = c.execute("SELECT min(h.hold_id) FROM handback.hold h JOIN handback.outcome o USING (file_id, record_no)"
                          " WHERE h.reason = 'contradiction' AND o.verdict = 1").fetchone()
        proposal, = c.execute("SELECT handback.propose(ARRAY[%s::bigint], 'reinstate', 'fulfilled', NULL, true)", (hold,)).fetchone()
    with world.database.connect("dave") as c:
        c.execute("SELECT handback.approve(%s, 'yes')", (proposal,))
    code, shown, why = verify(world)
    assert code == 0, shown + why


def test_a_login_that_never_posted_for_a_file_posts_a_reversal(world, logins):
    with world.database.connect() as c:
        redemption, = c.execute("SELECT min(redemption_id) FROM ledger.redemption").fetchone()
    with world.database.connect("second") as c:
        c.execute("SELECT ledger.post_reversals(ARRAY[%s::bigint])", (redemption,))
    code, shown, _ = verify(world)
    assert code == 5 and "was posted by second" in json.loads(shown)["difference"]["message"]


def test_a_second_reversal_of_one_redemption(world, logins):
    application_reverses(world, "app", some(world, 1))
    with world.database.connect() as c:
        c.execute("SET session_replication_role = replica")
        c.execute("DROP INDEX ledger.entry_answers")
        c.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points, answers_entry_id, posted_by, origin)"
                  " SELECT programme_id, member_id, category, points, answers_entry_id, 'somebody', 'application' FROM ledger.entry"
                  " WHERE category = 'Redemption Reversal'")
        c.execute("UPDATE ledger.balance b SET points = b.points + e.points FROM ledger.entry e WHERE e.posted_by = 'somebody'"
                  " AND e.member_id = b.member_id")
    code, shown, _ = verify(world)
    assert code == 5 and json.loads(shown)["difference"]["message"].endswith("has 2 reversals")


def test_balances_that_may_not_be_read_are_not_taken_for_none(world):
    """A changed balance must never pass because the login cannot see it."""
    with world.database.connect() as c:
        c.execute("REVOKE SELECT ON ledger.balance FROM handback_verify")
    code, _, why = verify(world)
    assert code == 6 and "may not read ledger.balance" in why
    with world.database.connect() as c:
        c.execute("GRANT SELECT ON ledger.balance TO handback_verify")
        c.execute("SET session_replication_role = replica")
        c.execute("UPDATE ledger.balance SET points = points + 1000000 WHERE member_id = 7")
    code, shown, _ = verify(world)
    assert code == 5 and json.loads(shown)["difference"]["message"].startswith("member 7 has a balance of ")


def test_an_old_difference_hides_no_new_one(world):
    """Each of them is named, those of heads in the order of heads, whatever part of the proof finds it."""
    world.drop("SKYLINE", *world.file("SKYLINE"))
    world.run()
    with world.database.connect() as c:
        c.execute("SET session_replication_role = replica")
        c.execute("UPDATE ledger.balance SET points = points + 1 WHERE member_id IN (7, 8)")
        c.execute("UPDATE handback.outcome SET points = points + 1 WHERE record_no IN (3, 5)")
        c.execute("UPDATE audit.head SET head_text = replace(head_text, 'SKYLINE', 'SKYLINF')")
    kept = next(path for path in (world.spool / "archive").rglob("*") if path.is_file())
    kept.chmod(0o600)
    kept.write_bytes(kept.read_bytes() + b"\n")
    code, shown, _ = verify(world)
    found = json.loads(shown)["differences"]
    assert code == 5 and json.loads(shown)["difference"] == found[0]
    assert [(d["part"], d["record"]) for d in found] == [
        ("head", None), ("file", None), ("outcome", 3), ("outcome", 5), ("balance", None), ("balance", None), ("file", None)], found
    assert "SHA-256" in found[-1]["message"] and "member 8" in found[-2]["message"]


def test_more_differences_than_are_listed(world):
    """A thousand are listed, and all are counted."""
    world.drop("SKYLINE", *world.file("SKYLINE"))
    world.run()
    with world.database.connect() as c:
        c.execute("SET session_replication_role = replica")
        c.execute("UPDATE ledger.balance SET points = points + 1 WHERE member_id < 10")
        c.execute("INSERT INTO handback.hold (file_id, record_no, reason) SELECT 1, n, 'guard' FROM generate_series(1001, 2200) n")
    code, shown, _ = verify(world)
    assert code == 5 and len(json.loads(shown)["differences"]) == 1000
    text = world.ctl("audit", "verify", check=False).stdout
    assert "1009 differences were found; the first 1000 are listed." in " ".join(text.split())


def test_what_is_kept_is_where_it_is_said_to_be(world):
    world.drop("SKYLINE", *world.file("SKYLINE"))
    world.run()
    kept = next(path for path in (world.spool / "archive").rglob("*") if path.is_file())
    with world.database.connect() as c:
        c.execute("SET session_replication_role = replica")
        place, = c.execute("SELECT archived_as FROM handback.file").fetchone()
        c.execute("UPDATE handback.file SET archived_as = 'archive/elsewhere'")
        code, shown, _ = verify(world)
        assert code == 5 and json.loads(shown)["difference"]["message"].endswith("says that it is kept as archive/elsewhere")
        c.execute("UPDATE handback.file SET archived_as = NULL, archived_at = NULL")
        assert verify(world)[0] == 0 and "not archived yet" in world.ctl("audit", "verify").stdout
        c.execute("UPDATE handback.file SET archived_as = %s, archived_at = now()", (place,))
    bytes_ = kept.read_bytes()
    kept.unlink()
    kept.mkdir()
    assert "what is kept is no file" in json.loads(verify(world)[1])["difference"]["message"]
    kept.rmdir()
    kept.write_bytes(bytes_)
    assert verify(world)[0] == 0


# ---------------------------------------------------------------- by which rules

def test_a_file_is_shown_with_the_rules_that_judged_it(world):
    """The profile as it was, byte by byte, after it was changed; and the decision tables."""
    world.own_profiles()
    profile = world.profiles / "skyline.yaml"
    before = profile.read_text(encoding="utf-8")
    world.drop("SKYLINE", *world.file("SKYLINE"))
    world.run()
    profile.write_text("# another\n" + before, encoding="utf-8")
    world.drop("SKYLINE", *world.file("SKYLINE", world.answers("SKYLINE", start=40), sequence=2))
    world.run()
    said = [json.loads(world.ctl("show", n, "--rules", "--json").stdout) for n in (1, 2)]
    assert ["\n".join(row["line"] or "" for row in s["profile_text"]) for s in said] == [before.rstrip("\n"), ("# another\n" + before).rstrip("\n")]
    assert said[0]["decision_tables"] == said[1]["decision_tables"] and len(said[0]["decision_tables"]) > 60
    assert said[0]["file"]["rules_sha256"] == said[1]["file"]["rules_sha256"] is not None
    (tables,), = world.query("SELECT handback.decision_tables()")
    assert [row["line"] for row in said[0]["decision_tables"]] == tables.rstrip("\n").split("\n")
    assert len(world.query("SELECT FROM handback.rule_text")) == 3
    assert verify(world)[0] == 0


@pytest.mark.parametrize("change, told", (
    ("DELETE FROM handback.rule_text WHERE sha256 = (SELECT profile_sha256 FROM handback.file)", "the profile that judged it"),
    ("DELETE FROM handback.rule_text WHERE sha256 = (SELECT rules_sha256 FROM handback.file)", "the decision tables that judged it"),
    ("UPDATE handback.rule_text SET text = text || 'x'::bytea WHERE sha256 = (SELECT profile_sha256 FROM handback.file)", "has the SHA-256"),
    ("UPDATE handback.file SET rules_sha256 = sha256('x')", "rules_sha256"),
    ("UPDATE handback.file SET rules_sha256 = NULL", "rules_sha256")))
def test_the_rules_that_judged_a_file_cannot_be_taken_away(world, change, told):
    world.drop("SKYLINE", *world.file("SKYLINE"))
    world.run()
    with world.database.connect() as c:
        c.execute("SET session_replication_role = replica")
        c.execute("ALTER TABLE handback.rule_text DROP CONSTRAINT hash_of_text")
        assert c.execute(change).rowcount == 1
    code, shown, _ = verify(world)
    assert code == 5 and told in shown


def decided_by_people(world):
    """Two people close one held record, after somebody wrote a note; the number of the event that closed it."""
    world.drop("SKYLINE", *world.file("SKYLINE", [accept(world.ledger.of("MERIDIAN")[0])]))
    world.run()
    hold, = world.query("SELECT min(hold_id) FROM handback.hold")[0]
    with Operators(world.database) as people:
        people.ann.execute("SELECT handback.comment_hold(%s, 'whose is it?')", (hold,))
        return hold, people.decide([hold], "close")


def test_what_people_decide_names_the_rules_in_force(world):
    """As files do; and when the tables change, so does what is named, and both texts are kept. A note decides nothing."""
    hold, event = decided_by_people(world)
    steps = json.loads(world.ctl("hold", "show", hold, "--json").stdout)["steps"]
    (of_file, tables), = world.query("SELECT encode(rules_sha256, 'hex'), handback.decision_tables() FROM handback.file")
    assert [(s["what"], s["rules_sha256"]) for s in steps] == [("commented", None), ("proposed", of_file), ("approved", of_file)]
    text, = world.query("SELECT h.head_text FROM audit.head h JOIN audit.event a USING (head_no) WHERE a.event_id = %s", event)[0]
    assert text.endswith(f"\nrules_sha256\t{of_file}\n") and verify(world)[0] == 0
    with world.database.connect() as c:
        c.execute("SET session_replication_role = replica")
        c.execute("UPDATE handback.hold_reason SET meaning = meaning || '.' WHERE reason = 'guard'")
    with Operators(world.database) as people:
        people.decide([hold], "reopen")
    named = world.query("SELECT DISTINCT a.rules_sha256, convert_from(t.text, 'UTF8') FROM audit.event a JOIN handback.rule_text t"
                        " ON t.sha256 = a.rules_sha256 WHERE a.event_id > %s", event)
    assert named == [(bytes(named[0][0]), world.query("SELECT handback.decision_tables()")[0][0])] and named[0][1] != tables


@pytest.mark.parametrize("change, told", (
    ("DELETE FROM handback.rule_text WHERE sha256 = (SELECT rules_sha256 FROM audit.event WHERE event_id = %s)", "the decision tables by which event"),
    ("UPDATE audit.event SET rules_sha256 = sha256('x') WHERE event_id = %s", "rules_sha256"),
    ("UPDATE audit.event SET rules_sha256 = NULL WHERE event_id = %s", "rules_sha256")))
def test_the_rules_of_a_decision_cannot_be_taken_away(world, change, told):
    _, event = decided_by_people(world)
    with world.database.connect() as c:
        c.execute("SET session_replication_role = replica")
        assert c.execute(change, (event,)).rowcount == 1
    code, shown, _ = verify(world)
    assert code == 5 and told in shown


def test_a_difference_that_two_people_accepted_is_listed_apart(world, logins):
    """As long as it says the same; beside it any other is one, and so is a signature that somebody wrote or took away."""
    def change(member, points):
        with world.database.connect() as c:
            c.execute("SET session_replication_role = replica")
            c.execute("UPDATE ledger.balance SET points = points + %s WHERE member_id = %s", (points, member))

    def accept_as(login, difference):
        with world.database.connect(login) as c:
            c.execute("SELECT handback.accept_difference(decode(%s, 'hex'), 'restored by hand')", (difference,))
    change(7, 1)
    code, shown, _ = verify(world)
    known = json.loads(shown)["difference"]
    assert code == 5 and len(known["id"]) == 32
    assert world.ctl("audit", "accept", known["id"][:-1], "why", check=False).returncode == 2
    world.ctl("audit", "accept", known["id"], "see the minutes")
    # one is not enough, and the same one twice is one
    assert verify(world)[0] == 5
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="another person must accept it"):
        accept_as("postgres", known["id"])
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        accept_as("second", known["id"])
    accept_as("dave", known["id"])
    code, shown, _ = verify(world)
    [apart] = json.loads(shown)["accepted"]
    assert code == 0 and apart["id"] == known["id"] and apart["message"] == known["message"]
    assert apart["accepted_by"] == "postgres: see the minutes; dave: restored by hand"
    # another one is named, and this stays apart
    change(8, 1)
    code, shown, _ = verify(world)
    said = json.loads(shown)
    assert code == 5 and said["difference"]["message"].startswith("member 8 ") and [a["id"] for a in said["accepted"]] == [known["id"]]
    assert "differences" not in said
    change(8, -1)
    # the same row, changed once more
    change(7, 1)
    code, shown, _ = verify(world)
    assert code == 5 and json.loads(shown)["difference"]["id"] != known["id"] and "accepted" not in json.loads(shown)
    change(7, -1)
    for tamper in ("DELETE FROM handback.difference_acceptance WHERE accepted_by = 'dave'",
                   "UPDATE handback.difference_acceptance SET accepted_by = 'erin' WHERE accepted_by = 'dave'",
                   "UPDATE handback.difference_acceptance SET why = 'x' WHERE accepted_by = 'dave'"):
        with world.database.connect() as c, c.transaction(force_rollback=False):
            kept = c.execute("SELECT * FROM handback.difference_acceptance WHERE accepted_by = 'dave'").fetchone()
            c.execute("SET session_replication_role = replica")
            c.execute(tamper)
        assert verify(world)[0] == 5, tamper
        with world.database.connect() as c:
            c.execute("SET session_replication_role = replica")
            c.execute("DELETE FROM handback.difference_acceptance WHERE event_id = %s", (kept[4],))
            c.execute("INSERT INTO handback.difference_acceptance VALUES (%s, %s, %s, %s, %s)", kept)
    assert verify(world)[0] == 0

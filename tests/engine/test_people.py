"""What people do about holds: a proposal, another person's approval, and the trail of both."""
import json
import uuid

import psycopg
import pytest

from world import World

PEOPLE = ("alice", "bob")


@pytest.fixture(scope="module")
def logins(cluster, build):
    """Two operators with logins of their own."""
    made = cluster.database()  # the roles are there from the first migration on
    with cluster.connect() as c:
        for name in PEOPLE:
            c.execute(f"DROP ROLE IF EXISTS {name}")
            c.execute(f"CREATE ROLE {name} LOGIN IN ROLE handback_operator")
    yield PEOPLE
    made.drop()
    with cluster.connect() as c:
        for name in PEOPLE:
            c.execute(f"DROP ROLE IF EXISTS {name}")


@pytest.fixture
def world(cluster, build, logins):
    with World(cluster, build) as made:
        made.drop("SKYLINE", *made.file("SKYLINE", made.unusual()))
        made.drop("MERIDIAN", *made.file("MERIDIAN", break_totals=1))
        made.run()
        yield made


def as_(world, who, *arguments, check=True):
    return world.ctl("--database", world.database.conninfo(who), *arguments, check=check)


def number(done):
    return json.loads(done.stdout)["done"]["number"]


def a_hold(world, where="h.record_no IS NOT NULL AND h.redemption_id IS NOT NULL"):
    """An open hold of a record whose redemption is open."""
    rows = world.query("SELECT h.hold_id, h.redemption_id, h.points FROM handback.hold h"
                       " WHERE NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id)"
                       f" AND {where} ORDER BY 1")
    assert rows, "the file made no such hold"
    return rows[0]


def verified(world):
    assert world.ctl("audit", "verify", check=False).returncode == 0


def test_one_proposes_and_another_approves(world):
    hold, redemption, points = a_hold(world)
    before = world.query("SELECT b.points FROM ledger.balance b JOIN ledger.redemption d USING (member_id)"
                         " WHERE d.redemption_id = %s", redemption)[0][0]
    proposal = number(as_(world, "alice", "hold", "propose", "reverse", hold, "--why", "refused by mail", "--accept-difference", "--json"))
    assert world.query("SELECT count(*) FROM ledger.reversal WHERE redemption_id = %s", redemption) == [(0,)]
    done = as_(world, "alice", "hold", "approve", proposal, check=False)
    assert done.returncode == 2 and done.stderr == "handbackctl: you proposed this; another person must approve it\n"
    as_(world, "bob", "hold", "approve", proposal, "--why", "seen the mail")
    assert world.query("SELECT points, posted_by FROM ledger.reversal WHERE redemption_id = %s", redemption) \
        == [(points, "bob")]
    assert world.query("SELECT b.points FROM ledger.balance b JOIN ledger.redemption d USING (member_id)"
                       " WHERE d.redemption_id = %s", redemption) == [(before + points,)]
    assert world.query("SELECT how, ended_by FROM handback.hold_end WHERE hold_id = %s", hold) == [("reversed", "bob")]
    assert world.query("SELECT revision, outcome FROM handback.outcome WHERE redemption_id = %s ORDER BY 1", redemption) \
        == [(0, 6), (1, 2)]
    assert world.query("SELECT who, what FROM audit.event ORDER BY event_id") == [("alice", "proposed"), ("bob", "approved")]
    verified(world)
    story = world.ctl("explain", world.query("SELECT external_reference::text FROM ledger.redemption WHERE redemption_id = %s",
                                             redemption)[0][0]).stdout
    for word in ("proposed (proposal", "refused by mail", "approved (proposal", "people decided: reversed"):
        assert word in story
    done = as_(world, "bob", "hold", "approve", proposal, check=False)
    assert done.returncode == 2 and "was approved by bob" in done.stderr


def test_the_database_refuses_the_proposer_in_psql_too(world):
    hold, *_ = a_hold(world)
    with world.database.connect("alice") as c:
        proposal = c.execute("SELECT handback.propose(%s, 'close', 'no use')", ([hold],)).fetchone()[0]
        with pytest.raises(psycopg.errors.CheckViolation, match="approver_is_not_proposer"):
            c.execute("SELECT handback.approve(%s)", (proposal,))
        for statement in ("INSERT INTO handback.hold_end (hold_id, how) VALUES (%s, 'closed')",
                          "INSERT INTO handback.proposal_end VALUES (%s, 'alice', 'approved', NULL, now(), 'bob', 1)",
                          "SELECT ledger.post_reversals(ARRAY[%s::bigint])"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                c.execute(statement, (hold,))
    with world.database.connect("handback_finance") as c, pytest.raises(psycopg.errors.InsufficientPrivilege):
        c.execute("SELECT handback.approve(%s)", (proposal,))


def test_a_reversal_is_posted_once_for_ever(world):
    hold, redemption, _ = a_hold(world)
    first = number(as_(world, "alice", "hold", "propose", "reverse", hold, "--why", "x", "--accept-difference", "--json"))
    second = number(as_(world, "bob", "hold", "propose", "reverse", hold, "--why", "y", "--accept-difference", "--json"))
    as_(world, "bob", "hold", "approve", first)
    assert as_(world, "alice", "hold", "approve", second, check=False).returncode == 2
    assert world.query("SELECT count(*) FROM ledger.reversal WHERE redemption_id = %s", redemption) == [(1,)]
    verified(world)


def test_an_application_that_reversed_first_is_respected(world):
    hold, redemption, _ = a_hold(world)
    proposal = number(as_(world, "alice", "hold", "propose", "reverse", hold, "--why", "x", "--accept-difference", "--json"))
    with world.database.connect() as c:
        c.execute("DROP ROLE IF EXISTS teller")
        c.execute("CREATE ROLE teller LOGIN SUPERUSER")
    with world.database.connect("teller") as c:
        assert c.execute("SELECT (ledger.reversal_points(d.programme, d.member, d.merchant, d.external_reference)).code"
                         " FROM ledger.redemption d WHERE d.redemption_id = %s", (redemption,)).fetchall() == [("000",)]
    done = as_(world, "bob", "hold", "approve", proposal, check=False)
    assert done.returncode == 2 and "reversed already" in done.stderr
    verified(world)


def test_reinstating_what_was_reversed_in_error(world):
    redemption = world.query("SELECT redemption_id FROM handback.outcome WHERE outcome = 2 ORDER BY 1 LIMIT 1")[0][0]
    reference = world.query("SELECT external_reference::text FROM ledger.redemption WHERE redemption_id = %s", redemption)[0][0]
    hold, *_ = a_hold(world, "h.record_no IS NOT NULL AND h.redemption_id IS NULL")
    proposal = number(as_(world, "alice", "hold", "propose", "reinstate", hold, "--redemption", reference, "--why",
                          "the member flew", "--accept-difference", "--json"))
    as_(world, "bob", "hold", "approve", proposal)
    assert world.query("SELECT reinstatement_id IS NOT NULL FROM ledger.reversal WHERE redemption_id = %s", redemption) \
        == [(True,)]
    assert world.query("SELECT handback.redemption_state(%s)", redemption) == [("reinstated",)]
    verified(world)


def test_confirming_an_unknown_reference_says_which_is_meant(world):
    hold, *_ = a_hold(world, "h.record_no IS NOT NULL AND h.redemption_id IS NULL")
    done = as_(world, "alice", "hold", "propose", "confirm", hold, "--why", "x", check=False)
    assert done.returncode == 2 and "names no redemption" in done.stderr
    done = as_(world, "alice", "hold", "propose", "confirm", hold, "--why", "x", "--redemption", uuid.uuid4(), check=False)
    assert done.returncode == 2
    other = world.query("SELECT external_reference::text FROM ledger.redemption WHERE partner = 'AURORA' LIMIT 1")[0][0]
    done = as_(world, "alice", "hold", "propose", "confirm", hold, "--why", "x", "--redemption", other, check=False)
    assert done.returncode == 2 and "not one of this partner" in done.stderr
    open_one = world.query("SELECT external_reference::text, redemption_id FROM ledger.redemption d WHERE partner = 'SKYLINE'"
                           " AND handback.redemption_state(redemption_id) = 'open' AND NOT EXISTS"
                           " (SELECT FROM handback.outcome o WHERE o.redemption_id = d.redemption_id) LIMIT 1")[0]
    proposal = number(as_(world, "alice", "hold", "propose", "confirm", hold, "--why", "x", "--redemption", open_one[0],
                          "--accept-difference", "--json"))
    as_(world, "bob", "hold", "approve", proposal)
    assert world.query("SELECT handback.redemption_state(%s)", open_one[1]) == [("confirmed",)]
    verified(world)


def test_in_bulk_by_a_filter_all_or_nothing(world):
    done = as_(world, "alice", "hold", "propose", "close", "--partner", "SKYLINE", "--why", "test traffic", check=False)
    assert done.returncode == 2 and "not confirmed: use --yes" in done.stderr and "holds of" in done.stderr
    done = as_(world, "alice", "hold", "propose", "close", "--partner", "SKYLINE", "--why", "test traffic", "--yes", "--json")
    many = world.query("SELECT count(*) FROM handback.hold h JOIN handback.file f USING (file_id) JOIN handback.partner p"
                       " USING (partner_id) WHERE p.code = 'SKYLINE'")[0][0]
    assert f"{many} holds" in done.stderr and many > 1
    as_(world, "bob", "hold", "approve", number(done))
    left = json.loads(world.ctl("holds", "--json").stdout)["holds"]
    assert {h["partner"] for h in left} == {"MERIDIAN"}
    verified(world)


def test_rejecting_leaves_the_hold_open(world):
    hold, *_ = a_hold(world)
    proposal = number(as_(world, "alice", "hold", "propose", "close", hold, "--why", "x", "--json"))
    assert as_(world, "bob", "hold", "reject", proposal, check=False).returncode == 2
    as_(world, "bob", "hold", "reject", proposal, "--why", "not so fast")
    assert as_(world, "bob", "hold", "approve", proposal, check=False).returncode == 2
    assert hold in [h["hold"] for h in json.loads(world.ctl("holds", "--json").stdout)["holds"]]
    assert json.loads(world.ctl("proposals", "--json").stdout)["proposals"] == []
    [row] = json.loads(world.ctl("proposals", "--all", "--json").stdout)["proposals"]
    assert row["state"] == "rejected" and row["ended_by"] == "bob"
    verified(world)


def test_a_whole_file_is_closed_and_nothing_else(world):
    hold, *_ = a_hold(world, "h.record_no IS NULL")
    assert as_(world, "alice", "hold", "propose", "reverse", hold, "--why", "x", check=False).returncode == 2
    proposal = number(as_(world, "alice", "hold", "propose", "close", hold, "--why", "sent again", "--json"))
    as_(world, "bob", "hold", "approve", proposal)
    assert world.query("SELECT how FROM handback.hold_end WHERE hold_id = %s", hold) == [("closed",)]
    verified(world)


def test_what_is_known_of_a_hold(world):
    hold, *_ = a_hold(world)
    as_(world, "alice", "hold", "assign", hold, "bob", "--why", "knows them")
    as_(world, "bob", "hold", "comment", hold, "waiting for an answer")
    said = json.loads(world.ctl("hold", "show", hold, "--json").stdout)
    assert [(s["who"], s["what"], s["why"]) for s in said["steps"]] == \
        [("alice", "assigned", "knows them"), ("bob", "commented", "waiting for an answer")]
    offset, length, kept = world.query(
        "SELECT byte_offset, byte_length, archived_as FROM handback.outcome o JOIN handback.file f USING (file_id)"
        " JOIN handback.hold h USING (file_id, record_no) WHERE h.hold_id = %s", hold)[0]
    data = (world.spool / kept).read_bytes()[offset:offset + length]
    assert said["hold"]["content"].encode().decode("unicode_escape").encode("latin-1") == data
    assert said["hold"]["redemption_state"] == "open" and said["hold"]["action_required"]
    verified(world)


def test_wrong_calls(world):
    for call in (["propose", "close", "1"], ["propose", "close", "--why", "x"], ["propose", "burn", "1", "--why", "x"],
                 ["propose", "close", "99999", "--why", "x"], ["propose", "close", "x", "--why", "x"], ["approve", "99999"],
                 ["approve", "x"], ["comment", "99999", "x"], ["comment", "1", ""], ["assign", "1", ""],
                 ["propose", "close", "1", "--why", "   "]):
        assert as_(world, "alice", "hold", *call, check=False).returncode == 2, call
    verified(world)


def test_what_is_refused_is_said_in_our_words(world):
    """No sentence of PostgreSQL where a rule of ours was broken; and what to do next."""
    hold, _, _ = a_hold(world)
    on_hold, = world.query("SELECT h.hold_id FROM handback.hold h WHERE h.record_no IS NULL ORDER BY 1")[0]
    proposal = number(as_(world, "alice", "hold", "propose", "close", hold, "--why", "known", "--json"))
    propose = ("hold", "propose")
    for arguments, words in (
            ((*propose, "burn", hold, "--why", "x"), "decision burn: not known; use confirm, reverse, reinstate, credit, close, release, reopen or not_a_duplicate"),
            ((*propose, "close", hold, "--why", "  "), "--why TEXT is required"),
            ((*propose, "close", hold), "--why TEXT is required"),
            ((*propose, "confirm", hold, "--why", "x", "--redemption", "12-34"), "12-34: not an external reference; write"),
            ((*propose, "confirm", hold, "--why", "x", "--redemption", str(uuid.uuid4())), "no redemption has the external reference"),
            ((*propose, "release", hold, "--why", "x"), "only a whole file can be released; propose confirm"),
            ((*propose, "confirm", on_hold, "--why", "x"), "which can only be released or closed"),
            ((*propose, "close", 10 ** 30, "--why", "x"), "is no hold's number"),
            ((*propose, "close", 2 ** 63 - 1, "--why", "x"), "`handbackctl holds`"),
            (("hold", "assign", 2 ** 63 - 1, "bob"), "no such hold among {9223372036854775807}; `handbackctl holds` lists"),
            (("hold", "assign", hold, " "), "WHO is empty"),
            (("hold", "comment", hold, ""), "TEXT is empty"),
            (("hold", "comment", 2 ** 63 - 1, "x"), "no such hold: 9223372036854775807; `handbackctl holds` lists"),
            (("hold", "approve", 2 ** 63 - 1), "no such proposal: 9223372036854775807; `handbackctl proposals` lists"),
            (("hold", "approve", 0), "0 is no proposal's number"),
            (("hold", "approve", proposal), "you proposed this; another person must approve it"),
            (("hold", "reject", proposal, "--why", " "), "--why TEXT is required"),
            (("holds", "--reason", "gap"), "--reason gap: no such reason; did you mean sequence_gap?"),
            (("holds", "--reason", "sequense_gap"), "--reason sequense_gap: no such reason; did you mean sequence_gap?"),
            (("holds", "--partner", "SKYLIN"), "--partner SKYLIN: no such partner"),
            (("files", "--partner", ""), "no such partner"),
            (("overdue", "--partner", "x" * 3000), "no such partner"),
            (("report", "--partner", "SKYLIN"), "--partner SKYLIN: no such partner"),
            (("report", "ageing", "--partner", "SKYLIN"), "--partner SKYLIN: no such partner"),
            (("transactions", "--partner", "SKYLIN"), "--partner SKYLIN: no such partner"),
            (("show", "1", "--records", "--outcome", "confrmed"), "--outcome confrmed: not known; use confirmed, reversed"),
            (("files", "--state", "psted"), "--state psted: not known; use posted, held, duplicate or closed")):
        done = as_(world, "alice", *arguments, check=False)
        assert done.returncode == 2 and words in done.stderr, (arguments, done.stderr)
        assert "violates" not in done.stderr and "invalid input" not in done.stderr
    as_(world, "bob", "hold", "approve", proposal)
    for arguments, words in ((("hold", "approve", proposal), f"proposal {proposal} was approved by bob; `handbackctl proposals --all`"),
                             ((*propose, "close", hold, "--why", "x"), f"hold {hold} has ended; `handbackctl holds --ended`")):
        done = as_(world, "alice", *arguments, check=False)
        assert done.returncode == 2 and words in done.stderr, done.stderr
    for arguments in (("show", 10 ** 30), ("explain", "1:" + "9" * 30), ("show", "9" * 19), ("hold", "show", 10 ** 30),
                      ("files", "--limit", 10 ** 30), ("files", "--from", "2026-02-31")):
        done = as_(world, "alice", *arguments, check=False)
        assert done.returncode == 2 and "out of range" not in done.stderr and "invalid input" not in done.stderr, done.stderr

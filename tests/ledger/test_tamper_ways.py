"""Ways in which whoever owns the database and the spool could falsify what was decided: which audit verify finds, and which not and why.

The table stands in docs/operator.md, "The proof"; this file, run as a program, writes it there.
"""
import json
import pathlib
import re
import sys
import time
import types

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/support")]

from chain import cut_the_tail, make_key, rewrite_the_chain  # noqa: E402
from points import PARTNER, receive, row, sponsor, sponsored, terms  # noqa: E402
from world import World  # noqa: E402

GUIDE = ROOT / "docs/operator.md"
FIRST = "(file_id, record_no) = (SELECT file_id, min(record_no) FROM handback.outcome WHERE outcome = 1 AND revision = 0 GROUP BY 1 LIMIT 1)"
REVERSAL = "entry_id = (SELECT max(reversal_id) FROM handback.outcome WHERE outcome = 2)"
DEBIT = "entry_id = (SELECT max(redemption_id) FROM handback.outcome WHERE outcome = 1)"
OPEN = "entry_id = (SELECT max(entry_id) FROM ledger.entry d WHERE category = 'Debit By Redemption' AND origin IS NULL AND NOT EXISTS" \
       " (SELECT FROM handback.outcome o WHERE o.redemption_id = d.entry_id))"
# balances follow whatever was done to the entries
BALANCES = """; UPDATE ledger.balance b SET points = e.points FROM (SELECT member_id, sum(CASE WHEN category IN ('Credit By Accrual',
    'Redemption Reversal', 'Credit By Correction') THEN points ELSE -points END) AS points FROM ledger.entry GROUP BY 1) e WHERE e.member_id = b.member_id"""
ANSWER = "INSERT INTO ledger.entry (programme_id, member_id, category, points, answers_entry_id, posted_by, origin)" \
         " SELECT programme_id, member_id, '{0}', points, entry_id, '{1}', {2} FROM ledger.entry WHERE {3}"
REQUEST = "(SELECT {0} FROM points.request WHERE request_key = '{1}')"
COPY_ROW = "INSERT INTO {0} SELECT (jsonb_populate_record(t, '{1}')).* FROM {0} t WHERE {2} LIMIT 1"

# what is done, with every trigger and foreign key off: found, as a difference of this part ("|" separates what it may be)
FOUND = {
    "an outcome is another": (f"UPDATE handback.outcome SET outcome = 3 WHERE {FIRST}", "outcome"),
    "the verdict of a record is another": (f"UPDATE handback.outcome SET verdict = 2 WHERE {FIRST}", "outcome"),
    "a record states other points": (f"UPDATE handback.outcome SET points = points + 1 WHERE {FIRST}", "outcome"),
    "a record points to other bytes": (f"UPDATE handback.outcome SET byte_offset = byte_offset + 1 WHERE {FIRST}", "outcome"),
    "a record answers another redemption": (f"UPDATE handback.outcome SET redemption_id = (SELECT max(entry_id) FROM ledger.entry WHERE {OPEN})"
                                            f" WHERE {FIRST}", "outcome"),
    "a held record has another reason": ("UPDATE handback.outcome SET hold_reason = 'ambiguous' WHERE hold_reason = 'points_mismatch' AND revision = 0",
                                         "outcome|hold"),
    "a record's detail is another": ("UPDATE handback.outcome SET detail = 'x' WHERE outcome = 6 AND revision = 0", "outcome"),
    "a leaf's hash is another": (f"UPDATE handback.outcome SET leaf_hash = sha256('x') WHERE {FIRST}", "outcome"),
    "an outcome is removed": (f"DELETE FROM handback.outcome WHERE {FIRST}", "outcome"),
    "an outcome is added": (COPY_ROW.format("handback.outcome", '{"record_no": 9999}', "outcome = 5 AND revision = 0"), "outcome"),
    "a file has another name": ("UPDATE handback.file SET name = name || 'x'::bytea WHERE file_id = 1", "file"),
    "a file has other bytes": ("UPDATE handback.file SET sha256 = sha256('x') WHERE file_id = 1", "file|outcome"),
    "a file is another partner's": ("UPDATE handback.file SET partner_id = 3 - partner_id % 2 WHERE file_id = 1", "file"),
    "a held file is said to be posted": ("UPDATE handback.file SET state = 'posted', hold_reason = NULL WHERE state = 'held'", "file|hold"),
    "a file was judged by another profile": ("UPDATE handback.file SET profile_sha256 = sha256('x') WHERE file_id = 1", "file|rules"),
    "a file is removed": ("DELETE FROM handback.file WHERE file_id = 1", "file"),
    "a file is added": (COPY_ROW.format("handback.file", '{"file_id": 9999, "statement": "x"}', "file_id = 1"), "file"),
    "a file's totals by outcome are others": ("UPDATE handback.tie_out SET points = points + 1 WHERE outcome = 1", "file"),
    "a file's totals by outcome are removed": ("DELETE FROM handback.tie_out WHERE outcome = 1", "file"),
    "a control total is another": ("UPDATE handback.control SET stated = stated + 1", "file"),
    "a control total is removed": ("DELETE FROM handback.control", "file"),
    "the reason of a refusal is another": ("UPDATE handback.refusal SET message = 'x'", "file"),
    "the reason of a refusal is removed": ("DELETE FROM handback.refusal", "file"),
    "a hold has another reason": ("UPDATE handback.hold SET reason = 'ambiguous' WHERE hold_id = (SELECT min(hold_id) FROM handback.hold)", "hold"),
    "a hold is removed": ("DELETE FROM handback.hold WHERE hold_id = (SELECT min(hold_id) FROM handback.hold)", "hold"),
    "a hold is added": (COPY_ROW.format("handback.hold", '{"hold_id": 9999, "record_no": 9999}', "record_no IS NOT NULL"), "hold"),
    "a hold is said to be closed": ("INSERT INTO handback.hold_end (hold_id, how) SELECT max(hold_id), 'closed' FROM handback.hold", "hold"),
    "the end of a hold is removed": ("DELETE FROM handback.hold_end", "proposal|event|hold|outcome"),
    "a proposal says another why": ("UPDATE handback.proposal SET why = 'x'", "proposal"),
    "a proposal is of another hold": ("UPDATE handback.proposal_hold SET hold_id = hold_id + 1", "proposal|hold"),
    "a proposal is removed": ("DELETE FROM handback.proposal", "event|proposal|hold"),
    "another person approved": ("UPDATE handback.proposal_end SET ended_by = 'mallory'", "proposal|hold"),
    "an approval is removed": ("DELETE FROM handback.proposal_end", "event|hold"),
    "a comment says something else": ("UPDATE handback.hold_note SET comment = 'x'", "note"),
    "a comment is removed": ("DELETE FROM handback.hold_note", "event"),
    "an event says something else": ("UPDATE audit.event SET why = 'x' WHERE what = 'proposed'", "event"),
    "another person did it": ("UPDATE audit.event SET who = 'mallory' WHERE what = 'approved'", "event"),
    "an event is removed": ("DELETE FROM audit.event WHERE what = 'approved'", "event"),
    "an event is forged": ("SELECT audit.append_event('approved', 'proposal 999', 'forged')", "event"),
    "a head's text is another": ("UPDATE audit.head SET head_text = replace(head_text, 'tree_size', 'tree_sizE') WHERE head_no = 2", "head"),
    "a head's text and hash are others": ("UPDATE audit.head SET head_text = head_text || 'x', head_hash = sha256(convert_to(head_text || 'x', 'UTF8'))"
                                          " WHERE head_no = 2", "head"),
    "a head in the middle is removed": ("DELETE FROM audit.head WHERE head_no = 2", "head"),
    "an answered debit has other points": (f"UPDATE ledger.entry SET points = points + 1 WHERE {DEBIT}" + BALANCES, "debit|outcome"),
    "an answered debit is another member's": (f"UPDATE ledger.entry SET member_id = member_id % 2 + 1 WHERE {DEBIT}" + BALANCES, "debit|outcome"),
    "an answered debit is removed": (f"DELETE FROM ledger.entry WHERE {DEBIT}" + BALANCES, "debit|outcome"),
    "a reversal credits another member": (f"UPDATE ledger.entry SET member_id = member_id % 2 + 1 WHERE {REVERSAL}" + BALANCES, "reversal|outcome"),
    "a reversal has other points": (f"UPDATE ledger.entry SET points = points + 1 WHERE {REVERSAL}" + BALANCES, "reversal|outcome"),
    "a reversal is removed": (f"DELETE FROM ledger.entry WHERE {REVERSAL}" + BALANCES, "reversal|outcome"),
    "another login posted a reversal": (f"UPDATE ledger.entry SET posted_by = 'mallory' WHERE {REVERSAL}", "reversal|outcome"),
    "a reversal is said to be the application's": (f"UPDATE ledger.entry SET origin = 'application' WHERE {REVERSAL}", "reversal"),
    "a reversal is taken back": (ANSWER.format("Redemption Reinstatement", "mallory", "'handback'", REVERSAL) + BALANCES, "reinstatement"),
    "a redemption is credited once more, as if people had corrected it": (
        ANSWER.format("Redemption Reinstatement", "mallory", "'handback'", REVERSAL) + "; "
        + ANSWER.format("Credit By Correction", "mallory", "'handback'", "category = 'Redemption Reinstatement'") + BALANCES, "credit|reinstatement"),
    "a second reversal of one debit": ("DROP INDEX ledger.entry_answers; " + ANSWER.format(
        "Redemption Reversal", "mallory", "'application'", "entry_id = (SELECT max(redemption_id) FROM handback.outcome WHERE outcome = 2)")
        + BALANCES, "reversal"),
    "a reversal of handback's that no file asked for": (ANSWER.format("Redemption Reversal", "mallory", "'handback'", OPEN) + BALANCES, "reversal"),
    "a reversal that does not say whose it is": (ANSWER.format("Redemption Reversal", "mallory", "NULL", OPEN) + BALANCES, "reversal"),
    "a redemption of the API loses its request, and so its key": ("DELETE FROM api.request WHERE idempotency_key = 'order-1'", "request"),
    "a reversal of the API loses its request": ("DELETE FROM api.request WHERE stated_amount IS NULL AND entry_id IS NOT NULL", "request"),
    "a key is answered with another's redemption": ("UPDATE api.request SET entry_id = (SELECT max(entry_id) FROM ledger.entry WHERE origin IS NULL"
                                                    " AND category = 'Debit By Redemption') WHERE idempotency_key = 'order-1'", "request"),
    "a key that redeemed is answered with a refusal": ("UPDATE api.request SET code = '302', reason = 'insufficient points', entry_id = NULL"
                                                       " WHERE idempotency_key = 'order-1'", "request"),
    "a key that was refused is answered with a redemption": ("UPDATE api.request SET code = '000', reason = NULL WHERE idempotency_key = 'order-3'",
                                                             "request"),
    "a redemption of the API is removed": ("DELETE FROM ledger.entry WHERE entry_id = (SELECT min(entry_id) FROM api.request)" + BALANCES, "request"),
    "what the API posted is said to be of nobody": ("UPDATE ledger.entry SET origin = NULL WHERE entry_id = (SELECT max(entry_id) FROM api.request)",
                                                    "request|reversal"),
    "a points request is of other points than its debit": ("UPDATE points.request SET points = points + 1 WHERE request_key = 'deal-1'", "points request"),
    "the debit of a points request takes other points, with its balance": (
        "UPDATE ledger.entry SET points = points + 1 WHERE entry_id = " + REQUEST.format("entry_id", "deal-2") + BALANCES, "points request"),
    "the debit of a points request is removed, with its balance": (
        "DELETE FROM ledger.entry WHERE entry_id = " + REQUEST.format("entry_id", "deal-2") + BALANCES, "points request"),
    "a debit is said to be of a points request": (
        f"UPDATE ledger.entry SET origin = 'points' WHERE entry_id = (SELECT max(entry_id) FROM ledger.entry WHERE {OPEN})", "points request"),
    "a points request is removed": ("DELETE FROM points.request WHERE request_key = 'deal-2'", "points request"),
    "what waits for its window is taken out": ("DELETE FROM points.waiting", "points request"),
    "a points request above a cap is let through by nobody": (
        "INSERT INTO ledger.entry (entry_id, programme_id, member_id, category, points, partner, merchant, transaction_type, origin)"
        " SELECT entry_id, programme_id, payer_id, 'Debit By Redemption', points, partner, partner, 4, 'points' FROM points.request WHERE request_key ="
        " 'deal-4'" + BALANCES, "points request"),
    "a points request that was sent is said to be refused": (
        "UPDATE points.refusal SET request_no = " + REQUEST.format("request_no", "deal-1"), "points request"),
    "a sponsor's cap is another": ("UPDATE points.sponsor SET day_points = day_points + 1", "points request"),
    "who approved a sponsor is another": ("UPDATE points.proposal_end SET ended_by = 'mallory'", "points request"),
    "a batch has a request less": ("DELETE FROM points.sending WHERE place = 1", "points batch"),
    "a closed batch has other points": ("UPDATE points.batch_end SET credited = credited + 1, requested = requested + 1", "points batch"),
    "a closed batch says that points were credited that were given back": (
        "UPDATE points.batch_end SET credited = credited + reversed, reversed = 0", "points batch"),
    "an order of the shop states other points than its debit": ("UPDATE catalogue.shop_order SET stated = '501' WHERE order_id = 'o-1'", "order"),
    "an order of the shop is removed": ("DELETE FROM catalogue.shop_order WHERE order_id = 'o-1'", "order"),
    "the refund of an order names another reversal": (
        f"UPDATE catalogue.refund SET entry_id = (SELECT max(entry_id) FROM ledger.entry WHERE {REVERSAL})", "order"),
    "a balance": ("UPDATE ledger.balance SET points = points + 1000000 WHERE member_id = 7", "balance"),
    "a rule decides otherwise": ("UPDATE handback.verdict_rule SET outcome = 2, hold_reason = NULL WHERE state = 'confirmed' AND verdict = 4", "schema"),
    "a verdict has another name": ("UPDATE handback.verdict_name SET name = 'fine' WHERE verdict = 5", "schema"),
    "a hold reason asks for something else": ("UPDATE handback.hold_reason SET action_required = 'none'", "schema"),
    "the text of a profile that judged is removed": ("DELETE FROM handback.rule_text", "rules"),
    "a trigger is disabled": ("ALTER TABLE ledger.entry DISABLE TRIGGER append_only", "schema"),
    "a unique index is dropped": ("DROP INDEX handback.outcome_once", "schema"),
    "a function of the schema is another": (
        "CREATE OR REPLACE FUNCTION handback_schema.refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'", "schema"),
    "the end of the chain is cut off, with all that it proves": (cut_the_tail, "checkpoint"),
    "the chain is rewritten from its first head on": (rewrite_the_chain, "checkpoint"),
    "a debit that nobody has answered has other points, with its balance": (
        f"UPDATE ledger.entry SET points = points + 1 WHERE {OPEN}" + BALANCES, "redemption"),
    "an open redemption is taken off the list of what may be open": (
        f"DELETE FROM ledger.watched_debit WHERE redemption_id = (SELECT entry_id FROM ledger.entry WHERE {OPEN})", "redemption"),
    "the list of what may be open says another partner": ("UPDATE ledger.watched_debit SET partner = 'OTHER'", "redemption"),
    "a kept file has another byte": ("changed", "file"),
    "a kept file is gone": ("gone", "file"),
    "a file is kept that was never delivered": ("unknown", "file"),
}
# not found, and why that is so
NOT_FOUND = {
    "an accrual has other points, with its balance": (
        "UPDATE ledger.entry SET points = points + 1 WHERE entry_id = (SELECT min(entry_id) FROM ledger.entry WHERE category ="
        " 'Credit By Accrual')" + BALANCES, "the same: no partner answers it"),
    "a reversal that is said to be the application's, with its balance": (
        ANSWER.format("Redemption Reversal", "mallory", "'application'", OPEN) + BALANCES,
        "it looks as what an application posts by SQL. A partner's later answer contradicts it, and is held then"),
    "the request of a refusal loses its key": (
        "DELETE FROM api.request WHERE idempotency_key = 'order-3'",
        "a refusal moved no points and stands nowhere else: asked again with this key it is judged once more"),
    "a key of a redemption has another name": (
        "UPDATE api.request SET idempotency_key = 'x' WHERE idempotency_key = 'order-1'",
        "the ledger knows that it was asked for, not by which key"),
    "a member has another reference": (
        "UPDATE ledger.member SET relation_reference = 'X' || relation_reference WHERE member_id = 7",
        "members may be renamed, by the ledger's contract: leaves name them by their number"),
    "when a source was polled": (
        "INSERT INTO handback.source_poll (source, polled_at, result) VALUES ('skyline', now(), 'empty')",
        "it decides nothing of a record: it says when a file may be called missing"),
}


def rows():
    yield from ("| whoever owns the database or the spool, and switched every guard off, changes | found | as, or why not |", "|---|---|---|")
    for what, (_, part) in FOUND.items():
        yield f"| {what} | yes | {part.replace('|', ' or ')} |"
    for what, (_, why) in NOT_FOUND.items():
        yield f"| {what} | no | {why} |"


def place(text):
    found = re.search(r"<!-- tampering: from tests/ledger/test_tamper_ways.py -->\n(.*?)<!-- end -->", text, re.S)
    assert found, "docs/operator.md has no place for tampering"
    return found


def test_the_guide_has_every_way():
    assert len(FOUND) + len(NOT_FOUND) >= 46 and len(FOUND) >= 40
    assert place(GUIDE.read_text(encoding="utf-8"))[1].splitlines() == list(rows()), "run tests/ledger/test_tamper_ways.py, and look at it"


def call_the_api(world):
    """A redemption, its reversal, and a redemption that is refused."""
    with world.database.connect() as c:
        programme, member, code = c.execute(
            "SELECT programme_id, relation_reference, p.code FROM ledger.member m JOIN ledger.programme p USING (programme_id)"
            " JOIN ledger.balance b USING (member_id) WHERE m.status = 'Active' AND b.points >= 5000 ORDER BY member_id DESC LIMIT 1").fetchone()
        c.execute("SELECT api.add_credential('shop', %s, sha256('s'))", (code,))
        redeem = """SELECT code, external_reference FROM api.redeem(ARRAY['shop'], ARRAY[1], ARRAY['q'], ARRAY[%s], ARRAY[sha256(%s::bytea)], ARRAY[%s],
            ARRAY[%s::bigint], ARRAY['1'], ARRAY['Amazon'], ARRAY[(SELECT min(transaction_type) FROM ledger.transaction_type WHERE programme_id = %s)])"""
        done, reference = c.execute(redeem, ("order-1", b"1", member, 5000, programme)).fetchone()
        back, = c.execute("SELECT code FROM api.reverse('shop', 1, 'q', NULL, sha256('2'), %s, 'Amazon', %s)", (member, reference)).fetchone()
        refused, _ = c.execute(redeem, ("order-3", b"3", member, 2 ** 62, programme)).fetchone()
        assert (done, back, refused) == ("000", "000", "302")


def ask_for_points(world):
    """A batch that is given back and closed, a request that waits, one that was refused, one above the cap; and two orders of the shop, one refunded."""
    with world.database.connect() as c:
        programme, member, code = c.execute(
            "SELECT programme_id, relation_reference, p.code FROM ledger.member m JOIN ledger.programme p USING (programme_id)"
            " JOIN ledger.balance b USING (member_id) WHERE m.status = 'Active' AND b.points >= 20000 ORDER BY member_id LIMIT 1").fetchone()
        c.execute("SELECT api.add_credential('app', %s, sha256('s'))", (code,))
        terms(world.database, programme=code, account="member", schedule="now")
        sponsor(world.database, account=member, cap=1900, programme=code)
        ask = {"RelationReference": member}
        assert receive(c, row("deal-3", **ask, Points=1000)) == ["000"]
        window = "SELECT points.open_batch(%s, %s, clock_timestamp() + interval '1 s')"
        status = "UPDATE ledger.member SET status = %s WHERE relation_reference = %s AND programme_id = %s"
        c.execute(status, ("Blocked", member, programme))
        assert c.execute(window, (programme, PARTNER)).fetchone()[0] is None
        c.execute(status, ("Active", member, programme))
        assert receive(c, row("deal-1", **ask, Points=1000), row("deal-5", **ask, Points=1700), sponsored("deal-4", Points=1901)) == ["000"] * 3
        batch, = c.execute(window, (programme, PARTNER)).fetchone()
        c.execute("SELECT points.assign_batch(%s, 'carol', 'knows them'), points.note_batch(%s, 'placed', 'f', 1, sha256('f'))", (batch, batch))
        for key, result in (("deal-1", "rejected"), ("deal-5", "credited")):
            c.execute("INSERT INTO points.sending_end (request_no, nth, result) SELECT request_no, 1, %s FROM points.request WHERE request_key = %s", (result, key))
        c.execute("SELECT ledger.post_answers(array_agg(entry_id), 'Debit By Redemption', 'Redemption Reversal', 'application') FROM points.request"
                  " WHERE request_key = 'deal-1'")
        assert c.execute("SELECT points.close_batches()").fetchone()[0] == 1
        assert receive(c, row("deal-2", **ask, Points=1000)) == ["000"]
        # two orders, and the refund of the second: without the member's way into the shop
        for order in ("o-1", "o-2"):
            with c.transaction():
                entry, = c.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points, merchant, transaction_type, origin) SELECT programme_id,"
                                   " member_id, 'Debit By Redemption', 500, 'Plum', 30, 'catalogue' FROM ledger.member WHERE relation_reference = %s AND"
                                   " programme_id = %s RETURNING entry_id", (member, programme)).fetchone()
                c.execute("SET LOCAL session_replication_role = replica")
                c.execute("INSERT INTO catalogue.shop_order (programme_id, order_id, session_id, member_id, stated, code, entry_id, request_id) SELECT programme_id,"
                          " %s, gen_random_uuid(), member_id, '500.0', '000', entry_id, 'q' FROM ledger.entry WHERE entry_id = %s", (order, entry))
        assert c.execute("SELECT code FROM catalogue.give_back(%s, 'o-2', %s, 'q')", (programme, entry)).fetchone()[0] == "000"


@pytest.fixture(scope="module")
def world(cluster, build):
    """Files of three partners, one refused, decisions of two people, calls of the API, points requests, orders of the shop, a last file; signed."""
    with World(cluster, build) as made:
        made.verifier, made.credentials = make_key(made)
        made.configure(checkpoints=f"{{file: {made.dir}/checkpoints, verifiers: [\"{made.verifier}\"]}}")
        made.drop("SKYLINE", *made.file("SKYLINE", made.unusual()))
        made.drop("AURORA", *made.file("AURORA"))
        made.drop("MERIDIAN", *made.file("MERIDIAN", break_totals=1))
        made.run()
        with cluster.connect() as c:
            for name in ("carol", "dave"):
                c.execute(f"DROP ROLE IF EXISTS {name}")
                c.execute(f"CREATE ROLE {name} LOGIN IN ROLE handback_operator")
        with made.database.connect("carol") as c:
            hold, = c.execute("SELECT min(hold_id) FROM handback.hold WHERE record_no IS NOT NULL").fetchone()
            c.execute("SELECT handback.assign_hold(%s, 'dave', 'look')", (hold,))
            proposal, = c.execute("SELECT handback.propose(ARRAY[%s::bigint], 'close', 'so it is')", (hold,)).fetchone()
        with made.database.connect("dave") as c:
            c.execute("SELECT handback.approve(%s, 'yes')", (proposal,))
        call_the_api(made)
        ask_for_points(made)
        made.drop("SKYLINE", *made.file("SKYLINE", made.answers("SKYLINE", start=60, count=10), sequence=2))
        made.run()
        assert made.ctl("audit", "verify", CREDENTIALS_DIRECTORY=str(made.credentials)).returncode == 0
        yield made
    with cluster.connect() as c:
        c.execute("DROP ROLE carol; DROP ROLE dave")


def change_kept(world, how):
    path = sorted(p for p in (world.spool / "archive").rglob("*") if p.is_file() and p.suffix != ".reason")[0]
    if how == "changed":
        path.write_bytes(path.read_bytes().replace(b"0", b"1", 1))
    elif how == "gone":
        path.unlink()
    else:
        other = path.with_name("0" * 64 + "-77")
        other.write_bytes(b"x")
        time.sleep(6)  # what is younger may be of a transaction that the snapshot does not see


@pytest.fixture(scope="module")
def unguarded(world):
    """The database without its checks, to copy."""
    database = world.database.copy()
    with database.connect() as c:
        for table, name in c.execute("SELECT conrelid::regclass::text, quote_ident(conname) FROM pg_constraint x JOIN pg_namespace n"
                                     " ON n.oid = connamespace WHERE contype = 'c' AND conrelid <> 0 AND nspname IN ('api',"
                                     " 'handback', 'audit', 'ledger', 'points', 'catalogue')").fetchall():
            c.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    yield database
    database.drop()


def parts_found(world, unguarded, change):
    """The parts of the differences that are named after this change, in a copy of the database; the spool is put back."""
    kept = {p: (p.read_bytes(), p.stat().st_mode) for p in (world.spool / "archive").rglob("*") if p.is_file()}
    copy = (unguarded if isinstance(change, str) and change not in ("changed", "gone", "unknown") else world.database).copy()
    try:
        if callable(change):
            change(types.SimpleNamespace(database=copy, spool=world.spool))
        elif change in ("changed", "gone", "unknown"):
            change_kept(world, change)
        else:
            with copy.connect() as c:
                c.execute("SET session_replication_role = replica")
                assert c.execute(change).rowcount != 0, "nothing was changed: the test tests nothing"
        done = world.ctl("--database", copy.conninfo(), "audit", "verify", "--json", check=False)
        said = json.loads(done.stdout)
        found = said.get("differences") or [d for d in [said.get("difference")] if d]
        assert done.returncode == (5 if found else 0), done.stderr
        return {d["part"] for d in found}
    finally:
        copy.drop()
        for path in (world.spool / "archive").rglob("*"):
            if path.is_file() and path not in kept:
                path.unlink()
        for path, (data, mode) in kept.items():
            if not path.exists() or path.read_bytes() != data:
                path.unlink(missing_ok=True)
                path.write_bytes(data)
                path.chmod(mode)


@pytest.mark.parametrize("what", FOUND)
def test_it_is_found(world, unguarded, what):
    change, parts = FOUND[what]
    found = parts_found(world, unguarded, change)
    assert found & set(parts.split("|")), f"{what}: {found}"


@pytest.mark.parametrize("what", NOT_FOUND)
def test_what_the_guide_says_is_not_found(world, unguarded, what):
    """Who finds one of them one day moves it up, and the guide with it."""
    assert parts_found(world, unguarded, NOT_FOUND[what][0]) == set()


if __name__ == "__main__":
    text = GUIDE.read_text(encoding="utf-8")
    found = place(text)
    GUIDE.write_text(text[:found.start(1)] + "".join(line + "\n" for line in rows()) + text[found.end(1):], encoding="utf-8")

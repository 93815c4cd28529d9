"""The ledger and the tables: what holds whoever asks, be it in psql as the owner."""
import hashlib
import threading
import time
import uuid

import psycopg
import pytest

SUM_OF_ENTRIES = """
    SELECT m.member_id, b.points, coalesce(sum(CASE WHEN e.category IN ('Credit By Accrual', 'Redemption Reversal', 'Credit By Correction')
           THEN e.points ELSE -e.points END), 0)
    FROM ledger.member m LEFT JOIN ledger.balance b USING (member_id) LEFT JOIN ledger.entry e USING (member_id)
    GROUP BY 1, 2 ORDER BY 1"""


@pytest.fixture
def ledger(database):
    """Members M1 .. M5, 1000 points each, one of each status in the programme P; M1 in Q too."""
    with database.connect() as c:
        c.execute("""
            INSERT INTO ledger.programme VALUES (1, 'P', 'First', 3, 100, 'EUR', 50), (2, 'Q', 'Second', 1, 1, 'USD', 1);
            INSERT INTO ledger.member (member_id, programme_id, relation_reference, status) VALUES
                (1, 1, 'M1', 'Active'), (2, 1, 'M2', 'Inactive'), (3, 1, 'M3', 'Suspended'), (4, 1, 'M4', 'Blocked'),
                (5, 1, 'M5', 'Cancelled'), (6, 2, 'M1', 'Active'), (7, 1, 'M7', 'Active');
            INSERT INTO ledger.entry (programme_id, member_id, category, points)
            SELECT programme_id, member_id, 'Credit By Accrual', 1000 FROM ledger.member;
            SELECT setval('ledger.member_member_id_seq', 100), setval('ledger.programme_programme_id_seq', 100)""")
    yield database
    with database.connect() as c:
        for member, balance, entries in c.execute(SUM_OF_ENTRIES):
            assert balance == entries, f"member {member}"


def redeem(c, points=100, member="M1", programme="P", merchant="Air", kind=6, **more):
    arguments = {"programme": programme, "member": member, "points": points, "merchant": merchant,
                 "transaction_type": kind, **more}
    call = ", ".join(f"{key} => %({key})s" for key in arguments)
    return c.execute(f"SELECT * FROM ledger.redeem_points({call})", arguments).fetchone()


def reverse(c, redemption, member="M1", programme="P", merchant="Air"):
    return c.execute("SELECT * FROM ledger.reversal_points(%s, %s, %s, %s)",
                     (programme, member, merchant, redemption)).fetchone()


def balance(c, member=1):
    return c.execute("SELECT points FROM ledger.balance WHERE member_id = %s", (member,)).fetchone()[0]


def entries(c):
    return c.execute("SELECT count(*) FROM ledger.entry").fetchone()[0]


def redemption_id(c, reference):
    return c.execute("SELECT redemption_id FROM ledger.redemption WHERE external_reference = %s", (reference,)).fetchone()[0]


# ---- the codes ----

def test_redeem(ledger):
    with ledger.connect() as c:
        code, message, reference, amount, currency = redeem(
            c, 100, partner="AIRLINE", outbound_reference="OUT1", partner_reference="THEIRS")
        assert (code, message, amount, currency) == ("000", "success", 3333, "EUR")  # 100 * 100 / 3, rounded down
        assert isinstance(reference, uuid.UUID)
        assert balance(c) == 900
        row = c.execute("SELECT programme, member, member_status, partner, merchant, transaction_type, points, amount,"
                        " currency, outbound_reference, partner_reference FROM ledger.redemption"
                        " WHERE external_reference = %s", (reference,)).fetchone()
        assert row == ("P", "M1", "Active", "AIRLINE", "Air", 6, 100, 3333, "EUR", "OUT1", "THEIRS")


@pytest.mark.parametrize("code, arguments", [
    ("103", {"member": "nobody"}),
    ("103", {"member": "M7", "programme": "Q"}),
    ("107", {"member": "M2"}),
    ("107", {"member": "M4"}),
    ("113", {"member": "M5"}),
    ("114", {"member": "M3"}),
    ("120", {"points": 0}),
    ("120", {"points": -100}),
    ("208", {"merchant": ""}),
    ("208", {"merchant": None}),
    ("208", {"merchant": "   "}),
    ("208", {"merchant": "\t\n"}),
    ("208", {"merchant": "Air\nline"}),
    ("208", {"merchant": "x" * 1_000_000}),
    ("208", {"merchant": "\u00e9" * 101}),
    ("999", {"kind": -7}),
    ("999", {"kind": 0}),
    ("999", {"kind": 777}),
    ("301", {"points": 49}),
    ("302", {"points": 1001}),
    ("302", {"points": 2**63 - 1}),
    ("999", {"programme": None}),
    ("999", {"programme": "no such"}),
    ("999", {"member": None}),
    ("999", {"member": ""}),
    ("999", {"points": None}),
    ("999", {"kind": None}),
])
def test_redeem_refused(ledger, code, arguments):
    with ledger.connect() as c:
        before = entries(c)
        answer = redeem(c, **arguments)
        assert answer[0] == code and answer[1] and answer[2:] == (None, None, None)
        assert entries(c) == before


def test_all_points_and_not_one_more(ledger):
    with ledger.connect() as c:
        assert redeem(c, 1000)[0] == "000"
        assert balance(c) == 0
        assert redeem(c, 50)[0] == "302"


def test_redeem_exception(ledger):
    """997: whatever nobody thought of, here a trigger of the site's own."""
    with ledger.connect() as c:
        c.execute("CREATE FUNCTION public.broken() RETURNS trigger LANGUAGE plpgsql AS"
                  " $$ BEGIN RAISE EXCEPTION 'M1 secret'; END $$;"
                  "GRANT EXECUTE ON FUNCTION public.broken() TO PUBLIC;"
                  "CREATE TRIGGER broken BEFORE INSERT ON ledger.entry FOR EACH ROW EXECUTE FUNCTION public.broken()")
        answer = redeem(c)
        assert answer[0] == "997" and "secret" not in answer[1] and answer[2:] == (None, None, None)


@pytest.mark.parametrize("code, available, arguments", [
    ("000", 1000, ("P", "M1", 1000)),
    ("103", None, ("P", "nobody", 100)),
    ("107", 1000, ("P", "M2", 100)),
    ("113", 1000, ("P", "M5", 100)),
    ("114", 1000, ("P", "M3", 100)),
    ("120", None, ("P", "M1", 0)),
    ("301", 1000, ("P", "M1", 49)),
    ("302", 1000, ("P", "M1", 1001)),
    ("999", None, (None, "M1", 100)),
    ("999", None, ("P", None, 100)),
    ("999", None, ("P", "M1", None)),
])
def test_check_availability(ledger, code, available, arguments):
    with ledger.connect() as c:
        before = entries(c)
        answer = c.execute("SELECT code, available, amount FROM ledger.check_availability(%s, %s, %s)", arguments).fetchone()
        assert answer == (code, available, 33333 if code == "000" else None)
        assert entries(c) == before


def test_reversal(ledger):
    with ledger.connect() as c:
        reference = redeem(c, 300)[2]
        c.execute("UPDATE ledger.member SET status = 'Cancelled' WHERE member_id = 1")  # the points come back all the same
        code, _, reversal, points = reverse(c, reference)
        assert (code, points, balance(c)) == ("000", 300, 1000)
        again = reverse(c, reference)
        assert again[0] == "301" and again[2:] == (reversal, 300) and balance(c) == 1000
        row = c.execute("SELECT redemption_id, external_reference, points, reinstatement_id FROM ledger.reversal").fetchone()
        assert row == (redemption_id(c, reference), reversal, 300, None)


@pytest.mark.parametrize("code, arguments", [
    ("103", {"member": "nobody"}),
    ("103", {"programme": "no such"}),
    ("208", {"merchant": ""}),
    ("208", {"merchant": None}),
    ("208", {"merchant": "  "}),
    ("301", {"member": "M7"}),
    ("301", {"programme": "Q"}),
    ("301", {"merchant": "Other"}),
    ("999", {"programme": None}),
    ("999", {"member": ""}),
])
def test_reversal_refused(ledger, code, arguments):
    with ledger.connect() as c:
        reference = redeem(c)[2]
        before = entries(c)
        answer = reverse(c, reference, **arguments)
        assert answer[0] == code and answer[2:] == (None, None)
        assert entries(c) == before and balance(c) == 900


def test_reversal_of_what_is_no_redemption(ledger):
    with ledger.connect() as c:
        assert reverse(c, None)[0] == "999"
        assert reverse(c, uuid.uuid4())[0] == "301"
        reversal = reverse(c, redeem(c)[2])[2]
        assert reverse(c, reversal)[0] == "301"


# ---- the contract's postings ----

def test_post_reversals(ledger):
    with ledger.connect() as c, ledger.connect("handback_daemon") as daemon:
        ids = [redemption_id(c, redeem(c, 60, member=m)[2]) for m in ("M1", "M7", "M1", "M7", "M1")]
        posted = daemon.execute("SELECT * FROM ledger.post_reversals(%s)", (ids[::-1],)).fetchall()
        assert sorted(row[0] for row in posted) == sorted(ids)
        assert (balance(c, 1), balance(c, 7)) == (1000, 1000)
        known = c.execute("SELECT redemption_id, reversal_id, external_reference, posted_at, posted_by FROM ledger.reversal")
        assert sorted(known) == sorted((*row, "handback_daemon") for row in posted)
        assert daemon.execute("SELECT * FROM ledger.post_reversals('{}')").fetchall() == []


def test_post_reversals_all_or_none(ledger):
    with ledger.connect() as c, ledger.connect("handback_daemon") as daemon:
        first, second = (redemption_id(c, redeem(c)[2]) for _ in range(2))
        accrual = c.execute("SELECT min(entry_id) FROM ledger.entry").fetchone()[0]
        for wrong, error in ((accrual, psycopg.errors.IntegrityConstraintViolation), (-1, psycopg.errors.IntegrityConstraintViolation),
                             (first, psycopg.errors.UniqueViolation), (None, psycopg.errors.IntegrityConstraintViolation)):
            with pytest.raises(error):
                daemon.execute("SELECT * FROM ledger.post_reversals(%s::bigint[])", ([first, second, wrong],))
            assert balance(c) == 800
        daemon.execute("SELECT * FROM ledger.post_reversals(%s)", ([first],))
        with pytest.raises(psycopg.errors.UniqueViolation):
            daemon.execute("SELECT * FROM ledger.post_reversals(%s)", ([first, second],))
        assert balance(c) == 900


def test_post_reinstatements(ledger):
    with ledger.connect() as c:
        debit = redemption_id(c, redeem(c, 600)[2])
        reversal = c.execute("SELECT reversal_id FROM ledger.post_reversals(%s)", ([debit],)).fetchone()[0]
        made = c.execute("SELECT reinstatement_id FROM ledger.post_reinstatements(%s)", ([reversal],)).fetchone()[0]
        assert balance(c) == 400
        assert c.execute("SELECT reinstatement_id FROM ledger.reversal").fetchone()[0] == made
        with pytest.raises(psycopg.errors.UniqueViolation):
            c.execute("SELECT ledger.post_reinstatements(%s)", ([reversal],))
        with pytest.raises(psycopg.errors.UniqueViolation):  # one reversal for ever
            c.execute("SELECT ledger.post_reversals(%s)", ([debit],))
        # a member that has spent the points in between
        debit = redemption_id(c, redeem(c, 300)[2])
        reversal = c.execute("SELECT reversal_id FROM ledger.post_reversals(%s)", ([debit],)).fetchone()[0]
        redeem(c, 400)
        with pytest.raises(psycopg.errors.CheckViolation):
            c.execute("SELECT ledger.post_reinstatements(%s)", ([reversal],))


def test_post_credits(ledger):
    with ledger.connect() as c:
        debit = redemption_id(c, redeem(c, 600)[2])
        reversal = c.execute("SELECT reversal_id FROM ledger.post_reversals(%s)", ([debit],)).fetchone()[0]
        made = c.execute("SELECT reinstatement_id FROM ledger.post_reinstatements(%s)", ([reversal],)).fetchone()[0]
        for wrong in (debit, reversal):
            with pytest.raises(psycopg.errors.IntegrityConstraintViolation):
                c.execute("SELECT ledger.post_credits(%s)", ([wrong],))
        credit = c.execute("SELECT credit_id FROM ledger.post_credits(%s)", ([made],)).fetchone()[0]
        assert balance(c) == 1000
        assert c.execute("SELECT credit_id FROM ledger.reversal").fetchone()[0] == credit
        with pytest.raises(psycopg.errors.UniqueViolation):
            c.execute("SELECT ledger.post_credits(%s)", ([made],))
        # of other points, or of what is no reinstatement: by nobody
        for answered, points in ((made, 601), (reversal, 600), (credit, 600)):
            with pytest.raises(psycopg.errors.IntegrityError):
                insert(c, category="Credit By Correction", points=points, answers_entry_id=answered)


# ---- what holds in psql, as the owner ----

def insert(c, **columns):
    columns = {"programme_id": 1, "member_id": 1, "category": "Debit By Redemption", "points": 100, **columns}
    names = ", ".join(columns)
    values = ", ".join(f"%({name})s" for name in columns)
    c.execute(f"INSERT INTO ledger.entry ({names}) VALUES ({values})", columns)


@pytest.mark.parametrize("wrong", [
    {"points": 0}, {"points": -1}, {"points": 1001}, {"member_id": 99}, {"programme_id": 2}, {"programme_id": 99},
    {"answers_entry_id": 1}, {"category": "Redemption Reversal"}, {"amount": -1, "currency": "EUR"}, {"amount": 1},
    {"currency": "EUR"}, {"category": "Gift"},
])
def test_entry_refused(ledger, wrong):
    with ledger.connect("handback_owner") as c:
        with pytest.raises((psycopg.errors.IntegrityError, psycopg.errors.DataError)):
            insert(c, **wrong)


@pytest.mark.parametrize("wrong", [
    {"points": 299}, {"points": 301}, {"member_id": 7}, {"programme_id": 2, "member_id": 6}, {"answers": "credit"},
    {"answers": "reversal"}, {"answers": None}, {"category": "Redemption Reinstatement"},
])
def test_reversal_agrees_with_its_debit(ledger, wrong):
    with ledger.connect("handback_owner") as c:
        credit = c.execute("SELECT entry_id FROM ledger.entry WHERE member_id = 1").fetchone()[0]
        other = redemption_id(c, redeem(c, 300)[2])
        reversal = c.execute("SELECT reversal_id FROM ledger.post_reversals(%s)", ([other],)).fetchone()[0]
        debit = redemption_id(c, redeem(c, 300)[2])
        target = {"credit": credit, "reversal": reversal, None: 10**12}
        columns = {"category": "Redemption Reversal", "points": 300, "answers_entry_id": debit, **wrong}
        if "answers" in columns:
            columns["answers_entry_id"] = target[columns.pop("answers")]
        with pytest.raises(psycopg.errors.IntegrityError):
            insert(c, **columns)
        insert(c, category="Redemption Reversal", points=300, answers_entry_id=debit)  # and the right one goes
        with pytest.raises(psycopg.errors.UniqueViolation):
            insert(c, category="Redemption Reversal", points=300, answers_entry_id=debit)


def test_balance_follows_and_takes_no_other_change(ledger):
    with ledger.connect("handback_owner") as c:
        insert(c, points=250)
        c.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points) VALUES"
                  " (1, 1, 'Credit By Accrual', 5), (1, 7, 'Credit By Accrual', 7), (1, 1, 'Debit By Redemption', 55)")
        assert (balance(c, 1), balance(c, 7)) == (700, 1007)
        for change in ("UPDATE ledger.balance SET points = points + 1", "DELETE FROM ledger.balance", "TRUNCATE ledger.balance",
                       "INSERT INTO ledger.balance VALUES (99, 0)", "UPDATE ledger.member SET member_id = 50 WHERE member_id = 1",
                       "UPDATE ledger.member SET programme_id = 2 WHERE member_id = 7", "DELETE FROM ledger.member",
                       "TRUNCATE ledger.member CASCADE", "DELETE FROM ledger.programme"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                c.execute(change)


APPEND_ONLY = ("ledger.entry", "handback.outcome", "handback.control", "handback.refusal", "handback.tie_out", "handback.hold",
               "handback.hold_end", "handback.partner", "handback.file", "audit.head", "audit.event")


@pytest.mark.parametrize("role", ("postgres", "handback_owner", "handback_daemon", "handback_operator", "handback_finance"))
@pytest.mark.parametrize("table", APPEND_ONLY)
def test_append_only(cluster, shared, table, role):
    with shared.connect(role) as c, shared.connect() as owner:
        column = owner.execute("SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum = 1", (table,)).fetchone()[0]
        for change in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                c.execute(change)


@pytest.fixture(scope="module")
def shared(cluster):
    """For tests that change nothing; with a row where a row-level trigger wants one."""
    made = cluster.database()
    with made.connect() as c:
        post_file(c)
    yield made
    made.drop()


# ---- files and their proof ----

def head(c, file_id, **changed):
    """A head at the end of the chain, as the reconciler writes it."""
    last, previous = c.execute("SELECT * FROM audit.chain_end()").fetchone()
    root = hashlib.sha256(b"").digest()
    row = {"head_no": last + 1, "file_id": file_id, "tree_size": 0, "root": root, "previous": previous}
    row["head_text"] = (f"handback-head-1\nprevious\t{previous.hex()}\nhead_no\t{last + 1}\nmade_at\t1\ntree_size\t0\n"
                        f"root\t{root.hex()}\nfile\t{file_id}\n")
    if changed.pop("fork", False):  # in itself all of it agrees
        row["previous"] = b"\4" * 32
        row["head_text"] = row["head_text"].replace(previous.hex(), row["previous"].hex())
    row.update(changed)
    row.setdefault("head_hash", hashlib.sha256(row["head_text"].encode()).digest())
    c.execute("INSERT INTO audit.head (head_no, file_id, tree_size, root, head_text, head_hash, previous) VALUES (%(head_no)s,"
              " %(file_id)s, %(tree_size)s, %(root)s, %(head_text)s, %(head_hash)s, %(previous)s)", row)


def file_row(c, content=b"x", state="posted", records=0, **more):
    c.execute("INSERT INTO handback.partner (code) VALUES ('AIRLINE') ON CONFLICT DO NOTHING")
    row = {"sha256": hashlib.sha256(content).digest(), "state": state, "records": records, "hold_reason": None,
           "duplicate_of": None, **more}
    return c.execute(
        "INSERT INTO handback.file (partner_id, source, name, name_shown, sha256, bytes, state, hold_reason, duplicate_of,"
        " profile, profile_sha256, records, seen_at) SELECT partner_id, 's', 'f', 'f', %(sha256)s, 1, %(state)s, %(hold_reason)s,"
        " %(duplicate_of)s, 'p', sha256('p'), %(records)s, now() FROM handback.partner WHERE code = 'AIRLINE' RETURNING file_id",
        row).fetchone()[0]


def post_file(c, outcomes=(), **more):
    with c.transaction():
        number = file_row(c, **more)
        for outcome, records in outcomes:
            c.execute("INSERT INTO handback.tie_out VALUES (%s, %s, %s, 0)", (number, outcome, records))
        head(c, number)
    return number


def test_file_ties_out_and_has_its_head(ledger):
    with ledger.connect("handback_daemon") as c:
        for records, outcomes in ((3, ()), (3, ((1, 2),)), (3, ((1, 2), (2, 2))), (0, ((1, 1),))):
            with pytest.raises(psycopg.errors.IntegrityError, match="tie out"):
                post_file(c, outcomes, records=records)
        with pytest.raises(psycopg.errors.IntegrityError, match="audit.head"):
            with c.transaction():
                file_row(c)
        assert c.execute("SELECT count(*) FROM handback.file").fetchone()[0] == 0
        first = post_file(c, ((1, 2), (2, 1)), records=3)
        with pytest.raises(psycopg.errors.UniqueViolation):  # the same bytes
            post_file(c)
        with pytest.raises(psycopg.errors.UniqueViolation):
            post_file(c, state="held", hold_reason="refused")
        post_file(c, state="duplicate", duplicate_of=first, records=3)
        post_file(c, content=b"y", state="held", hold_reason="refused", records=9)
        for wrong in ({"state": "held"}, {"hold_reason": "refused"}, {"state": "duplicate"}, {"state": "held", "hold_reason": "nonsense"}):
            with pytest.raises(psycopg.errors.IntegrityError):
                post_file(c, content=b"z", **wrong)
        row = c.execute("SELECT state, records, confirmed, reversed, held FROM handback.files WHERE file_id = %s", (first,)).fetchone()
        assert row == ("posted", 3, 2, 1, 0)


def test_archived_once(ledger):
    with ledger.connect("handback_daemon") as c, ledger.connect("handback_owner") as owner:
        number = post_file(c)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            c.execute("UPDATE handback.file SET state = 'held'")
        for change in ("records = 1", "records = 1, archived_at = now(), archived_as = 'a'", "archived_at = NULL"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                owner.execute(f"UPDATE handback.file SET {change}")
        c.execute("UPDATE handback.file SET archived_at = now(), archived_as = '2026/11/21/x' WHERE file_id = %s", (number,))
        for role in (c, owner):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                role.execute("UPDATE handback.file SET archived_as = 'elsewhere'")


def test_outcome_once(ledger):
    def outcome(c, redemption, outcome, reversal=None, record=1, **more):
        row = {"revision": 0, "event_id": None, "hold_reason": None, **more}
        c.execute("INSERT INTO handback.outcome (file_id, record_no, revision, verdict, outcome, byte_length, byte_offset,"
                  " redemption_id, reversal_id, hold_reason, event_id, decided_at, leaf_hash) VALUES (1, %s, %s, 1, %s, 1, 0, %s, %s, %s,"
                  " %s, now(), sha256(''))", (record, row["revision"], outcome, redemption, reversal, row["hold_reason"], row["event_id"]))
    with ledger.connect("handback_daemon") as c:
        outcome(c, 10, 1)
        outcome(c, 10, 2, 11)
        outcome(c, 10, 3)
        outcome(c, 10, 3)
        for again in ((10, 1), (10, 2, 12)):
            with pytest.raises(psycopg.errors.UniqueViolation):
                outcome(c, *again)
        for wrong in ((20, 2), (None, 1), (20, 6), (20, 10)):
            with pytest.raises(psycopg.errors.CheckViolation):
                outcome(c, *wrong)
        with pytest.raises(psycopg.errors.CheckViolation):
            outcome(c, 20, 1, revision=1)  # a later decision is an event's


def test_hold_names_what_is_there(ledger):
    with ledger.connect("handback_daemon") as c:
        number = post_file(c)
        c.execute("INSERT INTO handback.hold (file_id, record_no, reason) VALUES (%s, 1, 'points_mismatch')", (number,))
        c.execute("INSERT INTO handback.hold (file_id, reason) VALUES (%s, 'guard')", (number,))
        for columns in ((number, 2, "no such reason"), (number + 1, 2, "guard"), (number, 1, "guard"), (number, None, "guard")):
            with pytest.raises(psycopg.errors.IntegrityError):
                c.execute("INSERT INTO handback.hold (file_id, record_no, reason) VALUES (%s, %s, %s)", columns)
        assert c.execute("SELECT reason, action_required <> '' FROM handback.open_holds ORDER BY 1").fetchall() == [
            ("guard", True), ("points_mismatch", True)]
        hold = c.execute("SELECT hold_id FROM handback.hold WHERE record_no = 1").fetchone()[0]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            c.execute("INSERT INTO handback.hold_end (hold_id, how, ended_by) VALUES (%s, 'closed', 'alice')", (hold,))
        c.execute("INSERT INTO handback.hold_end (hold_id, how) VALUES (%s, 'rematched')", (hold,))
        assert c.execute("SELECT ended_by FROM handback.hold_end").fetchall() == [("handback_daemon",)]
        assert c.execute("SELECT count(*) FROM handback.open_holds").fetchone()[0] == 1


@pytest.mark.parametrize("wrong", [
    {"head_no": 7}, {"previous": b"\1" * 32}, {"head_hash": b"\2" * 32}, {"root": b"\3" * 32}, {"tree_size": 5},
    {"head_text": "something else\n"}, {"fork": True},
])
def test_head_continues_the_chain(ledger, wrong):
    with ledger.connect("handback_daemon") as c:
        post_file(c)
        with pytest.raises(psycopg.errors.IntegrityError):
            with c.transaction():
                head(c, file_row(c, content=b"second"), **wrong)
        post_file(c, content=b"second")


def test_act_has_its_head(ledger):
    with ledger.connect() as c:
        event = c.execute("SELECT audit.append_event('commented', 'hold 1', E'why\\tnot\\\\', NULL)").fetchone()[0]
        who, text, digest = c.execute("SELECT a.who, h.head_text, h.head_hash FROM audit.event a JOIN audit.head h USING (head_no)"
                                      " WHERE event_id = %s", (event,)).fetchone()
        assert who == "postgres" and hashlib.sha256(text.encode()).digest() == digest
        lines = dict(line.split("\t", 1) for line in text.splitlines()[1:])
        assert (lines["event"], lines["what"], lines["why"], lines["detail"]) == (str(event), "commented", "why\\tnot\\\\", "")
    for role in ("handback_operator", "handback_daemon", "handback_nightly", "handback_finance", "handback_verify"):
        with ledger.connect(role) as c:
            for forged in ("INSERT INTO audit.event (head_no, what, subject) VALUES (1, 'approved', 'proposal 999')",
                           "SELECT audit.append_event('approved', 'proposal 999', 'forged')",
                           "SELECT audit.append_service_event('approved', 'proposal 999', 'forged')"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    c.execute(forged)
    with ledger.connect() as c, pytest.raises(psycopg.errors.CheckViolation):
        c.execute("SELECT audit.append_event('removed', 'file 1')")  # a word that no event has


def test_no_reader_makes_writers_wait(ledger):
    """Whatever locks a reader may take, a head is appended, a partner is locked and a hold is decided."""
    with ledger.connect("handback_finance", autocommit=False) as reader, ledger.connect() as writer:
        reader.execute("SELECT pg_advisory_lock(hashtextextended('handback audit.head', 0)), pg_advisory_lock(x'68616e64'::integer,"
                       " hashtext('SKYLINE')), pg_advisory_lock(hashtextextended('handback.hold 1', 0))")
        for table in ("handback_schema.chain_lock", "handback.partner", "handback.hold"):
            for mode in ("ROW SHARE", "SHARE", "EXCLUSIVE"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege), reader.transaction():
                    reader.execute(f"LOCK TABLE {table} IN {mode} MODE")
        writer.execute("SET lock_timeout = '2s'")
        writer.execute("SELECT audit.append_event('commented', 'hold 1')")
        writer.execute("SELECT handback.lock_partner('SKYLINE')")


# ---- races ----

def in_background(call):
    """Runs call; gives (thread, result list)."""
    result = []

    def run():
        try:
            result.append(call())
        except psycopg.Error as error:
            result.append(error)
    thread = threading.Thread(target=run)
    thread.start()
    return thread, result


def wait_until_blocked(c, waiting):
    for _ in range(500):
        if c.execute("SELECT cardinality(pg_blocking_pids(%s))", (waiting.info.backend_pid,)).fetchone()[0]:
            return
        time.sleep(0.01)
    raise AssertionError("the second session does not wait")


def race(ledger, first_call, second_call, commit=True):
    """Both in their own session; the second starts while the first is not over. Gives the second's result."""
    with ledger.connect() as look, ledger.connect(autocommit=False) as first, ledger.connect() as second:
        first_call(first)
        thread, result = in_background(lambda: second_call(second))
        wait_until_blocked(look, second)
        if commit:
            first.commit()
        else:
            first.rollback()
        thread.join(30)
        return result[0]


def test_race_two_redemptions_of_one_balance(ledger):
    answer = race(ledger, lambda c: redeem(c, 600), lambda c: redeem(c, 600))
    assert answer[0] == "302"
    with ledger.connect() as c:
        assert balance(c) == 400


def test_race_redemption_against_one_that_gives_up(ledger):
    answer = race(ledger, lambda c: redeem(c, 600), lambda c: redeem(c, 600), commit=False)
    assert answer[0] == "000"
    with ledger.connect() as c:
        assert balance(c) == 400


def test_race_two_reversals(ledger):
    with ledger.connect() as c:
        reference = redeem(c, 600)[2]
    answer = race(ledger, lambda c: reverse(c, reference), lambda c: reverse(c, reference))
    assert answer[0] == "301" and answer[3] == 600
    with ledger.connect() as c:
        assert balance(c) == 1000


def test_race_file_against_the_function(ledger):
    with ledger.connect() as c:
        reference = redeem(c, 600)[2]
        number = redemption_id(c, reference)
    post = "SELECT count(*) FROM ledger.post_reversals(%s)"
    error = race(ledger, lambda c: reverse(c, reference), lambda c: c.execute(post, ([number],)).fetchone())
    assert isinstance(error, psycopg.errors.UniqueViolation)
    with ledger.connect() as c:
        assert balance(c) == 1000


def test_race_redemption_against_reversal(ledger):
    """One member: the points that come back may be spent at once, and are counted once."""
    with ledger.connect() as c:
        reference = redeem(c, 1000)[2]
    answer = race(ledger, lambda c: reverse(c, reference), lambda c: redeem(c, 1000))
    assert answer[0] == "000"
    with ledger.connect() as c:
        assert balance(c) == 0


def test_race_status_against_redemption(ledger):
    answer = race(ledger, lambda c: c.execute("UPDATE ledger.member SET status = 'Suspended' WHERE member_id = 1"),
                  lambda c: redeem(c, 100))
    assert answer[0] == "114"


def test_no_deadlock_between_two_files(ledger):
    """Two postings over the same members in opposite order wait in one line, and both go through."""
    with ledger.connect() as c:
        c.execute("INSERT INTO ledger.member (programme_id, relation_reference) SELECT 1, 'X' || i FROM generate_series(1, 200) i")
        c.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points)"
                  " SELECT 1, member_id, 'Credit By Accrual', 100 FROM ledger.member WHERE relation_reference LIKE 'X%'")
        c.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points)"
                  " SELECT 1, member_id, 'Debit By Redemption', 10 FROM ledger.member, generate_series(1, 2)"
                  " WHERE relation_reference LIKE 'X%' ORDER BY random()")
        ids = [row[0] for row in c.execute("SELECT redemption_id FROM ledger.redemption ORDER BY random()")]

    def post(part):
        def call():
            with ledger.connect() as c:
                return c.execute("SELECT count(*) FROM ledger.post_reversals(%s)", (part,)).fetchone()[0]
        return call
    parts = [ids[i::4] for i in range(4)]
    runs = [in_background(post(part)) for part in parts]
    for thread, _ in runs:
        thread.join(60)
    assert [result for _, result in runs] == [[len(part)] for part in parts]


def test_postings_that_share_redemptions_wait_in_one_line(ledger):
    """Asked for in opposite orders, while a third holds the one in the middle: one goes through, none in a circle."""
    with ledger.connect() as c, ledger.connect(autocommit=False) as third, ledger.connect() as up, ledger.connect() as down:
        ids = [redemption_id(c, redeem(c, 100)[2]) for _ in range(3)]
        third.execute("SELECT * FROM ledger.post_reversals(%s)", ([ids[1]],))
        runs = []
        for session, order in ((up, ids), (down, ids[::-1])):
            runs.append(in_background(lambda session=session, order=order: session.execute(
                "SELECT count(*) FROM ledger.post_reversals(%s)", (order,)).fetchone()[0]))
            wait_until_blocked(c, session)
        third.rollback()
        for thread, _ in runs:
            thread.join(60)
        (first,), (second,) = (result for _, result in runs)
        assert first == 3 and isinstance(second, psycopg.errors.UniqueViolation), (first, second)


def test_chain_never_forks(ledger):
    """Many writers, one chain."""
    def write(i):
        def call():
            with ledger.connect("handback_nightly") as c:
                for n in range(10):
                    c.execute("SELECT audit.append_service_event('guarded', %s)", (f"hold {i}.{n}",))
            return True
        return call
    for thread, result in [in_background(write(i)) for i in range(4)]:
        thread.join(60)
        assert result == [True]
    with ledger.connect() as c:
        heads = c.execute("SELECT head_no, previous, head_hash FROM audit.head ORDER BY head_no").fetchall()
    assert [row[0] for row in heads] == list(range(1, 41))
    assert [row[1] for row in heads[1:]] == [row[2] for row in heads[:-1]]

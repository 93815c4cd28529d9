"""What a small file costs does not grow with the history: counted in rows of indexes that were read, and in KiB."""
import hashlib
import pathlib
import time

import worker

HISTORY = 3000


def rows_read(database):
    with database.connect() as c:
        return dict(c.execute("SELECT indexrelname, idx_tup_read FROM pg_stat_user_indexes"
                              " WHERE indexrelname IN ('outcome_once', 'outcome_other', 'entry_answers')").fetchall())


def grow(database):
    """Years of answers and reversals of other redemptions, all before those that the files name."""
    with database.connect() as c:
        c.execute("SET session_replication_role = replica")
        c.execute("INSERT INTO handback.outcome (file_id, record_no, verdict, outcome, byte_length, byte_offset, redemption_id,"
                  " points, decided_at, leaf_hash) SELECT 1, i, 1, 1, 1, 1, -i, 1, now(), sha256('') FROM generate_series(1, %s) i",
                  (HISTORY,))
        c.execute("INSERT INTO ledger.entry (entry_id, programme_id, member_id, category, points, answers_entry_id)"
                  " SELECT -%s - i, 1, 1, 'Redemption Reversal', 1, -i FROM generate_series(1, %s) i", (HISTORY, HISTORY))


def test_small_files_never_walk_through_the_history(database, build):
    with worker.Desk(database, build) as desk:
        # as many as make a session keep its plans
        for n in range(10):
            desk.redeem(f"confirmed {n}")
            desk.redeem(f"reversed {n}")
            if n == 8:
                grow(database)
            done = desk.deliver([(f"confirmed {n}", "OK"), (f"reversed {n}", "KO")])
            assert done["state"] == "posted" and (done["confirmed"], done["reversed"]) == (1, 1)
        desk.worker.close()  # what it read is counted when it goes
        desk.worker = None
        deadline = time.monotonic() + 20
        while desk.query("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'handback%%'")[0][0]:
            assert time.monotonic() < deadline, "the worker's session does not end"
            time.sleep(0.05)
        assert max(rows_read(database).values()) < HISTORY / 2, rows_read(database)


def anonymous_kib(desk):
    status = pathlib.Path(f"/proc/{desk.worker.process.pid}/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0])


def test_a_worker_gives_back_what_it_looked_at_when_it_connected(database, build):
    """A day's files lie in one folder of the archive; each new connection lists the newest of them."""
    with worker.Desk(database, build) as desk:
        for n in range(10):
            desk.redeem(f"R{n}")
            assert desk.deliver([(f"R{n}", "OK")])["state"] == "posted"
        before = anonymous_kib(desk)
        day = next(path.parent for path in (desk.spool / "archive").rglob("*") if path.is_file())
        for n in range(10 * HISTORY):
            (day / f"{hashlib.sha256(b'%d' % n).hexdigest()}-{1000 + n}").touch()
        desk.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'handback-reconcile'")
        desk.redeem("last")
        assert desk.deliver([("last", "OK")])["state"] == "posted"
        assert anonymous_kib(desk) - before < 1024

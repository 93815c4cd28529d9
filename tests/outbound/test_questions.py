"""What partners are asked, in their own layout and words: records of theirs that cannot be used, and requests that they do not answer in time."""
import pathlib

from case_table import case
from parse_client import parse
from request_files import Requests
from worker import Desk

LAYOUT = pathlib.Path(__file__).parents[2] / "fixtures/requests/skyline-questions.yaml"


def lines_of(file):
    return [line.split(",") for line in file.read_text().splitlines()]


@case("points request: what of a partner's file cannot be used, and what it does not answer in time, it is asked in its own words, once, until it is settled")
def test_questions(database, build):
    with Desk(database, build, more="answer_within: 1\n") as desk:
        requests = Requests(desk, build)
        questions = requests.root / "P" / "AIR" / "questions.yaml"
        for n in (1, 2, 3):
            requests.ask(f"deal-{n}", n, n * 100)
        requests.start()
        requests.wait(lambda: desk.query("SELECT 1 FROM points.batches WHERE placed_at IS NOT NULL"))
        requests.stop()
        file, = requests.files()
        file.unlink()
        of = {p: (str(x), o) for p, x, o in desk.query("SELECT points, external_reference, outbound_reference FROM ledger.redemption")}
        # one is answered with other points, one is not ours, one has a code that nobody knows, and of one nothing comes
        desk.redeem("old", member=4, points=7)
        done = desk.deliver([(of[100][0], "OK", {"Member": "M1", "Points": 99}), ("0b0e6a2c-1111-4111-8111-000000000001", "OK"),
                             ("old", "KO", {"Member": "M4", "Points": 7, "Reason": "ODD"}), (of[300][0], "OK", {"Member": "M3", "Points": 300})])
        assert done["state"] == "posted" and sorted(r for _, r in desk.outcomes(done["file"]) if r) == [
            "points_mismatch", "unknown_reason", "unknown_reference"]
        desk.nightly()
        # a week goes by
        desk.db.execute("SET session_replication_role = replica")
        for what in ("handback.hold SET opened_at = opened_at", "points.sending SET started_at = started_at", "ledger.entry SET posted_at = posted_at"):
            desk.db.execute(f"UPDATE {what} - interval '7 days'")
        desk.db.execute("SET session_replication_role = origin")
        # a word that the layout lacks keeps the file from being written, and it says which
        text = LAYOUT.read_text().replace("SKYLINE", "AIR")
        questions.write_text(text.replace("NOCODE: unknown_reason", "NOCODE: nothing"))
        requests.start()
        requests.wait(lambda: "has no word for unknown_reason" in requests.log.read_text())
        requests.stop()
        assert requests.files() == [] and {s for s, in desk.query("SELECT state FROM points.questions")} == {"waiting"}
        questions.write_text(text)
        requests.start()
        requests.wait(requests.files)
        requests.stop()
        asked, = requests.files()
        read = parse(str(questions), str(asked))
        assert not read.refused and len(read.records) == 4, (read.refusals, asked.read_text())
        rows = [row[2:6] for row in lines_of(asked) if row[0] == "QUERY"]
        assert sorted(rows) == sorted([["MILES", of[100][1], "100", "99"], ["NOTFOUND", "0b0e6a2c-1111-4111-8111-000000000001", "", "100"],
                                       ["NOCODE", "", "7", "7"], ["NOANSWER", of[200][1], "200", ""]]), rows
        assert lines_of(asked)[-1] == ["TRAILER", "4"]
        # each is followed, and seen where people look
        assert desk.query("SELECT state, count(*) FROM points.questions GROUP BY 1") == [("asked", 4)]
        assert "NOANSWER" not in desk.ctl("points", "questions").stdout and "unanswered" in desk.ctl("points", "questions").stdout
        hold, = desk.query("SELECT hold_id FROM handback.hold WHERE reason = 'points_mismatch'")[0]
        assert f"asked, in {asked.name}" in desk.ctl("hold", "show", hold).stdout
        # the answer comes as a file as ever; what is not answered is overdue
        done = desk.deliver([(of[200][0], "KO", {"Member": "M2", "Points": 200, "Reason": "FULL"})])
        assert done["state"] == "posted"
        desk.db.execute("SET session_replication_role = replica")
        desk.db.execute("UPDATE points.question_step SET at = at - interval '20 days'")
        desk.db.execute("UPDATE points.question_file SET made_at = made_at - interval '20 days'")
        desk.db.execute("SET session_replication_role = origin")
        assert desk.query("SELECT state, settled, count(*) FROM points.questions GROUP BY 1, 2 ORDER BY 1") == [
            ("overdue", None, 3), ("settled", "reversed", 1)]
        for role in ("handback_collector", "handback_finance"):  # metrics and their alert; status
            with database.connect(role) as who:
                assert who.execute("SELECT programme, partner, number, points, since < now() FROM points.attention()"
                                   " WHERE matter = 'question_overdue'").fetchall() == [("P", "AIR", 3, 207, True)]
        desk.nightly()
        assert [p.name for p in (desk.spool / "notifications").iterdir() if "question_overdue" in p.name], list((desk.spool / "notifications").iterdir())
        # nothing is asked twice
        assert desk.query("SELECT batch FROM points.next_questions('P', 'AIR')") == [(None,)] and requests.files() == [asked]
        assert desk.balance(2) == 0 and desk.query("SELECT count(*) FROM points.sending") == [(3,)]

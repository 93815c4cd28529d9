"""The verdict table, exhaustively: every state, however it was reached, meets every verdict.

Each cell is a redemption of its own that real files and real people bring into
its state; then three files meet all of them at once: one that is older than
the last answer, one with its number, and one that is newer.  What shall come
of it is restated here from the design, and the rows of handback.verdict_rule
are held against the same words.
"""
import collections
import contextlib
import itertools
import pathlib
import sys
import uuid

import proof
import worker
from case_table import case
from operators import Operators

STATUS = {"accepted": "OK", "accepted_with_change": "NEW", "accepted_with_warning": "LATE", "rejected": "KO", "pending": "WAIT"}
STATES = ("open", "confirmed", "reversed", "reinstated", "unknown")
AGES = {"older": 5, "same": 10, "newer": 20}  # the number of the file that meets the states
ANSWER = 10                                   # ... and of the file that answered

# the ways into a state: state, and the number of the last file whose answer counted (None: no file's did);
# open and answered at once is a row of the table that no redemption can come to
WAYS = {
    "untouched": ("open", None),
    "informational before": ("open", None),
    "held before": ("open", None),
    "closed by people": ("open", None),
    "confirmed by accepted": ("confirmed", ANSWER),
    "confirmed by accepted_with_change": ("confirmed", ANSWER),
    "confirmed by accepted_with_warning": ("confirmed", ANSWER),
    "confirmed by people": ("confirmed", ANSWER),
    "reversed by rejected": ("reversed", ANSWER),
    "reversed by people": ("reversed", ANSWER),
    "reversed by the application": ("reversed", None),
    "reinstated by people": ("reinstated", ANSWER),
    "nobody's": ("unknown", None),
    "another partner's": ("unknown", None),
}
# what the file with ANSWER says of them: verdict, and values that make a hold
SAID = {
    "informational before": ("WAIT", {}),
    "held before": ("OK", {"Points": "1"}),
    "closed by people": ("KO", {"Points": "1"}),
    "confirmed by accepted": ("OK", {}),
    "confirmed by accepted_with_change": ("NEW", {}),
    "confirmed by accepted_with_warning": ("LATE", {}),
    "confirmed by people": ("OK", {"Points": "1"}),
    "reversed by rejected": ("KO", {}),
    "reversed by people": ("KO", {"Points": "1"}),
    "reinstated by people": ("KO", {}),
}
DECIDED = {"closed by people": "close", "confirmed by people": "confirm", "reversed by people": "reverse"}


def shall(state, verdict, older, late_reject):
    """(outcome, hold reason) by section 6 of the design."""
    if state == "unknown":
        return "held", "unknown_reference"
    if verdict == "pending":
        return "informational", None
    rejected = verdict == "rejected"
    if older:  # it moves nothing; what contradicts is for people
        return ("informational", None) if state != "open" and rejected == (state == "reversed") else ("held", "contradiction")
    if state == "open":
        return ("reversed" if rejected else "confirmed"), None
    if state == "confirmed" and rejected and late_reject == "reverse":
        return "reversed", None
    agrees = rejected == (state == "reversed")
    return ("already_applied", None) if agrees else ("held", "contradiction")


class Matrix:
    """A desk whose redemptions are the cells; a cell is a key (way, more ...)."""

    def __init__(self, database, build, late_reject):
        self.desk = worker.Desk(database, build, late_reject=late_reject, resubmission="continue")
        self.people = Operators(database)
        self.cells = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.people.close()
        self.desk.close()

    def cell(self, way, *more):
        key = " / ".join((way, *more))
        self.cells[key] = way
        return key

    def holds(self, ways):
        """The open holds of the cells that came these ways."""
        keys = [self.desk.references[k] for k, way in self.cells.items() if way in ways]
        return [h for h, in self.desk.query(
            "SELECT h.hold_id FROM handback.hold h JOIN ledger.redemption r USING (redemption_id)"
            " WHERE r.external_reference = ANY (%s::uuid[])"
            " AND NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id) ORDER BY 1", keys)]

    def redeem(self):
        with self.desk.db.transaction():
            for key, way in self.cells.items():
                if way == "nobody's":
                    self.desk.references[key] = str(uuid.uuid5(uuid.NAMESPACE_URL, key))
                else:
                    self.desk.redeem(key, partner="SEA" if way == "another partner's" else "AIR")

    def settle(self):
        """Bring every cell into its state."""
        self.redeem()
        done = self.desk.deliver([(k, *SAID[way]) for k, way in self.cells.items() if way in SAID], sequence=ANSWER)
        assert done["state"] == "posted", done
        again = [(k, "OK") for k, way in self.cells.items() if way == "reinstated by people"]
        assert self.desk.deliver(again, sequence=ANSWER + 1)["held"] == len(again)
        for way, decision in {**DECIDED, "reinstated by people": "reinstate"}.items():
            self.people.decide(self.holds([way]), decision)
        self.desk.query("SELECT count(p) FROM ledger.post_reversals(ARRAY(SELECT redemption_id FROM ledger.redemption"
                        " WHERE external_reference = ANY (%s::uuid[]))) p",
                        [self.desk.references[k] for k, way in self.cells.items() if way == "reversed by the application"])
        states = collections.Counter(way_state for way_state, _ in map(WAYS.get, self.cells.values()))
        found = dict(self.desk.query(
            "SELECT handback.redemption_state(redemption_id), count(*) FROM ledger.redemption WHERE partner = 'AIR' GROUP BY 1"))
        assert found == {s: states[s] for s in STATES if s != "unknown"}

    def meet(self, answers, sequence, expected):
        """A file with these answers makes exactly these outcomes, and moves exactly these points."""
        reversals, given_back = self.desk.reversals(), self.desk.balance()
        done = self.desk.deliver(answers, sequence=sequence)
        assert done["state"] == "posted", self.desk.refusals(done["file"])
        wrong = [(key, status, is_, shall_be) for (key, status), is_, shall_be in
                 zip(answers, self.desk.outcomes(done["file"]), expected) if is_ != shall_be]
        assert not wrong, f"{len(wrong)} of {len(answers)} differ: {wrong[:5]}"
        reversed_now = sum(outcome == "reversed" for outcome, _ in expected)
        assert self.desk.reversals() == reversals + reversed_now
        assert self.desk.balance() == given_back + 100 * reversed_now
        return len(answers)


@contextlib.contextmanager
def fresh(cluster, build, late_reject):
    database = cluster.database()
    try:
        with Matrix(database, build, late_reject) as matrix:
            yield matrix
    finally:
        database.drop()


def expected_of(way, verdict, sequence, late_reject):
    state, answered = WAYS[way]
    return shall(state, verdict, answered is not None and sequence < answered, late_reject)


def test_the_page_says_what_the_tables_say(database):
    root = pathlib.Path(__file__).resolve().parents[2]
    sys.path.insert(0, str(root / "tools"))
    import print_verdicts
    with database.connect() as c:
        assert (root / "docs/verdicts.md").read_text(encoding="utf-8") == print_verdicts.text(c), \
            "tools/print_verdicts.py >docs/verdicts.md"


def test_the_table_in_sql_says_the_same(database):
    with database.connect() as c:
        rows = c.execute("SELECT t.state, v.name, t.age, t.late_reject, o.name, t.hold_reason FROM handback.verdict_rule t"
                         " JOIN handback.verdict_name v USING (verdict)"
                         " JOIN handback.outcome_name o USING (outcome)").fetchall()
    assert {row[:4]: row[4:] for row in rows} == {
        (state, verdict, age, late): shall(state, verdict, age == "older", late)
        for state, verdict, age, late in itertools.product(STATES, STATUS, ("newer", "older"), ("hold", "reverse"))}


@case("verdict table: every way into a state x verdict x age, in another file")
def test_another_file(cluster, build):
    met = 0
    meetings = list(itertools.product(WAYS, STATUS))
    for late_reject in ("hold", "reverse"):
        with fresh(cluster, build, late_reject) as matrix:
            keys = {(w, v, a): matrix.cell(w, v, a) for w, v, a in itertools.product(WAYS, STATUS, AGES)}
            matrix.settle()
            for age, sequence in AGES.items():
                met += matrix.meet([(keys[w, v, age], STATUS[v]) for w, v in meetings], sequence,
                                   [expected_of(w, v, sequence, late_reject) for w, v in meetings])
            assert proof.differences(matrix.desk.db) == []
    assert met == len(WAYS) * len(STATUS) * len(AGES) * 2
    return f"{met} cases"


@case("verdict table: every way into a state x two verdicts x age, in the same file")
def test_the_same_file(cluster, build):
    met = 0
    meetings = list(itertools.product(WAYS, STATUS, STATUS))
    for late_reject in ("hold", "reverse"):
        with fresh(cluster, build, late_reject) as matrix:
            keys = {(*m, a): matrix.cell(*m, a) for m in meetings for a in AGES}
            matrix.settle()
            for age, sequence in AGES.items():
                answers, expected = [], []
                # all the first ones before all the second ones
                for nth in (0, 1):
                    for way, *verdicts in meetings:
                        answers.append((keys[way, *verdicts, age], STATUS[verdicts[nth]]))
                        expected.append(expected_of_two(way, verdicts, nth, sequence, late_reject))
                met += matrix.meet(answers, sequence, expected) // 2
            assert proof.differences(matrix.desk.db) == []
    assert met == len(WAYS) * len(STATUS) ** 2 * len(AGES) * 2
    return f"{met} cases"


def expected_of_two(way, verdicts, nth, sequence, late_reject):
    """Of the first (0) or second (1) record about one redemption in one file."""
    if WAYS[way][0] != "unknown":
        if verdicts[0] != verdicts[1]:
            return "held", "conflicting_duplicate"
        if nth == 1:
            return "duplicate_record", None
    return expected_of(way, verdicts[nth], sequence, late_reject)


@case("verdict table: every verdict after every verdict, file by file")
def test_one_answer_after_another(cluster, build):
    """Each redemption is answered three times, by three files; the state that the first two left meets the third."""
    met, thrice, orders = 0, list(itertools.product(STATUS, repeat=3)), list(itertools.permutations((1, 2, 3)))
    for late_reject in ("hold", "reverse"):
        with fresh(cluster, build, late_reject) as matrix:
            keys = {(o, v): matrix.cell("untouched", str(o), *v) for o in orders for v in thrice}
            matrix.redeem()
            for n, order in enumerate(orders):
                met += answer_thrice(matrix, {v: keys[order, v] for v in thrice}, [n * 10 + number for number in order], late_reject)
    assert met == 3 * len(thrice) * len(orders) * 2
    return f"{met} answers to {met // 3} redemptions"


def answer_thrice(matrix, keys, numbers, late_reject):
    """Three files with these numbers, in this order; keys: {verdicts: redemption}."""
    met, states = 0, dict.fromkeys(keys, ("open", 0))
    for nth, sequence in enumerate(numbers):
        expected = []
        for verdicts, (state, answered) in states.items():
            outcome, reason = shall(state, verdicts[nth], answered > sequence, late_reject)
            if outcome in ("confirmed", "reversed", "already_applied"):
                states[verdicts] = (state if outcome == "already_applied" else outcome, max(sequence, answered))
            expected.append((outcome, reason))
        met += matrix.meet([(key, STATUS[verdicts[nth]]) for verdicts, key in keys.items()], sequence, expected)
    return met

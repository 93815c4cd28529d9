#!/usr/bin/python3
"""Print docs/verdicts.md from the tables that decide.

    tools/print_verdicts.py >docs/verdicts.md      from a scratch cluster with this schema
    tools/print_verdicts.py CONNINFO               from a database that is there
"""
import pathlib
import sys

import psycopg

from verdict_cells import group_lines, scope_lines, split_lines

ROOT = pathlib.Path(__file__).resolve().parent.parent

HEAD = """\
# Verdicts

How a record is decided. Printed by `tools/print_verdicts.py` from `handback.verdict_rule` and
`handback.hold_reason`, the tables that the reconciler decides by; a test holds this page against them.

A record is held first where it is not clear in itself: a value that is not valid, several redemptions that match,
conflicting records about one redemption in the file, a value that differs from the redemption's (of an acceptance: by more
than the profile's `tolerance`), a reason code that
the profile holds, a rejection for a member whose status the profile holds (`hold_members`; by default such a member is credited
as any other). Of several identical records in one file the first is decided, and the others are
`duplicate_record`. Where the profile says `split`, the parts of an answer are held as `partly_fulfilled` until they are whole, or
as `points_mismatch` where they are more; the last one is then decided as if it stated all the points, and parts of the same file
are `informational`. Where it says `group`, a record that several redemptions share a reference with is decided for each of them by
these tables, and done where all come to the same; otherwise it is held. A record that replaces an earlier one of the same
redemption is decided by these tables, as of any newer answer, and a `contradiction` is held as `correction` then; one that names
nothing for certain, or another redemption, is held as that at once. What is left is decided by these tables.

`older` is a file whose number (or business date) is below that of the file that last answered the redemption:
confirmed it, reversed it, or found it already applied. Every other file is `newer`. Where a profile says that numbers begin
again (`sequence: {resets: …, after: …}`), the period comes before the number, and a number that went round is above the last.
"""
SPLIT = """
## Answers in parts

With `split: partner_reference`, of a redemption of 300 points; each part comes in a file of its own after what stands before. What
makes the parts whole ends the holds of those before it, as `overtaken`; whatever else comes leaves them as they are.
"""
GROUP = """
## Groups

With `group`, of a record that two redemptions share a reference with: each is judged as if the record named it alone. What is `each`
is the outcome of both; the record itself is `informational` then. `older` is a file that is older than the answers of those that have
one: of what is open no file is.
"""
SCOPE = """
## Numbers that begin again

What comes of a file by its day and number, where the last file has number 5 of 2020-12-30 and the profile says `gap: hold` and
`jump: 3`. One that is posted is `newer` or `older` for the tables above.
"""
WHY = """
## Corrections

A record that replaces an earlier one (`docs/profiles.md`), by what came of that one:

| the earlier record | the correction |
|---|---|
| is on hold, of the same redemption (or of none, and the same member) | as any answer of its redemption; once it is decided, the hold ends as `overtaken` |
| confirmed or reversed the same redemption, or came to nothing | as any newer answer of it; `held: correction` where that is a contradiction |
| is of another redemption, answers a group, or a part | `held: correction` |
| was replaced by an unlike correction, or is by several records of this file that mean several redemptions | `held: correction` |
| is not there, or not before it, or several have its name | `held: correction`; where it comes later (or, of several, is found by night), that is held as `correction`, too |
| was replaced by the same correction before, which waits or stands | `duplicate_record` |
| was replaced by the same correction before, which was itself replaced, is of a void file, or stands no more | `held: correction`, or `held: file_void` |
| is a whole file (void) | `held: file_void`; its holds end as `overtaken`, parts of answers that waited count no more, and what stands of it is for people, who open its records (`hold open`) to decide them in bulk. Where it comes later, it is held as `file_void`, whatever became of that hold. No silence of it counts as acceptance |

A correction of what is not there, or not clear, holds what it may mean until people close it: closed, it means nothing (a
mistyped number), and reopened it holds again. A void can be decided in no other way than closed, so that says nothing of its file:
when it comes it is held, and two people release it.

## Why each cell is right

- **open, newer.** Nobody has answered: the answer is done. Pending decides nothing.
- **confirmed, accepted; reversed, rejected (newer).** The partner says again what is done: nothing moves, and that is said.
- **confirmed, rejected (newer).** The partner takes its acceptance back. Whether the member is to have the points is for people,
  or for the agreement with the partner, which `late_reject: reverse` stands for.
- **reversed, accepted (newer).** The member has the points, and the partner has fulfilled: somebody pays. Points are never taken
  from a member by a file.
- **reinstated.** As confirmed; but a second reversal of one redemption is impossible, so that a rejection always waits:
  two people `credit` it, as an entry of its own category, once for ever. It is `reversed` from then on.
- **older, the same as what stands.** History: the newer answer counted, and both say the same.
- **older, the opposite of what stands.** The order says which was sent first, not which is meant, and a number can be wrong: one
  that begins again unannounced, or was mistyped in a file before. So it moves nothing and is never merely noted; it waits, whatever
  `late_reject` says, since that is about a partner that changes its mind, and this one may not have.
- **open, older.** No answer that counted leaves a redemption open. Where one is found so all the same, nothing is taken for granted.
- **unknown.** No redemption is guessed; it is tried again for the profile's `unknown_days`.

## Holds that end by themselves

A record on hold waits because it is unclear. When its redemption is settled otherwise, by a later file, by people or by an
application, nobody is to decide it again: the hold ends as `overtaken`, in the transaction that settles (an application's reversal
is seen by night), with what settled it in the record's next outcome, and proposals that have no open hold left are withdrawn.

| the record on hold said | the redemption is confirmed or reinstated | the redemption is reversed |
|---|---|---|
| accepted (with change, with warning) | ends | stays |
| rejected | stays | ends |
| pending, or rejected for a reason that may be asked again (`reason_retry`) | ends | ends |

- **The same: it ends.** What the record asks for is done. That it stated 501 points for 500 is settled by the record that stated 500.
- **The opposite: it stays**, and shows what the redemption is. As a clear record it would have been a contradiction of what was
  settled, and those wait for people, whatever `late_reject` says: it is about records that are clear.
- **The same words again.** A record that repeats the verdict and the reason codes of the one on hold says the same, whatever the
  profile makes of them.
- **Corrections.** A record that waits ends when one that replaces it is decided, whatever either says. What is held as `correction`
  or `file_void` itself is ended by people alone: another redemption may be concerned than the one that was settled.
- **Only a later word.** A file that is older than one that was posted ends no hold, nor does what was settled before the record
  came: it was held in sight of that. The partner's next clear record ends it.
"""
MIDDLE = """
Where the profile says `late_reject: reverse` instead of `hold`, this differs:
"""
REASONS = """
## Hold reasons

| reason | meaning | action required |
|---|---|---|
"""


def table(rules, states, verdicts):
    """Markdown lines: a row for each state, a column for each verdict and age, alike ones under one head."""
    columns = {}
    for age in ("newer", "older"):
        for verdict in verdicts:
            cells = tuple(rules[state, verdict, age] for state in states)
            columns.setdefault((cells, age), []).append(verdict)
    heads = [f"{', '.join(said) if len(said) < len(verdicts) else 'anything'} ({age})" for (_, age), said in columns.items()]
    yield "| the redemption is | " + " | ".join(heads) + " |"
    yield "|---" * (len(heads) + 1) + "|"
    for n, state in enumerate(states):
        yield f"| {state} | " + " | ".join(cells[n] for cells, _ in columns) + " |"


def text(connection):
    """The whole page."""
    verdicts = [name for name, in connection.execute("SELECT name FROM handback.verdict_name ORDER BY verdict")]
    rules = {"hold": {}, "reverse": {}}
    for late, state, verdict, age, outcome, reason in connection.execute(
            "SELECT t.late_reject, t.state, v.name, t.age, o.name, t.hold_reason FROM handback.verdict_rule t"
            " JOIN handback.verdict_name v USING (verdict) JOIN handback.outcome_name o USING (outcome)"):
        rules[late][state, verdict, age] = f"{outcome}: {reason}" if reason else outcome
    states = [s for s in ("open", "confirmed", "reversed", "reinstated", "unknown") if (s, verdicts[0], "newer") in rules["hold"]]
    assert all(len(r) == len(states) * len(verdicts) * 2 for r in rules.values()), "a rule is missing, or of a new state"
    lines = [HEAD, *table(rules["hold"], states, verdicts), MIDDLE, "| the redemption is | the record says | the file is |"
             " `hold` | `reverse` |", "|---|---|---|---|---|"]
    for state, verdict, age in sorted(rules["hold"]):
        one, other = (rules[late][state, verdict, age] for late in ("hold", "reverse"))
        if one != other:
            lines.append(f"| {state} | {verdict} | {age} | {one} | {other} |")
    lines += [SPLIT, *split_lines(), GROUP, *group_lines(rules, verdicts), SCOPE, *scope_lines(), WHY.rstrip("\n"), REASONS.rstrip("\n")]
    for row in connection.execute("SELECT reason, meaning, action_required FROM handback.hold_reason ORDER BY reason"):
        lines.append("| `{}` | {} | {} |".format(*row))
    return "\n".join(lines) + "\n"


def main():
    if len(sys.argv) > 1:
        with psycopg.connect(sys.argv[1]) as connection:
            sys.stdout.write(text(connection))
        return
    sys.path.insert(0, str(ROOT / "tests/support"))
    import pg
    cluster = pg.Cluster()
    try:
        with cluster.database().connect() as connection:
            sys.stdout.write(text(connection))
    finally:
        cluster.close()


if __name__ == "__main__":
    main()

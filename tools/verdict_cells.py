"""Cells of docs/verdicts.md that no table of the schema has: answers in parts, groups, and numbers that begin again.

tests/engine/test_cells.py meets each of them with files, and holds the engine to what stands here.
"""
HELD, PARTLY, MISMATCH = "held: ", "held: partly_fulfilled", "held: points_mismatch"

# A redemption of 300 points. What stands before -> what a part then comes to.
PARTS = ("L2 of 100, accepted", "L2 of 100, rejected", "L2 of 200, accepted", "L2 of 200, rejected", "L2 of 250, accepted",
         "L1 of 100, accepted", "L1 of 100, rejected", "L9 of all 300, accepted", "L9 of all 300, rejected")
SPLIT = {
    "nothing": (PARTLY, PARTLY, PARTLY, PARTLY, PARTLY, PARTLY, PARTLY, "confirmed", "reversed"),
    "L1 of 100, accepted, waits": (PARTLY, PARTLY, "confirmed", PARTLY, MISMATCH, "duplicate_record", MISMATCH, MISMATCH, MISMATCH),
    "L1 of 100, rejected, waits": (PARTLY, PARTLY, PARTLY, "reversed", MISMATCH, MISMATCH, "duplicate_record", MISMATCH, MISMATCH),
    "confirmed by L1 of 100 and L2 of 200": (MISMATCH, MISMATCH, "already_applied", MISMATCH, MISMATCH, "already_applied", MISMATCH,
                                             "already_applied", "held: contradiction"),
    "reversed by L1 of 100 and L2 of 200": (MISMATCH, MISMATCH, MISMATCH, "already_applied", MISMATCH, MISMATCH, "already_applied",
                                            "held: contradiction", "already_applied"),
}

# Two redemptions that share a reference, by their states, in the order of verdict_rule.
GROUPS = (("open", "open"), ("open", "confirmed"), ("open", "reversed"), ("open", "reinstated"), ("confirmed", "confirmed"),
          ("confirmed", "reversed"), ("confirmed", "reinstated"), ("reversed", "reversed"), ("reversed", "reinstated"),
          ("reinstated", "reinstated"))


def group_cell(rules, states, verdict, age):
    """Of a record that both share: what each would come to alone, where that is the same. rules: {(state, verdict, age): cell}.

    Nobody has answered what is open: no file is older than its answer.
    """
    cells = {rules[state, verdict, "newer" if state == "open" else age] for state in states}
    if len(cells) > 1:
        return "held: group_differs"
    cell, = cells
    return cell if cell == "informational" or cell.startswith(HELD) else f"each {cell}"


# The last file has number 5 of 2020-12-30. A file with this day and number -> what comes of it, where numbers rise for ever, begin again each
# year, or go round; with `gap: hold` and `jump: 3`. A posted one is newer or older.
NUMBERS = ("rise for ever", "resets: yearly", "after: 9")
SCOPES = {
    ("2020-12-31", 6): ("newer", "newer", "newer"),
    ("2020-12-31", 7): ("held: sequence_gap", "held: sequence_gap", "held: sequence_gap"),
    ("2020-12-31", 9): ("held: sequence_jump", "held: sequence_jump", "held: sequence_jump"),
    ("2020-12-31", 5): ("held: resubmission", "held: resubmission", "held: resubmission"),
    ("2020-12-29", 3): ("older", "older", "older"),
    ("2021-01-04", 1): ("held: sequence_restart", "newer", "held: sequence_jump"),
    ("2021-01-04", 2): ("older", "held: sequence_gap", "older"),
    ("2021-01-04", 5): ("held: resubmission", "held: sequence_jump", "held: resubmission"),
    ("2019-12-30", 6): ("newer", "held: sequence_gap", "newer"),
    ("2019-12-30", 1): ("older", "older", "held: sequence_jump"),
}


def rows(head, cells):
    """Markdown lines of one table."""
    yield "| " + " | ".join(head) + " |"
    yield "|---" * len(head) + "|"
    for name, columns in cells:
        yield f"| {name} | " + " | ".join(columns) + " |"


def split_lines():
    return rows(("before", *PARTS), SPLIT.items())


def group_lines(rules, verdicts):
    """rules: by late_reject. Alike columns stand under one head."""
    columns = {}
    for late, age, verdict in ((late, age, verdict) for late in rules for age in ("newer", "older") for verdict in verdicts):
        cells = tuple(group_cell(rules[late], states, verdict, age) for states in GROUPS)
        said = columns.setdefault((cells, age), [])
        if verdict not in [v for v, _ in said]:
            said.append((verdict, late))
    heads = ["both are"]
    for (_, age), said in columns.items():
        late = " with `late_reject: reverse`" if all(late != "hold" for _, late in said) else ""
        heads.append(f"{', '.join(verdict for verdict, _ in said)} ({age}){late}")
    names = [states[0] if states[0] == states[1] else " and ".join(states) for states in GROUPS]
    return rows(heads, ((name, [cells[n] for cells, _ in columns]) for n, name in enumerate(names)))


def scope_lines():
    return rows(("day", "number", *NUMBERS), ((day, (str(number), *cells)) for (day, number), cells in SCOPES.items()))

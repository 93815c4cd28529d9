#!/usr/bin/python3
"""(c) Python and psycopg.   rows.py rows|batches CONNINFO FILE

`rows`: as the scripts that we replace are written: one record, one look-up, one
insert, one commit at the end.  `batches`: COPY into a staging table, then the plain script's SQL.
"""
import csv
import pathlib
import sys

import psycopg


def row_by_row(connection, path):
    cursor = connection.cursor()
    cursor.execute("INSERT INTO bench.file (name) VALUES ('rows') RETURNING file_id")
    file_id = cursor.fetchone()[0]
    seen = set()
    with open(path, newline="") as f:
        for line, row in enumerate(csv.DictReader(f), 1):
            if row["type"] != "D":
                continue
            points, accepted = int(row["points"]), row["status"] == "OK"
            cursor.execute("SELECT e.entry_id, e.member_id, m.relation_reference, e.points FROM ledger.entry e "
                           "JOIN ledger.member m USING (member_id) "
                           "WHERE e.external_reference = %s AND e.category = 'Debit By Redemption'", (row["reference"],))
            debit = cursor.fetchone()
            reason = None
            if debit is None:
                outcome, reason = 6, "unknown_reference"
            elif debit[2] != row["member"]:
                outcome, reason = 6, "member_mismatch"
            elif debit[3] != points:
                outcome, reason = 6, "points_mismatch"
            elif debit[0] in seen:
                outcome = 4
            else:
                outcome = 1 if accepted else 2
                seen.add(debit[0])
            if outcome == 2:
                cursor.execute("INSERT INTO ledger.entry (programme_id, member_id, category, points, answers_entry_id) "
                               "VALUES (1, %s, 'Redemption Reversal', %s, %s)", (debit[1], debit[3], debit[0]))
                cursor.execute("UPDATE ledger.balance SET points = points + %s WHERE member_id = %s", (debit[3], debit[1]))
            cursor.execute("INSERT INTO bench.outcome (file_id, record_no, verdict, outcome, redemption_id, points, "
                           "hold_reason, reference, reasons) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
                           (file_id, line, 1 if accepted else 4, outcome, debit and debit[0], points, reason,
                            row["reference"], row["reason"]))
    connection.commit()


def batches(connection, path):
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE bench.raw (line bigserial PRIMARY KEY, type text, reference text, booking text, "
                   "member text, points text, status text, reason text, date text)")
    with open(path, newline="") as f, cursor.copy(
            "COPY bench.raw (type, reference, booking, member, points, status, reason, date) FROM STDIN") as copy:
        for row in csv.DictReader(f):
            if row["type"] == "D":
                int(row["points"])
                copy.write_row([v or None for v in row.values()])
    script = (pathlib.Path(__file__).parent / "decide_plain.sql").read_text()
    for statement in "\n".join(x for x in script.splitlines() if not x.startswith(("\\", "--"))).split(";\n"):
        if statement.strip() not in ("", "BEGIN", "COMMIT"):
            cursor.execute(statement)
    connection.commit()


if __name__ == "__main__":
    how, conninfo, path = sys.argv[1:]
    with psycopg.connect(conninfo) as connection:
        {"rows": row_by_row, "batches": batches}[how](connection, path)

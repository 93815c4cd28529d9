"""The bench's data: a ledger of M redemptions and hand-back files of N records.

Deterministic: redemption i (from 1) has external_reference md5(str(i)), member
(i - 1) // 10 + 1 and 100 + i * 37 % 900 points, in SQL and here alike, so the
same numbers come out on every machine.  Of the records, by their number,

    92 %  accepted
     5 %  rejected, with a reason code
     1 %  a points mismatch
     1 %  an unknown reference
     1 %  the record before once more, word for word

as tried in the reference measurements that the targets come from.
"""
import hashlib
import random

REDEMPTIONS_PER_MEMBER = 10
DAY = "2026-11-20"

LEDGER_SQL = """
SET session_replication_role = replica;   -- bulk load: the triggers check what the formula holds anyway
INSERT INTO ledger.programme (programme_id, code, name, rate_points, rate_minor, currency)
VALUES (1, 'BENCH', 'Bench programme', 100, 100, 'EUR');
INSERT INTO ledger.member (member_id, programme_id, relation_reference)
SELECT m, 1, 'M' || lpad(m::text, 9, '0') FROM generate_series(1, ({m} + 9) / 10) m;
INSERT INTO ledger.entry (entry_id, programme_id, member_id, category, points, external_reference, posted_at)
SELECT m, 1, m, 'Credit By Accrual', 1000000, md5('accrual ' || m)::uuid, timestamptz '2026-10-01 00:00Z'
FROM generate_series(1, ({m} + 9) / 10) m;
INSERT INTO ledger.entry (entry_id, programme_id, member_id, category, points, external_reference,
                          partner, merchant, transaction_type, amount, currency, posted_at)
SELECT 1000000000 + i, 1, (i - 1) / 10 + 1, 'Debit By Redemption', 100 + i * 37 % 900, md5(i::text)::uuid,
       'BENCH', 'Bench Air', 6, 100 + i * 37 % 900, 'EUR',
       timestamptz '2026-11-01 00:00Z' + i * interval '0.5 second'
FROM generate_series(1, {m}::bigint) i;
INSERT INTO ledger.watched_debit (redemption_id, programme_id, partner, points, redeemed_at)
SELECT entry_id, programme_id, partner, points, posted_at FROM ledger.entry WHERE category = 'Debit By Redemption';
INSERT INTO ledger.balance (member_id, points)
SELECT m, 1000000 - (SELECT sum(100 + i * 37 % 900)
                     FROM generate_series((m::bigint - 1) * 10 + 1, least(m::bigint * 10, {m})) i)
FROM generate_series(1, ({m} + 9) / 10) m;
SELECT setval(pg_get_serial_sequence('ledger.entry', 'entry_id'), 2000000000);
"""


def reference(i):
    h = hashlib.md5(str(i).encode()).hexdigest()
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"


def points(i):
    return 100 + i * 37 % 900


def member(i):
    return f"M{(i - 1) // REDEMPTIONS_PER_MEMBER + 1:09d}"


def records(first, count, shuffled=False):
    """Yield (reference, member, points, status, reason) for redemptions first .. first+count-1."""
    order = range(first, first + count)
    if shuffled:
        order = list(order)
        random.Random(42).shuffle(order)
    before = None
    for n, i in enumerate(order):
        share = n % 100
        row = (reference(i), member(i), points(i), "OK", "")
        if share in (7, 27, 47, 67, 87):
            row = (row[0], row[1], row[2], "KO", "R03")
        elif share == 33:
            row = (row[0], row[1], row[2] + 1, "OK", "")
        elif share == 53:
            row = (reference(-i), row[1], row[2], "OK", "")
        elif share == 73:
            row = before
        before = row
        yield row


def write_delimited(path, rows, sequence):
    count = total = 0
    with open(path, "w", encoding="ascii", newline="") as f:
        f.write("type,reference,booking,member,points,status,reason,date\n")
        for ref, who, pts, status, reason in rows:
            count += 1
            total += pts
            f.write(f'D,{ref},"BK{sequence:04d}{count:010d}",{who},{pts},{status},{reason},{DAY}\n')
        f.write(f"T,{count},{total},{sequence},,,,\n")
    return count


def write_fixed(path, rows, sequence):
    count = total = 0
    with open(path, "w", encoding="ascii", newline="") as f:
        f.write(f"H{sequence:08d}{DAY}".ljust(100) + "\n")
        for ref, who, pts, status, reason in rows:
            count += 1
            total += pts
            f.write(f"D{ref}BK{sequence:04d}{count:010d}{who}{pts:010d}{status}{reason:<4}{DAY}".ljust(100) + "\n")
        f.write(f"T{count:010d}{total:018d}".ljust(100) + "\n")
    return count


def write_xml(path, rows, sequence):
    rows = list(rows)
    with open(path, "w", encoding="utf-8", newline="") as f:
        f.write(f'<?xml version="1.0" encoding="UTF-8"?>\n<handback sequence="{sequence}" date="{DAY}" '
                f'count="{len(rows)}" points="{sum(r[2] for r in rows)}">\n')
        for n, (ref, who, pts, status, reason) in enumerate(rows, 1):
            why = f"<reason>{reason}</reason>" if reason else ""
            f.write(f"<r><reference>{ref}</reference><booking>BK{sequence:04d}{n:010d}</booking><member>{who}</member>"
                    f"<points>{pts}</points><status>{status}</status>{why}<date>{DAY}</date></r>\n")
        f.write("</handback>\n")
    return len(rows)


WRITERS = {"delimited": write_delimited, "fixed": write_fixed, "xml": write_xml}
SUFFIX = {"delimited": ".csv", "fixed": ".txt", "xml": ".xml"}

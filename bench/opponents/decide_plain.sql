-- What a careful team's script does after loading the file as text into bench.raw:
-- cast, match, record, reverse, in one transaction.
\set ON_ERROR_STOP on
BEGIN;
ANALYZE bench.raw;
INSERT INTO bench.file (name, records, points) SELECT 'script', count(*), sum(points::bigint) FROM bench.raw WHERE type = 'D';
INSERT INTO bench.outcome (file_id, record_no, verdict, outcome, redemption_id, points, hold_reason, reference, reasons)
SELECT 1, s.line, CASE s.status WHEN 'OK' THEN 1 ELSE 4 END,
       CASE WHEN d.entry_id IS NULL OR m.relation_reference <> s.member OR d.points <> s.points::bigint THEN 6
            WHEN row_number() OVER (PARTITION BY s.reference ORDER BY s.line) > 1 THEN 4
            WHEN s.status = 'OK' THEN 1 ELSE 2 END,
       d.entry_id, s.points::bigint,
       CASE WHEN d.entry_id IS NULL THEN 'unknown_reference'
            WHEN m.relation_reference <> s.member THEN 'member_mismatch'
            WHEN d.points <> s.points::bigint THEN 'points_mismatch' END,
       s.reference, s.reason
FROM bench.raw s
LEFT JOIN ledger.entry d ON d.external_reference = s.reference::uuid AND d.category = 'Debit By Redemption'
LEFT JOIN ledger.member m ON m.member_id = d.member_id
WHERE s.type = 'D'
ON CONFLICT DO NOTHING;
INSERT INTO ledger.entry (programme_id, member_id, category, points, answers_entry_id)
SELECT d.programme_id, d.member_id, 'Redemption Reversal', d.points, d.entry_id
FROM bench.outcome o JOIN ledger.entry d ON d.entry_id = o.redemption_id
WHERE o.file_id = 1 AND o.outcome = 2
ON CONFLICT DO NOTHING;
UPDATE ledger.balance b SET points = b.points + r.points
FROM (SELECT e.member_id, sum(e.points) AS points FROM ledger.entry e
      JOIN bench.outcome o ON o.redemption_id = e.answers_entry_id AND o.outcome = 2 AND o.file_id = 1
      GROUP BY e.member_id) r
WHERE b.member_id = r.member_id;
COMMIT;

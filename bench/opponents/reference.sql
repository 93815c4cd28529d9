-- (a) The reference: rows that somebody already decoded, by binary COPY, then
-- the best set-based SQL we know. No file is hashed or kept, nothing is parsed,
-- no control total, no proof, no holds to work on.   psql -v stage=FILE
\set ON_ERROR_STOP on
SET jit = off;
SET work_mem = '64MB';
BEGIN;
CREATE TEMP TABLE stage (record_no bigint, byte_offset bigint, byte_length integer, external_reference uuid,
                         member text, points bigint, verdict smallint, reasons text);
\set copy '\\copy stage FROM ' :stage ' (FORMAT binary)'
:copy
ANALYZE stage;
INSERT INTO bench.file (name, records, points) SELECT 'reference', count(*), sum(points) FROM stage;
CREATE TEMP TABLE decided AS
WITH again AS (
	SELECT external_reference, min(record_no) AS first FROM stage GROUP BY 1 HAVING count(*) > 1
)
SELECT s.record_no, s.byte_offset, s.byte_length, s.verdict, s.points, s.reasons,
       d.entry_id AS redemption_id, d.member_id, d.points AS debit,
       CASE WHEN d.entry_id IS NULL THEN 6
            WHEN a.first < s.record_no THEN 4
            WHEN m.relation_reference <> s.member OR d.points <> s.points THEN 6
            WHEN r.entry_id IS NOT NULL OR o.redemption_id IS NOT NULL THEN 3
            WHEN s.verdict = 4 THEN 2 ELSE 1 END::smallint AS outcome,
       CASE WHEN d.entry_id IS NULL THEN 'unknown_reference'
            WHEN a.first < s.record_no THEN NULL
            WHEN m.relation_reference <> s.member THEN 'member_mismatch'
            WHEN d.points <> s.points THEN 'points_mismatch' END AS hold_reason,
       CASE WHEN d.entry_id IS NULL THEN s.external_reference::text END AS reference
FROM stage s
LEFT JOIN ledger.entry d ON d.external_reference = s.external_reference AND d.category = 'Debit By Redemption'
     AND d.partner = 'BENCH'
LEFT JOIN ledger.member m ON m.member_id = d.member_id
LEFT JOIN ledger.entry r ON r.answers_entry_id = d.entry_id
LEFT JOIN bench.outcome o ON o.redemption_id = d.entry_id AND o.outcome = 1
LEFT JOIN again a ON a.external_reference = s.external_reference;
CREATE TEMP TABLE reversed AS
WITH posted AS (
	INSERT INTO ledger.entry (programme_id, member_id, category, points, answers_entry_id)
	SELECT 1, member_id, 'Redemption Reversal', debit, redemption_id FROM decided WHERE outcome = 2 ORDER BY record_no
	RETURNING entry_id, answers_entry_id, member_id, points)
SELECT * FROM posted;
UPDATE ledger.balance b SET points = b.points + r.points
FROM (SELECT member_id, sum(points) AS points FROM reversed GROUP BY member_id) r WHERE b.member_id = r.member_id;
INSERT INTO bench.outcome (file_id, record_no, byte_offset, byte_length, verdict, outcome, redemption_id,
                           reversal_id, points, hold_reason, reference, reasons)
SELECT 1, d.record_no, d.byte_offset, d.byte_length, d.verdict, d.outcome, d.redemption_id, r.entry_id,
       d.points, d.hold_reason, d.reference, d.reasons
FROM decided d LEFT JOIN reversed r ON r.answers_entry_id = d.redemption_id AND d.outcome = 2
ORDER BY d.record_no;
COMMIT;

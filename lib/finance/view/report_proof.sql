-- name: report_proof
-- The second sum, by another way: from every outcome row and the debits and reversals that the ledger
-- shows for it, against the tie-outs that were written when the file was decided. A row is a difference.
-- Nothing here keeps the server from sharing out the rows among its processors: no function of the schema's.
WITH scope AS (
	SELECT f.file_id, f.name_shown, f.records, f.state, f.release_of, f.again_of,
		ROW(f.partner_id, f.profile, f.sha256, f.statement) AS identity
	FROM handback.file f
	JOIN handback.partner p USING (partner_id)
	WHERE ($1::text IS NULL OR p.code = $1)
		AND ($2::bigint IS NULL OR f.file_id = $2)
		AND ($3::timestamptz IS NULL OR f.decided_at >= $3)
		AND ($4::timestamptz IS NULL OR f.decided_at < $4)
), counted AS (
	SELECT o.file_id, o.outcome, count(*) AS records,
		sum(CASE WHEN o.outcome = :OUTCOME_REVERSED THEN coalesce(r.points, 0) ELSE coalesce(d.points, o.points, 0) END) AS points
	FROM handback.outcome o
	LEFT JOIN ledger.redemption d ON d.redemption_id = o.redemption_id
	LEFT JOIN ledger.reversal r ON r.reversal_id = o.reversal_id
	WHERE o.revision = 0 AND o.file_id = ANY (ARRAY(SELECT file_id FROM scope))
	GROUP BY o.file_id, o.outcome
), reported AS (
	SELECT t.file_id, t.outcome, t.records, t.points
	FROM handback.tie_out t
	WHERE t.file_id = ANY (ARRAY(SELECT file_id FROM scope))
)
SELECT s.file_id AS file, s.name_shown AS name, n.name AS outcome, reported.records AS reported_records,
	counted.records AS counted_records, reported.points AS reported_points, counted.points AS counted_points
FROM reported
FULL JOIN counted USING (file_id, outcome)
JOIN scope s USING (file_id)
JOIN handback.outcome_name n USING (outcome)
WHERE (reported.records, reported.points) IS DISTINCT FROM (counted.records, counted.points)
UNION ALL
SELECT s.file_id, s.name_shown, 'all', s.records, sum(counted.records), NULL, NULL
FROM scope s
LEFT JOIN counted USING (file_id)
WHERE s.state = 'posted'
GROUP BY s.file_id, s.name_shown, s.records
HAVING s.records IS DISTINCT FROM coalesce(sum(counted.records), 0)
UNION ALL
-- what was held and released counts once, and so does what came again: files of one identity are there once, and once more
-- for each that was closed
SELECT max(file_id), min(name_shown), 'once', count(*), 1, NULL, NULL
FROM scope
WHERE state <> 'duplicate' AND release_of IS NULL
GROUP BY identity, again_of
HAVING count(*) > 1
UNION ALL
SELECT max(file_id), min(name_shown), 'once', count(*), 1, NULL, NULL
FROM scope
WHERE release_of IS NOT NULL
GROUP BY release_of
HAVING count(*) > 1
UNION ALL
-- what was decided after its file: by the heads of its events, whenever it was
SELECT o.file_id, 'event ' || a.event_id, a.what, h.tree_size, o.records, NULL, NULL
FROM audit.event a
JOIN audit.head h USING (head_no)
FULL JOIN (SELECT event_id, min(file_id) AS file_id, count(*) AS records FROM handback.outcome WHERE revision > 0 GROUP BY event_id) o
	USING (event_id)
WHERE coalesce(h.tree_size, 0) <> coalesce(o.records, 0)
ORDER BY 1, 3
LIMIT 20

-- name: report_proof_overdue
-- The second sum of what is overdue: all that is late, less what the ledger and the outcomes have an answer for, against
-- what the report shows. $1 the partner, or NULL for all. A row is a difference, its columns as in report_proof.sql.
SELECT NULL AS file, t.partner AS name, 'overdue' AS outcome, reported.records AS reported_records,
	counted.records AS counted_records, reported.points AS reported_points, counted.points AS counted_points
FROM handback.term_now
JOIN handback.term t USING (term_id)
CROSS JOIN LATERAL (
	SELECT count(*) AS records, coalesce(sum(points), 0) AS points FROM handback.unanswered_redemptions(t)) reported
CROSS JOIN LATERAL (
	SELECT count(*) AS records, coalesce(sum(r.points), 0) AS points
	FROM ledger.redemption r
	WHERE t.within_days > 0 AND r.partner = t.partner AND r.programme = coalesce(t.programme, r.programme)
		AND r.redemption_id IN (
			SELECT l.redemption_id FROM ledger.redemption l
			WHERE l.partner = t.partner AND l.redeemed_at < handback.answers_due_before(t.within_days, t.zone,
				transaction_timestamp(), t.holidays)
			EXCEPT SELECT redemption_id FROM handback.outcome WHERE outcome = :OUTCOME_CONFIRMED
			EXCEPT SELECT redemption_id FROM ledger.reversal)) counted
WHERE ($1::text IS NULL OR t.partner = $1)
	AND (reported.records, reported.points) IS DISTINCT FROM (counted.records, counted.points)
ORDER BY t.partner
LIMIT 20

-- Holds that do not agree with the outcomes and files that they are of. The first, as part, file, record,
-- message.
SELECT 'hold' AS part, file_id, record_no,
	CASE
		WHEN h.hold_id IS NULL THEN 'the record is held, and has no hold'
		WHEN w.reason IS NULL THEN format('hold %s is of a record that is not held', h.hold_id)
		WHEN h.reason <> w.reason THEN format('hold %s is for %s, its record for %s', h.hold_id, h.reason, w.reason)
		WHEN h.redemption_id IS DISTINCT FROM w.redemption_id
			THEN format('hold %s is of redemption %s, its record of %s', h.hold_id, h.redemption_id, w.redemption_id)
		WHEN h.points IS DISTINCT FROM w.points
			THEN format('hold %s is of %s points, its record of %s', h.hold_id, h.points, w.points)
		ELSE format('hold %s was opened at %s, its file decided at %s', h.hold_id, h.opened_at, w.decided_at)
	END AS message
FROM (
	SELECT o.file_id, o.record_no, o.hold_reason AS reason, o.redemption_id, coalesce(d.points, o.points) AS points,
		o.decided_at
	FROM handback.outcome o
	LEFT JOIN ledger.redemption d USING (redemption_id)
	WHERE o.outcome = 6 AND o.revision = 0
) w
FULL JOIN (SELECT * FROM handback.hold WHERE record_no IS NOT NULL) h USING (file_id, record_no)
WHERE (h.reason, h.redemption_id, h.points, h.opened_at)
	IS DISTINCT FROM (w.reason, w.redemption_id, w.points, w.decided_at)
UNION ALL
SELECT 'hold', file_id, NULL,
	CASE
		WHEN h.hold_id IS NULL THEN 'the file is held, and has no hold'
		WHEN f.hold_reason IS NULL THEN format('hold %s is of a file that is not held', h.hold_id)
		WHEN h.reason <> f.hold_reason THEN format('hold %s is for %s, its file for %s', h.hold_id, h.reason, f.hold_reason)
		ELSE format('hold %s was opened at %s, its file decided at %s', h.hold_id, h.opened_at, f.decided_at)
	END
FROM (SELECT * FROM handback.file WHERE state = 'held') f
FULL JOIN (SELECT * FROM handback.hold WHERE record_no IS NULL) h USING (file_id)
WHERE (h.reason, h.opened_at) IS DISTINCT FROM (f.hold_reason, f.decided_at)
UNION ALL
SELECT 'hold', h.file_id, h.record_no, format('hold %s ended at %s, before it was opened', e.hold_id, e.ended_at)
FROM handback.hold_end e
JOIN handback.hold h USING (hold_id)
WHERE e.ended_at < h.opened_at
LIMIT 1

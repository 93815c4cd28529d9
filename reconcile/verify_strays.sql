-- What no head proves, or what has no row that proves it. The first, as part, file, record, message.
SELECT 'file' AS part, f.file_id, NULL::bigint AS record_no, 'the file has no head' AS message
FROM handback.file f
WHERE NOT EXISTS (SELECT FROM audit.head h WHERE h.file_id = f.file_id)
UNION ALL
SELECT 'outcome', o.file_id, o.record_no, 'the outcome row belongs to no file that has a head'
FROM handback.outcome o
WHERE o.revision = 0 AND NOT EXISTS (SELECT FROM audit.head h WHERE h.file_id = o.file_id)
UNION ALL
SELECT 'outcome', o.file_id, o.record_no, format('revision %s was decided by act %s, which has no head',
	o.revision, o.act_id)
FROM handback.outcome o
WHERE o.revision > 0 AND NOT EXISTS (SELECT FROM audit.act a JOIN audit.head h USING (head_no) WHERE a.act_id = o.act_id)
UNION ALL
SELECT 'outcome', o.file_id, o.record_no, format('it was decided with its file, and names act %s', o.act_id)
FROM handback.outcome o
WHERE o.revision = 0 AND o.act_id IS NOT NULL
UNION ALL
SELECT 'outcome', o.file_id, o.record_no, format('act %s does not say that redemption %s was absent', o.act_id, o.redemption_id)
FROM handback.outcome o
JOIN audit.act a USING (act_id)
WHERE o.revision > 0 AND (o.record_no = 0 OR a.what = 'confirmed_by_absence')
	AND (o.record_no, o.revision, o.outcome, a.what, a.subject)
		IS DISTINCT FROM (0, 1, 1, 'confirmed_by_absence', 'file ' || o.file_id)
UNION ALL
SELECT 'act', NULL, NULL, format('act %s (%s, %s) names head %s, which is not its own', a.act_id, a.what, a.subject,
	a.head_no)
FROM audit.act a
WHERE NOT EXISTS (SELECT FROM audit.head h WHERE h.head_no = a.head_no AND h.file_id IS NULL)
UNION ALL
SELECT 'outcome', o.file_id, o.record_no, format('it was decided at %s, and its file at %s', o.decided_at, f.decided_at)
FROM handback.outcome o
JOIN handback.file f USING (file_id)
WHERE o.revision = 0 AND o.decided_at <> f.decided_at
UNION ALL
SELECT 'file', f.file_id, NULL, format('it was decided at %s, after its head was made at %s', f.decided_at, h.made_at)
FROM handback.file f
JOIN audit.head h USING (file_id)
WHERE f.decided_at > h.made_at
LIMIT 1

-- Confirms what a partner that lists its rejects has not rejected: one act for each file that shows it, with an outcome
-- for each redemption under its tree (record 0: there is none). Nothing is posted. $1 source. Gives how many, and their
-- points. What the partner said anything of is not silence, and is left to people.
WITH silent AS MATERIALIZED (
	SELECT a.redemption_id, a.points, a.file_id, t.term_id, ROW(a.file_id, 0, 1, 1, 1, 0, 0, a.redemption_id, NULL, NULL, NULL,
		NULL, NULL, format('not rejected until %s', a.due_at AT TIME ZONE t.zone), transaction_timestamp(), NULL,
		NULL)::handback.outcome AS o
	FROM handback.term_now
	JOIN handback.term t USING (term_id)
	CROSS JOIN LATERAL handback.overdue_answers(t) a
	WHERE t.source = $1::text AND t.lists = 'rejects' AND a.said IS NULL AND a.file_id IS NOT NULL
), hashed AS MATERIALIZED (
	SELECT *, handback.leaf_hash(o) AS leaf FROM silent
), act AS MATERIALIZED (
	SELECT h.file_id, audit.append_act('confirmed_by_absence', 'file ' || h.file_id,
		'the partner lists its rejects, and answers within ' || t.within_days || ' business days (' || t.zone || ')',
		format('%s redemptions of %s points, by %s', count(*), sum(h.points), handback.term_said(t)), count(*),
		audit.merkle_root(array_agg(h.leaf ORDER BY h.redemption_id))) AS act_id
	FROM hashed h
	JOIN handback.term t USING (term_id)
	GROUP BY h.file_id, t.term_id
	ORDER BY h.file_id
), written AS (
	INSERT INTO handback.outcome (file_id, record_no, revision, verdict, outcome, byte_length, byte_offset, redemption_id,
		detail, decided_at, act_id, leaf_hash)
	SELECT (o).file_id, (o).record_no, (o).revision, (o).verdict, (o).outcome, (o).byte_length, (o).byte_offset,
		(o).redemption_id, (o).detail, (o).decided_at, act.act_id, leaf
	FROM hashed JOIN act USING (file_id)
	RETURNING redemption_id
)
SELECT count(*), coalesce(sum(h.points), 0) FROM written JOIN hashed h USING (redemption_id)

-- name: deemed_term
-- Writes down what a profile says of answers, where that is something else than before. $1 source, $2 partner,
-- $3 programme or NULL, $4 profile, $5 lists, $6 order_by, $7 business days, $8 zone, $9 holidays as an array.
INSERT INTO handback.term (source, partner, programme, profile, lists, order_by, within_days, zone, holidays)
SELECT n.* FROM (VALUES ($1::text, $2::text, $3::text, $4::text, $5::text, $6::text, $7::integer, $8::text, $9::date[])) n
WHERE NOT EXISTS (
	SELECT FROM handback.term_now t
	WHERE t.source = $1 AND (t.partner, t.programme, t.profile, t.lists, t.order_by, t.within_days, t.zone, t.holidays)
		IS NOT DISTINCT FROM ($2, $3, $4, $5, $6, $7, $8, $9))

-- name: deemed_unclear
-- Another profile that answers for redemptions of the same partner: then no response by one means nothing. $1 source.
-- $2 sources that there are by now.
SELECT o.source, o.profile
FROM handback.term_now t
JOIN handback.term_now o ON o.partner = t.partner AND o.profile <> t.profile
	AND (o.programme IS NULL OR t.programme IS NULL OR o.programme = t.programme)
WHERE t.source = $1::text AND t.lists = 'rejects' AND t.within_days > 0 AND o.source = ANY ($2::text[])
ORDER BY o.source
LIMIT 1

-- name: deemed_confirm
-- Confirms what a partner that lists its rejects has not rejected: one event for each file that shows it, with an outcome
-- for each redemption under its tree (record 0: there is none). Nothing is posted. $1 source. Gives how many, and their
-- points. What the partner replied anything to is not deemed accepted, and is left to people.
WITH unanswered AS MATERIALIZED (
	SELECT a.redemption_id, a.points, a.file_id, t.term_id,
		ROW(a.file_id, 0, 1, :VERDICT_ACCEPTED, :OUTCOME_CONFIRMED, 0, 0, a.redemption_id, NULL, NULL, NULL,
		NULL, NULL, format('not rejected until %s', a.due_at AT TIME ZONE t.zone), transaction_timestamp(), NULL,
		NULL)::handback.outcome AS o
	FROM handback.term_now
	JOIN handback.term t USING (term_id)
	CROSS JOIN LATERAL handback.unanswered_redemptions(t) a
	WHERE t.source = $1::text AND t.lists = 'rejects' AND a.last_reply IS NULL AND a.file_id IS NOT NULL
), hashed AS MATERIALIZED (
	SELECT *, handback.leaf_hash(o) AS leaf FROM unanswered
), event AS MATERIALIZED (
	SELECT h.file_id, audit.append_service_event('deemed_accepted', 'file ' || h.file_id,
		'the partner lists its rejects, and answers within ' || t.within_days || ' business days (' || t.zone || ')',
		format('%s redemptions of %s points, by %s', count(*), sum(h.points), handback.term_text(t)), count(*),
		audit.merkle_root(array_agg(h.leaf ORDER BY h.redemption_id))) AS event_id
	FROM hashed h
	JOIN handback.term t USING (term_id)
	GROUP BY h.file_id, t.term_id
	ORDER BY h.file_id
), written AS (
	INSERT INTO handback.outcome (file_id, record_no, revision, verdict, outcome, byte_length, byte_offset, redemption_id,
		detail, decided_at, event_id, leaf_hash)
	SELECT (o).file_id, (o).record_no, (o).revision, (o).verdict, (o).outcome, (o).byte_length, (o).byte_offset,
		(o).redemption_id, (o).detail, (o).decided_at, event.event_id, leaf
	FROM hashed JOIN event USING (file_id)
	RETURNING redemption_id
)
SELECT count(*) AS confirmed, coalesce(sum(h.points), 0) AS points FROM written JOIN hashed h USING (redemption_id)

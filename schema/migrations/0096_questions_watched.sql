-- Questions that partners did not answer in time are seen where all else that waits is: status, metrics, the nightly run.

SET LOCAL ROLE handback_owner;

-- What people and the monitoring have to know.  Who counts reads no redemption: this does, for it.
CREATE OR REPLACE FUNCTION points.attention() RETURNS TABLE (programme text, partner text, matter text, age text, number bigint, points bigint, since timestamptz)
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	WITH batch AS (
		SELECT b.batch_no, b.programme_id, b.partner, b.opened_at, b.target IS NOT NULL OR EXISTS (SELECT FROM points.batch_step w
			WHERE w.batch_no = b.batch_no AND w.step = 'placed') AS placed
		FROM points.batch b WHERE NOT EXISTS (SELECT FROM points.batch_end e WHERE e.batch_no = b.batch_no)
	), unanswered AS (
		SELECT b.batch_no, b.programme_id, b.partner, r.points, r.started_at, r.unsettled, CASE
			WHEN r.started_at > transaction_timestamp() - interval '1 day' THEN 'day'
			WHEN r.started_at > transaction_timestamp() - interval '7 days' THEN 'week'
			WHEN r.started_at > transaction_timestamp() - interval '30 days' THEN 'month' ELSE 'older' END AS age
		FROM batch b JOIN points.batch_request r ON r.batch_no = b.batch_no WHERE r.state = 'open'
	), matter AS (
		SELECT u.programme_id, u.partner, 'unanswered' AS matter, u.age, count(*) AS number, sum(u.points) AS points, min(u.started_at) AS since
		FROM unanswered u GROUP BY 1, 2, 4
		UNION ALL
		SELECT u.programme_id, u.partner, u.unsettled, NULL, count(*), sum(u.points), min(u.started_at)
		FROM unanswered u WHERE u.unsettled IN ('unknown', 'differs') GROUP BY 1, 2, 3
		UNION ALL
		SELECT b.programme_id, b.partner, CASE WHEN b.placed THEN 'batch_open' ELSE 'batch_unplaced' END, NULL, count(*),
			sum((SELECT sum(u.points) FROM unanswered u WHERE u.batch_no = b.batch_no)), min(b.opened_at)
		FROM batch b GROUP BY 1, 2, 3
		UNION ALL
		SELECT h.programme_id, r.partner, 'held', NULL, count(*), sum(h.points), min(h.received_at)
		FROM points.held h JOIN points.request r ON r.request_no = h.request_no GROUP BY 1, 2
		UNION ALL
		SELECT p.programme_id, q.partner, 'question_overdue', NULL, count(*), sum(q.points), min(q.due_at)
		FROM points.questions q JOIN ledger.programme p ON p.code = q.programme WHERE q.state = 'overdue' GROUP BY 1, 2
	) SELECT p.code, m.partner, m.matter, m.age, m.number, coalesce(m.points, 0)::bigint, m.since
	FROM matter m JOIN ledger.programme p ON p.programme_id = m.programme_id
$$;
COMMENT ON FUNCTION points.attention() IS
	'unanswered: requests without an answer, by age. unknown, differs: those of which a target''s answer is not certain, or is of other points. batch_open: batches that are not closed. batch_unplaced: those that have no file yet. held: requests above a cap. question_overdue: questions that partners did not answer in time, since the first was due';

-- Who sends points asks each second which batches are at zero. That looked at every request that was ever sent, for each batch once more: now
-- only at the batches that are not closed, and of each only up to its first open request.

SET LOCAL ROLE handback_owner;

CREATE OR REPLACE FUNCTION points.close_batches() RETURNS integer
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	b record;
	a record;
	event bigint;
	closed integer := 0;
BEGIN
	-- what its hand-back file settled
	DELETE FROM points.unsettled u USING points.request r
	WHERE r.request_no = u.request_no AND u.state <> 'sending' AND u.next_at IS NULL AND handback.redemption_state(r.entry_id) <> 'open';
	-- one by one, and no further than the first request that is open: of what was closed nothing is looked at again
	FOR b IN WITH unended AS MATERIALIZED (
			SELECT q.batch_no, q.partner, q.sequence FROM points.batch q
			WHERE NOT EXISTS (SELECT FROM points.batch_end e WHERE e.batch_no = q.batch_no)
				AND (q.target IS NOT NULL OR EXISTS (SELECT FROM points.batch_step w WHERE w.batch_no = q.batch_no AND w.step = 'placed')))
		SELECT u.batch_no, u.partner, u.sequence FROM unended u
		WHERE (SELECT r.request_no FROM points.batch_request r WHERE r.batch_no = u.batch_no AND r.state = 'open' LIMIT 1) IS NULL
		ORDER BY u.batch_no LOOP
		SELECT coalesce(sum(r.points), 0)::bigint AS requested, coalesce(sum(r.points) FILTER (WHERE r.state = 'credited'), 0)::bigint AS credited,
			coalesce(sum(r.points) FILTER (WHERE r.state = 'reversed'), 0)::bigint AS reversed
		INTO a FROM points.batch_request r WHERE r.batch_no = b.batch_no;
		event := audit.append_event('batch_closed', 'points batch ' || b.batch_no, NULL,
			format('%s %s: requested %s, credited %s, reversed %s', b.partner, b.sequence, a.requested, a.credited, a.reversed));
		INSERT INTO points.batch_end (batch_no, requested, credited, reversed, ended_at, event_id)
		VALUES (b.batch_no, a.requested, a.credited, a.reversed, audit.event_time(event), event);
		closed := closed + 1;
	END LOOP;
	RETURN closed;
END
$$;

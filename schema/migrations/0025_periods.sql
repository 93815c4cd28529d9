-- Numbers of files begin again: each has a place in a period, and files are in the order of both.

SET LOCAL ROLE handback_owner;

INSERT INTO handback.hold_reason (reason, meaning, action_required) VALUES
	('sequence_restart', 'its number came before, or is below the last, and its day or the distance says that numbers begin again',
		'say in the profile how they begin again (sequence: resets or after), then release it; or ask the partner, and close it');

ALTER TABLE handback.file
	ADD COLUMN period date NOT NULL DEFAULT '-infinity',
	ADD COLUMN place bigint;
COMMENT ON COLUMN handback.file.period IS 'The first day of the period in which its number stands; -infinity where numbers never begin again';
COMMENT ON COLUMN handback.file.place IS 'Its place in the period: files are in the order of period and place';

-- a file's place was its number until now; what a head says of it stays the same
ALTER TABLE handback.file DISABLE TRIGGER check_archived;
UPDATE handback.file SET place = sequence WHERE sequence IS NOT NULL;
ALTER TABLE handback.file ENABLE TRIGGER check_archived;

DROP INDEX handback.file_by_sequence;
CREATE INDEX file_by_place ON handback.file (partner_id, profile, period, place);

DROP FUNCTION handback.last_number(integer, text);
CREATE FUNCTION handback.last_place(of_partner integer, of_profile text, of_period date) RETURNS bigint
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT max(f.place) FROM handback.file f
	WHERE f.partner_id = of_partner AND f.profile = of_profile AND f.period = of_period AND f.state = 'posted'
$$;
COMMENT ON FUNCTION handback.last_place(integer, text, date) IS 'The place up to which the files of a partner and profile have been decided in a period';
GRANT EXECUTE ON FUNCTION handback.last_place(integer, text, date) TO handback_daemon, handback_operator, handback_finance,
	handback_nightly;

DROP FUNCTION handback.listing_files(handback.term);
CREATE FUNCTION handback.listing_files(t handback.term)
	RETURNS TABLE (file_id bigint, source text, place bigint, business_date date, seen_at timestamptz,
		decided_at timestamptz, run bigint)
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT n.file_id, n.source, dense_rank() OVER in_order, n.business_date, n.seen_at, n.decided_at, sum(n.gap) OVER in_order
	FROM (
		SELECT f.*, CASE WHEN f.place - 1 > lag(f.place, 1, CASE WHEN isfinite(f.period) THEN 0 ELSE f.place END)
			OVER (PARTITION BY f.period ORDER BY f.place) THEN 1 ELSE 0 END AS gap
		FROM handback.file f
		JOIN handback.partner p USING (partner_id)
		WHERE p.code = t.partner AND f.profile = t.profile AND (t.order_by <> 'sequence' OR f.place IS NOT NULL)
			AND f.state = 'posted' AND (f.release_of IS NULL OR 'test_file' <> ALL (handback.waived_checks(f.release_of)))) n
	WINDOW in_order AS (ORDER BY n.period, n.place)
$$;
COMMENT ON FUNCTION handback.listing_files(handback.term) IS 'The files that show what a partner did not list';
REVOKE ALL ON FUNCTION handback.listing_files(handback.term) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION handback.listing_files(handback.term) TO
	handback_daemon, handback_operator, handback_finance, handback_nightly, handback_verify;

CREATE OR REPLACE FUNCTION handback.covering_file(t handback.term, day date, over timestamptz) RETURNS bigint
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	WITH listing AS MATERIALIZED (
		SELECT * FROM handback.listing_files(t)
	), begins AS MATERIALIZED (
		-- the last file from before that day, or the first of all
		SELECT coalesce(
			(SELECT l.place FROM listing l WHERE l.decided_at <= day::timestamp AT TIME ZONE t.zone ORDER BY 1 DESC LIMIT 1),
			(SELECT min(l.place) - 1 FROM listing l)) AS after,
			coalesce(
			(SELECT l.run FROM listing l WHERE l.decided_at <= day::timestamp AT TIME ZONE t.zone ORDER BY l.place DESC LIMIT 1),
			(SELECT min(l.run) FROM listing l)) AS run
	)
	SELECT l.file_id
	FROM listing l, begins b
	WHERE CASE WHEN l.business_date IS NULL THEN l.seen_at >= over ELSE l.business_date >= (over AT TIME ZONE t.zone)::date - 1 END
		AND (t.order_by <> 'sequence' OR (l.run = b.run AND l.place > b.after))
		AND NOT EXISTS (
			SELECT FROM handback.expected_files e
			WHERE e.source = l.source AND e.late_at > day::timestamp AT TIME ZONE t.zone AND e.due_at <= l.seen_at
				AND e.state IN ('missing', 'overdue', 'poll_failed'))
		AND NOT EXISTS (
			SELECT FROM handback.hold_now h
			JOIN handback.file f ON f.file_id = h.file_id
			JOIN handback.partner p ON p.partner_id = f.partner_id
			WHERE p.code = t.partner AND h.redemption_id IS NULL AND f.decided_at > day::timestamp AT TIME ZONE t.zone
				AND NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id))
	ORDER BY l.file_id
	LIMIT 1
$$;

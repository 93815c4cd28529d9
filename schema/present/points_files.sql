-- What partners say of our request files: which they have.

-- Of which request files the redemptions that a partner names are, or (redemptions NULL) that one whose name or number it states; and how
-- much of each. named is NULL where the partner names no redemptions.
CREATE FUNCTION points.acknowledged(partner text, programme text, redemptions bigint[], message text)
	RETURNS TABLE (batch bigint, name text, requests bigint, points bigint, named bigint, named_points bigint)
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	WITH named AS MATERIALIZED (
		SELECT DISTINCT u.id FROM unnest(redemptions) u (id)
	), chosen AS MATERIALIZED (
		SELECT DISTINCT s.batch_no FROM named n JOIN points.request r ON r.entry_id = n.id JOIN points.sending s ON s.request_no = r.request_no
		UNION
		SELECT w.batch_no FROM points.batch_step w JOIN points.batch b ON b.batch_no = w.batch_no
		WHERE redemptions IS NULL AND w.step = 'written' AND b.partner = acknowledged.partner
			AND (w.name = message OR b.sequence::text = ltrim(message, '0'))
	)
	SELECT b.batch_no, w.name, count(*), sum(r.points)::bigint, CASE WHEN redemptions IS NOT NULL THEN count(n.id) END,
		CASE WHEN redemptions IS NOT NULL THEN coalesce(sum(r.points) FILTER (WHERE n.id IS NOT NULL), 0)::bigint END
	FROM chosen c JOIN points.batch b ON b.batch_no = c.batch_no JOIN ledger.programme p ON p.programme_id = b.programme_id
	JOIN points.batch_step w ON w.batch_no = b.batch_no AND w.step = 'written'
	JOIN points.sending s ON s.batch_no = b.batch_no JOIN points.request r ON r.request_no = s.request_no
	LEFT JOIN named n ON n.id = r.entry_id
	WHERE b.partner = acknowledged.partner AND (acknowledged.programme IS NULL OR p.code = acknowledged.programme)
	GROUP BY b.batch_no, w.name ORDER BY b.batch_no
$$;
COMMENT ON FUNCTION points.acknowledged(text, text, bigint[], text) IS 'The request files that a partner''s file acknowledges, and how much of each';

-- The acknowledgement that a source should bring, within so many minutes of the file's placing. No name is of it ('/' is in none): its
-- content says of which file it is.
CREATE FUNCTION points.expect_acknowledgement(source text, batch bigint, within integer) RETURNS bigint
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	w points.batch_step;
	due timestamptz;
	id bigint;
BEGIN
	SELECT * INTO w FROM points.batch_step q WHERE q.batch_no = batch AND q.step = 'placed';
	IF w.batch_no IS NULL OR within = 0 THEN
		RETURN NULL;
	END IF;
	due := w.at + make_interval(mins => within);
	INSERT INTO handback.expected_delivery AS d (source, kind, day, zone, opens_at, due_at, late_at, files, pattern, empty)
	VALUES (source, 'acknowledgement of ' || w.name, (due AT TIME ZONE 'UTC')::date, 'UTC', w.at, due, due, 1, '/', true)
	ON CONFLICT DO NOTHING;
	SELECT d.expected_delivery_id INTO id FROM handback.expected_delivery d
	WHERE d.source = expect_acknowledgement.source AND d.kind = 'acknowledgement of ' || w.name AND d.opens_at = w.at;
	RETURN id;
END
$$;
COMMENT ON FUNCTION points.expect_acknowledgement(text, bigint, integer) IS 'Writes down that a request file is to be acknowledged; gives the expected file''s number';

-- Of a partner's request files of the last days: nobody is blamed for the time before.
CREATE FUNCTION points.expect_acknowledgements(source text, partner text, programme text, within integer) RETURNS bigint
	LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT count(points.expect_acknowledgement(source, b.batch_no, within))
	FROM points.batch b JOIN ledger.programme p ON p.programme_id = b.programme_id
	JOIN points.batch_step w ON w.batch_no = b.batch_no AND w.step = 'placed'
	WHERE b.partner = expect_acknowledgements.partner AND (expect_acknowledgements.programme IS NULL OR p.code = expect_acknowledgements.programme)
		AND b.target IS NULL AND w.at > transaction_timestamp() - interval '3 days'
		AND NOT EXISTS (SELECT FROM points.acknowledgement a JOIN handback.file f ON f.file_id = a.file_id
			WHERE a.batch_no = b.batch_no AND f.source = expect_acknowledgements.source)
$$;
COMMENT ON FUNCTION points.expect_acknowledgements(text, text, text, integer) IS 'Writes down which request files a source should acknowledge; gives how many';

-- That a file acknowledges a batch; it is the one that was expected.
CREATE FUNCTION points.acknowledge(file bigint, batch bigint, requests bigint, points bigint, within integer) RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	f handback.file;
	e handback.expected_delivery;
	delivery bigint;
BEGIN
	INSERT INTO points.acknowledgement (batch_no, file_id, requests, points) VALUES (batch, file, requests, points);
	SELECT * INTO f FROM handback.file q WHERE q.file_id = file;
	delivery := points.expect_acknowledgement(f.source, batch, within);
	SELECT * INTO e FROM handback.expected_delivery d WHERE d.expected_delivery_id = delivery;
	INSERT INTO handback.expected_delivery_file (file_id, expected_delivery_id, how)
	SELECT file, e.expected_delivery_id, CASE WHEN f.seen_at > e.late_at THEN 'late' ELSE 'on_time' END
	WHERE e.expected_delivery_id IS NOT NULL ON CONFLICT DO NOTHING;
END
$$;
COMMENT ON FUNCTION points.acknowledge(bigint, bigint, bigint, bigint, integer) IS 'Notes how much of a request file a partner''s file acknowledges';

-- Both sides' files: what each hand-back file of the partner says of a batch, as far as it was applied, beside what was asked for.
CREATE VIEW points.batch_files AS
	WITH answer AS (
		SELECT s.batch_no, r.points AS asked, o.file_id, o.points, o.outcome
		FROM points.sending s JOIN points.request r ON r.request_no = s.request_no
		JOIN handback.outcome o ON o.redemption_id = r.entry_id AND o.outcome IN (:OUTCOME_CONFIRMED, :OUTCOME_REVERSED, :OUTCOME_REINSTATED)
		UNION ALL
		SELECT s.batch_no, r.points, o.file_id, o.points, o.outcome
		FROM points.sending s JOIN points.request r ON r.request_no = s.request_no
		JOIN handback.outcome o ON o.redemption_id = r.entry_id AND o.outcome NOT IN (:OUTCOME_CONFIRMED, :OUTCOME_REVERSED, :OUTCOME_REINSTATED)
	) SELECT a.batch_no, a.file_id, f.name_shown AS file, count(*) AS answers, coalesce(sum(a.points), 0)::bigint AS stated,
		coalesce(sum(a.asked) FILTER (WHERE a.outcome IN (:OUTCOME_CONFIRMED, :OUTCOME_REINSTATED)), 0)::bigint AS credited,
		coalesce(sum(a.asked) FILTER (WHERE a.outcome = :OUTCOME_REVERSED), 0)::bigint AS reversed,
		coalesce(sum(a.asked) FILTER (WHERE a.outcome = :OUTCOME_HELD), 0)::bigint AS held, f.records
	FROM answer a JOIN handback.file f ON f.file_id = a.file_id
	GROUP BY a.batch_no, a.file_id, f.name_shown, f.records;
COMMENT ON VIEW points.batch_files IS
	'What each file of a partner says of a batch: answers, points as it states them, and as they were asked for by what was decided; records: of the whole file';

REVOKE ALL ON FUNCTION points.acknowledged(text, text, bigint[], text), points.expect_acknowledgement(text, bigint, integer),
	points.expect_acknowledgements(text, text, text, integer), points.acknowledge(bigint, bigint, bigint, bigint, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION points.acknowledged(text, text, bigint[], text) TO handback_daemon, handback_operator, handback_finance, handback_nightly;
GRANT EXECUTE ON FUNCTION points.acknowledge(bigint, bigint, bigint, bigint, integer) TO handback_daemon;
GRANT EXECUTE ON FUNCTION points.expect_acknowledgements(text, text, text, integer) TO handback_nightly;
GRANT SELECT ON points.batch_files TO handback_finance, handback_verify;

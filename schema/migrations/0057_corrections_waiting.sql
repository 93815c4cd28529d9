-- What a correction or a void may still mean is asked in one place; what repeats one on hold ends no hold, and a void file shows no silence.

SET LOCAL ROLE handback_owner;

-- What a later record or file may still be: nobody has found it yet, no other says the same, and people did not close it.
CREATE VIEW handback.correction_waiting AS
	SELECT c.*, f.period
	FROM handback.correction c
	JOIN handback.file f ON f.file_id = c.file_id
	WHERE NOT EXISTS (SELECT FROM handback.correction_of l WHERE l.file_id = c.file_id AND l.record_no = c.record_no)
		-- one that repeats another is not meant twice
		AND NOT EXISTS (SELECT FROM handback.outcome o WHERE o.file_id = c.file_id AND o.record_no = c.record_no AND o.revision = 0
			AND o.outcome = :OUTCOME_DUPLICATE_RECORD)
		AND NOT EXISTS (SELECT FROM handback.hold h JOIN handback.hold_end e ON e.hold_id = h.hold_id
			WHERE h.file_id = c.file_id AND h.record_no = c.record_no AND e.how = 'closed'
				AND NOT EXISTS (SELECT FROM handback.hold n WHERE n.reopens = h.hold_id));
COMMENT ON VIEW handback.correction_waiting IS 'Corrections of what is not there, or not clear; period: of the file that says so';

GRANT SELECT ON handback.correction_waiting TO handback_daemon, handback_operator, handback_finance, handback_nightly, handback_verify;

CREATE OR REPLACE FUNCTION handback.overtake_by_corrections(file bigint) RETURNS bigint
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	holds bigint[];
	links text[];
BEGIN
	SELECT array_agg(w.hold_id ORDER BY w.hold_id), array_agg(w.link ORDER BY w.hold_id) INTO holds, links
	FROM (
		SELECT DISTINCT ON (h.hold_id) h.hold_id, CASE WHEN c.corrected_record = 0 THEN 'its file is void' ELSE 'it is replaced' END
			|| format(' by record %s of file %s', c.record_no, c.file_id) AS link
		FROM handback.correction_of c
		JOIN handback.outcome o ON o.file_id = c.file_id AND o.record_no = c.record_no AND o.revision = 0
		JOIN handback.file f ON f.file_id = c.file_id
		JOIN handback.file d ON d.file_id = c.corrected_file AND d.partner_id = f.partner_id AND d.file_id < f.file_id
		JOIN handback.hold h ON h.file_id = c.corrected_file AND h.record_no > 0
			AND (h.record_no = c.corrected_record OR c.corrected_record = 0)
		WHERE c.file_id = file AND NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id)
			AND CASE WHEN c.corrected_record = 0 THEN o.hold_reason = 'file_void'
				-- informational is what takes a word back, or an older file's that says what is done; what repeats one on hold is neither
				ELSE o.outcome IN (:OUTCOME_CONFIRMED, :OUTCOME_REVERSED, :OUTCOME_ALREADY_APPLIED, :OUTCOME_INFORMATIONAL) END
		ORDER BY h.hold_id, c.record_no) w;
	RETURN handback.end_overtaken(holds, links, 'file ' || file);
END
$$;

CREATE OR REPLACE FUNCTION handback.listing_files(t handback.term)
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
			AND f.state = 'posted' AND (f.release_of IS NULL OR 'test_file' <> ALL (handback.waived_checks(f.release_of)))
			AND NOT EXISTS (SELECT FROM handback.correction_of l WHERE l.corrected_file = f.file_id AND l.corrected_record = 0)) n
	WINDOW in_order AS (ORDER BY n.period, n.place)
$$;

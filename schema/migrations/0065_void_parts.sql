-- Parts of a file that its partner called void count no more: what it sends instead of them was refused at COMMIT for ever.

SET LOCAL ROLE handback_owner;

-- A part of a file that its partner called void before it was whole: by the transaction that ended its hold.
CREATE FUNCTION handback.is_void_part(file bigint, record bigint) RETURNS boolean
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT EXISTS (
		SELECT FROM handback.correction_of c
		JOIN handback.hold w ON w.file_id = c.file_id AND w.record_no = c.record_no AND w.reason = 'file_void'
		JOIN handback.file v ON v.file_id = c.file_id
		JOIN handback.hold h ON h.file_id = c.corrected_file AND h.record_no = record
		JOIN handback.hold_end e ON e.hold_id = h.hold_id AND e.how = 'overtaken' AND e.ended_at = v.decided_at
		WHERE c.corrected_file = file AND c.corrected_record = 0)
$$;
COMMENT ON FUNCTION handback.is_void_part(bigint, bigint) IS 'Did a record''s hold end because its file was called void?';
GRANT EXECUTE ON FUNCTION handback.is_void_part(bigint, bigint) TO handback_daemon, handback_operator, handback_finance, handback_nightly,
	handback_verify;

-- The parts that count: all but those whose hold people ended, or that are void.
CREATE OR REPLACE FUNCTION handback.counted_parts(redemption bigint) RETURNS SETOF handback.answer_part
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT p.* FROM handback.answer_part p
	WHERE p.redemption_id = redemption AND NOT handback.is_void_part(p.file_id, p.record_no) AND NOT EXISTS (
		SELECT FROM handback.hold h JOIN handback.hold_end e USING (hold_id)
		WHERE h.file_id = p.file_id AND h.record_no = p.record_no AND e.how IN ('confirmed', 'reversed', 'reinstated', 'credited', 'closed'))
$$;

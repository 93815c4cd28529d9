-- A file in which nothing matches is one hold, and not one for each of its records.

SET LOCAL ROLE handback_owner;

INSERT INTO handback.hold_reason (reason, meaning, action_required) VALUES
	('nothing_matches', '(nearly) none of its records names a redemption of this partner''s',
		'see whose file it is, and whether the ledger has these redemptions yet; close it, or release it to have each record by itself');

-- as a file that the guard holds, it has come
CREATE OR REPLACE FUNCTION handback.parts_there(of_partner integer, of_profile text, of_set text)
	RETURNS TABLE (file_id bigint, part bigint, parts bigint, posted boolean)
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT f.file_id, f.part, f.parts, f.state = 'posted'
	FROM handback.file f
	WHERE f.partner_id = of_partner AND f.profile = of_profile AND f.part_set = of_set AND (f.state = 'posted'
		OR f.hold_reason IN ('part_missing', 'sequence_gap', 'guard', 'nothing_matches') AND NOT EXISTS (
			SELECT FROM handback.hold h JOIN handback.hold_end e USING (hold_id)
			WHERE h.file_id = f.file_id AND h.record_no IS NULL))
$$;

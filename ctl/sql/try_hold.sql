-- A file that is held whole, and what its release would let pass. $1 hold.
SELECT encode(f.name, 'hex') AS name, f.name_shown, f.profile, f.archived_as, array_to_string(handback.let_pass(f.file_id), ' ') AS passed,
	f.file_id
FROM handback.hold h
JOIN handback.file f USING (file_id)
WHERE h.hold_id = $1::bigint AND h.record_no IS NULL AND f.archived_as IS NOT NULL

-- Of a file that was read again, only the records that waited for their redemption, and have it now. $1 file.
DELETE FROM pg_temp.decided d
WHERE d.outcome = 6 OR d.redemption_id IS NULL OR NOT EXISTS (
	SELECT FROM handback.hold_now h
	WHERE h.file_id = $1::bigint AND h.record_no = d.record_no AND h.reason = 'unknown_reference'
		AND NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id))

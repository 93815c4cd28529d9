-- The records of a file that wait for their redemption, in order. $1 file.
SELECT h.record_no
FROM handback.hold_now h
WHERE h.file_id = $1::bigint AND h.reason = 'unknown_reference' AND h.record_no IS NOT NULL
	AND NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id)
ORDER BY h.record_no

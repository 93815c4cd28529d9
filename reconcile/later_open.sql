-- Open holds of a source for unknown references: those that are tried again, and those that expire now, after one
-- last try. $1 source, $2 unknown_days.
SELECT count(*) FILTER (WHERE h.opened_at > transaction_timestamp() - make_interval(days => $2::integer)),
	count(*) FILTER (WHERE h.opened_at <= transaction_timestamp() - make_interval(days => $2::integer))
FROM handback.hold_now h
JOIN handback.file f USING (file_id)
WHERE h.reason = 'unknown_reference' AND f.source = $1::text
	AND NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id)

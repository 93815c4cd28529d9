-- What the next head is chained to, and its time, which never goes back.
SELECT coalesce(h.head_no, 0) + 1 AS head_no, encode(coalesce(h.head_hash, decode(repeat('00', 32), 'hex')), 'hex') AS previous,
	(extract(epoch FROM greatest(clock_timestamp(), h.made_at)) * 1000000)::bigint AS made_at
FROM (SELECT) one
LEFT JOIN LATERAL (SELECT head_no, head_hash, made_at FROM audit.head ORDER BY head_no DESC LIMIT 1) h ON true

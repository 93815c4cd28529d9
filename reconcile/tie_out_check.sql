-- Does everything add up? $1 file, $2 records that the parser counted, $3 outcome rows that were written.
-- No row: yes. Otherwise what differs, and both sides of it.
--
-- The ledger's effect is what the ledger shows (post_look.sql), not what was asked of it.
SELECT c.what, c.expected, c.found
FROM (SELECT count(*) AS records FROM pg_temp.stage) s
CROSS JOIN (SELECT coalesce(sum(records), 0) AS records, coalesce(sum(records) FILTER (WHERE outcome = 2), 0) AS reversed,
	coalesce(sum(points) FILTER (WHERE outcome = 2), 0) AS points FROM pg_temp.effect) d
CROSS JOIN (SELECT coalesce(sum(records), 0) AS records FROM handback.tie_out WHERE file_id = $1::bigint) t
CROSS JOIN (SELECT count(*) AS reversals, coalesce(sum(points), 0) AS points FROM pg_temp.reversed) l
CROSS JOIN LATERAL (VALUES
	('records staged', $2::numeric, s.records::numeric),
	('records decided', $2::numeric, d.records),
	('outcomes written', $2::numeric, $3::numeric),
	('sum of the outcomes', $2::numeric, t.records),
	('reversals in the ledger', d.reversed, l.reversals::numeric),
	('points reversed in the ledger', d.points, l.points)) AS c (what, expected, found)
WHERE c.expected IS DISTINCT FROM c.found

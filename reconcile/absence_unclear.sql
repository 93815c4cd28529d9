-- Another profile that answers for redemptions of the same partner: then silence in one says nothing. $1 source.
-- $2 sources that there are by now.
SELECT o.source, o.profile
FROM handback.term_now t
JOIN handback.term_now o ON o.partner = t.partner AND o.profile <> t.profile
	AND (o.programme IS NULL OR t.programme IS NULL OR o.programme = t.programme)
WHERE t.source = $1::text AND t.lists = 'rejects' AND t.within_days > 0 AND o.source = ANY ($2::text[])
ORDER BY o.source
LIMIT 1

-- Answers that partners owe now, apart from what is held: by the terms that the last nightly run found. $1 partner.
-- silent: nothing was said of them; the rest is pending or held. shown: of the silent, those that a file shows.
SELECT t.partner, t.programme, t.lists, t.within_days, count(*) AS redemptions, coalesce(sum(o.points), 0) AS points,
	count(*) FILTER (WHERE o.said IS NULL) AS silent, count(*) FILTER (WHERE o.said IS NULL AND o.file_id IS NOT NULL) AS shown,
	min(o.redeemed_at) AS oldest,
	floor(extract(epoch FROM transaction_timestamp() - min(o.redeemed_at)) / 86400)::bigint AS days
FROM (SELECT DISTINCT ON (partner, programme) term_id FROM handback.term_now ORDER BY partner, programme, term_id DESC) n
JOIN handback.term t USING (term_id)
CROSS JOIN LATERAL handback.overdue_answers(t) o
WHERE $1::text IS NULL OR t.partner = $1
GROUP BY t.partner, t.programme, t.lists, t.within_days
ORDER BY t.partner, t.programme

-- Answers that a partner owes by a profile as it is now, and those that silence confirms. $1 source, $2 partner,
-- $3 programme, $4 profile, $5 lists, $6 order_by, $7 business days, $8 zone, $9 holidays.
SELECT $2::text AS partner, $3::text AS programme, $7::integer AS within_days, count(*) AS redemptions,
	coalesce(sum(o.points), 0) AS points, min(o.redeemed_at) AS oldest,
	count(*) FILTER (WHERE $5 = 'rejects' AND o.said IS NULL AND o.file_id IS NOT NULL) AS silent
FROM handback.overdue_answers(ROW(0, $1::text, $2::text, $3::text, $4::text, $5::text, $6::text, $7::integer, $8::text, $9::date[],
	transaction_timestamp())::handback.term) o

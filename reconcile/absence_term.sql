-- Writes down what a profile says of answers, where that is something else than before. $1 source, $2 partner,
-- $3 programme or NULL, $4 profile, $5 lists, $6 order_by, $7 business days, $8 zone, $9 holidays as an array.
INSERT INTO handback.term (source, partner, programme, profile, lists, order_by, within_days, zone, holidays)
SELECT n.* FROM (VALUES ($1::text, $2::text, $3::text, $4::text, $5::text, $6::text, $7::integer, $8::text, $9::date[])) n
WHERE NOT EXISTS (
	SELECT FROM handback.term_now t
	WHERE t.source = $1 AND (t.partner, t.programme, t.profile, t.lists, t.order_by, t.within_days, t.zone, t.holidays)
		IS NOT DISTINCT FROM ($2, $3, $4, $5, $6, $7, $8, $9))

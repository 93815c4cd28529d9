-- Answers that a partner owes. $1 partner, $2 business days, $3 zone.
SELECT $1::text AS partner, $2::integer AS within_days, o.redemptions, o.points, o.oldest
FROM handback.overdue_answers($1::text, $2::integer, $3::text) o

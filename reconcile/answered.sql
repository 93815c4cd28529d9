-- Redemptions that a newer file has answered: only run where there is a newer file.
-- $1 to $5 as in file_order.sql. Takes pg_temp.stage and picked, gives pg_temp.answered.
-- The few newer files come first: never the whole history by the new file's number.
INSERT INTO pg_temp.answered (redemption_id)
SELECT DISTINCT o.redemption_id
FROM handback.file f
JOIN handback.outcome o ON o.file_id = f.file_id
WHERE f.partner_id = $1::integer AND f.profile = $2::text
	AND CASE $3::text WHEN 'sequence' THEN f.sequence > $4::bigint WHEN 'business_date' THEN f.business_date > date '1970-01-01' + $5::integer END
	AND o.outcome IN (1, 2, 3) AND o.redemption_id IS NOT NULL AND o.record_no > 0   -- silence is no answer

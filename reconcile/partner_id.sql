-- $1 partner's code. Its number; made at its first file.
WITH made AS (
	INSERT INTO handback.partner (code)
	SELECT $1::text WHERE NOT EXISTS (SELECT FROM handback.partner WHERE code = $1::text)
	RETURNING partner_id)
SELECT partner_id FROM made UNION ALL SELECT partner_id FROM handback.partner WHERE code = $1::text

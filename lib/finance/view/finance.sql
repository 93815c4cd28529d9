-- name: finance_partner
-- Is there such a partner?
SELECT 1 WHERE EXISTS (SELECT FROM handback.partner WHERE code = $1)
	OR EXISTS (SELECT FROM ledger.redemption WHERE partner = $1)

-- The redemptions that a reference may mean: $1 its text, $2 as a UUID, $3 as a number (NULL where it is none).
SELECT DISTINCT ON (redemption_id) found.redemption_id, found.how, d.external_reference, d.programme, d.partner,
	d.points, d.redeemed_at
FROM (
	SELECT redemption_id, 1 AS place, 'external reference' AS how
	FROM ledger.redemption WHERE external_reference = $2::uuid
	UNION ALL
	SELECT redemption_id, 2, 'its reversal''s external reference'
	FROM ledger.reversal WHERE external_reference = $2::uuid
	UNION ALL
	SELECT redemption_id, 3, 'reference in the request' FROM ledger.redemption WHERE outbound_reference = $1::text
	UNION ALL
	SELECT redemption_id, 4, 'partner''s reference' FROM ledger.redemption WHERE partner_reference = $1
	UNION ALL
	SELECT redemption_id, 5, 'redemption number' FROM ledger.redemption WHERE redemption_id = $3::bigint
) found
JOIN ledger.redemption d USING (redemption_id)
ORDER BY redemption_id, place
LIMIT 20

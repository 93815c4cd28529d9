-- Whoever asks for a redemption by its reference hears which order of the shop it is, and what the shop said of the voucher.

SET LOCAL ROLE handback_owner;

-- code: 000, 401, or 404 where the programme has no such redemption
CREATE OR REPLACE FUNCTION api.redemption(client_id text, generation integer, reference uuid, OUT code text, OUT body jsonb)
	LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	programme constant integer := api.programme_of(client_id, generation);
BEGIN
	-- and of the catalogue's shop: which order it is, and what it said last of the voucher that was not held
	SELECT api.redemption_json(e.entry_id) || jsonb_build_object('order_id', o.order_id, 'voucher', (SELECT d.status FROM catalogue.delivery d
		WHERE d.programme_id = o.programme_id AND d.order_id = o.order_id AND d.code = '000' ORDER BY d.told_at DESC LIMIT 1)) INTO body
	FROM ledger.entry e LEFT JOIN catalogue.shop_order o ON o.entry_id = e.entry_id
	WHERE e.external_reference = reference AND e.category = 'Debit By Redemption' AND e.programme_id = programme;
	code := CASE WHEN programme IS NULL THEN '401' WHEN body IS NULL THEN '404' ELSE '000' END;
END
$$;

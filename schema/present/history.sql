-- What reports of open items sum up, and money as people write it.

-- When each redemption was answered, how and by whom, in one row: what reports of open items sum up. The ledger's views and
-- unique indexes alone, so that what is not asked for is not joined.
CREATE VIEW handback.redemption_history AS
	SELECT d.redemption_id, d.external_reference, d.programme, d.partner, d.currency, d.member, d.merchant, d.transaction_type,
		d.points, d.amount, d.redeemed_at,
		-- never before its debit; greatest() passes over NULL
		CASE WHEN c.decided_at IS NOT NULL THEN greatest(d.redeemed_at, c.decided_at) END AS confirmed_at, c.file_id AS confirmed_file, c.record_no AS confirmed_record,
		c.event_id AS confirmed_event,
		CASE WHEN v.posted_at IS NOT NULL THEN greatest(d.redeemed_at, v.posted_at) END AS reversed_at, v.reversal_id, v.posted_by AS reversed_by,
		CASE
			WHEN v.reversal_id IS NULL THEN NULL
			WHEN r.outcome IS NULL AND v.origin = 'handback' THEN 'unexplained'
			WHEN r.outcome IS NULL THEN 'application'
			WHEN a.what IN ('approved', 'decided') THEN 'people'
			ELSE 'file'
		END AS reversed_how,
		r.file_id AS reversed_file, r.record_no AS reversed_record, r.event_id AS reversed_event,
		i.decided_at AS reinstated_at, k.decided_at AS credited_at
	FROM ledger.redemption d
	LEFT JOIN handback.outcome c ON c.redemption_id = d.redemption_id AND c.outcome = :OUTCOME_CONFIRMED
	LEFT JOIN ledger.reversal v ON v.redemption_id = d.redemption_id
	LEFT JOIN handback.outcome r ON r.redemption_id = d.redemption_id AND r.outcome = :OUTCOME_REVERSED AND r.reversal_id = v.reversal_id
	LEFT JOIN audit.event a ON a.event_id = r.event_id
	LEFT JOIN handback.outcome i ON i.redemption_id = d.redemption_id AND i.outcome = :OUTCOME_REINSTATED
	LEFT JOIN handback.outcome k ON k.redemption_id = d.redemption_id AND k.outcome = :OUTCOME_CREDITED;
COMMENT ON VIEW handback.redemption_history IS 'Each redemption with when it was confirmed, reversed (by a file, by people, by an application), reinstated and credited';

-- Money is kept in minor units; ISO 4217 says how many digits of them a currency has.
CREATE FUNCTION handback.minor_digits(currency text) RETURNS integer
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE
		WHEN currency = ANY ('{BIF,CLP,DJF,GNF,ISK,JPY,KMF,KRW,PYG,RWF,UGX,UYI,VND,VUV,XAF,XOF,XPF}') THEN 0
		WHEN currency = ANY ('{BHD,IQD,JOD,KWD,LYD,OMR,TND}') THEN 3
		WHEN currency = ANY ('{CLF,UYW}') THEN 4
		ELSE 2 END
$$;
COMMENT ON FUNCTION handback.minor_digits(text) IS 'Digits after the decimal point of a currency''s amounts (ISO 4217)';

CREATE FUNCTION handback.major_units(minor numeric, currency text) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
	SELECT round(minor / 10::numeric ^ handback.minor_digits(currency), handback.minor_digits(currency))::text
$$;
COMMENT ON FUNCTION handback.major_units(numeric, text) IS 'An amount of minor units as people write it: 123456 EUR is 1234.56, 123456 JPY is 123456';

REVOKE ALL ON FUNCTION handback.minor_digits(text), handback.major_units(numeric, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION handback.minor_digits(text), handback.major_units(numeric, text) TO
	handback_operator, handback_finance, handback_nightly, handback_verify;
GRANT SELECT ON handback.redemption_history TO handback_operator, handback_finance;

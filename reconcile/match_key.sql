-- One match key of the profile, for the records that no earlier key has found.
-- $1 which key (from 1), $2 its parts (enum key_part, or'ed), $3 partner, $4 programme or NULL, $5 zone of dates.
-- Gives pg_temp.candidate. Never prepared: planned with its parts known, each part that is not in the key vanishes.
INSERT INTO pg_temp.candidate (record_no, key_no, external_reference)
SELECT s.record_no, $1::smallint, r.external_reference
FROM pg_temp.stage s
JOIN ledger.redemption r ON
	    ($2::integer & 1 = 0 OR r.external_reference = s.external_reference)
	AND ($2::integer & 2 = 0 OR r.outbound_reference = s.outbound_reference)
	AND ($2::integer & 4 = 0 OR r.partner_reference = s.partner_reference)
	-- a line of our own request file: outbound references are "message/line" then
	AND ($2::integer & 8 = 0 OR r.outbound_reference = s.outbound_reference || '/' || s.outbound_line::text)
	AND ($2::integer & 16 = 0 OR r.member = s.member)
	AND ($2::integer & 32 = 0 OR r.points = s.points)
	AND ($2::integer & 64 = 0 OR (r.redeemed_at AT TIME ZONE $5::text)::date = s.date)
	AND ($2::integer & 128 = 0 OR r.amount = s.amount)
	AND ($2::integer & 256 = 0 OR r.merchant = s.merchant)
	AND ($2::integer & 512 = 0 OR r.transaction_type = s.transaction_type)
WHERE r.partner = $3::text AND ($4::text IS NULL OR r.programme = $4::text)
	AND NOT EXISTS (SELECT FROM pg_temp.candidate c WHERE c.record_no = s.record_no)

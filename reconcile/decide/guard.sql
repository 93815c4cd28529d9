-- name: guard_open_items
-- How many redemptions of a partner nobody has answered, up to so many. $1 partner, $2 programme or NULL, $3 so many. The
-- newest first: what is open is mostly young.
SELECT count(*) AS open
FROM (
	SELECT FROM ledger.redemption r
	WHERE r.partner = $1::text AND ($2::text IS NULL OR r.programme = $2::text)
		AND NOT EXISTS (SELECT FROM ledger.reversal v WHERE v.redemption_id = r.redemption_id)
		AND NOT EXISTS (SELECT FROM handback.outcome o WHERE o.redemption_id = r.redemption_id AND o.outcome = :OUTCOME_CONFIRMED)
	ORDER BY r.redeemed_at DESC LIMIT $3::bigint) o

-- name: guard_history
-- What was usual: of a partner's last files of a profile that have records, how many there are, and the second most that one
-- of them reversed. $1 partner's number, $2 profile, $3 how many, $4 a file that is none of them, or 0.
SELECT count(*) AS files, coalesce((array_agg(h.reversed ORDER BY h.reversed DESC))[2], 0) AS usual
FROM (
	SELECT coalesce(t.records, 0) AS reversed
	FROM (
		SELECT f.file_id FROM handback.file f
		WHERE f.partner_id = $1::integer AND f.profile = $2::text AND f.state = 'posted' AND f.records > 0 AND f.file_id <> $4::bigint
		ORDER BY f.file_id DESC LIMIT $3::bigint) f
	LEFT JOIN handback.tie_out t ON t.file_id = f.file_id AND t.outcome = :OUTCOME_REVERSED) h

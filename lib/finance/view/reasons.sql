-- name: reasons_partners
-- How much of what partners answered they rejected, against the period before of the same length. $1 partner, $2 from, $3 to.
WITH bounds AS (
	SELECT $2::timestamptz AS begins, coalesce($3::timestamptz, transaction_timestamp()) AS ends,
		$2::timestamptz - (coalesce($3::timestamptz, transaction_timestamp()) - $2::timestamptz) AS before
), file AS MATERIALIZED (
	SELECT f.file_id, p.code AS partner, f.records, coalesce(f.decided_at >= b.begins, true) AS now
	FROM handback.file f JOIN handback.partner p USING (partner_id) CROSS JOIN bounds b
	WHERE ($1::text IS NULL OR p.code = $1) AND f.state = 'posted' AND f.decided_at < b.ends
		AND (b.before IS NULL OR f.decided_at >= b.before)
), said AS (
	SELECT f.partner, f.now, count(*) AS rejected, sum(coalesce(d.points, o.points)) AS points
	FROM handback.outcome o JOIN file f USING (file_id)
	LEFT JOIN ledger.redemption d ON d.redemption_id = o.redemption_id
	WHERE o.revision = 0 AND o.record_no > 0 AND o.verdict = :VERDICT_REJECTED
	GROUP BY f.partner, f.now
), answered AS (
	SELECT partner, now, count(*) AS files, sum(records) AS records FROM file GROUP BY partner, now
), line AS (
	SELECT a.partner, coalesce(sum(a.files) FILTER (WHERE a.now), 0) AS files, coalesce(sum(a.records) FILTER (WHERE a.now), 0) AS records,
		coalesce(sum(s.rejected) FILTER (WHERE a.now), 0) AS rejected, coalesce(sum(s.points) FILTER (WHERE a.now), 0) AS points,
		coalesce(sum(a.records) FILTER (WHERE NOT a.now), 0) AS before_records,
		coalesce(sum(s.rejected) FILTER (WHERE NOT a.now), 0) AS before_rejected
	FROM answered a LEFT JOIN said s USING (partner, now)
	GROUP BY a.partner
)
SELECT partner, files, records, records - rejected AS not_rejected, rejected, points, round(100.0 * rejected / nullif(records, 0), 2)::text AS rate,
	before_records, before_rejected, round(100.0 * before_rejected / nullif(before_records, 0), 2)::text AS before_rate,
	(round(100.0 * rejected / nullif(records, 0), 2) - round(100.0 * before_rejected / nullif(before_records, 0), 2))::text AS change
FROM line
ORDER BY partner

-- name: reasons_codes
-- Why partners rejected, by their codes as they stand in the record, and what was done; against the period before.
-- $1 partner, $2 from, $3 to. share: of the partner's rejects; rate: of all that it answered.
WITH bounds AS (
	SELECT $2::timestamptz AS begins, coalesce($3::timestamptz, transaction_timestamp()) AS ends,
		$2::timestamptz - (coalesce($3::timestamptz, transaction_timestamp()) - $2::timestamptz) AS before
), file AS MATERIALIZED (
	SELECT f.file_id, p.code AS partner, f.records, coalesce(f.decided_at >= b.begins, true) AS now
	FROM handback.file f JOIN handback.partner p USING (partner_id) CROSS JOIN bounds b
	WHERE ($1::text IS NULL OR p.code = $1) AND f.state = 'posted' AND f.decided_at < b.ends
		AND (b.before IS NULL OR f.decided_at >= b.before)
), answered AS (
	SELECT partner, sum(records) FILTER (WHERE now) AS records, sum(records) FILTER (WHERE NOT now) AS before_records
	FROM file GROUP BY partner
), line AS (
	SELECT f.partner, o.reasons, d.currency, count(*) FILTER (WHERE f.now) AS records,
		count(*) FILTER (WHERE f.now AND o.outcome = :OUTCOME_REVERSED) AS reversed,
		count(*) FILTER (WHERE f.now AND o.outcome = :OUTCOME_HELD) AS held,
		count(*) FILTER (WHERE f.now AND o.outcome NOT IN (:OUTCOME_REVERSED, :OUTCOME_HELD)) AS other,
		coalesce(sum(coalesce(d.points, o.points)) FILTER (WHERE f.now), 0) AS points,
		sum(d.amount) FILTER (WHERE f.now) AS amount, count(*) FILTER (WHERE NOT f.now) AS before
	FROM handback.outcome o JOIN file f USING (file_id)
	LEFT JOIN ledger.redemption d ON d.redemption_id = o.redemption_id
	WHERE o.revision = 0 AND o.record_no > 0 AND o.verdict = :VERDICT_REJECTED
	GROUP BY f.partner, o.reasons, d.currency
)
SELECT r.partner, r.reasons, r.currency, r.records, r.reversed, r.held, r.other, r.points,
	handback.major_units(r.amount, r.currency) AS amount, r.amount AS minor_units,
	round(100.0 * r.records / nullif(sum(r.records) OVER (PARTITION BY r.partner), 0), 2)::text AS share,
	round(100.0 * r.records / nullif(a.records, 0), 2)::text AS rate, r.before,
	round(100.0 * r.before / nullif(a.before_records, 0), 2)::text AS before_rate,
	(round(100.0 * r.records / nullif(a.records, 0), 2) - round(100.0 * r.before / nullif(a.before_records, 0), 2))::text AS change
FROM line r JOIN answered a USING (partner)
ORDER BY r.partner, r.records DESC, r.reasons, r.currency

-- name: reasons_merchants
-- The same rejects by merchant and transaction type. $1 partner, $2 from, $3 to.
SELECT p.code AS partner, d.merchant, d.transaction_type, count(*) AS records, coalesce(sum(coalesce(d.points, o.points)), 0) AS points
FROM handback.outcome o
JOIN handback.file f USING (file_id)
JOIN handback.partner p USING (partner_id)
LEFT JOIN ledger.redemption d ON d.redemption_id = o.redemption_id
WHERE o.revision = 0 AND o.record_no > 0 AND o.verdict = :VERDICT_REJECTED AND f.state = 'posted'
	AND ($1::text IS NULL OR p.code = $1)
	AND ($2::timestamptz IS NULL OR f.decided_at >= $2)
	AND f.decided_at < coalesce($3::timestamptz, transaction_timestamp())
GROUP BY p.code, d.merchant, d.transaction_type
ORDER BY p.code, records DESC, d.merchant, d.transaction_type

-- name: reasons_rows
-- The rejected records of one code, as the partner wrote it ('none': those without). $1 partner, $2 from, $3 to, $4 code, $5 at
-- most so many.
SELECT f.decided_at AS decided, p.code AS partner, f.file_id AS file, o.record_no AS record, o.reasons,
	coalesce(d.external_reference::text, o.reference) AS reference, d.member, d.merchant, d.transaction_type,
	coalesce(d.points, o.points) AS points, d.currency, handback.major_units(d.amount, d.currency) AS amount, n.name AS outcome,
	o.hold_reason
FROM handback.outcome o
JOIN handback.file f USING (file_id)
JOIN handback.partner p USING (partner_id)
JOIN handback.outcome_name n ON n.outcome = o.outcome
LEFT JOIN ledger.redemption d ON d.redemption_id = o.redemption_id
WHERE o.revision = 0 AND o.record_no > 0 AND o.verdict = :VERDICT_REJECTED AND f.state = 'posted'
	AND ($1::text IS NULL OR p.code = $1)
	AND ($2::timestamptz IS NULL OR f.decided_at >= $2)
	AND f.decided_at < coalesce($3::timestamptz, transaction_timestamp())
	AND ($4::text = 'all' OR ($4 = 'none' AND o.reasons IS NULL) OR o.reasons = $4)
ORDER BY f.file_id, o.record_no
LIMIT $5::bigint

-- name: today_figures
-- How things stand, as figures. What the tables below them have is not counted twice: $1 unanswered, $2 their points, $3 on hold, $4 their points.
WITH expected AS MATERIALIZED (
	SELECT e.state FROM handback.expected_files e WHERE e.due_at > transaction_timestamp() - interval '7 days'
		AND e.due_at < transaction_timestamp() + interval '1 day'
)
SELECT
	(SELECT count(*) FROM expected WHERE state = 'due') AS expected,
	(SELECT count(*) FROM expected WHERE state IN ('overdue', 'poll_failed')) AS late,
	(SELECT count(*) FROM expected WHERE state = 'missing') AS missing,
	$3::bigint AS holds,
	$4::bigint AS hold_points,
	(SELECT count(*) FROM handback.proposal p WHERE NOT EXISTS (SELECT FROM handback.proposal_end e WHERE e.proposal_id = p.proposal_id)) AS proposals,
	(SELECT count(DISTINCT (f.source, f.name)) FROM handback.file_failure f WHERE f.failed_at > transaction_timestamp() - interval '1 day') AS failing,
	$1::bigint AS unanswered,
	$2::bigint AS unanswered_points,
	(SELECT count(*) FROM handback.target_status t WHERE t.state = 'active'
		AND (t.waiting_since < transaction_timestamp() - interval '15 minutes' OR t.held > 0)) AS lagging

-- name: today_expected
-- Files that should be here, those that should come next, and those that will not.
SELECT e.state, e.source, e.kind, e.due_at AS due, e.late_at AS late, e.came, e.files
FROM handback.expected_files e
WHERE e.state IN ('due', 'overdue', 'missing', 'poll_failed') AND e.due_at > transaction_timestamp() - interval '7 days'
	AND e.due_at < transaction_timestamp() + interval '1 day'
ORDER BY e.state = 'due', e.due_at, e.source, e.kind
LIMIT 50

-- name: today_failing
-- Files that fail by their own doing, the last try of each.
SELECT f.source, encode(f.name, 'escape') AS name, count(*) AS tries, max(f.failed_at) AS last, (array_agg(f.why ORDER BY f.failure_id DESC))[1] AS why
FROM handback.file_failure f
WHERE f.failed_at > transaction_timestamp() - interval '1 day'
GROUP BY f.source, f.name
ORDER BY max(f.failed_at) DESC
LIMIT 50

-- name: today_unanswered
-- Redemptions past their response SLA by the terms that the last nightly run found, per partner: how many and how much of what
-- handback.unanswered_redemptions lists, without asking of each what was said of it.
SELECT t.partner, sum(late.redemptions) AS redemptions, sum(late.points) AS points,
	min(handback.business_days_after(date_trunc('day', late.oldest AT TIME ZONE t.zone) AT TIME ZONE t.zone, t.within_days, t.zone,
		t.holidays)) AS oldest
FROM (SELECT DISTINCT ON (partner, programme) term_id FROM handback.term_now ORDER BY partner, programme, term_id DESC) n
JOIN handback.term t USING (term_id)
CROSS JOIN LATERAL (
	SELECT count(*) AS redemptions, sum(i.points) AS points, min(i.redeemed_at) AS oldest
	FROM handback.open_item i
	WHERE t.within_days > 0 AND i.partner = t.partner AND (t.programme IS NULL OR i.programme = t.programme)
		AND i.redeemed_at < (SELECT handback.answers_due_before(t.within_days, t.zone, transaction_timestamp(), t.holidays))) late
WHERE late.redemptions > 0
GROUP BY t.partner
ORDER BY t.partner

-- name: today_targets
-- Targets that are paused, or that were not told all.
SELECT t.name AS target, t.state, t.waiting_since, t.later, t.held, t.ended_at AS last, t.result, t.why
FROM handback.target_status t
WHERE t.state <> 'active' OR t.waiting_since < transaction_timestamp() - interval '15 minutes' OR t.held > 0
ORDER BY t.waiting_since NULLS LAST, t.name

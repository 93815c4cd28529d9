-- What a partner said of a booking is no silence about those of it that came upon the ledger later.

SET LOCAL ROLE handback_owner;

-- Redemptions that the partner should have answered by now: no break, but counted. last_reply: the last that the partner
-- said of it without deciding it: pending, something that is held, or that named it before it was on the ledger (alone, or
-- together with others that were), even where that has expired or the guard holds it, or of this member and points without a reference that was ever found; NULL:
-- there is none. file_id: the file that shows that none came.
CREATE OR REPLACE FUNCTION handback.unanswered_redemptions(t handback.term, now timestamptz DEFAULT transaction_timestamp())
	RETURNS TABLE (redemption_id bigint, external_reference uuid, points bigint, redeemed_at timestamptz,
		due_at timestamptz, last_reply text, file_id bigint)
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	WITH late AS MATERIALIZED (
		SELECT r.redemption_id, r.external_reference, r.outbound_reference, r.partner_reference, r.member, r.points, r.redeemed_at,
			(r.redeemed_at AT TIME ZONE t.zone)::date AS day
		FROM ledger.redemption r
		WHERE t.within_days > 0 AND r.partner = t.partner AND (t.programme IS NULL OR r.programme = t.programme)
			AND r.redeemed_at < handback.answers_due_before(t.within_days, t.zone, now, t.holidays)
			AND NOT EXISTS (SELECT FROM ledger.reversal v WHERE v.redemption_id = r.redemption_id)
			AND NOT EXISTS (SELECT FROM handback.outcome o WHERE o.redemption_id = r.redemption_id AND o.outcome = :OUTCOME_CONFIRMED)
	), due AS MATERIALIZED (
		SELECT d.day, w.over, handback.covering_file(t, d.day, w.over) AS file_id
		FROM (SELECT DISTINCT day FROM late) d
		CROSS JOIN LATERAL (SELECT handback.business_days_after(d.day::timestamp AT TIME ZONE t.zone, t.within_days, t.zone,
			t.holidays) AS over) w
	), early AS MATERIALIZED (
		-- records that matched none when they came
		SELECT DISTINCT ON (l.redemption_id) l.redemption_id, o.verdict
		FROM late l
		CROSS JOIN LATERAL (VALUES (l.external_reference::text), (l.outbound_reference), (l.partner_reference)) r (reference)
		JOIN handback.outcome o ON o.reference = r.reference AND o.redemption_id IS NULL AND o.outcome NOT IN (:OUTCOME_CONFIRMED, :OUTCOME_REVERSED, :OUTCOME_REINSTATED)
		JOIN handback.file f ON f.file_id = o.file_id
		JOIN handback.partner p ON p.partner_id = f.partner_id AND p.code = t.partner
		ORDER BY l.redemption_id, o.decided_at DESC, o.file_id DESC, o.record_no DESC
	), shared AS MATERIALIZED (
		-- records that were about others with the same reference, when this one was not there yet, and decided nothing of them
		SELECT DISTINCT ON (l.redemption_id) l.redemption_id, o.verdict
		FROM late l
		JOIN ledger.redemption r ON r.partner = t.partner AND r.partner_reference = l.partner_reference AND r.redemption_id <> l.redemption_id
		JOIN handback.outcome o ON o.redemption_id = r.redemption_id AND o.reference = l.partner_reference
			AND o.outcome NOT IN (:OUTCOME_CONFIRMED, :OUTCOME_REVERSED, :OUTCOME_REINSTATED)
		ORDER BY l.redemption_id, o.decided_at DESC, o.file_id DESC, o.record_no DESC
	), guarded AS MATERIALIZED (
		SELECT DISTINCT ON (g.redemption_id) g.redemption_id, o.verdict
		FROM handback.hold_guarded g
		JOIN handback.hold h USING (hold_id)
		JOIN handback.outcome o ON o.file_id = h.file_id AND o.record_no = h.record_no AND o.revision = 0
		WHERE g.redemption_id IN (SELECT l.redemption_id FROM late l)
		ORDER BY g.redemption_id, g.hold_id DESC
	), expired AS MATERIALIZED (
		-- records that were never found: what they meant is not known, so they said something of all that they could mean
		SELECT DISTINCT ON (l.redemption_id) l.redemption_id, o.verdict
		FROM handback.hold_end e
		JOIN handback.hold h USING (hold_id)
		JOIN handback.file f USING (file_id)
		JOIN handback.partner p ON p.partner_id = f.partner_id AND p.code = t.partner
		LEFT JOIN handback.hold_stated s USING (hold_id)
		JOIN late l ON (h.points IS NULL OR l.points = h.points) AND (s.member IS NULL OR l.member = s.member)
			AND l.redeemed_at < e.ended_at
		JOIN handback.outcome o ON o.file_id = h.file_id AND o.record_no = h.record_no AND o.revision = 0
		WHERE e.how = 'unknown_reference_expired'
		ORDER BY l.redemption_id, h.hold_id DESC
	)
	SELECT l.redemption_id, l.external_reference, l.points, l.redeemed_at, due.over,
		(SELECT v.name FROM handback.verdict_name v WHERE v.verdict = coalesce(
			(SELECT o.verdict FROM handback.outcome o
				WHERE o.redemption_id = l.redemption_id AND o.outcome NOT IN (:OUTCOME_CONFIRMED, :OUTCOME_REVERSED, :OUTCOME_REINSTATED)
				ORDER BY o.decided_at DESC, o.file_id DESC, o.record_no DESC LIMIT 1), guarded.verdict, early.verdict, shared.verdict, expired.verdict)),
		due.file_id
	FROM late l JOIN due USING (day) LEFT JOIN early USING (redemption_id) LEFT JOIN guarded USING (redemption_id)
		LEFT JOIN shared USING (redemption_id) LEFT JOIN expired USING (redemption_id)
$$;

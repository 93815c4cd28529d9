-- name: explain_find
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
	UNION ALL
	SELECT r.entry_id, 6, 'key of a points request' FROM points.request r
	WHERE r.programme_id IN (SELECT programme_id FROM points.partner) AND r.request_key = $1::text
) found
JOIN ledger.redemption d USING (redemption_id)
ORDER BY redemption_id, place
LIMIT 20

-- name: explain_record
-- The redemption that a record is about: $1 file, $2 record. No row: there is no such record.
SELECT redemption_id
FROM handback.outcome
WHERE file_id = $1::bigint AND record_no = $2::bigint
ORDER BY revision DESC
LIMIT 1

-- name: explain_events
-- Everything that happened to one redemption ($1), or to one record of a file ($2, $3), in order of time.
WITH answer AS (
	SELECT o.*, f.name_shown, f.sha256, f.archived_as, f.bytes AS file_bytes, f.profile, p.code AS partner,
		(SELECT a.what FROM audit.event a WHERE a.event_id = o.event_id) AS event
	FROM handback.outcome o
	JOIN handback.file f USING (file_id)
	JOIN handback.partner p USING (partner_id)
	WHERE CASE WHEN $1::bigint IS NOT NULL
		-- each of the two partial indexes has its half
		THEN (o.redemption_id = $1 AND o.outcome IN (:OUTCOME_CONFIRMED, :OUTCOME_REVERSED, :OUTCOME_REINSTATED))
			OR (o.redemption_id = $1 AND o.outcome NOT IN (:OUTCOME_CONFIRMED, :OUTCOME_REVERSED, :OUTCOME_REINSTATED))
		ELSE o.file_id = $2::bigint AND o.record_no = $3::bigint END
), waiting AS (
	SELECT h.*, e.how, e.ended_at, e.ended_by
	FROM handback.hold h
	LEFT JOIN handback.hold_end e USING (hold_id)
	WHERE h.redemption_id = $1 OR h.hold_id IN (SELECT hold_id FROM handback.hold_now WHERE redemption_id = $1)
		OR (h.file_id, h.record_no) IN (SELECT file_id, record_no FROM answer)
), request AS (
	SELECT * FROM points.request WHERE entry_id = $1
), sending AS (
	SELECT s.*, b.partner, b.sequence, b.cut_off FROM points.sending s JOIN points.batch b USING (batch_no)
	WHERE s.request_no IN (SELECT request_no FROM request)
), shop_order AS (
	SELECT o.*, d.programme FROM catalogue.shop_order o JOIN ledger.redemption d ON d.redemption_id = o.entry_id WHERE o.entry_id = $1
), event AS (
	SELECT d.redeemed_at AS at, 1 AS place, 0::bigint AS n, 'points debited from the member' AS what,
		d.redemption_id, NULL::bigint AS reversal_id, d.external_reference::text AS reference, d.programme,
		d.member, d.points, d.amount, d.currency, d.merchant, d.transaction_type, d.partner,
		d.outbound_reference, d.partner_reference, NULL::bigint AS file, NULL::text AS name, NULL::text AS profile,
		NULL::bigint AS record, NULL::bigint AS byte_offset, NULL::bigint AS byte_length,
		NULL::text AS verdict, NULL::text AS codes, NULL::text AS outcome, NULL::text AS reason,
		NULL::text AS detail, NULL::text AS by, NULL::text AS file_sha256, NULL::text AS archived_as,
		NULL::text AS leaf_hash, NULL::text AS head_hash
	FROM ledger.redemption d
	WHERE d.redemption_id = $1
	UNION ALL
	SELECT a.decided_at, 2, a.file_id,
		CASE WHEN a.event = 'rematched' THEN 'rematched: ' || n.name
			WHEN a.event = 'rematch_held' THEN 'rematched, and what was found does not fit: ' || n.name
			WHEN a.event = 'deemed_accepted' THEN 'deemed accepted, since the partner did not reject it in time: ' || n.name
			WHEN a.event = 'unknown_reference_expired' THEN 'its redemption was never known: ' || n.name
			WHEN a.event = 'group_answered' THEN 'the partner answered ' || v.name || ' for its group: ' || n.name
			WHEN a.event = 'overtaken' THEN 'its redemption was settled otherwise: ' || n.name
			WHEN a.revision > 0 THEN 'people decided: ' || n.name
			ELSE 'the partner answered ' || v.name || ': ' || n.name END,
		NULL, a.reversal_id, a.reference, NULL, NULL, a.points, NULL, NULL, NULL, NULL, a.partner, NULL, NULL,
		a.file_id, a.name_shown, a.profile, nullif(a.record_no, 0), CASE WHEN a.record_no > 0 THEN a.byte_offset END,
		CASE WHEN a.record_no > 0 THEN a.byte_length END, CASE WHEN a.record_no > 0 THEN v.name END, a.reasons, n.name,
		a.hold_reason, a.detail, NULL, encode(a.sha256, 'hex'), a.archived_as, encode(a.leaf_hash, 'hex'), NULL
	FROM answer a
	JOIN handback.verdict_name v USING (verdict)
	JOIN handback.outcome_name n USING (outcome)
	UNION ALL
	SELECT r.posted_at, 3, r.reversal_id, 'points credited to the member by the reversal', NULL, r.reversal_id,
		r.external_reference::text, NULL, NULL, r.points, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
		NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, r.posted_by, NULL, NULL, NULL, NULL
	FROM ledger.reversal r
	WHERE r.redemption_id = $1
	UNION ALL
	SELECT a.decided_at, 3, a.reversal_id, 'points credited to the member by correction', NULL, NULL, NULL, NULL, NULL, d.points, NULL, NULL, NULL,
		NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, a.detail, NULL, NULL, NULL, NULL, NULL
	FROM answer a
	JOIN ledger.redemption d USING (redemption_id)
	WHERE a.outcome = :OUTCOME_CREDITED
	UNION ALL
	SELECT w.opened_at, 4, w.hold_id, 'hold ' || w.hold_id || ' opened', NULL, NULL, NULL, NULL, NULL, w.points,
		NULL, NULL, NULL, NULL, NULL, NULL, NULL, w.file_id, NULL, NULL, w.record_no, NULL, NULL, NULL, NULL, NULL,
		w.reason, r.meaning || ': ' || r.action_required, NULL, NULL, NULL, NULL, NULL
	FROM waiting w
	JOIN handback.hold_reason r USING (reason)
	UNION ALL
	SELECT w.ended_at, 6, w.hold_id, 'hold ' || w.hold_id || ' ended: ' || w.how, NULL, NULL, NULL, NULL, NULL, NULL,
		NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
		w.ended_by, NULL, NULL, NULL, NULL
	FROM waiting w
	WHERE w.ended_at IS NOT NULL
	UNION ALL
	SELECT c.at, 5, c.event_id, c.what || ' (' || c.subject || ')', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
		NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, c.why, c.detail, c.who,
		NULL, NULL, NULL, NULL
	FROM audit.event c
	WHERE c.event_id IN (SELECT event_id FROM answer)
		OR c.subject = 'redemption ' || $1 OR c.subject IN (SELECT 'hold ' || hold_id FROM waiting)
		OR c.event_id IN (SELECT g.event_id FROM handback.hold_guarded g JOIN waiting USING (hold_id))
		OR c.subject IN (SELECT 'proposal ' || p.proposal_id FROM handback.proposal_hold p JOIN waiting USING (hold_id))
		OR c.subject IN (SELECT 'points request ' || request_no FROM request) OR c.subject IN (SELECT 'points proposal ' || p.proposal_id
			FROM points.proposal p JOIN request r ON p.kind = 'request' AND p.programme_id = r.programme_id AND p.subject = r.request_no::text)
	UNION ALL
	SELECT h.made_at, 7, h.head_no, 'covered by audit head ' || h.head_no, NULL, NULL, NULL,
		NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, h.file_id, NULL, NULL, NULL, NULL, NULL, NULL,
		NULL, NULL, NULL, h.tree_size || ' records under root ' || encode(h.root, 'hex'), NULL, NULL, NULL, NULL, encode(h.head_hash, 'hex')
	FROM audit.head h
	WHERE h.file_id IN (SELECT file_id FROM answer)
		OR h.head_no IN (SELECT head_no FROM audit.event WHERE event_id IN (SELECT event_id FROM answer))
	UNION ALL
	-- a points request: who asked for it, how it went to its partner, and what came of that there and then
	SELECT c.received_at, 0, c.n, CASE WHEN c.again THEN 'asked for again' ELSE 'asked for' END || ' by ' || c.client_id || ': ' || c.request_key,
		NULL, NULL, NULL, NULL, NULL, r.points, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, nullif(r.reason, ''), c.client_id, NULL, NULL, NULL, NULL
	FROM request r JOIN points.receipt c ON c.programme_id = r.programme_id AND c.request_key = r.request_key
	UNION ALL
	SELECT s.started_at, 2, s.batch_no, format('put into points batch %s, number %s of %s, at place %s', s.batch_no, s.sequence, s.partner, s.place),
		NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, s.partner, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'what came before ' || to_char(s.cut_off AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC', NULL, NULL, NULL, NULL, NULL
	FROM sending s
	UNION ALL
	SELECT w.at, 2, s.batch_no, 'sent to the partner in a request file', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, w.name, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
	FROM sending s JOIN points.batch_step w ON w.batch_no = s.batch_no AND w.step = 'placed'
	UNION ALL
	SELECT e.ended_at, 2, s.batch_no, CASE e.result WHEN 'not_sent' THEN 'it never left us' ELSE 'the partner answered at once: ' || e.result END,
		NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, e.partner_reference, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, e.why, NULL, NULL, NULL, NULL, NULL
	FROM sending s JOIN points.sending_end e USING (request_no, nth)
	UNION ALL
	SELECT e.ended_at, 9, e.batch_no, 'points batch ' || e.batch_no || ' closed at zero', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
		format('requested %s, credited %s, reversed %s', e.requested, e.credited, e.reversed), NULL, NULL, NULL, NULL, NULL
	FROM points.batch_end e WHERE e.batch_no IN (SELECT batch_no FROM sending)
	UNION ALL
	-- which systems were told of it, and what each did with it
	SELECT coalesce(e.ended_at, d.started_at), 8, d.delivery_id,
		format('target %s told: %s, version %s: %s', d.target, d.states[p.place], d.versions[p.place], CASE
			WHEN e.result IS NULL THEN 'under way'
			WHEN e.result = 'lost' THEN 'nobody knows whether it came; sent again'
			WHEN w.result = 'held' THEN 'refused, and held'
			WHEN w.result = 'later' THEN 'not taken; sent again later'
			WHEN e.result = 'done' OR w.result = 'sent' OR EXISTS (SELECT FROM handback.delivery_object k WHERE k.delivery_id = d.delivery_id)
				THEN 'taken'
			WHEN e.result = 'again' THEN 'not taken; sent again later'
			ELSE 'not taken: the target stopped' END),
		NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
		nullif(concat_ws(', ', 'delivery ' || d.delivery_id, 'try ' || nullif(w.tries, 0), 'HTTP ' || coalesce(w.http_status, e.http_status),
			CASE WHEN w.result IS NOT NULL THEN w.why ELSE e.why END), ''), NULL, NULL, NULL, NULL, NULL
	FROM handback.delivery d
	CROSS JOIN LATERAL (SELECT array_position(d.redemptions, $1::bigint) AS place) p
	LEFT JOIN handback.delivery_end e ON e.delivery_id = d.delivery_id
	LEFT JOIN handback.delivery_object w ON w.target = d.target AND w.kind = 'redemption' AND w.subject = $1 AND w.delivery_id = d.delivery_id
	WHERE d.redemptions @> ARRAY[$1::bigint]
	UNION ALL
	-- an order of the catalogue's shop: what the shop said became of the voucher, and what of it waits for a person
	SELECT o.asked_at, 2, 0, 'it is the shop''s order ' || o.order_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
	FROM shop_order o
	UNION ALL
	SELECT d.told_at, 2, 1, 'the shop said: the voucher is ' || d.status, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, d.reason, NULL, NULL, NULL, NULL, NULL
	FROM shop_order o JOIN catalogue.delivery d ON d.programme_id = o.programme_id AND d.order_id = o.order_id
	UNION ALL
	SELECT f.asked_at, 2, 2, 'the shop''s order was given back', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
	FROM shop_order o JOIN catalogue.refund f ON f.programme_id = o.programme_id AND f.order_id = o.order_id
	UNION ALL
	SELECT h.opened_at, 4, h.hold_id, 'catalogue hold ' || h.hold_id || ' opened', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, h.detail, NULL, NULL, NULL, NULL, NULL
	FROM shop_order o JOIN catalogue.holds h ON h.programme = o.programme AND h.order_id = o.order_id
	UNION ALL
	SELECT h.ended_at, 6, h.hold_id, 'catalogue hold ' || h.hold_id || ' closed', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, h.why, h.ended_by, NULL, NULL, NULL, NULL
	FROM shop_order o JOIN catalogue.holds h ON h.programme = o.programme AND h.order_id = o.order_id
	WHERE h.ended_at IS NOT NULL
)
SELECT at, what, redemption_id, reversal_id, reference, programme, member, points, amount, currency, merchant,
	transaction_type, partner, outbound_reference, partner_reference, file, name, profile, record, byte_offset,
	byte_length, verdict, codes, outcome, reason, detail, by, file_sha256, archived_as,
	-- of events that show bytes
	CASE WHEN archived_as IS NOT NULL THEN handback.purged_at(file) END AS purged, leaf_hash, head_hash
FROM event
ORDER BY at, place, n

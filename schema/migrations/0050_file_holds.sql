-- What people closed reads as closed, and names its right version where that was posted since; a release that cannot go is
-- withdrawn by two people, and its file is on hold again.

SET LOCAL ROLE handback_owner;

DROP INDEX handback.hold_whole_file;
CREATE UNIQUE INDEX hold_whole_file ON handback.hold (file_id, coalesce(reopens, 0)) WHERE record_no IS NULL;
CREATE UNIQUE INDEX hold_reopened ON handback.hold (reopens) WHERE reopens IS NOT NULL;
COMMENT ON COLUMN handback.hold.reopens IS 'The hold that two people reopened: a record that was closed, or a file whose release they withdrew';

CREATE VIEW handback.file_hold AS
	SELECT h.*, e.how, e.ended_at, e.ended_by
	FROM handback.hold h
	LEFT JOIN handback.hold_end e USING (hold_id)
	WHERE h.record_no IS NULL AND NOT EXISTS (SELECT FROM handback.hold n WHERE n.reopens = h.hold_id);
COMMENT ON VIEW handback.file_hold IS 'The last hold of each file that is, or was, on hold as a whole, and how that ended';

CREATE FUNCTION handback.right_version(f handback.file) RETURNS bigint
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT min(o.file_id)
	FROM handback.file o
	WHERE f.state = 'held' AND o.file_id > f.file_id AND o.state = 'posted' AND (o.sha256 = f.sha256
		OR ((o.partner_id, o.profile) = (f.partner_id, f.profile) AND o.part IS NOT DISTINCT FROM f.part AND (
			(o.period, o.place) = (f.period, f.place)
			OR (o.place IS NULL AND f.place IS NULL AND o.business_date = f.business_date AND o.statement = f.statement AND f.statement <> ''))))
$$;
COMMENT ON FUNCTION handback.right_version(handback.file) IS
	'The file that was posted since and is what this one, on hold, should have been: by its bytes, or its number or day; NULL: there is none';

CREATE OR REPLACE VIEW handback.release_waiting AS
	SELECT h.hold_id, h.file_id, h.reason, h.ended_at AS approved_at, h.ended_by AS approved_by, x.failed_at,
		coalesce(x.why, 'not taken up yet: it is for the handbackd whose spool has its copy, ' || f.archived_as) AS why
	FROM handback.file_hold h
	JOIN handback.file f ON f.file_id = h.file_id
	LEFT JOIN LATERAL (SELECT k.failed_at, k.why FROM handback.release_failure k
		WHERE k.file_id = h.file_id AND k.failed_at >= h.opened_at ORDER BY k.failure_id DESC LIMIT 1) x ON true
	WHERE (h.how = 'released' OR (h.how IS NULL AND x.why IS NOT NULL))
		AND NOT EXISTS (SELECT FROM handback.file r WHERE r.release_of = h.file_id);

CREATE OR REPLACE VIEW handback.purgeable_copy AS
	SELECT f.file_id, f.state, f.archived_at, f.archived_as
	FROM handback.file f
	WHERE f.archived_at IS NOT NULL
		AND NOT EXISTS (
			SELECT FROM handback.hold h
			LEFT JOIN handback.hold_end e USING (hold_id)
			LEFT JOIN handback.file r ON r.release_of = h.file_id
			WHERE h.file_id = f.file_id AND NOT EXISTS (SELECT FROM handback.hold n WHERE n.reopens = h.hold_id)
				AND (e.hold_id IS NULL OR (e.how = 'released' AND r.archived_at IS NULL)));

CREATE OR REPLACE FUNCTION handback.check_release() RETURNS trigger
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF NOT EXISTS (
		SELECT FROM handback.file f
		JOIN handback.file_hold h ON h.file_id = f.file_id AND h.how = 'released'
		WHERE f.file_id = NEW.release_of AND f.file_id < NEW.file_id
			AND (f.partner_id, f.source, f.name, f.sha256, f.bytes, f.seen_at)
				= (NEW.partner_id, NEW.source, NEW.name, NEW.sha256, NEW.bytes, NEW.seen_at)) THEN
		RAISE EXCEPTION 'file % says that it is file %, released: that is not so', NEW.file_id, NEW.release_of
			USING ERRCODE = 'integrity_constraint_violation';
	END IF;
	RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION handback.not_a_duplicate(file bigint, why text) RETURNS bigint
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	f handback.file;
	hold bigint;
BEGIN
	SELECT * INTO f FROM handback.file WHERE file_id = file;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'no such file: %', file USING ERRCODE = 'no_data_found';
	END IF;
	PERFORM handback.lock_partner(p.code) FROM handback.partner p WHERE p.partner_id = f.partner_id;
	IF f.state <> 'duplicate' THEN
		RAISE EXCEPTION 'file % is %: it was not taken for a duplicate', file, f.state USING ERRCODE = 'object_not_in_prerequisite_state';
	ELSIF EXISTS (SELECT FROM handback.purge r WHERE r.file_id = file) THEN
		RAISE EXCEPTION 'the copy of file % was purged by retention: have the partner send it again', file
			USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	SELECT h.hold_id INTO hold FROM handback.file_hold h WHERE h.file_id = file;
	RETURN handback.propose(ARRAY[coalesce(hold, handback.open_duplicate(file, why,
		format('file %s says the same as file %s', file, f.duplicate_of)))], 'release', why);
END
$$;

CREATE OR REPLACE FUNCTION handback.judge_holds(holds bigint[], decision text, meant bigint)
	RETURNS TABLE (hold_id bigint, about bigint, member_id bigint, points numeric, against text, difference text)
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
	SELECT h.hold_id, d.about, r.member_id, coalesce(r.points, h.points, 0)::numeric,
		CASE
			WHEN decision = 'reopen' THEN CASE
				WHEN e.hold_id IS NULL THEN 'it is open'
				WHEN EXISTS (SELECT FROM handback.hold n WHERE n.reopens = h.hold_id) THEN 'it was reopened already'
				WHEN h.record_no IS NULL THEN CASE
					WHEN e.how <> 'released' THEN 'it is of a whole file: have the partner send that again'
					WHEN EXISTS (SELECT FROM handback.file n WHERE n.release_of = h.file_id) THEN 'its file was released'
				END
				WHEN h.reason = 'partly_fulfilled' THEN 'it is of a part: have the partner send that again'
				WHEN e.how NOT IN ('closed', 'overtaken', 'unknown_reference_expired')
					THEN format('it was decided (%s): only what was closed is reopened', e.how)
			END
			WHEN e.hold_id IS NOT NULL THEN format('has ended (%s)', e.how)
			WHEN decision = 'close' THEN NULL
			WHEN decision = 'release' THEN
				CASE WHEN h.record_no IS NOT NULL THEN 'it is of a record: only a whole file can be released' END
			WHEN h.record_no IS NULL THEN 'it is of a whole file, which can only be released or closed'
			WHEN d.about IS NULL THEN 'its record names no redemption: say which is meant'
			WHEN r.redemption_id IS NULL OR r.partner <> p.code THEN format('redemption %s is not one of this partner', d.about)
			WHEN r.programme <> t.programme THEN format('redemption %s is of programme %s, and its record of %s', d.about, r.programme,
				t.programme)
			WHEN decision = 'confirm' AND s.state <> 'open' THEN format('redemption %s is %s already', d.about, s.state)
			WHEN decision = 'reverse' AND s.state NOT IN ('open', 'confirmed')
				THEN format('redemption %s is %s already, and is reversed once for ever', d.about, s.state)
					|| CASE WHEN s.state = 'reinstated' THEN ': propose to credit it' ELSE '' END
			WHEN decision = 'reinstate' AND v.credit_id IS NOT NULL
				THEN format('redemption %s was credited by correction, which is never taken back', d.about)
			WHEN decision = 'reinstate' AND s.state <> 'reversed' THEN format('redemption %s is %s', d.about, s.state)
			WHEN decision = 'credit' AND s.state <> 'reinstated'
				THEN format('redemption %s is %s: only one that was reinstated is credited', d.about, s.state)
			WHEN decision = 'credit' AND (l.o).verdict <> :VERDICT_REJECTED THEN 'its record is no rejection'
		END,
		CASE
			WHEN d.about IS NULL OR decision IN ('close', 'release', 'reopen') THEN NULL
			WHEN d.about = h.redemption_id AND h.reason LIKE '%\_mismatch' THEN (l.o).detail
			ELSE nullif(concat_ws('; ',
				CASE WHEN u.member <> r.member THEN handback.unlike('member', u.member, r.member) END,
				CASE WHEN (l.o).points <> r.points THEN format('points: stated %s, redeemed %s', (l.o).points, r.points) END), '')
		END
	FROM handback.hold_now h
	JOIN handback.file f ON f.file_id = h.file_id
	JOIN handback.partner p ON p.partner_id = f.partner_id
	CROSS JOIN LATERAL (SELECT coalesce(meant, h.redemption_id) AS about) d
	LEFT JOIN handback.hold_end e ON e.hold_id = h.hold_id
	LEFT JOIN handback.hold_stated u ON u.hold_id = h.hold_id
	LEFT JOIN LATERAL (SELECT r.redemption_id, r.member_id, r.member, r.points, r.partner, r.programme
		FROM ledger.redemption r WHERE r.redemption_id = d.about OFFSET 0) r ON true
	LEFT JOIN LATERAL (SELECT r.programme FROM ledger.redemption r
		WHERE r.redemption_id = h.redemption_id AND u.programme IS NULL OFFSET 0) own ON true
	CROSS JOIN LATERAL (SELECT coalesce(u.programme, own.programme) AS programme) t
	LEFT JOIN LATERAL (SELECT v.reversal_id, v.reinstatement_id, v.credit_id
		FROM ledger.reversal v WHERE v.redemption_id = d.about OFFSET 0) v ON true
	CROSS JOIN LATERAL (SELECT CASE
		WHEN v.reinstatement_id IS NOT NULL AND v.credit_id IS NULL THEN 'reinstated'
		WHEN v.reversal_id IS NOT NULL THEN 'reversed'
		WHEN EXISTS (SELECT FROM handback.outcome o WHERE o.redemption_id = d.about AND o.outcome = :OUTCOME_CONFIRMED) THEN 'confirmed'
		ELSE 'open' END AS state) s
	LEFT JOIN handback.last_outcomes(CASE WHEN decision IN ('close', 'release', 'reopen') THEN '{}' ELSE holds END) l ON l.hold_id = h.hold_id
	WHERE h.hold_id = ANY (holds)
$$;

CREATE OR REPLACE FUNCTION api.file(client_id text, generation integer, id uuid, OUT code text, OUT body jsonb)
	LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	most constant integer := 20;
	its constant text := api.source_of(client_id, generation);
	r api.received;
	f handback.file;
BEGIN
	SELECT * INTO r FROM api.received x WHERE x.received_id = id AND x.source = its;
	code := CASE WHEN its IS NULL THEN '401' WHEN r.received_id IS NULL THEN '404' ELSE '000' END;
	IF code <> '000' THEN
		RETURN;
	END IF;
	-- how it stands: a repetition says less than what it repeats, a release more than what was held
	SELECT * INTO f FROM handback.file x WHERE x.source = its AND x.sha256 = r.sha256 AND x.name = convert_to(r.name, 'UTF8')
	ORDER BY x.state = 'duplicate', x.file_id DESC LIMIT 1;
	body := jsonb_build_object('id', r.received_id, 'name', r.name, 'bytes', r.bytes, 'sha256', encode(r.sha256, 'hex'),
		'received_at', r.received_at, 'state', CASE WHEN EXISTS (SELECT FROM handback.file_hold h WHERE h.file_id = f.file_id AND f.state = 'held'
			AND h.how = 'closed') THEN 'closed' ELSE coalesce(f.state::text, 'received') END, 'held_for', f.hold_reason, 'decided_at', f.decided_at,
		'records', f.records,
		'repeats', (SELECT o.received_id FROM handback.file d JOIN api.received o ON o.source = its AND o.sha256 = d.sha256
				AND convert_to(o.name, 'UTF8') = d.name WHERE d.file_id = f.duplicate_of),
		'outcomes', (SELECT coalesce(jsonb_object_agg(n.name, jsonb_build_object('records', t.records, 'points', t.points)), '{}')
			FROM handback.tie_out t JOIN handback.outcome_name n ON n.outcome = t.outcome WHERE t.file_id = f.file_id),
		'totals', (SELECT coalesce(jsonb_agg(to_jsonb(c) ORDER BY c.n), '[]')
			FROM (SELECT c.n, c.name, c.place, c.stated, c.counted, c.agrees FROM handback.control c WHERE c.file_id = f.file_id
				ORDER BY c.n LIMIT most) c),
		'refusals', (SELECT coalesce(jsonb_agg(to_jsonb(c) ORDER BY c.n), '[]')
			FROM (SELECT c.n, c.rule, c.field, c.record_no AS record, c.byte_offset FROM handback.refusal c WHERE c.file_id = f.file_id
				ORDER BY c.n LIMIT most) c),
		'holds', (SELECT coalesce(jsonb_agg(to_jsonb(h) ORDER BY h.reason), '[]')
			FROM (SELECT h.reason, count(*) AS records, count(*) FILTER (WHERE NOT EXISTS
					(SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id)) AS open
				FROM handback.hold_now h WHERE h.file_id = f.file_id GROUP BY h.reason ORDER BY h.reason LIMIT most) h));
END
$$;

REVOKE ALL ON FUNCTION handback.right_version(handback.file) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION handback.right_version(handback.file) TO handback_daemon, handback_operator, handback_finance, handback_nightly,
	handback_verify;
GRANT SELECT ON handback.file_hold TO handback_daemon, handback_operator, handback_finance, handback_nightly, handback_verify;

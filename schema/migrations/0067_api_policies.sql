-- People change what a caller may take and what a programme allows over the API: by functions that say who, when and why.

SET LOCAL ROLE handback_owner;

ALTER TABLE audit.event DROP CONSTRAINT event_what_check;
ALTER TABLE audit.event ADD CONSTRAINT event_what_check CHECK (what IN ('assigned', 'commented', 'proposed', 'approved', 'rejected', 'guarded', 'rematched', 'rematch_held',
		'unknown_reference_expired', 'deemed_accepted', 'purged', 'not_a_duplicate', 'overtaken', 'withdrawn', 'decided',
		'credential_added', 'credential_rotated', 'credential_revoked', 'credential_bounded', 'policy_set', 'route_added', 'route_ended', 'group_answered', 'file_received',
		'target_added', 'target_changed', 'target_paused', 'target_resumed', 'target_stopped', 'target_replayed',
		'catalogue_proposed', 'catalogue_approved', 'catalogue_rejected', 'catalogue_held', 'catalogue_hold_closed', 'token_rotated', 'token_misused',
		'points_proposed', 'points_approved', 'points_rejected', 'points_linked', 'points_unlinked', 'points_refused', 'points_settled',
		'batch_opened', 'batch_closed'));

-- What a caller may take, changed without another secret; 0: not bounded, NULL: as it was.  A new generation: tokens that were
-- given carry the old bounds, and end.
CREATE FUNCTION api.bound_credential(client_id text, calls_per_minute integer, points_per_day bigint, why text) RETURNS integer
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	last constant api.credential := api.credential_of(client_id);
	calls constant integer := nullif(coalesce(calls_per_minute, last.calls_per_minute), 0);
	points constant bigint := nullif(coalesce(points_per_day, last.points_per_day), 0);
BEGIN
	IF last.generation IS NULL THEN
		RAISE EXCEPTION 'there is no credential % of a programme', client_id USING ERRCODE = 'no_data_found';
	ELSIF last.secret_hash IS NULL THEN
		RAISE EXCEPTION 'the credential % is revoked', client_id USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	INSERT INTO api.credential (client_id, generation, programme_id, secret_hash, calls_per_minute, points_per_day, scopes)
	VALUES (client_id, last.generation + 1, last.programme_id, last.secret_hash, calls, points, last.scopes);
	PERFORM audit.append_event('credential_bounded', 'credential ' || client_id, why, format('calls a minute %s to %s, points a day %s to %s',
		coalesce(last.calls_per_minute::text, '(any)'), coalesce(calls::text, '(any)'), coalesce(last.points_per_day::text, '(any)'),
		coalesce(points::text, '(any)')));
	RETURN last.generation + 1;
END
$$;
COMMENT ON FUNCTION api.bound_credential(text, integer, bigint, text) IS
	'Changes how often a caller may ask and how many points it may take in a day, and so ends all its tokens; gives the new generation';

-- What a programme allows over the API; NULL: as it was.
CREATE FUNCTION api.set_policy(programme text, minimum_points bigint, amount text, unrouted text, key_required boolean, why text) RETURNS integer
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	was ledger.programme;
	is_now ledger.programme;
BEGIN
	SELECT * INTO was FROM ledger.programme p WHERE p.code = programme FOR NO KEY UPDATE;
	IF was.programme_id IS NULL THEN
		RAISE EXCEPTION 'there is no programme %', programme USING ERRCODE = 'no_data_found';
	END IF;
	UPDATE ledger.programme p SET minimum_points = coalesce(set_policy.minimum_points, p.minimum_points),
		amount = coalesce(set_policy.amount, p.amount), unrouted = coalesce(set_policy.unrouted, p.unrouted),
		key_required = coalesce(set_policy.key_required, p.key_required)
	WHERE p.programme_id = was.programme_id RETURNING * INTO is_now;
	PERFORM audit.append_event('policy_set', 'programme ' || programme, why,
		format('minimum %s to %s points, amount %s to %s, unrouted %s to %s, key required %s to %s', was.minimum_points, is_now.minimum_points,
			was.amount, is_now.amount, was.unrouted, is_now.unrouted, was.key_required, is_now.key_required));
	RETURN was.programme_id;
END
$$;
COMMENT ON FUNCTION api.set_policy(text, bigint, text, text, boolean, text) IS
	'Sets what a programme allows over the API: the least points, stated amounts, redemptions without a partner or a key; gives its number';

CREATE VIEW api.policy AS SELECT code AS programme, minimum_points, amount, unrouted, key_required FROM ledger.programme;
COMMENT ON VIEW api.policy IS 'What each programme allows over the redemption API';

GRANT EXECUTE ON FUNCTION api.bound_credential(text, integer, bigint, text), api.set_policy(text, bigint, text, text, boolean, text)
	TO handback_operator;
GRANT SELECT ON api.policy TO handback_finance, handback_verify;

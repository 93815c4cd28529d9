-- A difference of audit verify that two people accepted is listed apart.

SET LOCAL ROLE handback_owner;

ALTER TABLE audit.event DROP CONSTRAINT event_what_check;
ALTER TABLE audit.event ADD CHECK (what IN ('assigned', 'commented', 'proposed', 'approved', 'rejected', 'guarded', 'rematched', 'rematch_held',
		'unknown_reference_expired', 'deemed_accepted', 'purged', 'not_a_duplicate', 'overtaken', 'withdrawn', 'decided',
		'credential_added', 'credential_rotated', 'credential_revoked', 'credential_bounded', 'policy_set', 'route_added', 'route_ended', 'group_answered', 'file_received',
		'target_added', 'target_changed', 'target_paused', 'target_resumed', 'target_stopped', 'target_replayed',
		'catalogue_proposed', 'catalogue_approved', 'catalogue_rejected', 'catalogue_held', 'catalogue_hold_closed', 'token_rotated', 'token_misused',
		'points_proposed', 'points_approved', 'points_rejected', 'points_linked', 'points_unlinked', 'points_refused', 'points_settled',
		'batch_opened', 'batch_closed', 'difference_accepted'));

CREATE TABLE handback.difference_acceptance (
	difference  bytea NOT NULL CHECK (length(difference) = 16),
	accepted_by text  NOT NULL DEFAULT session_user,
	why         text  NOT NULL CHECK (why ~ '\S'),
	accepted_at timestamptz NOT NULL,
	event_id    bigint NOT NULL REFERENCES audit.event,
	PRIMARY KEY (difference, accepted_by)
);
COMMENT ON TABLE handback.difference_acceptance IS
	'Who accepts a difference that audit verify found: with two it is listed apart, and is none any more; append-only';
COMMENT ON COLUMN handback.difference_acceptance.difference IS 'What audit verify calls it: of where it is and all that it says, so that another change is another difference';
CALL handback_schema.make_append_only('handback.difference_acceptance');

CREATE FUNCTION handback.accept_difference(difference bytea, why text) RETURNS bigint
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	event bigint;
BEGIN
	IF EXISTS (SELECT FROM handback.difference_acceptance a WHERE a.difference = difference AND a.accepted_by = session_user) THEN
		RAISE EXCEPTION 'you accepted this before; another person must accept it, too' USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	event := audit.append_event('difference_accepted', 'difference ' || encode(difference, 'hex'), why);
	INSERT INTO handback.difference_acceptance (difference, why, accepted_at, event_id)
	VALUES (difference, why, audit.event_time(event), event);
	RETURN event;
END
$$;
COMMENT ON FUNCTION handback.accept_difference(bytea, text) IS
	'Says that a difference of audit verify is known and explained, for one of two people; gives the event''s number';

REVOKE ALL ON FUNCTION handback.accept_difference(bytea, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION handback.accept_difference(bytea, text) TO handback_operator;
GRANT SELECT ON handback.difference_acceptance TO handback_operator, handback_finance, handback_nightly, handback_verify;

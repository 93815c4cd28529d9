-- What people and nights decided names the decision tables that were in force, as files do.

SET LOCAL ROLE handback_owner;

ALTER TABLE audit.event ADD COLUMN rules_sha256 bytea CHECK (length(rules_sha256) = 32);
COMMENT ON COLUMN audit.event.rules_sha256 IS 'Of the decision tables in force, where it decides by them; rule_text has them. NULL: it decides nothing, or was before they were named';

-- The decision tables' hash, where an event decides something by them, or ends what was to be decided. Their text is kept
-- first: the chain is locked, so that none of two that keep the same waits for the other with a lock that the other wants.
CREATE FUNCTION audit.rules_of(what text) RETURNS bytea
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF what NOT IN ('proposed', 'approved', 'rejected', 'withdrawn', 'decided', 'not_a_duplicate', 'guarded', 'rematched', 'rematch_held',
			'unknown_reference_expired', 'deemed_accepted', 'overtaken', 'group_answered') THEN
		RETURN NULL;
	END IF;
	PERFORM handback.keep_rules(NULL);
	RETURN sha256(convert_to(handback.decision_tables(), 'UTF8'));
END
$$;
COMMENT ON FUNCTION audit.rules_of(text) IS
	'Of the decision tables in force, whose text it keeps; NULL of events that decide nothing of records and files';
REVOKE ALL ON FUNCTION audit.rules_of(text) FROM PUBLIC;

-- An event and its head. leaves and root: over the outcomes that it wrote, if any.
CREATE OR REPLACE FUNCTION audit.append_event(what text, subject text, why text DEFAULT NULL, detail text DEFAULT NULL,
		leaves bigint DEFAULT 0, root bytea DEFAULT sha256('')) RETURNS bigint
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	last record;
	event bigint := nextval('audit.event_event_id_seq');
	this timestamptz := clock_timestamp();
	said text;
	rules bytea;
BEGIN
	SELECT * INTO last FROM audit.chain_end();
	rules := audit.rules_of(what);
	said := format(E'handback-head-1\nprevious\t%s\nhead_no\t%s\nmade_at\t%s\ntree_size\t%s\nroot\t%s\nevent\t%s\n'
		'at\t%s\nwho\t%s\nwhat\t%s\nsubject\t%s\nwhy\t%s\ndetail\t%s\n',
		encode(last.head_hash, 'hex'), last.head_no + 1, audit.microseconds(this), leaves, encode(root, 'hex'), event,
		audit.microseconds(this), audit.escaped(session_user::text), audit.escaped(what), audit.escaped(subject),
		audit.escaped(why), audit.escaped(detail)) || coalesce(E'rules_sha256\t' || encode(rules, 'hex') || E'\n', '');
	INSERT INTO audit.event (event_id, head_no, at, what, subject, why, detail, rules_sha256)
	VALUES (event, last.head_no + 1, this, what, subject, why, detail, rules);
	INSERT INTO audit.head (head_no, tree_size, root, head_text, head_hash, previous, made_at)
	VALUES (last.head_no + 1, leaves, root, said, sha256(convert_to(said, 'UTF8')), last.head_hash, this);
	RETURN event;
END
$$;

-- What a target has otherwise than it was told twice is a break, with an owner.

SET LOCAL ROLE handback_owner;

CREATE TABLE handback.target_owner (
	target   text   NOT NULL,
	owner    text   NOT NULL CHECK (owner ~ '\S' AND length(owner) <= 200),
	event_id bigint NOT NULL REFERENCES audit.event,
	PRIMARY KEY (target, event_id)
);
CALL handback_schema.make_append_only('handback.target_owner');
COMMENT ON TABLE handback.target_owner IS 'Who looks into what a target has otherwise than it was told, the newest in force; append-only';

CREATE FUNCTION handback.assign_target(target text, to_whom text, comment text DEFAULT NULL) RETURNS bigint
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	event bigint;
BEGIN
	IF NOT EXISTS (SELECT FROM handback.target t WHERE t.name = target) THEN
		RAISE EXCEPTION 'there is no target %', target USING ERRCODE = 'no_data_found';
	END IF;
	event := audit.append_event('target_changed', 'target ' || target, comment, left('its breaks are given to ' || to_whom, 400));
	INSERT INTO handback.target_owner (target, owner, event_id) VALUES (target, to_whom, event);
	RETURN event;
END
$$;
COMMENT ON FUNCTION handback.assign_target(text, text, text) IS 'Gives what a target has otherwise than told to somebody to look into; gives the event''s number';

-- What a person has to see to, until a later read-back finds it as it was told.
CREATE VIEW handback.target_break AS
	SELECT f.target, f.kind, f.key, f.subject, f.difference,
		(SELECT min(p.started_at) FROM handback.parity_difference o JOIN handback.parity p USING (parity_id)
			WHERE o.target = f.target AND o.kind = f.kind AND o.subject = f.subject AND o.key = f.key) AS since,
		coalesce((SELECT n.owner FROM handback.target_owner n WHERE n.target = f.target ORDER BY n.event_id DESC LIMIT 1),
			(SELECT t.made_by FROM handback.target t WHERE t.name = f.target AND t.version = 1)) AS owner
	FROM (SELECT DISTINCT ON (d.target, d.kind, d.subject, d.key) d.* FROM handback.parity_difference d
		ORDER BY d.target, d.kind, d.subject, d.key, d.parity_id DESC, d.delivery_id DESC) f
	WHERE NOT f.resent AND NOT EXISTS (
		SELECT FROM handback.parity_read r JOIN handback.delivery d ON d.delivery_id = r.delivery_id
		WHERE r.parity_id > f.parity_id AND r.result = 'read' AND d.target = f.target
			AND CASE f.kind WHEN 'redemption' THEN f.subject = ANY (d.redemptions) WHEN 'balance' THEN f.subject = ANY (d.members)
				ELSE f.key = ANY (d.lines) END);
COMMENT ON VIEW handback.target_break IS 'What targets have otherwise than they were told, and were told twice: a person has to see to it';

REVOKE ALL ON FUNCTION handback.assign_target(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION handback.assign_target(text, text, text) TO handback_operator;
GRANT SELECT ON handback.target_owner, handback.target_break TO handback_operator, handback_finance, handback_nightly, handback_verify;
GRANT SELECT (target) ON handback.target_break TO handback_collector;
GRANT SELECT (target, ended_at, result) ON handback.parity_status TO handback_collector;

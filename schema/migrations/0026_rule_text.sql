-- By which rules each file was judged: its profile's text and the decision tables are kept by their hash, and its head names both.

SET LOCAL ROLE handback_owner;

-- What files are judged by, each text once: profiles as they were, and the decision tables (handback.decision_tables).
CREATE TABLE handback.rule_text (
	sha256 bytea PRIMARY KEY,
	text   bytea NOT NULL,
	CONSTRAINT hash_of_text CHECK (sha256 = pg_catalog.sha256(text))
);
COMMENT ON TABLE handback.rule_text IS 'What files were judged by: the texts of profiles and of the decision tables, by their SHA-256; append-only';
CALL handback_schema.make_append_only('handback.rule_text');

ALTER TABLE handback.file ADD COLUMN rules_sha256 bytea CHECK (length(rules_sha256) = 32);
COMMENT ON COLUMN handback.file.rules_sha256 IS 'Of the decision tables that it was decided by; rule_text has them. NULL: before they were kept';

-- The decision tables as one text: what of the schema decides, and what its words mean.
CREATE FUNCTION handback.decision_tables() RETURNS text
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	SELECT string_agg(line || E'\n', '' ORDER BY line COLLATE "C")
	FROM (
		SELECT concat_ws(E'\t', 'verdict_rule', r.state, v.name, r.age, r.late_reject, o.name, r.hold_reason) AS line
		FROM handback.verdict_rule r
		JOIN handback.verdict_name v USING (verdict)
		JOIN handback.outcome_name o USING (outcome)
		UNION ALL
		SELECT concat_ws(E'\t', 'verdict_name', verdict, name) FROM handback.verdict_name
		UNION ALL
		SELECT concat_ws(E'\t', 'outcome_name', outcome, name) FROM handback.outcome_name
		UNION ALL
		SELECT concat_ws(E'\t', 'hold_reason', reason, meaning, action_required) FROM handback.hold_reason) l
$$;
COMMENT ON FUNCTION handback.decision_tables() IS 'The rows of verdict_rule, verdict_name, outcome_name and hold_reason, a line each';

-- Keeps a profile's text, and the decision tables as they are, unless they are kept. Not in the transaction of a file: others
-- that bring the same text would wait for it.
CREATE FUNCTION handback.keep_rules(profile bytea) RETURNS void
	LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	INSERT INTO handback.rule_text (sha256, text)
	SELECT sha256(t.text), t.text
	FROM (VALUES (keep_rules.profile), (convert_to(handback.decision_tables(), 'UTF8'))) t (text)
	WHERE length(t.text) <= 1048576 AND NOT EXISTS (SELECT FROM handback.rule_text k WHERE k.sha256 = sha256(t.text))
	ON CONFLICT DO NOTHING
$$;
COMMENT ON FUNCTION handback.keep_rules(bytea) IS 'Keeps a profile''s text and the decision tables in rule_text';

-- A file names the tables that decide it, whoever writes its row.
CREATE FUNCTION handback.name_rules() RETURNS trigger
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	NEW.rules_sha256 := sha256(convert_to(handback.decision_tables(), 'UTF8'));
	RETURN NEW;
END
$$;
CREATE TRIGGER name_rules BEFORE INSERT ON handback.file FOR EACH ROW EXECUTE FUNCTION handback.name_rules();
COMMENT ON FUNCTION handback.name_rules() IS 'Trigger: rules_sha256 is that of the decision tables as they are';
REVOKE ALL ON FUNCTION handback.decision_tables(), handback.keep_rules(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION handback.keep_rules(bytea) TO handback_daemon;

GRANT SELECT ON handback.rule_text TO handback_daemon, handback_operator, handback_finance, handback_nightly, handback_verify;

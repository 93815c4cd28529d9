-- What was done with each record, by which rule, and that a file's records tie out.

-- Prior state x verdict -> outcome.  Data, not branches: docs/verdicts.md is
-- printed from it. Its rows are below.
CREATE TABLE handback.verdict_rule (
	state       text NOT NULL CHECK (state IN ('open', 'confirmed', 'reversed', 'reinstated', 'unknown')),
	verdict     smallint NOT NULL REFERENCES handback.verdict_name,
	age         text NOT NULL CHECK (age IN ('newer', 'older')),   -- against the last answer
	late_reject text NOT NULL CHECK (late_reject IN ('hold', 'reverse')),  -- the profile's word
	outcome     smallint NOT NULL REFERENCES handback.outcome_name,
	hold_reason text REFERENCES handback.hold_reason,
	PRIMARY KEY (state, verdict, age, late_reject),
	CHECK ((outcome = :OUTCOME_HELD) = (hold_reason IS NOT NULL)),
	-- whatever the table says: a second reversal is none of its choices, nor anything but a hold without a redemption
	CHECK (outcome <> :OUTCOME_REVERSED OR state IN ('open', 'confirmed')),
	CHECK (state <> 'unknown' OR outcome = :OUTCOME_HELD)
);
COMMENT ON TABLE handback.verdict_rule IS 'How a record that agrees with its redemption is decided: prior state and verdict give the outcome';
COMMENT ON COLUMN handback.verdict_rule.state IS 'Of the redemption before this record: open, confirmed, reversed, reinstated; unknown when there is none';
COMMENT ON COLUMN handback.verdict_rule.age IS 'This file against the last one that answered the redemption, by the partner''s sequence or business date';
COMMENT ON COLUMN handback.verdict_rule.late_reject IS 'What the profile says of a rejection after a confirmation';

-- One row for each record and each later decision of people about it
-- (revision 1, 2, ...).  Append-only.  Narrow on purpose: what the partner
-- wrote stands in the archived file at byte_offset; texts are kept here only
-- where the ledger does not already hold them. No foreign keys, no index that
-- is not in the order of arrival: this table is as long as everything that
-- partners ever said.
CREATE TABLE handback.outcome (
	file_id       bigint   NOT NULL,
	record_no     bigint   NOT NULL,
	revision      smallint NOT NULL DEFAULT 0,
	verdict       smallint NOT NULL CHECK (verdict BETWEEN :VERDICT_ACCEPTED AND :VERDICT_PENDING),
	outcome       smallint NOT NULL CHECK (outcome BETWEEN :OUTCOME_CONFIRMED AND :OUTCOME_CREDITED),
	byte_length   integer  NOT NULL,
	byte_offset   bigint   NOT NULL,
	redemption_id bigint,
	reversal_id   bigint,
	points        bigint,             -- as the partner stated them
	hold_reason   text,
	reference     text,               -- what the record named, where it matched nothing or was not our reference
	reasons       text,               -- the partner's codes, space separated
	detail        text,               -- both values of a mismatch, a change, a warning
	decided_at    timestamptz NOT NULL,
	event_id        bigint,             -- revision 1, 2, ...: the event (audit.event) that decided it
	leaf_hash     bytea    NOT NULL CHECK (length(leaf_hash) = 32),
	CHECK ((revision > 0) = (event_id IS NOT NULL)),
	CHECK ((outcome = :OUTCOME_HELD) = (hold_reason IS NOT NULL)),
	CHECK (outcome NOT IN (:OUTCOME_CONFIRMED, :OUTCOME_REVERSED, :OUTCOME_REINSTATED, :OUTCOME_CREDITED) OR redemption_id IS NOT NULL),
	CHECK ((outcome = :OUTCOME_REVERSED) = (reversal_id IS NOT NULL) OR outcome IN (:OUTCOME_REINSTATED, :OUTCOME_CREDITED))
);
CREATE INDEX outcome_by_file ON handback.outcome USING brin (file_id, record_no) WITH (pages_per_range = 32);
-- once: the last guard, whoever asks
CREATE UNIQUE INDEX outcome_once ON handback.outcome (redemption_id, outcome) WHERE outcome IN (:OUTCOME_CONFIRMED, :OUTCOME_REVERSED, :OUTCOME_REINSTATED);
CREATE UNIQUE INDEX outcome_credited_once ON handback.outcome (redemption_id) WHERE outcome = ANY (ARRAY[:OUTCOME_CREDITED]);
CREATE INDEX outcome_other ON handback.outcome (redemption_id) WHERE outcome NOT IN (:OUTCOME_CONFIRMED, :OUTCOME_REVERSED, :OUTCOME_REINSTATED);
-- the few that were decided after their file: a report and a proof ask for all of them, and shall not look for them among all there are
CREATE INDEX outcome_rematched ON handback.outcome (event_id) WHERE revision > 0;

COMMENT ON TABLE handback.outcome IS 'What was done with each record; append-only. In words: handback.records_in_words';
COMMENT ON COLUMN handback.outcome.record_no IS 'Normalised record, from 1, in the file''s order. 0: no record, what is absent from the file (event deemed_accepted)';
COMMENT ON COLUMN handback.outcome.revision IS '0: decided with its file. 1, 2, ...: decided later, by people or by a rematch';
COMMENT ON COLUMN handback.outcome.verdict IS 'What the partner said: handback.verdict_name';
COMMENT ON COLUMN handback.outcome.outcome IS 'What we did: handback.outcome_name';
COMMENT ON COLUMN handback.outcome.byte_offset IS 'Where the record begins in the (unpacked) archived file';
COMMENT ON COLUMN handback.outcome.redemption_id IS 'The redemption that it is about: ledger.redemption';
COMMENT ON COLUMN handback.outcome.reversal_id IS 'The reversal that was posted for it: ledger.reversal';
COMMENT ON COLUMN handback.outcome.points IS 'As the partner stated them';
COMMENT ON COLUMN handback.outcome.reference IS 'What the record named, where it matched nothing or was not our external_reference';
COMMENT ON COLUMN handback.outcome.reasons IS 'The partner''s reason codes, space separated';
COMMENT ON COLUMN handback.outcome.detail IS 'Both values of a mismatch, a change of account, a warning';
COMMENT ON COLUMN handback.outcome.event_id IS 'Revision 1, 2, ...: the event that decided it, audit.event';
COMMENT ON COLUMN handback.outcome.leaf_hash IS 'Its leaf in the file''s Merkle tree: audit.head';

-- Per file and outcome: what the records in must sum to (I3).
CREATE TABLE handback.tie_out (
	file_id bigint   NOT NULL REFERENCES handback.file,
	outcome smallint NOT NULL REFERENCES handback.outcome_name,
	records bigint   NOT NULL CHECK (records > 0),
	points  numeric  NOT NULL,        -- of the debits, or as stated where there is none
	PRIMARY KEY (file_id, outcome)
);
COMMENT ON TABLE handback.tie_out IS 'Per file and outcome, records and points; the records of a posted file sum to file.records';
COMMENT ON COLUMN handback.tie_out.points IS 'Of the debits; as the partner stated them where there is no debit';

-- Records in = sum of the outcomes (I3), by the time of COMMIT.
CREATE FUNCTION handback.check_tie_out() RETURNS trigger
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	decided numeric;
BEGIN
	SELECT coalesce(sum(records), 0) INTO decided FROM handback.tie_out WHERE file_id = NEW.file_id;
	IF decided <> (CASE NEW.state WHEN 'posted' THEN NEW.records ELSE 0 END) THEN
		RAISE EXCEPTION 'file % (%) does not tie out: % records, % with an outcome',
			NEW.file_id, NEW.state, NEW.records, decided
			USING ERRCODE = 'integrity_constraint_violation';
	END IF;
	RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER check_tie_out AFTER INSERT ON handback.file
	DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION handback.check_tie_out();

CALL handback_schema.make_append_only('handback.outcome');
CALL handback_schema.make_append_only('handback.tie_out');

-- A redemption's state, what the partner says of it now, whether the file is
-- newer or older than the partner's last answer that counted (one that
-- confirmed, reversed, or found that done already), and what the profile does
-- with a rejection after a confirmation; "any" stands for each of them,
-- "accepted" for the three that begin so.
--
-- An older file moves nothing: what agrees goes into the history, and what
-- contradicts waits for people, since nobody but the partner knows which of the
-- two it means. What was reversed is never reversed again, and reinstated by
-- people alone.
WITH rule (state, said, age, late_reject, outcome, hold_reason) AS (VALUES
	('open',       'accepted', 'newer', 'any',     'confirmed',    NULL),
	('open',       'rejected', 'newer', 'any',     'reversed',     NULL),
	('open',       'pending',  'newer', 'any',     'informational',        NULL),
	('open',       'accepted', 'older', 'any',     'held',         'contradiction'),
	('open',       'rejected', 'older', 'any',     'held',         'contradiction'),
	('open',       'pending',  'older', 'any',     'informational',        NULL),

	('confirmed',  'accepted', 'newer', 'any',     'already_applied', NULL),
	('confirmed',  'rejected', 'newer', 'hold',    'held',         'contradiction'),
	('confirmed',  'rejected', 'newer', 'reverse', 'reversed',     NULL),
	('confirmed',  'pending',  'newer', 'any',     'informational',        NULL),
	('confirmed',  'accepted', 'older', 'any',     'informational',        NULL),
	('confirmed',  'rejected', 'older', 'any',     'held',         'contradiction'),
	('confirmed',  'pending',  'older', 'any',     'informational',        NULL),

	('reversed',   'accepted', 'newer', 'any',     'held',         'contradiction'),
	('reversed',   'rejected', 'newer', 'any',     'already_applied', NULL),
	('reversed',   'pending',  'newer', 'any',     'informational',        NULL),
	('reversed',   'accepted', 'older', 'any',     'held',         'contradiction'),
	('reversed',   'rejected', 'older', 'any',     'informational',        NULL),
	('reversed',   'pending',  'older', 'any',     'informational',        NULL),

	('reinstated', 'accepted', 'newer', 'any',     'already_applied', NULL),
	('reinstated', 'rejected', 'newer', 'any',     'held',         'contradiction'),
	('reinstated', 'pending',  'newer', 'any',     'informational',        NULL),
	('reinstated', 'accepted', 'older', 'any',     'informational',        NULL),
	('reinstated', 'rejected', 'older', 'any',     'held',         'contradiction'),
	('reinstated', 'pending',  'older', 'any',     'informational',        NULL),

	('unknown',    'any',      'any',   'any',     'held',         'unknown_reference')
)
INSERT INTO handback.verdict_rule (state, verdict, age, late_reject, outcome, hold_reason)
SELECT r.state, v.verdict, a.age, l.late_reject, o.outcome, r.hold_reason
FROM rule r
JOIN handback.verdict_name v ON r.said = 'any' OR v.name = r.said OR (r.said = 'accepted' AND v.name LIKE 'accepted\_%')
JOIN (VALUES ('newer'), ('older')) AS a (age) ON r.age IN ('any', a.age)
JOIN (VALUES ('hold'), ('reverse')) AS l (late_reject) ON r.late_reject IN ('any', l.late_reject)
JOIN handback.outcome_name o ON o.name = r.outcome;

CREATE VIEW handback.files AS
	SELECT f.file_id, p.code AS partner, f.source, f.name_shown AS name, f.state::text AS state, f.hold_reason,
		f.records, t.confirmed, t.reversed, t.already_applied, t.duplicate_record, t.informational, t.held, t.points_reversed,
		f.sequence, f.business_date, f.duplicate_of, f.release_of, f.seen_at, f.decided_at, f.archived_as,
		encode(f.sha256, 'hex') AS sha256
	FROM handback.file f
	JOIN handback.partner p ON p.partner_id = f.partner_id
	CROSS JOIN LATERAL (
		SELECT coalesce(sum(records) FILTER (WHERE outcome = :OUTCOME_CONFIRMED), 0) AS confirmed,
			coalesce(sum(records) FILTER (WHERE outcome = :OUTCOME_REVERSED), 0) AS reversed,
			coalesce(sum(records) FILTER (WHERE outcome = :OUTCOME_ALREADY_APPLIED), 0) AS already_applied,
			coalesce(sum(records) FILTER (WHERE outcome = :OUTCOME_DUPLICATE_RECORD), 0) AS duplicate_record,
			coalesce(sum(records) FILTER (WHERE outcome = :OUTCOME_INFORMATIONAL), 0) AS informational,
			coalesce(sum(records) FILTER (WHERE outcome = :OUTCOME_HELD), 0) AS held,
			coalesce(sum(points) FILTER (WHERE outcome = :OUTCOME_REVERSED), 0) AS points_reversed
		FROM handback.tie_out WHERE file_id = f.file_id) t;
COMMENT ON VIEW handback.files IS 'Every file with what became of its records';

CREATE VIEW handback.records_in_words AS
	SELECT o.file_id, p.code AS partner, f.name_shown AS file, o.record_no, o.revision, v.name AS verdict,
		n.name AS outcome, o.hold_reason, o.reasons, o.detail, o.redemption_id,
		coalesce(d.external_reference::text, o.reference) AS reference, d.member, d.points AS points_redeemed,
		o.points AS points_stated, o.reversal_id, o.byte_offset, o.byte_length, o.decided_at
	FROM handback.outcome o
	JOIN handback.verdict_name v ON v.verdict = o.verdict
	JOIN handback.outcome_name n ON n.outcome = o.outcome
	LEFT JOIN handback.file f ON f.file_id = o.file_id
	LEFT JOIN handback.partner p ON p.partner_id = f.partner_id
	LEFT JOIN ledger.redemption d ON d.redemption_id = o.redemption_id;
COMMENT ON VIEW handback.records_in_words IS 'Every outcome in words; name a file_id or a redemption_id, since it is long';

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

-- The leaf of an outcome row, with the debit and the reversal as the ledger shows them now: the same line as
-- lib/proof/leaf.c writes (docs/architecture.md, "The proof").
CREATE FUNCTION handback.leaf(o handback.outcome) RETURNS text
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	-- no function is called for what has nothing to escape: this is made for each of a hundred thousand records
	SELECT array_to_string(ARRAY['handback-leaf-1',
		encode(f.sha256, 'hex'), o.record_no::text, o.revision::text, o.byte_offset::text, o.byte_length::text, v.name, n.name,
		CASE WHEN o.hold_reason ~ '[\\\t\n\r]' THEN audit.escaped(o.hold_reason) ELSE o.hold_reason END,
		o.points::text,
		CASE WHEN o.reference ~ '[\\\t\n\r]' THEN audit.escaped(o.reference) ELSE o.reference END,
		CASE WHEN o.reasons ~ '[\\\t\n\r]' THEN audit.escaped(o.reasons) ELSE o.reasons END,
		CASE WHEN o.detail ~ '[\\\t\n\r]' THEN audit.escaped(o.detail) ELSE o.detail END,
		round(extract(epoch FROM o.decided_at) * 1000000)::bigint::text,
		d.redemption_id::text, d.external_reference::text, d.programme_id::text, d.member_id::text, d.points::text, d.amount::text,
		CASE WHEN d.currency ~ '[\\\t\n\r]' THEN audit.escaped(d.currency) ELSE d.currency END,
		CASE WHEN d.merchant ~ '[\\\t\n\r]' THEN audit.escaped(d.merchant) ELSE d.merchant END,
		d.transaction_type::text,
		CASE WHEN d.partner ~ '[\\\t\n\r]' THEN audit.escaped(d.partner) ELSE d.partner END,
		round(extract(epoch FROM d.redeemed_at) * 1000000)::bigint::text,
		r.reversal_id::text, r.external_reference::text, r.programme_id::text, r.member_id::text, r.points::text,
		r.redemption_id::text, round(extract(epoch FROM r.posted_at) * 1000000)::bigint::text,
		CASE WHEN r.posted_by ~ '[\\\t\n\r]' THEN audit.escaped(r.posted_by) ELSE r.posted_by END], E'\t', '')
	FROM handback.file f
	JOIN handback.verdict_name v ON v.verdict = o.verdict
	JOIN handback.outcome_name n ON n.outcome = o.outcome
	LEFT JOIN ledger.redemption d ON d.redemption_id = o.redemption_id
	LEFT JOIN ledger.reversal r ON r.reversal_id = o.reversal_id
	WHERE f.file_id = o.file_id
$$;
COMMENT ON FUNCTION handback.leaf(handback.outcome) IS 'The line whose hash with a zero byte before it is leaf_hash, made from the tables now';

CREATE FUNCTION handback.leaf_hash(o handback.outcome) RETURNS bytea
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	-- the plan of a leaf is kept here, where one statement asks for many
	RETURN sha256('\x00'::bytea || convert_to(handback.leaf(o), 'UTF8'));
END
$$;
COMMENT ON FUNCTION handback.leaf_hash(handback.outcome) IS 'What leaf_hash has to be, by the tables now';

-- The answer of a redemption that counts now: open, confirmed, reversed or reinstated. What was credited by correction is
-- reversed: the member has the points.
CREATE FUNCTION handback.redemption_state(redemption bigint) RETURNS text
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE
		WHEN r.reinstatement_id IS NOT NULL AND r.credit_id IS NULL THEN 'reinstated'
		WHEN r.reversal_id IS NOT NULL THEN 'reversed'
		WHEN EXISTS (SELECT FROM handback.outcome o WHERE o.redemption_id = redemption AND o.outcome = :OUTCOME_CONFIRMED) THEN 'confirmed'
		ELSE 'open'
	END
	FROM (SELECT) one
	LEFT JOIN ledger.reversal r ON r.redemption_id = redemption
$$;
COMMENT ON FUNCTION handback.redemption_state(bigint) IS 'open, confirmed, reversed or reinstated';

GRANT SELECT ON handback.verdict_rule, handback.outcome, handback.tie_out TO handback_daemon, handback_operator,
	handback_finance;
GRANT INSERT ON handback.outcome, handback.tie_out TO handback_daemon;
GRANT INSERT ON handback.outcome TO handback_nightly; -- what is matched again
GRANT SELECT ON handback.files, handback.records_in_words TO handback_daemon, handback_operator, handback_finance;
GRANT EXECUTE ON FUNCTION handback.redemption_state(bigint), handback.leaf(handback.outcome),
	handback.leaf_hash(handback.outcome) TO handback_daemon, handback_operator, handback_finance,
	handback_nightly, handback_verify;

-- Both values of a text that does not agree; and, where it cannot be seen, what they differ in: a blank of another kind, a
-- letter with its accent as two characters, another script's letter.
CREATE FUNCTION handback.unlike(what text, stated text, redeemed text) RETURNS text
	LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	WITH place AS (
		SELECT min(n) AS n FROM generate_series(1, greatest(length(stated), length(redeemed))) n
		WHERE substr(stated, n, 1) <> substr(redeemed, n, 1)
	), side AS (
		-- the character there, and accents that follow it
		SELECT t.value IS NOT DISTINCT FROM stated AS mine, substr(t.value, p.n, 1) AS one,
			coalesce((SELECT string_agg('U+' || lpad(upper(to_hex(ascii(substr(t.value, m, 1)))), 4, '0'), ' ' ORDER BY m)
				FROM generate_series(p.n, least(p.n + 3, length(t.value))) m
				WHERE NOT EXISTS (SELECT FROM generate_series(p.n + 1, m) k
					WHERE ascii(substr(t.value, k, 1)) NOT BETWEEN 768 AND 879)), 'its end') AS points
		FROM place p, (VALUES (stated), (redeemed)) t (value)
	)
	SELECT format('%s: stated %s, redeemed %s', what, stated, redeemed)
		|| CASE WHEN bool_or(s.one <> '' AND ascii(s.one) NOT BETWEEN 33 AND 126) THEN
			format(' (at character %s: stated %s, redeemed %s)', (SELECT n FROM place), max(s.points) FILTER (WHERE s.mine),
				max(s.points) FILTER (WHERE NOT s.mine)) ELSE '' END
	FROM side s
$$;
COMMENT ON FUNCTION handback.unlike(text, text, text) IS 'Both values of a text that does not agree, and what cannot be seen of their difference';
REVOKE ALL ON FUNCTION handback.unlike(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION handback.unlike(text, text, text) TO handback_daemon, handback_nightly, handback_operator, handback_finance;

-- What a ledger's first load or a large file adds is known to the planner, and to the index by file, before the next file is decided:
-- autovacuum comes by a minute later.  Twice as large, so that it is done a few times in a table's life.
CREATE FUNCTION handback.refresh_statistics() RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms' AS $$
DECLARE
	grown regclass;
BEGIN
	PERFORM brin_summarize_new_values('handback.outcome_by_file');
	FOR grown IN
		SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname IN ('ledger', 'handback', 'audit') AND c.relkind = 'r' AND pg_has_role(c.relowner, 'USAGE')
			AND pg_relation_size(c.oid) > 8192 * greatest(64, 2 * c.relpages::bigint)
		ORDER BY 1
	LOOP
		EXECUTE format('ANALYZE %s', grown);
	END LOOP;
EXCEPTION WHEN lock_not_available THEN
	NULL; -- a vacuum or another worker is at it, and it is only a matter of speed
END
$$;
COMMENT ON FUNCTION handback.refresh_statistics() IS
	'Analyzes each table that is twice as large as when it was last looked at, and takes new outcomes into the index by file';
REVOKE ALL ON FUNCTION handback.refresh_statistics() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION handback.refresh_statistics() TO handback_daemon;

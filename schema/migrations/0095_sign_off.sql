-- Reports by schedule are mailed to those whom the schedule names, and it is an event of the audit trail who added and ended it; a month's
-- end is prepared, reviewed and signed by three people.

SET LOCAL ROLE handback_owner;

ALTER TABLE audit.event DROP CONSTRAINT event_what_check;
ALTER TABLE audit.event ADD CHECK (what IN ('assigned', 'commented', 'proposed', 'approved', 'rejected', 'guarded', 'rematched', 'rematch_held',
		'unknown_reference_expired', 'deemed_accepted', 'purged', 'not_a_duplicate', 'overtaken', 'withdrawn', 'decided',
		'credential_added', 'credential_rotated', 'credential_revoked', 'credential_bounded', 'policy_set', 'route_added', 'route_ended', 'group_answered', 'file_received',
		'target_added', 'target_changed', 'target_paused', 'target_resumed', 'target_stopped', 'target_replayed',
		'catalogue_proposed', 'catalogue_approved', 'catalogue_rejected', 'catalogue_held', 'catalogue_hold_closed', 'token_rotated', 'token_misused',
		'points_proposed', 'points_approved', 'points_rejected', 'points_linked', 'points_unlinked', 'points_refused', 'points_settled',
		'batch_opened', 'batch_closed', 'difference_accepted', 'void_opened',
		'month_end_prepared', 'month_end_reviewed', 'month_end_signed', 'schedule_added', 'schedule_ended'));

ALTER TABLE handback.report_schedule ADD mail text CHECK (mail ~ '^[A-Za-z0-9_][A-Za-z0-9._%+-]{0,63}@[A-Za-z0-9][A-Za-z0-9.-]{0,188}(,[A-Za-z0-9_][A-Za-z0-9._%+-]{0,63}@[A-Za-z0-9][A-Za-z0-9.-]{0,188}){0,19}$');
COMMENT ON COLUMN handback.report_schedule.mail IS 'Addresses, with commas, that each report is mailed to as an attachment';

CREATE OR REPLACE VIEW handback.report_schedules AS
	SELECT s.schedule_id, s.name, s.every, s.begins_on, s.since, s.until, s.format, s.programme, s.categories, s.columns,
		(SELECT count(*) FROM handback.scheduled_report r WHERE r.schedule_id = s.schedule_id) AS reports,
		(SELECT max(r.last_day) FROM handback.scheduled_report r WHERE r.schedule_id = s.schedule_id) AS up_to,
		s.made_at, s.made_by, e.ended_at, e.ended_by, s.mail
	FROM handback.report_schedule s LEFT JOIN handback.report_schedule_end e USING (schedule_id);

DROP FUNCTION handback.add_report_schedule(text, text, integer, date, date, text, text, text, text, integer, text, text, bigint, bigint, text, text);
CREATE FUNCTION handback.add_report_schedule(name text, every text, begins_on integer, since date, until date, programme text, categories text,
		partner text, member text, type integer, merchant text, state text, fewest bigint, most bigint, columns text, format text, mail text)
	RETURNS integer
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	id integer;
BEGIN
	IF programme IS NOT NULL AND NOT EXISTS (SELECT FROM ledger.programme p WHERE p.code = programme) THEN
		RAISE EXCEPTION 'there is no programme %', programme USING ERRCODE = 'no_data_found';
	END IF;
	IF EXISTS (SELECT FROM handback.report_schedule s WHERE s.name = name) THEN
		RAISE EXCEPTION 'there is a schedule % already: its name is that of its reports', name USING ERRCODE = 'invalid_parameter_value';
	END IF;
	INSERT INTO handback.report_schedule AS s (name, every, begins_on, since, until, programme, categories, partner, member, type, merchant, state,
		fewest, most, columns, format, mail)
	VALUES (name, every, coalesce(begins_on, 1), coalesce(since, (transaction_timestamp() AT TIME ZONE 'UTC')::date), until, programme, categories,
		partner, member, type, merchant, state, fewest, most, columns, format, mail)
	RETURNING s.schedule_id INTO id;
	PERFORM audit.append_event('schedule_added', 'schedule ' || name, NULL, 'each ' || every || coalesce(', to ' || mail, ''));
	RETURN id;
END
$$;
COMMENT ON FUNCTION handback.add_report_schedule(text, text, integer, date, date, text, text, text, text, integer, text, text, bigint, bigint, text,
	text, text) IS 'Has the nightly run write a transactional report for each period from now on; gives the schedule''s number';
REVOKE ALL ON FUNCTION handback.add_report_schedule(text, text, integer, date, date, text, text, text, text, integer, text, text, bigint, bigint, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION handback.add_report_schedule(text, text, integer, date, date, text, text, text, text, integer, text, text, bigint, bigint, text, text, text) TO handback_operator;

CREATE OR REPLACE FUNCTION handback.end_report_schedule(name text) RETURNS integer
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	id integer;
BEGIN
	INSERT INTO handback.report_schedule_end AS e (schedule_id)
	SELECT s.schedule_id FROM handback.report_schedule s WHERE s.name = name
	ON CONFLICT DO NOTHING RETURNING e.schedule_id INTO id;
	IF id IS NULL THEN
		RAISE EXCEPTION 'there is no schedule % that writes reports', name USING ERRCODE = 'no_data_found';
	END IF;
	PERFORM audit.append_event('schedule_ended', 'schedule ' || name);
	RETURN id;
END
$$;

-- A month's end is signed by three people: one prepares its figures, another reviews them, a third signs. The figures are kept as they were then,
-- and each step seals them with its event in the chain: what is another figure later is seen.

CREATE TABLE handback.month_end (
	month_end_id integer PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY,
	month        date NOT NULL CHECK (extract(day FROM month) = 1),
	figures      text NOT NULL CHECK (octet_length(figures) BETWEEN 1 AND 1048576)
);
CREATE INDEX month_end_month ON handback.month_end (month);
COMMENT ON TABLE handback.month_end IS 'Figures of a month that were prepared to be signed; the newest of a month counts; append-only';
COMMENT ON COLUMN handback.month_end.figures IS 'The roll-forward of open items as CSV';

CREATE TABLE handback.sign_off (
	month_end_id integer NOT NULL REFERENCES handback.month_end,
	step         text NOT NULL CHECK (step IN ('prepared', 'reviewed', 'signed')),
	person       text NOT NULL DEFAULT session_user,
	at           timestamptz NOT NULL DEFAULT transaction_timestamp(),
	event_id     bigint NOT NULL REFERENCES audit.event,
	PRIMARY KEY (month_end_id, step),
	UNIQUE (month_end_id, person)
);
COMMENT ON TABLE handback.sign_off IS 'Who prepared, reviewed and signed a month''s figures: nobody two of them; append-only';

CALL handback_schema.make_append_only('handback.month_end');
CALL handback_schema.make_append_only('handback.sign_off');

CREATE VIEW handback.sign_offs AS
	SELECT m.month_end_id, m.month, m.figures, s.step, s.person, s.at, h.head_no, encode(h.head_hash, 'hex') AS head_hash,
		NOT EXISTS (SELECT FROM handback.month_end n WHERE n.month = m.month AND n.month_end_id > m.month_end_id) AS counts
	FROM handback.month_end m
	JOIN handback.sign_off s ON s.month_end_id = m.month_end_id
	JOIN audit.event e ON e.event_id = s.event_id
	JOIN audit.head h ON h.head_no = e.head_no;
COMMENT ON VIEW handback.sign_offs IS 'Each step with the head of the audit trail that seals it; counts: no newer figures of that month were prepared';

-- figures: as the person sees them now. Whoever reviews and signs has to see those that were prepared.
CREATE FUNCTION handback.sign_month(month date, step text, figures text, why text) RETURNS integer
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	m handback.month_end;
	before constant text := CASE step WHEN 'reviewed' THEN 'prepared' WHEN 'signed' THEN 'reviewed' END;
	event bigint;
BEGIN
	IF (month + interval '1 month')::date > (transaction_timestamp() AT TIME ZONE 'UTC')::date THEN
		RAISE EXCEPTION 'the month of % is not over', month USING ERRCODE = 'invalid_parameter_value';
	END IF;
	-- the chain is locked by the event: one after the other
	event := audit.append_event('month_end_' || step, 'month end ' || to_char(month, 'YYYY-MM'), why,
		'roll-forward ' || encode(sha256(convert_to(figures, 'UTF8')), 'hex'));
	IF step = 'prepared' THEN
		INSERT INTO handback.month_end (month, figures) VALUES (month, figures) RETURNING * INTO m;
	ELSE
		SELECT * INTO m FROM handback.month_end e WHERE e.month = month ORDER BY e.month_end_id DESC LIMIT 1;
		IF NOT EXISTS (SELECT FROM handback.sign_off s WHERE s.month_end_id = m.month_end_id AND s.step = before) THEN
			RAISE EXCEPTION 'nobody has % it yet', before USING ERRCODE = 'invalid_parameter_value';
		END IF;
		IF EXISTS (SELECT FROM handback.sign_off s WHERE s.month_end_id = m.month_end_id AND s.step = step) THEN
			RAISE EXCEPTION 'it is % already', step USING ERRCODE = 'invalid_parameter_value';
		END IF;
		IF EXISTS (SELECT FROM handback.sign_off s WHERE s.month_end_id = m.month_end_id AND s.person = session_user) THEN
			RAISE EXCEPTION 'another person has to do this: % had a part in it already', session_user
				USING ERRCODE = 'insufficient_privilege';
		END IF;
		IF m.figures <> figures THEN
			RAISE EXCEPTION 'the figures are others than those that were prepared: look at them, and prepare them again'
				USING ERRCODE = 'invalid_parameter_value';
		END IF;
	END IF;
	INSERT INTO handback.sign_off (month_end_id, step, event_id) VALUES (m.month_end_id, step, event);
	RETURN m.month_end_id;
END
$$;
COMMENT ON FUNCTION handback.sign_month(date, text, text, text) IS
	'Prepares, reviews or signs the figures of a month as the session''s person; gives their number';

REVOKE ALL ON FUNCTION handback.sign_month(date, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION handback.sign_month(date, text, text, text) TO handback_finance;
GRANT SELECT ON handback.month_end, handback.sign_off TO handback_nightly, handback_verify;
GRANT SELECT ON handback.sign_offs TO handback_finance, handback_verify, handback_nightly;

-- A schedule says whose transactions it reports: of which partner, of which merchant. Who reads transactions may know whether there is
-- such a programme or member at all: nothing is found of one that was mistyped.

SET LOCAL ROLE handback_owner;

CREATE OR REPLACE VIEW handback.report_schedules AS
	SELECT s.schedule_id, s.name, s.every, s.begins_on, s.since, s.until, s.format, s.programme, s.categories, s.columns,
		(SELECT count(*) FROM handback.scheduled_report r WHERE r.schedule_id = s.schedule_id) AS reports,
		(SELECT max(r.last_day) FROM handback.scheduled_report r WHERE r.schedule_id = s.schedule_id) AS up_to,
		s.made_at, s.made_by, e.ended_at, e.ended_by, s.mail, s.partner, s.merchant
	FROM handback.report_schedule s LEFT JOIN handback.report_schedule_end e USING (schedule_id);

GRANT SELECT (code) ON ledger.programme TO handback_finance, handback_verify;
GRANT SELECT (relation_reference) ON ledger.member TO handback_finance, handback_verify;

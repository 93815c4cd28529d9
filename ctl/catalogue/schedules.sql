-- name: schedule_add
-- $1: name, $2: every, $3: begins on, $4: since, $5: until, $6: programme, $7: categories, $8: partner, $9: member, $10: type, $11: merchant,
-- $12: state, $13: points from, $14: to, $15: columns, $16: format, $17: mail.
SELECT handback.add_report_schedule($1::text, $2::text, $3::integer, $4::date, $5::date, $6::text, $7::text, $8::text, $9::text, $10::integer,
	$11::text, $12::text, $13::bigint, $14::bigint, $15::text, $16::text, $17::text) AS number

-- name: schedule_end
SELECT handback.end_report_schedule($1::text) AS number

-- name: schedules
SELECT s.name AS schedule, s.every, s.begins_on, s.since, s.until, s.format, s.programme, s.partner, s.merchant, s.categories, s.reports, s.up_to, s.mail, s.made_by, s.ended_at,
	s.ended_by
FROM handback.report_schedules s
ORDER BY s.ended_at IS NOT NULL, s.name

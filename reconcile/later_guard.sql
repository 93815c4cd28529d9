-- What was found later stays held, by the guard: one act that names the records, with what would have become of each.
-- $1 file, $2 what the guard says. Takes pg_temp.decided. verify_people.sql makes the same text of the rows.
WITH found AS MATERIALIZED (
	SELECT h.hold_id, d.redemption_id, d.outcome, n.name
	FROM pg_temp.decided d
	JOIN handback.hold h ON h.file_id = $1::bigint AND h.record_no = d.record_no
	JOIN handback.outcome_name n ON n.outcome = d.outcome
), act AS MATERIALIZED (
	SELECT audit.append_act('guarded', 'file ' || $1::bigint, $2::text,
		string_agg(format('hold %s redemption %s %s', hold_id, redemption_id, name), ', ' ORDER BY hold_id)) AS act_id
	FROM found
)
INSERT INTO handback.hold_guarded (hold_id, redemption_id, outcome, act_id)
SELECT hold_id, redemption_id, outcome, act_id FROM found, act

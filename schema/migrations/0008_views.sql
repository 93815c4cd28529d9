-- The tables in words, for people: psql, spreadsheets, a report tool.

SET LOCAL ROLE handback_owner;

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

CREATE VIEW handback.open_holds AS
	SELECT h.hold_id, p.code AS partner, h.file_id, f.name_shown AS file, h.record_no, h.reason, r.meaning, r.action_required,
		h.redemption_id, h.points, h.opened_at
	FROM handback.hold h
	JOIN handback.file f ON f.file_id = h.file_id
	JOIN handback.partner p ON p.partner_id = f.partner_id
	JOIN handback.hold_reason r ON r.reason = h.reason
	WHERE NOT EXISTS (SELECT FROM handback.hold_end e WHERE e.hold_id = h.hold_id);
COMMENT ON VIEW handback.open_holds IS 'Open holds: why, and the action required';

GRANT SELECT ON handback.files, handback.records_in_words, handback.open_holds
	TO handback_daemon, handback_operator, handback_finance;

-- The programs that are not the daemon, a role each: what the nightly run does and no more, what the proof needs to be
-- read, what metrics count. What the nightly run alone writes is no longer the daemon's to write.

SET LOCAL ROLE handback_owner;

GRANT USAGE ON SCHEMA handback_schema, handback TO handback_nightly, handback_verify, handback_collector;
GRANT USAGE ON SCHEMA ledger, audit TO handback_nightly, handback_verify;
GRANT SELECT ON handback_schema.migration TO handback_nightly, handback_verify, handback_collector;

-- the nightly run
GRANT SELECT ON ALL TABLES IN SCHEMA handback, audit TO handback_nightly;
GRANT SELECT ON ledger.redemption, ledger.reversal TO handback_nightly;
GRANT INSERT ON handback.source_poll, handback.expected_delivery, handback.expected_delivery_file, handback.expected_delivery_missing, handback.term, handback.outcome,
	handback.hold_guarded, handback.hold_found, handback.purge TO handback_nightly;
GRANT INSERT (hold_id, how) ON handback.hold_end TO handback_nightly;
GRANT USAGE ON SEQUENCE handback.source_poll_poll_id_seq, handback.expected_delivery_expected_delivery_id_seq, handback.term_term_id_seq TO handback_nightly;
GRANT EXECUTE ON FUNCTION
	handback.make_expected_deliveries(text, text, text, integer, integer, integer, integer, timestamptz, text, boolean, date[]),
	handback.expected_delivery_of(text, timestamptz, text), handback.assign_deliveries(text),
	handback.parts_there(integer, text, text), handback.last_number(integer, text),
	audit.append_service_event(text, text, text, text, bigint, bytea), ledger.post_reversals(bigint[]) TO handback_nightly;
REVOKE INSERT ON handback.source_poll, handback.expected_delivery, handback.expected_delivery_missing, handback.term, handback.hold_guarded, handback.purge
	FROM handback_daemon;
REVOKE USAGE ON SEQUENCE handback.source_poll_poll_id_seq, handback.expected_delivery_expected_delivery_id_seq, handback.term_term_id_seq FROM handback_daemon;
REVOKE EXECUTE ON FUNCTION
	handback.make_expected_deliveries(text, text, text, integer, integer, integer, integer, timestamptz, text, boolean, date[]) FROM handback_daemon;

-- the proof, and who else of the programs reads
GRANT SELECT ON ALL TABLES IN SCHEMA handback, audit TO handback_verify;
GRANT SELECT ON ledger.redemption, ledger.reversal, ledger.entry, ledger.balance TO handback_verify;
GRANT EXECUTE ON FUNCTION handback.due_at(date, integer, text), handback.matches(text, text),
	handback.business_days_after(timestamptz, integer, text, date[]), handback.answers_due_before(integer, text, timestamptz, date[]),
	handback.redemption_state(bigint), handback.file_counts(handback.file), handback.waived_checks(bigint), handback.purged_at(bigint),
	handback.leaf(handback.outcome), handback.leaf_hash(handback.outcome), audit.merkle_root(bytea[]),
	audit.escaped(text), audit.microseconds(timestamptz), handback.term_text(handback.term), handback.listing_files(handback.term),
	handback.covering_file(handback.term, date, timestamptz), handback.unanswered_redemptions(handback.term, timestamptz)
	TO handback_nightly, handback_verify;

-- metrics
GRANT SELECT ON handback.partner, handback.file, handback.hold, handback.hold_guarded, handback.hold_now, handback.hold_end,
	handback.expected_files TO handback_collector;

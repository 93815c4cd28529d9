-- The words behind small integers (lib/base/codes.h holds the same lists), and the reasons for which something is held.

CREATE SCHEMA handback;
COMMENT ON SCHEMA handback IS 'What partners delivered, what they said of each redemption, and what was done with it';

CREATE TABLE handback.verdict_name (verdict smallint PRIMARY KEY, name text NOT NULL UNIQUE);
INSERT INTO handback.verdict_name VALUES
	(:VERDICT_ACCEPTED, 'accepted'), (:VERDICT_ACCEPTED_WITH_CHANGE, 'accepted_with_change'),
	(:VERDICT_ACCEPTED_WITH_WARNING, 'accepted_with_warning'), (:VERDICT_REJECTED, 'rejected'), (:VERDICT_PENDING, 'pending');
COMMENT ON TABLE handback.verdict_name IS 'What a partner can say of a record';

CREATE TABLE handback.outcome_name (outcome smallint PRIMARY KEY, name text NOT NULL UNIQUE);
INSERT INTO handback.outcome_name VALUES
	(:OUTCOME_CONFIRMED, 'confirmed'), (:OUTCOME_REVERSED, 'reversed'), (:OUTCOME_ALREADY_APPLIED, 'already_applied'),
	(:OUTCOME_DUPLICATE_RECORD, 'duplicate_record'), (:OUTCOME_INFORMATIONAL, 'informational'),
	(:OUTCOME_HELD, 'held'), (:OUTCOME_REINSTATED, 'reinstated'), (:OUTCOME_CLOSED, 'closed'),
	(:OUTCOME_CREDITED, 'credited');
COMMENT ON TABLE handback.outcome_name IS 'What can be done with a record';

CREATE TABLE handback.hold_reason (
	reason  text PRIMARY KEY,
	meaning text NOT NULL,
	action_required   text NOT NULL
);
COMMENT ON TABLE handback.hold_reason IS 'Why something is on hold';
COMMENT ON COLUMN handback.hold_reason.meaning IS 'What was found, in a sentence';
COMMENT ON COLUMN handback.hold_reason.action_required IS 'What a person is asked to do about it';

GRANT USAGE ON SCHEMA handback TO handback_daemon, handback_operator, handback_finance, handback_nightly, handback_verify, handback_collector;

INSERT INTO handback.hold_reason (reason, meaning, action_required) VALUES
	-- a record
	('unknown_reference', 'no redemption of this partner and programme has the reference',
		'none while it is rematched, for the profile''s unknown_days; then it is closed: ask the partner to send it again'),
	('ambiguous', 'more than one redemption matches the record',
		'decide which one is meant, or ask the partner to send our reference'),
	('conflicting_duplicate', 'records of the file conflict about one redemption',
		'ask the partner which record is right'),
	('programme_mismatch', 'the record names another programme than the redemption', 'compare both; ask the partner'),
	('member_mismatch', 'the record names another member than the redemption', 'compare both; ask the partner'),
	('points_mismatch', 'the record states other points than the redemption', 'compare both; ask the partner'),
	('currency_mismatch', 'the record states another currency than the redemption', 'compare both; ask the partner'),
	('amount_mismatch', 'the record states another amount than the redemption', 'compare both; ask the partner'),
	('merchant_mismatch', 'the record names another merchant than the redemption', 'compare both; ask the partner'),
	('transaction_type_mismatch', 'the record states another transaction type than the redemption',
		'compare both; ask the partner'),
	('contradiction', 'the partner answered the opposite before',
		'ask the partner which answer is right; confirm, reverse, reinstate, or credit what was reinstated'),
	('unknown_reason', 'the profile does not know one of the reason codes',
		'find out what the code means, add it to the profile, and decide the record'),
	('reason_holds', 'the profile holds records with this reason code', 'decide the record'),
	('reason_retry', 'the partner could not handle the request and may be asked again',
		'send the request again, or reverse the redemption'),
	('member_status', 'the rejection is of a member whose status the profile does not credit points to',
		'see what the programme does with points of such a member; reverse, or close'),
	('reversal_late', 'the rejection came later after the redemption than the profile allows',
		'ask the partner why it took so long; reverse, or close'),
	('bad_value', 'a value of the record is not valid for its field', 'look at the record; ask the partner'),
	('correction', 'the record replaces an earlier one, or is replaced by one: what that did is settled, or it is not clear which is meant',
		'compare both records; ask the partner where they differ; confirm, reverse, reinstate or credit what is right, or close'),
	('file_void', 'the partner says that a file is void',
		'see what stands of that file''s records; ask the partner; decide what is not to stand, then close'),
	('whole_message', 'the record is about a whole message of ours and names no redemption',
		'find out what the message held, and decide its redemptions'),
	-- a file
	('refused', 'the file is incomplete or malformed', 'see its refusals; ask the partner to send it again, or correct the profile and release it'),
	('control_total', 'a total that the partner states is not the sum of the records',
		'see both totals; ask the partner to send the file again'),
	('parser_failed', 'the parser died over the file, or broke its protocol',
		'report the file to whoever maintains handback; release it when the fault is fixed, or ask the partner to send it again'),
	('file_failed', 'reading it took more memory or time than a file may, or the database refused it, each time that it was tried',
		'see the message; have its cause put right and release the file, which tries it again; or ask the partner to send it again'),
	('test_file', 'the file says that it is a test', 'ask the partner why it was sent to production; close it, or release it if it is no test'),
	('wrong_partner', 'the file says that it is from another sender', 'pass it on to its owner, and close it; inform the partner'),
	('sequence_gap', 'an earlier file of the partner has not come',
		'none if it comes: this file is then released by itself; otherwise ask the partner for it, or release without it'),
	('sequence_restart', 'its number came before, or is below the last, and its day or the distance says that numbers begin again',
		'say in the profile how they begin again (sequence: resets or after), then release it; or ask the partner, and close it'),
	('sequence_jump', 'its number or day is further from the last than the profile takes for likely',
		'ask the partner whether it was mistyped; close it, or release it where it is meant: later files are measured by it then'),
	('part_missing', 'other parts of its set have not come, or an earlier part is not posted yet',
		'none if they come: the parts are then released by themselves, in order; otherwise ask the partner for them, or release without them'),
	('conflicting_part', 'it conflicts with its set: the part came before with other content, the number of parts differs, or the part is beyond it',
		'compare the parts; ask the partner which are right; release or close'),
	('resubmission', 'another file with the same number was posted before',
		'compare the two; ask the partner why; release or close'),
	('not_a_duplicate', 'it came as a duplicate, and is said to be none, or what it repeats was closed',
		'release it to have it decided by itself, or close it'),
	('acknowledged_in_part', 'it acknowledges another number of requests or points than our request file has, or no request file of ours',
		'compare both numbers; ask the partner what it has of the file; release it where people have settled the rest'),
	('guard', 'the file would reverse more than the profile lets one file reverse',
		'ask the partner to confirm the file; two people release or close it'),
	('nothing_matches', '(nearly) none of its records names a redemption of this partner''s',
		'see whose file it is, and whether the ledger has these redemptions yet; close it, or release it to have each record by itself'),
	('posting_failed', 'the ledger refuses the posting, each time that it is asked',
		'see the ledger''s words; have it put right, then two people decide the record, or release or close the file'),
	('partly_fulfilled', 'parts of its redemption are answered: they are not whole, or one says otherwise than another',
		'none if the other parts come: it ends by itself when they are whole; where a part is rejected, settle with the partner, and confirm or reverse the whole'),
	('group_differs', 'the redemptions that share its reference cannot all be decided the same way',
		'see which one stands in the way; ask the partner, or settle each by itself, and close it');

GRANT SELECT ON handback.verdict_name, handback.outcome_name, handback.hold_reason TO handback_daemon, handback_operator,
	handback_finance;

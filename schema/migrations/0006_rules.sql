-- What is decided, as data: the reasons for a hold,
-- and the verdict table. docs/verdicts.md is printed from here.

SET LOCAL ROLE handback_owner;

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
		'ask the partner which answer is right; confirm, reverse or reinstate'),
	('unknown_reason', 'the profile does not know one of the reason codes',
		'find out what the code means, add it to the profile, and decide the record'),
	('reason_holds', 'the profile holds records with this reason code', 'decide the record'),
	('reason_retry', 'the partner could not handle the request and may be asked again',
		'send the request again, or reverse the redemption'),
	('reversal_late', 'the rejection came later after the redemption than the profile allows',
		'ask the partner why it took so long; reverse, or close'),
	('bad_value', 'a value of the record is not valid for its field', 'look at the record; ask the partner'),
	('whole_message', 'the record is about a whole message of ours and names no redemption',
		'find out what the message held, and decide its redemptions'),
	-- a file
	('refused', 'the file is incomplete or malformed', 'see its refusals; ask the partner to send it again, or correct the profile and release it'),
	('control_total', 'a total that the partner states is not the sum of the records',
		'see both totals; ask the partner to send the file again'),
	('parser_failed', 'the parser died over the file, or broke its protocol',
		'report the file to whoever maintains handback; release it when the fault is fixed, or ask the partner to send it again'),
	('test_file', 'the file says that it is a test', 'ask the partner why it was sent to production; close it, or release it if it is no test'),
	('wrong_partner', 'the file says that it is from another sender', 'pass it on to its owner, and close it; inform the partner'),
	('sequence_gap', 'an earlier file of the partner has not come',
		'none if it comes: this file is then released by itself; otherwise ask the partner for it, or release without it'),
	('part_missing', 'other parts of its set have not come, or an earlier part is not posted yet',
		'none if they come: the parts are then released by themselves, in order; otherwise ask the partner for them, or release without them'),
	('conflicting_part', 'it conflicts with its set: the part came before with other content, the number of parts differs, or the part is beyond it',
		'compare the parts; ask the partner which are right; release or close'),
	('resubmission', 'another file with the same number was posted before',
		'compare the two; ask the partner why; release or close'),
	('guard', 'the file would reverse more than the profile lets one file reverse',
		'ask the partner to confirm the file; two people release or close it');

-- A redemption's state, what the partner says of it now, whether the file is
-- newer or older than the partner's last answer that counted (one that
-- confirmed, reversed, or found that done already), and what the profile does
-- with a rejection after a confirmation; "any" stands for each of them,
-- "accepted" for the three that begin so.
--
-- An older file goes into the history and moves nothing. What was reversed is
-- never reversed again, and reinstated by people alone.
WITH rule (state, said, age, late_reject, outcome, hold_reason) AS (VALUES
	('open',       'accepted', 'newer', 'any',     'confirmed',    NULL),
	('open',       'rejected', 'newer', 'any',     'reversed',     NULL),
	('open',       'pending',  'newer', 'any',     'informational',        NULL),
	('open',       'any',      'older', 'any',     'informational',        NULL),

	('confirmed',  'accepted', 'newer', 'any',     'already_applied', NULL),
	('confirmed',  'rejected', 'newer', 'hold',    'held',         'contradiction'),
	('confirmed',  'rejected', 'newer', 'reverse', 'reversed',     NULL),
	('confirmed',  'pending',  'newer', 'any',     'informational',        NULL),
	('confirmed',  'any',      'older', 'any',     'informational',        NULL),

	('reversed',   'accepted', 'newer', 'any',     'held',         'contradiction'),
	('reversed',   'rejected', 'newer', 'any',     'already_applied', NULL),
	('reversed',   'pending',  'newer', 'any',     'informational',        NULL),
	('reversed',   'any',      'older', 'any',     'informational',        NULL),

	('reinstated', 'accepted', 'newer', 'any',     'already_applied', NULL),
	('reinstated', 'rejected', 'newer', 'any',     'held',         'contradiction'),
	('reinstated', 'pending',  'newer', 'any',     'informational',        NULL),
	('reinstated', 'any',      'older', 'any',     'informational',        NULL),

	('unknown',    'any',      'any',   'any',     'held',         'unknown_reference')
)
INSERT INTO handback.verdict_rule (state, verdict, age, late_reject, outcome, hold_reason)
SELECT r.state, v.verdict, a.age, l.late_reject, o.outcome, r.hold_reason
FROM rule r
JOIN handback.verdict_name v ON r.said = 'any' OR v.name = r.said OR (r.said = 'accepted' AND v.name LIKE 'accepted\_%')
JOIN (VALUES ('newer'), ('older')) AS a (age) ON r.age IN ('any', a.age)
JOIN (VALUES ('hold'), ('reverse')) AS l (late_reject) ON r.late_reject IN ('any', l.late_reject)
JOIN handback.outcome_name o ON o.name = r.outcome;

-- What is decided, as data: the reasons for which something waits for a person,
-- and the verdict table. docs/verdicts.md is printed from here.

SET LOCAL ROLE handback_owner;

INSERT INTO handback.hold_reason (reason, meaning, wants) VALUES
	-- a record
	('unknown_reference', 'no redemption of this partner and programme has the reference',
		'nothing while it is tried again, for the profile''s unknown_days; then it is closed: have the partner send it anew'),
	('ambiguous', 'more than one redemption fits the record',
		'decide which is meant, or have the partner send our reference'),
	('duplicate_unlike', 'the file says unlike things of one redemption',
		'ask the partner which of them holds'),
	('programme_mismatch', 'the record names another programme than the redemption', 'compare both; ask the partner'),
	('member_mismatch', 'the record names another member than the redemption', 'compare both; ask the partner'),
	('points_mismatch', 'the record states other points than the redemption', 'compare both; ask the partner'),
	('currency_mismatch', 'the record states another currency than the redemption', 'compare both; ask the partner'),
	('amount_mismatch', 'the record states another amount than the redemption', 'compare both; ask the partner'),
	('merchant_mismatch', 'the record names another merchant than the redemption', 'compare both; ask the partner'),
	('transaction_type_mismatch', 'the record states another transaction type than the redemption',
		'compare both; ask the partner'),
	('contradiction', 'the partner had answered the opposite before',
		'ask the partner which of the two holds; confirm, reverse or reinstate'),
	('unknown_reason', 'the profile does not know one of the reason codes',
		'find out what the code means, add it to the profile, and decide the record'),
	('reason_holds', 'the profile lets a person decide records with this reason code', 'decide the record'),
	('reason_retry', 'the partner could not handle the request and may be asked again',
		'send the request again, or reverse the redemption'),
	('reversal_late', 'rejected later after the redemption than the profile allows',
		'ask the partner why it took so long; reverse, or refuse'),
	('bad_value', 'a value of the record cannot be what it stands for', 'look at the record; ask the partner'),
	('whole_message', 'the record speaks of a whole message of ours and names no redemption',
		'find out what the message held, and decide its redemptions'),
	-- a file
	('refused', 'the file is not whole and sound', 'see its refusals; have the partner send it again, or mend the profile and release it'),
	('control_total', 'a total that the partner states is not the sum of the records',
		'see both totals; have the partner send the file again'),
	('parser_failed', 'the parser died over the file, or broke its protocol',
		'keep the file for whoever maintains handback; release it when that is mended, or have the partner send it again'),
	('test_file', 'the file says that it is a test', 'ask the partner why it was sent to production; close it, or release it where it is no test'),
	('wrong_partner', 'the file says that it is from somebody else', 'give it to whom it belongs, and close it; tell the partner'),
	('sequence_gap', 'an earlier file of the partner has not come',
		'nothing when it comes, since this one is then released by itself; otherwise ask the partner for it, or release without it'),
	('part_missing', 'other parts of the set that it belongs to have not come, or one before it is not posted yet',
		'nothing when they come, since the parts are then released by themselves, in their order; otherwise ask the partner for them, or release without them'),
	('part_unlike', 'it is a part that came before with other content, of a set that has another number of parts, or beyond that number',
		'compare the parts; ask the partner which of them hold; release or close'),
	('reissue', 'another file with the same number was posted before',
		'compare the two; ask the partner why; release or close'),
	('guard', 'the file would reverse more than the profile lets a file reverse',
		'ask the partner whether it means it; two people release or close the file');

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
	('open',       'pending',  'newer', 'any',     'noted',        NULL),
	('open',       'any',      'older', 'any',     'noted',        NULL),

	('confirmed',  'accepted', 'newer', 'any',     'already_done', NULL),
	('confirmed',  'rejected', 'newer', 'hold',    'held',         'contradiction'),
	('confirmed',  'rejected', 'newer', 'reverse', 'reversed',     NULL),
	('confirmed',  'pending',  'newer', 'any',     'noted',        NULL),
	('confirmed',  'any',      'older', 'any',     'noted',        NULL),

	('reversed',   'accepted', 'newer', 'any',     'held',         'contradiction'),
	('reversed',   'rejected', 'newer', 'any',     'already_done', NULL),
	('reversed',   'pending',  'newer', 'any',     'noted',        NULL),
	('reversed',   'any',      'older', 'any',     'noted',        NULL),

	('reinstated', 'accepted', 'newer', 'any',     'already_done', NULL),
	('reinstated', 'rejected', 'newer', 'any',     'held',         'contradiction'),
	('reinstated', 'pending',  'newer', 'any',     'noted',        NULL),
	('reinstated', 'any',      'older', 'any',     'noted',        NULL),

	('unknown',    'any',      'any',   'any',     'held',         'unknown_reference')
)
INSERT INTO handback.verdict_rule (state, verdict, age, late_reject, outcome, hold_reason)
SELECT r.state, v.verdict, a.age, l.late_reject, o.outcome, r.hold_reason
FROM rule r
JOIN handback.verdict_name v ON r.said = 'any' OR v.name = r.said OR (r.said = 'accepted' AND v.name LIKE 'accepted\_%')
JOIN (VALUES ('newer'), ('older')) AS a (age) ON r.age IN ('any', a.age)
JOIN (VALUES ('hold'), ('reverse')) AS l (late_reject) ON r.late_reject IN ('any', l.late_reject)
JOIN handback.outcome_name o ON o.name = r.outcome;

-- A number or a day that is implausibly far holds its file, and never becomes the measure of what is newer.

SET LOCAL ROLE handback_owner;

INSERT INTO handback.hold_reason (reason, meaning, action_required) VALUES
	('sequence_jump', 'its number or day is further from the last than the profile takes for likely',
		'ask the partner whether it was mistyped; close it, or release it where it is meant: later files are measured by it then');

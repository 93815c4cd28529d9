-- A posting that the ledger refuses holds its record, and stops no file, no partner and no worker for ever.

SET LOCAL ROLE handback_owner;

INSERT INTO handback.hold_reason (reason, meaning, action_required) VALUES
	('posting_failed', 'the ledger refuses the posting, each time that it is asked',
		'see the ledger''s words; have it put right, then two people decide the record, or release or close the file');

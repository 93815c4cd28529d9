-- A rejection for a member who is cancelled, or otherwise no longer served, may be held instead of credited.

SET LOCAL ROLE handback_owner;

INSERT INTO handback.hold_reason (reason, meaning, action_required) VALUES
	('member_status', 'the rejection is of a member whose status the profile does not credit points to',
		'see what the programme does with points of such a member; reverse, or close');

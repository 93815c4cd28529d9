-- An older answer that contradicts what stands is never merely informational: it waits for people.

SET LOCAL ROLE handback_owner;

UPDATE handback.verdict_rule SET outcome = :OUTCOME_HELD, hold_reason = 'contradiction'
WHERE age = 'older' AND (
	(state IN ('open', 'confirmed', 'reinstated') AND verdict = :VERDICT_REJECTED)
	OR (state IN ('open', 'reversed')
		AND verdict IN (:VERDICT_ACCEPTED, :VERDICT_ACCEPTED_WITH_CHANGE, :VERDICT_ACCEPTED_WITH_WARNING)));

/*
 * The words that processes and tables share as small integers.
 *
 * The same lists stand in schema/ as rows of handback.verdict_name,
 * handback.outcome_name and handback.hold_reason; tests/house/test_codes.py holds
 * them equal.  Append only: a number that was ever written to an audit trail
 * keeps its meaning for ever.
 */
#ifndef HANDBACK_BASE_CODES_H
#define HANDBACK_BASE_CODES_H

/* What the partner said of a record. */
enum verdict {
	VERDICT_NONE = 0, /* group facts only; never on a record that is staged */
	VERDICT_ACCEPTED = 1,
	VERDICT_ACCEPTED_WITH_CHANGE = 2,
	VERDICT_ACCEPTED_WITH_WARNING = 3,
	VERDICT_REJECTED = 4,
	VERDICT_PENDING = 5,
};

/* What we did with it. */
enum outcome {
	OUTCOME_CONFIRMED = 1,
	OUTCOME_REVERSED = 2,
	OUTCOME_ALREADY_APPLIED = 3,
	OUTCOME_DUPLICATE_RECORD = 4,
	OUTCOME_INFORMATIONAL = 5,
	OUTCOME_HELD = 6,
	OUTCOME_REINSTATED = 7, /* by two people, never by a file */
	OUTCOME_CLOSED = 8,     /* a hold closed without a posting */
	OUTCOME_CREDITED = 9,   /* by two people, after a reinstatement */
};

/* Of a redemption, before a record answers it: what handback.verdict_rule names. Only statements count with
 * these. */
enum redemption_state {
	STATE_UNKNOWN = 1, /* there is no such redemption */
	STATE_OPEN = 2,
	STATE_CONFIRMED = 3,
	STATE_REVERSED = 4,
	STATE_REINSTATED = 5,
};

/* NULL for a number that is not in the list. */
const char *verdict_name(int verdict);
const char *outcome_name(int outcome);

/* 0 for a word that is not in the list. */
int verdict_from_name(const char *name);

#endif

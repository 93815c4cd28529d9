/*
 * What holds a file whose records are decided: by what it would do as a whole.
 * Each gives a hold_reason (static text) and why, with the numbers that were
 * compared, in message[LIMIT_MESSAGE_BYTES], or NULL.  A file of so few such
 * records (policy's guard_least) is no pattern.
 */
#ifndef HANDBACK_RECONCILE_DECIDE_GUARD_H
#define HANDBACK_RECONCILE_DECIDE_GUARD_H

#include "lib/profile/policy.h"
#include "reconcile/decide/decide.h"

struct guarded_file {
	struct pg *pg;
	const struct policy *policy;
	int64_t partner_id;
	const char *profile;     /* its name */
	int64_t file_id;         /* 0: it has none yet */
	int64_t reversed_before; /* of its reversals: those redemptions are open no more */
};

/*
 * Would these reversals, of so many points, be more than the profile lets a file of e->records reverse?  Asks
 * the database where the profile compares with the partner's open redemptions or its last files.
 */
enum pg_status guard_effect(const struct guarded_file *file, const struct effect *e, const char **ret_hold,
                            char *message);

/* Does (nearly) nothing match?  Then it is another's file, or the ledger is not there yet: one hold, not one
 * for each. */
const char *guard_unmatched(const struct policy *policy, const struct effect *e, char *message);

#endif

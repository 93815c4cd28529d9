/*
 * What holds a file whose records are decided: by what it would do as a whole.
 * Each gives a hold_reason (static text) and why in message[LIMIT_MESSAGE_BYTES],
 * or NULL.  A file of so few such records (policy's guard_least) is no pattern.
 */
#ifndef HANDBACK_RECONCILE_DECIDE_GUARD_H
#define HANDBACK_RECONCILE_DECIDE_GUARD_H

#include "lib/profile/policy.h"
#include "reconcile/decide/decide.h"

/* Would these reversals, of so many points, be more than the profile lets a file of e->records reverse? */
const char *guard_effect(const struct policy *policy, const struct effect *e, char *message);

/* Does (nearly) nothing match?  Then it is another's file, or the ledger is not there yet: one hold, not one for each. */
const char *guard_unmatched(const struct policy *policy, const struct effect *e, char *message);

#endif

#include "reconcile/decide/guard.h"

#include <inttypes.h>
#include <stdio.h>

#include "lib/base/limits.h"

const char *
guard_effect(const struct policy *policy, const struct effect *e, char *message)
{
	if (policy->guard_rejects >= 0 && e->reversed > policy->guard_rejects)
		snprintf(message, LIMIT_MESSAGE_BYTES,
		         "it would reverse %" PRId64 " redemptions; the guard allows %" PRId64, e->reversed,
		         policy->guard_rejects);
	else if (policy->guard_points >= 0 && e->points > policy->guard_points)
		snprintf(message, LIMIT_MESSAGE_BYTES,
		         "it would reverse %" PRId64 " points; the guard allows %" PRId64, e->points,
		         policy->guard_points);
	else if (policy->guard_share >= 0 && e->reversed > policy->guard_least &&
	         e->reversed * 100 > e->records * policy->guard_share)
		snprintf(message, LIMIT_MESSAGE_BYTES,
		         "it would reverse %" PRId64 " of its %" PRId64 " records; the guard allows %d per cent",
		         e->reversed, e->records, policy->guard_share);
	else
		return NULL;
	return "guard";
}

const char *
guard_unmatched(const struct policy *policy, const struct effect *e, char *message)
{
	if (e->unknown <= policy->guard_least || e->unknown * 100 <= e->records * policy->guard_unmatched)
		return NULL;
	snprintf(message, LIMIT_MESSAGE_BYTES,
	         "%" PRId64 " of its %" PRId64 " records name no redemption of this partner's; the guard allows %d per cent",
	         e->unknown, e->records, policy->guard_unmatched);
	return "nothing_matches";
}

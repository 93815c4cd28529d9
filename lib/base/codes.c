#include "lib/base/codes.h"

#include <stddef.h>
#include <string.h>

static const char *const verdict_names[] = {
    [VERDICT_ACCEPTED] = "accepted",
    [VERDICT_ACCEPTED_WITH_CHANGE] = "accepted_with_change",
    [VERDICT_ACCEPTED_WITH_WARNING] = "accepted_with_warning",
    [VERDICT_REJECTED] = "rejected",
    [VERDICT_PENDING] = "pending",
};

static const char *const outcome_names[] = {
    [OUTCOME_CONFIRMED] = "confirmed",
    [OUTCOME_REVERSED] = "reversed",
    [OUTCOME_ALREADY_APPLIED] = "already_applied",
    [OUTCOME_DUPLICATE_RECORD] = "duplicate_record",
    [OUTCOME_INFORMATIONAL] = "informational",
    [OUTCOME_HELD] = "held",
    [OUTCOME_REINSTATED] = "reinstated",
    [OUTCOME_CLOSED] = "closed",
    [OUTCOME_CREDITED] = "credited",
};

#define COUNT(a) ((int) (sizeof(a) / sizeof((a)[0])))

const char *
verdict_name(int verdict)
{
	return verdict > 0 && verdict < COUNT(verdict_names) ? verdict_names[verdict] : NULL;
}

const char *
outcome_name(int outcome)
{
	return outcome > 0 && outcome < COUNT(outcome_names) ? outcome_names[outcome] : NULL;
}

int
verdict_from_name(const char *name)
{
	for (int i = 1; i < COUNT(verdict_names); i++)
		if (strcmp(verdict_names[i], name) == 0)
			return i;
	return VERDICT_NONE;
}

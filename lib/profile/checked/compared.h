/*
 * What of a record is held against the redemption that is found by it: by check, or by a match key that
 * each record is found by.
 */
#ifndef HANDBACK_PROFILE_CHECKED_COMPARED_H
#define HANDBACK_PROFILE_CHECKED_COMPARED_H

#include "lib/profile/layout.h"
#include "lib/profile/policy.h"

/* Of what a record of this type can state, in itself, its addenda or the levels above it: enum check, or'ed.
 */
uint32_t compared(const struct layout *layout, const struct policy *policy, const struct record_type *type);
/* The same of anything that is reported as a record: entries, and levels with a verdict of their own. */
uint32_t compared_at_all(const struct layout *layout, const struct policy *policy);

/* One of them at least is needed to see that another redemption was named. */
#define COMPARED_CORE (CHECK_MEMBER | CHECK_POINTS | CHECK_AMOUNT)
/* The check that a field of this target is compared by, or 0. */
uint32_t compared_target(uint8_t target);

/* A word of check: its bit, or 0; in the order of the bits, NULL at the end. */
extern const char *const check_words[];
uint32_t check_of_word(const char *word);

#endif

/* Written numbers to integers, by a profile's rule: no floating point, no rounding, no overflow. */
#ifndef HANDBACK_PROFILE_NUMBERS_H
#define HANDBACK_PROFILE_NUMBERS_H

#include "lib/profile/values.h"

/* text is what stands in the file (zoned, packed and binary: raw bytes; else ASCII, trimmed), not empty.
 * 0 and *ret, or -1 and *ret_fault. */
int number_read(struct value_reader *reader, const struct number_rule *rule, const struct slice *text,
                int64_t *ret, struct value_fault *ret_fault);

#endif

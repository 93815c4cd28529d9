/* Numbers for people: "1,234,567".  Decimal text in, since sums may pass 64 bits. */
#ifndef HANDBACK_FINANCE_OUTPUT_NUMBER_H
#define HANDBACK_FINANCE_OUTPUT_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* Digits with an optional minus and an optional fraction: what may stand in JSON and CSV without quotes. */
bool number_is_plain(const char *text);

/* With separators; a text that is no number comes back as it is.  The caller frees it. */
char *number_shown(const char *text);
char *number_of(int64_t number);

#endif

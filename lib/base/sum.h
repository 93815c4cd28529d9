/* Sums of many 63-bit numbers: more than 64 bits, exact, and as decimal text. */
#ifndef HANDBACK_BASE_SUM_H
#define HANDBACK_BASE_SUM_H

#include <stdint.h>

__extension__ typedef __int128 sum_t; /* of up to 2^64 numbers of 63 bits */

#define SUM_TEXT_SIZE 41 /* sign, 39 digits, NUL */

/* Plain decimal digits with a '-' before a negative sum.  Returns the text, which stands somewhere in buf. */
const char *sum_text(char buf[SUM_TEXT_SIZE], sum_t sum);
/* The sum, or the end of the range that it passes. */
int64_t sum_clamped(sum_t sum);

#endif

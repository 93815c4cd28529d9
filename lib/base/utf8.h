/* Is it UTF-8?  By RFC 3629: no overlong form, no surrogate, nothing above U+10FFFF. */
#ifndef HANDBACK_BASE_UTF8_H
#define HANDBACK_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* How many bytes at the beginning are whole, valid characters; len when all are. */
size_t utf8_valid_prefix(const void *bytes, size_t len);

/* Valid throughout, and without NUL: what a text column of the database can hold. */
bool utf8_text_ok(const void *bytes, size_t len);

#endif

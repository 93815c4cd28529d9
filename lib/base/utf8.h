/* Is it UTF-8?  By RFC 3629: no overlong form, no surrogate, nothing above U+10FFFF. */
#ifndef HANDBACK_BASE_UTF8_H
#define HANDBACK_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many bytes at the beginning are whole, valid characters; len when all are. */
size_t utf8_valid_prefix(const void *bytes, size_t len);

/* Valid throughout, and without NUL: what a text column of the database can hold. */
bool utf8_text_ok(const void *bytes, size_t len);

/* The length of the character at bytes (1 to 4), of which len are there, and *ret_code; 0 when no valid one
 * starts there. */
size_t utf8_next(const void *bytes, size_t len, uint32_t *ret_code);

/* The character of UTF-16 at bytes as UTF-8.  Returns how many of its bytes it took (2 or 4); 0 when it does
 * not end within len, -1 when it is none (half of a pair). */
int utf16_next(const void *bytes, size_t len, bool big_endian, char out[4], size_t *ret_len);

/* Control, direction, invisible and unassigned-by-design characters: never shown to anybody as they are. */
bool utf8_is_hidden(uint32_t code);

#endif

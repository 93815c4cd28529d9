/*
 * Bytes from outside made safe to show and to carry, and back.
 *
 * The escaped form is printable ASCII without tab or newline, on one line, and
 * unambiguous: backslash is \\, tab \t, newline \n, carriage return \r, any
 * other byte outside 0x20..0x7e \xHH.  Logs and the messages between processes use it.
 */
#ifndef HANDBACK_BASE_TEXT_H
#define HANDBACK_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/limits.h"

/* Room for the escaped form of len bytes, NUL included. */
#define TEXT_ESCAPED_SIZE(len) (4 * (size_t) (len) + 1)
/* Room for what text_show writes. */
#define TEXT_SHOWN_SIZE (TEXT_ESCAPED_SIZE(LIMIT_SHOWN_BYTES) + sizeof("... (18446744073709551615 bytes)"))
/* Room for the hex of len bytes, NUL included. */
#define TEXT_HEX_SIZE(len) (2 * (size_t) (len) + 1)

/*
 * Writes the escaped form, always NUL-ended when size > 0, cut between (never
 * within) escapes when it does not fit.  Returns the length of the whole form,
 * so a result >= size says that it was cut.
 */
size_t text_escape(char *buf, size_t size, const void *bytes, size_t len);

/*
 * The same for a person, as text_display has it: at most LIMIT_SHOWN_BYTES bytes, and
 * what is longer ends in "... (N bytes)".  Returns buf, so that it can stand in an argument list.
 */
const char *text_show(char buf[TEXT_SHOWN_SIZE], const void *bytes, size_t len);

/*
 * What text_escape writes, but for people: characters of UTF-8 stay what they are, and those that nobody can
 * see or that turn the text around (utf8_is_hidden) are \u{NNNN}.  On one line, unambiguous and valid UTF-8,
 * cut between characters and escapes; the room and the result are those of text_escape.
 */
size_t text_display(char *buf, size_t size, const void *bytes, size_t len);

/*
 * The inverse of text_escape.  False, with buf undefined and *ret_len untouched, for
 * what text_escape cannot have written or what does not fit.  buf may be text itself.
 * A NUL is put after the bytes when there is room for it (there is when buf is text).
 */
bool text_unescape(void *buf, size_t size, const char *text, size_t *ret_len);

/* Lower-case hex, NUL-ended; hex needs TEXT_HEX_SIZE(len).  Returns hex. */
const char *text_hex(char *hex, const void *bytes, size_t len);
/* False, with *ret_len untouched, for an odd length, another character (A-F is fine) or more than size bytes.
 */
bool text_unhex(void *buf, size_t size, const char *hex, size_t *ret_len);

/* Room for the base64 of len bytes, NUL included. */
#define TEXT_BASE64_SIZE(len) (((size_t) (len) + 2) / 3 * 4 + 1)
/* Base64 of RFC 4648 with padding, NUL-ended.  Returns base64. */
const char *text_base64(char *base64, const void *bytes, size_t len);
/* False, with *ret_len untouched, for anything that text_base64 does not write, or more than size bytes. */
bool text_unbase64(void *buf, size_t size, const char *base64, size_t len, size_t *ret_len);

/* A plain decimal number within [min, max]: digits with an optional leading '-', nothing else.  *ret is
 * untouched when false. */
bool text_int(const char *text, int64_t min, int64_t max, int64_t *ret);

/* 36 characters, as 12345678-9abc-def0-1234-56789abcdef0. */
bool text_is_uuid(const char *text);

#endif

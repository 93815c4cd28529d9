/*
 * A partner's encoding to UTF-8 and back.  Opened before a lock-down, since
 * iconv loads its tables from files.
 */
#ifndef HANDBACK_PROFILE_CHARSET_H
#define HANDBACK_PROFILE_CHARSET_H

#include <stdbool.h>
#include <stddef.h>

struct charset;

/* NULL when iconv does not know the name, or it is no encoding of single bytes or byte pairs (UTF-16). */
struct charset *charset_new(const char *encoding);
void charset_free(struct charset *c); /* NULL is fine */

/* UTF-8 needs no decoding, only a check; ASCII is UTF-8 without bytes above 0x7f. */
bool charset_is_utf8(const struct charset *c);
bool charset_is_ascii(const struct charset *c);
/* Does each byte below 0x80 stand for itself wherever it is? */
bool charset_has_ascii(const struct charset *c);

#define CHARSET_GROWTH 3 /* UTF-8 takes at most so many times the bytes */

/* True and *ret_len; false and the offset of the first byte that means nothing.  out needs CHARSET_GROWTH *
 * len. */
bool charset_decode(struct charset *c, const char *in, size_t len, char *out, size_t *ret_len,
                    size_t *ret_bad);

/*
 * For one who must know where each character begins, in an encoding that is not UTF-8 or ASCII: the first
 * character of in.  Returns how many bytes it takes and puts its UTF-8 into out; 0 when it does not end
 * within len bytes, -1 when they mean nothing.  *ret_len is 0 where bytes make no character: a shift from one
 * set to another, or a letter that waits for its accent and comes with the next call.  The calls of one
 * charset make one text: no charset_decode between them.
 */
#define CHARSET_CHARACTER 16 /* bytes of UTF-8 that one call gives, at most */
int charset_next(struct charset *c, const char *in, size_t len, char out[CHARSET_CHARACTER], size_t *ret_len);
/* What still waits at the end of the text; false when it is no character. */
bool charset_rest(struct charset *c, char out[CHARSET_CHARACTER], size_t *ret_len);

/* A profile's text (UTF-8) as the partner writes it; false when it cannot be written, or does not fit. */
bool charset_encode(const char *encoding, const char *text, size_t len, char *out, size_t size,
                    size_t *ret_len);

#endif

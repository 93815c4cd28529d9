/*
 * A document's bytes as UTF-8, and where in the file each character was.
 *
 * A parser that reads UTF-8 is given what recode makes, and tells places as offsets into that; they become
 * offsets in the file here.  A byte is kept for each byte of UTF-8 that may still be asked for.
 *
 * Of UTF-8 itself (and ASCII) nothing is made and nothing kept: its bytes go through as they are.
 */
#ifndef HANDBACK_PARSERS_NESTED_RECODE_H
#define HANDBACK_PARSERS_NESTED_RECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct charset;
struct recode;

/* NULL when memory is out.  charset must outlive it, and nobody else may use it meanwhile. */
struct recode *recode_new(struct charset *charset);
void recode_free(struct recode *r); /* NULL is fine */

enum recoded {
	RECODE_FULL, /* out is full */
	RECODE_MORE, /* in has been used, but for the beginning of a character, if there is one */
	RECODE_BAD,  /* the next byte of in means nothing in this encoding */
	RECODE_NO_MEMORY,
};

/*
 * Bytes of the file in, UTF-8 out.  *used and *made go up by what was taken and given, whatever is returned.
 * last: no byte of the file comes after these, so that the beginning of a character is RECODE_BAD.
 */
enum recoded recode(struct recode *r, const char *in, size_t len, size_t *used, bool last, char *out,
                    size_t size, size_t *made);

/* Nothing before the offset (in UTF-8) will be asked for any more. */
void recode_forget(struct recode *r, uint64_t before);

/* The offset in the file of a character that begins at an offset in UTF-8: one that was given and not
 * forgotten, or the end of what was given; else false. */
bool recode_place(struct recode *r, uint64_t offset, uint64_t *ret_place);

#endif

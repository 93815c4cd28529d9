/*
 * For each byte of UTF-8 stands how many bytes of the file it took: a character's at its last lead byte, 0 at
 * the others.  Places are asked for in about the order of the document, so they are counted from the last one
 * that was.
 */
#include "parsers/nested/recode.h"

#include <stdlib.h>
#include <string.h>

#include "lib/profile/charset.h"

struct recode {
	struct charset *charset;
	bool as_it_is;      /* UTF-8 or ASCII */
	uint8_t *took;      /* of the file, by the byte of UTF-8 at first + i */
	size_t len, size;   /* of took */
	uint64_t first;     /* in UTF-8 */
	uint64_t forgotten; /* in UTF-8: nobody asks for what is before */
	uint64_t at, place; /* one place as both know it; first <= at <= first + len */
	char rest[CHARSET_CHARACTER];
	size_t rest_at, rest_len; /* made, but out was full */
};

struct recode *
recode_new(struct charset *charset)
{
	struct recode *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->charset = charset;
	r->as_it_is = charset_is_utf8(charset);
	return r;
}

void
recode_free(struct recode *r)
{
	if (r == NULL)
		return;
	free(r->took);
	free(r);
}

/* ---- places ---- */

static void
go_to(struct recode *r, uint64_t offset)
{
	while (r->at < offset)
		r->place += r->took[r->at++ - r->first];
	while (r->at > offset)
		r->place -= r->took[--r->at - r->first];
}

bool
recode_place(struct recode *r, uint64_t offset, uint64_t *ret_place)
{
	if (!r->as_it_is) {
		if (offset < r->first || offset > r->first + r->len)
			return false;
		go_to(r, offset);
	}
	*ret_place = r->as_it_is ? offset : r->place;
	return true;
}

void
recode_forget(struct recode *r, uint64_t before)
{
	if (before > r->forgotten)
		r->forgotten = before;
}

/* The bytes that nobody asks for go; room for size more. */
static bool
make_room(struct recode *r, size_t size)
{
	uint64_t end = r->first + r->len;
	size_t gone = (size_t) ((r->forgotten < end ? r->forgotten : end) - r->first);

	if (gone > 0) {
		if (r->at < r->first + gone)
			go_to(r, r->first + gone);
		memmove(r->took, r->took + gone, r->len - gone);
		r->first += gone;
		r->len -= gone;
	}
	if (r->size - r->len < size) {
		size_t larger = 2 * (r->len + size);
		uint8_t *took = realloc(r->took, larger);
		if (took == NULL)
			return false;
		r->took = took;
		r->size = larger;
	}
	return true;
}

/* Bytes of the file that made this UTF-8, which may be none: then they belong to the character before. */
static bool
note(struct recode *r, const char *utf8, size_t len, size_t bytes)
{
	size_t lead = 0;

	for (size_t i = 0; i < len; i++) {
		r->took[r->len + i] = 0;
		if (((unsigned char) utf8[i] & 0xC0) != 0x80)
			lead = i;
	}
	if (len > 0) {
		r->took[r->len + lead] = (uint8_t) bytes;
	} else {
		bool at_end = r->at == r->first + r->len;
		if (r->len > 0) {
			if (r->took[r->len - 1] + bytes > UINT8_MAX)
				return false; /* shift upon shift, and no character */
			r->took[r->len - 1] = (uint8_t) (r->took[r->len - 1] + bytes);
		}
		r->place += at_end ? bytes : 0;
	}
	r->len += len;
	return true;
}

/* ---- UTF-8 ---- */

static void
give_rest(struct recode *r, char *out, size_t size, size_t *made)
{
	while (r->rest_at < r->rest_len && *made < size)
		out[(*made)++] = r->rest[r->rest_at++];
}

/* The next character into rest: RECODE_FULL when there is one. */
static enum recoded
next(struct recode *r, const char *in, size_t len, size_t *used, bool last)
{
	int n;

	r->rest_at = r->rest_len = 0;
	if (*used == len) {
		if (last && !charset_rest(r->charset, r->rest, &r->rest_len))
			return RECODE_BAD;
		return r->rest_len > 0 && note(r, r->rest, r->rest_len, 0) ? RECODE_FULL : RECODE_MORE;
	}
	n = charset_next(r->charset, in + *used, len - *used, r->rest, &r->rest_len);
	if (n == 0)
		return last ? RECODE_BAD : RECODE_MORE;
	if (n < 0 || !note(r, r->rest, r->rest_len, (size_t) n)) {
		r->rest_len = 0;
		return RECODE_BAD;
	}
	*used += (size_t) n;
	return RECODE_FULL;
}

static enum recoded
copy(const char *in, size_t len, size_t *used, char *out, size_t size, size_t *made)
{
	size_t n = len - *used < size - *made ? len - *used : size - *made;

	memcpy(out + *made, in + *used, n);
	*used += n;
	*made += n;
	return *made == size ? RECODE_FULL : RECODE_MORE;
}

enum recoded
recode(struct recode *r, const char *in, size_t len, size_t *used, bool last, char *out, size_t size,
       size_t *made)
{
	enum recoded rc = RECODE_FULL;

	if (r->as_it_is)
		return copy(in, len, used, out, size, made);
	if (!make_room(r, size - *made + CHARSET_CHARACTER))
		return RECODE_NO_MEMORY;
	for (give_rest(r, out, size, made); *made < size && rc == RECODE_FULL; give_rest(r, out, size, made))
		rc = next(r, in, len, used, last);
	return rc;
}

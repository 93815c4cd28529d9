/* Texts that must outlive the bytes they were read from, until they are dropped together. */
#ifndef HANDBACK_PARSERS_ASSEMBLE_TEXTS_H
#define HANDBACK_PARSERS_ASSEMBLE_TEXTS_H

#include "lib/protocol/record.h"

struct texts {
	struct texts_block *first;
	size_t used;  /* of the first block */
	size_t total; /* bytes taken since the last texts_reset */
};

/* Room for a text of up to len bytes; NULL when memory is out.  What was written there, with nothing kept in
 * between, texts_keep takes without a copy. */
char *texts_room(struct texts *t, size_t len);
/* A copy that stays where it is until texts_reset; data NULL when memory is out (never for a slice of no
 * bytes, whose data is kept). */
struct slice texts_keep(struct texts *t, struct slice s);
/*
 * a, then the separator unless a is empty, then b, which is not empty; the same rules.  a is empty, or what
 * this gave before: it grows where it lies, so that n joins cost what they make and not n times that.
 */
struct slice texts_append(struct texts *t, struct slice a, char separator, struct slice b);
void texts_reset(struct texts *t); /* keeps one block to go on with */
void texts_free(struct texts *t);

#endif

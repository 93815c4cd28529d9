/*
 * Bytes cut into physical records: lines, fixed lengths, length-prefixed.
 *
 * Mistakes (two newline styles, a bare CR, a record that is too long, a cut
 * last record ...) are reported to assemble, with the byte's offset, and end the
 * file: where one record ends wrongly the next one begins nowhere.
 */
#ifndef HANDBACK_PARSERS_LINES_FRAMING_H
#define HANDBACK_PARSERS_LINES_FRAMING_H

#include "parsers/assemble/assemble.h"

struct framer;

struct framed {
	const char *bytes; /* without its newline or prefix; until the next call */
	uint32_t len;
	uint64_t offset;  /* of the first of these bytes in the file */
	uint64_t number;  /* from 1; lines that are skipped are counted too */
	bool odd_newline; /* one that is not the file's own stands in it: in quotes, or it is a mistake */
};

/* NULL when memory is out.  layout, in and a must outlive it. */
struct framer *framer_new(const struct layout *layout, struct input *in, struct assemble *a);
void framer_free(struct framer *f); /* NULL is fine */

/* 1 and *ret; 0 at the end; -1 when the file is refused, the input failed or assemble says stop. */
int framer_next(struct framer *f, struct framed *ret);
/*
 * The record goes on: its newline was quoted.  1 and *record with the next line
 * joined to it (its bytes may have moved); 0, refused, when there is none; -1 as above.
 */
int framer_extend(struct framer *f, struct framed *record);

/* Bytes read from the input, and records among them (no preamble, comments, blank lines). */
uint64_t framer_bytes(const struct framer *f);
uint64_t framer_records(const struct framer *f);
/* A byte of the file's first 4096, by its offset; -1 when the file is shorter.  Before the first record. */
int framer_peek(struct framer *f, uint32_t offset);

#endif

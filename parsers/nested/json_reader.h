/*
 * A strict streaming reader of JSON (RFC 8259) and JSON Lines.
 *
 * Our own, since no library in the distribution does this with bounded memory:
 * json-c and jansson build the whole tree, yajl lets a token grow without
 * limit, puts '?' where a surrogate stands alone, and has no maintainer.
 *
 * Refused beyond the grammar: what is not UTF-8, NUL in any form, surrogates
 * that stand alone, a key twice in one object, nesting or texts over the
 * limits, anything after the end.  Numbers stay text.
 */
#ifndef HANDBACK_PARSERS_NESTED_JSON_READER_H
#define HANDBACK_PARSERS_NESTED_JSON_READER_H

#include <stdbool.h>

#include "lib/protocol/record.h"
#include "parsers/assemble/input.h"

enum json_event {
	JSON_OBJECT,
	JSON_OBJECT_END,
	JSON_ARRAY,
	JSON_ARRAY_END,
	JSON_KEY,    /* text */
	JSON_STRING, /* text: escapes resolved */
	JSON_NUMBER, /* text: as written */
	JSON_TRUE,
	JSON_FALSE,
	JSON_NULL,
};

struct json_token {
	enum json_event event;
	struct slice text; /* until the next call */
	uint64_t offset;   /* of its first byte */
	uint64_t end;      /* of the byte after its last */
};

struct json_limits {
	uint32_t depth;
	uint32_t text_bytes; /* of a key, string or number */
	uint32_t keys;       /* in one object */
	uint64_t start;      /* what offsets begin from */
	bool lines;          /* JSON Lines: each value in a line of its own */
	bool last_newline;   /* JSON Lines: the last line must end, too */
	uint8_t bom;         /* a byte-order mark first: 0 refused, 1 allowed, 2 required */
};

struct json_error {
	const char *rule; /* a word, for refusal.rule */
	const char *message;
	uint64_t offset;
};

/* NULL when memory is out.  The input stays the caller's. */
struct json_reader;
struct json_reader *json_reader_new(struct input *in, const struct json_limits *limits);
void json_reader_free(struct json_reader *r); /* NULL is fine */

/* 1 and *ret; 0 at the proper end; -1 when the file is refused, for ever (json_reader_why). */
int json_reader_next(struct json_reader *r, struct json_token *ret);
const struct json_error *json_reader_why(const struct json_reader *r);
/* Bytes read so far; all of them at the end. */
uint64_t json_reader_bytes(const struct json_reader *r);

#endif

/*
 * The body of a call: one JSON object, of which the fields that are asked for are taken.  Numbers stay text
 * until they are integers: no money goes through a floating-point number.
 */
#ifndef HANDBACK_GATE_BODY_H
#define HANDBACK_GATE_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BODY_DEPTH 16
#define BODY_TEXT_BYTES 4096 /* of any text in it, also of fields that nobody asks for */
#define BODY_KEYS 64         /* in one object */

enum body_kind {
	BODY_TEXT,    /* char *; valid UTF-8 without control characters */
	BODY_INTEGER, /* int64_t: digits with an optional '-', nothing else */
	BODY_DECIMAL, /* char *: a number as it was written */
	BODY_FIGURE,  /* char *: a text, or a number as it was written */
};

struct body_field {
	const char *name;
	enum body_kind kind;
	bool optional; /* may be missing or null: then the text is NULL, the number as it was */
	void *member;
	size_t most; /* bytes of a text or number */
};

enum body_fault {
	BODY_FINE,
	BODY_NO_OBJECT, /* 998: no JSON, no object, too deep, a key twice ... */
	BODY_FIELD,     /* 999: missing, of another type, out of bounds */
	BODY_TOO_LONG,  /* a text that is longer than its field */
	BODY_NO_MEMORY,
};

/* Texts that are taken are the caller's to free, also after a fault (members begin as NULL).  *ret_field,
 * where not NULL: the name of the field that a fault is of, else NULL. */
enum body_fault body_read(const void *json, size_t len, const struct body_field *fields, size_t count,
                          const char **ret_field);
/* A list of objects, each read as body_read reads one: row() is told the fault of each and its field (NULL:
 * it is no object), takes the members, and sets them back.  BODY_FIELD: the list is no list, is empty or has
 * more than so many. */
enum body_fault body_read_list(const void *json, size_t len, const struct body_field *fields, size_t count,
                               size_t most,
                               void (*row)(void *context, enum body_fault fault, const char *field),
                               void *context);
/* May a text that stands elsewhere be such a text?  Not empty, so many bytes at most, UTF-8, no control
 * characters. */
bool body_text_ok(const char *text, size_t most);

#endif

/* An array of texts as PostgreSQL reads it: {"a","b",NULL}. */
#ifndef HANDBACK_API_ARRAY_H
#define HANDBACK_API_ARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct array {
	char *text;
	size_t length, size;
	bool failed; /* memory is out */
};

void array_start(struct array *a);                 /* keeps the room that it has */
void array_add(struct array *a, const char *text); /* NULL: SQL NULL */
void array_add_int(struct array *a, int64_t number);
void array_add_bytes(struct array *a, const void *bytes, size_t len); /* of bytea */
/* The whole; NULL when memory was out.  Lives until the next array_start or array_free. */
const char *array_end(struct array *a);
void array_free(struct array *a);

#endif

/*
 * A request file: the profile language backwards.  Rows become bytes that our own parser reads by the same
 * profile as the same rows.  Delimited and fixed-width text, XML and JSON, of one level: headers, one kind of
 * entry, trailers; counts, sums and running numbers are computed from the profile's own controls.  What a
 * profile says that cannot be written is refused, and nothing is ever cut or guessed.
 */
#ifndef HANDBACK_OUTBOUND_COMPOSE_H
#define HANDBACK_OUTBOUND_COMPOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/profile/profile.h"

/* The rows: the value of a field by its name (numbers as digits, "" for absent); NULL: rows have no such
 * value. */
struct compose_rows {
	size_t count;
	const char *(*value)(void *context, size_t row, const char *name);
	void *context;
};

struct compose_facts {
	int64_t sequence;
	int32_t day; /* since 1970-01-01: the business date */
};

/* False and a sentence in why[]: nothing of what was written may be used. */
bool compose_file(const struct profile *profile, const struct compose_rows *rows,
                  const struct compose_facts *facts, FILE *out, char *why, size_t why_size);
/* The file's name, by the profile's pattern. */
bool compose_name(const struct profile *profile, const struct compose_facts *facts, char *ret, size_t size,
                  char *why, size_t why_size);

#endif

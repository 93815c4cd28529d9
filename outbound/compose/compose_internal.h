/* A file that is being composed. */
#ifndef HANDBACK_OUTBOUND_COMPOSE_INTERNAL_H
#define HANDBACK_OUTBOUND_COMPOSE_INTERNAL_H

#include "lib/profile/dates.h"
#include "lib/profile/layout.h"
#include "outbound/compose/compose.h"

struct composing {
	const struct profile *profile;
	const struct compose_rows *rows;
	const struct compose_facts *facts;
	FILE *out;
	char *why; /* "": nothing is wrong so far */
	size_t why_size;
	size_t entry;     /* the one type of entries */
	size_t row, line; /* entries, and physical records, before this one */
	size_t lines;     /* of the whole file */
	int64_t total[LAYOUT_TOTALS];
	char text[LIMIT_FIELD_BYTES + 1], word[256], record[8192];
};

/* Says why, and gives false. */
bool compose_fails(struct composing *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Can files be composed by this profile at all? */
bool compose_check(struct composing *c);
/* Counts and sums what the controls are of. */
bool compose_totals(struct composing *c);
/* Does a control say what this field is?  False with why[] set: it does, and cannot be computed. */
bool compose_control(struct composing *c, size_t type, size_t field, int64_t *ret);
/* The column that a field stands in, from 0; -1: in none. */
int compose_column(const struct composing *c, const struct record_type *t, const struct field *f);

#endif

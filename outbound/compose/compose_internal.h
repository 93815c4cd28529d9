/* A file that is being composed. */
#ifndef HANDBACK_OUTBOUND_COMPOSE_INTERNAL_H
#define HANDBACK_OUTBOUND_COMPOSE_INTERNAL_H

#include "lib/profile/dates.h"
#include "lib/profile/layout.h"
#include "outbound/compose/compose.h"

#define COMPOSE_DEPTH 32 /* elements or objects within each other */

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
	/* XML, JSON: what is open, from the outermost on */
	const struct path_step *open[COMPOSE_DEPTH + 1];
	bool has_members[COMPOSE_DEPTH + 1]; /* of the object below so many */
	uint16_t open_count;
	bool goes_on; /* with the array whose object was closed last */
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
/* The text of a field as the file has it, in c->text. */
bool compose_field_text(struct composing *c, size_t type, const struct field *f);

/* XML and JSON (nested.c). */
bool compose_check_nested(struct composing *c);
void compose_nested_begin(struct composing *c);
bool compose_nested_record(struct composing *c, size_t type);
void compose_nested_end(struct composing *c);
static inline bool
compose_is_nested(const struct composing *c)
{
	return c->profile->layout->format == FORMAT_XML || c->profile->layout->format == FORMAT_JSON;
}

#endif

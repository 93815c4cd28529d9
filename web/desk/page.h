/*
 * How a page is written.  There is one way into it for a value, and that one escapes: page_put, whose format
 * is a literal of ours, and lib/finance/output/render.h, which does the same for tables.
 */
#ifndef HANDBACK_WEB_DESK_PAGE_H
#define HANDBACK_WEB_DESK_PAGE_H

#include <stdbool.h>
#include <stdio.h>

#include "lib/finance/output/render.h"

/*
 * The format as it is, but for
 *     %t  const char *: a text, escaped; NULL: nothing.  Also within "" of an attribute
 *     %u  const char *: a part of a URL
 *     %n  long long
 */
void page_put(FILE *out, const char *format, ...);

/* A text in which these values are marked where they stand, each with what it is and in its own colour;
 * values end with a NULL name, and those that are NULL or shorter than three bytes are none.  Digits are
 * marked only where no more of them stand beside. */
struct page_value {
	const char *name, *value;
	const char *key; /* of the caller's; may be NULL */
};
#define PAGE_COLOURS 6
/* Begins the mark of values[i], which </mark> ends; for where it stands elsewhere. */
void page_mark(FILE *out, const struct page_value *values, size_t i);
/* Does the value stand in the text? */
bool page_has(const char *text, const struct page_value *value);
void page_marked(FILE *out, const char *text, const struct page_value *values);

/* Fields of a form. */
void page_select(FILE *out, const char *name, const char *label, const char *const *words, const char *chosen,
                 const char *none);
void page_input(FILE *out, const char *type, const char *name, const char *label, const char *value);

#endif

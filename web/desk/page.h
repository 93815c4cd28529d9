/*
 * How a page is written.  There is one way into it for a value, and that one escapes: page_put, whose format
 * is a literal of ours, and lib/finance/output/render.h, which does the same for tables.
 */
#ifndef HANDBACK_WEB_DESK_PAGE_H
#define HANDBACK_WEB_DESK_PAGE_H

#include <stdio.h>

#include "lib/finance/output/render.h"

/*
 * The format as it is, but for
 *     %t  const char *: a text, escaped; NULL: nothing.  Also within "" of an attribute
 *     %u  const char *: a part of a URL
 *     %n  long long
 */
void page_put(FILE *out, const char *format, ...);

/* A text in which these values are marked where they stand, each with what it is; values end with a NULL
 * name, and those that are NULL or shorter than three bytes are none. */
struct page_value {
	const char *name, *value;
};
void page_marked(FILE *out, const char *text, const struct page_value *values);

/* Fields of a form. */
void page_select(FILE *out, const char *name, const char *label, const char *const *words, const char *chosen,
                 const char *none);
void page_input(FILE *out, const char *type, const char *name, const char *label, const char *value);

#endif

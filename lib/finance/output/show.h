/* What a program says to a person: a document on stdout, a sentence on stderr. */
#ifndef HANDBACK_FINANCE_OUTPUT_SHOW_H
#define HANDBACK_FINANCE_OUTPUT_SHOW_H

#include <stdarg.h>

#include "lib/finance/output/render.h"

enum show_end {
	SHOW_DONE,     /* or nobody reads on */
	SHOW_NO_TABLE, /* there is none of that name */
	SHOW_FAILED,   /* errno */
};

/* The document in a format other than a workbook; CSV is of one table, by its key, or of the first of rows
 * where table is NULL. */
enum show_end show_document(FILE *out, const struct document *d, enum format format, const char *table,
                            const struct terminal *terminal);

/* "PROGRAM: ..." on stderr; control characters are escaped. */
void show_complaint(const char *program, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

#endif

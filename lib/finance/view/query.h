/*
 * What a view may see: the database, the kept files, how much is wanted.  A
 * view is given parameters and gives a document; it knows no command line.
 *
 * Functions that return int give EXIT_CLEAN, or what the program must end with
 * after `say` got the reason.
 */
#ifndef HANDBACK_FINANCE_VIEW_QUERY_H
#define HANDBACK_FINANCE_VIEW_QUERY_H

#include <stdio.h>

#include "lib/base/exit_codes.h"
#include "lib/db/pg.h"
#include "lib/finance/output/table.h"

struct query {
	struct pg *pg;
	int spool;           /* the directory of kept files, open; -1: it goes without them */
	const char *limit;   /* at most so many rows of a list, as text for a LIMIT; NULL: all */
	const char *whole;   /* how the one who asks has a list whole; NULL: as the command line has it */
	const char *company; /* whose reports these are; NULL: it is not said */
	/* Writes documents as a workbook: 0, or -1 with errno; NULL: this program makes none. */
	int (*book)(FILE *out, const char *company, struct document *const *documents, size_t count);
	void (*say)(const char *format, ...) __attribute__((format(printf, 1, 2))); /* to the one who asks */
};

/* Says what the database said. */
int query_failed(const struct query *q, enum pg_status status);

/*
 * Runs one statement and adds its rows to a table.  The statement's columns must
 * be the table's, by name and in order.  params as for pg_run.
 */
int query_fill(const struct query *q, struct table *t, const char *sql, int params,
               const char *const *values);

/* Did a list end at q->limit? */
bool query_is_cut(const struct query *q, const struct table *t);

/* Says below a list that it ended at q->limit: "the oldest" of them; by_options: how to have it whole on the
 * command line. */
void query_note_cut(const struct query *q, struct table *t, const char *which, const char *by_options);

/* The end of a view: the document where it went well, and nothing where it did not; gives code. */
int query_end(struct document *d, int code, struct document **ret);

/* NULL for "": whatever it is. */
const char *text_or_null(const char *text);

#endif

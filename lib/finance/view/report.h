/*
 * The reconciliation report: what finance reads.  Everything in it comes from
 * one snapshot, and its sums were computed twice, by unlike SQL, before a word
 * of it was written.
 */
#ifndef HANDBACK_FINANCE_VIEW_REPORT_H
#define HANDBACK_FINANCE_VIEW_REPORT_H

#include <stdio.h>

#include "lib/finance/view/period.h"
#include "lib/finance/view/query.h"

struct report_asked {
	const char *partner, *file; /* the file's number; NULL: all */
	struct period period;       /* files that were decided in it */
};

/* EXIT_PROOF where the two sums differ: it was said which, and there is no document. */
int report_take(const struct query *q, const struct report_asked *asked, struct document **ret);

/*
 * Writes it into a directory, which is made: HTML, JSON, a CSV for
 * each table and a .sha256 of them all, each complete or not there, under a
 * name that no later report has; or under `name`, where that is not NULL.  The names of what was written go
 * to out, where that is not NULL.
 */
int report_keep(const struct query *q, const char *directory, const struct document *d, const char *name,
                FILE *out);

/*
 * Writes several documents, which end with what they were taken from, into a directory of their own below
 * `directory`: NAME-MOMENT-headN with the same files of each, all of them as a workbook where q makes one,
 * the first as a title page, HEAD (the audit head, as `audit verify --head` takes it) and MANIFEST.sha256 of
 * all of them, written last: a directory without it is no pack.
 */
int report_keep_pack(const struct query *q, const char *directory, const char *name,
                     struct document *const *documents, size_t count, FILE *out);

#endif

/*
 * The views: what was asked, and a document.  *ret is NULL where there is
 * nothing to show; a document may come with a status that is not EXIT_CLEAN,
 * too.  The document is the caller's to free.
 */
#ifndef HANDBACK_FINANCE_VIEW_VIEWS_H
#define HANDBACK_FINANCE_VIEW_VIEWS_H

#include "lib/finance/view/period.h"
#include "lib/finance/view/query.h"

/* What was delivered, the newest first; NULL, or "" in the period: whatever it is. */
struct files_asked {
	const char *partner, *state;
	struct period period;
};
int view_files(const struct query *q, const struct files_asked *asked, struct document **ret);

/* All that is known of one file, by its number. */
struct file_asked {
	const char *file;
	bool records;        /* them, too */
	bool rules;          /* and by which profile and decision tables it was judged */
	const char *outcome; /* those with this outcome, NULL: all */
	const char *after;   /* only records behind this one, NULL: all */
};
int view_file(const struct query *q, const struct file_asked *asked, struct document **ret);

/* The whole story of a redemption or a record, by any reference that it has. */
int view_story(const struct query *q, const char *reference, struct document **ret);

/* Open holds, the oldest first; or those that have ended, the newest first. */
struct holds_asked {
	const char *partner, *reason, *file;
	const char *owner; /* to whom an open one was given */
	const char *after; /* only holds behind this number, of those that are open; NULL: all */
	bool ended;
};
int view_holds(const struct query *q, const struct holds_asked *asked, struct document **ret);

/* All of one hold that helps to decide it, by its number. */
int view_hold(const struct query *q, const char *hold, struct document **ret);

/* Redemptions that partners should have answered by now; partner: NULL for all. */
int view_overdue(const struct query *q, const char *partner, struct document **ret);

/* How things stand now: expected, late and missing files, holds, what fails, what partners and targets owe.
 */
int view_today(const struct query *q, struct document **ret);

#endif

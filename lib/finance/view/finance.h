/*
 * Reports of a period, or of how things stood at the end of a day: each is a few
 * statements and their columns, and one more statement with the rows behind its
 * figures.  A new one is a table here, a .sql file and a command.
 */
#ifndef HANDBACK_FINANCE_VIEW_FINANCE_H
#define HANDBACK_FINANCE_VIEW_FINANCE_H

#include "lib/finance/view/period.h"
#include "lib/finance/view/query.h"
#include "lib/finance/view/report_tables.h"

struct finance_asked {
	const char *partner; /* NULL: all */
	const char *by;      /* one of the report's; NULL: its first */
	const char *rows;    /* the rows behind this figure instead of the figures; NULL: the figures */
	struct period period;
};

struct finance_report {
	const char *name; /* "ageing": names the document and its files */
	const char *title;
	bool of_a_moment; /* how it stood at the end of the period; what was before its beginning counts, too */
	/* statements are given partner, from, to, figure or by, limit: the first so many of them */
	const struct report_table *tables;
	size_t table_count;
	const struct report_table *rows; /* NULL: there are none */
	const char *const *figures;      /* words for asked.rows, up to NULL; NULL: any text */
	const char *const *by;           /* words for asked.by, up to NULL; NULL: none */
	/* Looks at the filled tables; EXIT_PROOF, and said why, where they do not agree with the ledger.  NULL:
	 * no. */
	int (*prove)(const struct query *q, const struct document *d);
};

extern const struct finance_report report_roll_forward, report_ageing, report_reasons, report_deliveries,
    report_decisions, report_trend, report_points;
/* All of them, up to NULL, in the order of the month-end pack. */
extern const struct finance_report *const finance_reports[];

/* By its name, or NULL. */
const struct finance_report *finance_find(const char *name);

/* One report, from one snapshot of its own.  A document may come with EXIT_PROOF, too. */
int finance_take(const struct query *q, const struct finance_report *report,
                 const struct finance_asked *asked, struct document **ret);

/* The same within the caller's transaction. */
int finance_take_here(const struct query *q, const struct finance_report *report,
                      const struct finance_asked *asked, struct document **ret);

/* What a document was taken from, as its last table: the snapshot and the audit head. */
int finance_source(const struct query *q, struct document *d);

/*
 * All reports of a period from one snapshot, written as a pack (report_keep_pack) whose name begins with
 * `name`; the names of its files go to out.  EXIT_PROOF, and nothing is written, where the roll-forward is
 * not the ledger's or open items by age are not what it ends with.
 */
int finance_pack(const struct query *q, const struct period *period, const char *directory, const char *name,
                 FILE *out);

#endif

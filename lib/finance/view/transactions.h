/*
 * Transactional reports: the ledger's entries by what finance asks for, and their sums, which are proved
 * twice: against sums that another statement counts, and against what members hold.
 */
#ifndef HANDBACK_FINANCE_VIEW_TRANSACTIONS_H
#define HANDBACK_FINANCE_VIEW_TRANSACTIONS_H

#include <stdio.h>

#include "lib/finance/output/render.h"
#include "lib/finance/view/period.h"
#include "lib/finance/view/query.h"

/* NULL: whatever it is. */
struct transactions_asked {
	const char *programme;
	const char *categories; /* with commas, as the ledger writes them */
	const char *partner, *member, *type, *merchant, *state;
	const char *fewest, *most; /* points */
	const char *columns;       /* with commas, in this order; NULL: all */
	struct period period;
};

/* EXIT_USAGE, and said why, for what is no category, no state or no column. */
int transactions_check(const struct query *q, const struct transactions_asked *asked);

/* The first q->limit of them and the sums of all.  A document may come with EXIT_PROOF, too. */
int transactions_take(const struct query *q, const struct transactions_asked *asked, struct document **ret);

/*
 * All of them as JSON or CSV, page by page of one snapshot: nothing is kept of what was written, the first is
 * there before the last was looked for.  EXIT_PROOF, after what was written, where the sums do not agree.
 */
int transactions_write(const struct query *q, const struct transactions_asked *asked, enum format format,
                       FILE *out);

#endif

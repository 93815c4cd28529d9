/*
 * Transactional reports: the ledger's entries by what finance asks for, and their sums, which are proved
 * twice: against sums that another statement counts, and against what members hold.
 */
#ifndef HANDBACK_FINANCE_VIEW_TRANSACTIONS_H
#define HANDBACK_FINANCE_VIEW_TRANSACTIONS_H

#include <stdio.h>

#include "lib/finance/output/sink.h"
#include "lib/finance/view/period.h"
#include "lib/finance/view/query.h"

/* NULL: whatever it is. */
struct transactions_asked {
	const char *programme;
	const char *categories; /* with commas, as the ledger writes them */
	const char *partner, *member, *type, *merchant, *state;
	const char *fewest, *most; /* points */
	const char *columns;       /* with commas, in this order; NULL: all */
	const char *after; /* the entry that was shown last; NULL: from the first on */
	struct period period;
};

extern const char *const transactions_states[]; /* words for state, up to NULL */

/* EXIT_USAGE, and said why, for what is no category, no state or no column. */
int transactions_check(const struct query *q, const struct transactions_asked *asked);

/* The first q->limit of them behind `after`, and the sums of all.  A document may come with EXIT_PROOF, too. */
int transactions_take(const struct query *q, const struct transactions_asked *asked, struct document **ret);

/* "From 2026-01-01 to 2026-01-31. ...": what they are of; the caller's to free. */
char *transactions_words(const struct transactions_asked *asked);

struct transactions_found {
	int64_t entries; /* how many there are */
	char *lines;     /* "PROGRAMME, CATEGORY: N entries, N points" each, for people; the caller's to free */
};

/*
 * All of them, page by page of one snapshot, and then their sums: nothing is kept of what was written, the
 * first is there before the last was looked for.  EXIT_PROOF, after what was written, where the sums do not
 * agree.  ret may be NULL.  The sink is ended, however it goes.
 */
int transactions_write(const struct query *q, const struct transactions_asked *asked, struct sink *sink,
                       struct transactions_found *ret);

#endif

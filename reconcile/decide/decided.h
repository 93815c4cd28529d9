/*
 * The decided records of one file, in the file's order.
 *
 * The database gives them in whatever order its plan finds them: to sort them
 * there costs more than to decide them.  Here each is put to the run of its
 * number (record 1 to DECIDED_RUN, and so on).  What does not fit into some
 * memory goes to a file without a name, and runs are read back one at a time:
 * that memory is all, however large the file is, but for the numbers of what is
 * reversed.
 */
#ifndef HANDBACK_RECONCILE_DECIDE_DECIDED_H
#define HANDBACK_RECONCILE_DECIDE_DECIDED_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/codes.h"
#include "lib/base/sum.h"
#include "lib/proof/leaf.h"

#define DECIDED_RUN 16384 /* records */

struct decided;

/* What the records come to, by enum outcome. */
struct decided_tally {
	int64_t records;
	sum_t points; /* of the debits, or as stated where there is none */
};

/* work: the directory for the file without a name, made when it is needed; -1: /tmp.  NULL without memory. */
struct decided *decided_new(int work);
void decided_free(struct decided *d); /* NULL is fine */

/* Keeps a copy of a leaf that has no reversal yet.  0, or -1 with errno: ERANGE for a number that no record
 * has. */
int decided_add(struct decided *d, const struct leaf *leaf);

/* Of what was added; outcome is OUTCOME_CONFIRMED to OUTCOME_CLOSED. */
const struct decided_tally *decided_tally(const struct decided *d, int outcome);
int64_t decided_records(const struct decided *d);
int64_t decided_unknown(const struct decided *d); /* those that are held for an unknown reference */
/* The redemptions whose outcome is reversed, in the order in which they were added. */
const int64_t *decided_reversed(const struct decided *d, size_t *ret_count);

/*
 * The ledger refuses the reversal of number `at` of decided_reversed: its record is held as posting_failed,
 * with why. It moves in the tally, and stays in the list.  0, or -1 with errno.
 */
int decided_refuse(struct decided *d, size_t at, const char *why);

/*
 * The records of run 0, 1 ... below decided_runs, in order; they and their texts live until the next call.
 * -1 with errno: EBADMSG where a record of the run was given twice, or not at all.
 */
size_t decided_runs(const struct decided *d);
int decided_load(struct decided *d, size_t run, struct leaf **ret_leaf, size_t *ret_count);

#endif

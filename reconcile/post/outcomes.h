/*
 * The decided records into handback.outcome and handback.hold, by binary COPY
 * in the file's order: each outcome with its leaf, and with the reversal as the
 * ledger shows it.
 */
#ifndef HANDBACK_RECONCILE_POST_OUTCOMES_H
#define HANDBACK_RECONCILE_POST_OUTCOMES_H

#include "lib/db/pg.h"
#include "lib/proof/merkle.h"
#include "reconcile/decide/decide.h"
#include "reconcile/decide/decided.h"

struct outcomes {
	struct pg *pg;
	struct decided *decided;
	int64_t file_id;
	const uint8_t *sha256; /* the file's */
	const char *programme; /* the profile's, or NULL: each record names it */
};

/* What was written, and what the ledger showed meanwhile. */
struct outcomes_written {
	int64_t records, reversals;
	sum_t points; /* of the reversals */
};

enum { OUTCOMES_REFUSED = 100 }; /* more reversals that the ledger refuses hold the whole file */

/*
 * Posts the reversals that were decided, before anything else is written: the rows show them.  What the
 * ledger refuses by itself holds its record (posting_failed, with the ledger's words) and nothing else; too
 * much of it holds the file, and nothing is posted.  *effect follows.
 */
enum pg_status outcomes_post(struct pg *pg, struct decided *decided, struct effect *effect);
/* One row for each record; adds their leaves to the tree. */
enum pg_status outcomes_write(const struct outcomes *o, struct merkle *tree, struct outcomes_written *ret);
/*
 * The reversals of records of groups, before those of outcomes_post; what the ledger refuses of them holds
 * the file, as effect->hold says.  outcomes_groups_undo: the file is held, and nothing of it stays posted.
 */
enum pg_status outcomes_groups(struct pg *pg, struct effect *effect);
enum pg_status outcomes_groups_undo(struct pg *pg);
/* An outcome for each redemption of the groups, behind those of the file's records. */
enum pg_status outcomes_groups_write(const struct outcomes *o);

/* A hold for each record whose outcome it is. */
enum pg_status outcomes_hold(const struct outcomes *o);

/* What they settle ends holds of earlier files about the same redemptions (schema/present/overtaken.sql). */
enum pg_status outcomes_overtake(const struct outcomes *o);

/* Of a file that is older than another: only of redemptions that its parts made whole. */
enum pg_status outcomes_overtake_parts(const struct outcomes *o);
/* What records of groups settled, which outcomes_overtake does not see. */
enum pg_status outcomes_overtake_groups(const struct outcomes *o);

/* Shows all records, in order, writing nothing: what a dry run is for.  Which file they are of is not said.
 */
enum pg_status outcomes_show(struct pg *pg, struct decided *decided,
                             void (*show)(void *context, const struct leaf *leaf), void *context);

/* Posts the reversal of each; the ledger answers for all of them or for none. */
enum pg_status outcomes_reverse(struct pg *pg, const int64_t *redemption_ids, size_t count);

#endif

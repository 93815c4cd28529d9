/* Rows of decide.sql, post_shown.sql and verify_leaves.sql as leaves: each has some of the same columns. */
#ifndef HANDBACK_PROOF_LEAF_ROW_H
#define HANDBACK_PROOF_LEAF_ROW_H

#include "lib/db/pg.h"
#include "lib/proof/leaf.h"

/* What a leaf is made of, in this order; a statement may have more columns behind. */
enum leaf_column {
	LEAF_RECORD_NO,
	LEAF_REVISION,
	LEAF_BYTE_OFFSET,
	LEAF_BYTE_LENGTH,
	LEAF_VERDICT,
	LEAF_OUTCOME,
	LEAF_HOLD_REASON,
	LEAF_POINTS,
	LEAF_REFERENCE,
	LEAF_REASONS,
	LEAF_DETAIL,
	LEAF_DECIDED_AT,
	LEAF_REDEMPTION, /* its id and ten more */
	LEAF_REVERSAL = LEAF_REDEMPTION + 11,
	LEAF_COLUMNS = LEAF_REVERSAL + 8
};

/* The texts live as long as the result; the result is in binary (pg_fetch). */
void leaf_from_row(const struct pg_result *r, int row, const char *file_sha256, struct leaf *ret);
/* The same of columns up to LEAF_REVERSAL: there is no reversal, nor which file it is. */
void leaf_without_reversal(const struct pg_result *r, int row, struct leaf *ret);
/* Gives a leaf its reversal, from the eight columns that begin with `first`. */
void leaf_add_reversal(const struct pg_result *r, int row, int first, struct leaf *leaf);

#endif

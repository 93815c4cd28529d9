/* A row of pg_temp.decided_rows or verify_leaves.sql, which have the same columns, as a leaf. */
#ifndef HANDBACK_RECONCILE_LEAF_ROW_H
#define HANDBACK_RECONCILE_LEAF_ROW_H

#include "reconcile/leaf.h"
#include "reconcile/pg.h"

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

#endif

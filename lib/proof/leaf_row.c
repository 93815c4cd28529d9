#include "lib/proof/leaf_row.h"

#include <string.h>

static struct leaf_text
text_of(const struct pg_result *r, int row, int column)
{
	struct leaf_text text;

	text.data = (const char *) pg_get_bytes(r, row, column, &text.len);
	return text;
}

static void
uuid_of(const struct pg_result *r, int row, int column, uint8_t ret[16])
{
	size_t len;
	const uint8_t *bytes = pg_get_bytes(r, row, column, &len);

	memset(ret, 0, 16);
	if (len == 16)
		memcpy(ret, bytes, 16);
}

static void
redemption_of(const struct pg_result *r, int row, struct leaf *leaf)
{
	int c = LEAF_REDEMPTION;

	leaf->has_redemption = !pg_null(r, row, c);
	if (!leaf->has_redemption)
		return;
	leaf->redemption.id = pg_get_int(r, row, c);
	uuid_of(r, row, c + 1, leaf->redemption.external_reference);
	leaf->redemption.programme_id = pg_get_int(r, row, c + 2);
	leaf->redemption.member_id = pg_get_int(r, row, c + 3);
	leaf->redemption.points = pg_get_int(r, row, c + 4);
	leaf->redemption.has_amount = !pg_null(r, row, c + 5);
	leaf->redemption.amount = pg_get_int(r, row, c + 5);
	leaf->redemption.currency = text_of(r, row, c + 6);
	leaf->redemption.merchant = text_of(r, row, c + 7);
	leaf->redemption.has_transaction_type = !pg_null(r, row, c + 8);
	leaf->redemption.transaction_type = pg_get_int(r, row, c + 8);
	leaf->redemption.partner = text_of(r, row, c + 9);
	leaf->redemption.redeemed_at = pg_get_time(r, row, c + 10);
}

void
leaf_add_reversal(const struct pg_result *r, int row, int first, struct leaf *leaf)
{
	leaf->has_reversal = !pg_null(r, row, first);
	if (!leaf->has_reversal)
		return;
	leaf->reversal.id = pg_get_int(r, row, first);
	uuid_of(r, row, first + 1, leaf->reversal.external_reference);
	leaf->reversal.programme_id = pg_get_int(r, row, first + 2);
	leaf->reversal.member_id = pg_get_int(r, row, first + 3);
	leaf->reversal.points = pg_get_int(r, row, first + 4);
	leaf->reversal.redemption_id = pg_get_int(r, row, first + 5);
	leaf->reversal.posted_at = pg_get_time(r, row, first + 6);
	leaf->reversal.posted_by = text_of(r, row, first + 7);
}

void
leaf_without_reversal(const struct pg_result *r, int row, struct leaf *ret)
{
	*ret = (struct leaf){
	    .record_no = pg_get_int(r, row, LEAF_RECORD_NO),
	    .revision = pg_get_int(r, row, LEAF_REVISION),
	    .byte_offset = pg_get_int(r, row, LEAF_BYTE_OFFSET),
	    .byte_length = pg_get_int(r, row, LEAF_BYTE_LENGTH),
	    .verdict = (int) pg_get_int(r, row, LEAF_VERDICT),
	    .outcome = (int) pg_get_int(r, row, LEAF_OUTCOME),
	    .hold_reason = text_of(r, row, LEAF_HOLD_REASON),
	    .has_points = !pg_null(r, row, LEAF_POINTS),
	    .points = pg_get_int(r, row, LEAF_POINTS),
	    .reference = text_of(r, row, LEAF_REFERENCE),
	    .reasons = text_of(r, row, LEAF_REASONS),
	    .detail = text_of(r, row, LEAF_DETAIL),
	    .decided_at = pg_get_time(r, row, LEAF_DECIDED_AT),
	};
	redemption_of(r, row, ret);
}

void
leaf_from_row(const struct pg_result *r, int row, const char *file_sha256, struct leaf *ret)
{
	leaf_without_reversal(r, row, ret);
	leaf_add_reversal(r, row, LEAF_REVERSAL, ret);
	ret->file_sha256 = file_sha256;
}

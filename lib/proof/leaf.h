/*
 * A leaf: one decided record as a line of text, and nothing else.  The fields
 * and their order are in docs/architecture.md, "The proof"; what is hashed is
 * exactly this line.
 *
 * No database here: rows become leaves in lib/proof/leaf_row.h.
 */
#ifndef HANDBACK_PROOF_LEAF_H
#define HANDBACK_PROOF_LEAF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct leaf_text {
	const char *data; /* UTF-8; NULL as good as empty */
	size_t len;
};

/* Is it this word? */
static inline bool
leaf_text_is(struct leaf_text text, const char *word)
{
	return text.data != NULL && strlen(word) == text.len && memcmp(text.data, word, text.len) == 0;
}

/* What may be absent in SQL is absent here by its has_; points in points, amounts in minor units, times in µs
 * since 1970 UTC. */
struct leaf {
	const char *file_sha256; /* hex */
	int64_t record_no;
	int64_t revision;
	int64_t byte_offset;
	int64_t byte_length;
	int verdict; /* enum verdict */
	int outcome; /* enum outcome */
	struct leaf_text hold_reason, reference, reasons, detail;
	bool has_points;
	int64_t points;
	int64_t decided_at;

	bool has_redemption; /* the debit as the ledger shows it */
	struct {
		int64_t id;
		uint8_t external_reference[16];
		int64_t programme_id, member_id, points;
		bool has_amount, has_transaction_type;
		int64_t amount, transaction_type;
		struct leaf_text currency, merchant, partner;
		int64_t redeemed_at;
	} redemption;

	bool has_reversal; /* the reversal as the ledger shows it */
	struct {
		int64_t id;
		uint8_t external_reference[16];
		int64_t programme_id, member_id, points, redemption_id;
		int64_t posted_at;
		struct leaf_text posted_by;
	} reversal;
};

/* Leaves as text, one after the other, in one buffer. */
struct leaf_writer {
	char *text; /* of the last leaf, not NUL-ended */
	size_t len, size;
};

void leaf_writer_open(struct leaf_writer *w);
void leaf_writer_close(struct leaf_writer *w);
/* Writes the line into w->text, w->len.  False, with nothing in it, when there is no memory. */
bool leaf_write(struct leaf_writer *w, const struct leaf *leaf);

#endif

/*
 * A head: what proves one file or one event, chained to the head before.  Its
 * text is in docs/architecture.md, "The proof"; the lines that speak of the
 * file or the event come from the tables (head_files.sql, head_events.sql).
 */
#ifndef HANDBACK_PROOF_HEAD_H
#define HANDBACK_PROOF_HEAD_H

#include "lib/base/text.h"
#include "lib/db/pg.h"
#include "lib/proof/merkle.h"

struct head {
	int64_t head_no;
	char previous[TEXT_HEX_SIZE(SHA256_BYTES)];
	int64_t made_at; /* µs since 1970 UTC */
	uint64_t tree_size;
	char root[TEXT_HEX_SIZE(SHA256_BYTES)];
};

/* The text that is hashed; body is what the tables say.  The caller frees it; NULL: no memory. */
char *head_text(const struct head *head, const char *body);

/*
 * Adds the head of a file, in the open transaction and as the last thing that
 * it does: no other head can be made until it ends.  The leaves are those in
 * the tree.
 */
enum pg_status head_add_file(struct pg *pg, int64_t file_id, const struct merkle *tree);

#endif

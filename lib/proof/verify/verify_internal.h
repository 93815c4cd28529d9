/* What the parts of verify.h have in common: only their own files include this. */
#ifndef HANDBACK_PROOF_VERIFY_VERIFY_INTERNAL_H
#define HANDBACK_PROOF_VERIFY_VERIFY_INTERNAL_H

#include "lib/proof/leaf.h"
#include "lib/proof/merkle.h"
#include "lib/proof/verify/verify.h"

/* One head of a batch; texts live in the batch's result. */
struct verify_head {
	int64_t head_no;
	int64_t file_id;  /* 0: of an event */
	int64_t event_id; /* 0: of a file, or the event is gone */
	int64_t tree_size, made_at;
	const char *root, *text, *hash, *previous;
	const char *sha256, *name; /* of the file */
};

/* Totals, for the progress that is shown. */
struct verify_totals {
	int64_t heads, records, files, bytes;
};

/* Keeps the difference.  Gives VERIFY_EQUAL: the search goes on; or VERIFY_MEMORY. */
enum verify_end verify_differs(struct verify *v, const char *part, const struct verify_head *head,
                               const char *format, ...) __attribute__((format(printf, 4, 5)));
/* The difference that was kept last, for what only its finder knows; never NULL. */
struct verify_difference *verify_last(struct verify *v);
/* Keeps the status and gives VERIFY_DATABASE. */
enum verify_end verify_failed(struct verify *v, enum pg_status status);
void verify_progress(const struct verify *v, const char *what, const char *unit, int64_t done, int64_t total);

/* verify_heads.c: the chain, the heads' texts and, with verify_trees, the trees below them. */
enum verify_end verify_chain(struct verify *v, const struct verify_totals *totals);

/* verify_checkpoints.c: before the first head, for each head in its order, behind the last; and from
 * verify_free. */
enum verify_end verify_checkpoints_open(struct verify *v);
enum verify_end verify_checkpoints_head(struct verify *v, const struct verify_head *h);
enum verify_end verify_checkpoints_end(struct verify *v);
void verify_checkpoints_close(struct verify *v);

/* verify_trees.c: the trees of a batch of heads, in the order of the batch; done is what was verified before.
 */
enum verify_end verify_trees(struct verify *v, const struct verify_head *heads, int count, int64_t total);

/* verify_kept.c: the bytes of every file in archive and quarantine.  Last: it may end the transaction. */
enum verify_end verify_kept(struct verify *v, const struct verify_totals *totals);

#endif

/* The trees: every leaf made once more from the outcome row and what the ledger has for it now. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/db/params.h"
#include "lib/proof/leaf_row.h"
#include "lib/proof/verify/leaf_guess.h"
#include "lib/proof/verify/verify_internal.h"
#include "lib/proof/verify/verify_sql.h"

/* Behind the columns of the leaf. */
enum { OF_NUMBER = LEAF_COLUMNS, OF_LEAF_HASH, OF_REDEMPTION, OF_REVERSAL, OF_SHA256 };

/* What is kept of the heads of a batch that have trees of one kind, ordered by file or event. */
struct tree {
	const struct verify_head *head;
	int64_t number; /* of the file or the event */
	bool seen;
};

struct walk {
	struct verify *v;
	int64_t total;
	struct tree *trees;
	int count;
	struct tree *tree; /* of the records that come now; NULL: of no head of this batch */
	int64_t number;    /* their file or event; 0 before the first */
	struct merkle merkle;
	struct leaf_writer writer;
	uint8_t sha256[SHA256_BYTES];
	char sha256_hex[TEXT_HEX_SIZE(SHA256_BYTES)];
	int64_t record_no; /* the last */
	int64_t gap;       /* the first record number that does not follow the one before; 0: none */
	int64_t before;    /* differences before this tree */
	bool differs;      /* a leaf was not as stored */
};

static int
by_number(const void *a, const void *b)
{
	const struct tree *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

/* The tree of a file or event, or NULL where its head is in another batch. */
static struct tree *
find_tree(struct walk *w, int64_t number)
{
	struct tree key = {.number = number};

	return bsearch(&key, w->trees, (size_t) w->count, sizeof(key), by_number);
}

/* A leaf that is not as stored.  Says as exactly as can be known what was changed, and what it was. */
static enum verify_end
tell_leaf(struct walk *w, const struct pg_result *r, int row, const struct leaf *leaf,
          const uint8_t stored[SHA256_BYTES])
{
	int64_t redemption = pg_get_int(r, row, OF_REDEMPTION), reversal = pg_get_int(r, row, OF_REVERSAL);
	const struct verify_head *head = w->tree->head;
	struct leaf_guess guess;
	enum verify_end end;

	if (!pg_null(r, row, OF_REDEMPTION) && !leaf->has_redemption)
		end = verify_differs(w->v, "debit", head,
		                     "redemption %" PRId64 ", which it answers, is gone from the ledger", redemption);
	else if (!pg_null(r, row, OF_REVERSAL) && !leaf->has_reversal)
		end = verify_differs(w->v, "reversal", head,
		                     "reversal %" PRId64 ", which was posted for it, is gone from the ledger",
		                     reversal);
	else if (leaf_guess(w->writer.text, w->writer.len, stored, &guess))
		end = verify_differs(w->v, guess.part, head,
		                     "%s is %s, and was %s when it was decided (%s %" PRId64 ")", guess.field,
		                     guess.is, guess.was,
		                     strcmp(guess.part, "debit") == 0      ? "redemption"
		                     : strcmp(guess.part, "reversal") == 0 ? "reversal"
		                                                           : "head",
		                     strcmp(guess.part, "debit") == 0      ? redemption
		                     : strcmp(guess.part, "reversal") == 0 ? reversal
		                                                           : head->head_no);
	else
		end = verify_differs(w->v, "outcome", head,
		                     "the outcome row, redemption %" PRId64 " or reversal %" PRId64
		                     " is not what it was when it was decided",
		                     redemption, reversal);
	struct verify_difference *last = verify_last(w->v);
	last->record_no = leaf->record_no;
	last->byte_offset = leaf->byte_offset;
	last->byte_length = leaf->byte_length;
	return end;
}

/* All records of one tree have been read. */
static enum verify_end
end_tree(struct walk *w)
{
	uint8_t root[SHA256_BYTES];
	char hex[TEXT_HEX_SIZE(SHA256_BYTES)];

	if (w->tree == NULL)
		return VERIFY_EQUAL;
	const struct verify_head *h = w->tree->head;
	merkle_root(&w->merkle, root);
	bool same = strcmp(text_hex(hex, root, sizeof(root)), h->root) == 0;
	if (w->differs) {
		/* the rows give the root, so it is the stored leaf that was changed */
		for (int64_t i = w->before; same && i < w->v->count && i < VERIFY_KEPT; i++)
			snprintf(w->v->found[i].message, sizeof(w->v->found[i].message),
			         "its leaf_hash is not that of its row, and the row is as it was proved");
		return VERIFY_EQUAL;
	}
	if (same)
		return VERIFY_EQUAL;
	if ((int64_t) w->merkle.size < h->tree_size && w->gap)
		return verify_differs(w->v, "outcome", h,
		                      "%" PRId64 " records were proved, %" PRIu64 " are there: record %" PRId64
		                      " is gone",
		                      h->tree_size, w->merkle.size, w->gap);
	if ((int64_t) w->merkle.size != h->tree_size)
		return verify_differs(w->v, "outcome", h, "%" PRId64 " records were proved, %" PRIu64 " are there",
		                      h->tree_size, w->merkle.size);
	return verify_differs(w->v, "outcome", h, "its records have the root %s, the head has %s", hex, h->root);
}

static enum verify_end
begin_tree(struct walk *w, int64_t number)
{
	w->number = number;
	w->tree = find_tree(w, number);
	w->record_no = w->gap = 0;
	w->differs = false;
	w->before = w->v->count;
	if (w->tree == NULL)
		return VERIFY_EQUAL;
	w->tree->seen = true;
	merkle_clear(&w->merkle);
	return VERIFY_EQUAL;
}

static enum verify_end
take_row(struct walk *w, const struct pg_result *r, int row)
{
	uint8_t hash[SHA256_BYTES];
	struct leaf leaf;
	size_t len;
	const uint8_t *sha256 = pg_get_bytes(r, row, OF_SHA256, &len);

	if (len == SHA256_BYTES && memcmp(sha256, w->sha256, len) != 0) {
		memcpy(w->sha256, sha256, len);
		text_hex(w->sha256_hex, sha256, len);
	}
	leaf_from_row(r, row, w->sha256_hex, &leaf);
	if (!leaf_write(&w->writer, &leaf))
		return VERIFY_MEMORY;
	merkle_leaf_hash(&w->merkle, w->writer.text, w->writer.len, hash);
	merkle_add(&w->merkle, hash);
	if (!w->gap && leaf.record_no != w->record_no + 1)
		w->gap = w->record_no + 1;
	w->record_no = leaf.record_no;
	w->v->counts.records++;

	const uint8_t *stored = pg_get_bytes(r, row, OF_LEAF_HASH, &len);
	if (len == SHA256_BYTES && memcmp(stored, hash, SHA256_BYTES) == 0)
		return VERIFY_EQUAL;
	w->differs = true;
	return tell_leaf(w, r, row, &leaf, stored);
}

static enum verify_end
take_rows(struct walk *w, const struct pg_result *r)
{
	enum verify_end end = VERIFY_EQUAL;

	for (int row = 0; end == VERIFY_EQUAL && row < pg_rows(r); row++) {
		int64_t number = pg_get_int(r, row, OF_NUMBER);
		if (number != w->number) {
			end = end_tree(w);
			if (end == VERIFY_EQUAL)
				end = begin_tree(w, number);
		}
		if (end == VERIFY_EQUAL && w->tree != NULL)
			end = take_row(w, r, row);
	}
	verify_progress(w->v, "verifying", "records", w->v->counts.records, w->total);
	return end;
}

static enum verify_end
walk_rows(struct walk *w, const char *sql)
{
	struct params p = {0};
	bool more = true;

	param_int(&p, w->trees[0].number);
	param_int(&p, w->trees[w->count - 1].number);
	enum pg_status status = pg_run(w->v->pg, sql, p.n, p.value, NULL);
	enum verify_end end = VERIFY_EQUAL;
	while (status == PG_OK && end == VERIFY_EQUAL && more) {
		struct pg_result *r;
		status = pg_fetch_prepared(w->v->pg, sql_verify_fetch, 0, NULL, &r);
		if (status != PG_OK)
			break;
		more = pg_rows(r) > 0;
		end = take_rows(w, r);
		pg_result_free(r);
	}
	if (status == PG_OK)
		status = pg_run_prepared(w->v->pg, sql_verify_close, 0, NULL, NULL);
	if (status != PG_OK)
		return verify_failed(w->v, status);
	return end == VERIFY_EQUAL ? end_tree(w) : end;
}

/* The trees of one kind: those of files, or those of events. */
static enum verify_end
walk_kind(struct verify *v, const struct verify_head *heads, int count, bool files, int64_t total)
{
	struct walk w = {.v = v, .total = total};
	enum verify_end end = VERIFY_EQUAL;

	w.trees = calloc((size_t) count, sizeof(*w.trees));
	if (w.trees == NULL)
		return VERIFY_MEMORY;
	for (int i = 0; i < count; i++)
		if (heads[i].tree_size > 0 && (heads[i].file_id != 0) == files)
			w.trees[w.count++] =
			    (struct tree){&heads[i], files ? heads[i].file_id : heads[i].event_id, false};
	if (w.count > 0) {
		qsort(w.trees, (size_t) w.count, sizeof(*w.trees), by_number);
		merkle_open(&w.merkle);
		leaf_writer_open(&w.writer);
		end = walk_rows(&w, files ? sql_verify_leaves : sql_verify_act_leaves);
		leaf_writer_close(&w.writer);
		merkle_close(&w.merkle);
	}
	for (int i = 0; end == VERIFY_EQUAL && i < w.count; i++)
		if (!w.trees[i].seen)
			end =
			    verify_differs(v, "outcome", w.trees[i].head,
			                   "%" PRId64 " records were proved, none is there", w.trees[i].head->tree_size);
	free(w.trees);
	return end;
}

enum verify_end
verify_trees(struct verify *v, const struct verify_head *heads, int count, int64_t total)
{
	enum verify_end end = walk_kind(v, heads, count, true, total);

	return end == VERIFY_EQUAL ? walk_kind(v, heads, count, false, total) : end;
}

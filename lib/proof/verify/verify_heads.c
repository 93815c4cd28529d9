/* The chain of heads, and what each says against what the tables say now. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/db/params.h"
#include "lib/proof/head.h"
#include "lib/proof/proof_sql.h"
#include "lib/proof/verify/verify_internal.h"
#include "lib/proof/verify/verify_sql.h"

#define BATCH 500

static struct verify_head
head_of_row(const struct pg_result *r, int row)
{
	return (struct verify_head){
	    .head_no = pg_int_of(r, row, "head_no"),
	    .file_id = pg_int_of(r, row, "file_id"),
	    .event_id = pg_int_of(r, row, "event_id"),
	    .tree_size = pg_int_of(r, row, "tree_size"),
	    .root = pg_text_of(r, row, "root"),
	    .text = pg_text_of(r, row, "head_text"),
	    .hash = pg_text_of(r, row, "head_hash"),
	    .previous = pg_text_of(r, row, "previous"),
	    .made_at = pg_int_of(r, row, "made_at"),
	    .sha256 = pg_null_of(r, row, "sha256") ? NULL : pg_text_of(r, row, "sha256"),
	    .name = pg_null_of(r, row, "name_shown") ? NULL : pg_text_of(r, row, "name_shown"),
	};
}

/* Number, link and hash: what can be said without looking at any other table. */
static enum verify_end
check_link(struct verify *v, const struct verify_head *h)
{
	static const char zeros[] = "0000000000000000000000000000000000000000000000000000000000000000";
	char before[TEXT_HEX_SIZE(SHA256_BYTES)];
	uint8_t hash[SHA256_BYTES];
	char hex[TEXT_HEX_SIZE(SHA256_BYTES)];
	int64_t last = v->counts.head_no;

	/* the next one is compared with this one, whatever is wrong with it */
	snprintf(before, sizeof(before), "%s", last ? v->counts.head_hash : zeros);
	sha256_of(h->text, strlen(h->text), hash);
	text_hex(hex, hash, sizeof(hash));
	v->counts.head_no = h->head_no;
	snprintf(v->counts.head_hash, sizeof(v->counts.head_hash), "%s", h->hash);
	if (h->head_no != last + 1)
		return verify_differs(v, "head", h,
		                      "after head %" PRId64 " comes head %" PRId64 ": %" PRId64 " are gone", last,
		                      h->head_no, h->head_no - last - 1);
	if (strcmp(hex, h->hash) != 0)
		return verify_differs(v, "head", h, "its text has the hash %s, its head_hash is %s", hex, h->hash);
	if (strcmp(h->previous, before) != 0)
		return verify_differs(v, "head", h, "it follows a head with the hash %s, the head before it has %s",
		                      h->previous, before);
	if (h->head_no == v->known_head && strcmp(h->hash, v->known_hash) != 0)
		return verify_differs(v, "head", h, "its hash is %s, and %s was noted", h->hash, v->known_hash);
	return VERIFY_EQUAL;
}

/* The first line in which the head and the tables differ. */
static enum verify_end
tell_line(struct verify *v, const struct verify_head *h, const char *tables)
{
	const char *head = h->text;
	size_t head_len = strcspn(head, "\n"), tables_len = strcspn(tables, "\n");

	while (head_len == tables_len && memcmp(head, tables, head_len) == 0 && head[head_len] &&
	       tables[tables_len]) {
		head += head_len + 1;
		tables += tables_len + 1;
		head_len = strcspn(head, "\n");
		tables_len = strcspn(tables, "\n");
	}
	char shown_head[TEXT_ESCAPED_SIZE(400)], shown_tables[TEXT_ESCAPED_SIZE(400)];
	text_display(shown_head, sizeof(shown_head), head, head_len < 400 ? head_len : 400);
	text_display(shown_tables, sizeof(shown_tables), tables, tables_len < 400 ? tables_len : 400);
	return verify_differs(v, h->file_id ? "file" : "event", h, "the head says \"%s\", the tables say \"%s\"",
	                      head_len ? shown_head : "(no such line)",
	                      tables_len ? shown_tables : "(no such line)");
}

/* The text as it has to be, from the head's columns and what the tables say of its file or event. */
static enum verify_end
check_text(struct verify *v, const struct verify_head *h, const char *body)
{
	struct head head = {.head_no = h->head_no, .made_at = h->made_at, .tree_size = (uint64_t) h->tree_size};
	enum verify_end end = VERIFY_EQUAL;

	if (body == NULL)
		return verify_differs(v, h->file_id ? "file" : "event", h, "the %s that it proves is gone",
		                      h->file_id ? "file" : "event");
	snprintf(head.previous, sizeof(head.previous), "%s", h->previous);
	snprintf(head.root, sizeof(head.root), "%s", h->root);
	char *text = head_text(&head, body);
	if (text == NULL)
		return VERIFY_MEMORY;
	if (strcmp(text, h->text) != 0)
		end = tell_line(v, h, text);
	free(text);
	return end;
}

/* The text of that number in rows ordered by it, which stands in the column `name`; NULL: none. */
static const char *
find_body(const struct pg_result *bodies, const char *name, int64_t number)
{
	int low = 0, high = bodies != NULL ? pg_rows(bodies) : 0;
	int column = bodies != NULL ? pg_column(bodies, name) : 0;

	while (low < high) {
		int middle = low + (high - low) / 2;
		if (pg_int(bodies, middle, column) < number)
			low = middle + 1;
		else
			high = middle;
	}
	return bodies != NULL && low < pg_rows(bodies) && pg_int(bodies, low, column) == number
	           ? pg_text_of(bodies, low, "text")
	           : NULL;
}

/* What the tables say of the numbers from the least to the greatest; *ret_bodies stays NULL where there are
 * none. */
static enum verify_end
fetch_bodies(struct verify *v, const char *sql, int64_t from, int64_t to, struct pg_result **ret_bodies)
{
	struct params p = {0};

	if (to == 0)
		return VERIFY_EQUAL;
	param_int(&p, from);
	param_int(&p, to);
	enum pg_status status = pg_run_prepared(v->pg, sql, p.n, p.value, ret_bodies);
	return status == PG_OK ? VERIFY_EQUAL : verify_failed(v, status);
}

static enum verify_end
check_texts(struct verify *v, const struct verify_head *heads, int count)
{
	struct pg_result *files = NULL, *events = NULL;
	int64_t from = INT64_MAX, to = 0;

	for (int i = 0; i < count; i++)
		if (heads[i].file_id) {
			from = heads[i].file_id < from ? heads[i].file_id : from;
			to = heads[i].file_id > to ? heads[i].file_id : to;
		}
	enum verify_end end = fetch_bodies(v, sql_head_files, from, to, &files);
	if (end == VERIFY_EQUAL)
		end = fetch_bodies(v, sql_verify_events, heads[0].head_no, heads[count - 1].head_no, &events);
	for (int i = 0; end == VERIFY_EQUAL && i < count; i++)
		end = check_text(v, &heads[i],
		                 heads[i].file_id ? find_body(files, "file_id", heads[i].file_id)
		                                  : find_body(events, "head_no", heads[i].head_no));
	pg_result_free(files);
	pg_result_free(events);
	return end;
}

static int
by_head(const void *a, const void *b)
{
	const struct verify_difference *x = a, *y = b;
	int order = (x->head_no > y->head_no) - (x->head_no < y->head_no);

	return order != 0 ? order : (x->number > y->number) - (x->number < y->number);
}

/* What is wrong with a batch is listed head by head, the first head first. */
static enum verify_end
check_batch(struct verify *v, const struct verify_head *heads, int count, const struct verify_totals *totals)
{
	enum verify_end end = VERIFY_EQUAL;
	int64_t before = v->count;

	for (int i = 0; end == VERIFY_EQUAL && i < count; i++)
		end = check_link(v, &heads[i]);
	for (int i = 0; end == VERIFY_EQUAL && i < count; i++)
		end = verify_checkpoints_head(v, &heads[i]);
	if (end == VERIFY_EQUAL)
		end = check_texts(v, heads, count);
	if (end == VERIFY_EQUAL)
		end = verify_trees(v, heads, count, totals->records);
	v->counts.heads += count;
	if (before < VERIFY_KEPT && v->count > before)
		qsort(v->found + before, (size_t) (v->count < VERIFY_KEPT ? v->count : VERIFY_KEPT) - (size_t) before,
		      sizeof(*v->found), by_head);
	return end;
}

enum verify_end
verify_chain(struct verify *v, const struct verify_totals *totals)
{
	struct verify_head heads[BATCH];
	enum verify_end end = verify_checkpoints_open(v);
	int count = BATCH;

	while (end == VERIFY_EQUAL && count == BATCH) {
		struct params p = {0};
		struct pg_result *r;
		param_int(&p, v->counts.head_no);
		param_int(&p, BATCH);
		enum pg_status status = pg_run_prepared(v->pg, sql_verify_heads, p.n, p.value, &r);
		if (status != PG_OK)
			return verify_failed(v, status);
		count = pg_rows(r);
		for (int i = 0; i < count; i++)
			heads[i] = head_of_row(r, i);
		if (count > 0)
			end = check_batch(v, heads, count, totals);
		pg_result_free(r);
	}
	if (end == VERIFY_EQUAL)
		end = verify_checkpoints_end(v);
	if (end == VERIFY_EQUAL && v->counts.head_no < v->known_head)
		return verify_differs(v, "head", NULL,
		                      "head %" PRId64 " was noted with the hash %s; the last one is head %" PRId64,
		                      v->known_head, v->known_hash, v->counts.head_no);
	return end;
}

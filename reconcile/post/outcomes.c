#include "reconcile/post/outcomes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/limits.h"
#include "lib/base/sum.h"
#include "lib/base/text.h"
#include "lib/db/params.h"
#include "lib/db/pg_copy.h"
#include "lib/proof/leaf_row.h"
#include "reconcile/post/post_sql.h"

/* ---- lists of redemptions ---- */

/* bigint[] as text: {1,2,3}.  NULL without memory. */
static char *
array_of(const int64_t *ids, size_t count)
{
	size_t size = count * 21 + 3, len = 0;
	char *text = malloc(size);

	if (text == NULL)
		return NULL;
	text[len++] = '{';
	for (size_t i = 0; i < count; i++)
		len += (size_t) snprintf(text + len, size - len, "%s%" PRId64, i == 0 ? "" : ",", ids[i]);
	snprintf(text + len, size - len, "}");
	return text;
}

static enum pg_status
no_memory(struct pg *pg)
{
	return pg_give_up(pg, "what was decided", strerror(ENOMEM));
}

enum pg_status
outcomes_reverse(struct pg *pg, const int64_t *redemption_ids, size_t count)
{
	char *ids = array_of(redemption_ids, count);
	const char *value = ids;
	enum pg_status status;

	if (ids == NULL)
		return no_memory(pg);
	status = pg_run_prepared(pg, sql_post, 1, &value, NULL);
	free(ids);
	return status;
}

/* ---- what the ledger refuses ---- */

struct posting {
	struct pg *pg;
	struct decided *decided;
	const int64_t *ids; /* of decided_reversed */
	size_t refused;
	char why[LIMIT_MESSAGE_BYTES]; /* of the last */
};

/* Would it refuse this again, however often it is asked?  Values (22), constraints (23), and what its own
 * functions raise. */
static bool
refuses(const struct pg *pg)
{
	const char *state = pg_sqlstate(pg);

	return strncmp(state, "22", 2) == 0 || strncmp(state, "23", 2) == 0 || strcmp(state, "P0001") == 0;
}

static enum pg_status
undo(struct pg *pg)
{
	enum pg_status status = pg_run(pg, sql_post_undo, 0, NULL, NULL);

	return status == PG_OK ? pg_run(pg, sql_post_taken, 0, NULL, NULL) : status;
}

static enum pg_status post_part(struct posting *p, size_t from, size_t count);

/* These were refused, for p->why: halved, until what is refused stands alone, which is held. */
static enum pg_status
split(struct posting *p, size_t from, size_t count)
{
	enum pg_status status;

	if (count > 1) {
		status = post_part(p, from, count / 2);
		return status == PG_OK && p->refused <= OUTCOMES_REFUSED
		           ? post_part(p, from + count / 2, count - count / 2)
		           : status;
	}
	if (++p->refused > OUTCOMES_REFUSED)
		return PG_OK;
	return decided_refuse(p->decided, from, p->why) == 0 ? PG_OK : no_memory(p->pg);
}

/* Posts all of these, or what of them is not refused. */
static enum pg_status
post_part(struct posting *p, size_t from, size_t count)
{
	enum pg_status status = pg_defer(p->pg, sql_post_savepoint, 0, NULL);

	if (status == PG_OK)
		status = outcomes_reverse(p->pg, p->ids + from, count);
	if (status == PG_OK)
		return pg_defer(p->pg, sql_post_taken, 0, NULL);
	if (status != PG_ERROR || !refuses(p->pg))
		return status;
	snprintf(p->why, sizeof(p->why), "%s", pg_why(p->pg));
	status = undo(p->pg);
	return status == PG_OK ? split(p, from, count) : status;
}

enum pg_status
outcomes_post(struct pg *pg, struct decided *decided, struct effect *effect)
{
	struct posting p = {.pg = pg, .decided = decided};
	enum pg_status status;
	size_t count;

	p.ids = decided_reversed(decided, &count);
	if (count == 0)
		return PG_OK;
	status = pg_defer(pg, sql_post_all, 0, NULL);
	if (status == PG_OK)
		status = outcomes_reverse(pg, p.ids, count);
	if (status != PG_ERROR || !refuses(pg))
		return status;
	snprintf(p.why, sizeof(p.why), "%s", pg_why(pg));
	status = pg_run(pg, sql_post_none, 0, NULL, NULL);
	if (status == PG_OK)
		status = split(&p, 0, count);
	if (status == PG_OK && p.refused > OUTCOMES_REFUSED) {
		status = pg_run(pg, sql_post_none, 0, NULL, NULL);
		effect->hold = "posting_failed";
		snprintf(effect->message, sizeof(effect->message),
		         "the ledger refuses more than %d of its %zu reversals: %.400s", OUTCOMES_REFUSED, count,
		         p.why);
	} else if (p.refused > 0) {
		effect->reversed = decided_tally(decided, OUTCOME_REVERSED)->records;
		effect->points = sum_clamped(decided_tally(decided, OUTCOME_REVERSED)->points);
		effect->held = decided_tally(decided, OUTCOME_HELD)->records;
	}
	return status;
}

/* ---- groups ---- */

enum pg_status
outcomes_groups_undo(struct pg *pg)
{
	return pg_run(pg, sql_group_undo, 0, NULL, NULL);
}

enum pg_status
outcomes_groups(struct pg *pg, struct effect *effect)
{
	enum pg_status status = pg_run(pg, sql_group_savepoint, 0, NULL, NULL);

	if (status == PG_OK)
		status = pg_run(pg, sql_group_post, 0, NULL, NULL);
	if (status != PG_ERROR || !refuses(pg))
		return status;
	effect->hold = "posting_failed";
	snprintf(effect->message, sizeof(effect->message), "the ledger refuses the reversals of a group: %.400s",
	         pg_why(pg));
	return PG_OK;
}

enum pg_status
outcomes_groups_write(const struct outcomes *o)
{
	struct params p = {0};

	param_int(&p, o->file_id);
	return pg_run(o->pg, sql_group_write, p.n, p.value, NULL);
}

/* ---- outcomes ---- */

struct writing {
	const struct outcomes *o;
	struct merkle *tree;
	struct leaf_writer writer;
	struct outcomes_written written;
	char sha256[TEXT_HEX_SIZE(SHA256_BYTES)];
};

static void
put_outcome(struct pg_copy *copy, int64_t file_id, const struct leaf *leaf, const uint8_t hash[SHA256_BYTES])
{
	pg_copy_row_begin(copy, 17);
	pg_copy_put_int64(copy, file_id);
	pg_copy_put_int64(copy, leaf->record_no);
	pg_copy_put_int16(copy, (int16_t) leaf->revision);
	pg_copy_put_int16(copy, (int16_t) leaf->verdict);
	pg_copy_put_int16(copy, (int16_t) leaf->outcome);
	pg_copy_put_int32(copy, (int32_t) leaf->byte_length);
	pg_copy_put_int64(copy, leaf->byte_offset);
	pg_copy_put_optional(copy, leaf->has_redemption, leaf->redemption.id);
	pg_copy_put_optional(copy, leaf->has_reversal, leaf->reversal.id);
	pg_copy_put_optional(copy, leaf->has_points, leaf->points);
	pg_copy_put_text(copy, leaf->hold_reason.data, leaf->hold_reason.len);
	pg_copy_put_text(copy, leaf->reference.data, leaf->reference.len);
	pg_copy_put_text(copy, leaf->reasons.data, leaf->reasons.len);
	pg_copy_put_text(copy, leaf->detail.data, leaf->detail.len);
	pg_copy_put_time(copy, leaf->decided_at);
	pg_copy_put_null(copy); /* event_id: no person has decided anything yet */
	pg_copy_put_bytes(copy, hash, SHA256_BYTES);
}

/* The reversals of a run's records as the ledger shows them, in the records' order; NULL where there are
 * none. */
static enum pg_status
look_at_reversals(struct pg *pg, const struct leaf *leaf, size_t count, struct pg_result **ret)
{
	int64_t ids[DECIDED_RUN];
	enum pg_status status;
	const char *value;
	char *text;
	size_t n = 0;

	*ret = NULL;
	for (size_t i = 0; i < count; i++)
		if (leaf[i].outcome == OUTCOME_REVERSED)
			ids[n++] = leaf[i].redemption.id;
	if (n == 0)
		return PG_OK;
	text = array_of(ids, n);
	if (text == NULL)
		return no_memory(pg);
	value = text;
	status = pg_fetch_prepared(pg, sql_post_shown, 1, &value, ret);
	free(text);
	return status;
}

/* One that the ledger does not show stays without: the tie-out says so, and the outcome's row is refused. */
static void
add_reversals(struct outcomes_written *written, const struct pg_result *shown, struct leaf *leaf,
              size_t count)
{
	int rows = shown != NULL ? pg_rows(shown) : 0, row = 0;

	for (size_t i = 0; i < count && row < rows; i++) {
		if (leaf[i].outcome != OUTCOME_REVERSED)
			continue;
		leaf_add_reversal(shown, row, 0, &leaf[i]);
		if (leaf[i].reversal.redemption_id != leaf[i].redemption.id) {
			leaf[i].has_reversal = false;
			continue;
		}
		written->reversals++;
		written->points += leaf[i].reversal.points;
		row++;
	}
}

static enum pg_status
write_rows(struct writing *w, struct leaf *leaf, size_t count)
{
	struct pg_copy *copy;
	enum pg_status status = pg_copy_begin(w->o->pg, sql_outcome_copy, &copy);

	if (status != PG_OK)
		return status;
	for (size_t i = 0; i < count; i++) {
		uint8_t hash[SHA256_BYTES];

		leaf[i].file_sha256 = w->sha256;
		if (!leaf_write(&w->writer, &leaf[i])) {
			pg_copy_abort(copy);
			return no_memory(w->o->pg);
		}
		merkle_leaf_hash(w->tree, w->writer.text, w->writer.len, hash);
		merkle_add(w->tree, hash);
		put_outcome(copy, w->o->file_id, &leaf[i], hash);
	}
	w->written.records += (int64_t) count;
	return pg_copy_end(copy);
}

static enum pg_status
load(struct pg *pg, struct decided *decided, size_t run, struct leaf **ret_leaf, size_t *ret_count)
{
	if (decided_load(decided, run, ret_leaf, ret_count) == 0)
		return PG_OK;
	if (errno != EBADMSG)
		return pg_give_up(pg, "what was decided cannot be read back", strerror(errno));
	(void) pg_give_up(pg, "by the ledger's views", "a record was decided twice, or not at all");
	return PG_ERROR; /* another connection sees the same */
}

static enum pg_status
write_run(struct writing *w, size_t run)
{
	struct pg_result *shown = NULL;
	struct leaf *leaf;
	size_t count;
	enum pg_status status = load(w->o->pg, w->o->decided, run, &leaf, &count);

	if (status == PG_OK)
		status = look_at_reversals(w->o->pg, leaf, count, &shown);
	if (status == PG_OK) {
		add_reversals(&w->written, shown, leaf, count);
		status = write_rows(w, leaf, count);
	}
	pg_result_free(shown);
	return status;
}

enum pg_status
outcomes_write(const struct outcomes *o, struct merkle *tree, struct outcomes_written *ret)
{
	struct writing w = {.o = o, .tree = tree};
	enum pg_status status = PG_OK;

	text_hex(w.sha256, o->sha256, SHA256_BYTES);
	leaf_writer_open(&w.writer);
	for (size_t i = 0; i < decided_runs(o->decided) && status == PG_OK; i++)
		status = write_run(&w, i);
	leaf_writer_close(&w.writer);
	if (status == PG_OK)
		*ret = w.written;
	return status;
}

/* ---- holds ---- */

static void
put_hold(struct pg_copy *copy, int64_t file_id, const struct leaf *leaf)
{
	pg_copy_row_begin(copy, 5);
	pg_copy_put_int64(copy, file_id);
	pg_copy_put_int64(copy, leaf->record_no);
	pg_copy_put_text(copy, leaf->hold_reason.data, leaf->hold_reason.len);
	pg_copy_put_optional(copy, leaf->has_redemption, leaf->redemption.id);
	pg_copy_put_optional(copy, leaf->has_redemption || leaf->has_points,
	                     leaf->has_redemption ? leaf->redemption.points : leaf->points);
}

enum pg_status
outcomes_hold(const struct outcomes *o)
{
	struct pg_copy *copy;
	struct params file = {0};
	enum pg_status status = pg_copy_begin(o->pg, sql_hold_copy, &copy);

	if (status != PG_OK)
		return status;
	for (size_t run = 0; run < decided_runs(o->decided); run++) {
		struct leaf *leaf;
		size_t count;

		status = load(o->pg, o->decided, run, &leaf, &count);
		if (status != PG_OK) {
			copy->status = status; /* so that its why is kept */
			pg_copy_abort(copy);
			return status;
		}
		for (size_t i = 0; i < count; i++)
			if (leaf[i].outcome == OUTCOME_HELD)
				put_hold(copy, o->file_id, &leaf[i]);
	}
	status = pg_copy_end(copy);
	param_int(&file, o->file_id);
	param_text(&file, o->programme);
	return status == PG_OK ? pg_defer(o->pg, sql_hold_stated, file.n, file.value) : status;
}

/* ---- holds that are overtaken ---- */

enum { OUTCOMES_NAMED = 1000 }; /* more redemptions than this are not named one by one */

static bool
settles(const struct leaf *leaf)
{
	return leaf->has_redemption && (leaf->outcome == OUTCOME_CONFIRMED || leaf->outcome == OUTCOME_REVERSED ||
	                                leaf->outcome == OUTCOME_ALREADY_APPLIED);
}

enum pg_status
outcomes_overtake(const struct outcomes *o)
{
	int64_t ids[OUTCOMES_NAMED], settled = decided_tally(o->decided, OUTCOME_CONFIRMED)->records +
	                                       decided_tally(o->decided, OUTCOME_REVERSED)->records +
	                                       decided_tally(o->decided, OUTCOME_ALREADY_APPLIED)->records;
	bool few = settled <= OUTCOMES_NAMED && decided_runs(o->decided) == 1;
	struct params p = {0};
	struct leaf *leaf;
	size_t count = 0, n = 0;
	enum pg_status status = PG_OK;
	char *text = NULL;

	if (settled == 0)
		return PG_OK;
	if (few)
		status = load(o->pg, o->decided, 0, &leaf, &count);
	if (status != PG_OK)
		return status;
	for (size_t i = 0; i < count; i++)
		if (settles(&leaf[i]) && n < OUTCOMES_NAMED)
			ids[n++] = leaf[i].redemption.id;
	if (few && (text = array_of(ids, n)) == NULL)
		return no_memory(o->pg);
	param_int(&p, o->file_id);
	param_text(&p, text);
	status = pg_run_prepared(o->pg, sql_overtake, p.n, p.value, NULL);
	free(text);
	return status;
}

enum pg_status
outcomes_overtake_parts(const struct outcomes *o)
{
	struct params p = {0};

	param_int(&p, o->file_id);
	return pg_run(o->pg, sql_overtake_parts, p.n, p.value, NULL);
}

enum pg_status
outcomes_overtake_groups(const struct outcomes *o)
{
	struct params p = {0};

	param_int(&p, o->file_id);
	return pg_run(o->pg, sql_overtake_groups, p.n, p.value, NULL);
}

/* ---- a dry run ---- */

enum pg_status
outcomes_show(struct pg *pg, struct decided *decided, void (*show)(void *context, const struct leaf *leaf),
              void *context)
{
	enum pg_status status = PG_OK;

	for (size_t run = 0; run < decided_runs(decided) && status == PG_OK; run++) {
		struct leaf *leaf;
		size_t count;

		status = load(pg, decided, run, &leaf, &count);
		for (size_t i = 0; status == PG_OK && i < count; i++)
			show(context, &leaf[i]);
	}
	return status;
}

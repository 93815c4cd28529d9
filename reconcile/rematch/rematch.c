#include "reconcile/rematch/rematch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "lib/db/params.h"
#include "lib/db/pg_copy.h"
#include "reconcile/decide/decide.h"
#include "reconcile/decide/guard.h"
#include "reconcile/decide/split.h"
#include "reconcile/post/outcomes.h"
#include "reconcile/rematch/rematch_sql.h"

struct reread {
	const struct policy *policy;
	int64_t file_id, matched, reversed, guarded, unfit;
	char why[LIMIT_MESSAGE_BYTES]; /* of the guard */
};

/* Judges the file as it would be with what it reverses now.  People who released it knew its records. */
static enum pg_status
judge(struct reread *a, struct pg *pg, const struct params *file)
{
	struct pg_result *r = NULL;
	enum pg_status status = pg_run(pg, sql_rematch_count, file->n, file->value, &r);

	if (status != PG_OK)
		return status;
	const struct effect e = {.records = pg_int_of(r, 0, "file_records"),
	                         .reversed = pg_int_of(r, 0, "reversed") + pg_int_of(r, 0, "reversed_before"),
	                         .points = pg_int_of(r, 0, "points") + pg_int_of(r, 0, "points_before")};
	const char *hold = NULL;
	char profile[LIMIT_NAME_BYTES + 1];
	bool released = pg_true_of(r, 0, "released");
	const struct guarded_file guarded = {.pg = pg,
	                                     .policy = a->policy,
	                                     .partner_id = pg_int_of(r, 0, "partner_id"),
	                                     .profile = profile,
	                                     .file_id = a->file_id,
	                                     .reversed_before = pg_int_of(r, 0, "reversed_before")};

	snprintf(profile, sizeof(profile), "%s", pg_text_of(r, 0, "profile"));
	a->matched = pg_int_of(r, 0, "records");
	a->reversed = pg_int_of(r, 0, "reversed");
	a->unfit = pg_int_of(r, 0, "unfit");
	pg_result_free(r);
	/* what reverses nothing passes, however much was reversed before */
	if (a->reversed > 0 && !released)
		status = guard_effect(&guarded, &e, &hold, a->why);
	if (hold != NULL) {
		a->guarded = a->matched;
		a->matched = a->reversed = 0;
	}
	return status;
}

/* Is there something to tell of a record that waited?  Its redemption, or several that it could mean. */
static bool
is_found(const struct leaf *leaf)
{
	if (leaf->outcome != OUTCOME_HELD)
		return leaf->has_redemption;
	return leaf_text_is(leaf->hold_reason, "ambiguous") ||
	       (leaf->has_redemption && !leaf_text_is(leaf->hold_reason, "unknown_reference"));
}

/* What was decided now of the records that waited, where something was found for them. */
struct found {
	const struct pg_result *waiting; /* record numbers, in order, in binary */
	int record_no;                   /* their column */
	int next;
	struct pg_copy *copy;
	int64_t *reversed; /* redemptions; room for all that waited */
	size_t reversed_count;
};

static void
take_found(void *context, const struct leaf *leaf)
{
	struct found *f = context;

	while (f->next < pg_rows(f->waiting) && pg_get_int(f->waiting, f->next, f->record_no) < leaf->record_no)
		f->next++;
	if (f->next == pg_rows(f->waiting) || pg_get_int(f->waiting, f->next, f->record_no) != leaf->record_no ||
	    !is_found(leaf))
		return;
	if (leaf->outcome == OUTCOME_REVERSED)
		f->reversed[f->reversed_count++] = leaf->redemption.id;
	pg_copy_row_begin(f->copy, 12);
	pg_copy_put_int64(f->copy, leaf->record_no);
	pg_copy_put_int16(f->copy, (int16_t) leaf->verdict);
	pg_copy_put_int16(f->copy, (int16_t) leaf->outcome);
	pg_copy_put_int32(f->copy, (int32_t) leaf->byte_length);
	pg_copy_put_int64(f->copy, leaf->byte_offset);
	pg_copy_put_optional(f->copy, leaf->has_redemption, leaf->redemption.id);
	pg_copy_put_optional(f->copy, leaf->has_redemption, leaf->redemption.points);
	pg_copy_put_optional(f->copy, leaf->has_points, leaf->points);
	pg_copy_put_text(f->copy, leaf->hold_reason.data, leaf->hold_reason.len);
	pg_copy_put_text(f->copy, leaf->reference.data, leaf->reference.len);
	pg_copy_put_text(f->copy, leaf->reasons.data, leaf->reasons.len);
	pg_copy_put_text(f->copy, leaf->detail.data, leaf->detail.len);
}

/* Gives pg_temp.decided; ret is empty before, and ret->reversed the caller's to free, also on failure. */
static enum pg_status
find_waiting(struct pg *pg, struct decided *decided, const struct params *file, struct found *ret)
{
	struct pg_result *waiting;
	enum pg_status status = pg_fetch(pg, sql_rematch_waiting, file->n, file->value, &waiting), ended;

	if (status != PG_OK)
		return status;
	ret->waiting = waiting;
	ret->record_no = pg_column(waiting, "record_no");
	ret->reversed = calloc((size_t) pg_rows(waiting) + 1, sizeof(*ret->reversed));
	if (ret->reversed == NULL)
		status = pg_give_up(pg, "what was found", strerror(ENOMEM));
	if (status == PG_OK)
		status = pg_copy_begin(pg, sql_rematch_copy, &ret->copy);
	if (status == PG_OK) {
		status = outcomes_show(pg, decided, take_found, ret);
		ended = pg_copy_end(ret->copy);
		status = status == PG_OK ? ended : status;
	}
	pg_result_free(waiting);
	return status;
}

static enum pg_status
write_found(struct reread *a, struct pg *pg, struct params *file, const struct found *f)
{
	enum pg_status status = judge(a, pg, file);

	if (status == PG_OK && a->unfit > 0)
		status = pg_run(pg, sql_rematch_unfit, file->n, file->value, NULL);
	if (status == PG_OK && a->guarded > 0) {
		param_text(file, a->why);
		status = pg_run(pg, sql_rematch_guard, file->n, file->value, NULL);
	}
	if (a->guarded == 0 && status == PG_OK && a->reversed > 0)
		status = outcomes_reverse(pg, f->reversed, f->reversed_count);
	if (a->guarded == 0 && status == PG_OK && a->matched > 0)
		status = pg_run(pg, sql_rematch_write, file->n, file->value, NULL);
	if (status == PG_OK && a->policy->split != SPLIT_NONE)
		status = split_keep(pg, a->file_id, true);
	return status;
}

/* In the transaction in which the file was read again and decided. */
static enum pg_status
write_rematched(void *context, struct pg *pg, struct decided *decided)
{
	struct reread *a = context;
	struct params file = {0};
	struct found found = {0};
	enum pg_status status;

	param_int(&file, a->file_id);
	status = find_waiting(pg, decided, &file, &found);
	if (status == PG_OK)
		status = write_found(a, pg, &file, &found);
	free(found.reversed);
	return status;
}

static void
read_again(struct reconciler *r, struct reread *a, const char *path, const char *name_hex,
           struct rematch *ret)
{
	char name[LIMIT_NAME_BYTES + 1] = "";
	size_t len;
	struct job_trial trial = {.name = name, .apply = write_rematched, .context = a, .read_again = a->file_id};
	struct job_result result = {0};
	enum job_end end;

	if (!text_unhex(name, LIMIT_NAME_BYTES, name_hex, &len)) {
		snprintf(ret->why, sizeof(ret->why), "file %lld: its name is longer than %d bytes",
		         (long long) a->file_id, LIMIT_NAME_BYTES);
		ret->failed++;
		return;
	}
	trial.file = openat(r->spool.root, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (trial.file < 0) {
		snprintf(ret->why, sizeof(ret->why), "%s: %s", path, strerrordesc_np(errno));
		ret->failed++;
		return;
	}
	end = job_try(r, &trial, &result);
	close(trial.file);
	if (end == JOB_DONE) {
		ret->files++;
		ret->matched += a->matched;
		ret->reversed += a->reversed;
		ret->guarded += a->guarded;
		if (a->guarded > 0 && ret->held != NULL)
			ret->held(ret->context, a->file_id, a->guarded, a->why);
	} else {
		snprintf(ret->why, sizeof(ret->why), "file %lld: %.800s", (long long) a->file_id, result.why);
		ret->failed++;
	}
}

/* Does the profile match by something else than a reference? */
static bool
by_more_than_references(const struct policy *policy)
{
	const uint32_t references = KEY_EXTERNAL_REFERENCE | KEY_OUTBOUND_REFERENCE | KEY_PARTNER_REFERENCE;

	for (int i = 0; i < policy->keys; i++)
		if ((policy->key[i] & ~references) != 0)
			return true;
	return false;
}

enum pg_status
rematch_source(struct reconciler *r, const char *source, struct rematch *ret)
{
	const struct profile *profile = r->profile.profile;
	struct params p = {0};
	struct pg_result *files;
	enum pg_status status;

	param_text(&p, source);
	param_bool(&p, by_more_than_references(&profile->policy));
	status = pg_run(r->pg, sql_rematch_files, p.n, p.value, &files);
	if (status != PG_OK)
		return status;
	for (int i = 0; i < pg_rows(files); i++) {
		struct reread a = {.policy = &profile->policy, .file_id = pg_int_of(files, i, "file_id")};

		/* what the source is read with by now may not be what that file was */
		if (strcmp(pg_text_of(files, i, "profile"), profile->name) == 0)
			read_again(r, &a, pg_text_of(files, i, "archived_as"), pg_text_of(files, i, "name"), ret);
	}
	pg_result_free(files);
	return PG_OK;
}

enum pg_status
rematch_count(struct pg *pg, const char *source, int32_t unknown_days, int64_t *ret_young, int64_t *ret_old)
{
	struct params p = {0};
	struct pg_result *r;
	enum pg_status status;

	param_text(&p, source);
	param_int(&p, unknown_days);
	status = pg_run(pg, sql_rematch_open, p.n, p.value, &r);
	if (status != PG_OK)
		return status;
	*ret_young = pg_int_of(r, 0, "young");
	*ret_old = pg_int_of(r, 0, "old");
	pg_result_free(r);
	return PG_OK;
}

enum pg_status
rematch_expire(struct pg *pg, const char *source, int32_t unknown_days, int64_t *ret_expired)
{
	struct params p = {0};
	struct pg_result *r;
	enum pg_status status;

	param_text(&p, source);
	param_int(&p, unknown_days);
	status = pg_run(pg, sql_rematch_expire, p.n, p.value, &r);
	if (status != PG_OK)
		return status;
	*ret_expired = pg_int_of(r, 0, "expired");
	pg_result_free(r);
	return PG_OK;
}

enum pg_status
rematch_overtaken(struct pg *pg, const char *source, int64_t *ret_overtaken)
{
	struct pg_result *r;
	enum pg_status status = pg_run(pg, sql_rematch_overtaken, 1, &source, &r);

	if (status != PG_OK)
		return status;
	*ret_overtaken += pg_int_of(r, 0, "overtaken");
	pg_result_free(r);
	return PG_OK;
}

#include "reconcile/decide/guard.h"

#include <inttypes.h>
#include <stdio.h>

#include "lib/base/limits.h"
#include "lib/base/sum.h"
#include "lib/db/params.h"
#include "reconcile/decide/decide_sql.h"

/* By what the file is alone. */
static const char *
judge_alone(const struct policy *policy, const struct effect *e, char *message)
{
	if (policy->guard_rejects >= 0 && e->reversed > policy->guard_rejects)
		snprintf(message, LIMIT_MESSAGE_BYTES,
		         "it would reverse %" PRId64 " redemptions; the guard allows %" PRId64, e->reversed,
		         policy->guard_rejects);
	else if (policy->guard_points >= 0 && e->points > policy->guard_points)
		snprintf(message, LIMIT_MESSAGE_BYTES,
		         "it would reverse %" PRId64 " points; the guard allows %" PRId64, e->points,
		         policy->guard_points);
	else if (policy->guard_of == GUARD_OF_FILE && policy->guard_share >= 0 &&
	         e->reversed > policy->guard_least && e->reversed * 100 > e->records * policy->guard_share)
		snprintf(message, LIMIT_MESSAGE_BYTES,
		         "it would reverse %" PRId64 " of its %" PRId64 " records; the guard allows %d per cent",
		         e->reversed, e->records, policy->guard_share);
	else
		return NULL;
	return "guard";
}

/* No more open items are counted than are enough for these reversals to be a small share of them. */
static enum pg_status
judge_share(const struct guarded_file *file, const struct effect *e, const char **ret_hold, char *message)
{
	const struct policy *policy = file->policy;
	struct params p = {0};
	struct pg_result *r;
	enum pg_status status;

	param_text(&p, policy->partner);
	param_text(&p, policy->programme);
	param_int(&p, policy->guard_share == 0 ? INT64_MAX : e->reversed * 100 / policy->guard_share + 1);
	status = pg_run(file->pg, sql_guard_open_items, p.n, p.value, &r);
	if (status != PG_OK)
		return status;
	int64_t open = pg_int_of(r, 0, "open") + file->reversed_before;
	pg_result_free(r);
	if (e->reversed * 100 <= open * policy->guard_share)
		return PG_OK;
	snprintf(message, LIMIT_MESSAGE_BYTES,
	         "it would reverse %" PRId64 " redemptions, and the partner has %" PRId64
	         " open ones; the guard allows %d per cent",
	         e->reversed, open, policy->guard_share);
	*ret_hold = "guard";
	return PG_OK;
}

/*
 * Against what was usual: the second most among the last files.  One file that was out of all measure, and
 * that people let through, is none for the next ones; two of them are a new measure.  Counts, not deviations:
 * whoever has to decide can look the two files up.
 */
static enum pg_status
judge_history(const struct guarded_file *file, const struct effect *e, const char **ret_hold, char *message)
{
	const struct policy *policy = file->policy;
	struct params p = {0};
	struct pg_result *r;
	enum pg_status status;

	param_int(&p, file->partner_id);
	param_text(&p, file->profile);
	param_int(&p, policy->guard_history_files);
	param_int(&p, file->file_id);
	status = pg_run(file->pg, sql_guard_history, p.n, p.value, &r);
	if (status != PG_OK)
		return status;
	int64_t files = pg_int_of(r, 0, "files"), usual = pg_int_of(r, 0, "usual");
	pg_result_free(r);
	if (files < policy->guard_history_files ||
	    (sum_t) e->reversed <= (sum_t) usual * policy->guard_history_times)
		return PG_OK;
	snprintf(message, LIMIT_MESSAGE_BYTES,
	         "it would reverse %" PRId64 " redemptions, and of the last %" PRId64
	         " files only one reversed more than %" PRId64 "; the guard allows %" PRId64 " times that",
	         e->reversed, files, usual, policy->guard_history_times);
	*ret_hold = "guard";
	return PG_OK;
}

enum pg_status
guard_effect(const struct guarded_file *file, const struct effect *e, const char **ret_hold, char *message)
{
	const struct policy *policy = file->policy;
	const char *hold = judge_alone(policy, e, message);
	bool many = e->reversed > policy->guard_least;
	enum pg_status status = PG_OK;

	if (hold == NULL && many && policy->guard_share >= 0 && policy->guard_of == GUARD_OF_OPEN_ITEMS)
		status = judge_share(file, e, &hold, message);
	if (status == PG_OK && hold == NULL && many && policy->guard_history_files > 0)
		status = judge_history(file, e, &hold, message);
	if (status == PG_OK)
		*ret_hold = hold;
	return status;
}

const char *
guard_unmatched(const struct policy *policy, const struct effect *e, char *message)
{
	if (e->unknown <= policy->guard_least || e->unknown * 100 <= e->records * policy->guard_unmatched)
		return NULL;
	snprintf(message, LIMIT_MESSAGE_BYTES,
	         "%" PRId64 " of its %" PRId64
	         " records name no redemption of this partner's; the guard allows %d per cent",
	         e->unknown, e->records, policy->guard_unmatched);
	return "nothing_matches";
}

/* A file read and decided where nothing is to come of it, or only an act: dry runs, records tried again. */
#include <errno.h>
#include <string.h>

#include "reconcile/file/job_part.h"
#include "reconcile/post/outcomes.h"
#include "reconcile/post/post.h"

static enum job_end
try_in_transaction(struct reconciler *r, const struct job_trial *trial, struct told *told,
                   struct decided *decided, struct job_result *ret)
{
	const struct profile *profile = r->profile.profile;
	const char *unfit; /* a name that does not fit is the parser's to refuse */
	struct decide d = {.pg = r->pg,
	                   .policy = &profile->policy,
	                   .told = told,
	                   .profile = profile->name,
	                   .release_of = trial->release_of,
	                   .passed = trial->act != NULL ? PASS_ALL : trial->passed,
	                   .decided = decided};
	enum parser_end parsed = PARSER_DONE;
	struct effect effect = {0};
	enum pg_status status;
	enum job_end end;

	(void) profile_match_name(profile, trial->name, strlen(trial->name), &d.name, &unfit);
	end = job_parse(r, trial->file, trial->name, NULL, told, &parsed, ret);
	if (end != JOB_DONE)
		return end;
	if (parsed != PARSER_DONE)
		return JOB_FAILED;
	if (trial->tell != NULL)
		trial->tell(trial->context, told);
	status = post_partner(r->pg, profile->policy.partner, &d.partner_id);
	if (status == PG_OK)
		status = decide_file(&d, &effect);
	if (status == PG_OK && trial->act == NULL)
		status = outcomes_show(r->pg, decided, trial->show, trial->context);
	else if (status == PG_OK && effect.hold == NULL)
		status = trial->act(trial->context, r->pg, decided);
	if (status != PG_OK)
		return job_fail_database(r, ret, status, "cannot decide");
	snprintf(ret->state, sizeof(ret->state), "%s", effect.hold != NULL ? "held" : "posted");
	snprintf(ret->reason, sizeof(ret->reason), "%s", effect.hold != NULL ? effect.hold : "");
	snprintf(ret->why, sizeof(ret->why), "%s", effect.message);
	ret->records = effect.records;
	ret->confirmed = effect.confirmed;
	ret->reversed = effect.reversed;
	ret->held = effect.held;
	return JOB_DONE;
}

enum job_end
job_try(struct reconciler *r, const struct job_trial *trial, struct job_result *ret)
{
	struct decided *decided;
	struct told told;
	enum pg_status status;
	enum job_end end;

	*ret = (struct job_result){0};
	status = reconciler_prepare(r);
	if (status == PG_OK)
		status = pg_begin(r->pg);
	if (status != PG_OK)
		return job_fail_database(r, ret, status, "cannot begin");
	decided = decided_new(r->spool.work);
	told_open(&told);
	end = decided != NULL ? try_in_transaction(r, trial, &told, decided, ret)
	                      : job_fail(ret, "cannot decide", strerror(ENOMEM));
	told_close(&told);
	decided_free(decided);
	if (end == JOB_DONE && trial->act != NULL) {
		status = pg_commit(r->pg);
		if (status == PG_OK)
			return end;
		/* in doubt: the next run finds it done, or does it */
		end = job_fail_database(r, ret, status, "cannot commit");
	}
	if (pg_rollback(r->pg) != PG_OK)
		r->ready = false;
	return end;
}

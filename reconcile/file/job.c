#include <string.h>

#include "reconcile/file/job_internal.h"

/* The next file of the partner may go to another worker. */
static enum job_end
committed(struct job_work *w)
{
	reconciler_stop_given(w->r); /* of a file that was known already */
	job_stage(w, "committed", w->effect.records);
	/* its parser loads while this one is archived: where it cannot, the next file says so */
	(void) reconciler_start_parser(w->r);
	return JOB_DONE;
}

#define NEW JOB_OF(JOB_NEW)
#define REPEATED JOB_OF(JOB_REPEATED)
#define RESUMED JOB_OF(JOB_RESUMED)
#define ORPHAN JOB_OF(JOB_ORPHAN)

/* The way of a file that was delivered. */
static const struct job_step delivery[] = {
    {"copy", job_copy, JOB_ANY, false},
    {"crashed", job_crashed, JOB_ANY, false},
    {"ahead", job_ahead, JOB_ANY, false},
    {"known", job_known, JOB_ANY, true},
    {"parse", job_parse, NEW, true},
    {"decide", job_decide, NEW, true},
    {"post", job_post, NEW, true},
    {"repeat", job_repeat, REPEATED, true},
    {"commit", job_commit, NEW | REPEATED, true},
    {"barrier", job_barrier, RESUMED, false},
    {"committed", committed, JOB_ANY, false},
    {"reason", job_reason, NEW | REPEATED | RESUMED, false},
    {"answer", job_answer, NEW | REPEATED | RESUMED, false},
    {"archive", job_archive, NEW | REPEATED | RESUMED, false},
    {"remove", job_remove, NEW | REPEATED | RESUMED, false},
    {"note", job_note, NEW | REPEATED | RESUMED, false},
    {"orphan", job_remove_orphan, ORPHAN, false},
    {0},
};

/* Of a held file that may go: its bytes are ours already and stay in quarantine, and the partner was
 * answered. */
static const struct job_step release[] = {
    {"copy", job_copy_kept, JOB_ANY, false},
    {"crashed", job_crashed, JOB_ANY, false},
    {"known", job_known_release, JOB_ANY, true},
    {"parse", job_parse, NEW, true},
    {"decide", job_decide, NEW, true},
    {"post", job_post, NEW, true},
    {"commit", job_commit, NEW, true},
    {"barrier", job_barrier, RESUMED, false},
    {"committed", committed, JOB_ANY, false},
    {"reason", job_reason, JOB_ANY, false},
    {"archive", job_archive, JOB_ANY, false},
    {"note", job_note, JOB_ANY, false},
    {0},
};

static void
fill_result(const struct job_work *w)
{
	const struct effect *e = &w->effect;
	struct job_result *result = w->result;

	result->file_id = w->posted.file_id;
	snprintf(result->state, sizeof(result->state), "%s", w->posted.state);
	result->records = e->records;
	if (e->hold != NULL) {
		snprintf(result->reason, sizeof(result->reason), "%s", e->hold);
		return;
	}
	result->confirmed = e->confirmed;
	result->reversed = e->reversed;
	result->already_applied = e->already_applied;
	result->duplicate_record = e->duplicate_record;
	result->informational = e->informational;
	result->held = e->held;
	result->points = e->points;
}

/* Behind the lock of its name. */
static enum job_end
run_all(struct job_work *w, const struct job_step *step)
{
	enum job_end end = JOB_DONE;

	while (end == JOB_DONE && step->run != NULL) {
		const struct job_step *first = step;

		end = step->transaction ? job_transaction(w, &step) : job_run_steps(w, &step);
		if (end == JOB_FAILED && first->transaction && job_gives_up(w)) {
			step = first;
			end = JOB_DONE;
		}
	}
	if (end == JOB_DONE)
		fill_result(w);
	reconciler_stop_given(w->r); /* of one that came to no parsing */
	copy_drop(&w->r->spool, &w->copy);
	parse_report_close(&w->report);
	return end;
}

static enum job_end
run_locked(struct reconciler *r, const struct job *job, struct job_result *result)
{
	struct job_work w = {.r = r,
	                     .job = job,
	                     .copy = {.fd = -1},
	                     .delivery = {.source = job->source,
	                                  .partner = job->partner,
	                                  .profile = job->profile,
	                                  .profile_sha256 = r->profile.sha256,
	                                  .name = job->name,
	                                  .seen_at = job->seen_at,
	                                  .release_of = job->release_of},
	                     .result = result};
	const char *unfit; /* a name that does not fit is the parser's to refuse */

	w.delivery.facts = &w.facts;
	(void) profile_match_name(r->profile.profile, job->name, strlen(job->name), &w.facts, &unfit);
	w.delivery.statement = name_statement(&w.facts, w.statement);
	parse_report_open(&w.report);
	return run_all(&w, job->release_of != 0 ? release : delivery);
}

enum job_end
job_run(struct reconciler *r, const struct job *job, struct job_result *ret)
{
	enum pg_status status;
	enum job_end end;
	bool mine = false;

	*ret = (struct job_result){0};
	if (profile_cache_load(&r->profile, r->profiles, job->profile, ret->why) < 0)
		return JOB_FAILED;
	if (strcmp(r->profile.profile->policy.partner, job->partner) != 0) {
		snprintf(ret->why, sizeof(ret->why), "the profile %s is for partner %s, and the source for %s",
		         job->profile, r->profile.profile->policy.partner, job->partner);
		return JOB_FAILED;
	}
	status = reconciler_prepare(r);
	if (status == PG_OK)
		status = reconciler_keep_rules(r);
	if (status == PG_OK)
		status = job_lock(r, job, &mine);
	if (status != PG_OK)
		return job_fail_database(r, ret, status, "cannot lock the name or keep the profile");
	if (!mine) {
		snprintf(ret->why, sizeof(ret->why), "another worker has it");
		return JOB_GONE;
	}
	end = run_locked(r, job, ret);
	if (end != JOB_LOST)
		job_unlock(r);
	return end;
}

/* What every step has in common: when it is run, and how it fails. */
#include "reconcile/file/job_internal.h"

enum job_end
job_run_steps(struct job_work *w, const struct job_step **step)
{
	bool transaction = (*step)->transaction;
	enum job_end end = JOB_DONE;

	for (; (*step)->run != NULL && (*step)->transaction == transaction; (*step)++)
		if (end == JOB_DONE && ((*step)->of & JOB_OF(w->known)) != 0)
			end = (*step)->run(w);
	return end;
}

void
job_stage(const struct job_work *w, const char *name, int64_t records)
{
	if (w->job->watch.stage != NULL)
		w->job->watch.stage(w->job->watch.context, name, (uint64_t) records);
}

enum job_end
job_fail(struct job_result *result, const char *what, const char *detail)
{
	snprintf(result->why, sizeof(result->why), "%s: %.900s", what, detail);
	return JOB_FAILED;
}

enum job_end
job_fail_database(struct reconciler *r, struct job_result *result, enum pg_status status, const char *what)
{
	job_fail(result, what, pg_why(r->pg));
	r->status = status;
	if (status != PG_LOST && status != PG_DOUBT)
		return JOB_FAILED;
	r->ready = false;
	return JOB_LOST;
}

/* What every step has in common: when it is run, and how it fails. */
#include <string.h>

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

/* A value, a constraint, an exception of a function, a row that is too large: what no later try changes.
 * Rights, tables and functions that are missing are the installation's, and a disk or memory that is full is
 * PG_LOST. */
static bool
is_of_the_data(const struct pg *pg)
{
	static const char *const classes[] = {"22", "23", "54", "P0"};

	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (strncmp(pg_sqlstate(pg), classes[i], 2) == 0)
			return true;
	return false;
}

enum job_end
job_fail_database(struct reconciler *r, struct job_result *result, enum pg_status status, const char *what)
{
	job_fail(result, what, pg_why(r->pg));
	r->status = status;
	r->refused = status == PG_ERROR && is_of_the_data(r->pg);
	if (status != PG_LOST && status != PG_DOUBT)
		return JOB_FAILED;
	r->ready = false;
	return JOB_LOST;
}

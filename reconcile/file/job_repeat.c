/* The step "repeat", of bytes that came before: a row and a head of their own, and no postings. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "reconcile/file/job_internal.h"

/*
 * Bytes that came before, under a name with another number: that number has come, too, unless they say
 * otherwise themselves.  Read only where files wait for numbers.
 */
static enum job_end
read_number(struct job_work *w, bool *ret_other)
{
	const struct policy *policy = &w->r->profile.profile->policy;
	enum parser_end parsed = PARSER_DONE;
	enum job_end end;
	int file;

	*ret_other = false;
	if (!w->facts.has_sequence || policy->order_by != ORDER_SEQUENCE || policy->gap != POLICY_HOLD ||
	    (w->has_number && w->number == w->facts.sequence))
		return JOB_DONE;
	file = copy_reopen(&w->r->spool, &w->copy);
	if (file < 0)
		return job_fail(w->result, "cannot open the copy", strerror(errno));
	end = job_read(w->r, file, w->job->name, &w->job->watch, &w->report, &parsed, w->result);
	close(file);
	if (end == JOB_DONE && parsed == PARSER_PROFILE)
		return JOB_FAILED; /* ours to fix; the file stays */
	w->result->why[0] = end == JOB_DONE ? '\0' : w->result->why[0];
	*ret_other = end == JOB_DONE && parsed == PARSER_DONE && !w->report.end.refused &&
	             w->report.refusals == 0 && w->report.has_sequence;
	return end;
}

enum job_end
job_repeat(struct job_work *w)
{
	int64_t first = w->posted.file_id;
	bool other;
	enum job_end end = read_number(w, &other);
	enum pg_status status;

	if (end != JOB_DONE)
		return end;
	w->effect = (struct effect){0}; /* the other's, not its own */
	w->result->reason[0] = '\0';
	status = post_duplicate(w->r->pg, &w->delivery, first, other ? &w->report.sequence : NULL, &w->posted);
	return status == PG_OK ? JOB_DONE
	                       : job_fail_database(w->r, w->result, status, "cannot note the duplicate");
}

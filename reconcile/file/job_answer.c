/* The step "answer": what is reported to the partner of records that were not accepted, where its profile
 * asks for that. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reconcile/file/job_internal.h"
#include "reconcile/post/rejects.h"

enum job_end
job_answer(struct job_work *w)
{
	const struct policy *policy = &w->r->profile.profile->policy;
	const struct policy_rejects *rule = &policy->rejects;
	enum job_end end = JOB_DONE;
	int64_t lines;
	enum pg_status status;
	char *text;
	size_t len;

	/* a file that came again was answered when it came */
	if (w->job->answers < 0 || rule->name == NULL || strcmp(w->posted.state, "duplicate") == 0)
		return JOB_DONE;
	status = rejects_text(w->r->pg, policy, w->posted.file_id, &text, &len, &lines);
	if (status != PG_OK)
		return job_fail_database(w->r, w->result, status, "decided, but its rejects cannot be listed");
	w->result->answered = lines > 0 || rule->always;
	if (w->result->answered && rejects_put(w->job->answers, w->job->answer_suffix, rule, w->job->name,
	                                       w->copy.sha256, text, len) < 0) {
		w->result->answered = false;
		job_fail(w->result, "decided, but the file of its rejects cannot be written", strerror(errno));
		/* no later attempt finds another name for it: a warning, then */
		end = errno == EEXIST || errno == ENAMETOOLONG ? JOB_DONE : JOB_FAILED;
	}
	free(text);
	return end;
}

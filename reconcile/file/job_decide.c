/* The step "decide": what becomes of the file and of each record, kept aside and not yet written down. */
#include <errno.h>
#include <string.h>

#include "reconcile/file/job_internal.h"

/* What leaves nothing to go by is held, with what is known of it. */
static void
hold_for(const char *reason, struct effect *effect, struct parse_report *report, const char *why)
{
	parse_report_close(report);
	parse_report_open(report);
	*effect = (struct effect){.hold = reason};
	snprintf(effect->message, sizeof(effect->message), "%s", why);
}

enum job_end
job_decide(struct job_work *w)
{
	enum pg_status status;

	w->decided = decided_new(w->r->spool.work);
	if (w->decided == NULL)
		return job_fail(w->result, "cannot decide", strerror(ENOMEM));
	w->decide = (struct decide){.pg = w->r->pg,
	                            .policy = &w->r->profile.profile->policy,
	                            .report = &w->report,
	                            .profile = w->job->profile,
	                            .name = w->facts,
	                            .release_of = w->job->release_of,
	                            .read_again = w->trial != NULL ? w->trial->read_again : 0,
	                            .waived = w->waived,
	                            .decided = w->decided};
	/* what only tries writes nothing */
	status = w->trial != NULL ? post_partner_known(w->r->pg, w->job->partner, &w->decide.partner_id)
	                          : post_partner(w->r->pg, w->job->partner, &w->decide.partner_id);
	if (status == PG_OK && w->gave_up[0] != '\0')
		hold_for("file_failed", &w->effect, &w->report, w->gave_up);
	else if (status == PG_OK && w->parsed == PARSER_DIED)
		hold_for("parser_failed", &w->effect, &w->report, w->result->why);
	else if (status == PG_OK)
		status = decide_file(&w->decide, &w->effect);
	if (status != PG_OK)
		return job_fail_database(w->r, w->result, status, "cannot decide");
	w->result->why[0] = '\0';
	if (decide_large(&w->report)) /* others take no time */
		job_stage(w, "decided", w->effect.records);
	return JOB_DONE;
}

/* The step "repeat", of a file that is posted or waits already: a row and a head of its own, and no postings.
 */
#include "reconcile/file/job_internal.h"

enum job_end
job_repeat(struct job_work *w)
{
	enum pg_status status;

	w->effect = (struct effect){0}; /* the other's, not its own */
	w->result->reason[0] = '\0';
	status = post_duplicate(w->r->pg, &w->delivery, w->posted.file_id, &w->posted);
	return status == PG_OK ? JOB_DONE
	                       : job_fail_database(w->r, w->result, status, "cannot note the duplicate");
}

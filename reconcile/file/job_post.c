/* The step "post": the file's row, its outcomes and postings, and its head. */
#include "reconcile/file/job_internal.h"

enum job_end
job_post(struct job_work *w)
{
	enum pg_status status;

	switch (post_file(&w->decide, &w->delivery, &w->effect, &w->posted, &status, w->result->why)) {
	case POST_DONE:
		return JOB_DONE;
	case POST_DIFFERENCE:
		/* only who still answers has told us all: of what was lost on the way nothing differs */
		status = pg_rollback(w->r->pg);
		if (status != PG_OK)
			break;
		w->counts = true;
		return JOB_FAILED;
	case POST_DATABASE:
		break;
	}
	return job_fail_database(w->r, w->result, status, "cannot post");
}

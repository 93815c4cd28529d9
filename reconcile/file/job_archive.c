/*
 * The steps after the commit, in the order that lets a crash between any two of them be made good: the
 * reason, the copy, the original, and last that it is done.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/db/params.h"
#include "lib/spool/archive.h"
#include "reconcile/file/file_sql.h"
#include "reconcile/file/job_internal.h"
#include "reconcile/file/reason_text.h"

static bool
is_held(const struct job_work *w)
{
	return strcmp(w->posted.state, "held") == 0;
}

static void
path_of(const struct job_work *w, char path[ARCHIVE_PATH_SIZE])
{
	archive_path(path, is_held(w), w->posted.file_id, w->copy.sha256, w->posted.decided_at);
}

enum job_end
job_reason(struct job_work *w)
{
	char path[ARCHIVE_PATH_SIZE], *text = NULL;
	enum job_end end = JOB_DONE;
	enum pg_status status;

	if (!is_held(w))
		return JOB_DONE;
	path_of(w, path);
	status = reason_text(w->r->pg, w->posted.file_id, &text);
	if (status != PG_OK)
		return job_fail_database(w->r, w->result, status, "decided, but the .reason file cannot be written");
	if (archive_reason(&w->r->spool, path, text) < 0)
		end = job_fail(w->result, "decided, but the .reason file cannot be written", strerror(errno));
	free(text);
	return end;
}

enum job_end
job_archive(struct job_work *w)
{
	char path[ARCHIVE_PATH_SIZE];

	path_of(w, path);
	if (archive_copy(&w->r->spool, &w->copy, path) < 0)
		return job_fail(w->result, "decided, but the copy cannot be archived", strerror(errno));
	return JOB_DONE;
}

enum job_end
job_remove(struct job_work *w)
{
	if (copy_remove_source(w->job->dir, w->job->name, &w->copy) < 0)
		job_fail(w->result, "archived, but the original cannot be removed", strerror(errno));
	return JOB_DONE; /* with a warning, then */
}

enum job_end
job_note(struct job_work *w)
{
	struct reconciler *r = w->r;
	char path[ARCHIVE_PATH_SIZE];
	struct params p = {0};
	enum pg_status status;

	path_of(w, path);
	param_int(&p, w->posted.file_id);
	param_text(&p, path);
	status = pg_run_prepared(r->pg, sql_file_archived, p.n, p.value, NULL);
	/* the original is gone: nothing would come back to this file before the next start */
	if (status == PG_LOST && pg_reopen(r->pg) == PG_OK) {
		r->ready = false;
		r->retries++;
		status = pg_run_prepared(r->pg, sql_file_archived, p.n, p.value, NULL);
	}
	return status == PG_OK ? JOB_DONE
	                       : job_fail_database(r, w->result, status, "archived, but that cannot be noted");
}

enum job_end
job_remove_orphan(struct job_work *w)
{
	if (copy_remove_source(w->job->dir, w->job->name, &w->copy) < 0) {
		snprintf(w->result->why, sizeof(w->result->why),
		         "it was handled as file %" PRId64 ", and cannot be removed: %s", w->posted.file_id,
		         strerror(errno));
		return JOB_FAILED;
	}
	snprintf(w->result->why, sizeof(w->result->why), "it was handled as file %" PRId64 " and is removed now",
	         w->posted.file_id);
	return JOB_GONE;
}

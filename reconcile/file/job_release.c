#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "lib/base/utf8.h"
#include "lib/db/params.h"
#include "lib/spool/archive.h"
#include "reconcile/file/file_sql.h"
#include "reconcile/file/job_internal.h"
#include "reconcile/file/release.h"

static bool
take(const struct pg_result *rows, int row, const char *column, char *buf, size_t size)
{
	return (size_t) snprintf(buf, size, "%s", pg_text_of(rows, row, column)) < size;
}

/* The job of one row; false when it holds what cannot be: then it is not ours to touch. */
static bool
take_row(const struct pg_result *rows, int row, struct release *ret)
{
	struct job *job = &ret->job;
	size_t len, hash_len;

	*ret = (struct release){0};
	if (!take(rows, row, "source", ret->source, sizeof(ret->source)) ||
	    !take(rows, row, "partner", ret->partner, sizeof(ret->partner)) ||
	    !take(rows, row, "profile", ret->profile, sizeof(ret->profile)) ||
	    !text_unhex(ret->name, LIMIT_NAME_BYTES, pg_text_of(rows, row, "name"), &len) ||
	    !text_unhex(job->sha256, sizeof(job->sha256), pg_text_of(rows, row, "sha256"), &hash_len) ||
	    hash_len != sizeof(job->sha256))
		return false;
	job->source = ret->source;
	job->partner = ret->partner;
	job->profile = ret->profile;
	job->name = ret->name;
	job->answers = -1; /* the partner had its answer when it was held */
	job->seen_at = pg_int_of(rows, row, "seen_at");
	job->release_of = pg_int_of(rows, row, "file_id");
	return true;
}

/*
 * Opens the folder of the first copy that this spool has, of those in a list between blanks; -1: it has none.
 * Its own may be lost: the same bytes that came again are as good, and their hash is compared.
 */
static int
open_copy(const struct spool *spool, const char *copies, char *name, size_t size)
{
	int dir = -1;

	for (size_t len; dir < 0 && *copies != '\0'; copies += len + (copies[len] == ' ')) {
		char path[ARCHIVE_PATH_SIZE];
		char *slash;

		len = strcspn(copies, " ");
		snprintf(path, sizeof(path), "%.*s", (int) len, copies);
		slash = strrchr(path, '/');
		if (slash == NULL || archive_has(spool, path) != 1)
			continue;
		*slash = '\0';
		snprintf(name, size, "%s", slash + 1);
		dir = openat(spool->root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return dir;
}

/* For people to see; where the database cannot keep it, the log has it. */
static void
keep_why(struct reconciler *r, int64_t file_id, char *why)
{
	struct params p = {0};

	why[utf8_valid_prefix(why, strlen(why))] = '\0'; /* it may have been cut within a character */
	param_int(&p, file_id);
	param_text(&p, why);
	(void) pg_run_prepared(r->pg, sql_release_failed, p.n, p.value, NULL);
}

static int64_t
size_of(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_size : 0;
}

/* The first that can be handled. */
static enum job_end
try_each(struct reconciler *r, const struct pg_result *rows, const struct release_watch *watch,
         struct release *ret, struct job_result *ret_result)
{
	char why[LIMIT_MESSAGE_BYTES] = "";
	enum job_end end = JOB_GONE;

	for (int i = 0; i < pg_rows(rows) && end != JOB_DONE && end != JOB_LOST; i++) {
		if (!take_row(rows, i, ret))
			continue;
		ret->job.dir = open_copy(&r->spool, pg_text_of(rows, i, "copies"), ret->kept, sizeof(ret->kept));
		if (ret->job.dir < 0)
			continue; /* for the daemon whose spool has it */
		ret->job.kept = ret->kept;
		ret->job.watch = watch->stage;
		ret->job.crashed = watch->file == ret->job.release_of ? watch->crashed : 0;
		if (watch->taken != NULL)
			watch->taken(watch->context, ret->job.release_of, size_of(ret->job.dir, ret->kept));
		end = job_run(r, &ret->job, ret_result);
		close(ret->job.dir);
		if (end == JOB_FAILED || end == JOB_BUSY) {
			keep_why(r, ret->job.release_of, ret_result->why);
			snprintf(why, sizeof(why), "file %" PRId64 ", which may go: %.900s", ret->job.release_of,
			         ret_result->why);
		}
	}
	if (end == JOB_DONE || end == JOB_LOST || why[0] == '\0')
		return end;
	snprintf(ret_result->why, sizeof(ret_result->why), "%s", why);
	return JOB_FAILED;
}

enum job_end
release_next(struct reconciler *r, const struct release_watch *watch, struct release *ret,
             struct job_result *ret_result)
{
	const char *all = NULL;
	struct pg_result *rows;
	enum pg_status status = reconciler_prepare(r);
	enum job_end end;

	*ret_result = (struct job_result){0};
	if (status == PG_OK)
		status = pg_run_prepared(r->pg, sql_release_due, 1, &all, &rows);
	if (status != PG_OK)
		return job_fail_database(r, ret_result, status, "cannot scan the directory that may go");
	end = pg_rows(rows) > 0 ? try_each(r, rows, watch, ret, ret_result) : JOB_GONE;
	pg_result_free(rows);
	return end;
}

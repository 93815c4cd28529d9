#include "lib/spool/retention.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "lib/db/params.h"
#include "lib/spool/archive.h"
#include "lib/spool/spool_sql.h"

#define BATCH 500 /* files that one event names */

/* One copy that is there. */
struct due {
	int64_t file_id;
	int64_t bytes;
	bool held, purged;
	char path[ARCHIVE_PATH_SIZE];
};

struct batch {
	struct retention *r;
	const struct spool *spool;
	int count;
	struct due due[BATCH];
};

static void
cannot(struct batch *b, const char *path, const char *why)
{
	if (b->r->why[0] == '\0')
		snprintf(b->r->why, sizeof(b->r->why), "%.200s: %.200s", path, why);
}

/* The directory of a path below the spool; *ret_name is what follows it. */
static int
open_directory(const struct spool *spool, const struct due *d, const char **ret_name)
{
	char day[ARCHIVE_PATH_SIZE];
	const char *slash = strrchr(d->path, '/'), *below = strchr(d->path, '/');

	*ret_name = slash + 1;
	snprintf(day, sizeof(day), "%.*s", d->held ? 0 : (int) (slash - below - 1), below + 1);
	return openat(d->held ? spool->quarantine : spool->archive, d->held ? "." : day,
	              O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Takes a row's file where this spool has its copy, under the name that it has to have. */
static void
take(struct batch *b, const struct pg_result *rows, int row)
{
	struct due *d = &b->due[b->count];
	uint8_t sha256[SHA256_BYTES];
	size_t len = 0;
	struct stat st;
	const char *name;

	d->file_id = pg_int_of(rows, row, "file_id");
	d->held = pg_true_of(rows, row, "held");
	d->purged = pg_true_of(rows, row, "purged");
	if (!text_unhex(sha256, sizeof(sha256), pg_text_of(rows, row, "sha256"), &len) || len != SHA256_BYTES)
		return;
	archive_path(d->path, d->held, d->file_id, sha256, pg_int_of(rows, row, "decided_at"));
	if (strcmp(d->path, pg_text_of(rows, row, "archived_as")) != 0) {
		cannot(b, d->path, "handback.file says that it is kept elsewhere");
		return;
	}
	int dir = open_directory(b->spool, d, &name);
	int rc = dir < 0 ? -1 : fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW), number = errno;
	if (dir >= 0)
		close(dir);
	if (rc < 0) {
		if (number != ENOENT)
			cannot(b, d->path, strerror(number));
		return;
	}
	if (!S_ISREG(st.st_mode)) {
		cannot(b, d->path, "what is kept is no file");
		return;
	}
	d->bytes = st.st_size;
	b->count++;
}

/* Notes what was not purged before, in one transaction behind the lock of whoever purges. */
static enum pg_status
write_purge(struct pg *pg, const struct batch *b)
{
	char files[BATCH * 21 + 3], why[128];
	const char *values[] = {files, why};
	size_t len = 0;

	for (int i = 0; i < b->count; i++)
		if (!b->due[i].purged)
			len += (size_t) snprintf(files + len, sizeof(files) - len, "%c%" PRId64, len == 0 ? '{' : ',',
			                         b->due[i].file_id);
	if (len == 0)
		return PG_OK;
	snprintf(files + len, sizeof(files) - len, "}");
	snprintf(why, sizeof(why),
	         "kept for %" PRId64 " s in the archive, %" PRId64 " s in quarantine; 0: for ever",
	         b->r->archive.keep_ms / 1000, b->r->quarantine.keep_ms / 1000);
	enum pg_status status = pg_begin(pg);
	if (status == PG_OK)
		status = pg_run(pg, sql_retention_lock, 0, NULL, NULL);
	if (status == PG_OK)
		status = pg_run(pg, sql_retention_purge, 2, values, NULL);
	if (status == PG_OK)
		return pg_commit(pg);
	pg_rollback(pg);
	return status;
}

/* The reason beside it goes first: what is found again after a crash is the copy. */
static bool
remove_copy(struct batch *b, const struct due *d)
{
	char reason[ARCHIVE_PATH_SIZE + 8];
	const char *name;
	int dir = open_directory(b->spool, d, &name), rc = dir < 0 ? -1 : 0;

	if (rc == 0 && d->held) {
		snprintf(reason, sizeof(reason), "%s.reason", name);
		if (unlinkat(dir, reason, 0) < 0 && errno != ENOENT)
			rc = -1;
	}
	if (rc == 0 && (unlinkat(dir, name, 0) < 0 || fsync(dir) < 0))
		rc = -1;
	if (rc < 0)
		cannot(b, d->path, strerror(errno));
	if (dir >= 0)
		close(dir);
	return rc == 0;
}

static enum pg_status
finish(struct pg *pg, struct batch *b, bool remove)
{
	enum pg_status status = remove ? write_purge(pg, b) : PG_OK;

	for (int i = 0; status == PG_OK && i < b->count; i++) {
		const struct due *d = &b->due[i];
		struct retention_part *part = d->held ? &b->r->quarantine : &b->r->archive;
		if (remove && !remove_copy(b, d))
			continue;
		part->files++;
		part->bytes += d->bytes;
	}
	b->count = 0;
	return status;
}

static enum pg_status
run_batches(struct pg *pg, struct batch *b, bool remove)
{
	const struct retention *r = b->r;
	enum pg_status status = PG_OK;
	int64_t last = 0;
	int rows = BATCH;

	while (status == PG_OK && rows == BATCH) {
		struct params p = {0};
		struct pg_result *result;
		param_int(&p, last);
		param_int(&p, BATCH);
		param_optional(&p, r->archive.keep_ms > 0, r->archive.keep_ms);
		param_optional(&p, r->quarantine.keep_ms > 0, r->quarantine.keep_ms);
		status = pg_run(pg, sql_retention_files, p.n, p.value, &result);
		if (status != PG_OK)
			break;
		rows = pg_rows(result);
		for (int row = 0; row < rows; row++) {
			take(b, result, row);
			last = pg_int_of(result, row, "file_id");
		}
		pg_result_free(result);
		status = finish(pg, b, remove);
	}
	return status;
}

enum pg_status
retention_run(struct pg *pg, const struct spool *spool, bool remove, struct retention *r)
{
	struct batch *b = calloc(1, sizeof(*b));
	enum pg_status status;

	*r = (struct retention){.archive.keep_ms = r->archive.keep_ms,
	                        .quarantine.keep_ms = r->quarantine.keep_ms};
	if (b == NULL) {
		snprintf(r->why, sizeof(r->why), "out of memory");
		return PG_OK;
	}
	b->r = r;
	b->spool = spool;
	status = run_batches(pg, b, remove);
	free(b);
	return status;
}

#include "reconcile/file/recover.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/io.h"
#include "lib/base/text.h"
#include "lib/db/params.h"
#include "lib/spool/archive.h"
#include "reconcile/file/file_sql.h"
#include "reconcile/file/reason_text.h"

static void
path_of(const struct pg_result *r, int row, char path[ARCHIVE_PATH_SIZE])
{
	uint8_t sha256[SHA256_BYTES] = {0};
	size_t len;

	text_unhex(sha256, sizeof(sha256), pg_text_of(r, row, "sha256"), &len);
	archive_path(path, strcmp(pg_text_of(r, row, "state"), "held") == 0, pg_int_of(r, row, "file_id"), sha256,
	             pg_int_of(r, row, "decided_at"));
}

static enum pg_status
not_archived(struct pg *pg, const char *sha256, struct pg_result **ret)
{
	return pg_run(pg, sql_file_not_archived, 1, &sha256, ret);
}

static enum pg_status
note_archived(struct pg *pg, int64_t file_id, const char *path)
{
	struct params p = {0};

	param_int(&p, file_id);
	param_text(&p, path);
	return pg_run_prepared(pg, sql_file_archived, p.n, p.value, NULL);
}

/*
 * A copy whose owner died between COMMIT and archive: the partner's original
 * may be gone by now, so that this is the only one.  True when it is where it
 * belongs; *ret_status is the database's.
 */
static bool
archive_orphan(struct pg *pg, const struct spool *spool, struct copy *orphan, enum pg_status *ret_status)
{
	char hex[TEXT_HEX_SIZE(SHA256_BYTES)], path[ARCHIVE_PATH_SIZE], *reason = NULL;
	struct pg_result *r;
	bool done = false;
	int64_t file_id;
	int row = 0;

	*ret_status = not_archived(pg, text_hex(hex, orphan->sha256, SHA256_BYTES), &r);
	if (*ret_status != PG_OK)
		return false;
	/* several files may have these bytes: the first that has no copy yet */
	for (; row < pg_rows(r); row++) {
		path_of(r, row, path);
		if (archive_has(spool, path) != 1)
			break;
	}
	if (row == pg_rows(r) && row > 0)
		row = 0; /* all have theirs: this one is dropped for it */
	if (pg_rows(r) > 0) {
		file_id = pg_int_of(r, row, "file_id");
		path_of(r, row, path);
		if (strcmp(pg_text_of(r, row, "state"), "held") == 0)
			*ret_status = reason_text(pg, file_id, &reason);
		done = *ret_status == PG_OK && (reason == NULL || archive_reason(spool, path, reason) == 0) &&
		       archive_copy(spool, orphan, path) == 0;
		free(reason);
	}
	pg_result_free(r);
	return done;
}

/* Is there a file that still needs these bytes? */
static enum pg_status
is_needed(struct pg *pg, const struct copy *orphan, bool *ret)
{
	char hex[TEXT_HEX_SIZE(SHA256_BYTES)];
	struct pg_result *r;
	enum pg_status status = not_archived(pg, text_hex(hex, orphan->sha256, SHA256_BYTES), &r);

	if (status != PG_OK)
		return status;
	*ret = pg_rows(r) > 0;
	pg_result_free(r);
	return PG_OK;
}

static enum pg_status
handle_orphans(struct pg *pg, const struct spool *spool, struct recovered *ret)
{
	DIR *listing = io_list(spool->work, ".");
	enum pg_status status = PG_OK;
	struct copy orphan;

	if (listing == NULL) {
		ret->stuck++;
		return PG_OK;
	}
	while (status == PG_OK && copy_next_orphan(spool, listing, &orphan) == 1) {
		bool needed = true;

		status = is_needed(pg, &orphan, &needed);
		if (status == PG_OK && !needed) {
			copy_drop(spool, &orphan);
			ret->swept++;
		} else if (status == PG_OK && !archive_orphan(pg, spool, &orphan, &status)) {
			ret->stuck++;
			copy_keep(&orphan);
		} else {
			copy_keep(&orphan);
		}
	}
	closedir(listing);
	return status;
}

/* Files that lie where they belong, and whose rows do not say so yet. */
static enum pg_status
note_what_is_there(struct pg *pg, const struct spool *spool, struct recovered *ret)
{
	struct pg_result *r;
	enum pg_status status = not_archived(pg, NULL, &r);

	if (status != PG_OK)
		return status;
	for (int i = 0; i < pg_rows(r) && status == PG_OK; i++) {
		char path[ARCHIVE_PATH_SIZE];

		path_of(r, i, path);
		if (archive_has(spool, path) != 1)
			continue; /* its original is still in the inbound directory: the next scan goes on there */
		status = note_archived(pg, pg_int_of(r, i, "file_id"), path);
		if (status == PG_OK)
			ret->archived++;
	}
	pg_result_free(r);
	return status;
}

/* What a dead worker decided may wait for a standby yet. */
static enum pg_status
wait_for_standby(struct pg *pg)
{
	struct pg_result *r;
	enum pg_status status = not_archived(pg, NULL, &r);

	if (status != PG_OK)
		return status;
	if (pg_rows(r) > 0)
		status = pg_barrier(pg);
	pg_result_free(r);
	return status;
}

enum pg_status
recover(struct pg *pg, const struct spool *spool, struct recovered *ret)
{
	struct recovered done = {0};
	enum pg_status status = wait_for_standby(pg);

	if (status == PG_OK)
		status = handle_orphans(pg, spool, &done);
	if (status == PG_OK)
		status = note_what_is_there(pg, spool, &done);
	if (status == PG_OK)
		*ret = done;
	return status;
}

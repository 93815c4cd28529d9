#include "reconcile/post/notify_holds.h"

#include <errno.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/db/params.h"
#include "lib/protocol/notification.h"
#include "lib/spool/archive.h"
#include "reconcile/post/post_sql.h"

#define PAGE 500 /* files at a time: as many may wait as people leave waiting */

static void
notify(const struct spool *spool, const struct pg_result *r, int row)
{
	const char *reason = pg_text_of(r, row, "reason");
	const struct notification notification = {
	    .kind = strcmp(reason, "guard") == 0 ? "guard_tripped" : "file_held",
	    .subject = pg_text_of(r, row, "file_id"),
	    .message = "a file was held as a whole: nothing of it is posted",
	    .fields = {{"source", pg_text_of(r, row, "source")},
	               {"partner", pg_text_of(r, row, "partner")},
	               {"name", pg_text_of(r, row, "name_shown")},
	               {"file", pg_text_of(r, row, "file_id")},
	               {"reason", reason}}};

	if (archive_has(spool, pg_text_of(r, row, "archived_as")) == 1 &&
	    notification_put(spool->root, &notification) < 0)
		log_write(LOG_ERR, "cannot store a notification",
		          LOG_FIELDS(log_text("notification", notification.kind),
		                     log_text("subject", notification.subject), log_errno(errno)));
}

/* The next of them; *last is the one that was reported before, and after. */
static enum pg_status
tell_page(struct pg *pg, const struct spool *spool, int64_t file_id, int64_t *last, bool *ret_more)
{
	struct params p = {0};
	struct pg_result *r;
	enum pg_status status;

	param_optional(&p, file_id != 0, file_id);
	param_int(&p, *last);
	param_int(&p, PAGE);
	status = pg_run(pg, sql_notify_holds, p.n, p.value, &r);
	if (status != PG_OK)
		return status;
	for (int i = 0; i < pg_rows(r); i++) {
		notify(spool, r, i);
		*last = pg_int_of(r, i, "file_id");
	}
	*ret_more = pg_rows(r) == PAGE;
	pg_result_free(r);
	return PG_OK;
}

enum pg_status
notify_holds(struct pg *pg, const struct spool *spool, int64_t file_id)
{
	enum pg_status status = PG_OK;
	int64_t last = 0;

	for (bool more = true; more && status == PG_OK;)
		status = tell_page(pg, spool, file_id, &last, &more);
	return status;
}

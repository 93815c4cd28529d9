/*
 * How often a file is tried that fails by its own doing.  The parser took more memory than any file may, by
 * the kernel's count; the decrypter was still at it when its time was over; the database refuses what came of
 * it; a worker died over it by a fault of its own, which its daemon tells the next one.  Each such failure is
 * a row, so that a restart forgets none; after some of them the file is held, for people to release or to
 * close.
 *
 * What is the machine's never counts, however often: a parser that somebody killed or that could not be
 * locked down, a disk that is full, a database that is gone or lacks a right, a key that cannot be read.
 */
#include <string.h>

#include "lib/base/text.h"
#include "lib/base/utf8.h"
#include "lib/db/params.h"
#include "reconcile/file/file_sql.h"
#include "reconcile/file/job_internal.h"

static enum pg_status
note(struct job_work *w, const char *why, int64_t *ret_failures)
{
	char sha256[TEXT_HEX_SIZE(SHA256_BYTES)], name[TEXT_HEX_SIZE(LIMIT_NAME_BYTES)];
	struct params p = {0};
	struct pg_result *r;
	enum pg_status status;

	param_text(&p, w->job->source);
	param_text(&p, text_hex(name, w->job->name, strlen(w->job->name)));
	param_text(&p, text_hex(sha256, w->copy.sha256, SHA256_BYTES));
	param_optional(&p, w->job->release_of != 0, w->job->release_of);
	param_text(&p, why);
	status = pg_run_prepared(w->r->pg, sql_file_failed, p.n, p.value, &r);
	if (status != PG_OK)
		return status;
	*ret_failures = pg_int_of(r, 0, "failures");
	pg_result_free(r);
	return PG_OK;
}

/* Notes a failure.  True, and w->gave_up, when there were enough. */
static bool
enough(struct job_work *w, const char *why)
{
	int64_t failures;

	/* where it cannot be noted, the next try is another first one */
	if (note(w, why, &failures) != PG_OK || failures < LIMIT_FILE_TRIES)
		return false;
	snprintf(w->gave_up, sizeof(w->gave_up), "%s", why);
	return true;
}

enum job_end
job_crashed(struct job_work *w)
{
	char why[LIMIT_MESSAGE_BYTES];

	if (w->job->crashed == 0)
		return JOB_DONE;
	snprintf(why, sizeof(why),
	         "handback-reconcile died over it (signal %d, %s): report it to whoever maintains handback",
	         w->job->crashed, sigdescr_np(w->job->crashed));
	(void) enough(w, why);
	return JOB_DONE;
}

bool
job_gives_up(struct job_work *w)
{
	char why[LIMIT_MESSAGE_BYTES];

	if ((!w->counts && !w->r->refused) || w->gave_up[0] != '\0')
		return false;
	snprintf(why, sizeof(why), "%s", w->result->why);
	why[utf8_valid_prefix(why, strlen(why))] = '\0'; /* it may have been cut within a character */
	return enough(w, why);
}

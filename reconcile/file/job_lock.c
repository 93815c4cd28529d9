/* One owner of a file among all workers of all daemons. */
#include <inttypes.h>
#include <string.h>

#include "lib/db/params.h"
#include "reconcile/file/file_sql.h"
#include "reconcile/file/job_internal.h"

static int64_t
name_key(const struct job *job)
{
	uint8_t text[2 * LIMIT_MESSAGE_BYTES], hash[SHA256_BYTES];
	/* no source has a space in its name */
	int n = job->release_of != 0
	            ? snprintf((char *) text, sizeof(text), "release of %" PRId64, job->release_of)
	            : snprintf((char *) text, sizeof(text), "%s/%s", job->source, job->name);
	int64_t key;

	sha256_of(text, (size_t) n < sizeof(text) ? (size_t) n : sizeof(text) - 1, hash);
	memcpy(&key, hash, sizeof(key));
	return key;
}

enum pg_status
job_lock(struct reconciler *r, const struct job *job, bool *ret_mine)
{
	struct params p = {0};
	struct pg_result *result;
	enum pg_status status;

	param_int(&p, name_key(job));
	status = pg_run_prepared(r->pg, sql_name_lock, p.n, p.value, &result);
	if (status != PG_OK)
		return status;
	*ret_mine = pg_true_of(result, 0, "mine");
	pg_result_free(result);
	return PG_OK;
}

void
job_unlock(struct reconciler *r, const struct job *job)
{
	struct params p = {0};

	param_int(&p, name_key(job));
	if (pg_run_prepared(r->pg, sql_name_unlock, p.n, p.value, NULL) != PG_OK)
		r->ready = false; /* gone with its session, then */
}

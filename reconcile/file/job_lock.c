/* One owner of a file among all workers of all daemons. */
#include <inttypes.h>
#include <string.h>

#include "lib/base/log.h"
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

static enum pg_status
try_key(struct reconciler *r, int64_t key, bool *ret_mine)
{
	struct params p = {0};
	struct pg_result *result;

	param_int(&p, key);
	enum pg_status status = pg_run_prepared(r->pg, sql_name_lock, p.n, p.value, &result);
	if (status != PG_OK)
		return status;
	*ret_mine = pg_true_of(result, 0, "mine");
	pg_result_free(result);
	if (*ret_mine)
		r->name_lock = key;
	return PG_OK;
}

/* Is it somebody who is none of ours that has the lock? */
static enum pg_status
ask_holders(struct reconciler *r, int64_t key, bool *ret_stranger)
{
	struct params p = {0};
	struct pg_result *result;

	param_int(&p, key);
	enum pg_status status = pg_run_prepared(r->pg, sql_name_lock_holders, p.n, p.value, &result);
	if (status != PG_OK)
		return status;
	*ret_stranger = !pg_true_of(result, 0, "ours") && pg_int_of(result, 0, "holders") > 0;
	if (*ret_stranger)
		log_write(LOG_WARNING, "a login that is none of ours holds the lock of a file",
		          LOG_FIELDS(log_text("logins", pg_text_of(result, 0, "logins"))));
	pg_result_free(result);
	return PG_OK;
}

/*
 * Where a stranger holds the lock there is a second one; where strangers hold both, the file is taken
 * without: that it is decided once is held by unique keys, as always.  Whoever only reads stops no file.
 */
enum pg_status
job_lock(struct reconciler *r, const struct job *job, bool *ret_mine)
{
	int64_t keys[] = {name_key(job), ~name_key(job)};
	bool stranger = true;

	r->name_lock = 0;
	*ret_mine = false;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		enum pg_status status = try_key(r, keys[i], ret_mine);
		if (status == PG_OK && !*ret_mine)
			status = ask_holders(r, keys[i], &stranger);
		if (status != PG_OK || *ret_mine || !stranger)
			return status;
	}
	*ret_mine = true;
	return PG_OK;
}

void
job_unlock(struct reconciler *r)
{
	struct params p = {0};

	if (r->name_lock == 0)
		return;
	param_int(&p, r->name_lock);
	r->name_lock = 0;
	if (pg_run_prepared(r->pg, sql_name_unlock, p.n, p.value, NULL) != PG_OK)
		r->ready = false; /* gone with its session, then */
}

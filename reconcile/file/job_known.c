/* The step "known": what was decided before of this file, and with it which steps are left. */
#include <string.h>

#include "lib/base/text.h"
#include "lib/db/params.h"
#include "reconcile/decide/decide_sql.h"
#include "reconcile/file/file_sql.h"
#include "reconcile/file/job_internal.h"

/* What was decided before of these very bytes; `file` is the column that has its number. */
static void
take_known(struct job_work *w, const struct pg_result *r, const char *file)
{
	const char *state = pg_text_of(r, 0, "state");

	w->posted.file_id = pg_int_of(r, 0, file);
	w->posted.state = strcmp(state, "held") == 0     ? "held"
	                  : strcmp(state, "posted") == 0 ? "posted"
	                                                 : "duplicate";
	snprintf(w->result->reason, sizeof(w->result->reason), "%s", pg_text_of(r, 0, "hold_reason"));
	w->effect.records = pg_int_of(r, 0, "records");
	w->posted.decided_at = pg_int_of(r, 0, "decided_at");
}

/* Other files of these bytes are decided as if they were the first, and only mentioned. */
static void
take_kind(struct job_work *w, const struct pg_result *r, const char *kind)
{
	static const struct {
		const char *kind;
		enum job_known known;
	} table[] = {{"resume", JOB_RESUMED}, {"orphan", JOB_ORPHAN}, {"duplicate", JOB_REPEATED}};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(table[i].kind, kind) == 0)
			w->known = table[i].known;
	if (w->known == JOB_NEW && strcmp(kind, "again") == 0)
		w->delivery.again_of = pg_int_of(r, 0, "file_id");
	if (w->known == JOB_NEW || w->known == JOB_REPEATED)
		w->result->earlier = pg_int_of(r, 0, "file_id");
	if (w->known != JOB_NEW)
		take_known(w, r, "file_id");
}

static enum pg_status
look_up(struct job_work *w)
{
	char sha256[TEXT_HEX_SIZE(SHA256_BYTES)], name[TEXT_HEX_SIZE(LIMIT_NAME_BYTES)];
	const struct timespec *changed = &w->copy.source.st_ctim;
	struct params p = {0};
	struct pg_result *r;
	enum pg_status status;

	param_text(&p, text_hex(sha256, w->copy.sha256, SHA256_BYTES));
	param_text(&p, w->job->source);
	param_text(&p, text_hex(name, w->job->name, strlen(w->job->name)));
	param_int(&p, (int64_t) changed->tv_sec * 1000000 + changed->tv_nsec / 1000);
	param_text(&p, w->job->partner);
	param_text(&p, w->job->profile);
	param_text(&p, w->delivery.statement);
	status = pg_run_prepared(w->r->pg, sql_file_known, p.n, p.value, &r);
	if (status != PG_OK)
		return status;
	w->known = JOB_NEW;
	w->delivery.again_of = 0;
	w->result->earlier = 0;
	if (pg_rows(r) > 0)
		take_kind(w, r, pg_text_of(r, 0, "kind"));
	pg_result_free(r);
	return PG_OK;
}

enum job_end
job_known(struct job_work *w)
{
	enum pg_status status = look_up(w);

	/* behind the partner's lock, so that nobody closes meanwhile what it is taken for a duplicate of */
	if (status == PG_OK && w->known == JOB_REPEATED) {
		status = pg_defer(w->r->pg, sql_partner_lock, 1, &w->job->partner);
		if (status == PG_OK)
			status = look_up(w);
	}
	return status == PG_OK ? JOB_DONE
	                       : job_fail_database(w->r, w->result, status, "cannot look for the file");
}

/*
 * The same for a release: may it still go?  Behind the partner's lock, so that the answer holds until the end
 * of the transaction; a hold that ends by itself is ended here.
 */
static enum pg_status
look_up_release(struct job_work *w, bool *ret_over)
{
	struct params file = {0}, hold = {0};
	struct pg_result *r;
	enum pg_status status = pg_defer(w->r->pg, sql_partner_lock, 1, &w->job->partner);

	param_int(&file, w->job->release_of);
	if (status == PG_OK)
		status = pg_run_prepared(w->r->pg, sql_release_due, file.n, file.value, &r);
	if (status != PG_OK)
		return status;
	*ret_over = pg_rows(r) == 0;
	if (!*ret_over) {
		const char *kind = pg_text_of(r, 0, "kind");

		w->known = strcmp(kind, "resume") == 0 ? JOB_RESUMED : JOB_NEW;
		if (w->known == JOB_RESUMED)
			take_known(w, r, "release");
		w->waived = decide_waived(pg_text_of(r, 0, "waived"));
		param_int(&hold, pg_int_of(r, 0, "hold_id"));
		if (strcmp(kind, "gap") == 0 || strcmp(kind, "part") == 0)
			status = pg_run_prepared(w->r->pg, sql_release_end, hold.n, hold.value, NULL);
	}
	pg_result_free(r);
	return status;
}

enum job_end
job_known_release(struct job_work *w)
{
	bool over;
	enum pg_status status = look_up_release(w, &over);

	if (status != PG_OK)
		return job_fail_database(w->r, w->result, status, "cannot look for the file");
	return over ? JOB_GONE : JOB_DONE;
}

/* A file's way where nothing is to come of it, or only an event: dry runs, records tried again. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "reconcile/file/job_internal.h"
#include "reconcile/post/outcomes.h"

/* The file is there already, and opened; a parser that dies over it is no hold, but a failure. */
static enum job_end
parse(struct job_work *w)
{
	const struct job_trial *trial = w->trial;
	enum job_end end = job_read(w->r, trial->file, trial->name, NULL, &w->report, &w->parsed, w->result);

	if (end == JOB_DONE && w->parsed != PARSER_DONE)
		return JOB_FAILED;
	if (end == JOB_DONE && trial->on_report != NULL)
		trial->on_report(trial->context, &w->report);
	return end;
}

static enum job_end
show(struct job_work *w)
{
	enum pg_status status = outcomes_show(w->r->pg, w->decided, w->trial->show, w->trial->context);

	return status == PG_OK ? JOB_DONE : job_fail_database(w->r, w->result, status, "cannot decide");
}

/* The SHA-256 of the bytes as they would be delivered; the descriptor's place stays as it is. */
static bool
hash_file(int fd, uint8_t ret_hash[SHA256_BYTES])
{
	struct sha256 *hash = sha256_new();
	char buf[16384];
	off_t at = 0;
	ssize_t n;

	while ((n = pread(fd, buf, sizeof(buf), at)) > 0) {
		sha256_add(hash, buf, (size_t) n);
		at += n;
	}
	sha256_end(hash, ret_hash);
	sha256_free(hash);
	return n == 0;
}

/* After the records were judged and shown, which helps with a profile also of a file that came before. */
static enum job_end
known(struct job_work *w)
{
	const struct job_trial *trial = w->trial;

	if (trial->release_of != 0 || trial->read_again != 0)
		return JOB_DONE;
	if (!hash_file(trial->file, w->copy.sha256))
		return job_fail(w->result, "cannot read the file", strerror(errno));
	return job_known(w);
}

/* A file that would be held now gives nothing to event upon. */
static enum job_end
event(struct job_work *w)
{
	enum pg_status status = PG_OK;

	if (w->effect.hold == NULL)
		status = w->trial->apply(w->trial->context, w->r->pg, w->decided);
	return status == PG_OK ? JOB_DONE : job_fail_database(w->r, w->result, status, "cannot decide");
}

/* The steps of a delivery (job.c) that are left where nothing is posted. */
static const struct job_step dry_run[] = {
    {"parse", parse, JOB_ANY, true},
    {"decide", job_decide, JOB_ANY, true},
    {"show", show, JOB_ANY, true},
    {"known", known, JOB_ANY, true},
    {0},
};

static const struct job_step once_more[] = {
    {"parse", parse, JOB_ANY, true},
    {"decide", job_decide, JOB_ANY, true},
    {"event", event, JOB_ANY, true},
    {0},
};

/* The same file once more posts nothing, whatever its records are. */
static void
fill_repeated(const struct job_work *w, struct job_result *ret)
{
	snprintf(ret->state, sizeof(ret->state), "duplicate");
	ret->reason[0] = '\0';
	snprintf(ret->why, sizeof(ret->why),
	         "the same file came before, as file %" PRId64 ": nothing would be posted", ret->earlier);
	ret->records = w->effect.records;
}

static void
fill_result(const struct effect *e, struct job_result *ret)
{
	snprintf(ret->state, sizeof(ret->state), "%s", e->hold != NULL ? "held" : "posted");
	snprintf(ret->reason, sizeof(ret->reason), "%s", e->hold != NULL ? e->hold : "");
	snprintf(ret->why, sizeof(ret->why), "%s", e->message);
	ret->records = e->records;
	ret->confirmed = e->confirmed;
	ret->reversed = e->reversed;
	ret->held = e->held;
}

/* In the open transaction. */
static enum job_end
run_steps(struct reconciler *r, const struct job_trial *trial, struct job_result *ret)
{
	const struct profile *profile = r->profile.profile;
	const struct job_step *step = trial->apply != NULL ? once_more : dry_run;
	const struct job job = {.profile = profile->name,
	                        .partner = profile->policy.partner,
	                        .name = trial->name,
	                        .release_of = trial->release_of};
	struct job_work w = {.r = r,
	                     .job = &job,
	                     .copy = {.fd = -1},
	                     .waived = trial->apply != NULL ? WAIVE_ALL : trial->waived,
	                     .trial = trial,
	                     .result = ret};
	const char *unfit; /* a name that does not fit is the parser's to refuse */
	enum job_end end;

	(void) profile_match_name(profile, trial->name, strlen(trial->name), &w.facts, &unfit);
	w.delivery.statement = name_statement(&w.facts, w.statement);
	parse_report_open(&w.report);
	end = job_run_steps(&w, &step);
	if (end == JOB_DONE && w.known == JOB_REPEATED)
		fill_repeated(&w, ret);
	else if (end == JOB_DONE)
		fill_result(&w.effect, ret);
	parse_report_close(&w.report);
	decided_free(w.decided);
	return end;
}

enum job_end
job_try(struct reconciler *r, const struct job_trial *trial, struct job_result *ret)
{
	enum pg_status status;
	enum job_end end;

	*ret = (struct job_result){0};
	status = reconciler_prepare(r);
	if (status == PG_OK)
		status = pg_begin(r->pg);
	if (status != PG_OK)
		return job_fail_database(r, ret, status, "cannot begin");
	end = run_steps(r, trial, ret);
	if (end == JOB_DONE && trial->apply != NULL) {
		status = pg_commit(r->pg);
		if (status == PG_OK)
			return end;
		/* in doubt: the next run finds it done, or does it */
		end = job_fail_database(r, ret, status, "cannot commit");
	}
	if (pg_rollback(r->pg) != PG_OK)
		r->ready = false;
	return end;
}

/* The step "parse": the copy's records in pg_temp.stage, or its refusal. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "reconcile/file/job_internal.h"

/* Up to here a file is parsed while the database is asked for it: the pipe has room for what is reported. */
#define AHEAD_BYTES (256 << 10)

/* Are the bytes those that the partner hashed?  Otherwise why[LIMIT_MESSAGE_BYTES] has both digests. */
static bool
agrees_with_sidecar(const struct job_work *w, char *why)
{
	char ours[TEXT_HEX_SIZE(SHA256_BYTES)], stated[TEXT_HEX_SIZE(SHA256_BYTES)];

	if (w->job->checksum == NULL || memcmp(w->stated, w->copy.sha256, SHA256_BYTES) == 0)
		return true;
	snprintf(why, LIMIT_MESSAGE_BYTES, "the checksum file states SHA-256 %s, and the file has %s",
	         text_hex(stated, w->stated, SHA256_BYTES), text_hex(ours, w->copy.sha256, SHA256_BYTES));
	return false;
}

enum job_end
job_ahead(struct job_work *w)
{
	char why[LIMIT_MESSAGE_BYTES];
	int file;

	if (w->gave_up[0] != '\0' || w->copy.bytes > AHEAD_BYTES ||
	    w->r->profile.profile->policy.openpgp.wanted || !agrees_with_sidecar(w, why))
		return JOB_DONE;
	file = copy_reopen(&w->r->spool, &w->copy);
	if (file < 0)
		return job_fail(w->result, "cannot open the copy", strerror(errno));
	(void) reconciler_give(w->r, file, w->job->name); /* or else when it is its turn */
	close(file);
	return job_keep(w);
}

enum job_end
job_parse(struct job_work *w)
{
	char why[LIMIT_MESSAGE_BYTES];
	enum job_end end;
	int file;

	if (w->gave_up[0] != '\0')
		return JOB_DONE;
	file = copy_reopen(&w->r->spool, &w->copy);
	if (file < 0)
		return job_fail(w->result, "cannot open the copy", strerror(errno));
	end = agrees_with_sidecar(w, why)
	          ? job_read(w->r, file, w->job->name, &w->job->watch, &w->report, &w->parsed, w->result)
	          : job_refuse(w->r, "checksum", why, &w->report, w->result);
	close(file);
	w->counts = end == JOB_DONE && w->parsed == PARSER_EXHAUSTED;
	/* a profile that does not compile is ours to fix; the file stays */
	return end == JOB_DONE && (w->counts || w->parsed == PARSER_PROFILE) ? JOB_FAILED : end;
}

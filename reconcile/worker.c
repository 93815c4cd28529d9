#include "reconcile/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/exit_codes.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/db/migrate.h"
#include "lib/protocol/channel.h"
#include "lib/protocol/notification.h"
#include "lib/protocol/worker_job.h"
#include "lib/spool/orphans.h"
#include "reconcile/file/recover.h"
#include "reconcile/file/release.h"
#include "reconcile/post/notify_holds.h"

#define BACKOFF_FIRST_MS 50
#define BACKOFF_CEILING_MS 5000

/* The conversation with the daemon. */
struct talk {
	int channel;
	int turn; /* enum worker_turn */
};

/* False when nobody hears it. */
static bool
report(struct talk *t, enum worker_message message, const struct worker_report *report)
{
	struct message_line line;

	return worker_report_encode(&line, &t->turn, message, report) &&
	       channel_send(t->channel, line.text, line.length, -1) == 0;
}

static void
report_stage(void *context, const char *name, uint64_t records)
{
	/* nobody there: the end of the job will show it */
	(void) report(context, WORKER_STAGE,
	              &(struct worker_report){.stage = name, .records = (int64_t) records});
}

static void
report_taken(void *context, int64_t file_id, int64_t bytes)
{
	(void) report(context, WORKER_TAKEN, &(struct worker_report){.file = file_id, .bytes = bytes});
}

/* How often the database made us begin again since this was last reported. */
static bool
report_retried(struct talk *t, struct reconciler *r)
{
	struct worker_report retried = {.times = r->retries};

	r->retries = 0;
	return retried.times == 0 || report(t, WORKER_RETRIED, &retried);
}

/* Which server it is goes with it. */
static bool
report_ready(struct talk *t, const struct reconciler *r)
{
	const struct worker_report ready = {.server = *pg_server(r->pg) != '\0' ? pg_server(r->pg) : NULL,
	                                    .timeline = strtoll(pg_timeline(r->pg), NULL, 16)};

	return report(t, WORKER_READY, &ready);
}

/* ---- the connection ---- */

/* A database that was restored from an older backup: what came since is to be delivered once more. */
static enum pg_status
find_orphans(struct reconciler *r)
{
	struct orphans orphans;
	enum pg_status status = orphans_find(r->pg, r->spool.root, true, &orphans);
	const struct notification notification = {
	    .kind = "ledger_older",
	    .subject = orphans.path,
	    .message = "a kept file is unknown to the database: it is older than the "
	               "archive, or another one; the operator's guide, \"Backup and "
	               "restore\", says how to replay",
	    .fields = {{"kept", orphans.path}}};

	if (orphans.why[0] != '\0')
		log_write(LOG_WARNING, "what is kept cannot be read", LOG_FIELDS(log_text("why", orphans.why)));
	if (status != PG_OK || orphans.path[0] == '\0')
		return status;
	log_write(LOG_ERR, notification.message, LOG_FIELDS(log_text("kept", orphans.path)));
	if (notification_put(r->spool.root, &notification) < 0)
		log_write(LOG_ERR, "cannot store a notification", LOG_FIELDS(log_errno(errno)));
	return PG_OK;
}

/* Makes a new connection fit for files; why[LIMIT_MESSAGE_BYTES] when it is not. */
static bool
take_up(struct reconciler *r, char *why)
{
	struct recovered found = {0};

	if (migrate_check(r->pg, why, LIMIT_MESSAGE_BYTES) != PG_OK)
		return false;
	/* a session with tables of its own would drop them at its end, and wait for a standby with that: first
	 * what may fail for one */
	if (recover(r->pg, &r->spool, &found) != PG_OK || reconciler_prepare(r) != PG_OK ||
	    notify_holds(r->pg, &r->spool, 0) != PG_OK || find_orphans(r) != PG_OK ||
	    reconciler_warm_up(r) != PG_OK) {
		snprintf(why, LIMIT_MESSAGE_BYTES, "%s", pg_why(r->pg));
		return false;
	}
	malloc_trim(0); /* what connecting took, and no file needs */
	if (found.swept + found.archived + found.stuck > 0)
		log_write(LOG_NOTICE, "took up what was left behind",
		          LOG_FIELDS(log_int("swept", found.swept), log_int("archived", found.archived),
		                     log_int("stuck", found.stuck)));
	return true;
}

/* Waits; false when the other end of the channel has gone. */
static bool
wait_ms(int channel, int ms)
{
	struct pollfd p = {.fd = channel}; /* POLLHUP comes unasked */

	return poll(&p, 1, ms) <= 0 || (p.revents & (POLLHUP | POLLERR)) == 0;
}

/* One try for a usable connection; why[LIMIT_MESSAGE_BYTES] when there is none. */
static bool
connect_once(struct reconciler *r, char *why)
{
	r->ready = false;
	r->retries++;
	if (pg_reopen(r->pg) == PG_OK)
		return take_up(r, why);
	snprintf(why, LIMIT_MESSAGE_BYTES, "%s", pg_why(r->pg));
	return false;
}

/* Has a usable connection, however long it takes; false when there is nobody left to have it for. */
static bool
connect_again(struct reconciler *r, int channel)
{
	char why[LIMIT_MESSAGE_BYTES];
	bool reported = false;

	for (int ms = BACKOFF_FIRST_MS;; ms = ms * 2 < BACKOFF_CEILING_MS ? ms * 2 : BACKOFF_CEILING_MS) {
		if (connect_once(r, why))
			return true;
		if (!reported)
			log_write(LOG_WARNING, "the database cannot be used", LOG_FIELDS(log_text("why", why)));
		reported = true;
		if (!wait_ms(channel, ms))
			return false;
	}
}

/* ---- jobs ---- */

static void
log_end(const struct job *job, enum job_end end, const struct job_result *result)
{
	if (job->release_of != 0 && end == JOB_DONE)
		log_write(LOG_NOTICE, "held file released",
		          LOG_FIELDS(log_text("source", job->source), log_text("partner", job->partner),
		                     log_bytes("name", job->name, strlen(job->name)),
		                     log_int("file_id", result->file_id), log_int("release_of", job->release_of),
		                     log_text("state", result->state), log_text("reason", result->reason),
		                     log_int("records", result->records), log_int("confirmed", result->confirmed),
		                     log_int("reversed", result->reversed), log_int("held", result->held)));
	if (result->why[0] != '\0' && end == JOB_DONE)
		log_write(LOG_WARNING, "file decided, not all is well",
		          LOG_FIELDS(log_text("source", job->source), log_bytes("name", job->name, strlen(job->name)),
		                     log_text("why", result->why)));
}

/* False when nobody hears it. */
static bool
report_end(struct reconciler *r, struct talk *t, const struct job *job, enum job_end end,
           const struct job_result *result, int64_t began)
{
	static const enum worker_message messages[] = {[JOB_DONE] = WORKER_DONE,
	                                               [JOB_GONE] = WORKER_GONE,
	                                               [JOB_BUSY] = WORKER_BUSY_FILE,
	                                               [JOB_FAILED] = WORKER_FAILED,
	                                               [JOB_LOST] = WORKER_FAILED};
	struct worker_report last = {.result = *result};

	last.result.ms = clock_now_ms() - began;
	log_end(job, end, result);
	/* what the database does not answer now, the next connection asks again */
	if (end == JOB_DONE && strcmp(result->state, "held") == 0 &&
	    notify_holds(r->pg, &r->spool, result->file_id) != PG_OK)
		log_write(LOG_WARNING, "a held file is not reported yet", LOG_FIELDS(log_text("why", pg_why(r->pg))));
	/* before the end, so that no other job comes */
	if (!report_retried(t, r) || (end == JOB_LOST && !report(t, WORKER_WAITING, NULL)) ||
	    !report(t, messages[end], &last))
		return false;
	return end != JOB_LOST || (connect_again(r, t->channel) && report_retried(t, r) && report_ready(t, r));
}

static bool
answer(struct reconciler *r, struct talk *t, const struct job *job)
{
	struct job_result result;
	int64_t began = clock_now_ms();
	enum job_end end = job_run(r, job, &result);

	/* a connection that went while nobody needed it is no reason to make the file wait */
	if (end == JOB_LOST && connect_once(r, result.why))
		end = job_run(r, job, &result);
	return report_end(r, t, job, end, &result, began);
}

/* The next held file that may go. */
static bool
answer_release(struct reconciler *r, struct talk *t, const struct worker_request *request)
{
	const struct release_watch watch = {.stage = {report_stage, t},
	                                    .taken = report_taken,
	                                    .context = t,
	                                    .file = request->file,
	                                    .crashed = (int) request->crashed};
	struct release release = {0};
	struct job_result result;
	int64_t began = clock_now_ms();
	enum job_end end = release_next(r, &watch, &release, &result);

	if (end == JOB_LOST && connect_once(r, result.why))
		end = release_next(r, &watch, &release, &result);
	return report_end(r, t, &release.job, end, &result, began);
}

/* Where the partner's rejects go: to the fetcher, or into a directory.  False when it cannot be opened. */
static bool
open_answers(const struct config *config, struct job *job)
{
	const struct config_source *source = config_source(config, job->source);

	job->answers = -1;
	job->answer_suffix = "";
	if (source == NULL || (source->sftp.host == NULL && source->answers == NULL))
		return true;
	if (source->sftp.host != NULL) {
		/* what it brought lies beside its corner of the spool, which is its user's too */
		mode_t mask = umask(007);
		int rc = mkdirat(job->dir, ".fetch", 0770), saved = errno;

		umask(mask);
		if (rc < 0 && saved != EEXIST)
			return false;
		job->answers = openat(job->dir, ".fetch", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		job->answer_suffix = ".answer";
	} else {
		job->answers = open(source->answers, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return job->answers >= 0;
}

/* A job, with all that it needs opened. */
static bool
answer_job(struct reconciler *r, const struct config *config, struct talk *t,
           const struct worker_request *request, int dir)
{
	struct job job = {.source = request->source,
	                  .partner = request->partner,
	                  .profile = request->profile,
	                  .name = request->name,
	                  .dir = dir,
	                  .seen_at = request->seen_us,
	                  .checksum = request->checksum,
	                  .crashed = (int) request->crashed,
	                  .watch = {report_stage, t}};
	struct worker_report failed = {0};
	bool there;

	if (!open_answers(config, &job)) {
		snprintf(failed.result.why, sizeof(failed.result.why),
		         "the directory for its rejects cannot be opened: %s", strerror(errno));
		return report(t, WORKER_FAILED, &failed);
	}
	there = answer(r, t, &job);
	if (job.answers >= 0)
		close(job.answers);
	return there;
}

/* One packet: 1 answered, 0 nobody there any more, -1 it was no job. */
static int
serve_one(struct reconciler *r, const struct config *config, struct talk *t)
{
	char line[MESSAGE_BYTES + 1], why[LIMIT_MESSAGE_BYTES];
	struct worker_request request;
	int dir = -1, rc, message;
	bool there = false;
	size_t len;

	rc = channel_receive(t->channel, line, sizeof(line), &len, &dir);
	if (rc < 0)
		log_write(LOG_ERR, "what came is no job", LOG_FIELDS(log_errno(errno)));
	if (rc <= 0)
		return rc;
	message = worker_request_decode(&request, &t->turn, line, dir >= 0, why, sizeof(why));
	if (message < 0)
		log_write(LOG_ERR, "what came is no job", LOG_FIELDS(log_text("why", why)));
	else
		there = message == WORKER_RELEASE ? answer_release(r, t, &request)
		                                  : answer_job(r, config, t, &request, dir);
	if (dir >= 0)
		close(dir);
	if (message < 0)
		return -1;
	/* the next file's parser and room, while nobody waits */
	reconciler_tidy(r);
	if (there && reconciler_start_parser(r) < 0)
		log_write(LOG_WARNING, "cannot start a parser ahead", LOG_FIELDS(log_errno(errno)));
	return there ? 1 : 0;
}

int
worker_serve(struct reconciler *r, const struct config *config, int channel)
{
	struct talk talk = {.channel = channel, .turn = WORKER_TURN_STARTING};
	char why[LIMIT_MESSAGE_BYTES];
	int rc;

	if (!take_up(r, why)) {
		log_write(LOG_WARNING, "the database cannot be used", LOG_FIELDS(log_text("why", why)));
		if (!report(&talk, WORKER_WAITING, NULL) || !connect_again(r, channel))
			return EXIT_CLEAN;
	}
	if (reconciler_start_parser(r) < 0)
		log_write(LOG_WARNING, "cannot start a parser ahead", LOG_FIELDS(log_errno(errno)));
	if (!report_ready(&talk, r))
		return EXIT_CLEAN;
	while ((rc = serve_one(r, config, &talk)) > 0)
		;
	return rc < 0 ? EXIT_INTERNAL : EXIT_CLEAN;
}

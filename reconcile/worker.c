#include "reconcile/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/protocol/channel.h"
#include "lib/base/exit_codes.h"
#include "lib/base/log.h"
#include "lib/protocol/message.h"
#include "lib/protocol/notice.h"
#include "lib/base/text.h"
#include "reconcile/decide/decide.h"
#include "lib/db/migrate.h"
#include "reconcile/file/recover.h"
#include "reconcile/file/release.h"
#include "reconcile/post/tell_holds.h"
#include "lib/spool/unknown_kept.h"

#define BACKOFF_FIRST_MS 50
#define BACKOFF_CEILING_MS 5000

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t) t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool
say(int channel, struct message_line *line)
{
	return !line->full && channel_send(channel, line->text, line->length, -1) == 0;
}

static bool
say_word(int channel, const char *verb, const char *why)
{
	struct message_line line;

	message_start(&line, verb);
	if (why != NULL)
		message_add(&line, "why", why);
	return say(channel, &line);
}

static void
say_stage(void *context, const char *name, uint64_t records)
{
	const int *channel = context;
	struct message_line line;

	message_start(&line, "stage");
	message_add(&line, "name", name);
	message_add_int(&line, "records", (int64_t) records);
	say(*channel, &line); /* nobody there: the end of the job will tell */
}

/* How often the database made us begin again since this was last said. */
static bool
say_retried(int channel, struct reconciler *r)
{
	struct message_line line;

	if (r->retries == 0)
		return true;
	message_start(&line, "retried");
	message_add_int(&line, "times", r->retries);
	r->retries = 0;
	return say(channel, &line);
}

static bool
say_done(int channel, const struct job_result *result, int64_t ms)
{
	struct message_line line;

	message_start(&line, "done");
	message_add_int(&line, "file", result->file_id);
	message_add(&line, "state", result->state);
	message_add_int(&line, "records", result->records);
	message_add_int(&line, "confirmed", result->confirmed);
	message_add_int(&line, "reversed", result->reversed);
	message_add_int(&line, "already_done", result->already_done);
	message_add_int(&line, "duplicate_record", result->duplicate_record);
	message_add_int(&line, "noted", result->noted);
	message_add_int(&line, "held", result->held);
	message_add_int(&line, "points", result->points);
	message_add(&line, "reason", result->reason);
	message_add_int(&line, "ms", ms);
	message_add(&line, "answer", result->answered ? "yes" : "no");
	return say(channel, &line);
}

/* ---- the connection ---- */

/* A database that was restored from an older backup: what came since is to be delivered once more. */
static enum pg_status
look_for_unknown(struct reconciler *r)
{
	struct unknown_kept unknown;
	enum pg_status status = unknown_kept(r->pg, r->spool.root, true, &unknown);
	const struct notice notice = {.kind = "ledger_older",
	                              .subject = unknown.path,
	                              .message = "a kept file is unknown to the database: it is older than the "
	                                         "archive, or another one; the operator's guide, \"Backup and "
	                                         "restore\", says how to replay",
	                              .fields = {{"kept", unknown.path}}};

	if (unknown.why[0] != '\0')
		log_write(LOG_WARNING, "what is kept cannot be read", LOG_FIELDS(log_text("why", unknown.why)));
	if (status != PG_OK || unknown.path[0] == '\0')
		return status;
	log_write(LOG_ERR, notice.message, LOG_FIELDS(log_text("kept", unknown.path)));
	if (notice_put(r->spool.root, &notice) < 0)
		log_write(LOG_ERR, "a notice cannot be kept", LOG_FIELDS(log_errno(errno)));
	return PG_OK;
}

/* Makes a new connection fit for files; why[LIMIT_MESSAGE_BYTES] when it is not. */
static bool
take_up(struct reconciler *r, char *why)
{
	struct recovered found = {0};

	if (migrate_check(r->pg, why, LIMIT_MESSAGE_BYTES) != PG_OK)
		return false;
	if (reconciler_prepare(r) != PG_OK || recover(r->pg, &r->spool, &found) != PG_OK ||
	    tell_holds(r->pg, &r->spool, 0) != PG_OK || look_for_unknown(r) != PG_OK ||
	    decide_rehearse(r->pg) != PG_OK) {
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
	bool told = false;

	for (int ms = BACKOFF_FIRST_MS;; ms = ms * 2 < BACKOFF_CEILING_MS ? ms * 2 : BACKOFF_CEILING_MS) {
		if (connect_once(r, why))
			return true;
		if (!told)
			log_write(LOG_WARNING, "the database cannot be used", LOG_FIELDS(log_text("why", why)));
		told = true;
		if (!wait_ms(channel, ms))
			return false;
	}
}

/* ---- jobs ---- */

struct request {
	struct job job;
	char source[64], partner[128], profile[LIMIT_NAME_BYTES + 1], name[LIMIT_NAME_BYTES + 1];
	char checksum[LIMIT_NAME_BYTES + 1];
};

static bool
take_text(const struct message *m, const char *key, char *buf, size_t size)
{
	const char *text = message_text(m, key);

	return text != NULL && text[0] != '\0' && (size_t) snprintf(buf, size, "%s", text) < size;
}

static bool
read_request(const struct message *m, struct request *ret)
{
	size_t len;

	if (strcmp(m->verb, "job") != 0 || !take_text(m, "source", ret->source, sizeof(ret->source)) ||
	    !take_text(m, "partner", ret->partner, sizeof(ret->partner)) ||
	    !take_text(m, "profile", ret->profile, sizeof(ret->profile)) ||
	    !message_int(m, "seen", 0, INT64_MAX, &ret->job.seen_at) ||
	    !message_hex(m, "name", ret->name, LIMIT_NAME_BYTES, &len))
		return false;
	ret->name[len] = '\0';
	if (len == 0 || memchr(ret->name, '\0', len) != NULL)
		return false;
	ret->job.source = ret->source;
	ret->job.partner = ret->partner;
	ret->job.profile = ret->profile;
	ret->job.name = ret->name;
	if (message_text(m, "checksum") == NULL)
		return true;
	ret->job.checksum = ret->checksum;
	return take_text(m, "checksum", ret->checksum, sizeof(ret->checksum));
}

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
say_end(struct reconciler *r, int channel, const struct job *job, enum job_end end,
        const struct job_result *result, int64_t ms)
{
	log_end(job, end, result);
	/* what the database does not answer now, the next connection asks again */
	if (end == JOB_DONE && strcmp(result->state, "held") == 0 &&
	    tell_holds(r->pg, &r->spool, result->file_id) != PG_OK)
		log_write(LOG_WARNING, "a held file is not told of yet", LOG_FIELDS(log_text("why", pg_why(r->pg))));
	if (!say_retried(channel, r))
		return false;
	switch (end) {
	case JOB_DONE:
		return say_done(channel, result, ms);
	case JOB_GONE:
		return say_word(channel, "gone", NULL);
	case JOB_BUSY:
		return say_word(channel, "busy", result->why);
	case JOB_FAILED:
		return say_word(channel, "failed", result->why);
	case JOB_LOST:
		break;
	}
	return say_word(channel, "failed", result->why) && connect_again(r, channel) && say_retried(channel, r) &&
	       say_word(channel, "ready", NULL);
}

static bool
answer(struct reconciler *r, int channel, const struct job *job)
{
	struct job_result result;
	int64_t began = now_ms();
	enum job_end end = job_run(r, job, &result);

	/* a connection that went while nobody needed it is no reason to make the file wait */
	if (end == JOB_LOST && connect_once(r, result.why))
		end = job_run(r, job, &result);
	return say_end(r, channel, job, end, &result, now_ms() - began);
}

/* The next held file that may go. */
static bool
answer_release(struct reconciler *r, int channel)
{
	const struct stage_watch watch = {say_stage, &channel};
	struct release release = {0};
	struct job_result result;
	int64_t began = now_ms();
	enum job_end end = release_next(r, &watch, &release, &result);

	if (end == JOB_LOST && connect_once(r, result.why))
		end = release_next(r, &watch, &release, &result);
	return say_end(r, channel, &release.job, end, &result, now_ms() - began);
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
		/* what it brought lies beside its corner of the spool */
		if (mkdirat(job->dir, ".fetch", 0700) < 0 && errno != EEXIST)
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
answer_job(struct reconciler *r, const struct config *config, int channel, struct job *job)
{
	char why[LIMIT_MESSAGE_BYTES];
	bool there;

	if (!open_answers(config, job)) {
		snprintf(why, sizeof(why), "the directory for its rejects cannot be opened: %s", strerror(errno));
		return say_word(channel, "failed", why);
	}
	there = answer(r, channel, job);
	if (job->answers >= 0)
		close(job->answers);
	return there;
}

/* One packet: 1 answered, 0 nobody there any more, -1 it was no job. */
static int
serve_one(struct reconciler *r, const struct config *config, int channel)
{
	char line[MESSAGE_BYTES + 1];
	struct request request = {0};
	struct message m;
	int dir = -1, rc;
	size_t len;

	rc = channel_receive(channel, line, sizeof(line), &len, &dir);
	if (rc < 0 && errno == EINTR)
		return 1;
	if (rc <= 0)
		return rc;
	if (!message_read(&m, line)) {
		rc = -1;
	} else if (dir < 0 && strcmp(m.verb, "release") == 0) {
		rc = answer_release(r, channel) ? 1 : 0;
	} else if (dir >= 0 && read_request(&m, &request)) {
		request.job.dir = dir;
		request.job.watch = (struct stage_watch){say_stage, &channel};
		rc = answer_job(r, config, channel, &request.job) ? 1 : 0;
	} else {
		rc = -1;
	}
	if (dir >= 0)
		close(dir);
	if (rc < 0)
		return rc;
	/* the next file's parser and room, while nobody waits */
	reconciler_tidy(r);
	if (rc == 1 && reconciler_start_parser(r) < 0)
		log_write(LOG_WARNING, "cannot start a parser ahead", LOG_FIELDS(log_errno(errno)));
	return rc;
}

int
worker_serve(struct reconciler *r, const struct config *config, int channel)
{
	char why[LIMIT_MESSAGE_BYTES];
	int rc;

	if (!take_up(r, why)) {
		log_write(LOG_WARNING, "the database cannot be used", LOG_FIELDS(log_text("why", why)));
		if (!connect_again(r, channel))
			return EXIT_CLEAN;
	}
	if (reconciler_start_parser(r) < 0)
		log_write(LOG_WARNING, "cannot start a parser ahead", LOG_FIELDS(log_errno(errno)));
	if (!say_word(channel, "ready", NULL))
		return EXIT_CLEAN;
	while ((rc = serve_one(r, config, channel)) > 0)
		;
	if (rc < 0)
		log_write(LOG_ERR, "what came is no job", NULL);
	return rc < 0 ? EXIT_INTERNAL : EXIT_CLEAN;
}

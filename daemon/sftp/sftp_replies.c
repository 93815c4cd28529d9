/* What a fetcher may send, and what becomes of it. */
#include "daemon/loop.h"
#include "daemon/sftp/sftp.h"
#include "lib/base/log.h"
#include "lib/base/text.h"

/* The same complaint comes with each run: it is logged once, until SFTP_REPORTED others came. */
static bool
is_news(struct sftp *s, const char *verb, const char *name, const char *why)
{
	const char *const parts[] = {verb, name, why};
	uint64_t hash = 14695981039346656037u; /* FNV-1a: nothing is lost when two are alike */

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		for (const char *c = parts[i];; c++) {
			hash = (hash ^ (unsigned char) *c) * 1099511628211u;
			if (*c == '\0')
				break;
		}
	for (size_t i = 0; i < SFTP_REPORTED; i++)
		if (s->reported[i] == hash)
			return false;
	s->reported[s->next_reported++ % SFTP_REPORTED] = hash;
	return true;
}

static void
take_connected(struct sftp *s, const struct fetch_report *r)
{
	snprintf(s->host_key, sizeof(s->host_key), "%s", r->host_key);
	log_write(LOG_DEBUG, "connected",
	          LOG_FIELDS(log_text("source", s->name), log_text("host_key", r->host_key),
	                     log_text("server", r->server), log_text("kex", r->kex),
	                     log_text("cipher", r->cipher)));
}

static void
tell_mismatch(const struct sftp *s, const char *expected, const char *got)
{
	char subject[512];
	const struct notification notification = {
	    .kind = "host_key_changed",
	    .subject = subject,
	    .message = "a partner's server shows another host key than the pinned one: nothing was sent to it",
	    .fields = {{"source", s->name},
	               {"partner", s->config->partner},
	               {"host", s->config->sftp.host},
	               {"expected", expected},
	               {"got", got}}};

	snprintf(subject, sizeof(subject), "%s-%s", s->name, got);
	s->calls->notification(s->context, &notification);
}

static void
take_mismatch(struct sftp *s, const struct fetch_report *r)
{
	s->mismatches++;
	log_write(LOG_CRIT, "the server shows another host key than the expected: nothing was sent to it",
	          LOG_FIELDS(log_text("source", s->name), log_text("host", s->config->sftp.host),
	                     log_text("expected", r->expected), log_text("got", r->got),
	                     log_text("type", r->type)));
	tell_mismatch(s, r->expected, r->got);
}

static void
take_listing(struct sftp *s, const struct fetch_report *r)
{
	static const enum sftp_poll_result results[] = {
	    [FETCH_FILES] = SFTP_FILES, [FETCH_EMPTY] = SFTP_EMPTY, [FETCH_LISTING_FAILED] = SFTP_FAILED};

	s->run.polled = true;
	s->poll = results[r->result];
	s->polls_by_result[s->poll]++;
	s->polled_us = loop_wall_us();
	if (r->partial && is_news(s, "partial", "", ""))
		log_write(LOG_WARNING,
		          "the server's directory has more names than one poll takes: the others' turn comes",
		          LOG_FIELDS(log_text("source", s->name)));
}

static void
take_file(struct sftp *s, const struct fetch_report *r)
{
	s->run.files++;
	if (__builtin_add_overflow(s->run.bytes, r->size, &s->run.bytes))
		s->run.bytes = INT64_MAX; /* the fetcher's word for it */
	s->files++;
	s->bytes += (uint64_t) r->size;
	s->run.name[0] = '\0';
	log_write(LOG_INFO, "file fetched",
	          LOG_FIELDS(log_text("source", s->name), log_text("name", r->name), log_int("bytes", r->size),
	                     log_text("sha256", r->sha256)));
}

static void
take_progress(struct sftp *s, const struct fetch_report *r)
{
	s->run.name_bytes = r->bytes;
	s->run.name_size = r->size;
	snprintf(s->run.name, sizeof(s->run.name), "%s", r->name);
	s->run.progress = true;
	s->calls->changed(s->context);
}

static void
take_after(struct sftp *s, const struct fetch_report *r)
{
	log_write(LOG_INFO, "file on the server dealt with",
	          LOG_FIELDS(log_text("source", s->name), log_text("name", r->name), log_text("what", r->what),
	                     log_text("as", r->as)));
}

static void
take_answered(struct sftp *s, const struct fetch_report *r)
{
	log_write(LOG_INFO, "answer uploaded",
	          LOG_FIELDS(log_text("source", s->name), log_text("name", r->name)));
}

static void
take_failed(struct sftp *s, const struct fetch_report *r)
{
	s->run.failed = true;
	snprintf(s->run.stage, sizeof(s->run.stage), "%s", r->stage);
	snprintf(s->run.why, sizeof(s->run.why), "%s", r->why);
}

static void
take_done(struct sftp *s, const struct fetch_report *r)
{
	s->run.done = true;
	s->run.waiting = r->waiting;
	s->run.refused = r->refused;
	s->run.failures = r->failed;
	s->run.after_failed = r->after_failed;
}

/* What becomes of a message; a complaint about one name is logged.  Neither: it changes nothing here. */
static const struct {
	void (*take)(struct sftp *s, const struct fetch_report *r);
	int level;
	const char *complaint;
} table[FETCH_MESSAGES] = {
    [FETCH_CONNECTED] = {.take = take_connected},
    [FETCH_HOST_KEY_MISMATCH] = {.take = take_mismatch},
    [FETCH_LISTED] = {.take = take_listing},
    [FETCH_REFUSED] = {.level = LOG_WARNING, .complaint = "name on the server not taken"},
    [FETCH_WAITING] = {.level = LOG_INFO, .complaint = "file on the server not taken yet"},
    [FETCH_FILE_FAILED] = {.level = LOG_WARNING, .complaint = "cannot download the file"},
    [FETCH_PROGRESS] = {.take = take_progress},
    [FETCH_FILE] = {.take = take_file},
    [FETCH_AFTER_DONE] = {.take = take_after},
    [FETCH_AFTER_FAILED] = {.level = LOG_WARNING,
                            .complaint = "file on the server could not be moved or deleted"},
    [FETCH_ANSWERED] = {.take = take_answered},
    [FETCH_ANSWER_FAILED] = {.level = LOG_WARNING, .complaint = "answer could not be uploaded"},
    [FETCH_FAILED] = {.take = take_failed},
    [FETCH_DONE] = {.take = take_done},
};

bool
sftp_take_line(struct sftp *s, char *line)
{
	char why[LIMIT_MESSAGE_BYTES];
	struct fetch_report r;
	int message = fetch_report_decode(&r, &s->run.turn, line, why, sizeof(why));

	if (message < 0) {
		log_write(LOG_DEBUG, "the fetcher broke its contract",
		          LOG_FIELDS(log_text("source", s->name), log_text("why", why)));
		return false;
	}
	if (table[message].complaint != NULL)
		log_write(is_news(s, table[message].complaint, r.name, r.why) ? table[message].level : LOG_DEBUG,
		          table[message].complaint,
		          LOG_FIELDS(log_text("source", s->name), log_text("name", r.name), log_text("why", r.why)));
	if (table[message].take != NULL)
		table[message].take(s, &r);
	return true;
}

/* What a fetcher may say, and what becomes of it. */
#include "lib/base/log.h"
#include "lib/protocol/message.h"
#include "lib/base/text.h"
#include "daemon/loop.h"
#include "daemon/sftp/sftp.h"

/* The same complaint comes with each run: it is logged once, until SFTP_TOLD others came. */
static bool
is_news(struct sftp *s, const char *verb, const char *name, const char *why)
{
	const char *const parts[] = {verb, name, why};
	uint64_t hash = 14695981039346656037u; /* FNV-1a: nothing is lost when two are alike */

	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		for (const char *c = parts[i];; c++) {
			hash = (hash ^ (unsigned char) *c) * 1099511628211u;
			if (*c == '\0')
				break;
		}
	for (size_t i = 0; i < SFTP_TOLD; i++)
		if (s->told[i] == hash)
			return false;
	s->told[s->next_told++ % SFTP_TOLD] = hash;
	return true;
}

static bool
say_connected(struct sftp *s, const struct message *m)
{
	const char *key = message_text(m, "host_key"), *server = message_text(m, "server");

	if (key == NULL || server == NULL)
		return false;
	snprintf(s->host_key, sizeof s->host_key, "%s", key);
	log_write(LOG_DEBUG, "connected",
	          LOG_FIELDS(log_text("source", s->name), log_text("host_key", key), log_text("server", server),
	                     log_text("kex", message_text(m, "kex")),
	                     log_text("cipher", message_text(m, "cipher"))));
	return true;
}

static void
tell_mismatch(const struct sftp *s, const char *expected, const char *got)
{
	char subject[512];
	const struct notice notice = {
	    .kind = "host_key_changed",
	    .subject = subject,
	    .message = "a partner's server shows another host key than the pinned one: nothing was sent to it",
	    .fields = {{"source", s->name},
	               {"partner", s->config->partner},
	               {"host", s->config->sftp.host},
	               {"expected", expected},
	               {"got", got}}};

	snprintf(subject, sizeof subject, "%s-%s", s->name, got);
	s->calls->notice(s->context, &notice);
}

static bool
say_mismatch(struct sftp *s, const struct message *m)
{
	const char *expected = message_text(m, "expected"), *got = message_text(m, "got");

	if (expected == NULL || got == NULL)
		return false;
	s->mismatches++;
	log_write(LOG_CRIT, "the server shows another host key than the expected: nothing was sent to it",
	          LOG_FIELDS(log_text("source", s->name), log_text("host", s->config->sftp.host),
	                     log_text("expected", expected), log_text("got", got),
	                     log_text("type", message_text(m, "type"))));
	tell_mismatch(s, expected, got);
	return true;
}

static bool
on_poll(struct sftp *s, const struct message *m)
{
	const char *result = message_text(m, "result");
	enum sftp_poll_result poll = SFTP_NONE_YET;

	for (enum sftp_poll_result i = SFTP_FILES; result != NULL && i < SFTP_POLL_RESULTS; i++)
		if (strcmp(result, sftp_poll_words[i]) == 0)
			poll = i;
	if (poll == SFTP_NONE_YET)
		return false;
	s->run.polled = true;
	s->poll = poll;
	s->polls_by_result[poll]++;
	s->polled_us = loop_wall_us();
	if (strcmp(message_text(m, "partial") != NULL ? message_text(m, "partial") : "no", "yes") == 0 &&
	    is_news(s, "partial", "", ""))
		log_write(LOG_WARNING,
		          "the server's directory has more names than one poll takes: the others' turn comes",
		          LOG_FIELDS(log_text("source", s->name)));
	return true;
}

static bool
say_file(struct sftp *s, const struct message *m)
{
	const char *name = message_text(m, "name"), *sha256 = message_text(m, "sha256");
	int64_t size;

	if (name == NULL || sha256 == NULL || !message_int(m, "size", 0, INT64_MAX, &size))
		return false;
	s->run.files++;
	s->run.bytes += size;
	s->files++;
	s->bytes += (uint64_t) size;
	s->run.name[0] = '\0';
	log_write(LOG_INFO, "file fetched",
	          LOG_FIELDS(log_text("source", s->name), log_text("name", name), log_int("bytes", size),
	                     log_text("sha256", sha256)));
	return true;
}

static bool
say_progress(struct sftp *s, const struct message *m)
{
	const char *name = message_text(m, "name");

	if (name == NULL || !message_int(m, "bytes", 0, INT64_MAX, &s->run.name_bytes) ||
	    !message_int(m, "size", 0, INT64_MAX, &s->run.name_size))
		return false;
	snprintf(s->run.name, sizeof s->run.name, "%s", name);
	s->run.progress = true;
	s->calls->changed(s->context);
	return true;
}

/* A complaint about one name. */
static bool
complain(struct sftp *s, const struct message *m, int level, const char *what)
{
	const char *name = message_text(m, "name"), *why = message_text(m, "why");

	if (name == NULL || why == NULL)
		return false;
	log_write(is_news(s, m->verb, name, why) ? level : LOG_DEBUG, what,
	          LOG_FIELDS(log_text("source", s->name), log_text("name", name), log_text("why", why)));
	return true;
}

static bool
say_refused(struct sftp *s, const struct message *m)
{
	return complain(s, m, LOG_WARNING, "name on the server not taken");
}

static bool
say_waiting(struct sftp *s, const struct message *m)
{
	return complain(s, m, LOG_INFO, "file on the server not taken yet");
}

static bool
say_file_failed(struct sftp *s, const struct message *m)
{
	return complain(s, m, LOG_WARNING, "file on the server could not be had");
}

static bool
say_after_failed(struct sftp *s, const struct message *m)
{
	return complain(s, m, LOG_WARNING, "file on the server could not be moved or deleted");
}

static bool
say_answer_failed(struct sftp *s, const struct message *m)
{
	return complain(s, m, LOG_WARNING, "answer could not be uploaded");
}

static bool
say_after(struct sftp *s, const struct message *m)
{
	const char *name = message_text(m, "name"), *what = message_text(m, "what");

	if (name == NULL || what == NULL)
		return false;
	log_write(LOG_INFO, "file on the server dealt with",
	          LOG_FIELDS(log_text("source", s->name), log_text("name", name), log_text("what", what),
	                     log_text("as", message_text(m, "as"))));
	return true;
}

static bool
say_answered(struct sftp *s, const struct message *m)
{
	log_write(LOG_INFO, "answer uploaded",
	          LOG_FIELDS(log_text("source", s->name), log_text("name", message_text(m, "name"))));
	return true;
}

static bool
say_noted(struct sftp *s, const struct message *m)
{
	(void) s;
	return message_text(m, "archived") != NULL;
}

static bool
say_failed(struct sftp *s, const struct message *m)
{
	const char *stage = message_text(m, "stage"), *why = message_text(m, "why");

	if (stage == NULL || why == NULL || strlen(stage) >= sizeof s->run.stage)
		return false;
	s->run.failed = true;
	snprintf(s->run.stage, sizeof s->run.stage, "%s", stage);
	snprintf(s->run.why, sizeof s->run.why, "%s", why);
	return true;
}

static bool
say_done(struct sftp *s, const struct message *m)
{
	s->run.done = true;
	return message_int(m, "waiting", 0, INT64_MAX, &s->run.waiting) &&
	       message_int(m, "refused", 0, INT64_MAX, &s->run.refused) &&
	       message_int(m, "failed", 0, INT64_MAX, &s->run.failures) &&
	       message_int(m, "after_failed", 0, INT64_MAX, &s->run.after_failed);
}

static const struct {
	const char *verb;
	bool (*take)(struct sftp *s, const struct message *m);
} table[] = {
    {"noted", say_noted},
    {"connected", say_connected},
    {"host_key_mismatch", say_mismatch},
    {"poll", on_poll},
    {"refused", say_refused},
    {"progress", say_progress},
    {"waiting", say_waiting},
    {"file", say_file},
    {"file_failed", say_file_failed},
    {"after", say_after},
    {"after_failed", say_after_failed},
    {"answered", say_answered},
    {"answer_failed", say_answer_failed},
    {"failed", say_failed},
    {"done", say_done},
};

bool
sftp_take_line(struct sftp *s, char *line)
{
	struct message m;

	/* the last word was said */
	if (s->run.done || s->run.failed || !message_read(&m, line))
		return false;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (strcmp(m.verb, table[i].verb) == 0)
			return table[i].take(s, &m);
	return false;
}

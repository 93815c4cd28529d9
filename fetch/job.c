#include "fetch/job.h"

#include <errno.h>
#include <stdarg.h>
#include <unistd.h>

#include "lib/protocol/channel.h"
#include "lib/protocol/message.h"

#define DAY_MS (24 * 3600 * 1000LL)

static bool bad(char *why, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

static bool
bad(char *why, size_t size, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(why, size, format, args);
	va_end(args);
	return false;
}

/* A text of at most max bytes; absent leaves *ret alone. */
static bool
take_text(const struct message *m, const char *key, size_t max, char **ret)
{
	const char *text = message_text(m, key);
	if (!text)
		return true;
	free(*ret);
	*ret = strlen(text) <= max ? strdup(text) : NULL;
	return *ret != NULL;
}

/* A number; absent leaves *ret alone. */
static bool
take_int(const struct message *m, const char *key, int64_t min, int64_t max, int64_t *ret)
{
	return !message_text(m, key) || message_int(m, key, min, max, ret);
}

/* The index of a word; absent leaves *ret alone. */
static bool
take_word(const struct message *m, const char *key, const char *const *words, int *ret)
{
	const char *text = message_text(m, key);
	for (int i = 0; text && words[i]; i++) {
		if (strcmp(words[i], text) == 0) {
			*ret = i;
			return true;
		}
	}
	return !text;
}

static bool
take_words(const struct message *m, struct job *job)
{
	static const char *const modes[] = {"fetch", "after", "probe", NULL};
	static const char *const afters[] = {"leave", "move", "delete", NULL};
	static const char *const twins[] = {"none", "marker", "sha256", NULL};
	static const char *const yes[] = {"no", "yes", NULL};
	int mode = JOB_FETCH, after = JOB_LEAVE, twin = JOB_NO_TWIN, write = 0, no_landlock = 0;
	bool ok = take_word(m, "mode", modes, &mode) && take_word(m, "after", afters, &after) &&
	          take_word(m, "twin", twins, &twin) && take_word(m, "may_write", yes, &write) &&
	          take_word(m, "no_landlock", yes, &no_landlock);
	job->mode = (enum job_mode) mode;
	job->after = (enum job_after) after;
	job->twin = (enum job_twin) twin;
	job->may_write = write;
	job->no_landlock = no_landlock;
	return ok;
}

static bool
take_texts(const struct message *m, struct job *job)
{
	const struct {
		const char *key;
		size_t max;
		char **ret;
	} texts[] = {
	    {"source", LIMIT_NAME_BYTES, &job->source},
	    {"host", LIMIT_NAME_BYTES, &job->target.host},
	    {"user", LIMIT_NAME_BYTES, &job->target.user},
	    {"directory", JOB_PATH_BYTES, &job->directory},
	    {"twin_suffix", LIMIT_NAME_BYTES, &job->twin_suffix},
	    {"after_directory", JOB_PATH_BYTES, &job->after_directory},
	    {"answer", JOB_ANSWER_BYTES, &job->answer},
	    {"answer_name", LIMIT_NAME_BYTES, &job->answer_name},
	    {"answer_directory", JOB_PATH_BYTES, &job->answer_directory},
	    {"kex", LIMIT_MESSAGE_BYTES, &job->target.kex},
	    {"ciphers", LIMIT_MESSAGE_BYTES, &job->target.ciphers},
	    {"macs", LIMIT_MESSAGE_BYTES, &job->target.macs},
	    {"host_key_types", LIMIT_MESSAGE_BYTES, &job->target.host_key_types},
	};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		if (!take_text(m, texts[i].key, texts[i].max, texts[i].ret))
			return false;
	}
	return true;
}

static bool
take_job(const struct message *m, struct job *job, char *why, size_t why_size)
{
	int64_t port = 22;
	if (!take_words(m, job) || !take_texts(m, job))
		return bad(why, why_size, "job: an unknown word, or a text that is too long");
	if (!take_int(m, "port", 1, 65535, &port) ||
	    !take_int(m, "connect_ms", 1, DAY_MS, &job->target.connect_ms) ||
	    !take_int(m, "stall_ms", 1, DAY_MS, &job->stall_ms) ||
	    !take_int(m, "run_ms", 1, DAY_MS, &job->run_ms) ||
	    !take_int(m, "rate_per_s", 0, INT64_MAX / DAY_MS, &job->rate_per_s) ||
	    !take_int(m, "settle_ms", 0, DAY_MS, &job->settle_ms) ||
	    !take_int(m, "reread_ms", 0, 3650 * DAY_MS, &job->reread_ms) ||
	    !take_int(m, "file_bytes", 0, INT64_MAX, &job->file_bytes) ||
	    !take_int(m, "listing", 1, LIMIT_LISTING, &job->listing))
		return bad(why, why_size, "job: a number is out of its range");
	job->target.port = (int) port;
	if (!job->source || !job->target.host || !job->target.user)
		return bad(why, why_size, "job: source, host and user are needed");
	if (job->twin != JOB_NO_TWIN && (!job->twin_suffix || !*job->twin_suffix))
		return bad(why, why_size, "job: a twin needs its suffix");
	if (job->after == JOB_MOVE && !job->after_directory)
		return bad(why, why_size, "job: after=move needs after_directory");
	return true;
}

static bool
take_item(const struct message *m, const char *key, char **list, size_t max, size_t *count)
{
	char *text = NULL;
	if (*count == max || !take_text(m, key, LIMIT_NAME_BYTES, &text) || !text)
		return false;
	list[(*count)++] = text;
	return true;
}

/* Takes over the passed descriptor; false when this verb has none to take. */
static bool
take_descriptor(struct job *job, const char *verb, int passed)
{
	const struct {
		const char *verb;
		int *fd;
	} places[] = {
	    {"spool", &job->spool_fd},
	    {"key", &job->target.key_fd},
	    {"passphrase", &job->target.passphrase_fd},
	    {"password", &job->target.password_fd},
	    {"known_hosts", &job->target.known_hosts_fd},
	};
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		if (strcmp(places[i].verb, verb) == 0 && passed >= 0 && *places[i].fd < 0) {
			*places[i].fd = passed;
			return true;
		}
	}
	return false;
}

static bool
take_packet(const struct message *m, struct job *job, char *why, size_t why_size)
{
	bool ok;
	if (strcmp(m->verb, "job") == 0)
		return take_job(m, job, why, why_size);
	if (strcmp(m->verb, "pattern") == 0)
		ok = take_item(m, "glob", job->patterns, JOB_GLOBS, &job->pattern_count);
	else if (strcmp(m->verb, "ignore") == 0)
		ok = take_item(m, "glob", job->ignores, JOB_GLOBS, &job->ignore_count);
	else if (strcmp(m->verb, "pin") == 0)
		ok = take_item(m, "key", job->target.pins, REMOTE_PINS, &job->target.pin_count);
	else
		ok = false;
	return ok || bad(why, why_size, "%s: not understood", m->verb);
}

static void
set_defaults(struct job *job)
{
	*job = (struct job){
	    .spool_fd = -1,
	    .target = {.key_fd = -1,
	               .passphrase_fd = -1,
	               .password_fd = -1,
	               .known_hosts_fd = -1,
	               .connect_ms = LIMIT_CONNECT_S * 1000},
	    .stall_ms = LIMIT_STALL_S * 1000,
	    .run_ms = 3600 * 1000,
	    .file_bytes = LIMIT_FILE_BYTES,
	    .listing = LIMIT_LISTING,
	};
}

/* One packet.  1: more to come, 0: it was `go`, -1: the other end is gone or why says what is wrong with it.
 */
static int
read_packet(int channel, struct job *job, char *why, size_t why_size)
{
	static char line[MESSAGE_BYTES + 1];
	static struct message m;
	size_t len;
	int passed = -1;
	int rc = channel_receive(channel, line, sizeof line, &len, &passed);
	if (rc == 0)
		bad(why, why_size, "the job was cut off");
	else if (rc < 0)
		bad(why, why_size, "a packet of the job cannot be had: %s", strerror(errno));
	else if (!message_read(&m, line))
		bad(why, why_size, "a packet of the job is no message");
	else if (passed >= 0 && take_descriptor(job, m.verb, passed))
		return 1;
	else if (passed >= 0)
		bad(why, why_size, "%s: a descriptor that does not belong here", m.verb);
	else if (strcmp(m.verb, "go") == 0)
		return 0;
	else if (take_packet(&m, job, why, why_size))
		return 1;
	if (passed >= 0)
		close(passed);
	return rc == 0 ? 0 : -1;
}

bool
job_read(int channel, struct job *job, char *why, size_t why_size)
{
	char ignored[LIMIT_MESSAGE_BYTES];
	int rc;
	bool ok = true;
	set_defaults(job);
	why[0] = '\0';
	/* a bad job is read to its end too, so that the answer to it is not lost with the rest */
	while ((rc = read_packet(channel, job, ok ? why : ignored, ok ? why_size : sizeof ignored)) != 0)
		ok = ok && rc > 0;
	if (!ok || why[0] != '\0')
		return false;
	if (!job->source || (job->mode != JOB_PROBE && job->spool_fd < 0))
		return bad(why, why_size, "the job lacks its first packet or its spool");
	return true;
}

static void
close_if(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void
free_list(char **list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(list[i]);
}

void
job_free(struct job *job)
{
	char *const texts[] = {job->source, job->directory,   job->twin_suffix,     job->after_directory,
	                       job->answer, job->answer_name, job->answer_directory};
	char *targets[] = {job->target.host,    job->target.user, job->target.kex,
	                   job->target.ciphers, job->target.macs, job->target.host_key_types};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		free(texts[i]);
	free_list(targets, sizeof targets / sizeof *targets);
	free_list(job->patterns, job->pattern_count);
	free_list(job->ignores, job->ignore_count);
	free_list(job->target.pins, job->target.pin_count);
	close_if(job->spool_fd);
	close_if(job->target.key_fd);
	close_if(job->target.passphrase_fd);
	close_if(job->target.password_fd);
	close_if(job->target.known_hosts_fd);
}

#include "lib/config/fetch_job.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/limits.h"
#include "lib/protocol/message.h"

#define PACKETS 80 /* job, go, 5 descriptors, 8 pins and twice 32 patterns */

static const char *const modes[] = {[FETCH_POLL] = "fetch", [FETCH_AFTER] = "after", [FETCH_PROBE] = "probe"};
static const char *const afters[] = {
    [CONFIG_AFTER_LEAVE] = "leave", [CONFIG_AFTER_MOVE] = "move", [CONFIG_AFTER_DELETE] = "delete"};

struct maker {
	struct fetch_job *job;
	struct message_line line;
	char *why;
	size_t why_size;
};

/* Takes the line and fd over into the job. */
static bool
add_packet(struct maker *m, int fd)
{
	struct fetch_packet *packet = &m->job->packets[m->job->count];
	char *text = m->line.full || m->job->count == PACKETS ? NULL : strdup(m->line.text);

	if (text == NULL) {
		snprintf(m->why, m->why_size, m->line.full ? "the job is too long for a message" : "out of memory");
		if (fd >= 0)
			close(fd);
		return false;
	}
	*packet = (struct fetch_packet){text, m->line.length, fd};
	m->job->count++;
	return true;
}

static void
add_text(struct maker *m, const char *key, const char *text)
{
	if (text != NULL)
		message_add(&m->line, key, text);
}

static void
add_list(struct maker *m, const char *key, const char *const *texts)
{
	char joined[LIMIT_MESSAGE_BYTES];
	size_t used = 0;

	if (texts == NULL)
		return;
	for (; *texts != NULL; texts++) {
		int n = snprintf(joined + used, sizeof joined - used, "%s%s", used > 0 ? "," : "", *texts);

		if (n < 0 || (size_t) n >= sizeof joined - used) {
			m->line.full = true;
			return;
		}
		used += (size_t) n;
	}
	message_add(&m->line, key, joined);
}

static bool
add_job(struct maker *m, const struct config_source *source, enum fetch_mode mode, bool may_write)
{
	const struct config_sftp *sftp = &source->sftp;
	const char *twin = source->checksum != NULL ? "sha256" : source->marker != NULL ? "marker" : "none";

	message_start(&m->line, "job");
	add_text(m, "mode", modes[mode]);
	add_text(m, "source", source->name);
	add_text(m, "host", sftp->host);
	add_text(m, "user", sftp->user);
	add_text(m, "directory", sftp->directory);
	add_text(m, "twin", twin);
	add_text(m, "twin_suffix", source->checksum != NULL ? source->checksum : source->marker);
	add_text(m, "after", afters[sftp->after]);
	add_text(m, "after_directory", sftp->after_directory);
	add_text(m, "answer", sftp->answer);
	add_text(m, "answer_name", sftp->answer_name);
	add_text(m, "answer_directory", sftp->answer_directory);
	add_text(m, "may_write", may_write ? "yes" : "no");
	add_text(m, "no_landlock", sftp->no_landlock ? "yes" : "no");
	add_list(m, "kex", sftp->key_exchange);
	add_list(m, "ciphers", sftp->ciphers);
	add_list(m, "macs", sftp->macs);
	message_add_int(&m->line, "port", sftp->port);
	message_add_int(&m->line, "connect_ms", sftp->connect_ms);
	message_add_int(&m->line, "stall_ms", sftp->stall_ms);
	message_add_int(&m->line, "run_ms", sftp->deadline_ms);
	message_add_int(&m->line, "rate_per_s", sftp->rate);
	message_add_int(&m->line, "settle_ms", source->settle_ms);
	message_add_int(&m->line, "reread_ms", sftp->reread_ms);
	return add_packet(m, -1);
}

static bool
add_texts(struct maker *m, const char *verb, const char *key, const char *const *texts)
{
	for (; texts != NULL && *texts != NULL; texts++) {
		message_start(&m->line, verb);
		message_add(&m->line, key, *texts);
		if (!add_packet(m, -1))
			return false;
	}
	return true;
}

/* A FIFO in place of a key would make the caller wait: hence O_NONBLOCK, which a regular file ignores. */
static bool
add_file(struct maker *m, const char *verb, const char *path)
{
	int fd;

	if (path == NULL)
		return true;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		snprintf(m->why, m->why_size, "%s: %s: %s", verb, path, strerrordesc_np(errno));
		return false;
	}
	message_start(&m->line, verb);
	return add_packet(m, fd);
}

static bool
add_spool(struct maker *m, const char *path)
{
	int fd = io_make_dirs(AT_FDCWD, path, 0700);

	if (fd < 0) {
		snprintf(m->why, m->why_size, "spool: %s: %s", path, strerrordesc_np(errno));
		return false;
	}
	message_start(&m->line, "spool");
	return add_packet(m, fd);
}

bool
fetch_job_make(struct fetch_job *ret, const struct config_source *source, enum fetch_mode mode,
               bool may_write, char *why, size_t why_size)
{
	const struct config_sftp *sftp = &source->sftp;
	struct fetch_job job = {calloc(PACKETS, sizeof *job.packets), 0};
	struct maker m = {.job = &job, .why = why, .why_size = why_size};
	bool whole;

	if (job.packets == NULL) {
		snprintf(why, why_size, "out of memory");
		return false;
	}
	whole = add_job(&m, source, mode, may_write) && add_texts(&m, "pin", "key", sftp->host_keys) &&
	        add_texts(&m, "pattern", "glob", source->files) &&
	        add_texts(&m, "ignore", "glob", source->ignore) && add_file(&m, "key", sftp->key) &&
	        add_file(&m, "passphrase", sftp->passphrase) && add_file(&m, "password", sftp->password) &&
	        add_file(&m, "known_hosts", sftp->known_hosts) &&
	        (mode == FETCH_PROBE || add_spool(&m, source->directory));
	message_start(&m.line, "go");
	if (!whole || !add_packet(&m, -1)) {
		fetch_job_free(&job);
		return false;
	}
	*ret = job;
	return true;
}

void
fetch_job_free(struct fetch_job *job)
{
	for (size_t i = 0; i < job->count; i++) {
		free(job->packets[i].text);
		if (job->packets[i].fd >= 0)
			close(job->packets[i].fd);
	}
	free(job->packets);
	*job = (struct fetch_job){NULL, 0};
}

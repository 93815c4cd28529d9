#include "lib/config/fetch_source.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/limits.h"

static const enum fetch_after afters[] = {[CONFIG_AFTER_LEAVE] = FETCH_LEAVE,
                                          [CONFIG_AFTER_MOVE] = FETCH_MOVE,
                                          [CONFIG_AFTER_DELETE] = FETCH_DELETE};

/* The texts by commas; false: more than fit. */
static bool
join(char joined[LIMIT_MESSAGE_BYTES + 1], const char *const *texts, const char **ret)
{
	size_t used = 0;

	if (texts == NULL)
		return true;
	joined[0] = '\0';
	*ret = joined;
	for (; *texts != NULL && used <= LIMIT_MESSAGE_BYTES; texts++)
		used += (size_t) snprintf(joined + used, LIMIT_MESSAGE_BYTES + 1 - used, "%s%s", used > 0 ? "," : "",
		                          *texts);
	return used <= LIMIT_MESSAGE_BYTES;
}

/* False: more than a job has. */
static bool
fill_list(const char **list, size_t most, size_t *ret_count, const char *const *texts)
{
	for (; texts != NULL && *texts != NULL; texts++) {
		if (*ret_count == most)
			return false;
		list[(*ret_count)++] = *texts;
	}
	return true;
}

/* A FIFO in place of a key would make the caller wait: hence O_NONBLOCK, which a regular file ignores. */
static bool
open_file(int *ret, const char *what, const char *path, char *why, size_t why_size)
{
	if (path == NULL)
		return true;
	*ret = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (*ret < 0)
		snprintf(why, why_size, "%s: %s: %s", what, path, strerrordesc_np(errno));
	return *ret >= 0;
}

int
fetch_source_directory(const struct config_source *source)
{
	mode_t mask = umask(007); /* not chmod, which would undo the inherited group bit */
	int fd = io_make_dirs(AT_FDCWD, source->directory, 0770), saved = errno;

	umask(mask);
	errno = saved;
	return fd;
}

static bool
open_spool(int *ret, const struct config_source *source, char *why, size_t why_size)
{
	*ret = fetch_source_directory(source);
	if (*ret < 0)
		snprintf(why, why_size, "spool: %s: %s", source->directory, strerrordesc_np(errno));
	return *ret >= 0;
}

static bool
open_files(struct fetch_job *job, const struct config_source *source, char *why, size_t why_size)
{
	const struct config_sftp *sftp = &source->sftp;

	return open_file(&job->key_fd, "key", sftp->key, why, why_size) &&
	       open_file(&job->passphrase_fd, "passphrase", sftp->passphrase, why, why_size) &&
	       open_file(&job->password_fd, "password", sftp->password, why, why_size) &&
	       open_file(&job->known_hosts_fd, "known_hosts", sftp->known_hosts, why, why_size) &&
	       (job->mode == FETCH_PROBE || open_spool(&job->spool_fd, source, why, why_size));
}

static void
fill(struct fetch_job *job, const struct config_source *source)
{
	const struct config_sftp *sftp = &source->sftp;

	job->source = source->name;
	job->host = sftp->host;
	job->user = sftp->user;
	job->directory = sftp->directory;
	job->sidecar = source->checksum != NULL ? FETCH_SHA256
	               : source->marker != NULL ? FETCH_MARKER
	                                        : FETCH_NO_SIDECAR;
	job->sidecar_suffix = source->checksum != NULL ? source->checksum : source->marker;
	job->after = afters[sftp->after];
	job->after_directory = sftp->after_directory;
	job->answer = sftp->answer;
	job->answer_name = sftp->answer_name;
	job->answer_directory = sftp->answer_directory;
	job->requests_directory = sftp->requests_directory;
	job->port = sftp->port;
	job->connect_ms = sftp->connect_ms;
	job->stall_ms = sftp->stall_ms;
	job->run_ms = sftp->deadline_ms;
	job->rate_per_s = sftp->rate;
	job->settle_ms = source->settle_ms;
	job->reread_ms = sftp->reread_ms;
	job->no_landlock = sftp->no_landlock;
}

bool
fetch_source_job(struct channel_packets *ret, int *turn, const struct config_source *source,
                 enum fetch_mode mode, bool may_write, char *why, size_t why_size)
{
	const struct config_sftp *sftp = &source->sftp;
	char kex[LIMIT_MESSAGE_BYTES + 1], ciphers[LIMIT_MESSAGE_BYTES + 1], macs[LIMIT_MESSAGE_BYTES + 1];
	struct fetch_job job;

	fetch_job_init(&job);
	job.mode = mode;
	job.may_write = may_write;
	fill(&job, source);
	if (!join(kex, sftp->key_exchange, &job.kex) || !join(ciphers, sftp->ciphers, &job.ciphers) ||
	    !join(macs, sftp->macs, &job.macs) ||
	    !fill_list(job.pins, FETCH_PINS, &job.pin_count, sftp->host_keys) ||
	    !fill_list(job.patterns, FETCH_GLOBS, &job.pattern_count, source->files) ||
	    !fill_list(job.ignores, FETCH_GLOBS, &job.ignore_count, source->ignore)) {
		snprintf(why, why_size, "the job is too long for a message");
		return false;
	}
	if (!open_files(&job, source, why, why_size)) {
		fetch_job_free(&job);
		return false;
	}
	return fetch_job_encode(ret, turn, &job, why, why_size);
}

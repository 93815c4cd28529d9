/*
 * handback-fetch: one SFTP source, one run.  It holds that source's key and one
 * directory of the spool, and nothing else; its job comes on descriptor 3,
 * and its report goes there.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/exit_codes.h"
#include "lib/base/harden.h"
#include "fetch/fetch.h"
#include "fetch/partial.h"
#include "fetch/reply.h"
#include "fetch/watch.h"
#include "lib/base/io.h"
#include "lib/sandbox/program.h"
#ifdef TEST_BUILD
#include "lib/sandbox/attempt.h"
#endif

#define CHANNEL 3
#define KNOWN_HOSTS_BYTES (16 << 20)
#define WORK ".fetch"
#define MEMORY_BYTES (1LL << 30) /* a server may send packets of 256 MiB, and libssh would take them */

/* No debugger, no endless memory. */
static void
prepare(void)
{
	harden_keys();
#ifndef __SANITIZE_ADDRESS__ /* which reserves address space by the terabyte */
	struct rlimit memory = {MEMORY_BYTES, MEMORY_BYTES};
	setrlimit(RLIMIT_AS, &memory);
#endif
	signal(SIGPIPE, SIG_IGN);
	umask(007); /* handbackd, which reads what we fetch, may be another user of our group */
}

/*
 * The known hosts' keys as a file of our own: libssh opens a path, and neither the sandbox nor the file's
 * owner need let us have that file once more.
 */
static bool
take_known_hosts(struct fetch_job *job)
{
	char *bytes = NULL;
	size_t len;
	if (job->known_hosts_fd < 0)
		return true;
	int fd = memfd_create("known_hosts", MFD_CLOEXEC);
	bool ok = fd >= 0 && io_read_all(job->known_hosts_fd, KNOWN_HOSTS_BYTES, &bytes, &len) == 0 &&
	          io_write_all(fd, bytes, len) == 0;
	free(bytes);
	if (!ok) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	close(job->known_hosts_fd);
	job->known_hosts_fd = fd;
	return true;
}

/* From here on: this server, this directory, nothing else. */
static bool
lock_down(struct fetch_job *job, char *why, size_t why_size)
{
	const struct sandbox_fetch wish = {.directory = job->spool_fd,
	                                   .port = (uint16_t) job->port,
	                                   .file_bytes = job->file_bytes,
	                                   .no_landlock = job->no_landlock};
	if (!take_known_hosts(job)) {
		snprintf(why, why_size, "known_hosts: %s", strerrordesc_np(errno));
		return false;
	}
	if (!sandbox_fetch(&wish, why, why_size))
		return false;
#ifdef TEST_BUILD
	attempt_escape();
#endif
	return true;
}

/* How to reach the server and whom to trust, as the job has it. */
static void
set_target(struct fetch *f)
{
	f->target = (struct remote_target){.host = f->job.host,
	                                   .user = f->job.user,
	                                   .port = (int) f->job.port,
	                                   .connect_ms = f->job.connect_ms,
	                                   .pins = f->job.pins,
	                                   .pin_count = f->job.pin_count,
	                                   .known_hosts_fd = f->job.known_hosts_fd,
	                                   .kex = f->job.kex,
	                                   .ciphers = f->job.ciphers,
	                                   .macs = f->job.macs,
	                                   .host_key_types = f->job.host_key_types,
	                                   .key_fd = f->job.key_fd,
	                                   .passphrase_fd = f->job.passphrase_fd,
	                                   .password_fd = f->job.password_fd};
}

/* What the watch sends when it ends the process: made ahead, for a signal handler. */
static const char *
last_word(void)
{
	static struct message_line line;
	int turn = FETCH_TURN_STARTED;
	(void) fetch_report_encode(
	    &line, &turn, FETCH_FAILED,
	    &(const struct fetch_report){.stage = "deadline",
	                                 .why = "the run did not end after its deadline and was ended"});
	return line.text;
}

/* The source's own corner of the spool, for one run at a time among all daemons. */
static bool
open_work(struct fetch *f)
{
	if (mkdirat(f->job.spool_fd, WORK, 0770) && errno != EEXIST)
		return fetch_stop(f, "spool", strerror(errno));
	f->work = openat(f->job.spool_fd, WORK, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (f->work < 0)
		return fetch_stop(f, "spool", strerror(errno));
	if (flock(f->work, LOCK_EX | LOCK_NB))
		return fetch_stop(f, errno == EWOULDBLOCK ? "busy" : "spool",
		                  errno == EWOULDBLOCK ? "another run holds this source" : strerror(errno));
	f->state = state_open(f->work);
	if (f->state == NULL)
		return fetch_stop(f, "spool", strerror(errno));
	if (!fetch_finish_stores(f))
		return false;
	partial_sweep(f->work, f->state);
	return true;
}

/* All that was trusted, for the person who has to compare. */
static const char *
expected_keys(const struct fetch_job *job, char *buf, size_t size)
{
	size_t used = 0;
	buf[0] = '\0';
	for (size_t i = 0; i < job->pin_count && used < size; i++) {
		int n = snprintf(buf + used, size - used, "%s%s", used ? ", " : "", job->pins[i]);
		used += n > 0 ? (size_t) n : 0;
	}
	return job->pin_count ? buf : "the known_hosts file";
}

static bool
connect_remote(struct fetch *f)
{
	static const char *const stages[] = {
	    [REMOTE_AT_CONNECT] = "connect", [REMOTE_AT_HOST_KEY] = "host_key", [REMOTE_AT_KEY_FILE] = "key_file",
	    [REMOTE_AT_LOGIN] = "login",     [REMOTE_AT_SFTP] = "sftp",
	};
	enum remote_stage stage;
	char expected[LIMIT_MESSAGE_BYTES];
	f->remote = remote_new();
	if (f->remote == NULL)
		return fetch_stop(f, "connect", strerror(ENOMEM));
	bool ok = remote_open(f->remote, &f->target, false, &stage);
	if (!ok && stage == REMOTE_AT_HOST_KEY)
		REPLY(FETCH_HOST_KEY_MISMATCH, .expected = expected_keys(&f->job, expected, sizeof(expected)),
		      .got = remote_fingerprint(f->remote), .type = remote_host_key_type(f->remote));
	if (!ok)
		return fetch_stop(f, stages[stage], remote_why(f->remote));
	REPLY(FETCH_CONNECTED, .host_key = remote_fingerprint(f->remote), .type = remote_host_key_type(f->remote),
	      .server = remote_banner(f->remote), .kex = remote_kex(f->remote),
	      .cipher = remote_cipher(f->remote));
	return true;
}

/* Oldest first by our own sight; of one poll, in the order of names, which is that of most partners' numbers.
 */
static int
by_age(const void *a, const void *b)
{
	const struct state_entry *x = *(struct state_entry *const *) a, *y = *(struct state_entry *const *) b;
	if (x->first_seen != y->first_seen)
		return x->first_seen < y->first_seen ? -1 : 1;
	return strcmp(x->name, y->name);
}

static bool
take_all(struct fetch *f)
{
	size_t count = 0;
	struct state_entry **due = calloc(state_count(f->state) + 1, sizeof(struct state_entry *));
	if (due == NULL)
		return fetch_stop(f, "transfer", strerror(ENOMEM));
	for (size_t i = 0; i < state_count(f->state); i++) {
		if (state_at(f->state, i)->due)
			due[count++] = state_at(f->state, i);
	}
	qsort(due, count, sizeof(*due), by_age);
	bool ok = true;
	for (size_t i = 0; i < count && ok; i++)
		ok = fetch_take(f, due[i]);
	free(due);
	return ok;
}

/* The time of the last poll that went well: handbackd makes up for scheduled ones that were missed since. */
static bool
mark_polled(struct fetch *f)
{
	int fd = openat(f->work, "last_poll", O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0660);
	bool ok = fd >= 0 && futimens(fd, NULL) == 0;
	if (!ok)
		fetch_stop(f, "spool", strerror(errno));
	if (fd >= 0)
		close(fd);
	return ok;
}

/* Money first: files come before the tidying up. */
static bool
run(struct fetch *f)
{
	if (!open_work(f) || !fetch_note_archived(f))
		return false;
	bool ok = connect_remote(f);
	ok = ok && (f->job.mode != FETCH_POLL || (fetch_poll(f) && take_all(f) && mark_polled(f)));
	ok = ok && fetch_after(f) && fetch_answer(f) && fetch_requests(f);
	/* what was learned is kept also when the run broke off */
	if (state_save(f->state))
		return fetch_stop(f, "spool", strerror(errno));
	return ok;
}

static void
tell_done(const struct fetch *f)
{
	REPLY(FETCH_DONE, .names = f->names, .files = f->files, .bytes = f->bytes, .waiting = f->waiting,
	      .refused = f->refused, .failed = f->failed, .after_done = f->after_done,
	      .after_failed = f->after_failed, .answered = f->answered, .partial = f->partial);
}

int
main(void)
{
	static struct fetch f = {.work = -1};
	char why[LIMIT_MESSAGE_BYTES];
	struct timespec now;
	int turn = FETCH_TURN_NEW;
	prepare();
	reply_open(CHANNEL, &turn);
	if (fcntl(CHANNEL, F_SETFD, FD_CLOEXEC) || !fetch_job_receive(CHANNEL, &f.job, &turn, why, sizeof(why))) {
		REPLY(FETCH_FAILED, .stage = "job", .why = why);
		return EXIT_USAGE;
	}
	if (!lock_down(&f.job, why, sizeof(why))) {
		REPLY(FETCH_FAILED, .stage = "sandbox", .why = why);
		return EXIT_FAILED;
	}
	set_target(&f);
	const struct watch_limits limits = {.stall_ms = f.job.stall_ms,
	                                    .run_ms = f.job.run_ms,
	                                    .rate_per_s = f.job.rate_per_s,
	                                    .connect_ms = f.job.connect_ms,
	                                    .last_word_fd = CHANNEL,
	                                    .last_word = last_word()};
	watch_start(&limits);
	clock_gettime(CLOCK_REALTIME, &now);
	f.now = (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
	bool ok = f.job.mode == FETCH_PROBE ? fetch_probe(&f) : run(&f);
	if (ok)
		tell_done(&f);
	state_free(f.state);
	remote_free(f.remote);
	if (f.work >= 0)
		close(f.work);
	fetch_job_free(&f.job);
	return ok ? EXIT_CLEAN : EXIT_FAILED;
}

#include "reconcile/file/decrypt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/exit_codes.h"
#include "lib/base/paths.h"
#include "lib/base/secret.h"
#include "lib/base/spawn.h"
#include "lib/base/text.h"

/* How long a decrypter may take to go after its answer, or when it is hung up on. */
#define PARTING_MS 10000

/* Beside the profile; the others of a job are ours. */
static const char *const key_names[DECRYPT_DESCRIPTORS] = {
    [DECRYPT_SECRET] = "secret.asc", [DECRYPT_PASSPHRASE] = "passphrase", [DECRYPT_SIGNERS] = "signers.asc"};

__attribute__((format(printf, 2, 3))) static enum decrypt_message
failed(char *why, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, LIMIT_MESSAGE_BYTES, format, args);
	va_end(args);
	return DECRYPT_FAILED;
}

/* ---- keys ---- */

static enum decrypt_message
open_key(const struct decrypt_wish *wish, int folder, int key, int *ret_fd, char *why)
{
	const bool needed = key == DECRYPT_SECRET    ? wish->rule->encrypted
	                    : key == DECRYPT_SIGNERS ? wish->rule->signature
	                                             : false;
	struct stat st;

	*ret_fd = openat(folder, key_names[key], O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (*ret_fd < 0 && errno == ENOENT && !needed)
		return DECRYPT_DONE;
	if (*ret_fd < 0 || fstat(*ret_fd, &st) < 0)
		return failed(why, "%s.keys/%s cannot be read: %s", wish->profile, key_names[key], strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_size == 0)
		return failed(why, "%s.keys/%s is empty, or no file", wish->profile, key_names[key]);
	if (key != DECRYPT_SIGNERS && secret_open_to(&st) != 0)
		return failed(why, "%s.keys/%s may be read by others (mode %04o): chmod 600", wish->profile,
		              key_names[key], (unsigned) st.st_mode & 07777);
	return DECRYPT_DONE;
}

static enum decrypt_message
open_keys(const struct decrypt_wish *wish, struct decrypt_job *job, char *why)
{
	char name[LIMIT_NAME_BYTES + 1];
	enum decrypt_message end = DECRYPT_DONE;
	int folder;

	if (wish->profiles < 0)
		return failed(why, "the keys are beside the profiles' directory, and there is none");
	if (snprintf(name, sizeof(name), "%s.keys", wish->profile) >= (int) sizeof(name))
		return failed(why, "the profile's name is too long for a directory of keys");
	folder = openat(wish->profiles, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return failed(why, "%s (in the profiles' directory) cannot be opened: %s", name, strerror(errno));
	for (int i = DECRYPT_SECRET; i < DECRYPT_DESCRIPTORS && end == DECRYPT_DONE; i++)
		end = open_key(wish, folder, i, &job->fd[i], why);
	close(folder);
	return end;
}

/* ---- the program ---- */

/* One that works for us. */
struct decrypter {
	int channel;
	pid_t pid; /* 0: not our process */
};

static bool
start_process(struct decrypter *d)
{
	char program[4096];
	int ends[2];

	if (!paths_program(program, sizeof(program), "handback-decrypt") || channel_pair(ends) < 0)
		return false;
	/* SIGTERM and not SIGKILL when we die: it takes GnuPG and the keyring with it */
	d->pid = spawn(&(struct spawn){.path = program,
	                               .argv = (const char *const[]){program, NULL},
	                               .env = spawn_environment(),
	                               .fds = (const struct spawn_fd[]){{ends[1], 3}},
	                               .fd_count = 1,
	                               .death_signal = SIGTERM});
	close(ends[1]);
	d->channel = ends[0];
	return d->pid > 0;
}

/* Where a unit's socket is named, there is no other way: that the unit is missing must not open a way around
 * it. */
static enum decrypt_message
start(struct decrypter *d, char *why)
{
	const char *socket = getenv("HANDBACK_DECRYPT_SOCKET");

	if (socket != NULL)
		d->channel = channel_connect(socket);
	if (socket != NULL ? d->channel < 0 : !start_process(d))
		return failed(why, "cannot %s handback-decrypt%s%s: %s", socket != NULL ? "connect to" : "start",
		              socket != NULL ? " at " : "", socket != NULL ? socket : "", strerror(errno));
	return DECRYPT_DONE;
}

/* As channel_receive without descriptors; -1 with ETIMEDOUT when its time is over. */
static int
receive(const struct decrypter *d, int64_t deadline, char *line, size_t size)
{
	for (;;) {
		struct pollfd p = {.fd = d->channel, .events = POLLIN};
		int64_t left = deadline - clock_now_ms();
		size_t len;

		if (left <= 0) {
			errno = ETIMEDOUT;
			return -1;
		}
		if (poll(&p, 1, left > 60000 ? 60000 : (int) left) > 0)
			return channel_receive(d->channel, line, size, &len, NULL);
	}
}

/* Hangs up, which ends it, and waits for that where it is our process. */
static void
part(struct decrypter *d)
{
	const int64_t deadline = clock_now_ms() + PARTING_MS;

	if (d->channel >= 0)
		close(d->channel);
	while (d->pid > 0 && waitpid(d->pid, NULL, WNOHANG) == 0) {
		if (clock_now_ms() >= deadline)
			kill(d->pid, SIGKILL);
		poll(NULL, 0, 1);
	}
}

/* The answer, as one escaped line; it counts when nothing but the end follows. */
static enum decrypt_message
await(const struct decrypter *d, int turn, const struct decrypt_wish *wish, char *why)
{
	const int64_t deadline =
	    clock_now_ms() + 1000 * (LIMIT_PARSER_WALL_BASE_S + wish->bytes / (LIMIT_PARSER_WALL_KIB_PER_S << 10));
	static char line[MESSAGE_BYTES + 1];
	char wrong[LIMIT_MESSAGE_BYTES], after[64];
	struct decrypt_answer answer;
	int rc = receive(d, deadline, line, sizeof(line)), message;

	/* what fails, or cannot begin, says so or ends: what has no end has it over the file */
	*wish->exhausted = rc < 0 && errno == ETIMEDOUT;
	if (rc == 0)
		return failed(why, "handback-decrypt ended without an answer");
	if (rc < 0)
		return failed(why,
		              errno == ETIMEDOUT ? "handback-decrypt took too long"
		                                 : "handback-decrypt sent what is no answer: %s",
		              strerror(errno));
	message = decrypt_answer_decode(&answer, &turn, line, wrong, sizeof(wrong));
	if (message < 0)
		return failed(why, "handback-decrypt sent what is no answer: %.400s", wrong);
	/* it holds the content, and may write there, for as long as it is there */
	rc = receive(d, clock_now_ms() + PARTING_MS, after, sizeof(after));
	if (rc != 0)
		return failed(why, "handback-decrypt did not end after its answer");
	*wish->exhausted = message == DECRYPT_CRASHED;
	if (message != DECRYPT_DONE)
		text_escape(why, LIMIT_MESSAGE_BYTES, answer.why, strlen(answer.why));
	return message == DECRYPT_CRASHED ? DECRYPT_FAILED : (enum decrypt_message) message;
}

static enum decrypt_message
run(const struct decrypt_job *job, const struct decrypt_wish *wish, char *why)
{
	struct decrypter d = {.channel = -1};
	int turn = DECRYPT_TURN_NEW;
	enum decrypt_message end = start(&d, why);
	char wrong[LIMIT_MESSAGE_BYTES];

	if (end == DECRYPT_DONE && !decrypt_job_send(d.channel, &turn, job, wrong, sizeof(wrong)))
		end = failed(why, "cannot tell handback-decrypt what to do: %.400s", wrong);
	if (end == DECRYPT_DONE)
		end = await(&d, turn, wish, why);
	part(&d);
	return end;
}

/* ---- the content ---- */

static int64_t
most_bytes(const struct decrypt_wish *wish)
{
	const struct policy_openpgp *rule = wish->rule;

	return wish->bytes > wish->file_bytes / rule->expansion ? wish->file_bytes
	                                                        : wish->bytes * rule->expansion;
}

/* The content once more, so that nobody can write to what the parser reads. */
static enum decrypt_message
reopen(const struct decrypt_job *job, int *ret_plain, char *why)
{
	char path[64];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", job->fd[DECRYPT_CONTENT]);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return failed(why, "the content cannot be opened: %s", strerror(errno));
	if (st.st_size > job->limit) {
		close(fd);
		return failed(why, "handback-decrypt wrote more than it may");
	}
	*ret_plain = fd;
	return DECRYPT_DONE;
}

enum decrypt_message
decrypt(const struct decrypt_wish *wish, int *ret_plain, char *why)
{
	enum decrypt_message end;
	struct decrypt_job job;

	decrypt_job_init(&job);
	job.encrypted = wish->rule->encrypted;
	job.signature = wish->rule->signature;
	job.weak_sha1 = wish->rule->weak_sha1;
	job.weak_ripemd160 = wish->rule->weak_ripemd160;
	job.weak_keys = wish->rule->weak_keys;
	job.no_landlock = wish->no_landlock;
	job.limit = most_bytes(wish);
	end = open_keys(wish, &job, why);
	if (end == DECRYPT_DONE) {
		/* without a name: gone with the last descriptor, whatever happens */
		job.fd[DECRYPT_CONTENT] = wish->work >= 0
		                              ? openat(wish->work, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0400)
		                              : open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0400);
		job.fd[DECRYPT_FILE] = fcntl(wish->file, F_DUPFD_CLOEXEC, 0);
		if (job.fd[DECRYPT_CONTENT] < 0 || job.fd[DECRYPT_FILE] < 0 || lseek(wish->file, 0, SEEK_SET) < 0)
			end = failed(why, "no room for the content: %s", strerror(errno));
	}
	if (end == DECRYPT_DONE)
		end = run(&job, wish, why);
	if (end == DECRYPT_DONE)
		end = reopen(&job, ret_plain, why);
	decrypt_job_free(&job);
	return end;
}

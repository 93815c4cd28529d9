#include "reconcile/file/decrypt.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/exit_codes.h"
#include "lib/base/paths.h"
#include "lib/base/secret.h"
#include "lib/base/spawn.h"
#include "lib/base/text.h"

enum { SECRET, PASSPHRASE, SIGNERS, KEYS };

static const char *const key_names[KEYS] = {"secret.asc", "passphrase", "signers.asc"};

__attribute__((format(printf, 2, 3))) static enum decrypt_end
failed(char *why, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, LIMIT_MESSAGE_BYTES, format, args);
	va_end(args);
	return DECRYPT_FAILED;
}

/* ---- keys ---- */

static void
close_all(int fds[KEYS])
{
	for (int i = 0; i < KEYS; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static enum decrypt_end
open_key(const struct decrypt_job *job, int folder, int key, int *ret_fd, char *why)
{
	const bool needed = key == SECRET ? job->rule->encrypted : key == SIGNERS && job->rule->signature;
	struct stat st;

	*ret_fd = openat(folder, key_names[key], O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (*ret_fd < 0 && errno == ENOENT && !needed)
		return DECRYPT_DONE;
	if (*ret_fd < 0 || fstat(*ret_fd, &st) < 0)
		return failed(why, "%s.keys/%s cannot be read: %s", job->profile, key_names[key], strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_size == 0)
		return failed(why, "%s.keys/%s is empty, or no file", job->profile, key_names[key]);
	if (key != SIGNERS && secret_open_to(&st) != 0)
		return failed(why, "%s.keys/%s may be read by others (mode %04o): chmod 600", job->profile,
		              key_names[key], (unsigned) st.st_mode & 07777);
	return DECRYPT_DONE;
}

static enum decrypt_end
open_keys(const struct decrypt_job *job, int ret_fds[KEYS], char *why)
{
	char name[LIMIT_NAME_BYTES + 1];
	enum decrypt_end end = DECRYPT_DONE;
	int folder;

	for (int i = 0; i < KEYS; i++)
		ret_fds[i] = -1;
	if (job->profiles < 0)
		return failed(why, "the keys are beside the profiles' directory, and there is none");
	if (snprintf(name, sizeof(name), "%s.keys", job->profile) >= (int) sizeof(name))
		return failed(why, "the profile's name is too long for a directory of keys");
	folder = openat(job->profiles, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return failed(why, "%s (in the profiles' directory) cannot be opened: %s", name, strerror(errno));
	for (int i = 0; i < KEYS && end == DECRYPT_DONE; i++)
		end = open_key(job, folder, i, &ret_fds[i], why);
	close(folder);
	if (end != DECRYPT_DONE)
		close_all(ret_fds);
	return end;
}

/* ---- the program ---- */

static int64_t
most_bytes(const struct decrypt_job *job)
{
	const struct policy_openpgp *rule = job->rule;

	return job->bytes > job->file_bytes / rule->expansion ? job->file_bytes : job->bytes * rule->expansion;
}

static pid_t
start(const struct decrypt_job *job, const int keys[KEYS], int plain, int errors)
{
	char program[4096], limit[32];
	const char *argv[6];
	struct spawn_fd fds[6] = {{errors, 2}, {job->file, 3}, {plain, 4}};
	size_t n = 0, count = 3;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	pid_t pid = -1;

	if (null >= 0 && paths_program(program, sizeof(program), "handback-decrypt")) {
		argv[n++] = program;
		if (job->rule->encrypted)
			argv[n++] = "--encrypted";
		if (job->rule->signature)
			argv[n++] = "--signature";
		if (job->no_landlock)
			argv[n++] = "--no-landlock";
		snprintf(limit, sizeof(limit), "%" PRId64, most_bytes(job));
		argv[n++] = limit;
		argv[n] = NULL;
		for (int i = 0; i < KEYS; i++)
			fds[count++] = (struct spawn_fd){keys[i] >= 0 ? keys[i] : null, 5 + i};
		pid = spawn(&(struct spawn){
		    .path = program, .argv = argv, .env = spawn_environment(), .fds = fds, .fd_count = count});
	}
	if (null >= 0) {
		int saved = errno;
		close(null);
		errno = saved;
	}
	return pid;
}

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t) t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* What it says until it ends, as one escaped line; false when its time is over. */
static bool
listen_to(int errors, int64_t deadline, char *said)
{
	char raw[LIMIT_MESSAGE_BYTES / 4], rest[256];
	size_t len = 0;

	for (;;) {
		struct pollfd p = {.fd = errors, .events = POLLIN};
		int64_t left = deadline - now_ms();
		ssize_t n;

		if (left <= 0)
			return false;
		if (poll(&p, 1, left > 60000 ? 60000 : (int) left) <= 0)
			continue;
		n = len < sizeof(raw) ? read(errors, raw + len, sizeof(raw) - len) : read(errors, rest, sizeof(rest));
		if (n < 0 && errno != EINTR)
			return false;
		if (n == 0)
			break;
		if (n > 0 && len < sizeof(raw))
			len += (size_t) n;
	}
	while (len > 0 && raw[len - 1] == '\n')
		len--;
	text_escape(said, LIMIT_MESSAGE_BYTES, raw, len);
	return true;
}

/* Waits for its end, as long as such a file may take. */
static enum decrypt_end
await(pid_t pid, int errors, int64_t bytes, char *why)
{
	const int64_t deadline =
	    now_ms() + 1000 * (LIMIT_PARSER_WALL_BASE_S + bytes / (LIMIT_PARSER_WALL_KIB_PER_S << 10));
	bool heard = listen_to(errors, deadline, why);
	int status;

	if (!heard)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!heard)
		return failed(why, "handback-decrypt took too long");
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_CLEAN)
		return DECRYPT_DONE;
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_HELD)
		return DECRYPT_REFUSED;
	return why[0] != '\0' ? DECRYPT_FAILED
	                      : failed(why, "handback-decrypt ended with status %#x", (unsigned) status);
}

/* The content once more, so that nobody can write to what the parser reads. */
static enum decrypt_end
reopen(int plain, int *ret_plain, char *why)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", plain);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return failed(why, "the content cannot be opened: %s", strerror(errno));
	*ret_plain = fd;
	return DECRYPT_DONE;
}

static enum decrypt_end
run(const struct decrypt_job *job, const int keys[KEYS], int plain, char *why)
{
	enum decrypt_end end;
	int errors[2];
	pid_t pid;

	if (lseek(job->file, 0, SEEK_SET) < 0 || pipe2(errors, O_CLOEXEC) < 0)
		return failed(why, "cannot start handback-decrypt: %s", strerror(errno));
	pid = start(job, keys, plain, errors[1]);
	close(errors[1]);
	end = pid < 0 ? failed(why, "cannot start handback-decrypt: %s", strerror(errno))
	              : await(pid, errors[0], job->bytes, why);
	close(errors[0]);
	return end;
}

enum decrypt_end
decrypt(const struct decrypt_job *job, int *ret_plain, char *why)
{
	int keys[KEYS], plain;
	enum decrypt_end end = open_keys(job, keys, why);

	if (end != DECRYPT_DONE)
		return end;
	/* without a name: gone with the last descriptor, whatever happens */
	plain = job->work >= 0 ? openat(job->work, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0400)
	                       : open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0400);
	if (plain < 0) {
		close_all(keys);
		return failed(why, "no room for the content: %s", strerror(errno));
	}
	end = run(job, keys, plain, why);
	close_all(keys);
	if (end == DECRYPT_DONE)
		end = reopen(plain, ret_plain, why);
	close(plain);
	return end;
}

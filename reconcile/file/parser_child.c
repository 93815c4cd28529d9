#include "reconcile/file/parser_child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/exit_codes.h"
#include "lib/base/spawn.h"
#include "lib/base/text.h"
#include "lib/protocol/channel.h"
#include "lib/protocol/parse_job.h"

/* Read by the signal handler. */
static volatile sig_atomic_t watched;
static volatile sig_atomic_t out_of_time;

static void
on_alarm(int signal_number)
{
	(void) signal_number;
	out_of_time = 1;
	if (watched > 0)
		kill((pid_t) watched, SIGKILL); /* its pipe ends, and with it our read */
}

static void
close_all(struct parser_child *c)
{
	int *fds[] = {&c->socket, &c->frames, &c->errors};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
	c->given = false;
}

void
parser_child_open(struct parser_child *c)
{
	*c = (struct parser_child){.socket = -1, .frames = -1, .errors = -1};
}

static bool
still_waiting(struct parser_child *c)
{
	siginfo_t info = {0};

	return c->pid > 0 && waitid(P_PID, (id_t) c->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid == 0;
}

int
parser_child_start(struct parser_child *c, const char *program, int profile)
{
	int socket[2] = {-1, -1}, frames[2] = {-1, -1}, errors[2] = {-1, -1};
	const char *const argv[] = {program, NULL};
	int saved;

	if (!c->given && still_waiting(c) && strcmp(c->program, program) == 0)
		return 0;
	parser_child_stop(c);
	snprintf(c->program, sizeof(c->program), "%s", program);
	if (channel_pair(socket) == 0 && pipe2(frames, O_CLOEXEC) == 0 && pipe2(errors, O_CLOEXEC) == 0) {
		const struct spawn_fd fds[] = {{frames[1], 1}, {errors[1], 2}, {socket[1], PARSE_JOB_SOCKET}};

		/* a larger pipe lets it run on while a buffer is on its way to the database */
		(void) fcntl(frames[0], F_SETPIPE_SZ, 1 << 20);
		c->pid = spawn(&(struct spawn){
		    .path = program, .argv = argv, .env = spawn_environment(), .fds = fds, .fd_count = 3});
	} else {
		c->pid = -1;
	}
	saved = errno;
	c->socket = socket[0];
	c->frames = frames[0];
	c->errors = errors[0];
	close(socket[1]);
	close(frames[1]);
	close(errors[1]);
	if (c->pid < 0) {
		c->pid = 0;
		close_all(c);
		errno = saved;
		return -1;
	}
	if (profile >= 0)
		(void) parse_ahead_send(c->socket, profile); /* where it is gone, giving it its file says so */
	return 0;
}

int
parser_child_give(struct parser_child *c, int file, int64_t file_bytes, int profile, const char *name,
                  bool no_landlock)
{
	struct parse_job job = {.flags = no_landlock ? PARSE_JOB_NO_LANDLOCK : 0, .file_bytes = file_bytes};
	struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
	size_t len = strlen(name);

	if (len > LIMIT_NAME_BYTES) {
		errno = ENAMETOOLONG;
		return -1;
	}
	job.name_len = (uint16_t) len;
	memcpy(job.name, name, len);
	if (parse_job_send(c->socket, &job, file, profile) < 0)
		return -1;
	c->given = true;
	out_of_time = 0;
	watched = c->pid;
	sigaction(SIGALRM, &action, NULL);
	alarm((unsigned) (LIMIT_PARSER_WALL_BASE_S + file_bytes / (LIMIT_PARSER_WALL_KIB_PER_S << 10)));
	return 0;
}

/* What it said to a person, as one line. */
static void
read_errors(int fd, char said[LIMIT_MESSAGE_BYTES])
{
	char raw[LIMIT_MESSAGE_BYTES / 4];
	ssize_t n;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	n = read(fd, raw, sizeof(raw));
	while (n > 0 && raw[n - 1] == '\n')
		n--;
	for (ssize_t i = 0; i < n; i++)
		if (raw[i] == '\n')
			raw[i] = ';';
	text_escape(said, LIMIT_MESSAGE_BYTES, raw, n > 0 ? (size_t) n : 0);
}

/* Has the other side of the pipe gone?  Then it ends by itself, and how it ended is worth knowing. */
static bool
at_end(int frames)
{
	char byte;

	fcntl(frames, F_SETFL, O_NONBLOCK);
	return read(frames, &byte, 1) == 0;
}

static enum parser_end
judge_signal(int number, char *why)
{
	if (out_of_time) {
		snprintf(why, LIMIT_MESSAGE_BYTES,
		         "the parser had not finished when its time was over, and was killed");
		return PARSER_DIED;
	}
	snprintf(why, LIMIT_MESSAGE_BYTES, "the parser was ended by signal %d (%s)%s", number,
	         sigabbrev_np(number),
	         number == SIGSYS ? ": a system call that its sandbox does not permit" : "");
	/* these come from outside: an operator, the system short of memory, a shutdown */
	return number == SIGKILL || number == SIGTERM || number == SIGINT || number == SIGHUP ? PARSER_DISTURBED
	                                                                                      : PARSER_DIED;
}

/* The most that this program ever had in memory, in KiB; -1 when the kernel does not say.  Not ru_maxrss,
 * which begins with what whoever started us had. */
static long
our_most(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];
	long most = -1;

	while (f != NULL && most < 0 && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "VmHWM:", 6) == 0)
			most = strtol(line + 6, NULL, 10);
	if (f != NULL)
		fclose(f);
	return most;
}

/*
 * Did it take more memory than any file may?  Whoever ended it for that then: its own limit, or a system that
 * was out of memory because of it.  As the kernel counts, which the child cannot change; it begins with what
 * we had when we started it, so that no more than that is never its doing.
 */
static bool
was_large(const struct rusage *child)
{
	long ours = our_most();

	return ours >= 0 && child->ru_maxrss > LIMIT_PARSER_RESIDENT >> 10 && child->ru_maxrss > ours;
}

static enum parser_end
judge_exit(int status, const char *said, char *why)
{
	if (status == EXIT_USAGE) {
		snprintf(why, LIMIT_MESSAGE_BYTES, "%.900s", said);
		return PARSER_PROFILE;
	}
	snprintf(why, LIMIT_MESSAGE_BYTES, "the parser ended with status %d: %.900s", status,
	         said[0] != '\0' ? said : "it did not say why");
	return status == EXIT_FAILED ? PARSER_DISTURBED : PARSER_DIED;
}

enum parser_end
parser_child_end(struct parser_child *c, const char *broken, char *why)
{
	char said[LIMIT_MESSAGE_BYTES];
	enum parser_end end;
	bool killed_here = false;
	struct rusage usage = {0};
	int status = 0;

	if (broken != NULL && !at_end(c->frames))
		killed_here = kill(c->pid, SIGKILL) == 0;
	while (wait4(c->pid, &status, 0, &usage) < 0 && errno == EINTR)
		;
	alarm(0);
	watched = 0;
	c->pid = 0;
	read_errors(c->errors, said);
	if (broken != NULL && !out_of_time &&
	    (killed_here || (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_CLEAN))) {
		snprintf(why, LIMIT_MESSAGE_BYTES, "the parser broke its protocol: %s", broken);
		end = PARSER_DIED;
	} else if (WIFSIGNALED(status)) {
		end = judge_signal(WTERMSIG(status), why);
	} else if (WEXITSTATUS(status) != EXIT_CLEAN) {
		end = judge_exit(WEXITSTATUS(status), said, why);
	} else {
		end = PARSER_DONE;
	}
	if (end == PARSER_DISTURBED && was_large(&usage))
		end = PARSER_EXHAUSTED;
	close_all(c);
	return end;
}

void
parser_child_stop(struct parser_child *c)
{
	if (c->pid > 0) {
		kill(c->pid, SIGKILL);
		while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
			;
		alarm(0);
		watched = 0;
	}
	c->pid = 0;
	close_all(c);
}

#include "lib/base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TARGETS 16 /* child descriptors are below this; temporary ones above */

/* Everything in this file between vfork and exec is a system call: the child borrows the parent's memory. */

static int
place_descriptors(const struct spawn *s)
{
	int parked[SPAWN_FDS], highest = 2;
	bool given[3] = {false, false, false};

	/* out of the way first, so that no target number overwrites a source */
	for (size_t i = 0; i < s->fd_count; i++) {
		parked[i] = fcntl(s->fds[i].from, F_DUPFD_CLOEXEC, TARGETS);
		if (parked[i] < 0)
			return -1;
	}
	for (size_t i = 0; i < s->fd_count; i++) {
		int to = s->fds[i].to;

		if (dup2(parked[i], to) < 0)
			return -1;
		if (to < 3)
			given[to] = true;
		if (to > highest)
			highest = to;
	}
	for (int fd = 0; fd < 3; fd++) {
		int null;

		if (given[fd])
			continue;
		close(fd);
		null = open("/dev/null", O_RDWR); /* without O_CLOEXEC: meant for the child */
		if (null < 0 || (null != fd && (dup2(null, fd) < 0 || close(null) < 0)))
			return -1;
	}
	for (int fd = 3; fd < highest; fd++) {
		bool named = false;

		for (size_t i = 0; i < s->fd_count; i++)
			named = named || s->fds[i].to == fd;
		if (!named)
			close(fd);
	}
	return (int) syscall(SYS_close_range, (unsigned) highest + 1, ~0U, 0);
}

/* By system call: glibc's functions would want to tell the parent's other threads. */
static int
become(uid_t uid, gid_t gid)
{
	if (uid == 0)
		return 0;
	if (syscall(SYS_setgroups, 0, NULL) < 0 || syscall(SYS_setresgid, gid, gid, gid) < 0)
		return -1;
	return (int) syscall(SYS_setresuid, uid, uid, uid);
}

static void
reset_signals(void)
{
	struct sigaction plain = {.sa_handler = SIG_DFL};
	sigset_t none;

	/* an ignored signal would stay ignored over exec; SIGKILL and SIGSTOP only give EINVAL */
	for (int i = 1; i < NSIG; i++)
		sigaction(i, &plain, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* In the child; returns only when it failed. */
static void
run_child(const struct spawn *s, pid_t parent)
{
	static const char *const no_env[] = {NULL};
	const struct rlimit no_core = {0, 0};
	const char *const *env = s->env != NULL ? s->env : no_env;

	if (setrlimit(RLIMIT_CORE, &no_core) < 0 || chdir(s->dir != NULL ? s->dir : "/") < 0 ||
	    become(s->uid, s->gid) < 0)
		return;
	/* after the change of user, which clears it */
	if (prctl(PR_SET_PDEATHSIG, s->death_signal != 0 ? s->death_signal : SIGKILL) < 0)
		return;
	if (getppid() != parent) { /* it died before the line above */
		errno = ESRCH;
		return;
	}
	if (place_descriptors(s) < 0)
		return;
	reset_signals();
	execve(s->path, (char *const *) (uintptr_t) s->argv, (char *const *) (uintptr_t) env);
}

const char *const *
spawn_environment(void)
{
	/* the sanitizers' options so that test builds speak in the children too; HOME is where libpq looks for
	 * root certificates and passwords, CREDENTIALS_DIRECTORY where systemd puts them */
	static const char *const handed_on[] = {
	    "HANDBACK_LIBEXEC",      "HANDBACK_FETCH_SOCKET", "HANDBACK_DECRYPT_SOCKET",
	    "HANDBACK_TRY_SOCKET",   "CREDENTIALS_DIRECTORY", "JOURNAL_STREAM",
	    "HOME",                  "ASAN_OPTIONS",          "UBSAN_OPTIONS",
	    "LSAN_OPTIONS"};
	static const char *made[sizeof(handed_on) / sizeof(handed_on[0]) + 3];
	size_t n = 0;

	if (made[0] != NULL)
		return made;
	for (size_t i = 0; i < sizeof(handed_on) / sizeof(handed_on[0]); i++) {
		const char *value = getenv(handed_on[i]);
		char *line = NULL;

		if (value == NULL)
			continue;
		if (asprintf(&line, "%s=%s", handed_on[i], value) < 0)
			return NULL;
		made[++n] = line;
	}
	made[n + 1] = "LANG=C.UTF-8";
	made[0] = "PATH=/usr/bin:/bin";
	return made;
}

pid_t
spawn(const struct spawn *s)
{
	sigset_t all, before;
	pid_t parent = getpid(), pid;
	volatile int why = 0; /* written by the child, which shares our memory until it execs */

	for (size_t i = 0; i < s->fd_count; i++)
		if (i >= SPAWN_FDS || s->fds[i].to >= TARGETS) {
			errno = EINVAL;
			return -1;
		}
	/* a handler of ours must not run in the child */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	/* vfork: no page table is copied, and an exec that fails is known here without a pipe */
	pid = vfork();
	if (pid == 0) {
		run_child(s, parent);
		why = errno;
		_exit(127);
	}
	if (pid < 0)
		why = errno;
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (why == 0)
		return pid;
	if (pid > 0) {

		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	errno = why;
	return -1;
}

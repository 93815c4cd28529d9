/*
 * handback-decrypt: decrypts one file, or checks its signature, before anybody looks inside.
 *
 * Trust: it is handed the file, the partner's keys and a file for the content
 * as descriptors, on descriptor 3 (lib/protocol/decrypt_job.h), and answers
 * there.  It must run GnuPG; both are in a sandbox of their own before
 * anything of the file is read: no network, no file but the keyring that exists
 * for the call and what programs of the system read (lib/sandbox/program.h).  It does
 * not look at the content.
 *
 * Whoever asked hangs up to end it: GnuPG, its agent and the keyring go with it.  It is two processes, in the
 * one sandbox: the second works, and whichever of them is killed, the other one takes all of that away.
 * Exit status: EXIT_CLEAN when the answer was given or nobody waits for it any
 * more; EXIT_USAGE when descriptor 3 is no such channel.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/exit_codes.h"
#include "lib/base/harden.h"
#include "lib/base/limits.h"
#include "lib/protocol/decrypt_job.h"
#include "lib/sandbox/program.h"
#include "parsers/decrypt/children.h"
#include "parsers/decrypt/home.h"
#include "parsers/decrypt/openpgp.h"
#ifdef TEST_BUILD
#include "lib/sandbox/attempt.h"
#endif

#define CHANNEL 3
#define ENDING_MS 20

/* GnuPG first, which would write there: by one thread at a time, since the process may end behind it. */
static void
end_gnupg(const char *home)
{
	static pthread_mutex_t ending = PTHREAD_MUTEX_INITIALIZER;

	pthread_mutex_lock(&ending);
	children_end();
	home_remove(home);
	pthread_mutex_unlock(&ending);
}

/* ---- whoever asked ---- */

/* Nothing is said to us after the job: what comes is the end of the connection, and ends all that we began.
 */
static void *
watch(void *home)
{
	struct pollfd p = {.fd = CHANNEL, .events = POLLIN};

	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
	end_gnupg(home);
	_exit(EXIT_CLEAN);
}

/* Our parent died, or systemd wants us to stop: the same as if whoever asked had hung up. */
static void
on_term(int signal)
{
	(void) signal;
	shutdown(CHANNEL, SHUT_RDWR);
}

static bool
begin_watch(char *home)
{
	pthread_t thread;

	return pthread_create(&thread, NULL, watch, home) == 0;
}

static void
answer(int *turn, enum decrypt_message message, const char *why)
{
	struct message_line line;

	if (decrypt_answer_encode(&line, turn, message, &(struct decrypt_answer){why}))
		channel_send(CHANNEL, line.text, line.length, -1); /* or nobody waits for it any more */
}

/* ---- */

/* The descriptor when there is something in it, else -1. */
static int
given(int fd)
{
	struct stat st;
	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 ? fd : -1;
}

static enum decrypt_message
failed(char *why, size_t size, const char *what)
{
	snprintf(why, size, "%s", what);
	return DECRYPT_FAILED;
}

/* ---- the two processes ---- */

/* The first one: ends as the other did, when nothing of it is left. */
static _Noreturn void
supervise(pid_t worker, const char *home)
{
	int status = 0;

	while (waitpid(worker, &status, 0) < 0 && errno == EINTR)
		;
	end_gnupg(home);
	if (WIFSIGNALED(status)) {
		signal(WTERMSIG(status), SIG_DFL);
		raise(WTERMSIG(status));
	}
	_exit(WEXITSTATUS(status));
}

/* Returns in the second one, which is told as if whoever asked had hung up when the first one dies.  False
 * with errno. */
static bool
divide(struct decrypt_job *job, const char *home)
{
	const pid_t first = getpid();
	pid_t worker = fork();

	if (worker < 0)
		return false;
	if (worker > 0) {
		decrypt_job_free(job);
		supervise(worker, home);
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
	if (getppid() != first)
		on_term(SIGTERM);
	return true;
}

/* ---- the file ---- */

/* A refusal counts where GnuPG lived to say it: what the kernel or a person ended is no word on the file. */
static enum decrypt_message
judge(enum openpgp_end end, char *why, size_t why_size)
{
	static const enum decrypt_message message_of[] = {[OPENPGP_DONE] = DECRYPT_DONE,
	                                                  [OPENPGP_REFUSED] = DECRYPT_REFUSED,
	                                                  [OPENPGP_FAILED] = DECRYPT_FAILED};
	const bool refused = end == OPENPGP_REFUSED;
	int by;

	if (refused)
		poll(NULL, 0, ENDING_MS); /* its pipes close before it has ended */
	by = children_ended();
	if (!refused || by == 0)
		return message_of[end];
	snprintf(why, why_size, "GnuPG was ended by signal %d (%s)", by, sigdescr_np(by));
	return by == SIGKILL || by == SIGTERM ? DECRYPT_FAILED : DECRYPT_CRASHED;
}

static enum decrypt_message
decrypt(struct decrypt_job *job, char *why, size_t why_size)
{
	static char home[PATH_MAX]; /* for the watch, too */
	struct openpgp_job openpgp = {.input = given(job->fd[DECRYPT_FILE]),
	                              .plain = job->fd[DECRYPT_CONTENT],
	                              .secret = given(job->fd[DECRYPT_SECRET]),
	                              .passphrase = given(job->fd[DECRYPT_PASSPHRASE]),
	                              .signers = given(job->fd[DECRYPT_SIGNERS]),
	                              .encrypted = job->encrypted,
	                              .signature = job->signature,
	                              .weak_sha1 = job->weak_sha1,
	                              .weak_ripemd160 = job->weak_ripemd160,
	                              .weak_keys = job->weak_keys,
	                              .limit = job->limit,
	                              .home = home};
	enum decrypt_message end;

	if (openpgp.input < 0)
		return failed(why, why_size, "the file is empty, or no file");
	if (!home_make(home, sizeof(home)))
		return failed(why, why_size, "no temporary directory for the keys can be made");
	setenv("GNUPGHOME", home, 1);
	if (!sandbox_decrypt(home, home_folder(), job->limit, job->no_landlock, why, why_size)) {
		home_remove(home);
		return DECRYPT_FAILED;
	}
	if (!divide(job, home)) {
		home_remove(home);
		return failed(why, why_size, "no process can be begun");
	}
#ifdef TEST_BUILD
	attempt_escape();
#endif
	/* in the sandbox, as all that is begun from here on */
	end = begin_watch(home) ? judge(openpgp_open(&openpgp, why, why_size), why, why_size)
	                        : failed(why, why_size, "cannot watch for the end of the connection");
	end_gnupg(home);
	return end;
}

int
main(void)
{
	const struct sigaction term = {.sa_handler = on_term, .sa_flags = SA_RESTART};
	char why[DECRYPT_WHY_BYTES + 1] = "";
	enum decrypt_message end = DECRYPT_FAILED;
	int turn = DECRYPT_TURN_NEW, type;
	socklen_t size = sizeof(type);
	struct decrypt_job job;

	harden_keys();
	if (getsockopt(CHANNEL, SOL_SOCKET, SO_TYPE, &type, &size) < 0 || type != SOCK_SEQPACKET) {
		fprintf(stderr, "handback-decrypt is started by handback-reconcile\n");
		return EXIT_USAGE;
	}
	fcntl(CHANNEL, F_SETFD, FD_CLOEXEC);
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGTERM, &term, NULL);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	if (decrypt_job_receive(CHANNEL, &job, &turn, why, sizeof(why)))
		end = decrypt(&job, why, sizeof(why));
	answer(&turn, end, why);
	decrypt_job_free(&job);
	return EXIT_CLEAN;
}

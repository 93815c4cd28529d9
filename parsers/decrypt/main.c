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
 * Whoever asked hangs up to end it: GnuPG, its agent and the keyring go with it.
 * Exit status: EXIT_CLEAN when the answer was given or nobody waits for it any
 * more; EXIT_USAGE when descriptor 3 is no such channel.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/file.h>
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
#include "parsers/decrypt/openpgp.h"
#ifdef TEST_BUILD
#include "lib/sandbox/attempt.h"
#endif

#define CHANNEL 3
#define HOME_PREFIX "handback-decrypt-"

/* ---- the keyring's directory ---- */

static int
remove_entry(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void) st, (void) at;
	/* not remove(), which tries unlink() on a directory first: the sandbox refuses that for the outermost one
	 */
	(void) (kind == FTW_DP ? rmdir(path) : unlink(path));
	return 0; /* what went meanwhile is no reason to leave the rest */
}

static void
remove_tree(const char *path)
{
	nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* What one that was killed left behind: nobody holds its lock.  Its gpg-agent ends when it finds its home
 * gone. */
static void
sweep(const char *folder)
{
	DIR *d = opendir(folder);
	const struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL) {
		char path[PATH_MAX];
		struct stat st;
		int fd;
		if (strncmp(e->d_name, HOME_PREFIX, strlen(HOME_PREFIX)) != 0 ||
		    snprintf(path, sizeof(path), "%s/%s", folder, e->d_name) >= (int) sizeof(path))
			continue;
		fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && flock(fd, LOCK_EX | LOCK_NB) == 0)
			remove_tree(path);
		close(fd);
	}
	if (d != NULL)
		closedir(d);
}

static bool
put(const char *home, const char *name, const char *text)
{
	char path[PATH_MAX];
	FILE *f;
	bool fine;

	if (snprintf(path, sizeof(path), "%s/%s", home, name) >= (int) sizeof(path))
		return false;
	f = fopen(path, "wxe");
	if (f == NULL)
		return false;
	fine = fputs(text, f) >= 0;
	return fclose(f) == 0 && fine;
}

static const char *
folder_of_homes(void)
{
	const char *folder = getenv("TMPDIR");

	return folder == NULL || folder[0] != '/' ? "/tmp" : folder;
}

/* An empty keyring of our own, locked for as long as we live. */
static bool
make_home(char *home, size_t size)
{
	const char *folder = folder_of_homes();
	int fd;

	sweep(folder);
	if (snprintf(home, size, "%s/" HOME_PREFIX "XXXXXX", folder) >= (int) size || mkdtemp(home) == NULL)
		return false;
	fd = open(home, O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* held until we end */
	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 &&
	       /* who may sign is who is in the keyring; nothing is looked for elsewhere */
	       put(home, "gpg.conf",
	           "batch\nno-tty\ntrust-model always\nno-auto-key-retrieve\nno-auto-key-locate\n") &&
	       put(home, "gpg-agent.conf",
	           "allow-loopback-pinentry\ndisable-scdaemon\nmax-cache-ttl 0\nno-grab\n") &&
	       put(home, "dirmngr.conf", "");
}

/* All that there are now.  False: none. */
static bool
kill_children(void)
{
	char path[64], line[4096];
	bool any = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int) getpid());
	f = fopen(path, "re");
	if (f != NULL && fgets(line, sizeof(line), f) != NULL)
		for (char *p = line, *end; *p != '\0'; p = end) {
			long pid = strtol(p, &end, 10);
			if (end == p)
				break;
			if (pid > 1) {
				any = true;
				kill((pid_t) pid, SIGKILL);
			}
		}
	if (f != NULL)
		fclose(f);
	return any;
}

/* GnuPG leaves its agent running: it has become our child (PR_SET_CHILD_SUBREAPER), as those do that a killed
 * one leaves, and goes with us.  Again and again, since the other thread may still begin one. */
static void
end_children(void)
{
	while (kill_children()) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		poll(NULL, 0, 1);
	}
}

/* GnuPG first, which would write there: by one thread at a time, since the process may end behind it. */
static void
end_gnupg(const char *home)
{
	static pthread_mutex_t ending = PTHREAD_MUTEX_INITIALIZER;

	pthread_mutex_lock(&ending);
	end_children();
	remove_tree(home);
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

static enum decrypt_message
decrypt(const struct decrypt_job *job, char *why, size_t why_size)
{
	static const enum decrypt_message message_of[] = {[OPENPGP_DONE] = DECRYPT_DONE,
	                                                  [OPENPGP_REFUSED] = DECRYPT_REFUSED,
	                                                  [OPENPGP_FAILED] = DECRYPT_FAILED};
	static char home[PATH_MAX]; /* for the watch, too */
	struct openpgp_job openpgp = {.input = given(job->fd[DECRYPT_FILE]),
	                              .plain = job->fd[DECRYPT_CONTENT],
	                              .secret = given(job->fd[DECRYPT_SECRET]),
	                              .passphrase = given(job->fd[DECRYPT_PASSPHRASE]),
	                              .signers = given(job->fd[DECRYPT_SIGNERS]),
	                              .encrypted = job->encrypted,
	                              .signature = job->signature,
	                              .limit = job->limit,
	                              .home = home};
	enum decrypt_message end;

	if (openpgp.input < 0)
		return failed(why, why_size, "the file is empty, or no file");
	if (!make_home(home, sizeof(home)))
		return failed(why, why_size, "no temporary directory for the keys can be made");
	setenv("GNUPGHOME", home, 1);
	if (!sandbox_decrypt(home, folder_of_homes(), job->limit, job->no_landlock, why, why_size)) {
		remove_tree(home);
		return DECRYPT_FAILED;
	}
#ifdef TEST_BUILD
	attempt_escape();
#endif
	/* in the sandbox, as all that is begun from here on */
	end = begin_watch(home) ? message_of[openpgp_open(&openpgp, why, why_size)]
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

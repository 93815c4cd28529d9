/*
 * handback-decrypt: decrypts one file, or checks its signature, before anybody looks inside.
 *
 * Trust: it is handed the file, the partner's keys and a file for the content
 * as descriptors.  It must run GnuPG; both are in a sandbox of their own before
 * anything of the file is read: no network, no file but the keyring that exists
 * for the call and what programs of the system read (lib/sandbox/program.h).  It does
 * not look at the content.
 *
 *     handback-decrypt [--encrypted] [--signature] [--no-landlock] LIMIT
 *
 *     2  what is wrong, one line for a person
 *     3  the file, regular, at its start      4  the content is written here
 *     5  our private key                      6  its passphrase
 *     7  the public keys of who may sign      (5 to 7: /dev/null where there is none)
 *
 * LIMIT: bytes of content at most.  Exit status: EXIT_CLEAN; EXIT_HELD when the
 * file is not what was agreed; EXIT_FAILED, EXIT_INTERNAL otherwise.  Only
 * after EXIT_CLEAN does the content mean anything.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/exit_codes.h"
#include "lib/base/harden.h"
#include "lib/base/limits.h"
#include "lib/base/text.h"
#include "lib/sandbox/program.h"
#include "parsers/decrypt/openpgp.h"
#ifdef TEST_BUILD
#include "lib/sandbox/attempt.h"
#endif

enum { INPUT = 3, PLAIN, SECRET, PASSPHRASE, SIGNERS };

#define HOME_PREFIX "handback-decrypt-"

static int
leave(int status, const char *why)
{
	fprintf(stderr, "%s\n", why);
	return status;
}

/* ---- the keyring's directory ---- */

static int
remove_entry(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void) st, (void) at;
	/* not remove(), which tries unlink() on a directory first: the sandbox refuses that for the outermost one
	 */
	return kind == FTW_DP ? rmdir(path) : unlink(path);
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

/* GnuPG leaves its agent running: it has become our child (PR_SET_CHILD_SUBREAPER), and goes with us. */
static void
end_children(void)
{
	char path[64], line[4096];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int) getpid());
	f = fopen(path, "re");
	if (f != NULL && fgets(line, sizeof(line), f) != NULL)
		for (char *p = line, *end; *p != '\0'; p = end) {
			long pid = strtol(p, &end, 10);
			if (end == p)
				break;
			if (pid > 1)
				kill((pid_t) pid, SIGKILL);
		}
	if (f != NULL)
		fclose(f);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
}

/* ---- */

/* The descriptor when there is something in it, else -1. */
static int
given(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 ? fd : -1;
}

static int
decrypt(struct openpgp_job *job, bool no_landlock)
{
	static const int status[] = {
	    [OPENPGP_DONE] = EXIT_CLEAN, [OPENPGP_REFUSED] = EXIT_HELD, [OPENPGP_FAILED] = EXIT_FAILED};
	char home[PATH_MAX], why[LIMIT_MESSAGE_BYTES] = "";
	enum openpgp_end end;

	if (!make_home(home, sizeof(home)))
		return leave(EXIT_FAILED, "no temporary directory for the keys can be made");
	setenv("GNUPGHOME", home, 1);
	job->home = home;
	if (!sandbox_decrypt(home, folder_of_homes(), no_landlock, why, sizeof(why))) {
		remove_tree(home);
		return leave(EXIT_FAILED, why);
	}
#ifdef TEST_BUILD
	attempt_escape();
#endif
	end = openpgp_open(job, why, sizeof(why));
	end_children();
	remove_tree(home);
	return end == OPENPGP_DONE ? EXIT_CLEAN : leave(status[end], why);
}

int
main(int argc, char **argv)
{
	struct openpgp_job job = {.input = INPUT, .plain = PLAIN};
	const char *limit = NULL;
	bool no_landlock = false;

	harden();
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--encrypted") == 0)
			job.encrypted = true;
		else if (strcmp(argv[i], "--signature") == 0)
			job.signature = true;
		else if (strcmp(argv[i], "--no-landlock") == 0)
			no_landlock = true;
		else
			limit = argv[i];
	}
	if (limit == NULL || !text_int(limit, 0, INT64_MAX, &job.limit) || given(INPUT) < 0 ||
	    fcntl(PLAIN, F_GETFD) < 0)
		return leave(EXIT_USAGE, "handback-decrypt is started by handback-reconcile");
	for (int fd = INPUT; fd <= SIGNERS; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	job.secret = given(SECRET);
	job.passphrase = given(PASSPHRASE);
	job.signers = given(SIGNERS);
	return decrypt(&job, no_landlock);
}

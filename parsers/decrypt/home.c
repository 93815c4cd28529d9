#include "parsers/decrypt/home.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOME_PREFIX "handback-decrypt-"

static int
remove_entry(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void) st, (void) at;
	/* not remove(), which tries unlink() on a directory first: the sandbox refuses that for the outermost one
	 */
	(void) (kind == FTW_DP ? rmdir(path) : unlink(path));
	return 0; /* what went meanwhile is no reason to leave the rest */
}

void
home_remove(const char *path)
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
			home_remove(path);
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

const char *
home_folder(void)
{
	const char *folder = getenv("TMPDIR");

	return folder == NULL || folder[0] != '/' ? "/tmp" : folder;
}

/* An empty keyring of our own, locked for as long as we live. */
bool
home_make(char *home, size_t size)
{
	const char *folder = home_folder();
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

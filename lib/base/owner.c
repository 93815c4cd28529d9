#include "lib/base/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/io.h"

/* The nearest directory that is there, on a way that nobody but root can have laid; false with errno. */
static bool
find_nearest(const char *spool, struct stat *ret)
{
	char path[PATH_MAX];
	int fd;

	if (snprintf(path, sizeof(path), "%s", spool) >= (int) sizeof(path)) {
		errno = ENAMETOOLONG;
		return false;
	}
	while ((fd = io_open_dir(AT_FDCWD, path)) < 0 && errno == ENOENT) {
		char *slash = strrchr(path, '/');

		if (slash == NULL)
			snprintf(path, sizeof(path), ".");
		else
			slash[slash == path ? 1 : 0] = '\0'; /* the root has its slash for a name */
	}
	if (fd < 0)
		return false;
	int result = fstat(fd, ret);
	close(fd);
	return result == 0;
}

static bool
become(uid_t uid, gid_t gid)
{
	const struct passwd *pw = getpwuid(uid);

	if (pw != NULL)
		gid = pw->pw_gid;
	/* its home is where libpq looks for passwords and certificates */
	if (pw != NULL && setenv("HOME", pw->pw_dir, 1) != 0)
		return false;
	if ((pw != NULL ? initgroups(pw->pw_name, gid) : setgroups(0, NULL)) != 0)
		return false;
	return setresgid(gid, gid, gid) == 0 && setresuid(uid, uid, uid) == 0;
}

bool
owner_become(const char *spool, char *why, size_t why_size)
{
	struct stat st;

	if (geteuid() != 0)
		return true;
	if (!find_nearest(spool, &st)) {
		snprintf(why, why_size, "spool: %s: %s", spool,
		         errno == ELOOP ? "root does not follow a link that another user can put there"
		                        : strerrordesc_np(errno));
		return false;
	}
	if (st.st_uid == 0)
		return true;
	if (!become(st.st_uid, st.st_gid)) {
		snprintf(why, why_size, "spool: %s: cannot become its owner (uid %u): %s", spool,
		         (unsigned) st.st_uid, strerrordesc_np(errno));
		return false;
	}
	return true;
}

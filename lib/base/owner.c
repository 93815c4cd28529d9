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

/* Of the directory of this path; false with errno. */
static bool
look_at(const char *path, struct stat *ret)
{
	int fd = io_open_dir(AT_FDCWD, path);

	if (fd < 0)
		return false;
	int result = fstat(fd, ret), saved = errno;
	close(fd);
	errno = saved;
	return result == 0;
}

/*
 * The first directory on the way to the spool that is not root's: whoever has it decides what lies behind it,
 * and may have put a directory of root's there.  Where all are root's, the last that is there.  The whole way
 * is looked at, so that a link of theirs on it is ELOOP.  False with errno.
 */
static bool
find_owned(const char *spool, struct stat *ret)
{
	char path[PATH_MAX];
	const char *end = spool;

	if (strlen(spool) >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return false;
	}
	if (!look_at(*spool == '/' ? "/" : ".", ret))
		return false;
	while (*end != '\0') {
		struct stat next;

		end += strspn(end, "/");
		end += strcspn(end, "/");
		snprintf(path, sizeof(path), "%.*s", (int) (end - spool), spool);
		if (!look_at(path, &next))
			return errno == ENOENT;
		if (ret->st_uid == 0)
			*ret = next;
	}
	return true;
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
	if (!find_owned(spool, &st)) {
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

bool
owner_become_user(const char *name, char *why, size_t why_size)
{
	const struct passwd *pw = getpwnam(name);

	if (geteuid() != 0 || (pw != NULL && become(pw->pw_uid, pw->pw_gid)))
		return true;
	snprintf(why, why_size, "cannot become the user %s: %s", name,
	         pw == NULL ? "there is none" : strerrordesc_np(errno));
	return false;
}

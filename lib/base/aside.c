#include "lib/base/aside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define PREFIX ".handback-"
#define KNOWN_DIGITS 56 /* inode, size, seconds: 16 each; nanoseconds: 8 */
#define RANDOM_DIGITS 8
#define NAME_LENGTH (sizeof(PREFIX) - 1 + KNOWN_DIGITS + 1 + RANDOM_DIGITS)
#define TRIES 16

struct aside_known
aside_known_of(const struct stat *st)
{
	return (struct aside_known){st->st_dev, st->st_ino, st->st_size, st->st_mtim};
}

static bool
same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* Not the time of its last change: a rename is one. */
static bool
is_known(const struct stat *st, const struct aside_known *known)
{
	return S_ISREG(st->st_mode) && st->st_dev == known->device && st->st_ino == known->inode &&
	       st->st_size == known->size && same_time(st->st_mtim, known->modified);
}

/* ---- our directory ---- */

static void
write_name(char name[NAME_LENGTH + 1], const struct aside_known *known, uint32_t random)
{
	snprintf(name, NAME_LENGTH + 1, PREFIX "%016" PRIx64 "%016" PRIx64 "%016" PRIx64 "%08x-%08" PRIx32,
	         (uint64_t) known->inode, (uint64_t) known->size, (uint64_t) known->modified.tv_sec,
	         (unsigned) known->modified.tv_nsec, random);
}

/* Is the file the one that our directory's name speaks of?  Such names have no device: after a restart it may
 * have another number. */
static bool
is_named(const char *ours, const struct stat *st)
{
	struct aside_known known = aside_known_of(st);
	char name[NAME_LENGTH + 1];

	write_name(name, &known, 0);
	return S_ISREG(st->st_mode) && strncmp(name, ours, sizeof(PREFIX) - 1 + KNOWN_DIGITS) == 0;
}

static bool
is_name(const char *name)
{
	const char *known = name + sizeof(PREFIX) - 1;

	return strlen(name) == NAME_LENGTH && strncmp(name, PREFIX, sizeof(PREFIX) - 1) == 0 &&
	       strspn(known, "0123456789abcdef") == KNOWN_DIGITS && known[KNOWN_DIGITS] == '-' &&
	       strspn(known + KNOWN_DIGITS + 1, "0123456789abcdef") == RANDOM_DIGITS;
}

/* Nobody but us can have made it, or can put anything into it. */
static bool
is_private(const struct stat *st)
{
	return S_ISDIR(st->st_mode) && st->st_uid == geteuid() && (st->st_mode & 077) == 0;
}

/* Its descriptor; -1 with errno, ENOTDIR where it is none of ours. */
static int
open_ours(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || (fstat(fd, &st) == 0 && is_private(&st)))
		return fd;
	close(fd);
	errno = ENOTDIR;
	return -1;
}

bool
aside_is_ours(int dir, const char *name)
{
	struct stat st;

	return is_name(name) && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && is_private(&st);
}

/* A new one.  -1 with errno. */
static int
make_ours(int dir, const struct aside_known *known, char name[NAME_LENGTH + 1])
{
	for (int i = 0; i < TRIES; i++) {
		uint32_t random;
		int fd;

		if (getrandom(&random, sizeof(random), 0) != (ssize_t) sizeof(random))
			return -1;
		write_name(name, known, random);
		if (mkdirat(dir, name, 0700) < 0) {
			if (errno != EEXIST)
				return -1;
			continue;
		}
		fd = open_ours(dir, name);
		if (fd >= 0)
			return fd;
		/* aside_settle took it for a crash's: another one */
	}
	errno = EAGAIN;
	return -1;
}

static bool
was_removed(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_nlink == 0;
}

/* ---- there and back ---- */

static bool
cannot_keep_from_replacing(int error)
{
	return error == EINVAL || error == ENOSYS || error == EOPNOTSUPP;
}

static int
move_in(int dir, const char *name, int ours)
{
	if (renameat2(dir, name, ours, name, RENAME_NOREPLACE) == 0)
		return 0;
	/* nobody else can have put anything there */
	return cannot_keep_from_replacing(errno) ? renameat(dir, name, ours, name) : -1;
}

static int
move_back(int ours, const char *name, int dir)
{
	if (renameat2(ours, name, dir, name, RENAME_NOREPLACE) == 0)
		return 0;
	if (!cannot_keep_from_replacing(errno))
		return -1;
	if (linkat(ours, name, dir, name, 0) < 0)
		return -1;
	return unlinkat(ours, name, 0) < 0 && errno != ENOENT ? -1 : 0;
}

int
aside_remove(int dir, const char *name, const struct aside_known *known)
{
	char aside[NAME_LENGTH + 1];
	struct stat st;
	int rc = -1, error = EAGAIN, ours = -1;

	for (int i = 0; i < TRIES && rc < 0 && error == EAGAIN; i++) {
		ours = make_ours(dir, known, aside);
		if (ours < 0)
			return -1;
		rc = move_in(dir, name, ours);
		error = rc < 0 ? errno : 0;
		if (rc < 0 && error == ENOENT && was_removed(ours)) /* aside_settle, again */
			error = EAGAIN;
		if (rc < 0) {
			unlinkat(dir, aside, AT_REMOVEDIR);
			close(ours);
		}
	}
	if (rc < 0) {
		errno = error;
		return error == ENOENT ? 0 : -1;
	}
	/* whatever is not there (any more) aside_settle has seen to */
	if (fstatat(ours, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		if (!is_known(&st, known))
			move_back(ours, name, dir); /* or aside_settle does */
		else if (unlinkat(ours, name, 0) < 0 && errno != ENOENT)
			error = errno; /* it stays aside: back in its place, and changed by that, it would be another delivery */
	}
	unlinkat(dir, aside, AT_REMOVEDIR);
	close(ours);
	errno = error;
	return error == 0 ? 0 : -1;
}

/* The one file in it: 1 and its name; 0 when it is empty; -1 with errno. */
static int
find_file(int ours, char *ret_name)
{
	int fd = fcntl(ours, F_DUPFD_CLOEXEC, 3), found = 0;
	DIR *listing = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (listing == NULL) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while (found == 0 && (errno = 0, entry = readdir(listing)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
			snprintf(ret_name, NAME_MAX + 1, "%s", entry->d_name);
			found = 1;
		}
	if (found == 0 && errno != 0)
		found = -1;
	closedir(listing);
	return found;
}

static int
settle_file(int dir, int ours, const char *aside, const char *name)
{
	struct stat st;

	if (fstatat(ours, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -1;
	if (is_named(aside, &st))
		return unlinkat(ours, name, 0) < 0 && errno != ENOENT ? -1 : 0;
	if (move_back(ours, name, dir) < 0)
		return errno == ENOENT ? 0 : -1;
	return 1;
}

int
aside_settle(int dir, const char *ours, char *ret_name)
{
	int fd = open_ours(dir, ours), rc, error;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
	ret_name[0] = '\0';
	rc = find_file(fd, ret_name);
	if (rc > 0)
		rc = settle_file(dir, fd, ours, ret_name);
	error = errno;
	unlinkat(dir, ours, AT_REMOVEDIR); /* unless there is a file in it, still */
	close(fd);
	errno = error;
	return rc;
}

#include "lib/base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS 40 /* on one way, as the kernel has it */

/* Closes without losing the errno that is being returned. */
static int
fail_closing(int fd)
{
	int saved = errno;

	close(fd);
	errno = saved;
	return -1;
}

int
io_write_all(int fd, const void *bytes, size_t len)
{
	const char *at = bytes;

	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		at += n;
		len -= (size_t) n;
	}
	return 0;
}

/* Reads on until end of file or until size bytes are there; the number, or -1. */
static ssize_t
read_up_to(int fd, char *buf, size_t size)
{
	size_t got = 0;

	while (got < size) {
		ssize_t n = read(fd, buf + got, size - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		got += (size_t) n;
	}
	return (ssize_t) got;
}

int
io_sealed(const char *name, const void *bytes, size_t len)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -1;
	if (io_write_all(fd, bytes, len) == 0 && lseek(fd, 0, SEEK_SET) == 0 &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0)
		return fd;
	return fail_closing(fd);
}

int
io_read_all(int fd, size_t max, char **ret_bytes, size_t *ret_len)
{
	char *bytes = NULL;
	size_t size = 0, len = 0;
	ssize_t n;

	do {
		size_t next = size == 0 ? 4096 : 2 * size;
		char *larger;

		if (next > max + 1) /* one more than max, to see that there is more */
			next = max + 1;
		larger = realloc(bytes, next + 1);
		if (larger == NULL)
			goto failed;
		bytes = larger;
		size = next;
		n = read_up_to(fd, bytes + len, size - len);
		if (n < 0)
			goto failed;
		len += (size_t) n;
	} while (len == size && size < max + 1);
	if (len > max) {
		errno = EFBIG;
		goto failed;
	}
	bytes[len] = '\0';
	*ret_bytes = bytes;
	*ret_len = len;
	return 0;
failed:
	free(bytes);
	return -1;
}

static int
read_file(int dir, const char *path, int flags, size_t max, char **ret_bytes, size_t *ret_len)
{
	/* O_NONBLOCK: a FIFO in the place of the file must not hold us */
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		return fail_closing(fd);
	if (!S_ISREG(st.st_mode)) {
		errno = ENOTSUP;
		return fail_closing(fd);
	}
	if (io_read_all(fd, max, ret_bytes, ret_len) < 0)
		return fail_closing(fd);
	close(fd);
	return 0;
}

int
io_read_file(int dir, const char *path, size_t max, char **ret_bytes, size_t *ret_len)
{
	return read_file(dir, path, 0, max, ret_bytes, ret_len);
}

int
io_read_own_file(int dir, const char *name, size_t max, char **ret_bytes, size_t *ret_len)
{
	return read_file(dir, name, O_NOFOLLOW, max, ret_bytes, ret_len);
}

DIR *
io_list(int dir, const char *path)
{
	int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *listing = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && listing == NULL)
		fail_closing(fd);
	return listing;
}

bool
io_is_empty(int dir)
{
	DIR *entries = io_list(dir, ".");
	int count = 0;

	while (entries != NULL && readdir(entries) != NULL)
		count++;
	if (entries == NULL)
		return false;
	closedir(entries);
	return count == 2; /* . and .. */
}

/* What root makes belongs to whom its directory belongs: a service without privileges goes on there. */
static int
give_to_owner(int dir, int fd)
{
	struct stat st;

	if (geteuid() != 0)
		return 0;
	if (fstat(dir, &st) < 0)
		return -1;
	return st.st_uid == 0 ? 0 : fchown(fd, st.st_uid, st.st_gid);
}

bool
io_only_ours_writes(int dir)
{
	struct stat st;

	return fstat(dir, &st) == 0 && (st.st_uid == 0 || st.st_uid == geteuid()) &&
	       ((st.st_mode & 022) == 0 || (st.st_mode & S_ISVTX) != 0);
}

/* A link is followed where nobody but root or ourselves can have put it. */
static bool
may_follow(int parent, const struct stat *link)
{
	return io_only_ours_writes(parent) && (link->st_uid == 0 || link->st_uid == geteuid());
}

/*
 * Is it the directory that we have just made?  Where others may rename, another one can lie under its name by
 * now: theirs, or one of root's that holds something.  An empty one of ours is as good as ours.
 */
static bool
is_new(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_uid == geteuid() && io_is_empty(fd);
}

/*
 * What the umask took of a new directory's mode.  Where it took nothing the mode is left alone: to set it
 * would clear the set-group-ID bit that the directory has from its parent, and the units may not set that
 * bit.
 */
static int
set_mode(int fd, mode_t mode)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -1;
	return (st.st_mode & (0777 | mode)) == mode ? 0 : fchmod(fd, mode);
}

/* One step of a way: the directory's descriptor, or -1; with ELOOP when it is a link. */
static int
step(int parent, const char *name, bool make, mode_t mode)
{
	bool made = make && mkdirat(parent, name, mode) == 0;
	struct stat st;
	int fd;

	if (make && !made && errno != EEXIST)
		return -1;
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		if (errno == ENOTDIR && fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			errno = S_ISLNK(st.st_mode) ? ELOOP : ENOTDIR;
		return -1;
	}
	if (made && is_new(fd) && (give_to_owner(parent, fd) < 0 || set_mode(fd, mode) < 0 || fsync(parent) < 0))
		return fail_closing(fd);
	return fd;
}

/* Puts what a link says in the place of its name: the way that is left, in way[PATH_MAX].  false with errno.
 */
static bool
read_link(int parent, const char *name, char *way)
{
	char target[PATH_MAX], rest[PATH_MAX];
	struct stat st;
	ssize_t len;

	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	if (!may_follow(parent, &st)) {
		errno = ELOOP;
		return false;
	}
	len = readlinkat(parent, name, target, sizeof(target));
	memcpy(rest, way, sizeof(rest));
	if (len < 0 || snprintf(way, PATH_MAX, "%.*s/%s", (int) len, target, rest) >= PATH_MAX) {
		errno = len < 0 ? errno : ENAMETOOLONG;
		return false;
	}
	return true;
}

/* Takes the first name off way[]; false with errno when it is too long.  An empty one is the end. */
static bool
next_name(char *way, char name[NAME_MAX + 1])
{
	size_t start = strspn(way, "/"), len = strcspn(way + start, "/");

	if (len > NAME_MAX) {
		errno = ENAMETOOLONG;
		return false;
	}
	memcpy(name, way + start, len);
	name[len] = '\0';
	memmove(way, way + start + len, strlen(way + start + len) + 1);
	return true;
}

static int
walk(int dir, const char *path, bool make, mode_t mode)
{
	char way[PATH_MAX], name[NAME_MAX + 1];
	int at, links = 0;

	if (snprintf(way, sizeof(way), "%s", path) >= (int) sizeof(way)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	at = openat(dir, way[0] == '/' ? "/" : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	while (at >= 0) {
		int next;

		if (!next_name(way, name))
			return fail_closing(at);
		if (name[0] == '\0')
			break;
		next = step(at, name, make, mode);
		if (next < 0 && errno == ELOOP && ++links <= LINKS && read_link(at, name, way))
			next = openat(at, way[0] == '/' ? "/" : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (next < 0)
			return fail_closing(at);
		close(at);
		at = next;
	}
	return at;
}

int
io_make_dirs(int dir, const char *path, mode_t mode)
{
	return walk(dir, path, true, mode);
}

int
io_open_dir(int dir, const char *path)
{
	return walk(dir, path, false, 0);
}

/* Rename that never replaces, also where the file system has no RENAME_NOREPLACE (NFS). */
static int
rename_new(int from_dir, const char *from, int to_dir, const char *to)
{
	if (renameat2(from_dir, from, to_dir, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	if (linkat(from_dir, from, to_dir, to, 0) < 0)
		return -1;
	return unlinkat(from_dir, from, 0);
}

int
io_move_durably(int file, int from_dir, const char *from, int to_dir, const char *to)
{
	if (fsync(file) < 0 || rename_new(from_dir, from, to_dir, to) < 0)
		return -1;
	/* the new name first: a crash in between leaves two names rather than none */
	return fsync(to_dir) < 0 || fsync(from_dir) < 0 ? -1 : 0;
}

/* Written under a name of its own and renamed; a crash in between leaves that name behind. */
static int
put_by_rename(int dir, const char *name, mode_t mode, const void *bytes, size_t len)
{
	char temporary[32];
	uint64_t random;
	int fd;

	if (getrandom(&random, sizeof(random), 0) != (ssize_t) sizeof(random))
		return -1;
	snprintf(temporary, sizeof(temporary), ".%016" PRIx64 ".tmp", random);
	fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	if (io_write_all(fd, bytes, len) < 0 || give_to_owner(dir, fd) < 0 || fchmod(fd, mode) < 0 ||
	    io_move_durably(fd, dir, temporary, dir, name) < 0) {
		int saved = errno;

		unlinkat(dir, temporary, 0);
		errno = saved;
		return fail_closing(fd);
	}
	close(fd);
	return 0;
}

int
io_put_file(int dir, const char *name, mode_t mode, const void *bytes, size_t len)
{
	char self[32];
	/* without a name until it is whole: nothing to sweep after a crash */
	int fd = openat(dir, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

	if (fd < 0) /* not every file system has this (NFS) */
		return put_by_rename(dir, name, mode, bytes, len);
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (io_write_all(fd, bytes, len) < 0 || give_to_owner(dir, fd) < 0 || fchmod(fd, mode) < 0 ||
	    fsync(fd) < 0 || linkat(AT_FDCWD, self, dir, name, AT_SYMLINK_FOLLOW) < 0)
		return fail_closing(fd);
	close(fd);
	return fsync(dir);
}

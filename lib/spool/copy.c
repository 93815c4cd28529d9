#include "lib/spool/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#include "lib/base/aside.h"
#include "lib/base/io.h"
#include "lib/hash/checksum_file.h"

#define SUFFIX ".copy"
#define STEP_BYTES (1 << 20)
/* how much may wait for the disk before it has to begin */
#define FLUSH_BYTES (8 << 20)

static int
close_keeping_errno(int fd)
{
	int saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
	return -1;
}

static enum copy_end
say(char *why, enum copy_end end, const char *text)
{
	snprintf(why, LIMIT_MESSAGE_BYTES, "%s", text);
	return end;
}

static enum copy_end
say_errno(char *why, enum copy_end end, const char *doing)
{
	snprintf(why, LIMIT_MESSAGE_BYTES, "%s: %s", doing, strerror(errno));
	return end;
}

static bool
same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool
unchanged(const struct stat *a, const struct stat *b)
{
	return same_file(a, b) && a->st_size == b->st_size && a->st_nlink == b->st_nlink &&
	       memcmp(&a->st_mtim, &b->st_mtim, sizeof(a->st_mtim)) == 0 &&
	       memcmp(&a->st_ctim, &b->st_ctim, sizeof(a->st_ctim)) == 0;
}

/* Why this may not be read; NULL when it may. */
static const char *
what_it_is(const struct stat *st)
{
	if (S_ISLNK(st->st_mode))
		return "it is a symbolic link; only regular files are taken: remove it";
	if (S_ISDIR(st->st_mode))
		return "it is a directory; only regular files are taken: remove it, or narrow the source's pattern";
	if (!S_ISREG(st->st_mode))
		return "it is a FIFO, a socket or a device; only regular files are taken: remove it";
	if (st->st_nlink > 1)
		return "it has more than one name (hard links), so that it may be another's file: remove the others";
	return NULL;
}

/* Somebody has it open for writing, or mapped so?  A lease is refused then; where leases are not available
 * (another owner's file without CAP_LEASE, NFS) the settle time and the comparison of before and after must
 * do. */
static bool
has_writer(int fd)
{
	if (fcntl(fd, F_SETLEASE, F_RDLCK) < 0)
		return errno == EAGAIN;
	fcntl(fd, F_SETLEASE, F_UNLCK);
	return false;
}

/* Looks before it opens: O_PATH neither waits for a FIFO's writer nor wakes a device. */
static enum copy_end
open_source(int dir, const char *name, int64_t max_bytes, int *ret_fd, struct stat *ret_stat, char *why)
{
	struct stat looked, opened;
	const char *refused;
	int fd, path = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (path < 0 && errno == ENOENT)
		return say(why, COPY_GONE, "it is no longer there");
	if (path < 0 || fstat(path, &looked) < 0) {
		close_keeping_errno(path);
		return say_errno(why, COPY_FAILED, "cannot look at it");
	}
	close(path);
	refused = what_it_is(&looked);
	if (refused != NULL)
		return say(why, COPY_FAILED, refused);
	if (looked.st_size > max_bytes) {
		snprintf(why, LIMIT_MESSAGE_BYTES,
		         "it has %jd bytes, and the limit is %" PRId64
		         ": remove it, or raise limits: file_bytes in the profile",
		         (intmax_t) looked.st_size, max_bytes);
		return COPY_FAILED;
	}
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? say(why, COPY_GONE, "it is no longer there")
		                       : say_errno(why, COPY_FAILED, "cannot open it");
	if (fstat(fd, &opened) < 0 || !same_file(&looked, &opened)) {
		close(fd);
		return say(why, COPY_BUSY, "it was replaced while it was opened");
	}
	if (has_writer(fd)) {
		close(fd);
		return say(why, COPY_BUSY, "somebody still has it open for writing");
	}
	*ret_fd = fd;
	*ret_stat = opened;
	return COPY_DONE;
}

/* A new, locked file in spool/work: its descriptor, or -1 with errno. */
static int
make_copy(const struct spool *spool, char name[COPY_NAME_SIZE])
{
	for (;;) {
		uint64_t random;
		struct stat st;
		int fd;

		if (getrandom(&random, sizeof(random), 0) != (ssize_t) sizeof(random))
			return -1;
		snprintf(name, COPY_NAME_SIZE, "%016" PRIx64 SUFFIX, random);
		fd = openat(spool->work, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400);
		if (fd < 0 && errno == EEXIST)
			continue;
		if (fd < 0)
			return -1;
		/* a sweep may take it for an orphan before it is locked: then make another */
		if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 && st.st_nlink == 1)
			return fd;
		close(fd);
	}
}

/* Reads from the start to the end of file, hashing, and writing into `to` unless that is -1.  The bytes, or
 * -1. */
static int64_t
pump(int from, int to, int64_t max_bytes, uint8_t ret_hash[SHA256_BYTES])
{
	char *buf = malloc(STEP_BYTES);
	struct sha256 *hash = sha256_new();
	int64_t total = 0, flushed = 0;
	ssize_t n = -1;

	if (buf == NULL)
		goto out;
	while ((n = pread(from, buf, STEP_BYTES, total)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		if (total + n > max_bytes) { /* it grows: the caller sees that it changed */
			total += n;
			n = 0;
			break;
		}
		sha256_add(hash, buf, (size_t) n);
		if (to >= 0 && io_write_all(to, buf, (size_t) n) < 0) {
			n = -1;
			break;
		}
		total += n;
		if (to >= 0 && total - flushed >= FLUSH_BYTES) {
			/* only a hint: what counts is copy_sync */
			(void) sync_file_range(to, flushed, total - flushed, SYNC_FILE_RANGE_WRITE);
			flushed = total;
		}
	}
	if (to >= 0 && total > flushed)
		(void) sync_file_range(to, flushed, total - flushed, SYNC_FILE_RANGE_WRITE);
	sha256_end(hash, ret_hash);
out:
	sha256_free(hash);
	free(buf);
	return n < 0 ? -1 : total;
}

static enum copy_end
copy_bytes(int source, int64_t max_bytes, struct copy *c, char *why)
{
	struct stat after;

	posix_fadvise(source, 0, 0, POSIX_FADV_SEQUENTIAL);
	c->bytes = pump(source, c->fd, max_bytes, c->sha256);
	if (c->bytes < 0)
		return say_errno(why, COPY_FAILED, "cannot copy it into the spool");
	if (fstat(source, &after) < 0)
		return say_errno(why, COPY_FAILED, "cannot look at it again");
	if (!unchanged(&c->source, &after) || c->bytes != after.st_size)
		return say(why, COPY_BUSY, "it changed while it was read");
	if (has_writer(source))
		return say(why, COPY_BUSY, "somebody opened it for writing while it was read");
	return COPY_DONE;
}

enum copy_end
copy_take(const struct spool *spool, int dir, const char *name, int64_t max_bytes, struct copy *ret,
          char *why)
{
	struct copy c = {.fd = -1};
	enum copy_end end;
	int source;

	if (name[0] == '\0' || strchr(name, '/') != NULL || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return say(why, COPY_FAILED, "that is no name of a file in a directory");
	end = open_source(dir, name, max_bytes, &source, &c.source, why);
	if (end != COPY_DONE)
		return end;
	c.fd = make_copy(spool, c.name);
	if (c.fd < 0) {
		say_errno(why, COPY_FAILED, "cannot make a copy in the spool");
		close(source);
		return COPY_FAILED;
	}
	end = copy_bytes(source, max_bytes, &c, why);
	close(source);
	if (end != COPY_DONE) {
		copy_drop(spool, &c);
		return end;
	}
	*ret = c;
	return COPY_DONE;
}

enum copy_end
copy_sidecar(int dir, const char *name, const char *suffix, uint8_t ret_sha256[SHA256_BYTES], char *why)
{
	char sidecar[2 * LIMIT_NAME_BYTES], text[CHECKSUM_FILE_BYTES + 1], cause[LIMIT_MESSAGE_BYTES];
	enum copy_end end;
	struct stat st;
	ssize_t len;
	int fd;

	if (snprintf(sidecar, sizeof(sidecar), "%s%s", name, suffix) > LIMIT_NAME_BYTES)
		return say(why, COPY_FAILED, "its checksum file cannot be there: the name would be too long");
	end = open_source(dir, sidecar, INT64_MAX, &fd, &st, cause);
	if (end != COPY_DONE) {
		snprintf(why, LIMIT_MESSAGE_BYTES, "its checksum file: %.900s", cause);
		return end == COPY_GONE ? COPY_BUSY : end;
	}
	len = pread(fd, text, sizeof(text), 0);
	close_keeping_errno(fd);
	if (len < 0)
		return say_errno(why, COPY_FAILED, "cannot read its checksum file");
	if (len > CHECKSUM_FILE_BYTES || !checksum_file_read(text, (size_t) len, ret_sha256))
		return say(why, COPY_FAILED,
		           "its checksum file states no SHA-256, or more than one: have the partner write it again, "
		           "or correct it");
	return COPY_DONE;
}

int
copy_reopen(const struct spool *spool, const struct copy *c)
{
	struct stat ours, opened;
	int fd = openat(spool->work, c->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -1;
	if (fstat(c->fd, &ours) < 0 || fstat(fd, &opened) < 0 || !same_file(&ours, &opened)) {
		errno = ESTALE;
		return close_keeping_errno(fd);
	}
	return fd;
}

int
copy_sync(const struct copy *c)
{
	/* not fdatasync: for the times that it leaves the archive's own fsync would wait for the disk again */
	return fsync(c->fd);
}

void
copy_drop(const struct spool *spool, struct copy *c)
{
	if (c->fd < 0)
		return;
	unlinkat(spool->work, c->name, 0); /* what stays is an orphan, swept at the next start */
	copy_keep(c);
}

void
copy_keep(struct copy *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

int
copy_remove_source(int dir, const char *name, const struct copy *c)
{
	const struct aside_known known = aside_known_of(&c->source);
	struct stat now;

	if (fstatat(dir, name, &now, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -1;
	/* all of it, as long as nobody has moved it */
	if (!unchanged(&c->source, &now))
		return 0;
	return aside_remove(dir, name, &known);
}

static bool
is_copy_name(const char *name)
{
	size_t len = strlen(name);

	return len == 16 + sizeof(SUFFIX) - 1 && strspn(name, "0123456789abcdef") == 16 &&
	       strcmp(name + 16, SUFFIX) == 0;
}

int
copy_next_orphan(const struct spool *spool, DIR *listing, struct copy *ret)
{
	const struct dirent *entry;

	while (errno = 0, (entry = readdir(listing)) != NULL) {
		struct copy c = {.fd = -1};
		struct stat st;

		if (!is_copy_name(entry->d_name))
			continue;
		c.fd = openat(spool->work, entry->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (c.fd < 0)
			continue;
		if (flock(c.fd, LOCK_EX | LOCK_NB) < 0 || fstat(c.fd, &st) < 0 || st.st_nlink == 0) {
			close(c.fd); /* in use, or just gone */
			continue;
		}
		snprintf(c.name, sizeof(c.name), "%s", entry->d_name);
		c.bytes = pump(c.fd, -1, INT64_MAX, c.sha256);
		if (c.bytes < 0)
			return close_keeping_errno(c.fd);
		*ret = c;
		return 1;
	}
	return errno == 0 ? 0 : -1;
}

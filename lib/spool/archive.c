#include "lib/spool/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/text.h"

const char *
archive_path(char path[ARCHIVE_PATH_SIZE], bool held, int64_t file_id, const uint8_t sha256[SHA256_BYTES],
             int64_t decided_at)
{
	char hex[TEXT_HEX_SIZE(SHA256_BYTES)];
	time_t seconds = (time_t) (decided_at / 1000000);
	char day[32] = "";
	struct tm tm;

	if (!held && gmtime_r(&seconds, &tm) != NULL)
		strftime(day, sizeof(day), "%Y/%m/%d/", &tm);
	snprintf(path, ARCHIVE_PATH_SIZE, "%s/%s%s-%" PRId64, held ? "quarantine" : "archive", day,
	         text_hex(hex, sha256, SHA256_BYTES), file_id);
	return path;
}

/* The directory of a path below the spool, made where it is missing; *ret_name is what follows it. */
static int
open_directory(const struct spool *spool, const char *path, const char **ret_name)
{
	char directory[ARCHIVE_PATH_SIZE];
	const char *slash = strrchr(path, '/');

	snprintf(directory, sizeof(directory), "%.*s", (int) (slash - path), path);
	*ret_name = slash + 1;
	return io_make_dirs(spool->root, directory, 0700);
}

static int
close_with(int fd, int rc)
{
	int saved = errno;

	close(fd);
	errno = saved;
	return rc;
}

int
archive_copy(const struct spool *spool, struct copy *c, const char *path)
{
	const char *name;
	int dir = open_directory(spool, path, &name);

	if (dir < 0)
		return -1;
	if (io_move_durably(c->fd, spool->work, c->name, dir, name) == 0) {
		copy_keep(c);
		return close_with(dir, 0);
	}
	/* the name holds the hash and the file's number: only we can have brought it, whole */
	if (errno != EEXIST)
		return close_with(dir, -1);
	copy_drop(spool, c);
	return close_with(dir, fsync(dir));
}

int
archive_reason(const struct spool *spool, const char *path, const char *text)
{
	char file[ARCHIVE_PATH_SIZE + 8];
	const char *name;
	int rc, dir = open_directory(spool, path, &name);

	if (dir < 0)
		return -1;
	snprintf(file, sizeof(file), "%s.reason", name);
	rc = io_put_file(dir, file, 0400, text, strlen(text));
	if (rc < 0 && errno == EEXIST)
		rc = fsync(dir);
	return close_with(dir, rc);
}

int
archive_has(const struct spool *spool, const char *path)
{
	if (faccessat(spool->root, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	return errno == ENOENT ? 0 : -1;
}

#include "receive/corner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/limits.h"
#include "lib/hash/checksum_file.h"

#define NAME_TRIES 8

bool
refuse(struct refusal *ret, const char *code, const char *format, ...)
{
	va_list args;

	ret->code = code;
	va_start(args, format);
	vsnprintf(ret->why, sizeof(ret->why), format, args);
	va_end(args);
	return false;
}

/* ---- may it come? ---- */

static bool
fits_one(const char *const *patterns, const char *name)
{
	for (; *patterns != NULL; patterns++)
		if (fnmatch(*patterns, name, 0) == 0)
			return true;
	return false;
}

/* One component, that a person can read and type. */
static bool
is_name(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > LIMIT_NAME_BYTES || name[0] == '.')
		return false;
	for (const char *p = name; *p != '\0'; p++)
		if (*p == '/' || (unsigned char) *p < 0x20 || *p == 0x7f)
			return false;
	return true;
}

/* The length of the name whose sidecar file it is; 0: it is none. */
static size_t
sidecar_length(const struct config_source *source, const char *name)
{
	const char *suffix = source->checksum != NULL ? source->checksum : source->marker;
	size_t len = strlen(name), tail = suffix != NULL ? strlen(suffix) : 0;

	return tail > 0 && len > tail && strcmp(name + len - tail, suffix) == 0 ? len - tail : 0;
}

bool
corner_is_sidecar(const struct config_source *source, const char *name)
{
	return sidecar_length(source, name) > 0;
}

static bool
is_taken(const struct config_source *source, const char *name)
{
	size_t len = sidecar_length(source, name);
	char base[LIMIT_NAME_BYTES + 1];

	if (len > 0) {
		snprintf(base, sizeof(base), "%.*s", (int) len, name);
		name = base;
	}
	return fits_one(source->files, name) && !fits_one(source->ignore, name);
}

bool
corner_takes(const struct config_source *source, const struct receive_job *job, struct refusal *ret)
{
	if (source == NULL || !source->api.on)
		return refuse(ret, "404", "the configuration has no source of this name that is sent by the API");
	if (!is_name(job->name))
		return refuse(ret, "999", "that is no name of a file: no slash, no control character, no dot first");
	if (!is_taken(source, job->name))
		return refuse(ret, "999", "the source takes no files of this name: see files and ignore");
	if (job->bytes > LIMIT_FILE_BYTES)
		return refuse(ret, "413", "a file has at most %lld bytes", LIMIT_FILE_BYTES);
	if (corner_is_sidecar(source, job->name) && job->bytes > CHECKSUM_FILE_BYTES)
		return refuse(ret, "413", "a sidecar file has at most %d bytes", CHECKSUM_FILE_BYTES);
	if (job->sha256 == NULL && source->api.digest == CONFIG_DIGEST_REQUIRED)
		return refuse(ret, "999", "this source requires a Content-Digest with sha-256");
	return true;
}

/* ---- the corner ---- */

/* What lies there, in bytes; -1 with errno. */
static int64_t
bytes_in(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *listing = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;
	int64_t total = 0;
	struct stat st;

	if (listing == NULL)
		return -1;
	while ((entry = readdir(listing)) != NULL)
		if (fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
			total += st.st_size;
	closedir(listing);
	return total;
}

bool
corner_open(const struct config_source *source, int64_t bytes, struct corner *ret_corner, struct refusal *ret)
{
	const int64_t quota = source->api.quota_mib << 20;
	int64_t used;

	*ret_corner = (struct corner){.dir = io_make_dirs(AT_FDCWD, source->directory, 0700), .file = -1};
	if (ret_corner->dir < 0)
		return refuse(ret, "503", "the source's directory cannot be opened: %s", strerrordesc_np(errno));
	/* one at a time: so nobody can hold room that a second one counts, too */
	if (flock(ret_corner->dir, LOCK_EX | LOCK_NB) < 0)
		return refuse(ret, "429", "another file of this source is being received");
	used = bytes_in(ret_corner->dir);
	if (used < 0)
		return refuse(ret, "503", "the source's directory cannot be read: %s", strerrordesc_np(errno));
	if (bytes > quota - used)
		return refuse(ret, "507",
		              "files of this source wait to be read, and with this one they are too much");
	ret_corner->file = openat(ret_corner->dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (ret_corner->file < 0)
		return refuse(ret, "503", "no file can be made: %s", strerrordesc_np(errno));
	/* a disk that is too full says so now; a file system that cannot keep room says it in the end */
	if (bytes > 0 && fallocate(ret_corner->file, FALLOC_FL_KEEP_SIZE, 0, bytes) < 0 && errno != EOPNOTSUPP)
		return refuse(ret, errno == ENOSPC || errno == EDQUOT ? "507" : "503", "there is no room for it: %s",
		              strerrordesc_np(errno));
	return true;
}

/* ---- its name ---- */

enum there {
	THERE_SAME,
	THERE_OTHER,
	THERE_GONE, /* whoever reads the corner has taken it */
};

/* What lies there with this name: a file of these bytes? */
static enum there
what_is_there(int dir, const char *name, const uint8_t sha256[SHA256_BYTES])
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct sha256 *hash;
	uint8_t its[SHA256_BYTES] = {0};
	static char buf[64 << 10];
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? THERE_GONE : THERE_OTHER;
	hash = sha256_new();
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		sha256_add(hash, buf, (size_t) n);
	sha256_end(hash, its);
	sha256_free(hash);
	close(fd);
	return n == 0 && memcmp(its, sha256, SHA256_BYTES) == 0 ? THERE_SAME : THERE_OTHER;
}

/* Gives the file its name.  False and *ret. */
static bool
give_name(const struct corner *c, const char *name, bool replaces, const uint8_t sha256[SHA256_BYTES],
          struct refusal *ret)
{
	char self[32];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", c->file);
	for (int i = 0; i < NAME_TRIES; i++) {
		enum there there;

		if (linkat(AT_FDCWD, self, c->dir, name, AT_SYMLINK_FOLLOW) == 0)
			return true;
		if (errno != EEXIST)
			return refuse(ret, "503", "it cannot get its name: %s", strerrordesc_np(errno));
		there = what_is_there(c->dir, name, sha256);
		if (there == THERE_SAME)
			return true;
		if (there == THERE_OTHER && !replaces)
			return refuse(ret, "409", "another file of this name waits to be read");
		/* a sidecar file that was wrong would lock its name for ever: nobody takes it without its file */
		if (there == THERE_OTHER && unlinkat(c->dir, name, 0) < 0 && errno != ENOENT)
			return refuse(ret, "503", "the older one cannot be removed: %s", strerrordesc_np(errno));
	}
	return refuse(ret, "503", "files of this name come and go: send it again");
}

bool
corner_keep(const struct corner *c, const char *name, bool replaces, const uint8_t sha256[SHA256_BYTES],
            struct refusal *ret)
{
	if (fsync(c->file) < 0)
		return refuse(ret, errno == ENOSPC || errno == EDQUOT ? "507" : "503", "it cannot be kept: %s",
		              strerrordesc_np(errno));
	if (!give_name(c, name, replaces, sha256, ret))
		return false;
	if (fsync(c->dir) < 0)
		return refuse(ret, "503", "its name cannot be kept: %s", strerrordesc_np(errno));
	return true;
}

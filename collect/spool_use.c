#include "collect/spool_use.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DEPTH 8          /* archive/YYYY/MM/DD is 4: nothing of ours is deeper */
#define DAY_DEPTH 3      /* of a day below archive */
#define PATH_SIZE 512    /* of a folder below the spool */
#define STEADY_SECONDS 2 /* a change within the same tick of the clock leaves no other time behind */

const char *const spool_part_words[SPOOL_PARTS] = {"archive", "quarantine", "work", "incoming"};

/* A day as it was walked: good for as long as the folder has this time. */
struct day {
	char path[24];
	struct timespec changed;
	struct spool_use use;
	bool seen; /* in this walk */
};

struct spool_walker {
	struct day *days;
	size_t count, room;
};

struct spool_walker *
spool_walker_new(void)
{
	return calloc(1, sizeof(struct spool_walker));
}

void
spool_walker_free(struct spool_walker *w)
{
	if (w == NULL)
		return;
	free(w->days);
	free(w);
}

static struct day *
find_day(struct spool_walker *w, const char *path)
{
	for (size_t i = 0; i < w->count; i++)
		if (strcmp(w->days[i].path, path) == 0)
			return &w->days[i];
	return NULL;
}

static struct day *
add_day(struct spool_walker *w, const char *path)
{
	struct day *more;

	if (w->count == w->room) {
		size_t room = w->room == 0 ? 64 : 2 * w->room;

		more = realloc(w->days, room * sizeof(*more));
		if (more == NULL)
			return NULL;
		w->days = more;
		w->room = room;
	}
	w->days[w->count] = (struct day){0};
	snprintf(w->days[w->count].path, sizeof(w->days[0].path), "%s", path);
	return &w->days[w->count++];
}

/* Days that are gone are forgotten, so that this does not grow. */
static void
drop_unseen(struct spool_walker *w)
{
	size_t kept = 0;

	for (size_t i = 0; i < w->count; i++)
		if (w->days[i].seen) {
			w->days[kept] = w->days[i];
			w->days[kept++].seen = false;
		}
	w->count = kept;
}

static int walk(struct spool_walker *w, int root, const char *path, int depth, struct spool_use *use);

/* One entry of a folder; what goes while we look does not count. */
static int
walk_entry(struct spool_walker *w, int root, int dir, const char *path, const char *name, int depth,
           struct spool_use *use)
{
	char below[PATH_SIZE];
	struct stat st;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return 0;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -1;
	if (S_ISREG(st.st_mode)) {
		use->bytes += (uint64_t) st.st_size;
		use->files++;
		return 0;
	}
	if (!S_ISDIR(st.st_mode) || depth + 1 > DEPTH ||
	    snprintf(below, sizeof(below), "%s/%s", path, name) >= (int) sizeof(below))
		return 0;
	return walk(w, root, below, depth + 1, use);
}

static int
walk_entries(struct spool_walker *w, int root, int fd, const char *path, int depth, struct spool_use *use)
{
	DIR *listing = fdopendir(fd);
	int rc = 0, saved;

	if (listing == NULL) {
		saved = errno;
		close(fd);
		errno = saved;
		return -1;
	}
	for (const struct dirent *e; rc == 0 && (errno = 0, e = readdir(listing)) != NULL;)
		rc = walk_entry(w, root, fd, path, e->d_name, depth, use);
	if (rc == 0 && errno != 0)
		rc = -1;
	saved = errno;
	closedir(listing);
	errno = saved;
	return rc;
}

/* A day of the archive: by what is known of it where it is as it was. */
static int
walk_day(struct spool_walker *w, int root, int fd, const char *path, struct spool_use *use)
{
	struct spool_use found = {0};
	struct day *day = find_day(w, path);
	struct stat st;

	if (fstat(fd, &st) < 0 || (day == NULL && (day = add_day(w, path)) == NULL)) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	day->seen = true;
	if (day->changed.tv_sec == st.st_mtim.tv_sec && day->changed.tv_nsec == st.st_mtim.tv_nsec) {
		close(fd);
		found = day->use;
	} else {
		if (walk_entries(w, root, fd, path, DAY_DEPTH, &found) < 0)
			return -1;
		day = find_day(w, path);
		day->use = found;
		day->changed = st.st_mtim;
		if (time(NULL) - st.st_mtim.tv_sec < STEADY_SECONDS)
			day->changed = (struct timespec){0};
	}
	use->bytes += found.bytes;
	use->files += found.files;
	return 0;
}

static int
walk(struct spool_walker *w, int root, const char *path, int depth, struct spool_use *use)
{
	int fd = openat(root, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	if (depth == DAY_DEPTH && strncmp(path, "archive/", 8) == 0 && strlen(path) < sizeof(w->days[0].path))
		return walk_day(w, root, fd, path, use);
	return walk_entries(w, root, fd, path, depth, use);
}

int
spool_walk(struct spool_walker *w, const struct spool *spool, struct spool_use ret[SPOOL_PARTS])
{
	struct spool_use found[SPOOL_PARTS] = {0};

	for (int part = 0; part < SPOOL_PARTS; part++)
		if (walk(w, spool->root, spool_part_words[part], 0, &found[part]) < 0)
			return -1;
	drop_unseen(w);
	memcpy(ret, found, sizeof(found));
	return 0;
}

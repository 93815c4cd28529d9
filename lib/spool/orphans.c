#include "lib/spool/orphans.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/base/io.h"
#include "lib/spool/spool_sql.h"

#define BATCH 500
#define HASH_DIGITS 64
#define NAME_SIZE (HASH_DIGITS + 1 + 19 + 1) /* <sha256>-<file id> */
#define YOUNG_SECONDS 5
#define DIGITS "0123456789"

/* The folders that keep files, and how many levels of dates are below them. */
static const struct {
	const char *name;
	int levels;
} folders[] = {{"archive", 3}, {"quarantine", 0}};

/* Names are asked for in batches, so that a day of any number of files takes the memory of one batch. */
struct search {
	struct pg *pg;
	struct orphans *found;
	int spool;
	time_t now;
	bool newest, enough;
	int count;
	char names[BATCH][NAME_SIZE];
};

static bool
is_over(const struct search *s, enum pg_status status)
{
	return status != PG_OK || s->enough || s->found->path[0] != '\0';
}

static void
cannot_read(struct search *s, const char *path)
{
	snprintf(s->found->why, sizeof(s->found->why), "%s: %s", path, strerrordesc_np(errno));
}

/* Asks for the batch of this folder, which is empty afterwards. */
static enum pg_status
ask(struct search *s, const char *path)
{
	char list[BATCH * NAME_SIZE + 3];
	const char *value = list;
	struct pg_result *r;
	size_t len = 0;
	enum pg_status status;

	for (int i = 0; i < s->count; i++)
		len += (size_t) snprintf(list + len, sizeof(list) - len, "%c%s", i == 0 ? '{' : ',', s->names[i]);
	snprintf(list + len, sizeof(list) - len, "%s", s->count == 0 ? "{}" : "}");
	status = pg_run(s->pg, sql_orphans, 1, &value, &r);
	if (status != PG_OK)
		return status;
	if (pg_rows(r) > 0)
		snprintf(s->found->path, sizeof(s->found->path), "%s/%s", path, pg_text_of(r, 0, "name"));
	pg_result_free(r);
	s->count = 0;
	return PG_OK;
}

/* <sha256>-<file id>, and nothing else: a .reason lies beside it. */
static bool
is_kept_name(const char *name)
{
	const char *digits = name + HASH_DIGITS + 1;

	return strspn(name, DIGITS "abcdef") == HASH_DIGITS && name[HASH_DIGITS] == '-' && *digits != '\0' &&
	       strspn(digits, DIGITS) == strlen(digits) && strlen(name) < NAME_SIZE;
}

static bool
is_old_enough(const struct search *s, int folder, const char *name)
{
	struct stat st;

	return fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	       st.st_ctime <= s->now - YOUNG_SECONDS;
}

static enum pg_status
search_entries(struct search *s, DIR *listing, const char *path)
{
	enum pg_status status = PG_OK;
	bool any = false;

	for (const struct dirent *e; !is_over(s, status) && (errno = 0, e = readdir(listing)) != NULL;) {
		if (!is_kept_name(e->d_name) || !is_old_enough(s, dirfd(listing), e->d_name))
			continue;
		any = true;
		snprintf(s->names[s->count], NAME_SIZE, "%s", e->d_name);
		if (++s->count == BATCH)
			status = ask(s, path);
	}
	if (!is_over(s, status) && errno != 0)
		cannot_read(s, path);
	if (!is_over(s, status) && s->count > 0)
		status = ask(s, path);
	s->enough = any && s->newest;
	return status;
}

/* The files of one folder, in whatever order they come. */
static enum pg_status
search_files(struct search *s, const char *path)
{
	DIR *listing = io_list(s->spool, path);
	enum pg_status status;

	if (listing == NULL) {
		if (errno != ENOENT)
			cannot_read(s, path);
		return PG_OK;
	}
	status = search_entries(s, listing, path);
	closedir(listing);
	return status;
}

/* YYYY, MM, DD. */
static int
is_level(const struct dirent *e)
{
	return e->d_name[strspn(e->d_name, DIGITS)] == '\0';
}

static int
newest_first(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*b)->d_name, (*a)->d_name);
}

/* A folder with so many levels of folders below it before the files come. */
static enum pg_status
search_levels(struct search *s, const char *path, int levels)
{
	char below[ARCHIVE_PATH_SIZE];
	enum pg_status status = PG_OK;
	struct dirent **names;
	int n;

	if (levels == 0)
		return search_files(s, path);
	n = scandirat(s->spool, path, &names, is_level, newest_first);
	if (n < 0) {
		if (errno != ENOENT)
			cannot_read(s, path);
		return PG_OK;
	}
	for (int i = 0; i < n; i++) {
		if (!is_over(s, status) &&
		    snprintf(below, sizeof(below), "%s/%s", path, names[i]->d_name) < (int) sizeof(below))
			status = search_levels(s, below, levels - 1);
		free(names[i]);
	}
	free(names);
	return status;
}

enum pg_status
orphans_find(struct pg *pg, int spool, bool newest, struct orphans *ret)
{
	struct search *s = calloc(1, sizeof(*s));
	enum pg_status status = PG_OK;

	*ret = (struct orphans){0};
	if (s == NULL) {
		snprintf(ret->why, sizeof(ret->why), "out of memory");
		return PG_OK;
	}
	s->pg = pg;
	s->found = ret;
	s->spool = spool;
	s->newest = newest;
	s->now = time(NULL);
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		s->enough = false;
		if (!is_over(s, status))
			status = search_levels(s, folders[i].name, folders[i].levels);
	}
	free(s);
	return status;
}

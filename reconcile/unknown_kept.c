#include "reconcile/unknown_kept.h"

#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "reconcile_sql.h"

#define BATCH 500
#define HASH_DIGITS 64
#define YOUNG_SECONDS 5

struct search {
	struct pg *pg;
	struct unknown_kept *found;
	size_t root; /* length of the spool's own path before the names in it */
	time_t now;
	int count;
	char names[BATCH][ARCHIVE_PATH_SIZE]; /* paths below the spool */
};

/* The last part of a path. */
static const char *
name_of(const char *path)
{
	return strrchr(path, '/') + 1;
}

/* Asks for the batch, which is empty afterwards. */
static enum pg_status
ask(struct search *s)
{
	char list[BATCH * (ARCHIVE_PATH_SIZE + 1) + 3];
	const char *value = list;
	struct pg_result *r;
	size_t len = 0;
	enum pg_status status;

	for (int i = 0; i < s->count; i++)
		len += (size_t) snprintf(list + len, sizeof(list) - len, "%c%s", i == 0 ? '{' : ',',
		                         name_of(s->names[i]));
	snprintf(list + len, sizeof(list) - len, "%s", s->count == 0 ? "{}" : "}");
	status = pg_run(s->pg, sql_unknown_kept, 1, &value, &r);
	if (status != PG_OK)
		return status;
	for (int i = 0; pg_rows(r) > 0 && i < s->count && s->found->path[0] == '\0'; i++)
		if (strcmp(name_of(s->names[i]), pg_text(r, 0, 0)) == 0)
			snprintf(s->found->path, sizeof(s->found->path), "%s", s->names[i]);
	pg_result_free(r);
	s->count = 0;
	return PG_OK;
}

/* <sha256>-<file id>, and nothing else: a .reason lies beside it. */
static bool
is_kept_name(const char *name)
{
	const char *digits = name + HASH_DIGITS + 1;

	return strspn(name, "0123456789abcdef") == HASH_DIGITS && name[HASH_DIGITS] == '-' && *digits != '\0' &&
	       strspn(digits, "0123456789") == strlen(digits);
}

static enum pg_status
take(struct search *s, const FTSENT *e)
{
	const char *path = e->fts_path + s->root;

	if (!is_kept_name(e->fts_name) || e->fts_statp->st_ctime > s->now - YOUNG_SECONDS ||
	    strlen(path) >= sizeof(s->names[0]))
		return PG_OK;
	snprintf(s->names[s->count], sizeof(s->names[0]), "%s", path);
	return ++s->count == BATCH ? ask(s) : PG_OK;
}

static int
newest_first(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*b)->fts_name, (*a)->fts_name);
}

/* One of the two folders. */
static enum pg_status
search_folder(struct search *s, int spool, const char *folder, bool newest)
{
	char path[64];
	char *const paths[] = {path, NULL};
	enum pg_status status = PG_OK;
	bool enough = false;
	FTS *tree;

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", spool, folder);
	s->root = strlen(path) - strlen(folder);
	tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, newest_first);
	if (tree == NULL) {
		snprintf(s->found->why, sizeof(s->found->why), "%s: %s", folder, strerror(errno));
		return PG_OK;
	}
	for (FTSENT *e;
	     status == PG_OK && !enough && s->found->path[0] == '\0' && (e = fts_read(tree)) != NULL;) {
		if (e->fts_info == FTS_F)
			status = take(s, e);
		else if ((e->fts_info == FTS_DNR || e->fts_info == FTS_ERR) && e->fts_errno != ENOENT)
			snprintf(s->found->why, sizeof(s->found->why), "%s: %s", e->fts_path + s->root,
			         strerror(e->fts_errno));
		else
			enough = e->fts_info == FTS_DP && newest && s->count > 0;
	}
	fts_close(tree);
	return status == PG_OK && s->count > 0 ? ask(s) : status;
}

enum pg_status
unknown_kept(struct pg *pg, int spool, bool newest, struct unknown_kept *ret)
{
	static const char *const folders[] = {"archive", "quarantine"};
	struct search *s = calloc(1, sizeof(*s));
	enum pg_status status = PG_OK;

	*ret = (struct unknown_kept){0};
	if (s == NULL) {
		snprintf(ret->why, sizeof(ret->why), "out of memory");
		return PG_OK;
	}
	s->pg = pg;
	s->found = ret;
	s->now = time(NULL);
	for (size_t i = 0; status == PG_OK && ret->path[0] == '\0' && i < sizeof(folders) / sizeof(folders[0]);
	     i++)
		status = search_folder(s, spool, folders[i], newest);
	free(s);
	return status;
}

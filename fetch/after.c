/*
 * What is done at the partner's with a file that is in our archive: leave it,
 * move it or delete it.  Best effort, tried again in each run, and never what
 * keeps a file from being posted twice: its content does that.
 *
 * Between our poll and the server's act a partner may put a new file under the
 * old name.  So what was moved is looked at again, and put back when it is not
 * what we had; a delete moves first too.
 */
#include "fetch/fetch.h"
#include "fetch/names.h"
#include "fetch/reply.h"
#include "lib/base/text.h"

#define UNIQUE_TRIES 9
#define DELETING ".handback-" /* before a name: ours, about to be deleted */
#define SHA256_SHOWN 6        /* bytes of the hash in a name */

static bool
is_ours(const struct state_entry *e, const struct remote_attributes *a)
{
	return a->has_size && a->size == e->size && (a->has_mtime ? a->mtime : -1) == e->mtime;
}

static bool
failed(struct fetch *f, const struct state_entry *e, const char *why)
{
	f->after_failed++;
	REPLY(FETCH_AFTER_FAILED, .name = e->name, .why = why);
	return true;
}

/* A server's no, or the end of the run. */
static bool
no(struct fetch *f, const struct state_entry *e, enum remote_status status)
{
	if (status == REMOTE_CUT)
		return fetch_stop(f, "after", remote_why(f->remote));
	return failed(f, e, remote_why(f->remote));
}

/* The i-th path for a file that is moved away: its name and the start of its hash.  False: too long. */
static bool
moved_path(const char *directory, const struct state_entry *e, const char *prefix, int i,
           char path[NAME_PATH_SIZE])
{
	char hex[TEXT_HEX_SIZE(SHA256_SHOWN)], name[NAME_PATH_SIZE];
	text_hex(hex, e->sha256, SHA256_SHOWN);
	int n = i == 1 ? snprintf(name, sizeof(name), "%s%s.%s", prefix, e->name, hex)
	               : snprintf(name, sizeof(name), "%s%s.%s.%d", prefix, e->name, hex, i);
	return n > 0 && n < NAME_PATH_SIZE && name_path(path, directory, name);
}

/* A path that nobody has.  *ret_found is false when there is none, which is reported then; false: the run is
 * over. */
static bool
find_free(struct fetch *f, const char *directory, const struct state_entry *e, const char *prefix,
          char path[NAME_PATH_SIZE], bool *ret_found)
{
	struct remote_attributes a;
	*ret_found = false;
	for (int i = 1; i <= UNIQUE_TRIES; i++) {
		if (!moved_path(directory, e, prefix, i, path))
			return failed(f, e, "its path is too long");
		enum remote_status status = remote_stat(f->remote, path, &a);
		*ret_found = status == REMOTE_ABSENT;
		if (*ret_found)
			return true;
		if (status != REMOTE_OK)
			return no(f, e, status);
	}
	return failed(f, e, "all names for it are taken");
}

static bool
done(struct fetch *f, struct state_entry *e, const char *what, const char *as)
{
	f->after_done++;
	e->state = ENTRY_GONE;
	REPLY(FETCH_AFTER_DONE, .name = e->name, .what = what, .as = as);
	return true;
}

/* What was moved is not what we had: a new file, put back under its name if that is free. */
static bool
put_back(struct fetch *f, struct state_entry *e, const char *moved, const char *path)
{
	struct remote_attributes a;
	enum remote_status status = remote_stat(f->remote, path, &a);
	if (status == REMOTE_ABSENT)
		status = remote_rename(f->remote, moved, path);
	if (status == REMOTE_CUT)
		return fetch_stop(f, "after", remote_why(f->remote));
	char why[LIMIT_MESSAGE_BYTES], shown[TEXT_SHOWN_SIZE];
	e->state = ENTRY_GONE;
	if (status == REMOTE_OK)
		snprintf(why, sizeof(why), "the partner replaced it: the new file was left");
	else
		snprintf(why, sizeof(why), "the partner replaced it while it was moved: the new file is %s now",
		         text_show(shown, moved, strlen(moved)));
	return failed(f, e, why);
}

/* Moves `path` out of the way to `moved` and makes sure that it was the right one. */
static enum remote_status
move_checked(struct fetch *f, const struct state_entry *e, const char *path, const char *moved,
             bool *ret_ours)
{
	struct remote_attributes a;
	enum remote_status status = remote_rename(f->remote, path, moved);
	if (status == REMOTE_OK)
		status = remote_stat(f->remote, moved, &a);
	if (status == REMOTE_OK)
		*ret_ours = is_ours(e, &a);
	return status;
}

/* The sidecar file goes where its file went.  It is a marker: nothing is lost when this fails. */
static void
drop_sidecar(struct fetch *f, const char *path, const char *moved)
{
	char from[NAME_PATH_SIZE], to[NAME_PATH_SIZE];
	struct remote_attributes a;
	const char *suffix = f->job.sidecar_suffix;
	if (f->job.sidecar == FETCH_NO_SIDECAR ||
	    snprintf(from, sizeof(from), "%s%s", path, suffix) >= NAME_PATH_SIZE)
		return;
	if (f->job.after == FETCH_DELETE)
		remote_remove(f->remote, from);
	else if (snprintf(to, sizeof(to), "%s%s", moved, suffix) < NAME_PATH_SIZE &&
	         remote_stat(f->remote, to, &a) == REMOTE_ABSENT)
		remote_rename(f->remote, from, to);
}

static bool
move_away(struct fetch *f, struct state_entry *e, const char *path)
{
	char moved[NAME_PATH_SIZE];
	bool found, ours;
	if (!find_free(f, f->job.after_directory, e, "", moved, &found) || !found)
		return !f->stopped;
	enum remote_status status = move_checked(f, e, path, moved, &ours);
	if (status != REMOTE_OK)
		return no(f, e, status);
	if (!ours)
		return put_back(f, e, moved, path);
	drop_sidecar(f, path, moved);
	return done(f, e, "moved", moved);
}

static bool
remove_it(struct fetch *f, struct state_entry *e, const char *path)
{
	char moved[NAME_PATH_SIZE];
	bool found, ours = true;
	if (!find_free(f, f->job.directory, e, DELETING, moved, &found) || !found)
		return !f->stopped;
	enum remote_status status = move_checked(f, e, path, moved, &ours);
	if (status == REMOTE_OK && !ours)
		return put_back(f, e, moved, path);
	/* where renaming is not allowed, deleting may be: then the poll before has to do */
	if (status == REMOTE_OK)
		status = remote_remove(f->remote, moved);
	else if (status != REMOTE_CUT)
		status = remote_remove(f->remote, path);
	if (status != REMOTE_OK)
		return no(f, e, status);
	drop_sidecar(f, path, moved);
	return done(f, e, "deleted", path);
}

/* It is not there (any more).  A delete that broke off after its move left it under the other name. */
static bool
finish_gone(struct fetch *f, struct state_entry *e, const char *path)
{
	char moved[NAME_PATH_SIZE];
	struct remote_attributes a;
	if (f->job.after != FETCH_DELETE || !moved_path(f->job.directory, e, DELETING, 1, moved))
		return done(f, e, "gone", path);
	enum remote_status status = remote_stat(f->remote, moved, &a);
	if (status == REMOTE_OK && is_ours(e, &a)) {
		status = remote_remove(f->remote, moved);
		return status == REMOTE_OK ? done(f, e, "deleted", path) : no(f, e, status);
	}
	return status == REMOTE_CUT ? no(f, e, status) : done(f, e, "gone", path);
}

static bool
after_one(struct fetch *f, struct state_entry *e)
{
	char path[NAME_PATH_SIZE];
	struct remote_attributes a;
	if (f->job.after == FETCH_LEAVE) {
		e->state = ENTRY_LEFT;
		return true;
	}
	if (!fetch_path(f, path, e->name))
		return failed(f, e, "its path is too long");
	enum remote_status status = remote_stat(f->remote, path, &a);
	if (status == REMOTE_ABSENT)
		return finish_gone(f, e, path);
	if (status != REMOTE_OK)
		return no(f, e, status);
	if (!is_ours(e, &a)) {
		/* a new file has its name: the next poll finds it */
		return done(f, e, "replaced", path);
	}
	return f->job.after == FETCH_MOVE ? move_away(f, e, path) : remove_it(f, e, path);
}

bool
fetch_after(struct fetch *f)
{
	for (size_t i = 0; i < state_count(f->state); i++) {
		struct state_entry *e = state_at(f->state, i);
		if (e->state == ENTRY_ARCHIVED && !after_one(f, e))
			return false;
	}
	return true;
}

#include "daemon/inbox/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <unistd.h>

#include "daemon/loop.h"
#include "lib/base/limits.h"
#include "lib/base/log.h"

#define BATCH 256           /* names in one step */
#define REFUSED_BY_NAME 100 /* of one directory, that are kept and logged each */

static bool
fits_one(const char *const *patterns, const char *name)
{
	for (; *patterns != NULL; patterns++)
		if (fnmatch(*patterns, name, 0) == 0)
			return true;
	return false;
}

/* The length of the name without the sidecar file's suffix, 0 when it has none. */
static size_t
sidecar_length(const struct source *s, const char *name)
{
	size_t len = strlen(name), suffix = source_sidecar(s) != NULL ? strlen(source_sidecar(s)) : 0;

	return suffix > 0 && len > suffix && strcmp(name + len - suffix, source_sidecar(s)) == 0 ? len - suffix
	                                                                                         : 0;
}

static bool
wanted(const struct source *s, const char *name)
{
	if (aside_is_ours(s->dir, name))
		return false;
	/* what handback-fetch brought was chosen by it, and stored under a name of its own */
	if (source_is_fetched(s))
		return name[0] != '.';
	return strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && sidecar_length(s, name) == 0 &&
	       fits_one(s->config->files, name) && !fits_one(s->config->ignore, name);
}

/* Is it there, or none wanted?  Which one it is. */
static bool
find_sidecar(const struct source *s, const char *name, struct aside_known *ret)
{
	char sidecar[2 * LIMIT_NAME_BYTES];
	struct stat st;

	*ret = (struct aside_known){0};
	if (source_sidecar(s) == NULL)
		return true;
	if (snprintf(sidecar, sizeof(sidecar), "%s%s", name, source_sidecar(s)) > LIMIT_NAME_BYTES ||
	    fstatat(s->dir, sidecar, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return false;
	*ret = aside_known_of(&st);
	return true;
}

/* A name that is new.  What cannot be taken leaves room for what can, and each is named in the log only while
 * they are few.  NULL: it is not kept. */
static struct file *
take_note(struct source *s, const char *name, bool refused, bool complete)
{
	struct file *f = NULL;

	if (refused && s->counts[FILE_REFUSED] >= REFUSED_BY_NAME) {
		s->unnamed++;
		return NULL;
	}
	f = source_add(s, name, !refused && complete);
	s->capped |= f == NULL;
	return f;
}

/* Looks at one name; f is its file, NULL when it is not known yet. */
static void
see(struct source *s, const char *name, struct file *f, enum file_sight sight)
{
	struct stat st;
	struct aside_known sidecar;
	int error = fstatat(s->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : errno;
	bool complete;

	if (error == ENOENT) {
		if (f != NULL && f->state != FILE_RUNNING)
			source_forget(s, f);
		return;
	}
	complete = find_sidecar(s, name, &sidecar);
	if (f == NULL && (f = take_note(s, name, error != 0 || !S_ISREG(st.st_mode), complete)) == NULL)
		return;
	/* until a worker has the file */
	if (f->state != FILE_RUNNING)
		f->sidecar = sidecar;
	f->scan = s->scan;
	TAILQ_REMOVE(&s->tracked, f, tracked);
	TAILQ_INSERT_TAIL(&s->tracked, f, tracked);
	if (error != 0)
		source_unreadable(f, error);
	else
		source_seen(f, &st, complete, sight);
}

void
scan_file(struct file *f, enum file_sight sight)
{
	struct source *s = f->source;

	if (s->closed)
		return;
	if (s->dir >= 0)
		see(s, f->name, f, sight);
	else
		source_wait(f, s->rescan_ms, false);
}

void
scan_hint(struct source *s, const char *name, bool finished)
{
	char base[NAME_MAX + 1];
	size_t len = s->closed ? 0 : sidecar_length(s, name);

	if (s->closed || s->dir < 0)
		return;
	if (len > 0 && len <= NAME_MAX) {
		memcpy(base, name, len);
		base[len] = '\0';
		name = base;
		finished = true;
	}
	if (wanted(s, name))
		see(s, name, source_find(s, name), finished ? FILE_FINISHED : FILE_IN_PASSING);
}

/* The scan has ended. */
static void
finish(struct source *s, enum scan_result result, int error, const char *text)
{
	bool failed = result == SCAN_FAILED;

	if (failed && (s->last != SCAN_FAILED || s->last_error != error || s->last_error_text != text))
		log_write(LOG_WARNING, "cannot scan the directory",
		          LOG_FIELDS(log_text("source", s->name), log_text("directory", s->config->directory),
		                     log_text("error", text != NULL ? text : strerrordesc_np(error))));
	if (!failed && s->last == SCAN_FAILED)
		log_write(LOG_NOTICE, "can scan the directory again", LOG_FIELDS(log_text("source", s->name)));
	if (!failed && s->capped)
		log_write(LOG_WARNING, "more files than are kept in mind: the rest waits until some are done",
		          LOG_FIELDS(log_text("source", s->name), log_int("kept", LIMIT_LISTING)));
	if (!failed && s->unnamed > 0 && !s->unnamed_told)
		log_write(LOG_WARNING,
		          "many names in the directory are no files, or cannot be looked at: the rest of them is not "
		          "named here",
		          LOG_FIELDS(log_text("source", s->name), log_int("named", REFUSED_BY_NAME),
		                     log_int("rest", (int64_t) s->unnamed)));
	if (!failed)
		s->unnamed_told = s->unnamed > 0;
	if (!failed && s->stuck == 0)
		s->stuck_told = false;
	s->last = result;
	s->last_error = error;
	s->last_error_text = text;
	s->scans_by_result[result]++;
	s->scanned_us = loop_wall_us();
	if (s->scan_again)
		loop_after(s->timer, 0);
	else if (!s->once)
		loop_after(s->timer, loop_jitter(s->rescan_ms));
	s->scan_again = false;
	s->finished_scan = s->scan;
	source_use_room(s);
	s->calls->scanned(s->context, s);
}

static bool
is_mount_point(int dir, const struct stat *st)
{
	struct stat parent;

	return fstatat(dir, "..", &parent, 0) == 0 && parent.st_dev != st->st_dev;
}

/* Another directory than the one that is open: take it instead.  fd stays the caller's. */
static const char *
change_directory(struct source *s, int fd, const struct stat *st)
{
	bool mount = is_mount_point(fd, st);
	int dir;

	/* an unmounted partner is not a partner that sent nothing */
	if (s->was_mount && !mount)
		return "it was a mount point and is none now: mount it, or reload when this is meant";
	dir = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (dir < 0)
		return strerrordesc_np(errno);
	if (s->dir >= 0)
		close(s->dir);
	s->dir = dir;
	s->device = st->st_dev;
	s->inode = st->st_ino;
	s->was_mount = mount;
	s->watch_stale = true;
	return NULL;
}

/* Opens the directory for a listing; false, with what is the matter. */
static bool
open_listing(struct source *s, int *ret_error, const char **ret_text)
{
	int fd = open(s->config->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	const char *text = NULL;

	if (fd < 0 || fstat(fd, &st) < 0) {
		*ret_error = errno;
		if (fd >= 0)
			close(fd);
		return false;
	}
	if (s->dir < 0 || st.st_dev != s->device || st.st_ino != s->inode)
		text = change_directory(s, fd, &st);
	if (text == NULL && (s->listing = fdopendir(fd)) != NULL) {
		/* before it is read, so that nothing comes unseen in between */
		if (s->watch < 0 || s->watch_stale)
			s->calls->opened(s->context, s);
		s->watch_stale = false;
		return true;
	}
	*ret_error = text == NULL ? errno : 0;
	*ret_text = text;
	close(fd);
	return false;
}

void
scan_begin(struct source *s)
{
	int error = 0;
	const char *text = NULL;

	if (s->closed)
		return;
	if (s->listing != NULL || s->sweeping) {
		s->scan_again = true;
		s->asked_scan = s->scan + 1;
		return;
	}
	event_del(s->timer);
	s->asked_scan = ++s->scan;
	s->names = 0;
	s->stuck = 0;
	s->unnamed = 0;
	s->capped = false;
	s->freed = 0;
	if (open_listing(s, &error, &text))
		s->calls->wants_scan(s->context);
	else
		finish(s, SCAN_FAILED, error, text);
}

/* What a removal left in a directory of ours: a file that was put in another's place is seen under its name
 * again. */
static void
put_back(struct source *s, const char *ours)
{
	char name[NAME_MAX + 1] = "";
	int rc = aside_settle(s->dir, ours, name), error = errno;
	const struct log_field *fields =
	    LOG_FIELDS(log_text("source", s->name), log_bytes("name", name, strlen(name)),
	               log_text("directory", ours), log_text("why", rc < 0 ? strerrordesc_np(error) : NULL));

	if (rc < 0) {
		s->stuck++;
		if (!s->stuck_told)
			log_write(LOG_WARNING, "a file that was put aside cannot be put back under its name yet", fields);
		s->stuck_told = true;
	} else if (rc > 0) {
		log_write(LOG_NOTICE, "a file that came in another's place is put back", fields);
		if (wanted(s, name))
			see(s, name, source_find(s, name), FILE_IN_PASSING);
	}
}

static void
read_batch(struct source *s)
{
	for (int i = 0; i < BATCH; i++) {
		struct dirent *entry;
		int error;

		errno = 0;
		entry = readdir(s->listing);
		if (entry != NULL) {
			if (aside_is_ours(s->dir, entry->d_name))
				put_back(s, entry->d_name);
			else if (wanted(s, entry->d_name)) {
				s->names++;
				see(s, entry->d_name, source_find(s, entry->d_name), FILE_IN_PASSING);
			}
			continue;
		}
		error = errno;
		closedir(s->listing);
		s->listing = NULL;
		/* only a listing that was read to its end says that something is not there */
		if (error != 0)
			finish(s, SCAN_FAILED, error, NULL);
		else
			s->sweeping = true;
		return;
	}
}

/* Forgets files that the scan did not see: those seen longest ago stand first. */
static void
sweep_batch(struct source *s)
{
	for (int i = 0; i < BATCH; i++) {
		struct file *f = TAILQ_FIRST(&s->tracked);

		if (f == NULL || f->scan == s->scan) {
			s->sweeping = false;
			finish(s, s->names > 0 ? SCAN_FILES : SCAN_EMPTY, 0, NULL);
			return;
		}
		if (f->state != FILE_RUNNING) {
			source_forget(s, f);
			continue;
		}
		f->scan = s->scan;
		TAILQ_REMOVE(&s->tracked, f, tracked);
		TAILQ_INSERT_TAIL(&s->tracked, f, tracked);
	}
}

bool
scan_is_done(const struct source *s)
{
	return s->finished_scan >= s->asked_scan && !(s->capped && s->freed > 0);
}

bool
scan_step(struct source *s)
{
	if (s->listing != NULL)
		read_batch(s);
	else if (s->sweeping)
		sweep_batch(s);
	return s->listing != NULL || s->sweeping;
}

void
scan_lost(struct source *s)
{
	if (s->closed)
		return;
	s->watch = -1;
	scan_begin(s);
}

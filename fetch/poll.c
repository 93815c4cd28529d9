/*
 * Polling: the listing is data from outside.  It says what might be there; what
 * is fetched is decided here, against what we remember of earlier polls.
 *
 * Bounded in two ways: no more than `listing` names that are new to us are kept,
 * and no more than a quarter of the run's time is spent.  What is known already
 * does not count, so under a cap every name gets its turn in a later run.
 */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <search.h>
#include <sys/stat.h>

#include "fetch/fetch.h"
#include "fetch/names.h"
#include "fetch/reply.h"
#include "fetch/watch.h"
#include "lib/base/text.h"

/* A name that is missing from one listing is not gone: servers list while things change. */
#define UNSEEN_TO_FORGET 2
/* A fetched file that left the spool without news of it was perhaps never posted: bring it again,
 * but leave the news time to come. */
#define MISSING_TO_FETCH_AGAIN 2

struct poll_run {
	struct fetch *f;
	void *sidecars; /* tsearch of names without the suffix */
	size_t sidecar_count, fresh, pending;
	int64_t matching;
	bool out_of_memory;
};

static int
by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static bool
fits(const struct fetch *f, const char *name)
{
	for (size_t i = 0; i < f->job.ignore_count; i++) {
		if (fnmatch(f->job.ignores[i], name, 0) == 0)
			return false;
	}
	for (size_t i = 0; i < f->job.pattern_count; i++) {
		if (fnmatch(f->job.patterns[i], name, FNM_PERIOD) == 0)
			return true;
	}
	return f->job.pattern_count == 0 && name[0] != '.';
}

static void
refuse(struct fetch *f, const char *name, const char *why)
{
	char shown[TEXT_SHOWN_SIZE];
	if (f->refused++ < LIMIT_REFUSALS)
		REPLY(FETCH_REFUSED, .name = text_show(shown, name, strlen(name)), .why = why);
}

/* Takes a sidecar file's name into the set.  True when the name is one. */
static bool
take_sidecar(struct poll_run *run, const char *name)
{
	const struct fetch_job *job = &run->f->job;
	if (job->sidecar == FETCH_NO_SIDECAR)
		return false;
	size_t len = strlen(name), suffix = strlen(job->sidecar_suffix);
	if (len <= suffix || strcmp(name + len - suffix, job->sidecar_suffix) != 0)
		return false;
	if (run->sidecar_count >= 2 * LIMIT_LISTING)
		return true;
	char *of = strndup(name, len - suffix);
	char **node = of != NULL ? tsearch(of, &run->sidecars, by_text) : NULL;
	if (node == NULL || *node != of)
		free(of);
	if (node == NULL)
		run->out_of_memory = true;
	else
		run->sidecar_count++;
	return true;
}

static bool
changed(const struct state_entry *e, const struct remote_attributes *a)
{
	return e->size != a->size || e->mtime != (a->has_mtime ? a->mtime : -1);
}

static void
start_over(struct state_entry *e, const struct remote_attributes *a, int64_t now)
{
	e->state = ENTRY_SEEN;
	e->size = a->size;
	e->mtime = a->has_mtime ? a->mtime : -1;
	e->first_seen = now;
	e->partial = 0;
	e->missing = 0;
}

/* Why a listed file is none that we could fetch, or NULL. */
static const char *
attributes_fault(const struct fetch *f, const struct remote_attributes *a)
{
	if (!a->has_size)
		return "the server does not state its size";
	if (a->size > (uint64_t) f->job.file_bytes)
		return "it is larger than this source allows";
	return NULL;
}

/* One name of the listing.  False: no memory. */
static bool
take_name(struct poll_run *run, const char *name, const struct remote_attributes *a)
{
	struct fetch *f = run->f;
	const char *fault = name_fault(name);
	f->names++;
	if (fault != NULL) {
		refuse(f, name, fault);
		return true;
	}
	if (take_sidecar(run, name) || !fits(f, name))
		return true;
	if (a->type == REMOTE_DIRECTORY || a->type == REMOTE_OTHER)
		return true;
	run->matching++;
	fault = attributes_fault(f, a);
	if (fault != NULL) {
		refuse(f, name, fault);
		return true;
	}
	struct state_entry *e = state_find(f->state, name);
	if (e == NULL) {
		if (run->pending >= (size_t) f->job.listing) {
			f->partial = true;
			return true;
		}
		e = state_add(f->state, name);
		if (e == NULL)
			return false;
		start_over(e, a, f->now);
		run->fresh++;
		run->pending++;
	} else if (e->state == ENTRY_GONE || changed(e, a)) {
		start_over(e, a, f->now);
	}
	e->listed = true;
	e->unseen = 0;
	return true;
}

/* Is its local copy still in the spool? */
static bool
is_stored(const struct fetch *f, const struct state_entry *e)
{
	char stored[NAME_STORED_SIZE];
	struct stat st;
	return name_store(stored, e->name) && fstatat(f->job.spool_fd, stored, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool
is_settled(const struct poll_run *run, const struct state_entry *e)
{
	const struct fetch_job *job = &run->f->job;
	if (job->sidecar != FETCH_NO_SIDECAR)
		return tfind(e->name, &run->sidecars, by_text) != NULL;
	return run->f->now - e->first_seen >= job->settle_ms * 1000;
}

/* What is to be done with one name, now that the listing is known. */
static void
judge(const struct poll_run *run, struct state_entry *e)
{
	struct fetch *f = run->f;
	if (!e->listed)
		e->unseen++;
	if (e->state == ENTRY_FETCHED)
		e->missing = is_stored(f, e) ? 0 : e->missing + 1;
	if (e->state == ENTRY_FETCHED && e->missing >= MISSING_TO_FETCH_AGAIN)
		e->state = e->listed ? ENTRY_SEEN : ENTRY_GONE;
	if (e->state == ENTRY_SEEN && e->listed) {
		e->due = is_settled(run, e);
		f->waiting += !e->due;
	}
	if (e->state == ENTRY_LEFT && f->job.after != FETCH_LEAVE)
		e->state = ENTRY_ARCHIVED;
	if (e->state == ENTRY_LEFT && e->listed && f->job.reread_ms > 0)
		e->due = f->now - e->fetched >= f->job.reread_ms * 1000;
	bool forget = e->state == ENTRY_SEEN || (e->state == ENTRY_LEFT && !f->partial);
	if (forget && e->unseen >= UNSEEN_TO_FORGET)
		e->state = ENTRY_GONE;
}

static void
tell_poll(const struct poll_run *run, enum fetch_listing result)
{
	REPLY(FETCH_LISTED, .result = result, .names = run->f->names, .matching = run->matching,
	      .fresh = (int64_t) run->fresh, .waiting = run->f->waiting, .refused = run->f->refused,
	      .partial = run->f->partial);
}

/* Reads the listing to its end or to a bound. */
static enum remote_status
read_listing(struct poll_run *run)
{
	struct fetch *f = run->f;
	const char *name;
	struct remote_attributes a;
	int64_t until = watch_now_ms() + f->job.run_ms / 4;
	enum remote_status status = remote_list(f->remote, f->job.directory != NULL ? f->job.directory : ".");
	while (status == REMOTE_OK) {
		status = remote_list_next(f->remote, &name, &a);
		if (status != REMOTE_OK)
			break;
		if (!take_name(run, name, &a) || run->out_of_memory) {
			run->out_of_memory = true;
			break;
		}
		if (f->partial || watch_now_ms() > until) {
			f->partial = true;
			break;
		}
	}
	if (status != REMOTE_CUT)
		remote_list_end(f->remote);
	return status == REMOTE_END ? REMOTE_OK : status;
}

static bool
finish_poll(struct poll_run *run, enum remote_status status)
{
	struct fetch *f = run->f;
	/* whatever part of it came, it proves nothing */
	if (status != REMOTE_OK)
		return fetch_stop(f, status == REMOTE_CUT ? "listing" : "directory", remote_why(f->remote));
	if (run->out_of_memory)
		return fetch_stop(f, "listing", strerror(ENOMEM));
	bool any = false;
	for (size_t i = 0; i < state_count(f->state); i++) {
		struct state_entry *e = state_at(f->state, i);
		judge(run, e);
		any |= e->listed && e->state == ENTRY_SEEN;
	}
	/* only a whole listing proves that there is nothing */
	tell_poll(run, any || f->partial ? FETCH_FILES : FETCH_EMPTY);
	f->polled = true;
	return true;
}

bool
fetch_poll(struct fetch *f)
{
	struct poll_run run = {.f = f};
	for (size_t i = 0; i < state_count(f->state); i++)
		run.pending += state_at(f->state, i)->state == ENTRY_SEEN;
	bool ok = finish_poll(&run, read_listing(&run));
	tdestroy(run.sidecars, free);
	return ok;
}

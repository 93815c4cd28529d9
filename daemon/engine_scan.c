/* Where and when to scan: turns of the sources, and what inotify hints at. */
#include <errno.h>

#include "daemon/engine.h"
#include "daemon/loop.h"
#include "lib/base/log.h"

void
engine_on_scans(evutil_socket_t fd, short what, void *context)
{
	struct engine *e = context;
	bool more = false;

	(void) fd;
	(void) what;
	/* one batch of one source; the next source's comes when everything else has had its turn */
	for (size_t i = 0; i < e->source_count && !more; i++) {
		struct source *s = e->sources[e->next_scan++ % e->source_count];

		more = s->listing != NULL || s->sweeping;
		if (more)
			scan_step(s);
	}
	if (more)
		loop_after(e->scans, 0);
}

static void
on_wants_scan(void *context)
{
	struct engine *e = context;

	if (!event_pending(e->scans, EV_TIMEOUT, NULL))
		loop_after(e->scans, 0);
}

static void
on_due(void *context)
{
	struct engine *e = context;

	event_active(e->handout, 0, 0);
}

static void
on_scanned(void *context, struct source *s)
{
	struct engine *e = context;

	(void) s;
	engine_release_in_time(e);
	event_active(e->handout, 0, 0);
}

/* Several sources may look at one directory, and share its watch then. */
void
engine_unwatch(struct engine *e, struct source *s)
{
	int id = s->watch;

	s->watch = -1;
	for (size_t i = 0; i < e->source_count; i++)
		if (id >= 0 && e->sources[i] != s && e->sources[i]->watch == id)
			return;
	if (e->watch != NULL)
		watch_remove(e->watch, id);
}

static void
on_opened(void *context, struct source *s)
{
	struct engine *e = context;

	engine_unwatch(e, s);
	if (e->watch == NULL || e->once)
		return;
	s->watch = watch_add(e->watch, s->dir);
	if (s->watch < 0 && !e->watch_told)
		log_write(LOG_WARNING, "inotify is not available: polling only, each `rescan`",
		          LOG_FIELDS(log_text("source", s->name), log_errno(errno)));
	e->watch_told = e->watch_told || s->watch < 0;
}

static void
on_scan_is_due(void *context, struct source *s)
{
	(void) context;
	scan_begin(s);
}

static void
on_check_is_due(void *context, struct file *f)
{
	(void) context;
	scan_file(f, FILE_TIMER);
}

const struct source_calls engine_source_calls = {on_due,        on_scanned,     on_opened,
                                                 on_wants_scan, on_scan_is_due, on_check_is_due};

static void
on_name(void *context, int id, const char *name, bool finished)
{
	struct engine *e = context;

	for (size_t i = 0; i < e->source_count; i++)
		if (e->sources[i]->watch == id)
			scan_hint(e->sources[i], name, finished);
}

static void
on_gone(void *context, int id)
{
	struct engine *e = context;

	for (size_t i = 0; i < e->source_count; i++)
		if (e->sources[i]->watch == id)
			scan_lost(e->sources[i]);
}

static void
on_overflow(void *context)
{
	log_write(LOG_NOTICE, "inotify events were lost: scanning every directory", NULL);
	engine_scan(context);
}

const struct watch_calls engine_watch_calls = {on_name, on_gone, on_overflow};

void
engine_scan(struct engine *e)
{
	for (size_t i = 0; i < e->source_count; i++) {
		scan_begin(e->sources[i]);
		if (e->sources[i]->sftp != NULL)
			sftp_poll(e->sources[i]->sftp);
	}
	engine_want_release(e);
	event_active(e->handout, 0, 0);
}

/*
 * inotify as a hint: it says early where to look, never what is there.  Links
 * into a directory, writes through another name, network file systems and a
 * full queue all pass it by; the periodic scan is the truth.
 */
#ifndef HANDBACK_DAEMON_INBOX_WATCH_H
#define HANDBACK_DAEMON_INBOX_WATCH_H

#include <event2/event.h>
#include <stdbool.h>

struct watch;

struct watch_calls {
	/* something happened to a name; finished: a writer closed it or it was renamed in */
	void (*name)(void *context, int id, const char *name, bool finished);
	/* the directory itself was moved, removed or unmounted; its watch is gone */
	void (*gone)(void *context, int id);
	/* events were lost: scan and poll everywhere */
	void (*overflow)(void *context);
};

/* NULL with errno when inotify is not available.  calls is kept. */
struct watch *watch_new(struct event_base *base, const struct watch_calls *calls, void *context);
void watch_free(struct watch *w); /* NULL is fine */

/* Watches an open directory; the id to name it by, or -1 with errno (ENOSPC: no more watches allowed). */
int watch_add(struct watch *w, int dir);
void watch_remove(struct watch *w, int id); /* -1 is fine */

#endif

/*
 * A program of ours that runs once: started with a channel at descriptor 3, told
 * some packets, listened to, and its end awaited.  One that talks without end has
 * to wait for its turns; what it says last is heard before its end is told.
 */
#ifndef HANDBACK_DAEMON_SUPERVISE_CHILD_H
#define HANDBACK_DAEMON_SUPERVISE_CHILD_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/protocol/channel.h"

struct child;

struct child_calls {
	/* A line, the caller's to change; false: it is not what may come now, and the child is killed. */
	bool (*line)(void *context, char *line);
	/* It has gone; status as of waitpid.  why: it was killed for this, or "".  Free it afterwards. */
	void (*ended)(void *context, int status, const char *why);
};

/*
 * Starts the program and tells it the packets, which it takes over (also when it fails).  With a socket the
 * program is not ours to start: whoever listens there starts one for our connection; it has no process here
 * and ends with status 0 when the connection does.  NULL with errno when it cannot be started or reached.
 */
struct child *child_start(struct event_base *base, const char *path, const char *name, const char *socket,
                          struct channel_packets *packets, const struct child_calls *calls, void *context);
/*
 * The same end and the same deadline for a process that the caller has started and that has no channel: only
 * `ended` is called.  NULL with errno, and the process is still the caller's.
 */
struct child *child_adopt(struct event_base *base, pid_t pid, const struct child_calls *calls, void *context);
/* Lets go of one that runs on: to be reaped by whoever started it.  NULL is fine. */
void child_disown(struct child *c);
/* Kills it after so long, for a reason (static text). */
void child_deadline(struct child *c, int64_t ms, const char *why);
pid_t child_pid(const struct child *c);
/* Asks it to end (SIGTERM; nothing more comes on its channel), or ends it (SIGKILL; hangs up) for a reason.
 */
void child_stop(struct child *c);
void child_kill(struct child *c, const char *why);
/* Kills and reaps it when it still runs; NULL is fine. */
void child_free(struct child *c);

#endif

/*
 * Every child of the daemon: started by exec with a channel at descriptor 3 (it dies with us:
 * lib/base/spawn.h), sent some packets, listened to, killed after a deadline or for a reason, and its end
 * noted.  Who has a child gives a table of callbacks; when the next is started is its owner's.  One that
 * talks without end has to wait for its turns; what it sends last is heard before its end is reported.
 */
#ifndef HANDBACK_DAEMON_SUPERVISE_CHILD_H
#define HANDBACK_DAEMON_SUPERVISE_CHILD_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/spawn.h"
#include "lib/protocol/channel.h"

struct child;

struct child_calls {
	/* A line, the callee's to change; false: it is not what may come now, and the child is killed. */
	bool (*line)(void *context, char *line);
	/* It closed its channel, and may still run; NULL: nothing follows from that. */
	void (*closed)(void *context);
	/* It has gone; status as of waitpid.  why: it was killed for this, or "".  Free it afterwards. */
	void (*ended)(void *context, int status, const char *why);
	int priority;       /* of what it says and of its end: LOOP_FIRST ... */
	int lines_per_s;    /* more is not a report: it has to wait for the next second, or */
	bool ends_by_noise; /* is killed for it */
};

/*
 * Starts the program with a channel as its descriptor 3 and sends it the packets (NULL: none), which it takes
 * over (also when it fails).  With a socket the program is not ours to start: whoever listens there starts
 * one for our connection; it has no process here and ends with status 0 when the connection does.  NULL with
 * errno when it cannot be started or reached.
 */
struct child *child_start(struct event_base *base, const struct spawn *program, const char *socket,
                          struct channel_packets *packets, const struct child_calls *calls, void *context);
/* One packet now, beside those; false: it takes none. */
bool child_send(struct child *c, const void *bytes, size_t len, int fd);
/* Nothing more is sent: end of file for it; what it still says comes through. */
void child_send_end(struct child *c);
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

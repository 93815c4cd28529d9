/* The event loop: order of work, clocks, jitter, and how late it runs. */
#ifndef HANDBACK_DAEMON_LOOP_H
#define HANDBACK_DAEMON_LOOP_H

#include <event2/event.h>
#include <stdint.h>

/* What comes first when much is to be done at once. */
enum loop_priority {
	LOOP_FIRST, /* signals, workers */
	LOOP_FILES, /* timers of single files, handing out work */
	LOOP_SCANS, /* what somebody else can ask for without end: directories, inotify, the control socket */
	LOOP_PRIORITIES
};

struct event_base *loop_new(void); /* NULL: no memory */

/* Milliseconds by a clock that nobody sets. */
int64_t loop_now_ms(void);
/* Microseconds since 1970 UTC. */
int64_t loop_wall_us(void);

/* ms, more or less a quarter, so that many do not come at once. */
int64_t loop_jitter(int64_t ms);

/* Back-off: first_ms doubled with each failure after the first, at most ceiling_ms, with jitter. */
int64_t loop_backoff(unsigned failures, int64_t first_ms, int64_t ceiling_ms);

/* Sets a timer; ms <= 0: at once.  0, or -1 when there is no memory. */
int loop_after(struct event *timer, int64_t ms);

/*
 * For the event of a child's end whose waitpid has nothing yet: the pidfd speaks before a tracer has let the
 * child go.  From now on the event is a timer that asks every 20 ms.  0, or -1 when there is no memory.
 */
int loop_ask_again(struct event *exited);

/*
 * The heartbeat: a timer of LOOP_SCANS priority, so that it beats only when the loop gets round to the least
 * urgent work.  `beat` is called each time with how late it came and the latest of the last minute.
 */
struct loop_heartbeat;
typedef void loop_beat_call(void *context, int64_t late_ms, int64_t worst_ms);
struct loop_heartbeat *loop_heartbeat_new(struct event_base *base, int64_t every_ms, loop_beat_call *beat,
                                          void *context);
void loop_heartbeat_free(struct loop_heartbeat *heartbeat); /* NULL is fine */

#endif

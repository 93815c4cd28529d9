/* What is counted, and the socket at which monitoring reads it (Prometheus' text format): never the public
 * one. */
#ifndef HANDBACK_GATE_METRICS_H
#define HANDBACK_GATE_METRICS_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct metrics;

/* What is so at this moment. */
struct metrics_now {
	size_t connections; /* open ones, of callers */
	size_t calls;       /* that wait for their answer */
	size_t processes;   /* of handback-api that are there */
	int64_t bytes;      /* that unfinished requests hold, beyond what each may hold anyway */
};

typedef void (*metrics_look)(void *context, struct metrics_now *ret);

struct metrics *metrics_new(void);    /* NULL without memory */
void metrics_free(struct metrics *m); /* NULL is fine */

/* Serves GET /metrics on a stream socket that listens; taken over.  False without memory. */
bool metrics_serve(struct metrics *m, struct event_base *base, int listener, metrics_look look,
                   void *context);

/* A request was answered so.  endpoint: stays where it is, as those of the table do; batch: how many calls
 * handback-api answered together with it, 0 where it was not asked. */
void metrics_answered(struct metrics *m, const char *endpoint, int64_t status, const char *code, int64_t us,
                      int64_t batch);
void metrics_refused(struct metrics *m); /* the fence let it not pass */

#endif

/*
 * What a monitoring system reads: GET /metrics in Prometheus' text format,
 * /healthz (the loop turns) and /readyz (files would be handled), on a UNIX
 * socket or a loopback address.  Only what the daemon knows itself, and, as
 * they were written, what the collector reports of the database and the spool
 * (spool/collector.prom), when the nightly run was last here (spool/nightly.prom)
 * and when the proof was last found to be whole (spool/verify.prom).
 */
#ifndef HANDBACK_DAEMON_SERVE_METRICS_H
#define HANDBACK_DAEMON_SERVE_METRICS_H

#include "daemon/engine.h"
#include "daemon/serve/status.h"

struct metrics;

/* Listens.  facts stay the caller's.  NULL and a message in why[] when it cannot. */
struct metrics *metrics_new(struct event_base *base, const char *where, const struct status_facts *facts,
                            char *why, size_t why_size);
/* From when on there is an engine to report; NULL: no longer. */
void metrics_of(struct metrics *m, const struct engine *e);
void metrics_free(struct metrics *m); /* NULL is fine */

#endif

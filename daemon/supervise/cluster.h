/* The embedded PostgreSQL, kept running while the daemon runs. */
#ifndef HANDBACK_DAEMON_SUPERVISE_CLUSTER_H
#define HANDBACK_DAEMON_SUPERVISE_CLUSTER_H

#include <event2/event.h>
#include <sys/types.h>

#include "lib/config/config.h"

struct cluster;

/* Starts it, and waits until it answers: before the loop runs.  NULL and a message when it cannot be started.
 */
struct cluster *cluster_new(struct event_base *base, const struct config *config, char *why, size_t why_size);
/* Stops it where it is ours.  Blocks, for two seconds at most: after the loop.  NULL is fine. */
void cluster_free(struct cluster *c);

/* The server's process where it is our child, else 0. */
pid_t cluster_pid(const struct cluster *c);

#endif

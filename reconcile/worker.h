/*
 * The worker's side of the protocol in docs/architecture.md: takes jobs from
 * handbackd, one at a time, and says how they end.
 */
#ifndef HANDBACK_RECONCILE_WORKER_H
#define HANDBACK_RECONCILE_WORKER_H

#include "lib/config/config.h"
#include "reconcile/file/job.h"

/* Serves until the other end of the channel is gone: an exit_code.  r has everything but a prepared
 * connection. */
int worker_serve(struct reconciler *r, const struct config *config, int channel);

#endif

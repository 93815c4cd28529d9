/*
 * What the daemon's metrics show of the database and of the spool, on the
 * daemon's behalf, which has no database and walks no directory: written to
 * spool/collector.prom again and again, each time as a whole.
 */
#ifndef HANDBACK_COLLECT_COLLECTOR_H
#define HANDBACK_COLLECT_COLLECTOR_H

#include "lib/config/config.h"
#include "lib/db/pg.h"
#include "lib/spool/spool.h"

/* Collects until the other end of the channel is gone: an exit_code. */
int collector_serve(struct pg *pg, const struct spool *spool, const struct config *config, int channel);

#endif

/*
 * What the daemon's metrics tell of the database and of the spool, on the
 * daemon's behalf, which has no database and walks no directory: written to
 * spool/survey.prom again and again, each time as a whole.
 */
#ifndef HANDBACK_RECONCILE_COLLECT_SURVEY_H
#define HANDBACK_RECONCILE_COLLECT_SURVEY_H

#include "lib/config/config.h"
#include "lib/db/pg.h"
#include "lib/spool/spool.h"

/* Surveys until the other end of the channel is gone: an exit_code. */
int survey_serve(struct pg *pg, const struct spool *spool, const struct config *config, int channel);

#endif

/* The outbox's loop: the list of targets, their senders, and a signal to stop. */
#ifndef HANDBACK_OUTBOUND_LOOP_H
#define HANDBACK_OUTBOUND_LOOP_H

#include "lib/db/pg.h"
#include "outbound/sender.h"

/* Tells all targets until `stop` (a signalfd) is readable; what is under way then has ten seconds.  0, or -1
 * with errno.  requests: the directory of request files; NULL: none. */
int loop_run(struct pg *pg, const struct sender_how *how, const char *requests, int stop);

#endif

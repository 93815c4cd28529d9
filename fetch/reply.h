/*
 * What a run reports, as packets on descriptor 3 (lib/protocol/fetch_job.h).  When nobody listens any more
 * the process ends: without its parent there is nobody whom a fetched file would help.
 */
#ifndef HANDBACK_FETCH_REPLY_H
#define HANDBACK_FETCH_REPLY_H

#include "lib/protocol/fetch_job.h"

/* turn: an enum fetch_turn, and outlives us. */
void reply_open(int channel, int *turn);
void reply_send(enum fetch_message message, const struct fetch_report *report);
#define REPLY(message, ...) reply_send(message, &(const struct fetch_report){__VA_ARGS__})

#endif

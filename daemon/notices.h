/*
 * Has notices told (lib/protocol/notice.h): each, once, to the command and by mail as
 * the configuration says, one after the other.  What could not be told is tried
 * again, less and less often; where nobody is to be told, it just counts as told.
 */
#ifndef HANDBACK_DAEMON_NOTICES_H
#define HANDBACK_DAEMON_NOTICES_H

#include <event2/event.h>

#include "lib/config/config.h"
#include "lib/protocol/notice.h"

struct notices;

struct notices *notices_new(struct event_base *base, const struct config *config); /* NULL: no memory */
void notices_configure(struct notices *n, const struct config *config);            /* after a reload */
void notices_free(struct notices *n); /* ends a command that runs; NULL is fine */

/* Keeps one; what goes wrong is logged.  Of rare things only: it waits for the disk. */
void notices_keep(const struct config *config, const struct notice *notice);

#endif

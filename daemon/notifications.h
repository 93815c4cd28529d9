/*
 * Sends notifications (lib/protocol/notification.h): each, once, to the command and by mail as
 * the configuration says, one after the other.  What could not be sent is tried
 * again, less and less often; where nobody is to hear of it, it just counts as sent.
 */
#ifndef HANDBACK_DAEMON_NOTIFICATIONS_H
#define HANDBACK_DAEMON_NOTIFICATIONS_H

#include <event2/event.h>

#include "lib/config/config.h"
#include "lib/protocol/notification.h"

struct notifications;

struct notifications *notifications_new(struct event_base *base,
                                        const struct config *config);               /* NULL: no memory */
void notifications_configure(struct notifications *n, const struct config *config); /* after a reload */
void notifications_free(struct notifications *n); /* ends a command that runs; NULL is fine */

/* Keeps one; what goes wrong is logged.  Of rare things only: it waits for the disk. */
void notifications_keep(const struct config *config, const struct notification *notification);

#endif

/* Connections to handback-desk: each is one person's session, and gives its pages one after another. */
#ifndef HANDBACK_WEB_DESKS_H
#define HANDBACK_WEB_DESKS_H

#include <event2/event.h>
#include <stdbool.h>

#include "lib/protocol/desk_call.h"

struct desk_link;

/* Once: the person is in (link, the callee's to close), or not (NULL) and why, for the browser. */
typedef void desk_entered(void *context, struct desk_link *link, const char *why);
/* Once for each request: its page, as a descriptor that stays the caller's; answer NULL: the desk is gone. */
typedef void desk_paged(void *context, const struct desk_answer *answer, int page);

/* Asks the desk that listens at the path to let somebody in.  False: it cannot be asked, and nothing is
 * called. */
bool desk_enter(struct event_base *base, const char *path, const struct desk_enter *who,
                desk_entered *entered, void *context);

/* False: it is gone, too many wait, or a text is out of bounds; nothing is called then.  An upload's body is taken over
 * where it is true. */
bool desk_ask(struct desk_link *link, const struct desk_ask *ask, desk_paged *paged, void *context);

bool desk_is_gone(const struct desk_link *link);
/* Those that wait are told that it is gone.  NULL is fine. */
void desk_close(struct desk_link *link);

#endif

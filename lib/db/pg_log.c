/* What keeps a statement waiting, in the log: known while it waits, and not by who happens to look. */
#include "lib/base/log.h"
#include "lib/db/pg.h"

static void
log_holder(void *context, const struct pg_holder *holder)
{
	(void) context;
	if (holder->standby)
		log_write(LOG_WARNING, "a COMMIT waits for a synchronous standby, and none has confirmed it",
		          LOG_FIELDS(log_int("waited_ms", holder->waited_ms)));
	else
		log_write(LOG_WARNING, "a lock is held by another session: waiting for it",
		          LOG_FIELDS(log_text("lock", holder->lock), log_int("pid", holder->pid),
		                     log_text("application", holder->application), log_text("login", holder->login),
		                     log_text("since", holder->since), log_int("waited_ms", holder->waited_ms)));
}

void
pg_watch_logged(struct pg *pg)
{
	pg_watch(pg, log_holder, NULL);
}

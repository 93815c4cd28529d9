/* Who holds what a session of ours waits for. */
#include <stdio.h>

#include "lib/base/limits.h"
#include "lib/db/db_sql.h"
#include "lib/db/pg_state.h"

void
pg_watch_locks(struct pg *pg, int after_ms, void (*watch)(void *context, const struct pg_holder *holder),
               void *context)
{
	pg->watch_ms = after_ms;
	pg->watch = watch;
	pg->watch_context = context;
}

void
pg_tell_holders(const struct pg *pg)
{
	/* as the login itself: it may be let see more of other sessions than the role that files are decided as
	 */
	const struct pg_target target = {.conninfo = pg->conninfo,
	                                 .host = pg->host,
	                                 .user = pg->user,
	                                 .database = pg->database,
	                                 .application = pg->application};
	const char *session[] = {pg->backend};
	char why[LIMIT_MESSAGE_BYTES];
	struct pg_result *r = NULL;
	struct pg *other =
	    pg_open(&target, why, sizeof(why)); /* where there is none more to have nothing is told */

	if (other != NULL && pg_run(other, db_lock_holders, 1, session, &r) == PG_OK)
		for (int i = 0; i < pg_rows(r); i++) {
			const struct pg_holder holder = {.pid = pg_int_of(r, i, "pid"),
			                                 .application = pg_text_of(r, i, "application"),
			                                 .login = pg_text_of(r, i, "login"),
			                                 .since =
			                                     pg_null_of(r, i, "since") ? NULL : pg_text_of(r, i, "since"),
			                                 .lock = pg_text_of(r, i, "lock")};

			pg->watch(pg->watch_context, &holder);
		}
	pg_result_free(r);
	pg_close(other);
}

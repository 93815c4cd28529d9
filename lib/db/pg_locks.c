/* Does the server still run a session of ours, and what does that wait for? */
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/db/db_sql.h"
#include "lib/db/pg_libpq.h"

void
pg_watch(struct pg *pg, pg_watcher *watch, void *context)
{
	pg->watch = watch;
	pg->watch_context = context;
}

static void
tell_holders(const struct pg *pg, struct pg *other)
{
	const char *session[] = {pg->backend};
	struct pg_result *r = NULL;

	if (pg_run(other, db_lock_holders, 1, session, &r) == PG_OK)
		for (int i = 0; i < pg_rows(r); i++) {
			const struct pg_holder holder = {.pid = pg_int_of(r, i, "pid"),
			                                 .application = pg_text_of(r, i, "application"),
			                                 .login = pg_text_of(r, i, "login"),
			                                 .since =
			                                     pg_null_of(r, i, "since") ? NULL : pg_text_of(r, i, "since"),
			                                 .lock = pg_text_of(r, i, "lock"),
			                                 .waited_ms = pg->ask_ms};

			pg->watch(pg->watch_context, &holder);
		}
	pg_result_free(r);
}

static void
tell_standby(const struct pg *pg)
{
	const struct pg_holder nobody = {.standby = true, .waited_ms = pg->ask_ms};

	pg->watch(pg->watch_context, &nobody);
}

/* It lets nobody in: where it says so itself, as for want of connections, what runs there runs on. */
static bool
answers_at_all(const struct pg *pg)
{
	char patience[16];
	const char *keys[] = {"dbname", "host", "hostaddr", "port", "user", "connect_timeout", NULL};
	const char *values[] = {
	    pg->conninfo, PQhost(pg->conn), PQhostaddr(pg->conn), PQport(pg->conn), PQuser(pg->conn), patience, NULL};
	PGPing ping;

	snprintf(patience, sizeof(patience), "%d", pg->beside_ms / 1000);
	ping = PQpingParams(keys, values, 1);
	return ping == PQPING_OK || ping == PQPING_REJECT;
}

bool
pg_still_there(const struct pg *pg, bool tell)
{
	/* as the login itself: it may be let see more of other sessions than the role that files are decided as
	 */
	const char *session[] = {pg->backend, pg->life};
	int64_t began = clock_now_ms();
	struct pg *other = pg_open_beside(pg);
	struct pg_result *r = NULL;
	bool there;

	/* who says no at once is awake; a pooler may have no server left for a question */
	if (other == NULL)
		return (pg_is_pooled(pg) || 2 * (clock_now_ms() - began) < pg->beside_ms) && answers_at_all(pg);
	there = pg_run(other, db_still_there, 2, session, &r) == PG_OK && pg_rows(r) == 1;
	if (there && tell && pg->watch != NULL) {
		if (pg_true_of(r, 0, "for_standby"))
			tell_standby(pg);
		else
			tell_holders(pg, other);
	}
	pg_result_free(r);
	pg_close(other);
	return there;
}

/* What the files that speak libpq share: nobody else includes it, nor libpq-fe.h. */
#ifndef HANDBACK_DB_PG_LIBPQ_H
#define HANDBACK_DB_PG_LIBPQ_H

#include <libpq-fe.h>

#include "lib/db/pg_state.h"

/* ---- pg.c ---- */

/* Keeps why: of a failed result, or (NULL) of the connection. */
enum pg_status pg_failed(struct pg *pg, const PGresult *r);
/* A result is ours or a failure.  Takes r over. */
enum pg_status pg_take(struct pg *pg, PGresult *r, struct pg_result **ret_result);
/* Before anything that cannot be part of a pipeline. */
enum pg_status pg_send_deferred(struct pg *pg);
/* The statement's name on this connection, prepared at its first use; with no name[0] it can have none. */
enum pg_status pg_prepare(struct pg *pg, const char *sql, char name[24]);
/* Of a pipeline each statement's result is followed by a NULL. */
PGresult *pg_next_in_pipeline(struct pg *pg);
/* Whom to ask for this transaction, where its COMMIT is not answered.  NULL: its number is not known. */
void pg_note_transaction(struct pg *pg, const char *xid);
/* The server's warning of a COMMIT: PG_DOUBT. */
enum pg_status pg_not_replicated(struct pg *pg);

/* PG_LOST, and why. */
enum pg_status pg_unconfirmed(struct pg *pg);

/* ---- pg_open.c ---- */

/* The connection alone, with nothing set and nothing checked. */
enum pg_status pg_connect(struct pg *pg);
/* Another to the very server that pg is on, for questions about pg's session; NULL: it lets us have none.  It
 * is for pg_close. */
struct pg *pg_open_beside(const struct pg *pg);

/* ---- pg_wait.c: the only ones that wait ---- */

/*
 * No wait is for ever.  Where the server is silent for long it is asked, over another connection, whether it
 * still runs our session, and who keeps that waiting; where it does not say so, the connection is given up:
 * a server that is frozen looks like a busy one to TCP.
 */
/* The next result, NULL after the last one, or where the connection was given up. */
PGresult *pg_next_result(struct pg *pg);
/* As PQgetCopyData. */
int pg_next_data(struct pg *pg, char **ret_data);
/* All that was put is on its way. */
void pg_await_sent(struct pg *pg);
/*
 * COMMIT has no timeout of the server's: it waits for a synchronous standby for ever.  A cancel ends the wait
 * with a warning, and the commit stands.  Returns when its answer is there, or the connection is not.
 */
void pg_await_commit(struct pg *pg);
/* Breaks off what the session does. */
void pg_cancel(const struct pg *pg);
/* Leaves the connection, and waits for nothing. */
void pg_leave(struct pg *pg);

/* ---- pg_locks.c ---- */

/* Does the server still run our session?  tell: the watch hears what that waits for. */
bool pg_still_there(const struct pg *pg, bool tell);

#endif

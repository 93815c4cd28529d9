/* Statements and transactions. */
#include "lib/db/pg.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "lib/db/db_sql.h"
#include "lib/db/pg_libpq.h"

/* ---- errors ---- */

/* The other end is shut.  libpq finds that out when it reads: where only its sending failed, and a warning of
 * the server's end was there to be read first, the connection still counts as good. */
static bool
is_shut(const PGconn *conn)
{
	struct pollfd fd = {.fd = PQsocket(conn), .events = POLLRDHUP};

	return poll(&fd, 1, 0) == 1 && (fd.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

/* A failed result, or none at all. */
enum pg_status
pg_failed(struct pg *pg, const PGresult *r)
{
	const char *sqlstate = r != NULL ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
	const char *message = r != NULL ? PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY) : NULL;
	const char *constraint = r != NULL ? PQresultErrorField(r, PG_DIAG_CONSTRAINT_NAME) : NULL;

	if (r == NULL && pg->conn == NULL && pg->why[0] != '\0') { /* it was given up, for a reason */
		pg->sqlstate[0] = pg->constraint[0] = '\0';
		return PG_LOST;
	}
	if (message == NULL)
		message = pg->conn != NULL ? PQerrorMessage(pg->conn) : "no connection";
	pg_keep_why(pg, sqlstate != NULL ? sqlstate : "", message);
	snprintf(pg->constraint, sizeof(pg->constraint), "%s", constraint != NULL ? constraint : "");
	if (PQstatus(pg->conn) != CONNECTION_OK)
		return PG_LOST;
	if (sqlstate != NULL)
		return pg_classify(sqlstate);
	/* libpq itself complains: of the connection, of our use of it, or of memory */
	return is_shut(pg->conn) ? PG_LOST : PG_ERROR;
}

/* ---- hints ---- */

bool
pg_hinted(struct pg *pg)
{
	PGnotify *one;
	bool any = false;

	if (pg->conn == NULL || PQconsumeInput(pg->conn) != 1)
		return false;
	while ((one = PQnotifies(pg->conn)) != NULL) {
		any = true;
		PQfreemem(one);
	}
	return any;
}

int
pg_descriptor(const struct pg *pg)
{
	return pg->conn != NULL ? PQsocket(pg->conn) : -1;
}

/* ---- statements ---- */

/* The one result of a statement that was sent. */
static PGresult *
answer_of(struct pg *pg, int sent)
{
	PGresult *r;

	if (sent != 1)
		return NULL;
	r = pg_next_result(pg);
	PQclear(pg_next_result(pg));
	return r;
}

enum pg_status
pg_take(struct pg *pg, PGresult *r, struct pg_result **ret_result)
{
	ExecStatusType is = PQresultStatus(r);

	if (is != PGRES_TUPLES_OK && is != PGRES_COMMAND_OK) {
		enum pg_status status = pg_failed(pg, r);

		PQclear(r);
		return status;
	}
	if (ret_result != NULL)
		*ret_result = (struct pg_result *) r;
	else
		PQclear(r);
	return PG_OK;
}

PGresult *
pg_next_in_pipeline(struct pg *pg)
{
	PGresult *r = pg_next_result(pg);

	PQclear(pg_next_result(pg));
	return r;
}

/*
 * Sends what was deferred, and with it the statement that was just put behind it where there is `own`, and
 * ends the pipeline.  The first that fails says why; those behind it were not run.
 */
static enum pg_status
end_pipeline(struct pg *pg, PGresult **own)
{
	enum pg_status status = PQpipelineSync(pg->conn) == 1 ? PG_OK : pg_failed(pg, NULL);

	for (; pg->deferred > 0 && PQstatus(pg->conn) == CONNECTION_OK; pg->deferred--) {
		PGresult *r = pg_next_in_pipeline(pg);

		if (status == PG_OK)
			status = pg_take(pg, r, NULL);
		else
			PQclear(r);
	}
	pg->deferred = 0;
	if (own != NULL)
		*own = pg_next_in_pipeline(pg);
	PQclear(pg_next_result(pg)); /* the end of the pipeline itself, which has no NULL behind it */
	if (PQexitPipelineMode(pg->conn) == 1)
		return status;
	/* the server ended the session in the middle, and nothing more can be made of the connection */
	if (status == PG_OK)
		(void) pg_failed(pg, NULL);
	pg_leave(pg);
	return PG_LOST;
}

enum pg_status
pg_send_deferred(struct pg *pg)
{
	return pg->deferred > 0 ? end_pipeline(pg, NULL) : PG_OK;
}

static enum pg_status
run_once(struct pg *pg, const char *sql, int params, const char *const *values, int binary,
         struct pg_result **ret_result)
{
	enum pg_status status = pg_send_deferred(pg);

	if (status != PG_OK)
		return status;
	return pg_take(
	    pg, answer_of(pg, PQsendQueryParams(pg->conn, sql, params, NULL, values, NULL, NULL, binary)),
	    ret_result);
}

/* The statement's slot in the connection's table: its own, or a free one; NULL when there are too many. */
static const char **
find_prepared(struct pg *pg, const char *sql, char name[24])
{
	size_t i = ((uintptr_t) sql >> 4) % PG_PREPARED;

	while (pg->prepared[i] != NULL && pg->prepared[i] != sql)
		i = (i + 1) % PG_PREPARED;
	if (pg->prepared[i] == NULL && pg->prepared_count >= PG_PREPARED / 2)
		return NULL;
	snprintf(name, 24, "s%zu", i);
	return &pg->prepared[i];
}

enum pg_status
pg_prepare(struct pg *pg, const char *sql, char name[24])
{
	const char **slot = find_prepared(pg, sql, name);
	enum pg_status status;

	if (slot == NULL)
		name[0] = '\0';
	if (slot == NULL || *slot != NULL)
		return PG_OK;
	status = pg_send_deferred(pg);
	if (status == PG_OK)
		status = pg_take(pg, answer_of(pg, PQsendPrepare(pg->conn, name, sql, 0, NULL)), NULL);
	if (status != PG_OK)
		return status;
	*slot = sql;
	pg->prepared_count++;
	return PG_OK;
}

static enum pg_status
run_prepared(struct pg *pg, const char *sql, int params, const char *const *values, int binary,
             struct pg_result **ret_result)
{
	char name[24];
	PGresult *r;
	enum pg_status status = pg_prepare(pg, sql, name);

	if (status != PG_OK)
		return status;
	if (name[0] == '\0')
		return run_once(pg, sql, params, values, binary, ret_result);
	if (pg->deferred == 0)
		return pg_take(
		    pg, answer_of(pg, PQsendQueryPrepared(pg->conn, name, params, values, NULL, NULL, binary)),
		    ret_result);
	if (PQsendQueryPrepared(pg->conn, name, params, values, NULL, NULL, binary) != 1)
		return pg_failed(pg, NULL);
	status = end_pipeline(pg, &r);
	if (status == PG_OK)
		return pg_take(pg, r, ret_result);
	PQclear(r);
	return status;
}

enum pg_status
pg_defer(struct pg *pg, const char *sql, int params, const char *const *values)
{
	char name[24];
	enum pg_status status = pg_prepare(pg, sql, name);

	if (status != PG_OK)
		return status;
	if (name[0] == '\0')
		return run_once(pg, sql, params, values, 0, NULL);
	if (pg->deferred == 0 && PQenterPipelineMode(pg->conn) != 1)
		return pg_failed(pg, NULL);
	if (PQsendQueryPrepared(pg->conn, name, params, values, NULL, NULL, 0) != 1) {
		status = pg_failed(pg, NULL);
		if (pg->deferred == 0)
			PQexitPipelineMode(pg->conn);
		return status;
	}
	pg->deferred++;
	return PG_OK;
}

enum pg_status
pg_run(struct pg *pg, const char *sql, int params, const char *const *values, struct pg_result **ret_result)
{
	return run_once(pg, sql, params, values, 0, ret_result);
}

enum pg_status
pg_run_prepared(struct pg *pg, const char *sql, int params, const char *const *values,
                struct pg_result **ret_result)
{
	return run_prepared(pg, sql, params, values, 0, ret_result);
}

enum pg_status
pg_fetch(struct pg *pg, const char *sql, int params, const char *const *values, struct pg_result **ret_result)
{
	return run_once(pg, sql, params, values, 1, ret_result);
}

enum pg_status
pg_fetch_prepared(struct pg *pg, const char *sql, int params, const char *const *values,
                  struct pg_result **ret_result)
{
	return run_prepared(pg, sql, params, values, 1, ret_result);
}

enum pg_status
pg_start(struct pg *pg, const char *sql, int params, const char *const *values)
{
	enum pg_status status = pg_send_deferred(pg);

	if (status != PG_OK)
		return status;
	if (PQsendQueryParams(pg->conn, sql, params, NULL, values, NULL, NULL, 1) != 1 ||
	    PQsetSingleRowMode(pg->conn) != 1)
		return pg_failed(pg, NULL);
	return PG_OK;
}

enum pg_status
pg_next(struct pg *pg, struct pg_result **ret_row)
{
	PGresult *r = pg_next_result(pg), *more;

	if (PQresultStatus(r) == PGRES_SINGLE_TUPLE) {
		*ret_row = (struct pg_result *) r;
		return PG_OK;
	}
	/* the end, or what went wrong; the NULL behind it ends the statement's turn */
	while ((more = pg_next_result(pg)) != NULL)
		PQclear(more);
	*ret_row = NULL;
	return pg_take(pg, r, NULL);
}

void
pg_stop(struct pg *pg)
{
	PGresult *r;

	pg_cancel(pg);
	while ((r = pg_next_result(pg)) != NULL)
		PQclear(r);
}

enum pg_status
pg_script(struct pg *pg, const char *sql)
{
	enum pg_status status = pg_send_deferred(pg);
	PGresult *r, *last = NULL;

	if (status != PG_OK)
		return status;
	if (PQsendQuery(pg->conn, sql) != 1)
		return pg_failed(pg, NULL);
	while ((r = pg_next_result(pg)) != NULL) { /* what fails is the last one */
		PQclear(last);
		last = r;
	}
	return pg_take(pg, last, NULL);
}

/* ---- transactions: the only statements that are words of the protocol rather than ours ---- */

enum pg_status
pg_begin(struct pg *pg)
{
	static const char begin[] = "BEGIN";

	return pg_defer(pg, begin, 0, NULL);
}

enum pg_status
pg_begin_snapshot(struct pg *pg)
{
	return pg_script(pg, "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY");
}

enum pg_status
pg_rollback(struct pg *pg)
{
	(void) pg_send_deferred(pg); /* whatever becomes of it */
	if (pg->conn != NULL && PQtransactionStatus(pg->conn) == PQTRANS_IDLE)
		return PG_OK;
	return pg_script(pg, "ROLLBACK");
}

static PGresult *
send_commit(struct pg *pg)
{
	PGresult *r, *last = NULL;

	pg->not_replicated = false;
	pg->committing = true;
	if (PQsendQuery(pg->conn, "COMMIT") == 1) {
		pg_await_commit(pg);
		while ((r = pg_next_result(pg)) != NULL) {
			PQclear(last);
			last = r;
		}
	}
	pg->committing = false;
	return last;
}

void
pg_note_transaction(struct pg *pg, const char *xid)
{
	snprintf(pg->last.xid, sizeof(pg->last.xid), "%s", xid != NULL ? xid : "?");
	/* a server that is not named is never taken for the one that knows */
	snprintf(pg->last.server, sizeof(pg->last.server), "%s", xid != NULL ? pg->server : "");
	memcpy(pg->last.life, pg->life, sizeof(pg->life));
	memcpy(pg->last.backend, pg->backend, sizeof(pg->backend));
}

enum pg_status
pg_not_replicated(struct pg *pg)
{
	pg_keep_why(pg, "01000", "committed here, but the standby did not confirm it");
	return PG_DOUBT;
}

enum pg_status
pg_unconfirmed(struct pg *pg)
{
	pg_keep_why(pg, "",
	            "the server has no synchronous standby (synchronous_standby_names is empty), and "
	            "database.synchronous is required: nothing is committed until it has one");
	return PG_LOST;
}

enum pg_status
pg_commit(struct pg *pg)
{
	struct pg_result *number;
	bool unconfirmed;
	enum pg_status status = pg_run_prepared(pg, db_transaction, 0, NULL, &number);
	PGresult *r;

	if (status != PG_OK)
		return status;
	pg_note_transaction(pg, pg_text_of(number, 0, "transaction"));
	unconfirmed = pg->confirmed && pg->last.xid[0] != '\0' && *pg_text_of(number, 0, "standbys") == '\0';
	pg_result_free(number);
	if (unconfirmed) {
		(void) pg_rollback(pg);
		return pg_unconfirmed(pg);
	}

	r = send_commit(pg);
	if (PQresultStatus(r) != PGRES_COMMAND_OK) {
		status = pg_failed(pg, r);
		/* nor does a complaint of libpq's own, as of memory, say that it did not take place */
		if ((PQstatus(pg->conn) != CONNECTION_OK || pg->sqlstate[0] == '\0') && pg->last.xid[0] != '\0')
			status = PG_DOUBT;
	} else if (strcmp(PQcmdStatus(r), "COMMIT") != 0) {
		pg_keep_why(pg, "25P02", "the transaction had failed before its COMMIT and was rolled back");
		status = PG_ERROR;
	} else if (pg->not_replicated) {
		status = pg_not_replicated(pg);
	}
	PQclear(r);
	return status;
}

/* One statement that is a whole transaction. */
#include "lib/db/db_sql.h"
#include "lib/db/pg_libpq.h"

/* The statement, the transaction's number, and the end of both, which is COMMIT.  What was found is sent back
 * before that. */
static bool
send_whole(struct pg *pg, const char *name, const char *number, int params, const char *const *values)
{
	return PQenterPipelineMode(pg->conn) == 1 &&
	       PQsendQueryPrepared(pg->conn, name, params, values, NULL, NULL, 0) == 1 &&
	       PQsendQueryPrepared(pg->conn, number, 0, NULL, NULL, NULL, 0) == 1 &&
	       PQsendFlushRequest(pg->conn) == 1 && PQpipelineSync(pg->conn) == 1;
}

/* A connection in an unknown state is worth nothing. */
static enum pg_status
leave_whole(struct pg *pg, enum pg_status status)
{
	pg_leave(pg);
	return status;
}

/* The end of the transaction that pg->last names. */
static enum pg_status
end_whole(struct pg *pg)
{
	PGresult *end = NULL;
	bool clean;

	pg_await_commit(pg);
	if (pg->conn != NULL)
		end = PQgetResult(pg->conn);
	clean = PQresultStatus(end) == PGRES_PIPELINE_SYNC;
	if (!clean)
		(void) pg_failed(pg, end);
	PQclear(end);
	if (!clean || PQexitPipelineMode(pg->conn) != 1)
		return leave_whole(pg, PG_DOUBT);
	return pg->not_replicated ? pg_not_replicated(pg) : PG_OK;
}

/* The statement failed, and with it the transaction: where the server says so.  COMMIT was sent behind it,
 * and what libpq complains of by itself, as of memory, may hide that it took place. */
static enum pg_status
fail_whole(struct pg *pg, enum pg_status status)
{
	if (pg->sqlstate[0] == '\0') {
		pg_note_transaction(pg, NULL);
		return leave_whole(pg, PG_DOUBT);
	}
	if (PQstatus(pg->conn) != CONNECTION_OK)
		return leave_whole(pg, status);
	PQclear(pg_next_result(pg)); /* the end of the pipeline */
	return PQexitPipelineMode(pg->conn) == 1 ? status : leave_whole(pg, PG_LOST);
}

/* Where it is to be known before COMMIT whether a standby will confirm it. */
static enum pg_status
transact_in_steps(struct pg *pg, const char *sql, int params, const char *const *values,
                  struct pg_result **ret_result)
{
	struct pg_result *answer = NULL;
	enum pg_status status = pg_begin(pg);

	if (status == PG_OK)
		status = pg_run_prepared(pg, sql, params, values, &answer);
	if (status == PG_OK)
		status = pg_run_prepared(pg, db_transaction_sure, 0, NULL, NULL);
	if (status == PG_OK)
		status = pg_commit(pg);
	if (status == PG_OK || status == PG_DOUBT) {
		*ret_result = answer;
		return status;
	}
	pg_result_free(answer);
	return pg_rollback(pg) == PG_OK ? status : leave_whole(pg, PG_LOST);
}

enum pg_status
pg_transact(struct pg *pg, const char *sql, int params, const char *const *values,
            struct pg_result **ret_result)
{
	if (pg->confirmed)
		return transact_in_steps(pg, sql, params, values, ret_result);
	char name[24], number[24];
	struct pg_result *answer = NULL, *xid = NULL;
	enum pg_status status = pg_send_deferred(pg), numbered;

	if (status == PG_OK)
		status = pg_prepare(pg, sql, name);
	if (status == PG_OK)
		status = pg_prepare(pg, db_transaction_sure, number);
	if (status != PG_OK)
		return status;
	if (!send_whole(pg, name, number, params, values)) {
		(void) pg_failed(pg, NULL);
		pg_note_transaction(pg, NULL);
		*ret_result = NULL;
		return leave_whole(pg, PG_DOUBT);
	}
	status = pg_take(pg, pg_next_in_pipeline(pg), &answer);
	pg->not_replicated = false;
	pg->committing = true; /* a warning is its own from now on */
	numbered = status == PG_OK ? pg_take(pg, pg_next_in_pipeline(pg), &xid) : status;
	if (status != PG_OK && PQstatus(pg->conn) == CONNECTION_OK)
		PQclear(pg_next_in_pipeline(pg)); /* it was not run */
	if (numbered == PG_OK) {
		pg_note_transaction(pg, pg_text_of(xid, 0, "transaction"));
		status = end_whole(pg);
	} else {
		status = fail_whole(pg, numbered);
	}
	pg->committing = false;
	pg_result_free(xid);
	if (status == PG_OK || status == PG_DOUBT)
		*ret_result = answer;
	else
		pg_result_free(answer);
	return status;
}

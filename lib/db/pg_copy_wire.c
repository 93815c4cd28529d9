/* The raw COPY protocol. */
#include <stdlib.h>

#include "lib/db/pg_libpq.h"

static enum pg_status
copy_start(struct pg *pg, const char *sql, ExecStatusType wanted)
{
	enum pg_status status = pg_send_deferred(pg);
	PGresult *r;

	if (status != PG_OK)
		return status;
	if (PQsendQueryParams(pg->conn, sql, 0, NULL, NULL, NULL, NULL, 0) != 1)
		return pg_failed(pg, NULL);
	r = pg_next_result(pg);
	if (PQresultStatus(r) != wanted) {
		status = pg_failed(pg, r);
		PQclear(pg_next_result(pg)); /* the end of its turn */
	}
	PQclear(r);
	return status;
}

/* The statement's own answer, after its data. */
static enum pg_status
copy_answer(struct pg *pg, uint64_t *ret_rows)
{
	enum pg_status status = PG_OK;
	PGresult *r;

	while ((r = pg_next_result(pg)) != NULL) {
		if (PQresultStatus(r) != PGRES_COMMAND_OK)
			status = pg_failed(pg, r);
		else if (ret_rows != NULL)
			*ret_rows = strtoull(PQcmdTuples(r), NULL, 10);
		PQclear(r);
	}
	if (status == PG_OK && PQstatus(pg->conn) != CONNECTION_OK)
		status = pg_failed(pg, NULL);
	return status;
}

enum pg_status
pg_copy_in_start(struct pg *pg, const char *sql)
{
	return copy_start(pg, sql, PGRES_COPY_IN);
}

enum pg_status
pg_copy_in_send(struct pg *pg, const void *data, size_t len)
{
	if (PQputCopyData(pg->conn, data, (int) len) != 1)
		return pg_failed(pg, NULL);
	pg_await_sent(pg);
	return pg->conn != NULL ? PG_OK : PG_LOST;
}

enum pg_status
pg_copy_in_finish(struct pg *pg, const char *problem, uint64_t *ret_rows)
{
	if (PQputCopyEnd(pg->conn, problem) != 1)
		return pg_failed(pg, NULL);
	return copy_answer(pg, ret_rows);
}

enum pg_status
pg_copy_out_start(struct pg *pg, const char *sql)
{
	return copy_start(pg, sql, PGRES_COPY_OUT);
}

enum pg_status
pg_copy_out_next(struct pg *pg, char **ret_data, size_t *ret_len)
{
	char *data = NULL;
	int n = pg_next_data(pg, &data);

	if (n == -2)
		return pg_failed(pg, NULL);
	if (n == -1) {
		enum pg_status status = copy_answer(pg, NULL);

		if (status != PG_OK)
			return status;
		n = 0;
	}
	*ret_data = data;
	*ret_len = (size_t) n;
	return PG_OK;
}

void
pg_copy_out_free(char *data)
{
	PQfreemem(data);
}

void
pg_copy_out_stop(struct pg *pg)
{
	char *data = NULL;

	pg_cancel(pg);
	while (pg_next_data(pg, &data) > 0)
		PQfreemem(data);
	copy_answer(pg, NULL);
}

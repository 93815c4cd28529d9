/* What is in a result. */
#include <stdlib.h>

#include "lib/db/pg_copy.h"
#include "lib/db/pg_libpq.h"

int
pg_rows(const struct pg_result *r)
{
	return PQntuples((const PGresult *) r);
}

int
pg_columns(const struct pg_result *r)
{
	return PQnfields((const PGresult *) r);
}

const char *
pg_column_name(const struct pg_result *r, int column)
{
	return PQfname((const PGresult *) r, column);
}

int64_t
pg_affected(const struct pg_result *r)
{
	/* libpq takes it without const, and changes nothing */
	union {
		const struct pg_result *ours;
		PGresult *theirs;
	} u = {.ours = r};

	return strtoll(PQcmdTuples(u.theirs), NULL, 10);
}

bool
pg_null(const struct pg_result *r, int row, int column)
{
	return PQgetisnull((const PGresult *) r, row, column) != 0;
}

const char *
pg_text(const struct pg_result *r, int row, int column)
{
	return PQgetvalue((const PGresult *) r, row, column);
}

int64_t
pg_int(const struct pg_result *r, int row, int column)
{
	return strtoll(pg_text(r, row, column), NULL, 10);
}

const uint8_t *
pg_get_bytes(const struct pg_result *r, int row, int column, size_t *ret_len)
{
	*ret_len = (size_t) PQgetlength((const PGresult *) r, row, column);
	return (const uint8_t *) PQgetvalue((const PGresult *) r, row, column);
}

int64_t
pg_get_int(const struct pg_result *r, int row, int column)
{
	size_t len;
	const uint8_t *p = pg_get_bytes(r, row, column, &len);
	uint64_t v = 0;

	if (len != 2 && len != 4 && len != 8)
		return 0;
	for (size_t i = 0; i < len; i++)
		v = v << 8 | p[i];
	return len == 2 ? (int16_t) v : len == 4 ? (int32_t) v : (int64_t) v;
}

bool
pg_get_bool(const struct pg_result *r, int row, int column)
{
	size_t len;
	const uint8_t *p = pg_get_bytes(r, row, column, &len);

	return len == 1 && *p != 0;
}

int64_t
pg_get_time(const struct pg_result *r, int row, int column)
{
	return pg_null(r, row, column) ? 0 : pg_get_int(r, row, column) + PG_EPOCH_US;
}

int32_t
pg_get_date(const struct pg_result *r, int row, int column)
{
	return pg_null(r, row, column) ? 0 : (int32_t) pg_get_int(r, row, column) + PG_EPOCH_DAYS;
}

void
pg_result_free(struct pg_result *r)
{
	PQclear((PGresult *) r);
}

/* Columns of a result by their names: a statement may get another one without moving what is read of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/db/pg.h"

int
pg_column(const struct pg_result *r, const char *name)
{
	for (int column = 0; column < pg_columns(r); column++)
		if (strcmp(pg_column_name(r, column), name) == 0)
			return column;
	/* as assert does: whatever was read instead would be another column's */
	fprintf(stderr, "internal error: a statement has no column %s\n", name);
	abort();
}

const char *
pg_text_of(const struct pg_result *r, int row, const char *column)
{
	return pg_text(r, row, pg_column(r, column));
}

int64_t
pg_int_of(const struct pg_result *r, int row, const char *column)
{
	return pg_int(r, row, pg_column(r, column));
}

bool
pg_true_of(const struct pg_result *r, int row, const char *column)
{
	return strcmp(pg_text_of(r, row, column), "t") == 0;
}

bool
pg_null_of(const struct pg_result *r, int row, const char *column)
{
	return pg_null(r, row, pg_column(r, column));
}

#include "lib/finance/view/query.h"

#include <stdlib.h>
#include <string.h>

#include "lib/db/connect.h"
#include "lib/finance/output/memory.h"

int
query_failed(const struct query *q, enum pg_status status)
{
	q->say("the database: %s", pg_why(q->pg));
	return connect_exit(status);
}

/* The statement and the table must speak of the same things. */
static bool
same_columns(const struct table *t, const struct pg_result *r)
{
	if (pg_columns(r) != t->column_count)
		return false;
	for (int i = 0; i < t->column_count; i++)
		if (strcmp(pg_column_name(r, i), t->columns[i].key) != 0)
			return false;
	return true;
}

int
query_fill(const struct query *q, struct table *t, const char *sql, int params, const char *const *values)
{
	struct pg_result *r = NULL;
	enum pg_status status = pg_run(q->pg, sql, params, values, &r);

	if (status != PG_OK)
		return query_failed(q, status);
	if (!same_columns(t, r)) {
		q->say("table %s: the statement has other columns than it should", t->key);
		pg_result_free(r);
		return EXIT_INTERNAL;
	}
	const char **cells = mem_new((size_t) t->column_count, sizeof(char *));
	for (int row = 0; row < pg_rows(r); row++) {
		for (int i = 0; i < t->column_count; i++)
			cells[i] = pg_null(r, row, i) ? NULL : pg_text(r, row, i);
		table_row(t, cells);
	}
	free(cells);
	pg_result_free(r);
	return EXIT_CLEAN;
}

bool
query_is_cut(const struct query *q, const struct table *t)
{
	return q->limit != NULL && t->rows == (size_t) strtoul(q->limit, NULL, 10);
}

void
query_note_cut(const struct query *q, struct table *t, const char *which, const char *by_options)
{
	table_note(t, mem_format("%s %s; %s", which, q->limit, q->whole != NULL ? q->whole : by_options));
}

int
query_end(struct document *d, int code, struct document **ret)
{
	*ret = code == EXIT_CLEAN ? d : NULL;
	if (code != EXIT_CLEAN)
		document_free(d);
	return code;
}

const char *
text_or_null(const char *text)
{
	return text != NULL && *text != '\0' ? text : NULL;
}

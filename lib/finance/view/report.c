#include "lib/finance/view/report.h"

#include "lib/finance/output/memory.h"
#include "lib/finance/view/report_tables.h"
#include "lib/finance/view/view_sql.h"

#define SCOPE_VALUES 4

/* The two sums: any row of the statement is a difference. */
static int
prove_by(const struct query *q, const char *sql, int values, const char *const *scope)
{
	struct pg_result *r = NULL;
	enum pg_status status = pg_run(q->pg, sql, values, scope, &r);

	if (status != PG_OK)
		return query_failed(q, status);
	int rows = pg_rows(r);
	for (int i = 0; i < rows; i++)
		q->say("file %s (%s), %s: %s records with %s points were written, %s with %s are there",
		       pg_text_of(r, i, "file"), pg_text_of(r, i, "name"), pg_text_of(r, i, "outcome"),
		       pg_null_of(r, i, "reported_records") ? "no" : pg_text_of(r, i, "reported_records"),
		       pg_null_of(r, i, "reported_points") ? "no" : pg_text_of(r, i, "reported_points"),
		       pg_null_of(r, i, "counted_records") ? "no" : pg_text_of(r, i, "counted_records"),
		       pg_null_of(r, i, "counted_points") ? "no" : pg_text_of(r, i, "counted_points"));
	pg_result_free(r);
	if (rows == 0)
		return EXIT_CLEAN;
	q->say("the two sums differ: no report; `handbackctl audit verify` shows more");
	return EXIT_PROOF;
}

static int
prove(const struct query *q, const char *const *scope)
{
	int code = prove_by(q, sql_report_proof, SCOPE_VALUES, scope);

	return code == EXIT_CLEAN ? prove_by(q, sql_report_proof_overdue, 1, scope) : code;
}

static int
fill(const struct query *q, struct document *d, const char *const *scope)
{
	for (size_t i = 0; i < report_table_count; i++) {
		const struct report_table *part = &report_tables[i];
		struct table *t =
		    document_add(d, part->key, part->title, part->shape, part->columns, part->column_count);
		if (part->empty != NULL)
			table_empty(t, part->empty);
		int code = query_fill(q, t, part->sql, part->params, scope);
		if (code != EXIT_CLEAN)
			return code;
		if (part->has_total)
			table_last_is_total(t);
		t->quiet = part->quiet;
		if (part->note != NULL)
			table_note(t, mem_text(part->note));
	}
	return EXIT_CLEAN;
}

/* "Files decided from 2026-01-25 on, partner AIR" */
static char *
scope_words(const struct report_asked *asked)
{
	const struct period *period = &asked->period;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		return mem_text("");
	if (asked->file != NULL)
		fprintf(out, "File %s", asked->file);
	else if (*period->from && *period->last)
		fprintf(out, "Files decided from %.10s to %s", period->from, period->last);
	else if (*period->from)
		fprintf(out, "Files decided from %.10s on", period->from);
	else if (*period->last)
		fprintf(out, "Files decided up to %s", period->last);
	else
		fputs("All files", out);
	if (asked->partner != NULL)
		fprintf(out, ", partner %s", asked->partner);
	fputs(". Days and times are UTC.", out);
	fclose(out);
	return text;
}

int
report_take(const struct query *q, const struct report_asked *asked, struct document **ret)
{
	const char *scope[SCOPE_VALUES] = {asked->partner, asked->file, text_or_null(asked->period.from),
	                                   text_or_null(asked->period.to)};
	struct document *d = document_new("report", "Reconciliation report");
	enum pg_status status = pg_begin_snapshot(q->pg);
	int code = status == PG_OK ? prove(q, scope) : query_failed(q, status);

	document_subtitle(d, scope_words(asked));
	if (code == EXIT_CLEAN)
		code = fill(q, d, scope);
	pg_rollback(q->pg);
	return query_end(d, code, ret);
}

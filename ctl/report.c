#include "ctl/report.h"

#include "ctl/ask.h"
#include "ctl/handlers.h"
#include "lib/finance/output/memory.h"
#include "ctl/report_tables.h"
#include "lib/finance/view/view_sql.h"

#define DAYS_PRESET 7
#define SCOPE_VALUES 4

/* The two sums: any row of the statement is a difference. */
static int
prove_by(struct session *s, const char *sql, int values, const char *const *scope)
{
	struct pg_result *r = NULL;
	enum pg_status status = pg_run(s->pg, sql, values, scope, &r);

	if (status != PG_OK)
		return session_failed(s, status);
	int rows = pg_rows(r);
	for (int i = 0; i < rows; i++)
		complain("file %s (%s), %s: %s records with %s points were written, %s with %s are there",
		         pg_text(r, i, 0), pg_text(r, i, 1), pg_text(r, i, 2),
		         pg_null(r, i, 3) ? "no" : pg_text(r, i, 3), pg_null(r, i, 5) ? "no" : pg_text(r, i, 5),
		         pg_null(r, i, 4) ? "no" : pg_text(r, i, 4), pg_null(r, i, 6) ? "no" : pg_text(r, i, 6));
	pg_result_free(r);
	if (rows == 0)
		return EXIT_CLEAN;
	complain("the two sums differ: no report; `handbackctl audit verify` tells more");
	return EXIT_PROOF;
}

static int
prove(struct session *s, const char *const *scope)
{
	int code = prove_by(s, sql_report_proof, SCOPE_VALUES, scope);

	return code == EXIT_CLEAN ? prove_by(s, sql_report_proof_overdue, 1, scope) : code;
}

static int
fill(struct session *s, struct document *d, const char *const *scope)
{
	for (size_t i = 0; i < report_table_count; i++) {
		const struct report_table *part = &report_tables[i];
		struct table *t =
		    document_add(d, part->key, part->title, part->shape, part->columns, part->column_count);
		if (part->empty)
			table_empty(t, part->empty);
		int code = session_fill(s, t, part->sql, part->params, scope);
		if (code != EXIT_CLEAN)
			return code;
		if (part->has_total)
			table_last_is_total(t);
		t->quiet = part->quiet;
		if (part->note)
			table_note(t, mem_text(part->note));
	}
	return EXIT_CLEAN;
}

/* Without --from, --to or --file: today and the six days before. */
static void
preset_period(const struct session *s, struct period *period)
{
	if (s->value[OPT_FROM] || s->value[OPT_TO] || s->value[OPT_FILE] || s->value[OPT_ALL])
		return;
	time_t day = (time(NULL) / 86400 - (DAYS_PRESET - 1)) * 86400;
	struct tm parts;
	gmtime_r(&day, &parts);
	strftime(period->from, sizeof(period->from), "%Y-%m-%d 00:00:00+00", &parts);
}

/* "files decided from 2026-01-25 on, partner AIR" */
static char *
scope_words(const struct session *s, const struct period *period, const char *file)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return mem_text("");
	if (file)
		fprintf(out, "File %s", file);
	else if (*period->from && s->value[OPT_TO])
		fprintf(out, "Files decided from %.10s to %s", period->from, s->value[OPT_TO]);
	else if (*period->from)
		fprintf(out, "Files decided from %.10s on", period->from);
	else if (s->value[OPT_TO])
		fprintf(out, "Files decided up to %s", s->value[OPT_TO]);
	else
		fputs("All files", out);
	if (s->value[OPT_PARTNER])
		fprintf(out, ", partner %s", s->value[OPT_PARTNER]);
	fputs(". Days and times are UTC.", out);
	fclose(out);
	return text;
}

static struct document *
take(struct session *s, const struct period *period, const char *file, int *ret_code)
{
	const char *scope[SCOPE_VALUES] = {s->value[OPT_PARTNER], file, or_null(period->from),
	                                   or_null(period->to)};
	struct document *d = document_new("report", "Reconciliation report");
	enum pg_status status = pg_begin_snapshot(s->pg);
	int code = status == PG_OK ? prove(s, scope) : session_failed(s, status);

	document_subtitle(d, scope_words(s, period, file));
	if (code == EXIT_CLEAN)
		code = fill(s, d, scope);
	pg_rollback(s->pg);
	if (code == EXIT_CLEAN)
		return d;
	document_free(d);
	*ret_code = code;
	return NULL;
}

struct document *
report_take(struct session *s, int *ret_code)
{
	struct period period;
	char *file = NULL;
	int code = ask_period(s, &period);

	if (code == EXIT_CLEAN)
		code = session_open(s, SESSION_READS);
	if (code == EXIT_CLEAN && s->value[OPT_FILE])
		code = ask_file(s, s->value[OPT_FILE], &file);
	if (code != EXIT_CLEAN) {
		*ret_code = code;
		return NULL;
	}
	preset_period(s, &period);
	struct document *d = take(s, &period, file, ret_code);
	free(file);
	return d;
}

struct document *
report_of_day(struct session *s, const char *day, int *ret_code)
{
	struct period period;
	struct document *d;

	s->value[OPT_FROM] = s->value[OPT_TO] = day;
	*ret_code = ask_period(s, &period);
	d = *ret_code == EXIT_CLEAN ? take(s, &period, NULL, ret_code) : NULL;
	s->value[OPT_FROM] = s->value[OPT_TO] = NULL;
	return d;
}

int
run_report(struct session *s)
{
	int code = EXIT_INTERNAL;
	struct document *d = report_take(s, &code);

	if (!d)
		return code;
	code = s->value[OPT_WRITE] ? report_keep(s, d, NULL) : session_show(s, d);
	document_free(d);
	return code;
}

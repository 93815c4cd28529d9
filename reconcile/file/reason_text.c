#include "reconcile/file/reason_text.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/limits.h"
#include "lib/base/text.h"
#include "lib/db/params.h"
#include "reconcile/file/file_sql.h"

/* A value from outside: on one line, harmless to a terminal. */
static void
print_safe(FILE *out, const struct pg_result *r, int row, const char *column)
{
	char safe[TEXT_ESCAPED_SIZE(LIMIT_MESSAGE_BYTES)];
	const char *text = pg_text_of(r, row, column);

	text_display(safe, sizeof(safe), text, strnlen(text, LIMIT_MESSAGE_BYTES));
	fputs(safe, out);
}

static void
print_line(FILE *out, const char *label, const struct pg_result *r, const char *column)
{
	if (pg_null_of(r, 0, column))
		return;
	fprintf(out, "%-15s", label);
	print_safe(out, r, 0, column);
	fputc('\n', out);
}

static void
print_file(FILE *out, const struct pg_result *r, int64_t file_id)
{
	static const struct {
		const char *label, *column;
	} lines[] = {
	    {"name", "name_shown"}, {"source", "source"},
	    {"partner", "partner"}, {"profile", "profile"},
	    {"sha-256", "sha256"},  {"bytes", "bytes"},
	    {"number", "sequence"}, {"business date", "business_date"},
	    {"records", "records"}, {"seen", "seen"},
	    {"decided", "decided"},
	};

	fprintf(out, "held: ");
	print_safe(out, r, 0, "reason");
	fprintf(out, ": ");
	print_safe(out, r, 0, "meaning");
	fprintf(out, "\n\n%-15s%" PRId64 "\n", "file", file_id);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		print_line(out, lines[i].label, r, lines[i].column);
}

static void
print_refusals(FILE *out, const struct pg_result *r)
{
	if (pg_rows(r) > 0)
		fprintf(out, "\nrefused because\n");
	for (int i = 0; i < pg_rows(r); i++) {
		fprintf(out, "  ");
		if (!pg_null_of(r, i, "record_no"))
			fprintf(out, "record %s, ", pg_text_of(r, i, "record_no"));
		if (!pg_null_of(r, i, "byte_offset"))
			fprintf(out, "byte %s, ", pg_text_of(r, i, "byte_offset"));
		if (!pg_null_of(r, i, "field")) {
			fprintf(out, "field ");
			print_safe(out, r, i, "field");
			fprintf(out, ", ");
		}
		if (!pg_null_of(r, i, "value_shown")) {
			fprintf(out, "value \"");
			print_safe(out, r, i, "value_shown");
			fprintf(out, "\", ");
		}
		fprintf(out, "rule ");
		print_safe(out, r, i, "rule");
		fprintf(out, ": ");
		print_safe(out, r, i, "message");
		fputc('\n', out);
	}
}

static void
print_controls(FILE *out, const struct pg_result *r)
{
	if (pg_rows(r) > 0)
		fprintf(out, "\ncontrol totals\n");
	for (int i = 0; i < pg_rows(r); i++) {
		fprintf(out, "  ");
		print_safe(out, r, i, "name");
		fprintf(out, " (");
		print_safe(out, r, i, "place");
		fprintf(out, "): stated %s, counted %s: %s\n",
		        pg_null_of(r, i, "stated") ? "nothing" : pg_text_of(r, i, "stated"),
		        pg_null_of(r, i, "counted") ? "nothing" : pg_text_of(r, i, "counted"),
		        pg_true_of(r, i, "agrees") ? "agrees" : "differs");
	}
}

enum pg_status
reason_text(struct pg *pg, int64_t file_id, char **ret_text)
{
	struct pg_result *file = NULL, *refusals = NULL, *controls = NULL;
	struct params p = {0};
	char *text = NULL;
	size_t len = 0;
	enum pg_status status;
	FILE *out;

	param_int(&p, file_id);
	status = pg_run_prepared(pg, sql_reason_file, p.n, p.value, &file);
	if (status == PG_OK)
		status = pg_run_prepared(pg, sql_reason_refusals, p.n, p.value, &refusals);
	if (status == PG_OK)
		status = pg_run_prepared(pg, sql_reason_controls, p.n, p.value, &controls);
	out = status == PG_OK ? open_memstream(&text, &len) : NULL;
	if (out != NULL) {
		print_file(out, file, file_id);
		print_refusals(out, refusals);
		print_controls(out, controls);
		fprintf(out, "\nwhat to do\n  ");
		print_safe(out, file, 0, "action_required");
		fprintf(out, "\n  handbackctl show %" PRId64 "\n", file_id);
		if (fclose(out) == 0)
			*ret_text = text;
		else
			status = PG_LOST;
	} else if (status == PG_OK) {
		status = PG_LOST; /* no memory */
	}
	pg_result_free(file);
	pg_result_free(refusals);
	pg_result_free(controls);
	return status;
}

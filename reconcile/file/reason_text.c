#include "reconcile/file/reason_text.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/limits.h"
#include "lib/base/text.h"
#include "lib/db/params.h"
#include "reconcile/file/file_sql.h"

/* A value from outside: on one line, harmless to a terminal. */
static void
print_safe(FILE *out, const struct pg_result *r, int row, int column)
{
	char safe[TEXT_ESCAPED_SIZE(LIMIT_MESSAGE_BYTES)];
	const char *text = pg_text(r, row, column);

	text_display(safe, sizeof(safe), text, strnlen(text, LIMIT_MESSAGE_BYTES));
	fputs(safe, out);
}

static void
print_line(FILE *out, const char *label, const struct pg_result *r, int column)
{
	if (pg_null(r, 0, column))
		return;
	fprintf(out, "%-15s", label);
	print_safe(out, r, 0, column);
	fputc('\n', out);
}

static void
print_file(FILE *out, const struct pg_result *r, int64_t file_id)
{
	static const char *const labels[] = {"name",   "source",        "partner", "profile", "sha-256", "bytes",
	                                     "number", "business date", "records", "seen",    "decided"};
	enum { REASON = sizeof(labels) / sizeof(labels[0]), MEANING };

	fprintf(out, "held: ");
	print_safe(out, r, 0, REASON);
	fprintf(out, ": ");
	print_safe(out, r, 0, MEANING);
	fprintf(out, "\n\n%-15s%" PRId64 "\n", "file", file_id);
	for (int i = 0; i < REASON; i++)
		print_line(out, labels[i], r, i);
}

static void
print_refusals(FILE *out, const struct pg_result *r)
{
	enum { RECORD, OFFSET, FIELD, VALUE, RULE, MESSAGE };

	if (pg_rows(r) > 0)
		fprintf(out, "\nrefused because\n");
	for (int i = 0; i < pg_rows(r); i++) {
		fprintf(out, "  ");
		if (!pg_null(r, i, RECORD))
			fprintf(out, "record %s, ", pg_text(r, i, RECORD));
		if (!pg_null(r, i, OFFSET))
			fprintf(out, "byte %s, ", pg_text(r, i, OFFSET));
		if (!pg_null(r, i, FIELD)) {
			fprintf(out, "field ");
			print_safe(out, r, i, FIELD);
			fprintf(out, ", ");
		}
		if (!pg_null(r, i, VALUE)) {
			fprintf(out, "value \"");
			print_safe(out, r, i, VALUE);
			fprintf(out, "\", ");
		}
		fprintf(out, "rule ");
		print_safe(out, r, i, RULE);
		fprintf(out, ": ");
		print_safe(out, r, i, MESSAGE);
		fputc('\n', out);
	}
}

static void
print_controls(FILE *out, const struct pg_result *r)
{
	enum { NAME, PLACE, STATED, COUNTED, AGREES };

	if (pg_rows(r) > 0)
		fprintf(out, "\ncontrol totals\n");
	for (int i = 0; i < pg_rows(r); i++) {
		fprintf(out, "  ");
		print_safe(out, r, i, NAME);
		fprintf(out, " (");
		print_safe(out, r, i, PLACE);
		fprintf(out, "): stated %s, counted %s: %s\n",
		        pg_null(r, i, STATED) ? "nothing" : pg_text(r, i, STATED),
		        pg_null(r, i, COUNTED) ? "nothing" : pg_text(r, i, COUNTED),
		        strcmp(pg_text(r, i, AGREES), "t") == 0 ? "agrees" : "differs");
	}
}

enum pg_status
reason_text(struct pg *pg, int64_t file_id, char **ret_text)
{
	enum { ACTION_REQUIRED = 13 };
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
		print_safe(out, file, 0, ACTION_REQUIRED);
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

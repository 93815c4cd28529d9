#include "lib/finance/view/sign_off.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/finance/output/memory.h"
#include "lib/finance/output/render.h"
#include "lib/finance/view/finance.h"
#include "lib/finance/view/view_sql.h"

#define DAY_SIZE 11

const char *const sign_off_steps[] = {"prepared", "reviewed", "signed", NULL};

static const struct column step_columns[] = {
    {"step", "Step", COLUMN_TEXT, 0, 0, NULL},
    {"person", "Person", COLUMN_TEXT, 16, 0, NULL},
    {"at", "At (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"sealed", "Sealed by head", COLUMN_TEXT, 16, 0, NULL},
};
static const struct column change_columns[] = {
    {"said", "Figures", COLUMN_TEXT, 0, 0, NULL},
    {"figure", "Figure", COLUMN_TEXT, 16, 0, NULL},
};

/* The roll-forward as it is signed; the caller's to free. */
static char *
figures_of(const struct table *t)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		mem_none();
	render_csv(out, t);
	if (fclose(out) != 0)
		mem_none();
	return text;
}

static const char *
seen_of(const char *figures, char ret[SIGN_OFF_SEEN_SIZE])
{
	uint8_t hash[SHA256_BYTES];

	sha256_of(figures, strlen(figures), hash);
	return text_hex(ret, hash, sizeof(hash));
}

int
sign_off_add(const struct query *q, struct document *d, const struct period *month, const struct table *now)
{
	char day[DAY_SIZE], *figures = figures_of(now);
	const char *values[] = {day, figures};
	struct table *t = document_add(d, "sign_off", "Sign-off", TABLE_ROWS, COLUMNS(step_columns));

	snprintf(day, sizeof(day), "%.10s", month->from);
	int code = query_fill(q, t, sql_sign_off, 1, values);
	if (code == EXIT_CLEAN) {
		t = document_add(d, "changes", "Changed since it was prepared", TABLE_ROWS, COLUMNS(change_columns));
		table_empty(t, "no figure");
		code = query_fill(q, t, sql_sign_off_changes, 2, values);
	}
	free(figures);
	return code;
}

/* The roll-forward of the month; its proof is looked at. */
static int
take_figures(const struct query *q, const struct period *month, struct document **ret)
{
	const struct finance_asked asked = {.period = *month};

	return finance_take_here(q, &report_roll_forward, &asked, ret);
}

int
sign_off_take(const struct query *q, const struct period *month, char ret_seen[SIGN_OFF_SEEN_SIZE], struct document **ret)
{
	struct document *d = document_new("sign-off", "Month end"), *figures = NULL;
	enum pg_status status = pg_begin_snapshot(q->pg);
	int code = status == PG_OK ? take_figures(q, month, &figures) : query_failed(q, status), shown = code;

	ret_seen[0] = '\0';
	document_subtitle(d, mem_format("%.7s. Days and times are UTC.", month->from));
	if (figures != NULL) {
		char *text = figures_of(figures->tables[0]);

		seen_of(text, ret_seen);
		free(text);
		shown = sign_off_add(q, d, month, figures->tables[0]);
	}
	if (shown == EXIT_CLEAN && d->tables[1]->rows > 0) {
		q->say("figures of %.7s are others than those that were prepared", month->from);
		code = EXIT_PROOF;
	}
	if (shown == EXIT_CLEAN)
		shown = finance_source(q, d);
	pg_rollback(q->pg);
	document_free(figures);
	if (shown != EXIT_CLEAN)
		return query_end(d, shown, ret);
	*ret = d;
	return code;
}

int
sign_off_do(const struct query *q, const struct period *month, const char *step, const char *seen, const char *why)
{
	struct document *figures = NULL;
	enum pg_status status = pg_begin_snapshot(q->pg);
	int code = status == PG_OK ? take_figures(q, month, &figures) : query_failed(q, status);

	pg_rollback(q->pg);
	if (code == EXIT_CLEAN) {
		char day[DAY_SIZE], hex[SIGN_OFF_SEEN_SIZE], *text = figures_of(figures->tables[0]);
		const char *values[] = {day, step, text, why};

		snprintf(day, sizeof(day), "%.10s", month->from);
		bool same = seen == NULL || strcmp(seen, seen_of(text, hex)) == 0;
		status = same ? pg_run(q->pg, sql_sign_off_do, 4, values, NULL) : PG_OK;
		if (!same) {
			q->say("the figures are others than those that you saw: look at them again");
			code = EXIT_USAGE;
		} else if (status == PG_ERROR) {
			q->say("%s", pg_why(q->pg));
			code = EXIT_USAGE;
		} else if (status != PG_OK)
			code = query_failed(q, status);
		free(text);
	}
	document_free(figures);
	return code;
}

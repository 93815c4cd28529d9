/* overdue: redemptions that partners should have answered by now. */
#include "ctl/ask.h"
#include "ctl/handlers.h"
#include "lib/finance/output/memory.h"
#include "lib/finance/view/view_sql.h"

#define OVERDUE_PRESET "100"

static const struct column overdue_columns[] = {
    {"due", "Due (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"days", "Days late", COLUMN_NUMBER, 0, 0, NULL},
    {"partner", "Partner", COLUMN_TEXT, 6, 0, NULL},
    {"programme", "Programme", COLUMN_TEXT, 0, 5, NULL},
    {"redemption_id", "Redemption", COLUMN_NUMBER, 0, 4, NULL},
    {"external_reference", "Reference", COLUMN_TEXT, 36, 0, NULL},
    {"redeemed", "Redeemed (UTC)", COLUMN_TIME, 0, 3, NULL},
    {"points", "Points", COLUMN_NUMBER, 0, 0, NULL},
    {"said", "Last said", COLUMN_TEXT, 0, 1, NULL},
    {"file", "A file shows it", COLUMN_NUMBER, 0, 2, NULL},
};

int
run_overdue(struct session *s)
{
	char buf[24];
	const char *limit = NULL;
	int code = ask_limit(s, OVERDUE_PRESET, buf, &limit);

	if (code == EXIT_CLEAN)
		code = session_open(s, SESSION_READS);
	if (code != EXIT_CLEAN)
		return code;
	struct document *d = document_new("overdue", NULL);
	struct table *t = document_add(d, "overdue", NULL, TABLE_ROWS, COLUMNS(overdue_columns));
	const char *values[] = {s->value[OPT_PARTNER], limit};

	table_empty(t, "no answer is overdue by the terms that the last nightly run found");
	code = session_fill(s, t, sql_overdue, 2, values);
	if (limit && t->rows == (size_t) strtoul(limit, NULL, 10))
		table_note(t, mem_format("the %s that are due for longest; --all shows every one", limit));
	if (code == EXIT_CLEAN)
		code = session_show(s, d);
	document_free(d);
	return code;
}

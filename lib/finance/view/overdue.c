/* Redemptions that partners should have answered by now. */
#include "lib/finance/output/memory.h"
#include "lib/finance/view/view_sql.h"
#include "lib/finance/view/views.h"

static const struct column overdue_columns[] = {
    {"due", "Due (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"days", "Days late", COLUMN_NUMBER, 0, 0, NULL},
    {"partner", "Partner", COLUMN_TEXT, 6, 0, NULL},
    {"programme", "Programme", COLUMN_TEXT, 0, 5, NULL},
    {"redemption_id", "Redemption", COLUMN_NUMBER, 0, 4, NULL},
    {"external_reference", "Reference", COLUMN_TEXT, 36, 0, NULL},
    {"redeemed", "Redeemed (UTC)", COLUMN_TIME, 0, 3, NULL},
    {"points", "Points", COLUMN_NUMBER, 0, 0, NULL},
    {"last_reply", "Last reply", COLUMN_TEXT, 0, 1, NULL},
    {"file", "Shown by file", COLUMN_NUMBER, 0, 2, NULL},
};

int
view_overdue(const struct query *q, const char *partner, struct document **ret)
{
	struct document *d = document_new("overdue", NULL);
	struct table *t = document_add(d, "overdue", NULL, TABLE_ROWS, COLUMNS(overdue_columns));
	const char *values[] = {partner, q->limit};
	int code;

	table_empty(t, "no redemption is past its response SLA, by the terms of the last nightly run");
	code = query_fill(q, t, sql_overdue, 2, values);
	if (query_is_cut(q, t))
		query_note_cut(q, t, "those that are due for longest:", "--all shows every one");
	return query_end(d, code, ret);
}

/* How things stand now, on one page: the figures, and below them what is behind those that are not good. */
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/finance/view/view_sql.h"
#include "lib/finance/view/views.h"

static const struct column figure_columns[] = {
    {"expected", "Expected files", COLUMN_NUMBER, 0, 0, NULL},
    {"late", "Late", COLUMN_ZERO, 0, 0, NULL},
    {"missing", "Missing", COLUMN_ZERO, 0, 0, NULL},
    {"holds", "On hold", COLUMN_NUMBER, 0, 0, NULL},
    {"hold_points", "Points on hold", COLUMN_NUMBER, 0, 0, NULL},
    {"proposals", "To be approved", COLUMN_NUMBER, 0, 0, NULL},
    {"failing", "Failing", COLUMN_ZERO, 0, 0, NULL},
    {"unanswered", "Unanswered", COLUMN_NUMBER, 0, 0, NULL},
    {"unanswered_points", "Points unanswered", COLUMN_NUMBER, 0, 0, NULL},
    {"lagging", "Targets lagging", COLUMN_ZERO, 0, 0, NULL},
};

static const struct column expected_columns[] = {
    {"state", "State", COLUMN_WORD, 0, 0, NULL},
    {"source", "Source", COLUMN_TEXT, 6, 0, NULL},
    {"kind", "Kind", COLUMN_TEXT, 6, 1, NULL},
    {"due", "Due (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"late", "Late from (UTC)", COLUMN_TIME, 0, 2, NULL},
    {"came", "Came", COLUMN_NUMBER, 0, 0, NULL},
    {"files", "Of", COLUMN_NUMBER, 0, 0, NULL},
};

static const struct column reason_columns[] = {
    {"reason", "Reason", COLUMN_TEXT, 12, 0, NULL},
    {"files", "Files", COLUMN_NUMBER, 0, 0, NULL},
    {"records", "Records", COLUMN_NUMBER, 0, 0, NULL},
    {"points", "Points", COLUMN_NUMBER, 0, 0, NULL},
    {"today", "Under 1 day", COLUMN_NUMBER, 0, 2, NULL},
    {"week", "1 to 7 days", COLUMN_NUMBER, 0, 2, NULL},
    {"older", "Older", COLUMN_NUMBER, 0, 1, NULL},
    {"oldest", "Oldest (UTC)", COLUMN_TIME, 0, 3, NULL},
    {"action_required", "Action required", COLUMN_SENTENCE, 20, 4, NULL},
};

static const struct column failing_columns[] = {
    {"source", "Source", COLUMN_TEXT, 6, 0, NULL}, {"name", "Name", COLUMN_NAME, 14, 0, NULL},
    {"tries", "Tries", COLUMN_NUMBER, 0, 0, NULL}, {"last", "Last (UTC)", COLUMN_TIME, 0, 1, NULL},
    {"why", "Why", COLUMN_SENTENCE, 20, 0, NULL},
};

static const struct column unanswered_columns[] = {
    {"partner", "Partner", COLUMN_TEXT, 6, 0, NULL},
    {"redemptions", "Redemptions", COLUMN_NUMBER, 0, 0, NULL},
    {"points", "Points", COLUMN_NUMBER, 0, 0, NULL},
    {"oldest", "Oldest due (UTC)", COLUMN_TIME, 0, 1, NULL},
};

static const struct column target_columns[] = {
    {"target", "Target", COLUMN_TEXT, 6, 0, NULL},
    {"state", "State", COLUMN_WORD, 0, 0, NULL},
    {"waiting_since", "Waiting since (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"later", "To be sent again", COLUMN_NUMBER, 0, 1, NULL},
    {"held", "On hold", COLUMN_NUMBER, 0, 0, NULL},
    {"last", "Last delivery (UTC)", COLUMN_TIME, 0, 2, NULL},
    {"result", "Result", COLUMN_WORD, 0, 1, NULL},
    {"why", "Why", COLUMN_SENTENCE, 20, 3, NULL},
};

/* Of all rows. */
static int64_t
sum_of(const struct table *t, const char *key)
{
	int column = table_column(t, key);
	int64_t sum = 0, one;

	for (size_t i = 0; i < t->rows; i++)
		if (text_int(table_cell(t, i, column), 0, INT64_MAX, &one))
			sum += one;
	return sum;
}

/* What the tables have already is not asked for again. */
static int
fill_figures(const struct query *q, struct table *figures, const struct table *unanswered,
             const struct table *held)
{
	const int64_t sums[] = {sum_of(unanswered, "redemptions"), sum_of(unanswered, "points"),
	                        sum_of(held, "files") + sum_of(held, "records"), sum_of(held, "points")};
	char text[sizeof(sums) / sizeof(sums[0])][24];
	const char *values[sizeof(sums) / sizeof(sums[0])];

	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++) {
		snprintf(text[i], sizeof(text[i]), "%lld", (long long) sums[i]);
		values[i] = text[i];
	}
	return query_fill(q, figures, sql_today_figures, 4, values);
}

int
view_today(const struct query *q, struct document **ret)
{
	static const char *const every_partner[] = {NULL};
	static const struct {
		const char *key, *title, *empty;
		enum table_shape shape;
		const struct column *columns;
		int count;
		const char *sql;
		int params;
	} parts[] = {
	    {"expected", "Expected, late and missing files",
	     "no file is expected before tomorrow, and none is late", TABLE_ROWS, COLUMNS(expected_columns),
	     sql_today_expected, 0},
	    {"reasons", "On hold, by reason and age", "nothing is on hold", TABLE_ROWS, COLUMNS(reason_columns),
	     sql_holds_by_reason, 1},
	    {"unanswered", "Unanswered past the partner's response SLA", "no answer is overdue", TABLE_ROWS,
	     COLUMNS(unanswered_columns), sql_today_unanswered, 0},
	    {"failing", "Failing files", NULL, TABLE_ROWS, COLUMNS(failing_columns), sql_today_failing, 0},
	    {"targets", "Targets that lag or are paused", NULL, TABLE_ROWS, COLUMNS(target_columns),
	     sql_today_targets, 0},
	};
	struct document *d = document_new("today", "Today");
	struct table *figures = document_add(d, "figures", NULL, TABLE_TILES, COLUMNS(figure_columns));
	const struct table *unanswered = NULL, *held = NULL;
	int code = EXIT_CLEAN;

	for (size_t i = 0; code == EXIT_CLEAN && i < sizeof(parts) / sizeof(parts[0]); i++) {
		struct table *t =
		    document_add(d, parts[i].key, parts[i].title, parts[i].shape, parts[i].columns, parts[i].count);

		if (parts[i].empty != NULL)
			table_empty(t, parts[i].empty);
		code = query_fill(q, t, parts[i].sql, parts[i].params, every_partner);
		if (strcmp(parts[i].key, "unanswered") == 0)
			unanswered = t;
		else if (strcmp(parts[i].key, "reasons") == 0)
			held = t;
	}
	if (code == EXIT_CLEAN)
		code = fill_figures(q, figures, unanswered, held);
	return query_end(d, code, ret);
}

/* ---- redemptions that partners should have answered by now ---- */

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

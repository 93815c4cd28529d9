/* Open holds, and those that have ended. */
#include "lib/finance/output/memory.h"
#include "lib/finance/view/file_tables.h"
#include "lib/finance/view/view_sql.h"
#include "lib/finance/view/views.h"

static const struct column hold_columns[] = {
    {"hold", "Hold", COLUMN_NUMBER, 0, 0, NULL},
    {"opened", "Opened (UTC)", COLUMN_TIME, 0, 6, NULL},
    {"age", "Age", COLUMN_WORD, 0, 0, NULL},
    {"partner", "Partner", COLUMN_TEXT, 6, 3, NULL},
    {"file", "File", COLUMN_NUMBER, 0, 0, NULL},
    {"name", "Name", COLUMN_NAME, 14, 4, NULL},
    {"record", "Record", COLUMN_NUMBER, 0, 0, NULL},
    {"reason", "Reason", COLUMN_TEXT, 12, 0, NULL},
    {"points", "Points", COLUMN_NUMBER, 0, 0, NULL},
    {"redemption_id", "Redemption", COLUMN_NUMBER, 0, 5, NULL},
    {"redemption_state", "It is already", COLUMN_WORD, 0, 0, NULL},
    {"owner", "With", COLUMN_TEXT, 6, 5, NULL},
    {"proposal", "Proposal", COLUMN_NUMBER, 0, 5, NULL},
    {"comment", "Last comment", COLUMN_SENTENCE, 16, 8, NULL},
    {"action_required", "Action required", COLUMN_SENTENCE, 20, 7, NULL},
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

static const struct column ended_columns[] = {
    {"hold", "Hold", COLUMN_NUMBER, 0, 0, NULL},
    {"ended", "Ended (UTC)", COLUMN_TIME, 0, 2, NULL},
    {"how", "How", COLUMN_TEXT, 12, 0, NULL},
    {"ended_by", "By", COLUMN_TEXT, 6, 1, NULL},
    {"partner", "Partner", COLUMN_TEXT, 6, 3, NULL},
    {"file", "File", COLUMN_NUMBER, 0, 0, NULL},
    {"name", "Name", COLUMN_NAME, 14, 5, NULL},
    {"record", "Record", COLUMN_NUMBER, 0, 0, NULL},
    {"reason", "Reason", COLUMN_TEXT, 12, 0, NULL},
    {"points", "Points", COLUMN_NUMBER, 0, 0, NULL},
    {"redemption_id", "Redemption", COLUMN_NUMBER, 0, 6, NULL},
    {"opened", "Opened (UTC)", COLUMN_TIME, 0, 4, NULL},
};

static int
fill_ended(const struct query *q, struct document *d, const struct holds_asked *asked)
{
	const char *values[] = {asked->partner, asked->reason, asked->file, q->limit};
	struct table *t = document_add(d, "ended", NULL, TABLE_ROWS, COLUMNS(ended_columns));
	int code;

	table_empty(t, "no hold has ended");
	code = query_fill(q, t, sql_holds_ended, 4, values);
	if (code == EXIT_CLEAN && query_is_cut(q, t))
		query_note_cut(q, t, "the newest", "--all shows every one");
	return code;
}

static int
fill_holds(const struct query *q, struct document *d, const struct holds_asked *asked)
{
	const char *values[] = {asked->partner, asked->reason, asked->file, q->limit, asked->after, asked->owner};
	struct table *t = document_add(d, "holds", NULL, TABLE_ROWS, COLUMNS(hold_columns));
	int code;

	table_empty(t, "nothing waits for anyone");
	code = query_fill(q, t, sql_holds, 6, values);
	if (code != EXIT_CLEAN || t->rows == 0)
		return code;
	if (query_is_cut(q, t))
		query_note_cut(q, t, "the oldest", "--all shows every hold");
	if (asked->file != NULL || asked->reason != NULL || asked->owner != NULL || asked->after != NULL)
		return code; /* sums of all stand where the list of all begins */
	t = document_add(d, "reasons", "By reason and age", TABLE_ROWS, COLUMNS(reason_columns));
	return query_fill(q, t, sql_holds_by_reason, 1, &asked->partner);
}

int
view_holds(const struct query *q, const struct holds_asked *asked, struct document **ret)
{
	struct document *d = document_new("holds", NULL);
	int code = asked->ended ? fill_ended(q, d, asked) : fill_holds(q, d, asked);

	if (code == EXIT_CLEAN && !asked->ended && asked->file == NULL && asked->reason == NULL &&
	    asked->owner == NULL)
		code = file_releases(q, d, asked->partner, NULL);
	return query_end(d, code, ret);
}

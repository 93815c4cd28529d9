/* holds: what waits for people. */
#include "ctl/ask.h"
#include "ctl/file_tables.h"
#include "ctl/handlers.h"
#include "lib/finance/output/memory.h"
#include "lib/finance/view/view_sql.h"

#define HOLDS_PRESET "100"

static const struct column hold_columns[] = {
    {"hold", "Hold", COLUMN_NUMBER, 0, 0, NULL},
    {"opened", "Opened (UTC)", COLUMN_TIME, 0, 6, NULL},
    {"age", "Age", COLUMN_TEXT, 0, 0, NULL},
    {"partner", "Partner", COLUMN_TEXT, 6, 3, NULL},
    {"file", "File", COLUMN_NUMBER, 0, 0, NULL},
    {"name", "Name", COLUMN_NAME, 14, 4, NULL},
    {"record", "Record", COLUMN_NUMBER, 0, 0, NULL},
    {"reason", "Reason", COLUMN_TEXT, 12, 0, NULL},
    {"points", "Points", COLUMN_NUMBER, 0, 0, NULL},
    {"redemption_id", "Redemption", COLUMN_NUMBER, 0, 5, NULL},
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
fill_ended(struct session *s, struct document *d, const char *file, const char *limit)
{
	const char *values[] = {s->value[OPT_PARTNER], s->value[OPT_REASON], file, limit};
	struct table *t = document_add(d, "ended", NULL, TABLE_ROWS, COLUMNS(ended_columns));

	table_empty(t, "no hold has ended");
	int code = session_fill(s, t, sql_holds_ended, 4, values);
	if (code == EXIT_CLEAN && limit && t->rows == (size_t) strtoul(limit, NULL, 10))
		table_note(t, mem_format("the newest %s; --all shows every one", limit));
	return code;
}

static int
fill_holds(struct session *s, struct document *d, const char *file, const char *limit)
{
	const char *partner = s->value[OPT_PARTNER];
	const char *values[] = {partner, s->value[OPT_REASON], file, limit};
	struct table *t = document_add(d, "holds", NULL, TABLE_ROWS, COLUMNS(hold_columns));

	table_empty(t, "nothing waits for anyone");
	int code = session_fill(s, t, sql_holds, 4, values);
	if (code != EXIT_CLEAN || t->rows == 0)
		return code;
	if (limit && t->rows == (size_t) strtoul(limit, NULL, 10))
		table_note(t, mem_format("the oldest %s; --all shows every hold", limit));
	if (file || s->value[OPT_REASON])
		return code;
	t = document_add(d, "reasons", "By reason and age", TABLE_ROWS, COLUMNS(reason_columns));
	return session_fill(s, t, sql_holds_by_reason, 1, &partner);
}

int
run_holds(struct session *s)
{
	char buf[24], *file = NULL;
	const char *limit = NULL;
	int code = ask_limit(s, HOLDS_PRESET, buf, &limit);

	if (code == EXIT_CLEAN)
		code = session_open(s, SESSION_READS);
	if (code == EXIT_CLEAN && s->value[OPT_FILE])
		code = ask_file(s, s->value[OPT_FILE], &file);
	if (code != EXIT_CLEAN)
		return code;
	struct document *d = document_new("holds", NULL);
	code = s->value[OPT_ENDED] ? fill_ended(s, d, file, limit) : fill_holds(s, d, file, limit);
	if (code == EXIT_CLEAN && !s->value[OPT_ENDED] && !file && !s->value[OPT_REASON])
		code = file_releases(s, d, s->value[OPT_PARTNER], NULL);
	if (code == EXIT_CLEAN)
		code = session_show(s, d);
	document_free(d);
	free(file);
	return code;
}

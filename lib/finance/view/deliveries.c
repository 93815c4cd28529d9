/* Which files partners should have sent, and which came. */
#include "lib/finance/view/finance.h"
#include "lib/finance/view/view_sql.h"

static const struct column partner_columns[] = {
    {"partner", "Partner", COLUMN_TEXT, 8, 0, NULL},
    {"source", "Source", COLUMN_TEXT, 8, 2, NULL},
    {"kind", "Expected", COLUMN_TEXT, 6, 1, NULL},
    {"expected", "Files", COLUMN_NUMBER, 0, 0, NULL},
    {"on_time", "On time", COLUMN_NUMBER, 0, 0, "confirmed"},
    {"late", "Late", COLUMN_NUMBER, 0, 0, "held"},
    {"missing", "Missing", COLUMN_NUMBER, 0, 0, "missing"},
    {"poll_failed", "Not known", COLUMN_NUMBER, 0, 3, "already_applied"},
    {"nothing_due", "Nothing due", COLUMN_NUMBER, 0, 3, "duplicate_record"},
    {"due", "Still due", COLUMN_NUMBER, 0, 3, "informational"},
    {"unexpected", "Unexpected", COLUMN_NUMBER, 0, 1, NULL},
    {"missing_since", "Missing since", COLUMN_TEXT, 0, 0, NULL},
};

static const struct column row_columns[] = {
    {"partner", "Partner", COLUMN_TEXT, 8, 1, NULL},
    {"source", "Source", COLUMN_TEXT, 8, 0, NULL},
    {"kind", "Expected", COLUMN_TEXT, 6, 0, NULL},
    {"day", "Day", COLUMN_TEXT, 0, 0, NULL},
    {"due", "Due (UTC)", COLUMN_TIME, 0, 2, NULL},
    {"late_after", "Late after (UTC)", COLUMN_TIME, 0, 3, NULL},
    {"state", "State", COLUMN_WORD, 0, 0, NULL},
    {"came", "Came", COLUMN_NUMBER, 0, 0, NULL},
    {"files", "Of", COLUMN_NUMBER, 0, 0, NULL},
    {"file", "File", COLUMN_NUMBER, 0, 3, NULL},
};

static const struct report_table tables[] = {
    {"deliveries", NULL, "No file was expected in this time.", TABLE_ROWS, COLUMNS(partner_columns),
     sql_deliveries_partners, 3, false,
     "Of files whose time was over in the period. Not known: the source could not be polled. Rows are "
     "behind each of on_time, "
     "late, missing, poll_failed, nothing_due, due, unexpected, all"},
};
static const struct report_table rows = {
    "rows", NULL, "no such file", TABLE_ROWS, COLUMNS(row_columns), sql_deliveries_rows, 5, false, NULL};

static const char *const figures[] = {"on_time", "late",       "missing", "poll_failed", "nothing_due",
                                      "due",     "unexpected", "all",     NULL};

const struct finance_report report_deliveries = {
    .name = "deliveries",
    .title = "Expected, late and missing files",
    .tables = tables,
    .table_count = sizeof(tables) / sizeof(tables[0]),
    .rows = &rows,
    .figures = figures,
};

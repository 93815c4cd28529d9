/* Day by day: what is open, and is it more than yesterday. */
#include "lib/finance/view/finance.h"
#include "lib/finance/view/view_sql.h"

static const struct column point_columns[] = {
    {"day", "Day", COLUMN_TEXT, 0, 0, NULL},
    {"programme", "Programme", COLUMN_TEXT, 0, 1, NULL},
    {"debits", "Debits", COLUMN_NUMBER, 0, 3, NULL},
    {"debit_points", "Points debited", COLUMN_NUMBER, 0, 2, NULL, true},
    {"confirmed", "Points confirmed", COLUMN_NUMBER, 0, 2, NULL, true},
    {"reversed", "Points reversed", COLUMN_NUMBER, 0, 2, NULL, true},
    {"open", "Open", COLUMN_NUMBER, 0, 0, NULL},
    {"open_points", "Points open", COLUMN_NUMBER, 0, 0, NULL, true},
    {"change", "Than before", COLUMN_NUMBER, 0, 0, NULL},
    {"week", "Than a week before", COLUMN_NUMBER, 0, 4, NULL},
};

static const struct column work_columns[] = {
    {"day", "Day", COLUMN_TEXT, 0, 0, NULL},
    {"partner", "Partner", COLUMN_TEXT, 8, 0, NULL},
    {"files", "Files", COLUMN_NUMBER, 0, 0, NULL},
    {"files_held", "Files on hold", COLUMN_NUMBER, 0, 3, NULL},
    {"records", "Records", COLUMN_NUMBER, 0, 0, NULL},
    {"confirmed", "Confirmed", COLUMN_NUMBER, 0, 2, "confirmed"},
    {"reversed", "Reversed", COLUMN_NUMBER, 0, 2, "reversed"},
    {"held", "Held", COLUMN_NUMBER, 0, 2, "held"},
    {"other", "Other", COLUMN_NUMBER, 0, 4, "already_applied"},
    {"reversed_rate", "Reversed %", COLUMN_DECIMAL, 0, 0, NULL, true},
    {"matched_rate", "Not held %", COLUMN_DECIMAL, 0, 1, NULL, true},
    {"opened", "Holds opened", COLUMN_NUMBER, 0, 0, NULL, true},
    {"settled", "Holds ended", COLUMN_NUMBER, 0, 0, NULL, true},
};

static const struct report_table tables[] = {
    {"points", "Points", "No redemption.", TABLE_ROWS, COLUMNS(point_columns), sql_trend_points, 4, false,
     "Open is at the end of the day (week, month), as in the roll-forward; the last may not be over yet.",
     NULL, "programme"},
    {"work", "Files and holds", "No file.", TABLE_ROWS, COLUMNS(work_columns), sql_trend_work, 4, false, NULL,
     NULL, "partner"},
};

static const char *const by[] = {"day", "week", "month", NULL};

const struct finance_report report_trend = {
    .name = "trend",
    .title = "From day to day",
    .tables = tables,
    .table_count = sizeof(tables) / sizeof(tables[0]),
    .by = by,
};

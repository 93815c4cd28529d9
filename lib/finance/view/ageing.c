/* How old open items are, who they wait for, and who looks into those on hold. */
#include "lib/finance/view/finance.h"
#include "lib/finance/view/view_sql.h"

static const struct column open_columns[] = {
    {"partner", "Partner", COLUMN_TEXT, 6, 0, NULL},
    {"programme", "Programme", COLUMN_TEXT, 0, 4, NULL},
    {"currency", "Currency", COLUMN_TEXT, 0, 2, NULL},
    {"age", "Age", COLUMN_TEXT, 0, FOR_MACHINES, NULL},
    {"title", "Age", COLUMN_TEXT, 12, 0, NULL},
    {"items", "Items", COLUMN_NUMBER, 0, 0, NULL},
    {"points", "Points", COLUMN_NUMBER, 0, 0, NULL},
    {"amount", "Amount", COLUMN_DECIMAL, 0, 1, NULL},
    {"minor_units", "Minor units", COLUMN_NUMBER, 0, FOR_MACHINES, NULL},
    {"on_hold", "On hold", COLUMN_NUMBER, 0, 3, "held"},
    {"on_hold_points", "Points on hold", COLUMN_NUMBER, 0, 3, NULL},
    {"past_sla", "Past SLA", COLUMN_NUMBER, 0, 3, "people"},
    {"past_sla_points", "Points past SLA", COLUMN_NUMBER, 0, 3, NULL},
    {"in_time", "In time", COLUMN_NUMBER, 0, 5, "already_applied"},
    {"in_time_points", "Points in time", COLUMN_NUMBER, 0, 5, NULL},
};

static const struct column owner_columns[] = {
    {"owner", "Owner", COLUMN_TEXT, 8, 0, NULL},
    {"partner", "Partner", COLUMN_TEXT, 6, 0, NULL},
    {"reason", "Reason", COLUMN_TEXT, 12, 0, NULL},
    {"holds", "Holds", COLUMN_NUMBER, 0, 0, NULL},
    {"points", "Points", COLUMN_NUMBER, 0, 0, NULL},
    {"oldest", "Since (UTC)", COLUMN_TIME, 0, 3, NULL},
    {"days", "Days", COLUMN_NUMBER, 0, 0, NULL},
    {"action_required", "Action required", COLUMN_SENTENCE, 24, 2, NULL},
};

static const struct column row_columns[] = {
    {"redeemed", "Redeemed (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"days", "Days", COLUMN_NUMBER, 0, 0, NULL},
    {"partner", "Partner", COLUMN_TEXT, 6, 0, NULL},
    {"programme", "Programme", COLUMN_TEXT, 0, 5, NULL},
    {"redemption_id", "Redemption", COLUMN_NUMBER, 0, 6, NULL},
    {"external_reference", "Reference", COLUMN_TEXT, 36, 0, NULL},
    {"member", "Member", COLUMN_TEXT, 6, 7, NULL},
    {"merchant", "Merchant", COLUMN_TEXT, 6, 7, NULL},
    {"points", "Points", COLUMN_NUMBER, 0, 0, NULL},
    {"currency", "Currency", COLUMN_TEXT, 0, 1, NULL},
    {"amount", "Amount", COLUMN_DECIMAL, 0, 1, NULL},
    {"due", "Due (UTC)", COLUMN_TIME, 0, 4, NULL},
    {"hold", "Hold", COLUMN_NUMBER, 0, 2, NULL},
    {"reason", "Reason", COLUMN_TEXT, 8, 3, NULL},
    {"owner", "Owner", COLUMN_TEXT, 6, 2, NULL},
    {"comment", "Last comment", COLUMN_SENTENCE, 16, 8, NULL},
};

static const struct report_table tables[] = {
    {"ageing", NULL, "No redemption is open.", TABLE_ROWS, COLUMNS(open_columns), sql_ageing_open, 4, false,
     "Items on hold wait for us; the others wait for the partner, past the SLA of its answers or in time. "
     "SLAs are those that the last nightly run found. Rows are behind each figure: 0-7, "
     "8-30, 31-60, "
     "61-90, over-90, on_hold, past_sla, in_time, nobody (on hold, and without an owner), all"},
    {"owners", "On hold, by owner", "Nothing is on hold.", TABLE_ROWS, COLUMNS(owner_columns),
     sql_ageing_owners, 3, false,
     "No owner: nobody looks into it; `handbackctl hold assign` says who does. Records of files that match "
     "no "
     "redemption are holds here, and no open items above."},
};
static const struct report_table rows = {
    "rows", NULL, "no redemption", TABLE_ROWS, COLUMNS(row_columns), sql_ageing_rows, 5, false, NULL};

static const char *const figures[] = {"0-7",      "8-30",    "31-60",  "61-90", "over-90", "on_hold",
                                      "past_sla", "in_time", "nobody", "all",   NULL};
static const char *const by[] = {"redeemed", "due", NULL};

const struct finance_report report_ageing = {
    .name = "ageing",
    .title = "Open items by age",
    .of_a_moment = true,
    .tables = tables,
    .table_count = sizeof(tables) / sizeof(tables[0]),
    .rows = &rows,
    .figures = figures,
    .by = by,
};

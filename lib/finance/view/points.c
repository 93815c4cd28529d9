/* Points that partners were asked for and have not answered, and the control accounts of what went to them
 * together. */
#include "lib/finance/view/finance.h"
#include "lib/finance/view/view_sql.h"

static const struct column open_columns[] = {
    {"partner", "Partner", COLUMN_TEXT, 6, 0, NULL},     {"programme", "Programme", COLUMN_TEXT, 0, 2, NULL},
    {"age", "Age", COLUMN_TEXT, 0, FOR_MACHINES, NULL},  {"title", "Age", COLUMN_TEXT, 12, 0, NULL},
    {"requests", "Requests", COLUMN_NUMBER, 0, 0, NULL}, {"points", "Points", COLUMN_NUMBER, 0, 0, NULL},
    {"unknown", "Unknown", COLUMN_NUMBER, 0, 0, NULL},   {"owner", "Owner", COLUMN_TEXT, 6, 0, NULL},
    {"since", "Since (UTC)", COLUMN_TIME, 0, 3, NULL},   {"batches", "Batches", COLUMN_NUMBER, 0, 4, NULL},
};
static const struct column account_columns[] = {
    {"batch", "Batch", COLUMN_NUMBER, 0, 0, NULL},
    {"partner", "Partner", COLUMN_TEXT, 6, 0, NULL},
    {"programme", "Programme", COLUMN_TEXT, 0, 5, NULL},
    {"number", "Number", COLUMN_NUMBER, 0, 4, NULL},
    {"opened", "Opened (UTC)", COLUMN_TIME, 0, 3, NULL},
    {"requests", "Requests", COLUMN_NUMBER, 0, 2, NULL},
    {"requested", "Requested", COLUMN_NUMBER, 0, 0, NULL},
    {"sent", "Sent", COLUMN_NUMBER, 0, 5, NULL},
    {"credited", "Credited", COLUMN_NUMBER, 0, 0, NULL},
    {"rejected", "Rejected", COLUMN_NUMBER, 0, 5, NULL},
    {"reversed", "Reversed", COLUMN_NUMBER, 0, 0, NULL},
    {"unknown", "Unknown", COLUMN_NUMBER, 0, 1, NULL},
    {"open", "Open", COLUMN_NUMBER, 0, 0, NULL},
    {"difference", "Difference", COLUMN_ZERO, 0, 2, NULL},
    {"owner", "Owner", COLUMN_TEXT, 6, 0, NULL},
};
static const struct column row_columns[] = {
    {"sent", "Sent (UTC)", COLUMN_TIME, 0, 2, NULL},
    {"days", "Days", COLUMN_NUMBER, 0, 0, NULL},
    {"partner", "Partner", COLUMN_TEXT, 6, 0, NULL},
    {"batch", "Batch", COLUMN_NUMBER, 0, 0, NULL},
    {"key", "Key", COLUMN_TEXT, 12, 0, NULL},
    {"outbound_reference", "Requested as", COLUMN_TEXT, 0, 1, NULL},
    {"external_reference", "Reference", COLUMN_TEXT, 0, 3, NULL},
    {"points", "Points", COLUMN_NUMBER, 0, 0, NULL},
    {"owner", "Owner", COLUMN_TEXT, 6, 0, NULL},
};

static const struct report_table tables[] = {
    {"unanswered", NULL, "Every points request that was sent is answered.", TABLE_ROWS, COLUMNS(open_columns),
     sql_points_open, 3, false,
     "By when they went into their batch. Unknown: of the points, those that may not have left us. An owner "
     "is who "
     "was given the batch, else who proposed the partner's terms. --rows lists the requests: 0-1, 1-7, 8-30, "
     "over-30, "
     "all"},
    {"batches", "Batches that were not closed", "No batch is open.", TABLE_ROWS, COLUMNS(account_columns),
     sql_points_accounts, 3, false,
     "The accounts are as they are now. Requested is credited, reversed or open: a difference has to be 0."},
};
static const struct report_table rows = {
    "rows", NULL, "no request", TABLE_ROWS, COLUMNS(row_columns), sql_points_rows, 5, false, NULL};

static const char *const figures[] = {"0-1", "1-7", "8-30", "over-30", "all", NULL};

const struct finance_report report_points = {
    .name = "points",
    .title = "Points requests without an answer",
    .of_a_moment = true,
    .tables = tables,
    .table_count = sizeof(tables) / sizeof(tables[0]),
    .rows = &rows,
    .figures = figures,
};

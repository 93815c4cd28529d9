/* Who decided what about holds, and that they were two. */
#include "lib/finance/view/finance.h"
#include "lib/finance/view/view_sql.h"

static const struct column people_columns[] = {
    {"person", "Person", COLUMN_TEXT, 8, 0, NULL},
    {"proposed", "Proposed", COLUMN_NUMBER, 0, 0, NULL},
    {"approved", "Approved", COLUMN_NUMBER, 0, 0, NULL},
    {"rejected", "Rejected", COLUMN_NUMBER, 0, 0, NULL},
    {"assigned", "Assigned", COLUMN_NUMBER, 0, 2, NULL},
    {"commented", "Commented", COLUMN_NUMBER, 0, 2, NULL},
    {"approved_holds", "Holds approved", COLUMN_NUMBER, 0, 1, NULL},
    {"approved_points", "Points approved", COLUMN_NUMBER, 0, 1, NULL},
    {"last", "Last (UTC)", COLUMN_TIME, 0, 3, NULL},
};

static const struct column end_columns[] = {
    {"partner", "Partner", COLUMN_TEXT, 8, 0, NULL},
    {"reason", "Reason", COLUMN_TEXT, 12, 0, NULL},
    {"how", "Ended", COLUMN_WORD, 0, 0, NULL},
    {"by_two_people", "By two people", COLUMN_BOOL, 0, 0, NULL},
    {"holds", "Holds", COLUMN_NUMBER, 0, 0, NULL},
    {"points", "Points", COLUMN_NUMBER, 0, 0, NULL},
    {"currency", "Currency", COLUMN_TEXT, 0, 1, NULL},
    {"amount", "Amount", COLUMN_DECIMAL, 0, 1, NULL},
    {"minor_units", "Minor units", COLUMN_NUMBER, 0, FOR_MACHINES, NULL},
};

static const struct column row_columns[] = {
    {"decided", "Approved (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"hold", "Hold", COLUMN_NUMBER, 0, 0, NULL},
    {"partner", "Partner", COLUMN_TEXT, 6, 4, NULL},
    {"file", "File", COLUMN_NUMBER, 0, 5, NULL},
    {"record", "Record", COLUMN_NUMBER, 0, 5, NULL},
    {"reason", "Reason", COLUMN_TEXT, 8, 4, NULL},
    {"decision", "Decision", COLUMN_TEXT, 0, 0, NULL},
    {"points", "Points", COLUMN_NUMBER, 0, 0, NULL},
    {"currency", "Currency", COLUMN_TEXT, 0, 3, NULL},
    {"amount", "Amount", COLUMN_DECIMAL, 0, 3, NULL},
    {"proposed", "Proposed (UTC)", COLUMN_TIME, 0, 6, NULL},
    {"proposed_by", "Proposed by", COLUMN_TEXT, 8, 0, NULL},
    {"approved_by", "Approved by", COLUMN_TEXT, 8, 0, NULL},
    {"four_eyes", "Two people", COLUMN_BOOL, 0, 2, NULL},
    {"proposal", "Proposal", COLUMN_NUMBER, 0, FOR_MACHINES, NULL},
    {"why", "Why", COLUMN_SENTENCE, 16, 1, NULL},
};

static const struct report_table tables[] = {
    {"people", "By person", "Nobody did anything about a hold.", TABLE_ROWS, COLUMNS(people_columns),
     sql_decisions_people, 3, false, NULL},
    {"ends", "How holds ended", "No hold ended.", TABLE_ROWS, COLUMNS(end_columns), sql_decisions_ends, 3,
     false,
     "Not by two people: it was rematched, its earlier file came, or its matter was settled otherwise; "
     "nothing is posted for "
     "a hold that people alone may decide."},
    {"decided", "Holds that people decided", "No hold was decided by people.", TABLE_ROWS,
     COLUMNS(row_columns), sql_decisions_rows, 5, false,
     "Points and amounts are those of the debits; of a record that matched none, as it states them. Rows are "
     "behind each person, and behind all: what was proposed or approved."},
};
static const struct report_table rows = {
    "rows", NULL, "no hold was decided by people", TABLE_ROWS, COLUMNS(row_columns), sql_decisions_rows, 5,
    false,  NULL};

const struct finance_report report_decisions = {
    .name = "decisions",
    .title = "Who decided what",
    .tables = tables,
    .table_count = sizeof(tables) / sizeof(tables[0]),
    .rows = &rows,
};

/* Why partners reject, and whether they do it more than before. */
#include "lib/finance/view/finance.h"
#include "lib/finance/view/view_sql.h"

static const struct column partner_columns[] = {
    {"partner", "Partner", COLUMN_TEXT, 8, 0, NULL},
    {"files", "Files", COLUMN_NUMBER, 0, 3, NULL},
    {"records", "Records", COLUMN_NUMBER, 0, 0, NULL},
    {"not_rejected", "Not rejected", COLUMN_NUMBER, 0, 3, "confirmed"},
    {"rejected", "Rejected", COLUMN_NUMBER, 0, 0, "reversed"},
    {"points", "Points rejected", COLUMN_NUMBER, 0, 2, NULL},
    {"rate", "Rate %", COLUMN_DECIMAL, 0, 0, NULL},
    {"before_records", "Records before", COLUMN_NUMBER, 0, 4, NULL},
    {"before_rejected", "Rejected before", COLUMN_NUMBER, 0, 4, NULL},
    {"before_rate", "Rate % before", COLUMN_DECIMAL, 0, 1, NULL},
    {"change", "Change", COLUMN_DECIMAL, 0, 0, NULL},
};

static const struct column code_columns[] = {
    {"partner", "Partner", COLUMN_TEXT, 8, 0, NULL},
    {"reasons", "Codes", COLUMN_TEXT, 8, 0, NULL},
    {"currency", "Currency", COLUMN_TEXT, 0, 3, NULL},
    {"records", "Records", COLUMN_NUMBER, 0, 0, NULL},
    {"reversed", "Reversed", COLUMN_NUMBER, 0, 4, "reversed"},
    {"held", "Held", COLUMN_NUMBER, 0, 4, "held"},
    {"other", "Other", COLUMN_NUMBER, 0, 4, "already_applied"},
    {"points", "Points", COLUMN_NUMBER, 0, 0, NULL},
    {"amount", "Amount", COLUMN_DECIMAL, 0, 3, NULL},
    {"minor_units", "Minor units", COLUMN_NUMBER, 0, FOR_MACHINES, NULL},
    {"share", "Share %", COLUMN_DECIMAL, 0, 2, NULL},
    {"rate", "Rate %", COLUMN_DECIMAL, 0, 0, NULL},
    {"before", "Before", COLUMN_NUMBER, 0, 1, NULL},
    {"before_rate", "Rate % before", COLUMN_DECIMAL, 0, 1, NULL},
    {"change", "Change", COLUMN_DECIMAL, 0, 0, NULL},
};

static const struct column merchant_columns[] = {
    {"partner", "Partner", COLUMN_TEXT, 8, 0, NULL},
    {"merchant", "Merchant", COLUMN_TEXT, 8, 0, NULL},
    {"transaction_type", "Type", COLUMN_NUMBER, 0, 0, NULL},
    {"records", "Rejected", COLUMN_NUMBER, 0, 0, NULL},
    {"points", "Points", COLUMN_NUMBER, 0, 0, NULL},
};

static const struct column row_columns[] = {
    {"decided", "Decided (UTC)", COLUMN_TIME, 0, 3, NULL},
    {"partner", "Partner", COLUMN_TEXT, 6, 0, NULL},
    {"file", "File", COLUMN_NUMBER, 0, 0, NULL},
    {"record", "Record", COLUMN_NUMBER, 0, 0, NULL},
    {"reasons", "Codes", COLUMN_TEXT, 8, 0, NULL},
    {"reference", "Reference", COLUMN_TEXT, 36, 0, NULL},
    {"member", "Member", COLUMN_TEXT, 6, 4, NULL},
    {"merchant", "Merchant", COLUMN_TEXT, 6, 4, NULL},
    {"transaction_type", "Type", COLUMN_NUMBER, 0, 5, NULL},
    {"points", "Points", COLUMN_NUMBER, 0, 0, NULL},
    {"currency", "Currency", COLUMN_TEXT, 0, 2, NULL},
    {"amount", "Amount", COLUMN_DECIMAL, 0, 2, NULL},
    {"outcome", "Outcome", COLUMN_WORD, 0, 1, NULL},
    {"hold_reason", "Held for", COLUMN_TEXT, 8, 1, NULL},
};

static const struct report_table tables[] = {
    {"partners", "By partner", "No partner answered in this time.", TABLE_ROWS, COLUMNS(partner_columns),
     sql_reasons_partners, 3, false,
     "Before: the time of the same length just before. Change: in percentage points of all that the partner "
     "answered."},
    {"reasons", "By reason", "Nothing was rejected.", TABLE_ROWS, COLUMNS(code_columns), sql_reasons_codes, 3,
     false,
     "Codes are the partner's; a record with several is counted once, under all of them together. Share: of "
     "what the partner "
     "rejected. Points and amounts are those of the debits. Records are behind each code, none (without a "
     "code) and all."},
    {"merchants", "By merchant and type", NULL, TABLE_ROWS, COLUMNS(merchant_columns), sql_reasons_merchants,
     3, false, NULL},
};
static const struct report_table rows = {
    "rows", NULL, "no rejected record", TABLE_ROWS, COLUMNS(row_columns), sql_reasons_rows, 5, false, NULL};

const struct finance_report report_reasons = {
    .name = "reasons",
    .title = "Why partners reject",
    .tables = tables,
    .table_count = sizeof(tables) / sizeof(tables[0]),
    .rows = &rows,
};

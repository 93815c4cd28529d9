/* What was open, what came to it, what was answered, what is open: in points and in money, against the
 * ledger. */
#include <string.h>

#include "lib/finance/view/finance.h"
#include "lib/finance/view/view_sql.h"

static const struct column figure_columns[] = {
    {"partner", "Partner", COLUMN_TEXT, 6, 0, NULL},
    {"programme", "Programme", COLUMN_TEXT, 0, 0, NULL},
    {"currency", "Currency", COLUMN_TEXT, 0, 0, NULL},
    {"figure", "Figure", COLUMN_TEXT, 0, FOR_MACHINES, NULL},
    {"title", "Figure", COLUMN_TEXT, 12, 0, NULL},
    {"items", "Items", COLUMN_NUMBER, 0, 0, NULL},
    {"points", "Points", COLUMN_NUMBER, 0, 0, NULL},
    {"amount", "Amount", COLUMN_DECIMAL, 0, 0, NULL},
    {"minor_units", "Minor units", COLUMN_NUMBER, 0, FOR_MACHINES, NULL},
};

static const struct column row_columns[] = {
    {"at", "At (UTC)", COLUMN_TIME, 0, 0, NULL},
    {"partner", "Partner", COLUMN_TEXT, 6, 0, NULL},
    {"programme", "Programme", COLUMN_TEXT, 0, 3, NULL},
    {"redemption_id", "Redemption", COLUMN_NUMBER, 0, 4, NULL},
    {"external_reference", "Reference", COLUMN_TEXT, 36, 0, NULL},
    {"member", "Member", COLUMN_TEXT, 6, 5, NULL},
    {"merchant", "Merchant", COLUMN_TEXT, 6, 6, NULL},
    {"transaction_type", "Type", COLUMN_NUMBER, 0, 6, NULL},
    {"points", "Points", COLUMN_NUMBER, 0, 0, NULL},
    {"currency", "Currency", COLUMN_TEXT, 0, 1, NULL},
    {"amount", "Amount", COLUMN_DECIMAL, 0, 1, NULL},
    {"redeemed", "Redeemed (UTC)", COLUMN_TIME, 0, 7, NULL},
    {"file", "File", COLUMN_NUMBER, 0, 2, NULL},
    {"record", "Record", COLUMN_NUMBER, 0, 2, NULL},
    {"posted_by", "Posted by", COLUMN_TEXT, 6, 7, NULL},
};

static const char *const figures[] = {"opening",
                                      "debits",
                                      "confirmed",
                                      "reversed_by_file",
                                      "reversed_by_people",
                                      "reversed_by_application",
                                      "corrections",
                                      "closing",
                                      "ledger",
                                      "difference",
                                      "reinstated",
                                      "credited",
                                      NULL};

/* Says each line of difference that is none of zeros. */
static int
prove(const struct query *q, const struct document *d)
{
	const struct table *t = d->tables[0];
	int figure = table_column(t, "figure"), items = table_column(t, "items"),
	    points = table_column(t, "points"), minor = table_column(t, "minor_units"), code = EXIT_CLEAN;

	for (size_t row = 0; row < t->rows; row++) {
		const char *amount = table_cell(t, row, minor), *partner = table_cell(t, row, 0),
		           *programme = table_cell(t, row, 1), *currency = table_cell(t, row, 2);
		if (strcmp(table_cell(t, row, figure), "difference") != 0 ||
		    (strcmp(table_cell(t, row, items), "0") == 0 && strcmp(table_cell(t, row, points), "0") == 0 &&
		     (amount == NULL || strcmp(amount, "0") == 0)))
			continue;
		q->say("partner %s, programme %s, %s: the ledger has %s items with %s points more open than the "
		       "movements say; `handbackctl audit verify` shows more",
		       partner != NULL ? partner : "(none)", programme != NULL ? programme : "(none)",
		       currency != NULL ? currency : "no currency", table_cell(t, row, items),
		       table_cell(t, row, points));
		code = EXIT_PROOF;
	}
	return code;
}

static const struct report_table tables[] = {
    {"roll_forward", NULL, "no redemption", TABLE_ROWS, COLUMNS(figure_columns), sql_roll_forward, 3, false,
     "Rows are behind each figure: opening, debits, confirmed, reversed_by_file, "
     "reversed_by_people, reversed_by_application, corrections, closing, reinstated, credited"},
};
static const struct report_table rows = {
    "rows", NULL, "no redemption", TABLE_ROWS, COLUMNS(row_columns), sql_roll_forward_rows, 5, false, NULL};

const struct finance_report report_roll_forward = {
    .name = "roll-forward",
    .title = "Roll-forward of open items",
    .tables = tables,
    .table_count = sizeof(tables) / sizeof(tables[0]),
    .rows = &rows,
    .figures = figures,
    .prove = prove,
};

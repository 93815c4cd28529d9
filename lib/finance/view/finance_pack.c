/* The month-end pack: every report of a period from one snapshot, or none of them. */
#include <string.h>

#include "lib/base/text.h"
#include "lib/finance/view/finance.h"
#include "lib/finance/output/memory.h"
#include "lib/finance/view/report.h"
#include "lib/finance/view/sign_off.h"

#define MOST 16
#define REPORTS 1 /* of the pack's documents: behind its title page */

static const struct column title_columns[] = {
    {"company", "Company", COLUMN_TEXT, 0, 0, NULL},
    {"programmes", "Programmes", COLUMN_TEXT, 0, 0, NULL},
    {"from", "From", COLUMN_TEXT, 0, 0, NULL},
    {"to", "To", COLUMN_TEXT, 0, 0, NULL},
};
static const struct column content_columns[] = {
    {"report", "Report", COLUMN_TEXT, 0, 0, NULL},
    {"title", "What it is", COLUMN_TEXT, 0, 0, NULL},
};

static bool
same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Items and points of an account: the roll-forward's closing, or what is open by age.  false: they are no
 * numbers. */
static bool
sum_of(const struct table *t, const char *figure, const char *const account[3], int64_t ret[2])
{
	int columns[2] = {table_column(t, "items"), table_column(t, "points")};

	for (size_t row = 0; row < t->rows; row++) {
		if (figure != NULL && strcmp(table_cell(t, row, table_column(t, "figure")), figure) != 0)
			continue;
		if (!same(table_cell(t, row, 0), account[0]) || !same(table_cell(t, row, 1), account[1]) ||
		    !same(table_cell(t, row, 2), account[2]))
			continue;
		for (int i = 0; i < 2; i++) {
			int64_t n = 0;
			if (!text_int(table_cell(t, row, columns[i]), INT64_MIN, INT64_MAX, &n) ||
			    __builtin_add_overflow(ret[i], n, &ret[i]))
				return false;
		}
	}
	return true;
}

/* Both ways, so that an account that only one of them has is seen. */
static int
prove_accounts(const struct query *q, const struct table *of, const struct table *roll,
               const struct table *ageing)
{
	for (size_t row = 0; row < of->rows; row++) {
		const char *account[3] = {table_cell(of, row, 0), table_cell(of, row, 1), table_cell(of, row, 2)};
		int64_t closing[2] = {0, 0}, open[2] = {0, 0};

		if (sum_of(roll, "closing", account, closing) && sum_of(ageing, NULL, account, open) &&
		    closing[0] == open[0] && closing[1] == open[1])
			continue;
		q->say("partner %s, programme %s: open items by age are not what the roll-forward ends with; nothing "
		       "is written",
		       account[0] != NULL ? account[0] : "(none)", account[1] != NULL ? account[1] : "(none)");
		return EXIT_PROOF;
	}
	return EXIT_CLEAN;
}

/* The programmes of a report, each once; the caller's to free. */
static char *
programmes_of(const struct table *roll)
{
	char *all = mem_text("");
	int column = table_column(roll, "programme");

	for (size_t row = 0; row < roll->rows; row++) {
		const char *one = table_cell(roll, row, column);
		bool known = one == NULL;

		for (size_t i = 0; i < row && !known; i++)
			known = same(table_cell(roll, i, column), one);
		if (known)
			continue;
		char *more = mem_format("%s%s%s", all, *all != '\0' ? ", " : "", one);
		free(all);
		all = more;
	}
	return all;
}

/* Whose, of which programmes and which period; and what is in it. */
static struct document *
title_page(const struct query *q, const struct period *period, const struct table *roll)
{
	struct document *d = document_new("month-end", "Month-end pack");
	struct table *t = document_add(d, "pack", NULL, TABLE_FACTS, COLUMNS(title_columns));
	char *programmes = programmes_of(roll), from[16];

	snprintf(from, sizeof(from), "%.10s", period->from);
	table_row(t, (const char *[]){q->company, text_or_null(programmes), from, period->last});
	free(programmes);
	document_subtitle(d, mem_format("From %s to %s. Days and times are UTC.", from, period->last));
	t = document_add(d, "contents", "Contents", TABLE_ROWS, COLUMNS(content_columns));
	for (int i = 0; finance_reports[i] != NULL; i++)
		table_row(t, (const char *[]){finance_reports[i]->name, finance_reports[i]->title});
	return d;
}

static int
take_all(const struct query *q, const struct period *period, struct document **documents, size_t *ret_count)
{
	struct finance_asked asked = {.period = *period};
	int code = EXIT_CLEAN;

	for (size_t i = REPORTS; code == EXIT_CLEAN && finance_reports[i - REPORTS] != NULL && i < MOST; i++) {
		code = finance_take_here(q, finance_reports[i - REPORTS], &asked, &documents[i]);
		*ret_count = i + 1;
	}
	if (code == EXIT_CLEAN) {
		documents[0] = title_page(q, period, documents[REPORTS]->tables[0]);
		code = sign_off_add(q, documents[0], period, documents[REPORTS]->tables[0]);
	}
	if (code == EXIT_CLEAN) {
		if (documents[0]->tables[documents[0]->table_count - 1]->rows > 0)
			q->say("figures are others than those that were prepared to be signed: the title page has them");
		code = finance_source(q, documents[0]);
	}
	if (code != EXIT_CLEAN)
		return code;
	const struct table *roll = documents[REPORTS]->tables[0], *ageing = documents[REPORTS + 1]->tables[0];
	code = prove_accounts(q, roll, roll, ageing);
	return code == EXIT_CLEAN ? prove_accounts(q, ageing, roll, ageing) : code;
}

int
finance_pack(const struct query *q, const struct period *period, const char *directory, const char *name,
             FILE *out)
{
	struct document *documents[MOST] = {NULL};
	struct query whole = *q;
	size_t count = 0;
	enum pg_status status = pg_begin_snapshot(q->pg);

	whole.limit = NULL;
	int code = status == PG_OK ? take_all(&whole, period, documents, &count) : query_failed(q, status);
	pg_rollback(q->pg);
	if (code == EXIT_CLEAN)
		code = report_keep_pack(q, directory, name, documents, count, out);
	for (size_t i = 0; i < count; i++)
		document_free(documents[i]);
	return code;
}

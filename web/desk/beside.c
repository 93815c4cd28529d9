/* The partner's bytes beside the ledger line: what the two have in common is marked in both. */
#include <string.h>

#include "lib/finance/output/memory.h"
#include "web/desk/pages.h"

/* Of the ledger line, as the tables of a story and of a hold call them. */
static const char *const ledger_keys[] = {"external_reference",
                                          "reference",
                                          "outbound_reference",
                                          "partner_reference",
                                          "member",
                                          "points",
                                          "amount",
                                          "currency",
                                          "merchant",
                                          "redeemed",
                                          "at",
                                          NULL};
#define KEYS (sizeof(ledger_keys) / sizeof(ledger_keys[0]))

static int
column_of(const struct table *t, const char *key)
{
	for (int i = 0; i < t->column_count; i++)
		if (strcmp(t->columns[i].key, key) == 0)
			return i;
	return -1;
}

static const char *
cell_of(const struct table *t, size_t row, const char *key)
{
	int column = column_of(t, key);

	return column >= 0 ? table_cell(t, row, column) : NULL;
}

/* The last row that has bytes; t->rows: none. */
static size_t
row_of_bytes(const struct table *t)
{
	for (size_t row = t->rows; row-- > 0;)
		if (cell_of(t, row, "content") != NULL)
			return row;
	return t->rows;
}

/* The first that is of a member: the redemption. */
static size_t
row_of_ledger(const struct table *t)
{
	for (size_t row = 0; row < t->rows; row++)
		if (cell_of(t, row, "member") != NULL)
			return row;
	return t->rows;
}

static void
put_ledger(FILE *out, const struct table *t, size_t row, const char *bytes, const struct page_value *values)
{
	page_put(out, "<div><h2>The ledger line</h2>\n<dl class=\"facts\">\n");
	for (size_t i = 0; row < t->rows && values[i].name != NULL; i++) {
		const struct column *c = &t->columns[column_of(t, values[i].key)];
		char *shown = cell_shown(c->kind, values[i].value);

		page_put(out, "<dt>%t</dt><dd>", values[i].name);
		if (page_has(bytes, &values[i])) {
			page_mark(out, values, i);
			page_put(out, "%t</mark>", shown);
		} else {
			page_put(out, "%t", shown);
		}
		page_put(out, "</dd>\n");
		free(shown);
	}
	page_put(out, "</dl></div>\n");
}

void
beside_put(FILE *out, const struct table *t)
{
	size_t bytes_row = row_of_bytes(t), ledger = row_of_ledger(t), n = 0;
	struct page_value values[KEYS + 1] = {{NULL, NULL, NULL}};
	const char *bytes, *offset;

	if (bytes_row == t->rows)
		return;
	bytes = cell_of(t, bytes_row, "content");
	offset = cell_of(t, bytes_row, "byte_offset");
	for (size_t k = 0; ledger < t->rows && ledger_keys[k] != NULL; k++) {
		int column = column_of(t, ledger_keys[k]);

		if (column >= 0 && table_cell(t, ledger, column) != NULL)
			values[n++] =
			    (struct page_value){t->columns[column].title, table_cell(t, ledger, column), ledger_keys[k]};
	}
	page_put(out, "<section class=\"beside\">\n<div><h2>What the partner sent</h2>\n"
	              "<pre tabindex=\"0\" aria-label=\"The record's bytes\">");
	page_marked(out, bytes, values);
	page_put(out, "</pre>\n<p class=\"note\">File ");
	page_put(out, "<a href=\"/files/%u\">%t</a>", cell_of(t, bytes_row, "file"),
	         cell_of(t, bytes_row, "file"));
	page_put(out, ", record %t, from byte %t on.</p></div>\n", cell_of(t, bytes_row, "record"), offset);
	put_ledger(out, t, ledger, bytes, values);
	page_put(out, "</section>\n");
}

/* ---- the difference ---- */

static void
put_pair(FILE *out, const char *what, const char *partner, const char *ours, bool same)
{
	page_put(out, "<tr><th scope=\"row\">%t</th><td>%t</td><td>%t</td><td class=\"word %t\">%t</td></tr>\n",
	         what, partner, ours, same ? "good" : "bad", same ? "the same" : "differs");
}

void
difference_put(FILE *out, const struct table *t)
{
	static const char *const references[] = {"external_reference", "outbound_reference", "partner_reference"};
	const char *stated = cell_of(t, 0, "stated_points"), *points = cell_of(t, 0, "points"),
	           *reference = cell_of(t, 0, "reference"), *verdict = cell_of(t, 0, "verdict"),
	           *state = cell_of(t, 0, "redemption_state"), *ours = cell_of(t, 0, "external_reference");
	char *stated_shown, *points_shown;

	if (points == NULL || verdict == NULL)
		return;
	page_put(out,
	         "<section>\n<h2>Both sides</h2>\n<div class=\"scroll\"><table>\n<thead><tr><th "
	         "scope=\"col\">What</th>"
	         "<th scope=\"col\">Partner</th><th scope=\"col\">Ledger</th><th scope=\"col\">Result</th></tr>"
	         "</thead>\n<tbody>\n");
	if (stated != NULL) {
		stated_shown = cell_shown(COLUMN_NUMBER, stated);
		points_shown = cell_shown(COLUMN_NUMBER, points);
		put_pair(out, "Points", stated_shown, points_shown, strcmp(stated, points) == 0);
		free(stated_shown);
		free(points_shown);
	}
	for (size_t i = 0; reference != NULL && i < sizeof(references) / sizeof(references[0]); i++)
		if (cell_of(t, 0, references[i]) != NULL && strcasecmp(cell_of(t, 0, references[i]), reference) == 0)
			ours = cell_of(t, 0, references[i]);
	if (reference != NULL)
		put_pair(out, "Reference", reference, ours, strcasecmp(reference, ours) == 0);
	page_put(out,
	         "<tr><th scope=\"row\">Answer</th><td>%t</td><td>it is "
	         "%t</td><td></td></tr>\n</tbody>\n</table></div>\n",
	         verdict, state);
	if (cell_of(t, 0, "detail") != NULL)
		page_put(out, "<p class=\"note\">%t</p>\n", cell_of(t, 0, "detail"));
	page_put(out, "</section>\n");
}

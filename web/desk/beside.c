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
put_ledger(FILE *out, const struct table *t, size_t row, const char *bytes)
{
	page_put(out, "<div><h2>The ledger line</h2>\n<dl class=\"facts\">\n");
	for (int i = 0; row < t->rows && i < t->column_count; i++) {
		const char *cell = table_cell(t, row, i);
		bool wanted = false;

		for (size_t k = 0; ledger_keys[k] != NULL; k++)
			wanted = wanted || strcmp(ledger_keys[k], t->columns[i].key) == 0;
		if (!wanted || cell == NULL)
			continue;
		char *shown = cell_shown(t->columns[i].kind, cell);
		bool same = strlen(cell) > 2 && strcasestr(bytes, cell) != NULL;
		page_put(out, "<dt>%t</dt><dd>", t->columns[i].title);
		if (same)
			page_put(out, "<mark title=\"%t\">%t</mark>", t->columns[i].title, shown);
		else
			page_put(out, "%t", shown);
		page_put(out, "</dd>\n");
		free(shown);
	}
	page_put(out, "</dl></div>\n");
}

void
beside_put(FILE *out, const struct table *t)
{
	size_t bytes_row = row_of_bytes(t), ledger = row_of_ledger(t);
	struct page_value values[KEYS + 1] = {{NULL, NULL}};
	const char *bytes, *offset;

	if (bytes_row == t->rows)
		return;
	bytes = cell_of(t, bytes_row, "content");
	offset = cell_of(t, bytes_row, "byte_offset");
	for (size_t k = 0, n = 0; ledger < t->rows && ledger_keys[k] != NULL; k++) {
		int column = column_of(t, ledger_keys[k]);

		if (column >= 0 && table_cell(t, ledger, column) != NULL)
			values[n++] = (struct page_value){t->columns[column].title, table_cell(t, ledger, column)};
	}
	page_put(out, "<section class=\"beside\">\n<div><h2>What the partner sent</h2>\n<pre tabindex=\"0\">");
	page_marked(out, bytes, values);
	page_put(out, "</pre>\n<p class=\"note\">File ");
	page_put(out, "<a href=\"/files/%u\">%t</a>", cell_of(t, bytes_row, "file"),
	         cell_of(t, bytes_row, "file"));
	page_put(out, ", record %t, from byte %t on.</p></div>\n", cell_of(t, bytes_row, "record"), offset);
	put_ledger(out, t, ledger, bytes);
	page_put(out, "</section>\n");
}

#include "lib/base/text.h"
#include "lib/finance/output/memory.h"
#include "lib/finance/output/number.h"
#include "lib/finance/output/render.h"
#include "lib/json/json.h"

static void
add_cell(struct json_build *row, const struct column *column, const char *cell)
{
	int64_t number;

	if (cell == NULL) {
		json_text(row, column->key, NULL);
		return;
	}
	if (column->kind == COLUMN_BOOL) {
		json_bool(row, column->key, strcmp(cell, "t") == 0);
		return;
	}
	/* a sum may pass 64 bits: then its digits are a text, which every reader takes as they are */
	if (column_is_number(column->kind) && column->kind != COLUMN_DECIMAL && number_is_plain(cell) &&
	    text_int(cell, INT64_MIN, INT64_MAX, &number)) {
		json_int(row, column->key, number);
		return;
	}
	char *exact = cell_exact(column->kind, cell);
	json_text(row, column->key, exact);
	free(exact);
}

/* One row is one value of the library's: a report of a million rows is never one tree. */
static void
put_row(FILE *out, const struct table *t, size_t row, const char *indent)
{
	struct json_build b = {0};

	json_open_map(&b, NULL);
	for (int i = 0; i < t->column_count; i++)
		add_cell(&b, &t->columns[i], table_cell(t, row, i));
	json_close(&b);
	if (!json_print(&b, out, indent))
		mem_none();
}

void
render_json_rows(FILE *out, const struct table *t, bool first)
{
	for (size_t row = 0; row < t->rows; row++) {
		fputs(first && row == 0 ? "\n    " : ",\n    ", out);
		put_row(out, t, row, "    ");
	}
}

static void
put_table(FILE *out, const struct table *t)
{
	if (t->shape == TABLE_FACTS || t->shape == TABLE_TILES) {
		if (t->rows)
			put_row(out, t, 0, "  ");
		else
			fputs("null", out);
		return;
	}
	putc('[', out);
	render_json_rows(out, t, true);
	fputs(t->rows ? "\n  ]" : "]", out);
}

void
render_json(FILE *out, const struct document *d)
{
	putc('{', out);
	for (size_t i = 0; i < d->table_count; i++) {
		fputs(i ? ",\n  " : "\n  ", out);
		if (!json_print_text(out, d->tables[i]->key))
			mem_none();
		fputs(": ", out);
		put_table(out, d->tables[i]);
	}
	fputs("\n}\n", out);
}

#include "lib/finance/output/escape.h"
#include "lib/finance/output/number.h"
#include "lib/finance/output/render.h"

static void
put_cell(FILE *out, enum column_kind kind, const char *cell)
{
	if (!cell) {
		fputs("null", out);
		return;
	}
	char *exact = cell_exact(kind, cell);
	if (kind == COLUMN_BOOL)
		fputs(strcmp(exact, "t") == 0 ? "true" : "false", out);
	else if (column_is_number(kind) && number_is_plain(exact))
		fputs(exact, out);
	else
		escape_json(out, exact);
	free(exact);
}

static void
put_row(FILE *out, const struct table *t, size_t row, const char *indent)
{
	putc('{', out);
	for (int i = 0; i < t->column_count; i++) {
		fprintf(out, "%s\n%s  ", i ? "," : "", indent);
		escape_json(out, t->columns[i].key);
		fputs(": ", out);
		put_cell(out, t->columns[i].kind, table_cell(t, row, i));
	}
	fprintf(out, "\n%s}", indent);
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
	for (size_t row = 0; row < t->rows; row++) {
		fputs(row ? ",\n    " : "\n    ", out);
		put_row(out, t, row, "    ");
	}
	fputs(t->rows ? "\n  ]" : "]", out);
}

void
render_json(FILE *out, const struct document *d)
{
	putc('{', out);
	for (size_t i = 0; i < d->table_count; i++) {
		fputs(i ? ",\n  " : "\n  ", out);
		escape_json(out, d->tables[i]->key);
		fputs(": ", out);
		put_table(out, d->tables[i]);
	}
	fputs("\n}\n", out);
}

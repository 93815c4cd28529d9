#include "lib/base/csv.h"
#include "lib/finance/output/number.h"
#include "lib/finance/output/render.h"

void
render_csv(FILE *out, const struct table *t)
{
	render_csv_rows(out, t, true);
}

void
render_csv_rows(FILE *out, const struct table *t, bool first)
{
	for (int i = 0; first && i < t->column_count; i++) {
		if (i)
			putc(',', out);
		csv_field(out, t->columns[i].key, ',', true);
	}
	if (first)
		fputs("\r\n", out);
	for (size_t row = 0; row < t->rows; row++) {
		for (int i = 0; i < t->column_count; i++) {
			const char *cell = table_cell(t, row, i);
			if (i)
				putc(',', out);
			if (cell == NULL)
				continue;
			char *exact = cell_exact(t->columns[i].kind, cell);
			/* a minus before digits stays a number: only texts can be formulas */
			if (column_is_number(t->columns[i].kind) && number_is_plain(exact))
				fputs(exact, out);
			else
				csv_field(out, t->columns[i].kind == COLUMN_BOOL ? (*exact == 't' ? "yes" : "no") : exact,
				          ',', true);
			free(exact);
		}
		fputs("\r\n", out);
	}
}

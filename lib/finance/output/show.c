#include "lib/finance/output/show.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/finance/output/escape.h"

/* The table of that key, or the first of rows, or the first of all. */
static const struct table *
find_table(const struct document *d, const char *wanted)
{
	for (size_t i = 0; i < d->table_count; i++)
		if (wanted != NULL ? strcmp(d->tables[i]->key, wanted) == 0 : d->tables[i]->shape == TABLE_ROWS)
			return d->tables[i];
	return wanted != NULL ? NULL : d->tables[0];
}

enum show_end
show_document(FILE *out, const struct document *d, enum format format, const char *table,
              const struct terminal *terminal)
{
	const struct table *one = find_table(d, table);

	switch (format) {
	case FORMAT_TEXT:
		render_text(out, d, terminal);
		break;
	case FORMAT_JSON:
		render_json(out, d);
		break;
	case FORMAT_HTML:
		render_html(out, d);
		break;
	case FORMAT_CSV:
		if (one == NULL)
			return SHOW_NO_TABLE;
		render_csv(out, one);
		break;
	case FORMAT_XLSX:
		errno = ENOTSUP;
		return SHOW_FAILED;
	}
	return fflush(out) == 0 || errno == EPIPE ? SHOW_DONE : SHOW_FAILED;
}

void
show_complaint(const char *program, const char *format, va_list args)
{
	char *text = NULL;

	if (vasprintf(&text, format, args) < 0)
		return;
	char *safe = escape_terminal(text);
	fprintf(stderr, "%s: %s\n", program, safe);
	free(safe);
	free(text);
}

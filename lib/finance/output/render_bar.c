#include "lib/finance/output/render_bar.h"

#include "lib/base/text.h"
#include "lib/finance/output/escape.h"
#include "lib/finance/output/number.h"

#define WHOLE 1000 /* units across a bar */
#define LEAST 8    /* units of a part that is there at all: one record among a million is to be seen */
#define GAP 2

bool
bar_wanted(const struct table *t)
{
	for (int i = 0; i < t->column_count; i++)
		if (t->columns[i].bar != NULL)
			return true;
	return false;
}

/* Records in a part; what is no count of records is no part. */
static int64_t
part(const struct table *t, char *const *cells, int i)
{
	int64_t n = 0;

	if (t->columns[i].bar == NULL || cells[i] == NULL || !text_int(cells[i], 0, INT64_MAX / WHOLE / 256, &n))
		return 0;
	return n;
}

static void
put_words(FILE *out, const struct table *t, char *const *cells)
{
	bool first = true;

	for (int i = 0; i < t->column_count; i++) {
		if (part(t, cells, i) == 0)
			continue;
		char *count = number_shown(cells[i]);
		fprintf(out, "%s%s ", first ? "" : ", ", count);
		escape_html(out, t->columns[i].title);
		first = false;
		free(count);
	}
}

void
bar_put(FILE *out, const struct table *t, char *const *cells)
{
	int64_t all = 0, across = 0, at = 0;

	for (int i = 0; i < t->column_count; i++)
		all += part(t, cells, i);
	if (all == 0)
		return;
	for (int i = 0; i < t->column_count; i++) {
		int64_t n = part(t, cells, i), units = n * WHOLE / all;
		across += n == 0 ? 0 : units < LEAST ? LEAST : units;
	}
	fprintf(out, "<svg class=\"bar\" role=\"img\" viewBox=\"0 0 %d 16\" preserveAspectRatio=\"none\"><title>",
	        (int) across);
	put_words(out, t, cells);
	fputs("</title>", out);
	for (int i = 0; i < t->column_count; i++) {
		int64_t n = part(t, cells, i), units = n * WHOLE / all;
		if (n == 0)
			continue;
		units = units < LEAST ? LEAST : units;
		int64_t gap = at + units < across ? GAP : 0;
		fprintf(out, "<rect class=\"%s\" x=\"%d\" width=\"%d\" height=\"16\"/>", t->columns[i].bar, (int) at,
		        (int) (units - gap));
		at += units;
	}
	fputs("</svg>", out);
}

void
bar_put_legend(FILE *out, const struct table *t)
{
	fputs("<ul class=\"legend\">", out);
	for (int i = 0; i < t->column_count; i++) {
		if (t->columns[i].bar == NULL)
			continue;
		fprintf(out,
		        "<li><svg viewBox=\"0 0 10 10\" aria-hidden=\"true\"><rect class=\"%s\" width=\"10\" "
		        "height=\"10\" "
		        "rx=\"2\"/></svg>",
		        t->columns[i].bar);
		escape_html(out, t->columns[i].title);
		fputs("</li>", out);
	}
	fputs("</ul>\n", out);
}

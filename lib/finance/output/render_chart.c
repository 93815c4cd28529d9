#include "lib/finance/output/render_chart.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/finance/output/escape.h"
#include "lib/finance/output/memory.h"
#include "lib/finance/output/number.h"

#define HEIGHT 48
#define STEP 10 /* units from one bar to the next */
#define GAP 2
#define MOST 16 /* series: more of them is no picture any more */
#define MOST_ROWS 400
#define DIGITS 18 /* that int64_t holds */

/* One course: the rows of one text in the series' column, and one column of numbers. */
struct course {
	const struct table *t;
	const char *name; /* NULL: rows that have none */
	int series, column;
	size_t rows[MOST_ROWS];
	size_t count;
};

static bool
same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* "12.50" as 1250: all of a column have as many digits behind the point.  -1 for what is none, or below zero.
 */
static int64_t
height(const char *cell)
{
	char digits[DIGITS + 1];
	size_t len = 0;
	int64_t n = 0;

	if (cell == NULL)
		return -1;
	for (const char *c = cell; *c != '\0'; c++) {
		if (*c == '.')
			continue;
		if (len == DIGITS)
			return -1;
		digits[len++] = *c;
	}
	digits[len] = '\0';
	return text_int(digits, 0, INT64_MAX, &n) ? n : -1;
}

static int64_t
highest(const struct course *c, size_t *ret_row)
{
	int64_t most = 0;

	for (size_t i = 0; i < c->count; i++) {
		int64_t n = height(table_cell(c->t, c->rows[i], c->column));
		if (n > most) {
			most = n;
			*ret_row = c->rows[i];
		}
	}
	return most;
}

static void
put_number(FILE *out, const char *cell)
{
	char *shown = number_shown(cell != NULL ? cell : "");

	escape_html(out, shown);
	free(shown);
}

static void
put_words(FILE *out, const struct course *c, size_t high)
{
	size_t last = c->rows[c->count - 1];

	fputs("<figcaption>", out);
	if (c->name != NULL) {
		escape_html(out, c->name);
		fputs(": ", out);
	}
	escape_html(out, c->t->columns[c->column].title);
	fputs(" <strong>", out);
	put_number(out, table_cell(c->t, last, c->column));
	fputs("</strong></figcaption>\n<svg class=\"chart\" role=\"img\" viewBox=\"0 0 ", out);
	fprintf(out, "%zu %d\" preserveAspectRatio=\"none\"><title>", c->count * STEP, HEIGHT);
	escape_html(out, table_cell(c->t, c->rows[0], 0));
	fputs(" to ", out);
	escape_html(out, table_cell(c->t, last, 0));
	fputs("; the most is ", out);
	put_number(out, table_cell(c->t, high, c->column));
	fputs(", on ", out);
	escape_html(out, table_cell(c->t, high, 0));
	fputs("</title>", out);
}

static void
put_course(FILE *out, const struct course *c)
{
	size_t high = c->rows[0];
	int64_t most = highest(c, &high), unit = most / HEIGHT + 1;

	if (most == 0)
		return;
	fputs("<figure>", out);
	put_words(out, c, high);
	for (size_t i = 0; i < c->count; i++) {
		int64_t n = height(table_cell(c->t, c->rows[i], c->column));
		if (n <= 0)
			continue;
		/* what is there at all is seen; large numbers are divided first, so that nothing overflows */
		int64_t tall = most > INT64_MAX / HEIGHT ? n / unit : n * HEIGHT / most;
		tall = tall < 1 ? 1 : tall;
		fprintf(out, "<rect x=\"%zu\" y=\"%d\" width=\"%d\" height=\"%d\"/>", i * STEP, (int) (HEIGHT - tall),
		        STEP - GAP, (int) tall);
	}
	fputs("</svg></figure>\n", out);
}

static void
find_rows(struct course *c)
{
	c->count = 0;
	for (size_t row = 0; row < c->t->rows && c->count < MOST_ROWS; row++)
		if (same(table_cell(c->t, row, c->series), c->name))
			c->rows[c->count++] = row;
}

static bool
is_first(const struct table *t, int series, size_t row)
{
	for (size_t before = 0; before < row; before++)
		if (same(table_cell(t, before, series), table_cell(t, row, series)))
			return false;
	return true;
}

void
chart_put_all(FILE *out, const struct table *t)
{
	if (t->series == NULL || t->rows < 2)
		return;
	struct course *c = mem_new(1, sizeof(*c));
	int shown = 0;

	*c = (struct course){.t = t, .series = table_column(t, t->series)};
	fputs("<div class=\"charts\">\n", out);
	for (size_t row = 0; row < t->rows && shown < MOST; row++) {
		if (row > 0 && same(table_cell(t, row, c->series), table_cell(t, row - 1, c->series)))
			continue;
		if (!is_first(t, c->series, row))
			continue;
		c->name = table_cell(t, row, c->series);
		find_rows(c);
		if (c->count < 2)
			continue;
		shown++;
		for (c->column = 0; c->column < t->column_count; c->column++)
			if (t->columns[c->column].chart)
				put_course(out, c);
	}
	fputs("</div>\n", out);
	free(c);
}

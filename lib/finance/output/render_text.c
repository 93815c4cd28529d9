/* Tables, facts and timelines for eyes. */
#include "lib/finance/output/escape.h"
#include "lib/finance/output/layout.h"
#include "lib/finance/output/memory.h"
#include "lib/finance/output/render.h"
#include "lib/finance/output/wrap.h"

#define FACTS_INDENT 2
#define TIMELINE_INDENT 4
#define LONG_TABLE 12 /* rows; see struct table, quiet */

/* A cell as a terminal may have it. */
static char *
ready(enum column_kind kind, const char *cell)
{
	if (cell == NULL)
		return mem_text("");
	char *shown = cell_shown(kind, cell), *safe = escape_terminal(shown);
	free(shown);
	return safe;
}

static void
put_spaces(FILE *out, int n)
{
	fprintf(out, "%*s", n > 0 ? n : 0, "");
}

static void
put_inked(FILE *out, const struct terminal *term, enum ink ink, const char *text)
{
	fprintf(out, "%s%s%s", terminal_ink(term, ink), text, terminal_plain(term, ink));
}

/* One cell in its width; nothing after the last one. */
static void
put_cell(FILE *out, const struct terminal *term, const struct column *c, const char *safe, int width,
         enum ink ink, bool last)
{
	char *fit = text_shorten(safe, width, c->kind == COLUMN_NAME);
	int pad = width - text_width(fit);
	bool right = column_is_number(c->kind);

	if (right)
		put_spaces(out, pad);
	put_inked(out, term, ink, fit);
	if (!right && !last)
		put_spaces(out, pad);
	if (!last)
		put_spaces(out, COLUMN_GAP);
	free(fit);
}

static int
last_shown(const struct table *t, const struct layout *l)
{
	int i = t->column_count - 1;

	while (i > 0 && !l->shown[i])
		i--;
	return i;
}

static void
put_titles(FILE *out, const struct table *t, const struct layout *l, const struct terminal *term)
{
	int last = last_shown(t, l);

	for (int i = 0; i <= last; i++)
		if (l->shown[i])
			put_cell(out, term, &t->columns[i], t->columns[i].title, l->width[i], INK_BOLD, i == last);
	putc('\n', out);
}

static void
put_line(FILE *out, const struct table *t, const struct layout *l, const struct terminal *term)
{
	int last = last_shown(t, l);

	fputs(terminal_ink(term, INK_DIM), out);
	for (int i = 0; i <= last; i++) {
		for (int w = 0; l->shown[i] && w < l->width[i]; w++)
			fputs("─", out);
		if (l->shown[i] && i < last)
			put_spaces(out, COLUMN_GAP);
	}
	fputs(terminal_plain(term, INK_DIM), out);
	putc('\n', out);
}

/* One line of a row; what of a sentence does not fit stays in rest[] for the next.  True when there is more.
 */
static bool
put_row_line(FILE *out, const struct table *t, char **rest, const struct layout *l,
             const struct terminal *term, const enum ink *inks)
{
	int last = t->column_count - 1;
	bool more = false;

	while (last > 0 && (!l->shown[last] || !*rest[last]))
		last--; /* no spaces at the end of a line */
	for (int i = 0; i <= last; i++) {
		if (!l->shown[i])
			continue;
		const char *next = rest[i] + strlen(rest[i]);
		size_t len = strlen(rest[i]);
		if (t->columns[i].kind == COLUMN_SENTENCE)
			len = wrap_line(rest[i], l->width[i], &next);
		char *line = mem_part(rest[i], len);
		put_cell(out, term, &t->columns[i], line, l->width[i], inks[i], i == last);
		free(line);
		memmove(rest[i], next, strlen(next) + 1);
		more = more || *rest[i];
	}
	putc('\n', out);
	return more;
}

static void
put_row(FILE *out, const struct table *t, char *const *cells, const struct layout *l,
        const struct terminal *term, bool total)
{
	size_t count = (size_t) t->column_count;
	char **rest = mem_new(count, sizeof(char *));
	enum ink *inks = mem_new(count, sizeof(enum ink));

	for (size_t i = 0; i < count; i++) {
		rest[i] = ready(t->columns[i].kind, cells[i]);
		inks[i] = total ? INK_BOLD : cell_ink(t->columns[i].kind, cells[i]);
	}
	while (put_row_line(out, t, rest, l, term, inks))
		continue;
	for (size_t i = 0; i < count; i++)
		free(rest[i]);
	free(rest);
	free(inks);
}

/* The widest of title, cells and total in each column. */
static int *
natural_widths(const struct table *t)
{
	int *natural = mem_new((size_t) t->column_count, sizeof(int));

	for (int i = 0; i < t->column_count; i++)
		natural[i] = text_width(t->columns[i].title);
	for (size_t row = 0; row <= t->rows; row++)
		for (int i = 0; i < t->column_count; i++) {
			const char *cell = row < t->rows       ? table_cell(t, row, i)
			                   : t->totals != NULL ? t->totals[i]
			                                       : NULL;
			if (cell == NULL)
				continue;
			char *safe = ready(t->columns[i].kind, cell);
			int width = text_width(safe);
			natural[i] = width > natural[i] ? width : natural[i];
			free(safe);
		}
	return natural;
}

static void
put_facts(FILE *out, const struct table *t, size_t row, const struct terminal *term, int indent)
{
	int titles = 0;

	for (int i = 0; i < t->column_count; i++)
		if (table_cell(t, row, i) != NULL && text_width(t->columns[i].title) > titles)
			titles = text_width(t->columns[i].title);
	for (int i = 0; i < t->column_count; i++) {
		const char *cell = table_cell(t, row, i);
		if (cell == NULL)
			continue;
		char *safe = ready(t->columns[i].kind, cell);
		enum ink ink = cell_ink(t->columns[i].kind, cell);
		put_spaces(out, indent);
		put_inked(out, term, INK_DIM, t->columns[i].title);
		put_spaces(out, titles - text_width(t->columns[i].title) + COLUMN_GAP);
		fputs(terminal_ink(term, ink), out);
		wrap_put(out, safe, term->width, indent + titles + COLUMN_GAP);
		fputs(terminal_plain(term, ink), out);
		free(safe);
	}
}

/* What did not fit is named, never left out without a word. */
static void
put_left_out(FILE *out, const struct table *t, const struct layout *l, const struct terminal *term)
{
	char *names = mem_text("");

	for (int i = 0; i < t->column_count; i++)
		if (!l->shown[i] && t->columns[i].drop > 0 && t->columns[i].drop != FOR_MACHINES) {
			char *more = mem_format("%s%s%s", names, *names ? ", " : "", t->columns[i].title);
			free(names);
			names = more;
		}
	if (*names) {
		char *note = mem_format("not shown for want of width: %s", names);
		fputs(terminal_ink(term, INK_DIM), out);
		wrap_put(out, note, term->width, 0);
		fputs(terminal_plain(term, INK_DIM), out);
		free(note);
	}
	free(names);
}

/* In a long table, rows that say "ok" where it matters are not worth a line. */
static bool
is_quiet(const struct table *t, size_t row)
{
	const char *cell =
	    t->quiet != NULL && t->rows > LONG_TABLE ? table_cell(t, row, table_column(t, t->quiet)) : NULL;

	return cell != NULL && strcmp(cell, "ok") == 0;
}

static void
tell_quiet(FILE *out, const struct table *t, const struct terminal *term)
{
	size_t quiet = 0;

	for (size_t row = 0; row < t->rows; row++)
		quiet += is_quiet(t, row);
	if (quiet == 0)
		return;
	char *note = mem_format("%zu of %zu are ok and not shown here; --format html, csv and json have them",
	                        quiet, t->rows);
	fputs(terminal_ink(term, INK_DIM), out);
	wrap_put(out, note, term->width, 0);
	fputs(terminal_plain(term, INK_DIM), out);
	free(note);
}

static void
put_rows(FILE *out, const struct table *t, const struct terminal *term)
{
	struct layout layout;
	int *natural = natural_widths(t);

	layout_fit(&layout, t, natural, term->width);
	if (layout.fits) {
		put_titles(out, t, &layout, term);
		put_line(out, t, &layout, term);
		for (size_t row = 0; row < t->rows; row++)
			if (!is_quiet(t, row))
				put_row(out, t, t->cells + row * (size_t) t->column_count, &layout, term, false);
		if (t->totals != NULL) {
			put_line(out, t, &layout, term);
			put_row(out, t, t->totals, &layout, term, true);
		}
		put_left_out(out, t, &layout, term);
		tell_quiet(out, t, term);
	} else {
		for (size_t row = 0; row < t->rows; row++) {
			if (row)
				putc('\n', out);
			put_facts(out, t, row, term, 0);
		}
	}
	layout_clear(&layout);
	free(natural);
}

static void
put_timeline(FILE *out, const struct table *t, const struct terminal *term)
{
	struct table below = *t;

	for (size_t row = 0; row < t->rows; row++) {
		char *at = ready(t->columns[0].kind, table_cell(t, row, 0));
		char *what = ready(t->columns[1].kind, table_cell(t, row, 1));
		put_inked(out, term, INK_DIM, at);
		put_spaces(out, (*at ? 0 : 19) + COLUMN_GAP);
		put_inked(out, term, INK_BOLD, what);
		putc('\n', out);
		/* the same row without its first two cells */
		below.columns = t->columns + 2;
		below.column_count = t->column_count - 2;
		below.cells = t->cells + row * (size_t) t->column_count + 2;
		below.rows = 1;
		put_facts(out, &below, 0, term, TIMELINE_INDENT);
		free(at);
		free(what);
	}
}

static void
put_table(FILE *out, const struct table *t, const struct terminal *term)
{
	if (t->title != NULL) {
		put_inked(out, term, INK_BOLD, t->title);
		putc('\n', out);
	}
	if (t->rows == 0)
		wrap_put(out, t->empty, term->width, 0);
	else if (t->shape == TABLE_FACTS || t->shape == TABLE_TILES)
		put_facts(out, t, 0, term, t->title != NULL ? FACTS_INDENT : 0);
	else if (t->shape == TABLE_TIMELINE)
		put_timeline(out, t, term);
	else
		put_rows(out, t, term);
	for (size_t i = 0; i < t->note_count; i++) {
		char *note = escape_terminal(t->notes[i]);
		wrap_put(out, note, term->width, 0);
		free(note);
	}
}

void
render_text(FILE *out, const struct document *d, const struct terminal *term)
{
	bool first = true;

	if (d->title != NULL) {
		char *title = escape_terminal(d->title);
		put_inked(out, term, INK_BOLD, title);
		putc('\n', out);
		free(title);
		first = false;
	}
	if (d->subtitle != NULL) {
		char *subtitle = escape_terminal(d->subtitle);
		wrap_put(out, subtitle, term->width, 0);
		free(subtitle);
	}
	for (size_t i = 0; i < d->table_count; i++) {
		if (d->tables[i]->rows == 0 && d->tables[i]->empty == NULL)
			continue;
		if (!first)
			putc('\n', out);
		put_table(out, d->tables[i], term);
		first = false;
	}
}

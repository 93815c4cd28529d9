/* A page that needs nothing and runs nothing: for finance to keep, print and mail. */
#include "lib/finance/output/escape.h"
#include "lib/finance/output/html_css.h"
#include "lib/finance/output/memory.h"
#include "lib/finance/output/render.h"
#include "lib/finance/output/render_bar.h"
#include "lib/finance/output/render_chart.h"
#include "lib/hash/sha256.h"

static const char *
kind_class(enum column_kind kind)
{
	switch (kind) {
	case COLUMN_NUMBER:
	case COLUMN_ZERO:
	case COLUMN_DECIMAL:
		return "number";
	case COLUMN_TIME:
		return "time";
	case COLUMN_NAME:
		return "name";
	case COLUMN_WORD:
	case COLUMN_BOOL:
		return "word";
	case COLUMN_SENTENCE:
		return "sentence";
	case COLUMN_TEXT:
		break;
	}
	return "text";
}

static const char *
ink_class(const struct column *c, const char *cell)
{
	static const char *const classes[] = {
	    [INK_PLAIN] = "",     [INK_BOLD] = "",    [INK_DIM] = " dim",      [INK_GOOD] = " good",
	    [INK_WAIT] = " wait", [INK_BAD] = " bad", [INK_ACCENT] = " accent"};

	return classes[cell_ink(c->kind, cell)];
}

/* A page has room for all that people read, so that nothing has to stand for it; but not for what no row has,
 * where it leads elsewhere and the table is one of many that are looked at (links). */
static bool
on_page(const struct table *t, int column, const struct html_link *links)
{
	const struct column *c = &t->columns[column];
	bool some = links == NULL || column_is_number(c->kind);

	for (size_t row = 0; row < t->rows && !some; row++)
		some = table_cell(t, row, column) != NULL;
	return some && c->drop >= 0 && c->drop != FOR_MACHINES;
}

/* What a narrow screen has no room for, by the order in which a terminal leaves out columns. */
static const char *
drop_class(const struct column *c)
{
	return c->drop >= 7 ? " drop late" : c->drop >= 3 ? " drop" : "";
}

static const struct html_link *
link_of(const struct html_link *links, const struct column *c)
{
	for (; links != NULL && links->column != NULL; links++)
		if (strcmp(links->column, c->key) == 0)
			return links;
	return NULL;
}

static void
put_pick(FILE *out, const struct html_link *link, const struct column *c, const char *cell)
{
	fprintf(out, "<input type=\"checkbox\" form=\"pick\" name=\"%s\" value=\"", link->pick);
	escape_html(out, cell);
	fputs("\" aria-label=\"", out);
	escape_html(out, c->title);
	fputc(' ', out);
	escape_html(out, cell);
	fputs("\"> ", out);
}

static void
put_value(FILE *out, const struct html_link *links, const struct column *c, const char *cell)
{
	const struct html_link *link = cell != NULL ? link_of(links, c) : NULL;

	if (cell == NULL)
		return;
	if (link != NULL && link->pick != NULL)
		put_pick(out, link, c, cell);
	if (link != NULL) {
		fputs("<a href=\"", out);
		escape_html(out, link->path);
		escape_url(out, cell);
		fputs("\">", out);
	}
	char *shown = cell_shown(c->kind, cell);
	escape_html(out, shown);
	free(shown);
	if (link != NULL)
		fputs("</a>", out);
}

static void
put_heading(FILE *out, const char *tag, const char *text)
{
	fprintf(out, "<%s>", tag);
	escape_html(out, text);
	fprintf(out, "</%s>\n", tag);
}

/* The picture stands below what the row is called, so that it is seen however narrow the page; -1: none. */
static int
picture_column(const struct table *t)
{
	if (!bar_wanted(t))
		return -1;
	for (int i = 0; i < t->column_count; i++)
		if (t->columns[i].kind == COLUMN_NAME)
			return i;
	return 0;
}

static void
put_row(FILE *out, const struct html_link *links, const struct table *t, char *const *cells, bool total)
{
	int picture = picture_column(t);

	fputs("<tr>", out);
	for (int i = 0; i < t->column_count; i++) {
		if (!on_page(t, i, links))
			continue;
		/* the first cell names its row for those who listen to the page */
		bool names = i == 0 && !total;
		fprintf(out, names ? "<th scope=\"row\" class=\"%s%s%s\">" : "<td class=\"%s%s%s\">",
		        kind_class(t->columns[i].kind), ink_class(&t->columns[i], cells[i]),
		        drop_class(&t->columns[i]));
		put_value(out, total ? NULL : links, &t->columns[i], cells[i]);
		if (i == picture)
			bar_put(out, t, cells);
		fputs(names ? "</th>" : "</td>", out);
	}
	fputs("</tr>\n", out);
}

static void
put_rows(FILE *out, const struct html_link *links, const struct table *t)
{
	chart_put_all(out, t);
	/* whoever has no pointer scrolls it by its own place in the order of the page */
	fputs("<section class=\"scroll\" tabindex=\"0\" aria-label=\"", out);
	escape_html(out, t->title != NULL ? t->title : t->key);
	fputs("\">\n<table>\n<thead><tr>", out);
	for (int i = 0; i < t->column_count; i++) {
		if (!on_page(t, i, links))
			continue;
		fprintf(out, "<th scope=\"col\" class=\"%s%s\">", kind_class(t->columns[i].kind),
		        drop_class(&t->columns[i]));
		escape_html(out, t->columns[i].title);
		fputs("</th>", out);
	}
	fputs("</tr></thead>\n<tbody>\n", out);
	for (size_t row = 0; row < t->rows; row++)
		put_row(out, links, t, t->cells + row * (size_t) t->column_count, false);
	fputs("</tbody>\n", out);
	if (t->totals != NULL) {
		fputs("<tfoot>\n", out);
		put_row(out, links, t, t->totals, true);
		fputs("</tfoot>\n", out);
	}
	fputs("</table>\n</section>\n", out);
	if (bar_wanted(t))
		bar_put_legend(out, t);
}

static void
put_facts(FILE *out, const struct html_link *links, const struct table *t, size_t row, int from,
          const char *class)
{
	bool tiles = t->shape == TABLE_TILES;

	fprintf(out, "<dl class=\"%s\">\n", class);
	for (int i = from; i < t->column_count; i++) {
		const char *cell = table_cell(t, row, i);
		if (cell == NULL)
			continue;
		fprintf(out, "%s<dt>", tiles ? "<div>" : "");
		escape_html(out, t->columns[i].title);
		fprintf(out, "</dt><dd class=\"%s%s\">", kind_class(t->columns[i].kind),
		        ink_class(&t->columns[i], cell));
		put_value(out, links, &t->columns[i], cell);
		fprintf(out, "</dd>%s\n", tiles ? "</div>" : "");
	}
	fputs("</dl>\n", out);
}

static void
put_timeline(FILE *out, const struct html_link *links, const struct table *t)
{
	fputs("<ol class=\"timeline\">\n", out);
	for (size_t row = 0; row < t->rows; row++) {
		fputs("<li><time>", out);
		put_value(out, NULL, &t->columns[0], table_cell(t, row, 0));
		fputs("</time><strong>", out);
		put_value(out, NULL, &t->columns[1], table_cell(t, row, 1));
		fputs("</strong>\n", out);
		put_facts(out, links, t, row, 2, "facts");
		fputs("</li>\n", out);
	}
	fputs("</ol>\n", out);
}

static void
put_table(FILE *out, const struct html_link *links, const struct table *t)
{
	fputs("<section>\n", out);
	if (t->title != NULL)
		put_heading(out, "h2", t->title);
	if (t->rows == 0) {
		fputs("<p class=\"empty\">", out);
		escape_html(out, t->empty);
		fputs("</p>\n", out);
	} else if (t->shape == TABLE_ROWS)
		put_rows(out, links, t);
	else if (t->shape == TABLE_TIMELINE)
		put_timeline(out, links, t);
	else
		put_facts(out, links, t, 0, 0, t->shape == TABLE_TILES ? "tiles" : "facts");
	for (size_t i = 0; i < t->note_count; i++) {
		fputs("<p class=\"note\">", out);
		escape_html(out, t->notes[i]);
		fputs("</p>\n", out);
	}
	fputs("</section>\n", out);
}

void
render_html_tables(FILE *out, const struct document *d, const struct html_link *links)
{
	for (size_t i = 0; i < d->table_count; i++)
		if (d->tables[i]->rows || d->tables[i]->empty != NULL)
			put_table(out, links, d->tables[i]);
}

/* The one style that the page may have, by its hash: not even a style of somebody else's is let in. */
static void
put_style_hash(FILE *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t hash[SHA256_BYTES];

	sha256_of(html_page, strlen(html_page), hash);
	for (int i = 0; i < SHA256_BYTES; i += 3) {
		/* the 32 bytes are ten groups of three and one of two, which ends in "=" */
		uint32_t group = (uint32_t) hash[i] << 16 | (uint32_t) hash[i + 1] << 8 |
		                 (i + 2 < SHA256_BYTES ? hash[i + 2] : 0u);
		fprintf(out, "%c%c%c%c", digits[group >> 18], digits[group >> 12 & 63], digits[group >> 6 & 63],
		        i + 2 < SHA256_BYTES ? digits[group & 63] : '=');
	}
}

static void
put_document(FILE *out, const struct document *d)
{
	put_heading(out, "h1", d->title != NULL ? d->title : "handback");
	if (d->subtitle != NULL) {
		fputs("<p class=\"subtitle\">", out);
		escape_html(out, d->subtitle);
		fputs("</p>\n", out);
	}
	render_html_tables(out, d, NULL);
}

void
render_html(FILE *out, const struct document *d)
{
	struct document *const one[] = {(struct document *) (uintptr_t) d};

	render_html_all(out, one, 1);
}

void
render_html_all(FILE *out, struct document *const *documents, size_t count)
{
	const char *title = documents[0]->title != NULL ? documents[0]->title : "handback";

	fputs("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-",
	      out);
	put_style_hash(out);
	fputs("'; base-uri 'none'; form-action 'none'\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	      "<meta name=\"generator\" content=\"handback " HANDBACK_VERSION "\">\n",
	      out);
	put_heading(out, "title", title);
	fprintf(out, "<style>%s</style>\n</head>\n<body>\n<main>\n", html_page);
	for (size_t i = 0; i < count; i++)
		put_document(out, documents[i]);
	fputs("</main>\n</body>\n</html>\n", out);
}

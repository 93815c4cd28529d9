#include "try/lint.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "lib/finance/output/escape.h"
#include "lib/finance/output/memory.h"
#include "lib/protocol/try_call.h"

#define REMARKS 100  /* that are shown */
#define LINE_MOST 300 /* bytes of a line that are shown, around what is wrong */

/* The text, and how far its lines were counted. */
struct text {
	const char *bytes;
	size_t len;
	size_t line, begin; /* the line that a place is in, from 1, and where it begins */
};

static const char *
cell_of(const struct table *t, size_t row, const char *key)
{
	return table_cell(t, row, table_column(t, key));
}

/* Remarks come in the file's order, mostly; a place further back is counted from the beginning. */
static void
go_to(struct text *x, size_t offset)
{
	const char *end;

	if (offset < x->begin)
		x->line = 1, x->begin = 0;
	while ((end = memchr(x->bytes + x->begin, '\n', offset - x->begin)) != NULL) {
		x->begin = (size_t) (end - x->bytes) + 1;
		x->line++;
	}
}

static size_t
line_length(const struct text *x)
{
	const char *end = memchr(x->bytes + x->begin, '\n', x->len - x->begin);
	size_t len = (end != NULL ? (size_t) (end - x->bytes) : x->len) - x->begin;

	return len > 0 && x->bytes[x->begin + len - 1] == '\r' ? len - 1 : len;
}

static void
put_part(FILE *out, const char *bytes, size_t len)
{
	char *part = mem_part(bytes, len);

	for (char *p = part; p < part + len; p++) /* a NUL would end it */
		if (*p == '\0')
			*p = '\1';
	escape_html(out, part);
	free(part);
}

/* The line that the place is in, with what is wrong there marked; the place in *ret_column. */
static void
put_line(FILE *out, const struct text *x, size_t offset, const char *value, size_t *ret_column)
{
	size_t len = line_length(x), at = offset - x->begin, marked = 0, from = 0;
	const char *line = x->bytes + x->begin, *found;

	if (at > len)
		at = len;
	found = value != NULL && *value != '\0' ? memmem(line + at, len - at, value, strlen(value)) : NULL;
	if (found != NULL) {
		at = (size_t) (found - line);
		marked = strlen(value);
	}
	*ret_column = at + 1;
	if (at > LINE_MOST / 2)
		from = at - LINE_MOST / 2;
	if (from > 0)
		fputs("…", out);
	put_part(out, line + from, at - from);
	if (marked > 0) {
		if (marked > LINE_MOST)
			marked = LINE_MOST;
		fputs("<mark class=\"m2\">", out);
		put_part(out, line + at, marked);
		fputs("</mark>", out);
	}
	at += marked;
	len = len > at + LINE_MOST ? at + LINE_MOST : len;
	put_part(out, line + at, len - at);
	if (len < line_length(x))
		fputs("…", out);
}

/* One remark; false: it is of no place in the text. */
static bool
put_remark(FILE *out, struct text *x, const char *offset_text, const char *value, const char *rule,
           const char *message)
{
	size_t column = 1;
	int64_t offset;

	if (offset_text == NULL || !text_int(offset_text, 0, INT64_MAX, &offset) || (size_t) offset >= x->len)
		return false;
	go_to(x, (size_t) offset);
	fprintf(out, "<tr><th scope=\"row\" class=\"number\">%zu</th><td class=\"code\">", x->line);
	put_line(out, x, (size_t) offset, value, &column);
	fprintf(out, "</td><td class=\"sentence\">%zu:%zu ", x->line, column);
	escape_html(out, rule);
	if (message != NULL) {
		fputs(": ", out);
		escape_html(out, message);
	}
	fputs("</td></tr>\n", out);
	return true;
}

static void
put_remarks(FILE *out, struct text *x, const struct trial *t)
{
	const struct table *refused = t->refusals, *records = t->records;
	size_t put = 0;

	fputs("<section>\n<h2>What is wrong, beside the text</h2>\n<section class=\"scroll\" tabindex=\"0\" "
	      "aria-label=\"What is wrong, beside the text\"><table>\n<thead><tr><th scope=\"col\" "
	      "class=\"number\">Line</th><th scope=\"col\">Text</th><th scope=\"col\">Line:column, and "
	      "what</th></tr></thead>\n<tbody>\n",
	      out);
	for (size_t i = 0; i < refused->rows && put < REMARKS; i++)
		put += put_remark(out, x, cell_of(refused, i, "byte_offset"), cell_of(refused, i, "value"),
		                  cell_of(refused, i, "rule"), cell_of(refused, i, "message"));
	for (size_t i = 0; i < records->rows && put < REMARKS; i++)
		if (strcmp(cell_of(records, i, "outcome"), "held") == 0)
			put += put_remark(out, x, cell_of(records, i, "byte_offset"), NULL, cell_of(records, i, "reason"),
			                  cell_of(records, i, "detail"));
	if (put == 0)
		fputs("<tr><td></td><td></td><td>nothing that has a place in it</td></tr>\n", out);
	fputs("</tbody>\n</table></section>\n</section>\n", out);
}

void
lint_put(FILE *out, const struct trial *t)
{
	struct text x = {.line = 1};
	char *bytes = mem_new(TRY_FILE_BYTES, 1);
	ssize_t len = pread(t->file, bytes, TRY_FILE_BYTES, 0);

	x.bytes = bytes;
	x.len = len > 0 ? (size_t) len : 0;
	/* what is packed or encrypted has no lines; places are of what is inside */
	if (x.len > 0 && memchr(bytes, '\0', x.len < 512 ? x.len : 512) == NULL)
		put_remarks(out, &x, t);
	free(bytes);
}

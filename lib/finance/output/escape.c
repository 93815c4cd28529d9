#include "lib/finance/output/escape.h"

#include <stdbool.h>

#include "lib/base/utf8.h"
#include "lib/finance/output/glyph.h"
#include "lib/finance/output/memory.h"

char *
escape_terminal(const char *text)
{
	char *shown = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&shown, &size);
	if (out == NULL)
		return mem_text("");

	while (*text) {
		uint32_t code = 0;
		size_t len = glyph_next(text, &code);
		if (len == 0) {
			fprintf(out, "\\x%02x", (unsigned char) *text);
			len = 1;
		} else if (code == '\n' || code == '\r' || code == '\t')
			fputs(code == '\n' ? "\\n" : code == '\r' ? "\\r" : "\\t", out);
		else if (utf8_is_hidden(code))
			fprintf(out, code < 0x80 ? "\\x%02x" : "\\u{%x}", code);
		else
			fwrite(text, 1, len, out);
		text += len;
	}
	fclose(out);
	return shown != NULL ? shown : mem_text("");
}

void
escape_html(FILE *out, const char *text)
{
	while (*text) {
		uint32_t code = 0;
		size_t len = glyph_next(text, &code);
		if (len == 0) {
			fprintf(out, "\\x%02x", (unsigned char) *text);
			len = 1;
		} else if (code == '&')
			fputs("&amp;", out);
		else if (code == '<')
			fputs("&lt;", out);
		else if (code == '>')
			fputs("&gt;", out);
		else if (code == '"')
			fputs("&quot;", out);
		else if (code == '\'')
			fputs("&#39;", out);
		else if (code == '\n' || code == '\r' || code == '\t')
			fputs(code == '\n' ? "\\n" : code == '\r' ? "\\r" : "\\t", out);
		else if (utf8_is_hidden(code))
			fprintf(out, code < 0x80 ? "\\x%02x" : "\\u{%x}", code);
		else
			fwrite(text, 1, len, out);
		text += len;
	}
}

void
escape_url(FILE *out, const char *text)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";

	for (const char *p = text; *p != '\0'; p++)
		if (strchr(plain, *p) != NULL)
			fputc(*p, out);
		else
			fprintf(out, "%%%02X", (unsigned) (unsigned char) *p);
}

int
text_width(const char *shown)
{
	int width = 0;
	uint32_t code = 0;

	for (size_t len = 0; (len = glyph_next(shown, &code)) > 0; shown += len)
		width += glyph_columns(code);
	return width;
}

size_t
text_fit(const char *shown, int width)
{
	const char *at = shown;
	uint32_t code = 0;
	size_t len = 0;

	while ((len = glyph_next(at, &code)) > 0 && (width -= glyph_columns(code)) >= 0)
		at += len;
	return (size_t) (at - shown);
}

char *
text_shorten(const char *shown, int width, int keep_end)
{
	int all = text_width(shown);
	if (all <= width)
		return mem_text(shown);

	int end = keep_end ? (width - 1) / 2 : 0;
	size_t head = text_fit(shown, width - 1 - end);
	/* the tail starts at the first character that leaves no more than end columns */
	const char *tail = shown + strlen(shown);
	if (end > 0) {
		uint32_t code = 0;
		tail = shown;
		for (int left = all; left > end || (*tail && (glyph_next(tail, &code), glyph_columns(code) == 0));) {
			size_t len = glyph_next(tail, &code);
			left -= glyph_columns(code);
			tail += len;
		}
	}
	return mem_format("%.*s…%s", (int) head, shown, tail);
}

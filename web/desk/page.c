#include "web/desk/page.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#include "lib/finance/output/escape.h"
#include "lib/finance/output/memory.h"

#define MARKED_LEAST 3 /* bytes: what is shorter stands everywhere */

void
page_put(FILE *out, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	for (const char *p = format; *p != '\0'; p++) {
		const char *text;

		if (*p != '%') {
			fputc(*p, out);
			continue;
		}
		switch (*++p) {
		case 't':
			text = va_arg(args, const char *);
			escape_html(out, text != NULL ? text : "");
			break;
		case 'u':
			text = va_arg(args, const char *);
			escape_url(out, text != NULL ? text : "");
			break;
		case 'n':
			fprintf(out, "%lld", va_arg(args, long long));
			break;
		default: /* a mistake in a format of ours: nothing more of it is shown */
			va_end(args);
			return;
		}
	}
	va_end(args);
}

static void
put_part(FILE *out, const char *text, size_t len)
{
	char *part = mem_part(text, len);

	escape_html(out, part);
	free(part);
}

/* Does it stand here?  A number within a longer one is another number. */
static bool
stands_at(const char *text, const char *at, const char *value)
{
	size_t len = strlen(value);
	bool digits = strspn(value, "0123456789") == len;

	return len >= MARKED_LEAST && strncasecmp(at, value, len) == 0 &&
	       (!digits ||
	        ((at == text || !isalnum((unsigned char) at[-1])) && !isalnum((unsigned char) at[len])));
}

/* The value that stands at this place, the longest; -1: none. */
static int
value_at(const char *text, const char *at, const struct page_value *values)
{
	int found = -1;

	for (int i = 0; values[i].name != NULL; i++)
		if (values[i].value != NULL && stands_at(text, at, values[i].value) &&
		    (found < 0 || strlen(values[i].value) > strlen(values[found].value)))
			found = i;
	return found;
}

bool
page_has(const char *text, const struct page_value *value)
{
	for (const char *at = text; value->value != NULL && *at != '\0'; at++)
		if (stands_at(text, at, value->value))
			return true;
	return false;
}

void
page_mark(FILE *out, const struct page_value *values, size_t i)
{
	page_put(out, "<mark class=\"m%n\" title=\"%t\">", (long long) (i % PAGE_COLOURS), values[i].name);
}

void
page_marked(FILE *out, const char *text, const struct page_value *values)
{
	const char *at = text, *plain = text;

	while (*at != '\0') {
		int i = value_at(text, at, values);

		if (i < 0) {
			at++;
			continue;
		}
		put_part(out, plain, (size_t) (at - plain));
		page_mark(out, values, (size_t) i);
		put_part(out, at, strlen(values[i].value));
		page_put(out, "</mark>");
		at += strlen(values[i].value);
		plain = at;
	}
	put_part(out, plain, (size_t) (at - plain));
}

void
page_select(FILE *out, const char *name, const char *label, const char *const *words, const char *chosen,
            const char *none)
{
	page_put(out, "<label>%t <select name=\"%t\">", label, name);
	if (none != NULL)
		page_put(out, "<option value=\"\">%t</option>", none);
	for (; *words != NULL; words++) {
		page_put(out, "<option value=\"%t\"", *words);
		if (chosen != NULL && strcmp(chosen, *words) == 0)
			page_put(out, " selected");
		page_put(out, ">%t</option>", *words);
	}
	page_put(out, "</select></label>\n");
}

void
page_input(FILE *out, const char *type, const char *name, const char *label, const char *value)
{
	page_put(out, "<label>%t <input type=\"%t\" name=\"%t\" value=\"%t\"></label>\n", label, type, name,
	         value);
}

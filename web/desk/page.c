#include "web/desk/page.h"

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

/* The value that stands at this place, the longest; NULL: none. */
static const struct page_value *
value_at(const char *text, const struct page_value *values)
{
	const struct page_value *found = NULL;

	for (; values->name != NULL; values++) {
		size_t len = values->value != NULL ? strlen(values->value) : 0;

		if (len >= MARKED_LEAST && strncasecmp(text, values->value, len) == 0 &&
		    (found == NULL || len > strlen(found->value)))
			found = values;
	}
	return found;
}

void
page_marked(FILE *out, const char *text, const struct page_value *values)
{
	const char *plain = text;

	while (*text != '\0') {
		const struct page_value *v = value_at(text, values);

		if (v == NULL) {
			text++;
			continue;
		}
		put_part(out, plain, (size_t) (text - plain));
		page_put(out, "<mark title=\"%t\">", v->name);
		put_part(out, text, strlen(v->value));
		page_put(out, "</mark>");
		text += strlen(v->value);
		plain = text;
	}
	put_part(out, plain, (size_t) (text - plain));
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

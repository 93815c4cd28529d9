#include "lib/finance/output/wrap.h"

#include <stdbool.h>

#include "lib/finance/output/escape.h"

#define LEAST_ROOM 20 /* narrower than that nobody can read */

size_t
wrap_line(const char *text, int width, const char **ret_next)
{
	size_t fit = text_fit(text, width), cut = fit;

	if (!text[fit]) {
		*ret_next = text + fit;
		return fit;
	}
	while (cut > 0 && text[cut] != ' ')
		cut--;
	if (cut == 0) /* a word longer than the line is broken; one character goes in however narrow it is */
		cut = fit ? fit : strlen(text);
	*ret_next = text + cut + strspn(text + cut, " ");
	return cut;
}

void
wrap_put(FILE *out, const char *text, int width, int indent)
{
	int room = width == 0 ? 0 : width - indent > LEAST_ROOM ? width - indent : LEAST_ROOM;
	const char *next = text + strlen(text);

	for (bool first = true; first || *text; first = false) {
		size_t len = room ? wrap_line(text, room, &next) : strlen(text);
		fprintf(out, "%*s%.*s\n", first ? 0 : indent, "", (int) len, text);
		text = next;
	}
}

#include "ctl/wrap.h"

#include "ctl/escape.h"

#define LEAST_ROOM 20 /* narrower than that nobody can read */

void
wrap_put(FILE *out, const char *text, int width, int indent)
{
	int room = width == 0 ? 0 : width - indent > LEAST_ROOM ? width - indent : LEAST_ROOM;

	while (room && text_width(text) > room) {
		size_t fit = text_fit(text, room), cut = fit;
		while (cut > 0 && text[cut] != ' ')
			cut--;
		if (cut == 0)
			cut = fit ? fit : strlen(text);
		fwrite(text, 1, cut, out);
		text += cut;
		text += strspn(text, " ");
		fprintf(out, "\n%*s", indent, "");
	}
	fprintf(out, "%s\n", text);
}

#include "lib/finance/sheet/name.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/utf8.h"
#include "lib/finance/output/escape.h"
#include "lib/finance/output/memory.h"

#define ELLIPSIS "\xe2\x80\xa6"
#define ESCAPE_BYTES 7 /* "_x0041_" */

void
sheet_name(char ret[SHEET_NAME_BYTES + 1], const char *wanted, unsigned n)
{
	char end[16] = "";
	int end_len = n > 1 ? snprintf(end, sizeof(end), " (%u)", n) : 0, room = SHEET_NAME_BYTES - end_len;

	snprintf(ret, SHEET_NAME_BYTES + 1, "%.*s%s", room, *wanted != '\0' ? wanted : "sheet", end);
	for (char *p = ret; *p != '\0' && p < ret + room; p++)
		if (!isalnum((unsigned char) *p) && strchr(" .-_", *p) == NULL)
			*p = '-';
}

/* "_x0041_": what a reader of the format undoes. */
static bool
is_escape(const char *text)
{
	if (strnlen(text, ESCAPE_BYTES) < ESCAPE_BYTES || text[0] != '_' || text[1] != 'x' || text[6] != '_')
		return false;
	for (int i = 2; i < 6; i++)
		if (!isxdigit((unsigned char) text[i]))
			return false;
	return true;
}

char *
sheet_text(const char *text)
{
	char *shown = escape_terminal(text), *made = NULL;
	size_t size = 0, left = strlen(shown);
	FILE *out = open_memstream(&made, &size);
	unsigned units = 0;

	if (out == NULL)
		mem_none();
	for (const char *p = shown; left > 0;) {
		uint32_t code = 0;
		size_t len = utf8_next(p, left, &code);

		if (len == 0)
			break;
		units += code >= 0x10000 ? 2 : 1;
		if (is_escape(p)) {
			units += ESCAPE_BYTES - 1;
			fputs("_x005F", out);
		}
		if (units > SHEET_TEXT_UNITS - 1) {
			fputs(ELLIPSIS, out);
			break;
		}
		fwrite(p, 1, len, out);
		p += len;
		left -= len;
	}
	if (fclose(out) != 0 || made == NULL)
		mem_none();
	free(shown);
	return made;
}

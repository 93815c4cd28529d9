#include "lib/base/csv.h"

#include <string.h>

/* What makes a spreadsheet read a cell as a formula: also the full-width forms, and after leading white
 * space. */
static bool
runs_as_formula(const char *text)
{
	static const char *const starts[] = {"=", "+", "-",      "@",      "\t",     "\r",    "\n",
	                                     "|", "%", "\uff1d", "\uff0b", "\uff0d", "\uff20"};

	while (*text == ' ')
		text++;
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		if (strncmp(text, starts[i], strlen(starts[i])) == 0)
			return true;
	return false;
}

void
csv_field(FILE *out, const char *text, char delimiter, bool for_spreadsheet)
{
	bool formula = for_spreadsheet && runs_as_formula(text);
	bool quoted =
	    formula || strpbrk(text, ",;\"\r\n\t ") != NULL || strchr(text, delimiter) != NULL || *text == '\0';

	if (quoted)
		putc('"', out);
	if (formula)
		putc('\'', out);
	for (; *text != '\0'; text++) {
		unsigned char byte = (unsigned char) *text;

		/* other control characters have no meaning in a cell; these stay inside the quotes */
		if (byte == '"')
			fputs("\"\"", out);
		else if ((byte < 0x20 && byte != '\n' && byte != '\r' && byte != '\t') || byte == 0x7f)
			fprintf(out, "\\x%02x", byte);
		else
			putc(byte, out);
	}
	if (quoted)
		putc('"', out);
}

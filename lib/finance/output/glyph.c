#include "lib/finance/output/glyph.h"

#include <wchar.h>

#include "lib/base/utf8.h"

size_t
glyph_next(const char *text, uint32_t *ret_code)
{
	/* a NUL is no byte of a longer character: nothing is read behind it */
	return *text == '\0' ? 0 : utf8_next(text, 4, ret_code);
}

int
glyph_columns(uint32_t code)
{
	if (code < 0x80)
		return 1;
	int columns = wcwidth((wchar_t) code);
	return columns < 0 ? 1 : columns;
}

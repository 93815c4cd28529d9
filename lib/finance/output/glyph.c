#include "lib/finance/output/glyph.h"

#include <wchar.h>

static bool
is_tail(unsigned char byte)
{
	return (byte & 0xc0) == 0x80;
}

size_t
glyph_next(const char *text, uint32_t *ret_code)
{
	const unsigned char *s = (const unsigned char *) text;
	size_t len = s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	/* a first byte below 0xc2 is a tail or an overlong form of ASCII; 0xf5 and more lie beyond Unicode */
	if (s[0] == 0 || (s[0] >= 0x80 && s[0] < 0xc2) || s[0] > 0xf4)
		return 0;
	uint32_t code = len == 1 ? s[0] : s[0] & (0xffu >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		if (!is_tail(s[i]))
			return 0;
		code = code << 6 | (s[i] & 0x3f);
	}
	if ((len == 3 && code < 0x800) || (len == 4 && (code < 0x10000 || code > 0x10ffff)))
		return 0;
	if (code >= 0xd800 && code <= 0xdfff)
		return 0;
	*ret_code = code;
	return len;
}

int
glyph_columns(uint32_t code)
{
	if (code < 0x80)
		return 1;
	int columns = wcwidth((wchar_t) code);
	return columns < 0 ? 1 : columns;
}

bool
glyph_is_hidden(uint32_t code)
{
	static const struct {
		uint32_t first, last;
	} hidden[] = {
	    {0x00, 0x1f},        {0x7f, 0x9f},   /* C0, DEL, C1 */
	    {0xad, 0xad},        {0x61c, 0x61c}, /* soft hyphen, Arabic letter mark */
	    {0x115f, 0x1160},    {0x17b4, 0x17b5},
	    {0x180b, 0x180f},                      /* fillers, Mongolian selectors */
	    {0x200b, 0x200f},    {0x2028, 0x202e}, /* zero width, separators, bidi overrides */
	    {0x2060, 0x206f},    {0x3164, 0x3164}, /* joiners, bidi isolates; Hangul filler */
	    {0xd800, 0xf8ff},                      /* surrogates, private use */
	    {0xfdd0, 0xfdef},    {0xfe00, 0xfe0f},
	    {0xfeff, 0xfeff},                      /* non-characters, variation selectors, BOM */
	    {0xffa0, 0xffa0},    {0xfff0, 0xffff}, /* half-width filler, specials */
	    {0xe0000, 0x10ffff},                   /* tags, selectors, private planes */
	};

	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		if (code >= hidden[i].first && code <= hidden[i].last)
			return true;
	return false;
}

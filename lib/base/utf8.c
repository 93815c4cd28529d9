#include "lib/base/utf8.h"

/* Bytes of the valid character at p, of which left are there; 0 when it is none. */
static size_t
character(const unsigned char *p, size_t left)
{
	/* Only the second byte has bounds of its own: they rule out overlong forms, surrogates and what is
	 * above U+10FFFF (RFC 3629, section 4). */
	unsigned char low = 0x80, high = 0xBF;
	size_t len;

	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xC2 && p[0] <= 0xDF) {
		len = 2;
	} else if (p[0] >= 0xE0 && p[0] <= 0xEF) {
		len = 3;
		if (p[0] == 0xE0)
			low = 0xA0;
		if (p[0] == 0xED)
			high = 0x9F;
	} else if (p[0] >= 0xF0 && p[0] <= 0xF4) {
		len = 4;
		if (p[0] == 0xF0)
			low = 0x90;
		if (p[0] == 0xF4)
			high = 0x8F;
	} else {
		return 0;
	}
	if (left < len || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((p[i] & 0xC0) != 0x80)
			return 0;
	return len;
}

size_t
utf8_valid_prefix(const void *bytes, size_t len)
{
	static const uint64_t high_bits = 0x8080808080808080U;
	const unsigned char *p = bytes;
	size_t at = 0;

	while (at < len) {
		uint64_t eight;
		size_t n;

		/* partners' files are ASCII nearly throughout */
		while (len - at >= sizeof(eight)) {
			memcpy(&eight, p + at, sizeof(eight));
			if (eight & high_bits)
				break;
			at += sizeof(eight);
		}
		if (at == len)
			break;
		n = character(p + at, len - at);
		if (n == 0)
			break;
		at += n;
	}
	return at;
}

bool
utf8_text_ok(const void *bytes, size_t len)
{
	return utf8_valid_prefix(bytes, len) == len && (len == 0 || memchr(bytes, 0, len) == NULL);
}

size_t
utf8_next(const void *bytes, size_t len, uint32_t *ret_code)
{
	const unsigned char *p = bytes;
	size_t n = len == 0 ? 0 : character(p, len);
	uint32_t code;

	if (n == 0)
		return 0;
	code = n == 1 ? p[0] : p[0] & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++)
		code = code << 6 | (p[i] & 0x3f);
	*ret_code = code;
	return n;
}

static uint32_t
unit(const unsigned char *p, bool big_endian)
{
	return big_endian ? (uint32_t) p[0] << 8 | p[1] : (uint32_t) p[1] << 8 | p[0];
}

int
utf16_next(const void *bytes, size_t len, bool big_endian, char out[4], size_t *ret_len)
{
	const unsigned char *p = bytes;
	uint32_t code, low;
	int taken = 2;
	size_t n;

	if (len < 2)
		return 0;
	code = unit(p, big_endian);
	if (code >= 0xDC00 && code <= 0xDFFF)
		return -1;
	if (code >= 0xD800 && code <= 0xDBFF) {
		if (len < 4)
			return 0;
		low = unit(p + 2, big_endian);
		if (low < 0xDC00 || low > 0xDFFF)
			return -1;
		code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
		taken = 4;
	}
	n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	for (size_t i = n - 1; i > 0; i--, code >>= 6)
		out[i] = (char) (0x80 | (code & 0x3F));
	out[0] = (char) (n == 1 ? code : (0xF00u >> n & 0xFF) | code);
	*ret_len = n;
	return taken;
}

bool
utf8_is_hidden(uint32_t code)
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

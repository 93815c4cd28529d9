#include "lib/base/text.h"

#include "lib/base/utf8.h"

static const char digits[] = "0123456789abcdef";

/* The escaped form of one byte in out[4]; returns its length. */
static size_t
escape_byte(unsigned char c, char *out)
{
	char letter = 0;

	if (c == '\\')
		letter = '\\';
	else if (c == '\t')
		letter = 't';
	else if (c == '\n')
		letter = 'n';
	else if (c == '\r')
		letter = 'r';
	if (letter != 0) {
		out[0] = '\\';
		out[1] = letter;
		return 2;
	}
	if (c >= 0x20 && c <= 0x7e) {
		out[0] = (char) c;
		return 1;
	}
	out[0] = '\\';
	out[1] = 'x';
	out[2] = digits[c >> 4];
	out[3] = digits[c & 15];
	return 4;
}

/* The form for people of what begins at in, in out[MAX_FORM]; *ret_used bytes of it. */
#define MAX_FORM 12
static size_t
display_next(const char *in, size_t len, char out[MAX_FORM], size_t *ret_used)
{
	uint32_t code = 0;
	size_t n = utf8_next(in, len, &code);

	*ret_used = n > 0 ? n : 1;
	if (n <= 1)
		return escape_byte((unsigned char) *in, out);
	if (utf8_is_hidden(code))
		return (size_t) snprintf(out, MAX_FORM, "\\u{%x}", code);
	memcpy(out, in, n);
	return n;
}

static size_t
write_forms(char *buf, size_t size, const char *in, size_t len, bool display)
{
	size_t total = 0, written = 0, used = 1;
	bool cut = false;

	for (size_t i = 0; i < len; i += used) {
		char form[MAX_FORM];
		size_t n =
		    display ? display_next(in + i, len - i, form, &used) : escape_byte((unsigned char) in[i], form);

		cut = cut || total + n >= size;
		if (!cut) {
			memcpy(buf + written, form, n);
			written += n;
		}
		total += n;
	}
	if (size > 0)
		buf[written] = '\0';
	return total;
}

size_t
text_escape(char *buf, size_t size, const void *bytes, size_t len)
{
	return write_forms(buf, size, bytes, len, false);
}

size_t
text_display(char *buf, size_t size, const void *bytes, size_t len)
{
	return write_forms(buf, size, bytes, len, true);
}

/* Where a text may be cut at or before at: not within a character. */
static size_t
cut_before(const char *bytes, size_t at)
{
	size_t back = 0;

	while (back < 3 && back < at && ((unsigned char) bytes[at - back] & 0xc0) == 0x80)
		back++;
	return ((unsigned char) bytes[at - back] & 0xc0) == 0x80 ? at : at - back;
}

const char *
text_show(char buf[TEXT_SHOWN_SIZE], const void *bytes, size_t len)
{
	size_t shown = len > LIMIT_SHOWN_BYTES ? cut_before(bytes, LIMIT_SHOWN_BYTES) : len;
	size_t n = text_display(buf, TEXT_SHOWN_SIZE, bytes, shown);

	if (shown < len)
		snprintf(buf + n, TEXT_SHOWN_SIZE - n, "... (%zu bytes)", len);
	return buf;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* One byte from the front of the escaped *text, which moves on; -1 for what is no escaped form. */
static int
unescape_byte(const char **text)
{
	const char *t = *text;
	int high, low;

	if (*t < 0x20 || *t > 0x7e)
		return -1;
	if (*t != '\\') {
		*text = t + 1;
		return *t;
	}
	*text = t + 2;
	switch (t[1]) {
	case '\\':
		return '\\';
	case 't':
		return '\t';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 'x':
		high = hex_digit(t[2]);
		low = high < 0 ? -1 : hex_digit(t[3]);
		*text = t + 4;
		return low < 0 ? -1 : high << 4 | low;
	default:
		return -1;
	}
}

bool
text_unescape(void *buf, size_t size, const char *text, size_t *ret_len)
{
	unsigned char *out = buf;
	size_t n = 0;

	while (*text != '\0') {
		int c = unescape_byte(&text);

		if (c < 0 || n >= size)
			return false;
		out[n++] = (unsigned char) c;
	}
	if (n < size)
		out[n] = '\0';
	*ret_len = n;
	return true;
}

const char *
text_hex(char *hex, const void *bytes, size_t len)
{
	const unsigned char *in = bytes;

	for (size_t i = 0; i < len; i++) {
		hex[2 * i] = digits[in[i] >> 4];
		hex[2 * i + 1] = digits[in[i] & 15];
	}
	hex[2 * len] = '\0';
	return hex;
}

bool
text_unhex(void *buf, size_t size, const char *hex, size_t *ret_len)
{
	unsigned char *out = buf;
	size_t n = 0;

	for (; hex[0] != '\0'; hex += 2) {
		int high = hex_digit(hex[0]);
		int low = high < 0 ? -1 : hex_digit(hex[1]);

		if (low < 0 || n >= size)
			return false;
		out[n++] = (unsigned char) (high << 4 | low);
	}
	*ret_len = n;
	return true;
}

static const char base64_letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

const char *
text_base64(char *base64, const void *bytes, size_t len)
{
	const unsigned char *in = bytes;
	char *out = base64;

	for (size_t i = 0; i < len; i += 3) {
		size_t here = len - i < 3 ? len - i : 3;
		uint32_t group = (uint32_t) in[i] << 16 | (here > 1 ? (uint32_t) in[i + 1] << 8 : 0) |
		                 (here > 2 ? (uint32_t) in[i + 2] : 0);
		for (size_t c = 0; c < 4; c++)
			*out++ = c <= here ? base64_letters[group >> (18 - 6 * c) & 63] : '=';
	}
	*out = '\0';
	return base64;
}

bool
text_unbase64(void *buf, size_t size, const char *base64, size_t len, size_t *ret_len)
{
	unsigned char *out = buf;
	size_t n = 0;

	for (size_t i = 0; i < len; i += 4) {
		size_t letters = 4;
		uint32_t group = 0;

		/* padding is at the end of the last group only */
		if (i + 4 == len && base64[i + 3] == '=')
			letters = base64[i + 2] == '=' ? 2 : 3;
		for (size_t c = 0; c < letters; c++) {
			const char *letter =
			    i + c < len && base64[i + c] != '\0' ? strchr(base64_letters, base64[i + c]) : NULL;
			if (letter == NULL)
				return false;
			group |= (uint32_t) (letter - base64_letters) << (18 - 6 * c);
		}
		/* what is left over of the last letter is zero: one text for the same bytes */
		if (n + letters - 1 > size || (group & (UINT32_C(0xffffff) >> (8 * (letters - 1)))) != 0)
			return false;
		for (size_t c = 0; c < letters - 1; c++)
			out[n++] = (unsigned char) (group >> (16 - 8 * c));
	}
	*ret_len = n;
	return true;
}

bool
text_int(const char *text, int64_t min, int64_t max, int64_t *ret)
{
	bool negative = *text == '-';
	int64_t value = 0;

	text += negative;
	if (*text == '\0')
		return false;
	/* gathered below zero, where the range is larger by one */
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return false;
		if (__builtin_mul_overflow(value, 10, &value) || __builtin_sub_overflow(value, *text - '0', &value))
			return false;
	}
	if (!negative && __builtin_sub_overflow(0, value, &value))
		return false;
	if (value < min || value > max)
		return false;
	*ret = value;
	return true;
}

bool
text_is_uuid(const char *text)
{
	if (strlen(text) != 36 || strspn(text, "0123456789abcdefABCDEF-") != 36)
		return false;
	for (int i = 0; i < 36; i++)
		if ((text[i] == '-') != (i == 8 || i == 13 || i == 18 || i == 23))
			return false;
	return true;
}

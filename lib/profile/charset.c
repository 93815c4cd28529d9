/* iconv; encodings of one byte per character are turned into a table of 256 once. */
#include "lib/profile/charset.h"

#include <errno.h>
#include <iconv.h>
#include <stdint.h>
#include <strings.h>

#include "lib/base/utf8.h"

struct charset {
	bool utf8, ascii, single, has_ascii;
	bool shifts;    /* a byte that gives no character: then what a byte means depends on those before it */
	iconv_t handle; /* of encodings with several bytes per character */
	struct {
		char utf8[4];
		uint8_t len; /* 0: means nothing */
	} table[256];
};

static bool
convert(iconv_t handle, const char *in, size_t len, char *out, size_t size, size_t *ret_len)
{
	char *from = (char *) (uintptr_t) in, *to = out; /* iconv's prototype lacks the const */
	size_t left = len, room = size;

	iconv(handle, NULL, NULL, NULL, NULL);
	if (iconv(handle, &from, &left, &to, &room) == (size_t) -1 || left != 0)
		return false;
	*ret_len = size - room;
	return true;
}

/* Fills the table; false when some byte is only the beginning of a character. */
static bool
learn(struct charset *c)
{
	bool single = true;

	c->has_ascii = true;
	for (int byte = 0; byte < 256; byte++) {
		char in = (char) byte;
		size_t len = 0;

		errno = 0;
		if (convert(c->handle, &in, 1, c->table[byte].utf8, sizeof(c->table[byte].utf8), &len))
			c->table[byte].len = (uint8_t) len, c->shifts |= len == 0;
		else if (errno == EINVAL)
			single = false;
		if (byte < 128 && (len != 1 || c->table[byte].utf8[0] != in))
			c->has_ascii = false;
	}
	iconv(c->handle, NULL, NULL, NULL, NULL);
	return single;
}

struct charset *
charset_new(const char *encoding)
{
	struct charset *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->handle = (iconv_t) -1;
	c->utf8 = strcasecmp(encoding, "utf-8") == 0 || strcasecmp(encoding, "utf8") == 0;
	c->ascii = strcasecmp(encoding, "ascii") == 0 || strcasecmp(encoding, "us-ascii") == 0;
	if (c->utf8 || c->ascii) {
		c->has_ascii = true;
		return c;
	}
	if (strncasecmp(encoding, "utf", 3) == 0 || strncasecmp(encoding, "ucs", 3) == 0)
		goto fail;
	c->handle = iconv_open("UTF-8", encoding);
	if (c->handle == (iconv_t) -1)
		goto fail;
	c->single = learn(c);
	if (!c->single)
		c->has_ascii = true; /* Shift_JIS and its like: a lead byte is above 0x7f */
	return c;
fail:
	charset_free(c);
	return NULL;
}

void
charset_free(struct charset *c)
{
	if (c == NULL)
		return;
	if (c->handle != (iconv_t) -1)
		iconv_close(c->handle);
	free(c);
}

bool
charset_is_utf8(const struct charset *c)
{
	return c->utf8 || c->ascii;
}

bool
charset_is_ascii(const struct charset *c)
{
	return c->ascii;
}

bool
charset_has_ascii(const struct charset *c)
{
	return c->has_ascii;
}

static bool
decode_single(const struct charset *c, const char *in, size_t len, char *out, size_t *ret_len,
              size_t *ret_bad)
{
	char *to = out;

	for (size_t i = 0; i < len; i++) {
		unsigned char byte = (unsigned char) in[i];
		uint8_t n = c->table[byte].len;

		if (n == 0) {
			*ret_bad = i;
			return false;
		}
		memcpy(to, c->table[byte].utf8, n);
		to += n;
	}
	*ret_len = (size_t) (to - out);
	return true;
}

bool
charset_decode(struct charset *c, const char *in, size_t len, char *out, size_t *ret_len, size_t *ret_bad)
{
	char *from = (char *) (uintptr_t) in, *to = out; /* iconv's prototype lacks the const */
	size_t left = len, room = CHARSET_GROWTH * len;

	if (c->utf8 || c->ascii) {
		size_t good = utf8_valid_prefix(in, len);

		for (size_t i = 0; c->ascii && i < good; i++)
			if ((unsigned char) in[i] > 0x7f)
				good = i;
		if (good < len) {
			*ret_bad = good;
			return false;
		}
		memcpy(out, in, len);
		*ret_len = len;
		return true;
	}
	if (c->single)
		return decode_single(c, in, len, out, ret_len, ret_bad);
	iconv(c->handle, NULL, NULL, NULL, NULL);
	if (iconv(c->handle, &from, &left, &to, &room) == (size_t) -1) {
		*ret_bad = len - left;
		return false;
	}
	*ret_len = (size_t) (to - out);
	return true;
}

int
charset_next(struct charset *c, const char *in, size_t len, char out[CHARSET_CHARACTER], size_t *ret_len)
{
	enum { LONGEST = 8 };                            /* bytes of a character, or of a shift */
	char *from = (char *) (uintptr_t) in, *to = out; /* iconv's prototype lacks the const */
	size_t room = CHARSET_CHARACTER;

	if (c->single && !c->shifts) {
		unsigned char byte = len == 0 ? 0 : (unsigned char) *in;
		memcpy(out, c->table[byte].utf8, sizeof(c->table[byte].utf8));
		*ret_len = len == 0 ? 0 : c->table[byte].len;
		return len == 0 ? 0 : *ret_len == 0 ? -1 : 1;
	}
	for (size_t n = 1; n <= len && n <= LONGEST; n++) {
		size_t left = n;
		bool failed = iconv(c->handle, &from, &left, &to, &room) == (size_t) -1;

		if (failed && errno != EINVAL)
			return -1;
		if (left < n) {
			*ret_len = (size_t) (to - out);
			return (int) (n - left);
		}
	}
	return len < LONGEST ? 0 : -1;
}

bool
charset_rest(struct charset *c, char out[CHARSET_CHARACTER], size_t *ret_len)
{
	char *to = out;
	size_t room = CHARSET_CHARACTER;

	if (iconv(c->handle, NULL, NULL, &to, &room) == (size_t) -1)
		return false;
	*ret_len = (size_t) (to - out);
	return true;
}

bool
charset_encode(const char *encoding, const char *text, size_t len, char *out, size_t size, size_t *ret_len)
{
	iconv_t handle = iconv_open(encoding, "UTF-8");
	bool ok;

	if (handle == (iconv_t) -1)
		return false;
	ok = convert(handle, text, len, out, size, ret_len);
	iconv_close(handle);
	return ok;
}

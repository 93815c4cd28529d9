#include "parsers/nested/xml_encoding.h"

#include <stdio.h>
#include <string.h>

#include "lib/protocol/record.h"

/* ---- the declaration ---- */

static bool
blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void
skip_blanks(struct slice *s)
{
	while (s->len > 0 && blank(*s->data))
		s->data++, s->len--;
}

/* The next NAME = "VALUE" off the front; false when there is none. */
static bool
take_attribute(struct slice *s, struct slice *ret_name, struct slice *ret_value)
{
	const char *quote;

	skip_blanks(s);
	ret_name->data = s->data;
	while (s->len > 0 && *s->data != '=' && !blank(*s->data))
		s->data++, s->len--;
	ret_name->len = (uint32_t) (s->data - ret_name->data);
	skip_blanks(s);
	if (s->len == 0 || *s->data != '=')
		return false;
	s->data++, s->len--;
	skip_blanks(s);
	if (s->len == 0 || (*s->data != '"' && *s->data != '\''))
		return false;
	quote = memchr(s->data + 1, *s->data, s->len - 1);
	if (quote == NULL)
		return false;
	*ret_value = (struct slice){s->data + 1, (uint32_t) (quote - s->data - 1)};
	s->len -= (uint32_t) (quote + 1 - s->data);
	s->data = quote + 1;
	return true;
}

bool
xml_encoding_declared(const char *bytes, size_t len, char ret[XML_ENCODING_SIZE])
{
	static const char mark[] = "\xEF\xBB\xBF", begin[] = "<?xml";
	size_t at = len >= 3 && memcmp(bytes, mark, 3) == 0 ? 3 : 0;
	size_t compared = len - at < 5 ? len - at : 5;
	struct slice rest = {bytes + at, (uint32_t) (len - at)}, name, value;
	const char *end;

	ret[0] = '\0';
	if (memcmp(rest.data, begin, compared) != 0)
		return false;
	end = memmem(rest.data, rest.len, "?>", 2);
	if (compared < 5 || end == NULL)
		return true;
	rest = (struct slice){rest.data + 5, (uint32_t) (end - rest.data - 5)};
	if (rest.len == 0 || !blank(*rest.data))
		return false; /* <?xml-stylesheet */
	while (take_attribute(&rest, &name, &value))
		if (name.len == 8 && memcmp(name.data, "encoding", 8) == 0)
			snprintf(ret, XML_ENCODING_SIZE, "%.*s", (int) value.len, value.data);
	return false;
}

/* ---- names ---- */

/* "windows-1252" and "CP1252", "Shift_JIS" and "SJIS" are one name. */
static void
plain_name(char *ret, size_t size, const char *name)
{
	static const char *const same[][2] = {{"WINDOWS125", "CP125"}, {"LATIN1", "ISO88591"},
	                                      {"L1", "ISO88591"},      {"LATIN9", "ISO885915"},
	                                      {"USASCII", "ASCII"},    {"SJIS", "SHIFTJIS"}};
	char upper[64];
	size_t n = 0;

	for (; *name != '\0' && n + 1 < sizeof(upper); name++)
		if (*name != '-' && *name != '_')
			upper[n++] = (char) (*name >= 'a' && *name <= 'z' ? *name - 'a' + 'A' : *name);
	upper[n] = '\0';
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		size_t len = strlen(same[i][0]);
		/* whole, but for the last digit of a windows code page */
		if (strncmp(upper, same[i][0], len) == 0 && (upper[len] == '\0' || i == 0)) {
			snprintf(ret, size, "%s%s", same[i][1], upper + len);
			return;
		}
	}
	snprintf(ret, size, "%s", upper);
}

bool
xml_encoding_same(const char *a, const char *b)
{
	char plain_a[64], plain_b[64];

	plain_name(plain_a, sizeof(plain_a), a);
	plain_name(plain_b, sizeof(plain_b), b);
	return strcmp(plain_a, plain_b) == 0;
}

bool
xml_encoding_utf16(const char *name)
{
	return xml_encoding_same(name, "UTF-16") || xml_encoding_same(name, "UTF-16LE") ||
	       xml_encoding_same(name, "UTF-16BE");
}

/* Texts of a sample in a profile: as ASCII, escaped, since they may say anything. */
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/base/utf8.h"
#include "parsers/infer/infer_internal.h"

/* A text in YAML's double quotes; what is no plain ASCII as its code point. */
const char *
write_quoted(struct slice s)
{
	static char ring[4][6 * LIMIT_FIELD_BYTES];
	static unsigned turn;
	char *buf = ring[turn++ % 4], *to = buf, *end = buf + sizeof(ring[0]) - 16;

	*to++ = '"';
	for (uint32_t i = 0; i < s.len && to < end; i++) {
		unsigned char c = (unsigned char) s.data[i];
		uint32_t code = c;
		unsigned more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc2 ? 1 : 0;

		if (c < 0x80 && c >= 0x20 && c != 0x7f) {
			if (c == '"' || c == '\\')
				*to++ = '\\';
			*to++ = (char) c;
			continue;
		}
		/* a sample may be in any encoding: what is no character goes byte by byte */
		if (more > 0 && i + more < s.len && utf8_valid_prefix(s.data + i, more + 1) == more + 1) {
			code = c & (0x3fu >> more);
			for (unsigned k = 0; k < more; k++)
				code = code << 6 | ((unsigned char) s.data[++i] & 0x3fu);
		}
		/* no YAML of ours holds a NUL */
		to += snprintf(to, 11, "\\U%08" PRIX32, code != 0 ? code : 0xfffd);
	}
	*to++ = '"';
	*to = '\0';
	return buf;
}

static bool
is_word(struct slice s)
{
	for (uint32_t i = 0; i < s.len; i++)
		if (!isalnum((unsigned char) s.data[i]) && s.data[i] != '_')
			return false;
	return s.len > 0 && isalpha((unsigned char) s.data[0]);
}

/* As a key or value of YAML: plain where that is safe. */
const char *
write_yaml(struct slice s)
{
	static const char *const taken[] = {"yes", "no", "on", "off", "true", "false", "null", "y", "n", NULL};
	static char ring[4][SAMPLE_NAME_BYTES];
	static unsigned turn;
	char *buf = ring[turn++ % 4];

	if (!is_word(s) || s.len >= sizeof(ring[0]))
		return write_quoted(s);
	snprintf(buf, sizeof(ring[0]), "%.*s", (int) s.len, s.data);
	for (const char *const *t = taken; *t != NULL; t++)
		if (strcasecmp(*t, buf) == 0)
			return write_quoted(s);
	return buf;
}

/* ---- lines with a reason beside them ---- */

void
write_line(const char *why, const char *format, ...)
{
	char text[6 * LIMIT_FIELD_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (why == NULL)
		puts(text);
	else
		printf("%-48s # %s\n", text, why);
}

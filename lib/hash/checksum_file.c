#include "lib/hash/checksum_file.h"

#include <string.h>

#include "lib/base/text.h"

#define DIGITS (2 * SHA256_BYTES)

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* What stands behind the last "=" of "SHA256 (name) = digest", or the whole. */
static const char *
digest_of(const char *text, const char *end)
{
	const char *equals = memrchr(text, '=', (size_t) (end - text));

	if (equals == NULL || end - text < 3 || memcmp(text, "SHA", 3) != 0)
		return text[0] == '\\' ? text + 1 : text; /* sha256sum's sign of a name that it had to escape */
	while (++equals < end && is_blank(*equals))
		;
	return equals;
}

bool
checksum_file_read(const char *text, size_t len, uint8_t ret_sha256[SHA256_BYTES])
{
	const char *end = text + len, *digest;
	char hex[DIGITS + 1] = "";
	uint8_t hash[SHA256_BYTES];
	size_t bytes;

	while (text < end && is_blank(*text))
		text++;
	while (text < end && is_blank(end[-1]))
		end--;
	if (text == end || memchr(text, '\n', (size_t) (end - text)) != NULL)
		return false;
	digest = digest_of(text, end);
	if (end - digest < DIGITS || (end - digest > DIGITS && !is_blank(digest[DIGITS])))
		return false;
	memcpy(hex, digest, DIGITS);
	if (!text_unhex(hash, sizeof(hash), hex, &bytes) || bytes != SHA256_BYTES)
		return false;
	memcpy(ret_sha256, hash, sizeof(hash));
	return true;
}

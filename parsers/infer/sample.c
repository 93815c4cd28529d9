/* The sample's bytes, and the encoding that they seem to be in. */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/utf8.h"
#include "lib/profile/charset.h"
#include "lib/protocol/bytes.h"
#include "parsers/infer/infer_internal.h"

static struct charset *ebcdic;

void
sample_prepare(void)
{
	ebcdic = charset_new("IBM037");
}

/* Layouts of a standard, for which profiles ship: their segments and composites cannot be seen in a sample.
 */
static const char *
standard(const char *p, size_t len)
{
	if (len >= 4 && (memcmp(p, "UNA", 3) == 0 || memcmp(p, "UNB+", 4) == 0))
		return "it is an interchange of EDIFACT, of which no sample tells the fields: take the shipped "
		       "profile of "
		       "that standard, and change its message";
	if (len >= 4 && memcmp(p, "ISA", 3) == 0 && !isalnum((unsigned char) p[3]))
		return "it is an interchange that begins with ISA, of which no sample tells the fields: take a "
		       "shipped "
		       "profile of that standard, and change its transaction set";
	if (len >= 3 && memcmp(p, "{1:", 3) == 0)
		return "it is a SWIFT message, of which no sample tells the fields: take a shipped profile of that "
		       "standard, and change its fields";
	return NULL;
}

static const char *
wrapped(const char *p, size_t len)
{
	if (len >= 2 && memcmp(p, "\x1f\x8b", 2) == 0)
		return "it is packed by gzip: unpack a copy with `gzip -dc` and infer from that, then add "
		       "`container: {kind: gzip}` to the profile";
	if (len >= 4 && memcmp(p, "PK\3\4", 4) == 0)
		return "it is a zip: unpack a copy with `unzip` and infer from that, then add "
		       "`container: {kind: zip, member: \"...\"}` to the profile";
	if (len >= 15 && memcmp(p, "-----BEGIN PGP ", 15) == 0)
		return "it is encrypted or signed by OpenPGP: decrypt a copy with "
		       "`gpg --decrypt` and infer from that, then add `openpgp:` to the profile";
	if (len >= 2 && (memcmp(p, "\xfe\xff", 2) == 0 || memcmp(p, "\xff\xfe", 2) == 0))
		return "it is UTF-16: make a copy with `iconv -f UTF-16 -t UTF-8` and infer from that, then add "
		       "`encoding: utf-16` to the profile";
	return standard(p, len);
}

/* Digits, capital letters and blanks of EBCDIC, against those of ASCII. */
static bool
looks_ebcdic(const unsigned char *p, size_t len)
{
	size_t theirs = 0, ours = 0;

	for (size_t i = 0; i < len && i < 65536; i++) {
		theirs += p[i] == 0x40 || p[i] >= 0xf0 || (p[i] >= 0xc1 && p[i] <= 0xe9);
		ours += p[i] >= 0x20 && p[i] < 0x7f && p[i] != 0x40;
	}
	return len > 0 && theirs > 4 * ours;
}

static void
decode_ebcdic(struct guess *g)
{
	char *text = sample_buffer(g->len, CHARSET_GROWTH);
	size_t len, bad;

	g->encoding = "ibm037";
	g->encoding_why = "guess: most bytes are digits, capitals or blanks of EBCDIC; decide: which code page";
	if (ebcdic != NULL && charset_decode(ebcdic, g->bytes, g->len, text, &len, &bad) && len == g->len)
		g->bytes = text;
}

static void
guess_encoding(struct guess *g)
{
	size_t plain = 0, valid;
	bool c1 = false;

	if (looks_ebcdic((const unsigned char *) g->bytes, g->len)) {
		decode_ebcdic(g);
		return;
	}
	while (plain < g->len && (signed char) g->bytes[plain] >= 0)
		plain++;
	valid = utf8_valid_prefix(g->bytes, g->len);
	if (plain == g->len && nested_looks_so(g)) {
		g->encoding = "utf-8";
		g->encoding_why = "guess: no byte above 0x7f, so nothing speaks against it";
	} else if (plain == g->len) {
		g->encoding = "ascii";
		g->encoding_why = "guess: no byte above 0x7f; decide: utf-8, where names may come";
	} else if (valid == g->len || (!g->whole && g->len - valid < 4)) {
		g->encoding = "utf-8";
		g->encoding_why = "guess: bytes above 0x7f, all of them in valid characters";
	} else {
		for (size_t i = plain; i < g->len; i++)
			c1 |= ((unsigned char) g->bytes[i] & 0xe0) == 0x80;
		g->encoding = c1 ? "windows-1252" : "iso-8859-1";
		g->encoding_why = c1 ? "guess: no UTF-8, and bytes from 0x80 to 0x9f; decide: which of the "
		                       "encodings of one byte"
		                     : "guess: no UTF-8; decide: iso-8859-1, iso-8859-15 or windows-1252";
	}
}

const char *
sample_read(struct guess *g, int fd)
{
	char *bytes = sample_buffer(SAMPLE_BYTES, 1);
	const char *why;
	ssize_t n = 1;

	while (n > 0 && g->len < SAMPLE_BYTES) {
		do
			n = read(fd, bytes + g->len, SAMPLE_BYTES - g->len);
		while (n < 0 && errno == EINTR);
		g->len += n > 0 ? (size_t) n : 0;
	}
	if (n < 0)
		return "it cannot be read";
	if (g->len == 0)
		return "it is empty";
	g->bytes = bytes;
	g->whole = (int64_t) g->len == g->file_bytes;
	why = wrapped(g->bytes, g->len);
	if (why != NULL)
		return why;
	if (g->len >= 3 && memcmp(g->bytes, "\xef\xbb\xbf", 3) == 0) {
		g->marked = true;
		g->bytes += 3;
		g->len -= 3;
	}
	guess_encoding(g);
	return NULL;
}

#include "parsers/decrypt/whole.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "parsers/container/inflate.h"

enum { BYTES = 65536, LINE_BYTES = 128, END = -1 };

/* Packet tags (RFC 9580, 5). */
enum {
	TAG_PKESK = 1,
	TAG_SIGNATURE = 2,
	TAG_SKESK = 3,
	TAG_ONE_PASS = 4,
	TAG_COMPRESSED = 8,
	TAG_ENCRYPTED = 9,
	TAG_MARKER = 10,
	TAG_LITERAL = 11,
	TAG_PROTECTED = 18,
	TAG_AEAD = 20
};

static const char besides[] =
    "there is something besides its message: text around it, or another message, which GnuPG would pass over";
static const char no_end[] = "it is compressed by bzip2 and states no length, so that its end cannot be "
                             "seen: have it compressed by zip or zlib";
static const char unread[] = "it cannot be read again";

struct reader {
	int file;
	off_t at;
	bool failed, armored;
	size_t next, end; /* of bytes */
	unsigned bits;    /* of base64, not handed on yet */
	int bit_count;
	uint8_t bytes[BYTES];
};

static int
raw_byte(struct reader *r)
{
	if (r->next == r->end) {
		ssize_t n = pread(r->file, r->bytes, sizeof(r->bytes), r->at);
		if (n <= 0) {
			r->failed = r->failed || n < 0;
			return END;
		}
		r->at += n;
		r->next = 0;
		r->end = (size_t) n;
	}
	return r->bytes[r->next++];
}

static int
base64_value(int c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *found = c > 0 ? strchr(digits, c) : NULL;

	return found != NULL ? (int) (found - digits) : -1;
}

static bool
is_space(int c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The next byte of the packets.  Armor ends with what is no digit: its padding, its checksum or its last
 * line.
 */
static int
byte(struct reader *r)
{
	if (!r->armored)
		return raw_byte(r);
	while (r->bit_count < 8) {
		int c = raw_byte(r), value = base64_value(c);

		if (is_space(c))
			continue;
		if (value < 0) {
			if (c != END)
				r->next--;
			return END;
		}
		r->bits = (r->bits << 6 | (unsigned) value) & 0xffff;
		r->bit_count += 6;
	}
	r->bit_count -= 8;
	return (int) (r->bits >> r->bit_count & 0xff);
}

/* False where it ends before that. */
static bool
skip(struct reader *r, uint64_t n)
{
	for (; n > 0; n--)
		if (byte(r) == END)
			return false;
	return true;
}

static bool
number(struct reader *r, int bytes, uint64_t *ret)
{
	uint64_t value = 0;

	for (; bytes > 0; bytes--) {
		int c = byte(r);
		if (c == END)
			return false;
		value = value << 8 | (unsigned) c;
	}
	*ret = value;
	return true;
}

/* ---- packets ---- */

struct packet {
	int tag;
	bool partial, endless; /* it goes on behind the length, or to the end of the file */
	uint64_t length;
};

/* A length of the new format. */
static bool
new_length(struct reader *r, struct packet *p)
{
	uint64_t second;
	int c = byte(r);

	p->partial = false;
	if (c == END)
		return false;
	if (c == 255)
		return number(r, 4, &p->length);
	if (c >= 224) {
		p->partial = true;
		p->length = UINT64_C(1) << (c & 31);
		return true;
	}
	p->length = (uint64_t) c;
	if (c < 192)
		return true;
	if (!number(r, 1, &second))
		return false;
	p->length = ((uint64_t) c - 192) * 256 + second + 192;
	return true;
}

/* False where it is none. */
static bool
begin_packet(struct reader *r, int first, struct packet *p)
{
	*p = (struct packet){0};
	if ((first & 0x80) == 0)
		return false;
	p->tag = first & 0x3f;
	if ((first & 0x40) != 0)
		return new_length(r, p);
	p->tag = first >> 2 & 15;
	p->endless = (first & 3) == 3;
	return p->endless || number(r, 1 << (first & 3), &p->length);
}

/* Past all of it. */
static bool
skip_packet(struct reader *r, struct packet *p)
{
	while (skip(r, p->length)) {
		if (!p->partial)
			return true;
		if (!new_length(r, p))
			return false;
	}
	return false;
}

/* Past a deflated stream, as far as that says that it goes.  False where it ends before. */
static bool
skip_deflated(struct reader *r)
{
	static uint8_t plain[BYTES];
	struct inflater *i = inflater_new(false);
	enum inflate_result result = INFLATE_MORE;
	bool drained = true;

	while (i != NULL && result == INFLATE_MORE) {
		int c = drained ? byte(r) : 0;
		uint8_t in = (uint8_t) c;
		size_t in_len = drained ? 1 : 0, out_len = sizeof(plain);
		if (c == END)
			break;
		result = inflater_run(i, &in, &in_len, plain, &out_len);
		drained = out_len < sizeof(plain);
	}
	inflater_free(i);
	return result == INFLATE_END;
}

/* Past what states no length. */
static const char *
skip_endless(struct reader *r, const struct packet *p, bool *ret_inside)
{
	int algorithm = p->tag == TAG_COMPRESSED ? byte(r) : END;
	bool fine;

	switch (algorithm) {
	case 0: /* packets, as they are */
		*ret_inside = true;
		return NULL;
	case 1:
		fine = skip_deflated(r);
		break;
	case 2: /* zlib: a header and a sum around it */
		fine = skip(r, 2) && skip_deflated(r) && skip(r, 4);
		break;
	case 3:
		return no_end;
	default: /* it goes to the end of the file */
		while (byte(r) != END)
			;
		return NULL;
	}
	return fine ? NULL : besides;
}

/* Packets up to their end: what may follow what. */
static const char *
one_message(struct reader *r)
{
	uint64_t one_pass = 0;
	bool body = false;
	int first;

	while ((first = byte(r)) != END) {
		struct packet p;
		bool inside = false;
		const char *why = NULL;

		if (!begin_packet(r, first, &p))
			return besides;
		switch (p.tag) {
		case TAG_MARKER:
			break;
		case TAG_PKESK:
		case TAG_SKESK:
			if (body)
				return besides;
			break;
		case TAG_ONE_PASS:
			if (body)
				return besides;
			one_pass++;
			break;
		case TAG_SIGNATURE: /* behind the content only where it was said before it */
			if (body && one_pass-- == 0)
				return besides;
			break;
		case TAG_COMPRESSED:
		case TAG_LITERAL:
		case TAG_ENCRYPTED:
		case TAG_PROTECTED:
		case TAG_AEAD:
			if (body)
				return besides;
			body = true;
			break;
		default:
			return besides;
		}
		if (p.endless)
			why = skip_endless(r, &p, &inside);
		else if (!skip_packet(r, &p))
			why = besides;
		if (why != NULL)
			return why;
		body = body && !inside;
	}
	return body ? NULL : besides;
}

/* ---- armor ---- */

/* The next line without its end, cut to what a line of armor may have.  False at the end of the file. */
static bool
line(struct reader *r, char text[LINE_BYTES])
{
	size_t len = 0;
	int c = raw_byte(r);

	if (c == END)
		return false;
	for (; c != END && c != '\n'; c = raw_byte(r))
		if (len < LINE_BYTES - 1)
			text[len++] = (char) c;
	while (len > 0 && is_space(text[len - 1]))
		len--;
	text[len] = '\0';
	return true;
}

/* Behind the first line of armor: its headers, its packets where they are to be looked at, its last line, and
 * nothing but white space. */
static const char *
one_armor(struct reader *r, const char *last, bool message)
{
	char text[LINE_BYTES];
	const char *why = NULL;
	bool found = false;
	int c;

	while (line(r, text) && text[0] != '\0')
		;
	if (message) {
		r->armored = true;
		why = one_message(r);
		r->armored = false;
	}
	while (why == NULL && !found && line(r, text)) {
		found = strcmp(text, last) == 0;
		/* padding and checksum */
		if (message && !found && text[0] != '\0' && text[0] != '=')
			why = besides;
	}
	while ((c = raw_byte(r)) != END)
		if (!is_space(c))
			why = why == NULL ? besides : why;
	return why != NULL ? why : found ? NULL : besides;
}

static const char *
one_clearsigned(struct reader *r)
{
	char text[LINE_BYTES];

	/* in the text a dash at the start of a line is escaped */
	while (line(r, text))
		if (strcmp(text, "-----BEGIN PGP SIGNATURE-----") == 0)
			return one_armor(r, "-----END PGP SIGNATURE-----", false);
	return besides;
}

static const char *
armored(struct reader *r)
{
	char text[LINE_BYTES];

	while (line(r, text))
		if (strcmp(text, "-----BEGIN PGP SIGNED MESSAGE-----") == 0)
			return one_clearsigned(r);
		else if (strcmp(text, "-----BEGIN PGP MESSAGE-----") == 0)
			return one_armor(r, "-----END PGP MESSAGE-----", true);
		else if (text[0] != '\0')
			break;
	return besides;
}

const char *
whole_message(int file)
{
	static struct reader r;
	const char *why;
	int first;

	r = (struct reader){.file = file};
	first = raw_byte(&r);
	if (first != END)
		r.next--;
	why = first != END && (first & 0x80) != 0 ? one_message(&r) : armored(&r);
	return r.failed ? unread : why;
}

#include "parsers/decrypt/whole.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "parsers/container/inflate.h"
#include "parsers/decrypt/packets.h"

enum { BYTES = 65536 };

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

/* Past a deflated stream, as far as that says that it goes.  False where it ends before. */
static bool
skip_deflated(struct packet_reader *r)
{
	static uint8_t plain[BYTES];
	struct inflater *i = inflater_new(false);
	enum inflate_result result = INFLATE_MORE;
	bool drained = true;

	while (i != NULL && result == INFLATE_MORE) {
		int c = drained ? packet_byte(r) : 0;
		uint8_t in = (uint8_t) c;
		size_t in_len = drained ? 1 : 0, out_len = sizeof(plain);
		if (c == PACKET_END)
			break;
		result = inflater_run(i, &in, &in_len, plain, &out_len);
		drained = out_len < sizeof(plain);
	}
	inflater_free(i);
	return result == INFLATE_END;
}

/* Past what states no length. */
static const char *
skip_endless(struct packet_reader *r, const struct packet *p, bool *ret_inside)
{
	int algorithm = p->tag == TAG_COMPRESSED ? packet_byte(r) : PACKET_END;
	bool fine;

	switch (algorithm) {
	case 0: /* packets, as they are */
		*ret_inside = true;
		return NULL;
	case 1:
		fine = skip_deflated(r);
		break;
	case 2: /* zlib: a header and a sum around it */
		fine = packet_skip(r, 2) && skip_deflated(r) && packet_skip(r, 4);
		break;
	case 3:
		return no_end;
	default: /* it goes to the end of the file */
		while (packet_byte(r) != PACKET_END)
			;
		return NULL;
	}
	return fine ? NULL : besides;
}

/* Packets up to their end: what may follow what. */
static const char *
one_message(struct packet_reader *r)
{
	uint64_t one_pass = 0;
	bool body = false;
	int first;

	while ((first = packet_byte(r)) != PACKET_END) {
		struct packet p;
		bool inside = false;
		const char *why = NULL;

		if (!packet_begin(r, first, &p))
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
		else if (!packet_skip_all(r, &p))
			why = besides;
		if (why != NULL)
			return why;
		body = body && !inside;
	}
	return body ? NULL : besides;
}

/* ---- armor ---- */

/* Behind the first line of armor: its headers, its packets where they are to be looked at, its last line, and
 * nothing but white space. */
static const char *
one_armor(struct packet_reader *r, const char *last, bool message)
{
	char text[PACKET_LINE_BYTES];
	const char *why = NULL;
	bool found = false;
	int c;

	while (packet_line(r, text) && text[0] != '\0')
		;
	if (message) {
		r->armored = true;
		why = one_message(r);
		r->armored = false;
	}
	while (why == NULL && !found && packet_line(r, text)) {
		found = strcmp(text, last) == 0;
		/* padding and checksum */
		if (message && !found && text[0] != '\0' && text[0] != '=')
			why = besides;
	}
	while ((c = packet_raw_byte(r)) != PACKET_END)
		if (!packet_is_space(c))
			why = why == NULL ? besides : why;
	return why != NULL ? why : found ? NULL : besides;
}

static const char *
one_clearsigned(struct packet_reader *r)
{
	char text[PACKET_LINE_BYTES];

	/* in the text a dash at the start of a line is escaped */
	while (packet_line(r, text))
		if (strcmp(text, "-----BEGIN PGP SIGNATURE-----") == 0)
			return one_armor(r, "-----END PGP SIGNATURE-----", false);
	return besides;
}

static const char *
armored(struct packet_reader *r)
{
	char text[PACKET_LINE_BYTES];

	while (packet_line(r, text))
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
	static struct packet_reader r;
	const char *why;

	r = (struct packet_reader){.file = file};
	why = packet_is_binary(&r) ? one_message(&r) : armored(&r);
	return r.failed ? unread : why;
}

#include "parsers/decrypt/key_file.h"

#include <string.h>
#include <unistd.h>

#include "parsers/decrypt/packets.h"

/* Packet tags of a key that is no subkey (RFC 9580, 5). */
enum { TAG_SECRET_KEY = 5, TAG_PUBLIC_KEY = 6 };

static const char cut[] = "the file is cut off or damaged";

/* Packets up to their end, or the end of their armor. */
static const char *
read_packets(struct packet_reader *r, unsigned *keys)
{
	int first;

	while ((first = packet_byte(r)) != PACKET_END) {
		struct packet p;

		if (!packet_begin(r, first, &p) || p.endless || !packet_skip_all(r, &p))
			return cut;
		*keys += p.tag == TAG_SECRET_KEY || p.tag == TAG_PUBLIC_KEY;
	}
	return NULL;
}

/* Behind the first line of a block, up to its last. */
static const char *
read_block(struct packet_reader *r, unsigned *keys)
{
	char text[PACKET_LINE_BYTES];
	const char *why;

	while (packet_line(r, text) && text[0] != '\0') /* headers */
		;
	r->armored = true;
	r->bits = 0;
	r->bit_count = 0;
	why = read_packets(r, keys);
	r->armored = false;
	while (why == NULL && packet_line(r, text))
		if (strncmp(text, "-----END PGP ", 13) == 0)
			return NULL;
		else if (text[0] != '\0' && text[0] != '=') /* padding and checksum */
			break;
	return cut;
}

/* Blocks, and whatever stands around them. */
static const char *
read_blocks(struct packet_reader *r, unsigned *keys)
{
	char text[PACKET_LINE_BYTES];
	const char *why = NULL;

	while (why == NULL && packet_line(r, text))
		if (strcmp(text, "-----BEGIN PGP PRIVATE KEY BLOCK-----") == 0 ||
		    strcmp(text, "-----BEGIN PGP PUBLIC KEY BLOCK-----") == 0)
			why = read_block(r, keys);
	return why;
}

const char *
key_file_fault(int file, unsigned *ret_keys)
{
	static struct packet_reader r;
	const char *why;

	*ret_keys = 0;
	r = (struct packet_reader){.file = file};
	why = packet_is_binary(&r) ? read_packets(&r, ret_keys) : read_blocks(&r, ret_keys);
	explicit_bzero(r.bytes, sizeof(r.bytes));
	if (r.failed || lseek(file, 0, SEEK_SET) < 0)
		return "the file cannot be read";
	return why;
}

#include "parsers/decrypt/packets.h"

#include <string.h>
#include <unistd.h>

int
packet_raw_byte(struct packet_reader *r)
{
	if (r->next == r->end) {
		ssize_t n = pread(r->file, r->bytes, sizeof(r->bytes), r->at);
		if (n <= 0) {
			r->failed = r->failed || n < 0;
			return PACKET_END;
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

bool
packet_is_space(int c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool
packet_is_binary(struct packet_reader *r)
{
	int first = packet_raw_byte(r);

	if (first == PACKET_END)
		return false;
	r->next--;
	return (first & 0x80) != 0;
}

/* The next byte of the packets.  Armor ends with what is no digit: its padding, its checksum or its last
 * line.
 */
int
packet_byte(struct packet_reader *r)
{
	if (!r->armored)
		return packet_raw_byte(r);
	while (r->bit_count < 8) {
		int c = packet_raw_byte(r), value = base64_value(c);

		if (packet_is_space(c))
			continue;
		if (value < 0) {
			if (c != PACKET_END)
				r->next--;
			return PACKET_END;
		}
		r->bits = (r->bits << 6 | (unsigned) value) & 0xffff;
		r->bit_count += 6;
	}
	r->bit_count -= 8;
	return (int) (r->bits >> r->bit_count & 0xff);
}

/* False where it ends before that. */
bool
packet_skip(struct packet_reader *r, uint64_t n)
{
	for (; n > 0; n--)
		if (packet_byte(r) == PACKET_END)
			return false;
	return true;
}

static bool
number(struct packet_reader *r, int bytes, uint64_t *ret)
{
	uint64_t value = 0;

	for (; bytes > 0; bytes--) {
		int c = packet_byte(r);
		if (c == PACKET_END)
			return false;
		value = value << 8 | (unsigned) c;
	}
	*ret = value;
	return true;
}

/* A length of the new format. */
static bool
new_length(struct packet_reader *r, struct packet *p)
{
	uint64_t second;
	int c = packet_byte(r);

	p->partial = false;
	if (c == PACKET_END)
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
bool
packet_begin(struct packet_reader *r, int first, struct packet *p)
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
bool
packet_skip_all(struct packet_reader *r, struct packet *p)
{
	while (packet_skip(r, p->length)) {
		if (!p->partial)
			return true;
		if (!new_length(r, p))
			return false;
	}
	return false;
}

/* The next line without its end, cut to what a line of armor may have.  False at the end of the file. */
bool
packet_line(struct packet_reader *r, char text[PACKET_LINE_BYTES])
{
	size_t len = 0;
	int c = packet_raw_byte(r);

	if (c == PACKET_END)
		return false;
	for (; c != PACKET_END && c != '\n'; c = packet_raw_byte(r))
		if (len < PACKET_LINE_BYTES - 1)
			text[len++] = (char) c;
	while (len > 0 && packet_is_space(text[len - 1]))
		len--;
	text[len] = '\0';
	return true;
}

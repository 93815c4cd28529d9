/* UTF-16 (an export of a spreadsheet, mostly) made UTF-8, so that whoever reads on knows one encoding. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/utf8.h"
#include "parsers/container/container_internal.h"

struct utf16 {
	struct input input;
	bool by_mark, begun, big_endian;
	bool kept; /* first is no mark, and still to be read */
	unsigned char first[2];
	char made[4]; /* a character, of which some is given */
	size_t at, len;
	struct packed packed;
};

static ssize_t
refuse(struct utf16 *u, const char *why)
{
	u->input.rule = "encoding";
	u->input.why = why;
	return -1;
}

/* Two bytes: 1; 0 at the end; -1. */
static int
take_two(struct utf16 *u, unsigned char two[2])
{
	int rc;

	if (u->kept) {
		u->kept = false;
		memcpy(two, u->first, 2);
		return 1;
	}
	rc = packed_fill(&u->packed, &u->input);
	if (rc == 1 && (rc = packed_take(&u->packed, &u->input, two, 2)) == 0)
		return (int) refuse(u, "ends within a character of UTF-16: the file may have been cut");
	return rc;
}

/* The byte order mark says how the others are to be read, or agrees with the profile. */
static int
begin(struct utf16 *u)
{
	unsigned char *mark = u->first;
	int rc;

	u->begun = true;
	rc = take_two(u, mark);
	if (rc <= 0)
		return rc;
	if (u->by_mark && ((mark[0] ^ mark[1]) != 1 || mark[0] < 0xFE))
		return (int) refuse(
		    u, "does not begin with the byte order mark of UTF-16: it is in another encoding, or "
		       "the profile has to say its order, encoding: utf-16le or utf-16be");
	if (u->by_mark)
		u->big_endian = mark[0] == 0xFE;
	else if (mark[0] == (u->big_endian ? 0xFF : 0xFE) && mark[1] == (u->big_endian ? 0xFE : 0xFF))
		return (int) refuse(u, "begins with the byte order mark of the other order of UTF-16");
	u->kept = !u->by_mark;
	return 1;
}

/* The next character into made: 1; 0 at the end; -1. */
static int
next(struct utf16 *u)
{
	unsigned char bytes[4];
	int rc = take_two(u, bytes), taken;

	if (rc <= 0)
		return rc;
	u->at = u->len = 0;
	taken = utf16_next(bytes, 2, u->big_endian, u->made, &u->len);
	if (taken == 0) {
		rc = take_two(u, bytes + 2);
		if (rc == 0)
			return (int) refuse(u, "ends within a character of UTF-16: the file may have been cut");
		if (rc < 0)
			return -1;
		taken = utf16_next(bytes, 4, u->big_endian, u->made, &u->len);
	}
	if (taken < 0)
		return (int) refuse(u, "has half of a pair of UTF-16, which is no character");
	return 1;
}

static ssize_t
read_utf16(struct input *in, char *buf, size_t size)
{
	struct utf16 *u = (struct utf16 *) (void *) in;
	size_t made = 0;

	if (u->input.rule != NULL || (!u->begun && begin(u) < 0))
		return -1;
	while (made < size) {
		int rc = u->at < u->len ? 1 : next(u);

		if (rc < 0 && made > 0)
			break; /* what is before it first */
		if (rc < 0)
			return -1;
		if (rc == 0)
			break;
		buf[made++] = u->made[u->at++];
	}
	return (ssize_t) made;
}

struct input *
utf16_new(struct input *below, bool by_mark, bool big_endian)
{
	struct utf16 *u = calloc(1, sizeof(*u));

	if (u == NULL)
		return NULL;
	u->input.read = read_utf16;
	u->by_mark = by_mark;
	u->big_endian = big_endian;
	u->packed.below = below;
	return &u->input;
}

void
utf16_free(struct input *in)
{
	free(in);
}

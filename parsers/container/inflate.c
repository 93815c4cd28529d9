#include "parsers/container/inflate.h"

#include <limits.h>
#define ZLIB_CONST /* what goes in is not changed */
#include <zlib.h>

struct inflater {
	z_stream z;
};

struct inflater *
inflater_new(bool gzip)
{
	struct inflater *i = calloc(1, sizeof(*i));

	/* 16: gzip and nothing else; minus: neither header nor trailer */
	if (i != NULL && inflateInit2(&i->z, gzip ? 16 + MAX_WBITS : -MAX_WBITS) != Z_OK) {
		free(i);
		return NULL;
	}
	return i;
}

void
inflater_free(struct inflater *i)
{
	if (i == NULL)
		return;
	inflateEnd(&i->z);
	free(i);
}

bool
inflater_reset(struct inflater *i)
{
	return inflateReset(&i->z) == Z_OK;
}

static uInt
bounded(size_t n)
{
	return n > UINT_MAX ? UINT_MAX : (uInt) n;
}

enum inflate_result
inflater_run(struct inflater *i, const void *in, size_t *in_len, void *out, size_t *out_len)
{
	const uInt have = bounded(*in_len), room = bounded(*out_len);
	int rc;

	i->z.next_in = in;
	i->z.avail_in = have;
	i->z.next_out = out;
	i->z.avail_out = room;
	rc = inflate(&i->z, Z_NO_FLUSH);
	*in_len = have - i->z.avail_in;
	*out_len = room - i->z.avail_out;
	if (rc == Z_STREAM_END)
		return INFLATE_END;
	return rc == Z_OK || rc == Z_BUF_ERROR ? INFLATE_MORE : INFLATE_BAD;
}

uint32_t
inflate_crc(uint32_t crc, const void *bytes, size_t len)
{
	return (uint32_t) crc32_z(crc, bytes, len);
}

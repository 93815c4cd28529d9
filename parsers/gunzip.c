/* gzip, by zlib, which checks each member's header, CRC-32 and length itself. */
#include <zlib.h>

#include "parsers/unpack.h"

struct gunzip {
	struct input input;
	z_stream z;
	int64_t left; /* of the limit */
	bool begun;   /* a member came */
	bool member;  /* within one */
	bool ended;
	struct packed packed;
};

/* Between members: the next one begins, or the file ends. */
static ssize_t
next_member(struct gunzip *g)
{
	int rc = packed_fill(&g->packed, &g->input);

	if (rc < 0)
		return -1;
	if (rc == 0 && !g->begun)
		return unpack_refuse(&g->input, "the file is empty, not gzip");
	if (rc == 0) {
		g->ended = true;
		return 0;
	}
	if (inflateReset(&g->z) != Z_OK)
		return unpack_refuse(&g->input, "zlib cannot begin anew");
	g->begun = g->member = true;
	return 1;
}

static ssize_t
read_gzip(struct input *in, char *buf, size_t size)
{
	struct gunzip *g = (struct gunzip *) (void *) in;

	if (g->input.rule != NULL)
		return -1;
	while (!g->ended) {
		ssize_t n;
		int rc;
		if (!g->member && (n = next_member(g)) <= 0)
			return n;
		rc = packed_fill(&g->packed, &g->input);
		if (rc < 0)
			return -1;
		if (rc == 0)
			return unpack_refuse(&g->input, "the gzip data is cut off, or other bytes follow it");
		g->z.next_in = g->packed.bytes + g->packed.at;
		g->z.avail_in = (uInt) (g->packed.end - g->packed.at);
		g->z.next_out = (unsigned char *) buf;
		g->z.avail_out = (uInt) size;
		rc = inflate(&g->z, Z_NO_FLUSH);
		g->packed.at = g->packed.end - g->z.avail_in;
		if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
			return unpack_refuse(&g->input, "the gzip data is damaged, or other bytes follow it");
		g->member = rc != Z_STREAM_END;
		n = (ssize_t) (size - g->z.avail_out);
		if (n > g->left)
			return unpack_refuse(&g->input, "the content is larger than limits: expansion or file_bytes");
		g->left -= n;
		if (n > 0)
			return n;
	}
	return 0;
}

struct input *
gunzip_new(struct input *below, int64_t limit)
{
	struct gunzip *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return NULL;
	if (inflateInit2(&g->z, 16 + MAX_WBITS) != Z_OK) { /* 16: gzip, nothing else */
		free(g);
		return NULL;
	}
	g->input.read = read_gzip;
	g->left = limit;
	g->packed.below = below;
	return &g->input;
}

void
gunzip_free(struct input *in)
{
	struct gunzip *g = (struct gunzip *) (void *) in;

	if (g == NULL)
		return;
	inflateEnd(&g->z);
	free(g);
}

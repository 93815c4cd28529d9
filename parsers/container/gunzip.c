/* gzip: the inflater checks each member's header, CRC-32 and length. */
#include "parsers/container/inflate.h"
#include "parsers/container/container_internal.h"

struct gunzip {
	struct input input;
	struct inflater *inflater;
	int64_t left; /* of the limit */
	bool begun;   /* a member came */
	bool member;  /* within one */
	bool ended;
	struct packed packed;
};

/* Between members: the next one begins, or the file ends. */
static int
next_member(struct gunzip *g)
{
	int rc = packed_fill(&g->packed, &g->input);

	if (rc < 0)
		return -1;
	if (rc == 0 && !g->begun)
		return (int) unpack_refuse(&g->input, "the file is empty, not gzip");
	if (rc == 0) {
		g->ended = true;
		return 0;
	}
	if (!inflater_reset(g->inflater))
		return (int) unpack_refuse(&g->input, "the unpacker cannot start over");
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
		size_t in_len, n = size;
		enum inflate_result result;
		int rc;
		if (!g->member && (rc = next_member(g)) <= 0)
			return rc;
		rc = packed_fill(&g->packed, &g->input);
		if (rc < 0)
			return -1;
		if (rc == 0)
			return unpack_refuse(&g->input, "the gzip data is cut off, or other bytes follow it");
		in_len = g->packed.end - g->packed.at;
		result = inflater_run(g->inflater, g->packed.bytes + g->packed.at, &in_len, buf, &n);
		g->packed.at += in_len;
		if (result == INFLATE_BAD)
			return unpack_refuse(&g->input, "the gzip data is damaged, or other bytes follow it");
		g->member = result != INFLATE_END;
		if ((int64_t) n > g->left)
			return unpack_refuse(&g->input, "the content is larger than limits: expansion or file_bytes");
		g->left -= (int64_t) n;
		if (n > 0)
			return (ssize_t) n;
	}
	return 0;
}

struct input *
gunzip_new(struct input *below, int64_t limit)
{
	struct gunzip *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return NULL;
	g->inflater = inflater_new(true);
	if (g->inflater == NULL) {
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
	inflater_free(g->inflater);
	free(g);
}

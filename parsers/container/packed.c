/* What the layers share: bytes of the input below, and their refusal. */
#include <string.h>

#include "parsers/container/container_internal.h"

ssize_t
input_pass_failure(struct input *in, const struct input *below)
{
	in->rule = below->rule;
	in->why = below->why;
	in->failed = below->failed;
	return -1;
}

int
packed_fill(struct packed *p, struct input *out)
{
	ssize_t n;

	if (p->at < p->end)
		return 1;
	p->base += p->end;
	p->at = p->end = 0;
	n = p->below->read(p->below, (char *) p->bytes, sizeof(p->bytes));
	if (n < 0)
		return (int) input_pass_failure(out, p->below);
	p->end = (size_t) n;
	return n > 0;
}

int
packed_take(struct packed *p, struct input *out, void *buf, size_t n)
{
	unsigned char *to = buf;

	while (n > 0) {
		int rc = packed_fill(p, out);
		size_t part = p->end - p->at < n ? p->end - p->at : n;
		if (rc != 1)
			return rc;
		if (to != NULL) {
			memcpy(to, p->bytes + p->at, part);
			to += part;
		}
		p->at += part;
		n -= part;
	}
	return 1;
}

ssize_t
unpack_refuse(struct input *out, const char *why)
{
	out->rule = "container";
	out->why = why;
	return -1;
}

#include "parsers/assemble/input.h"

int
input_no_memory(struct input *in)
{
	in->failed = 1;
	in->rule = "memory";
	in->why = "out of memory";
	return -1;
}

int
input_ended(struct input *in)
{
	char byte;
	ssize_t n = in->read(in, &byte, 1);

	return n < 0 ? -1 : n == 0;
}

static ssize_t
memory_read(struct input *input, char *buf, size_t size)
{
	struct input_memory *in = (struct input_memory *) input;

	if (in->step > 0 && size > in->step)
		size = in->step;
	if (size > in->len)
		size = in->len;
	memcpy(buf, in->data, size);
	in->data += size;
	in->len -= size;
	return (ssize_t) size;
}

void
input_memory_init(struct input_memory *in, const void *data, size_t len, size_t step)
{
	*in = (struct input_memory){.input = {.read = memory_read}, .data = data, .len = len, .step = step};
}

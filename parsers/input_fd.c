#include "parsers/input_fd.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static ssize_t
read_fd(struct input *in, char *buf, size_t size)
{
	struct input_fd *self = (struct input_fd *) (void *) in;
	ssize_t n;

	if (self->at < self->have) {
		n = (ssize_t) (self->have - self->at < size ? self->have - self->at : size);
		memcpy(buf, self->first + self->at, (size_t) n);
		self->at += (size_t) n;
		return n;
	}
	do
		n = read(self->fd, buf, size);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		in->rule = "read_error";
		in->why = "our copy of the file cannot be read";
		in->failed = 1;
		return -1;
	}
	self->bytes += (uint64_t) n;
	return n;
}

void
input_fd_init(struct input_fd *in, int fd)
{
	*in = (struct input_fd){.input = {.read = read_fd}, .fd = fd};
}

size_t
input_fd_first(struct input_fd *in)
{
	ssize_t n = 1;

	while (n > 0 && in->have < sizeof(in->first)) {
		do
			n = read(in->fd, in->first + in->have, sizeof(in->first) - in->have);
		while (n < 0 && errno == EINTR);
		in->have += n > 0 ? (size_t) n : 0;
	}
	in->bytes = in->have;
	return in->have;
}

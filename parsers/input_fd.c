#include "parsers/input_fd.h"

#include <errno.h>
#include <unistd.h>

static ssize_t
read_fd(struct input *in, char *buf, size_t size)
{
	struct input_fd *self = (struct input_fd *) (void *) in;
	ssize_t n;

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

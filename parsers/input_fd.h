/* The bytes of a descriptor, from where it stands to its end. */
#ifndef HANDBACK_PARSERS_INPUT_FD_H
#define HANDBACK_PARSERS_INPUT_FD_H

#include <stdint.h>

#include "parsers/assemble/input.h"

struct input_fd {
	struct input input;
	int fd;
	uint64_t bytes; /* that were read */
	char first[16]; /* that were looked at, and are still to be read */
	size_t at, have;
};
void input_fd_init(struct input_fd *in, int fd); /* fd stays the caller's */

/* A look at its first bytes, before anything is read: how many of first there are.  What cannot be read says
 * so when it is. */
size_t input_fd_first(struct input_fd *in);

#endif

/* The bytes of a descriptor, from where it stands to its end. */
#ifndef HANDBACK_PARSERS_INPUT_FD_H
#define HANDBACK_PARSERS_INPUT_FD_H

#include <stdint.h>

#include "parsers/assemble/input.h"

struct input_fd {
	struct input input;
	int fd;
	uint64_t bytes; /* that were read */
};
void input_fd_init(struct input_fd *in, int fd); /* fd stays the caller's */

#endif

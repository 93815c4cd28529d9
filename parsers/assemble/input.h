/*
 * A stream of bytes: all that a format knows of where its file comes from.
 *
 * Whoever has bytes (a descriptor, memory, a container around another input)
 * embeds this struct as its first member and fills in read.
 */
#ifndef HANDBACK_PARSERS_ASSEMBLE_INPUT_H
#define HANDBACK_PARSERS_ASSEMBLE_INPUT_H

#include <stddef.h>
#include <sys/types.h>

struct input {
	/*
	 * 1..size bytes put into buf; 0 at the end, and at each call after it; -1 when it cannot go on: then rule
	 * and why are set (static text, or the input's own until it is freed) and the file is refused by them,
	 * unless failed says that the fault is ours (EIO, out of memory) and the file is to be tried again.
	 */
	ssize_t (*read)(struct input *in, char *buf, size_t size);
	const char *rule; /* "container", "read_error" ... */
	const char *why;
	int failed;
};

/* Is it read to its end?  1; 0 when there is more; -1 as read. */
int input_ended(struct input *in);

/* Says that memory is out, so that the file is tried again; returns -1. */
int input_no_memory(struct input *in);

/* Bytes in memory, at most step of them in one read (0: no such bound; tests use 1). */
struct input_memory {
	struct input input;
	const char *data;
	size_t len, step;
};
void input_memory_init(struct input_memory *in, const void *data, size_t len, size_t step);

#endif

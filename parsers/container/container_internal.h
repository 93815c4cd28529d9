/*
 * What container.c puts together: layers, each an input around another, with an output limit.
 * The input below is not theirs and must outlive them.
 */
#ifndef HANDBACK_PARSERS_CONTAINER_CONTAINER_INTERNAL_H
#define HANDBACK_PARSERS_CONTAINER_CONTAINER_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "parsers/assemble/input.h"

/* Bytes of the input below, through a buffer. */
#define PACKED_BYTES (64 << 10)
struct packed {
	struct input *below;
	size_t at, end;
	uint64_t base; /* offset of bytes[0] in the input below */
	unsigned char bytes[PACKED_BYTES];
};

/* More bytes when there are none left: 1; 0 at the end; -1 when the input below failed, and then out says why
 * as it does. */
int packed_fill(struct packed *p, struct input *out);
/* Exactly n bytes into buf (NULL: skipped): 1; 0 when it ended before; -1 as above. */
int packed_take(struct packed *p, struct input *out, void *buf, size_t n);

/* Sets rule and why and returns -1, for input.read. */
ssize_t unpack_refuse(struct input *out, const char *why);

/* What is left when all layers are off: refused where it is packed still. */
struct content {
	struct input input;
	struct input *below;
	char first[8];
	size_t have;
};
void content_init(struct content *c, struct input *below);
/* Reads and ends as the input below does. */
ssize_t input_pass_failure(struct input *in, const struct input *below);

/* gzip (RFC 1952).  NULL when memory is out. */
struct input *gunzip_new(struct input *below, int64_t limit);
void gunzip_free(struct input *in);

/* UTF-16 as UTF-8: by the byte order mark that begins it, or in the order that is said (a mark of that order
 * is then a character like others).  NULL when memory is out. */
struct input *utf16_new(struct input *below, bool by_mark, bool big_endian);
void utf16_free(struct input *in); /* NULL is fine */

/* zip: the one member whose name fits the pattern, all others fitting one of ignored (NULL-ended; NULL:
 * none).  several: any number of them but none, each by unzip_next. */
struct input *unzip_new(struct input *below, int64_t limit, const char *pattern, const char *const *ignored,
                        bool several);
void unzip_free(struct input *in);
/* The next data file, and its name until the one after: its bytes are then read to an end of their own.  1; 0
 * when all were; -1 as read. */
int unzip_next(struct input *in, const char **ret_name);

#endif

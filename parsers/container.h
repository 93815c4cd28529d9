/*
 * What a partner's file is wrapped in, taken off while it is read: each layer
 * is an input around the one below.
 *
 * gzip (one or more members) and zip (exactly one that counts); their checksums
 * and lengths must agree, nothing may follow, and the content may not grow over
 * limits: expansion times the packed size, nor over limits: file_bytes.  Names
 * inside are compared and never used.
 */
#ifndef HANDBACK_PARSERS_CONTAINER_H
#define HANDBACK_PARSERS_CONTAINER_H

#include "parsers/input.h"
#include "parsers/layout.h"

struct container;

/* Wraps in, which stays the caller's and must outlive it; name is the file's.  Reads nothing yet.  NULL when
 * memory is out. */
struct container *container_new(const struct layout *layout, struct input *in, const char *name, size_t len);
void container_free(struct container *c); /* NULL is fine */

/* What to read: in itself when the layout has no container. */
struct input *container_input(struct container *c);

/* Bytes of content that a file of this size can have at most. */
int64_t container_bytes(const struct layout *layout, int64_t file_bytes);

#endif

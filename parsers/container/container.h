/*
 * What a partner's file is wrapped in, taken off while it is read: each layer
 * is an input around the one below.  The last of them makes UTF-8 of UTF-16.
 *
 * gzip (one member or more) and zip (one that counts, or several data files); their checksums
 * and lengths must agree, nothing may stand before, between or behind, and the
 * content may grow neither over limits: expansion times the packed size nor
 * over limits: file_bytes.  Names inside are compared and never used.
 */
#ifndef HANDBACK_PARSERS_CONTAINER_CONTAINER_H
#define HANDBACK_PARSERS_CONTAINER_CONTAINER_H

#include "lib/profile/layout.h"
#include "parsers/assemble/input.h"

struct contents;

/*
 * Wraps in, which stays the caller's and must outlive it.  packed is the size
 * of the file, name what it is called.  Reads nothing yet.  NULL when memory is out.
 */
struct contents *contents_new(const struct layout *layout, struct input *in, int64_t packed, const char *name,
                              size_t name_len);
void contents_free(struct contents *c); /* NULL is fine */

/* What to read.  Where it begins as no text does, but as something packed, its first read refuses it by that
 * name. */
struct input *contents_input(struct contents *c);

/* Of a layout whose container holds several data files: the next one is what contents_input has from now on,
 * to an end of its own.  1 and its name, until the one after; 0 when all were read; -1 when contents_input
 * says why. */
int contents_next(struct contents *c, const char **ret_name);

/*
 * All there is, by the layout's format, which must be here; of several data files each as a file of its own,
 * up to the first that is refused.  0, or -1 where the fault is ours (contents_input says why): nothing may
 * be concluded then.
 */
struct assemble;
int contents_read(struct contents *c, struct assemble *a, uint64_t *ret_bytes);

#endif

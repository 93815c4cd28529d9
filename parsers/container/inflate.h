/* Deflated bytes made plain again; the one wrapper of zlib. */
#ifndef HANDBACK_PARSERS_CONTAINER_INFLATE_H
#define HANDBACK_PARSERS_CONTAINER_INFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct inflater;

/* gzip: with gzip's header and trailer, which are checked; else the bare stream of a zip.  NULL when memory
 * is out. */
struct inflater *inflater_new(bool gzip);
void inflater_free(struct inflater *i); /* NULL is fine */

/* Ready for another stream. */
bool inflater_reset(struct inflater *i);

enum inflate_result { INFLATE_MORE, INFLATE_END, INFLATE_BAD };

/* Takes some of *in_len bytes and gives some of *out_len; both then say how many. */
enum inflate_result inflater_run(struct inflater *i, const void *in, size_t *in_len, void *out,
                                 size_t *out_len);

/* CRC-32 of bytes that follow those of crc (0 at the beginning). */
uint32_t inflate_crc(uint32_t crc, const void *bytes, size_t len);

#endif

/* For the fuzz targets: one file through one profile, as handback-parse does it. */
#ifndef HANDBACK_TESTS_FUZZ_PARSE_BYTES_H
#define HANDBACK_TESTS_FUZZ_PARSE_BYTES_H

#include <stddef.h>
#include <stdint.h>

/*
 * The profile is compiled at the first call with this text, and kept.  The first byte of data says in how
 * large pieces the rest is read.  Aborts when what comes out breaks parsers/frame.h or parsers/assemble.h.
 */
void parse_bytes(const char *profile, const uint8_t *data, size_t size);

#endif

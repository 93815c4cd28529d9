/* For the fuzz targets: one file through one profile, as handback-parse does it. */
#ifndef HANDBACK_TESTS_FUZZ_PARSE_BYTES_H
#define HANDBACK_TESTS_FUZZ_PARSE_BYTES_H

#include <stddef.h>
#include <stdint.h>

enum { PARSE_BYTES_PROFILES = 8 };

/*
 * The profile is compiled at the first call with this text (the same pointer), and kept; PARSE_BYTES_PROFILES
 * at most.  The first byte of data says in how large pieces the rest is read.  Aborts when what comes out
 * breaks lib/protocol/frame.h or parsers/assemble/assemble.h.
 */
void parse_bytes(const char *profile, const uint8_t *data, size_t size);

/* The same with the profile of fixtures/profiles that the first byte chooses of these; the rest goes to
 * parse_bytes. */
void parse_shipped(const char *const *names, const uint8_t *data, size_t size);

#endif

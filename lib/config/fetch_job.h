/*
 * One run of handback-fetch, as handbackd and handbackctl ask for it: packets
 * for its descriptor 3, made from a source's configuration.  The descriptors
 * that go with them are opened here, so that the fetcher gets the one key and
 * the one directory that are its own, and no paths.
 */
#ifndef HANDBACK_CONFIG_FETCH_JOB_H
#define HANDBACK_CONFIG_FETCH_JOB_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/config/config.h"

struct fetch_packet {
	char *text;
	size_t length;
	int fd; /* goes with it; -1: none */
};

struct fetch_job {
	struct fetch_packet *packets; /* to be sent in this order */
	size_t count;
};

enum fetch_mode { FETCH_POLL, FETCH_AFTER, FETCH_PROBE };

/* False, with a sentence in why[], when a file cannot be opened or there is no memory. */
bool fetch_job_make(struct fetch_job *ret, const struct config_source *source, enum fetch_mode mode,
                    bool may_write, char *why, size_t why_size);
void fetch_job_free(struct fetch_job *job);

#endif

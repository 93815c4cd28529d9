/* A source's corner of the spool: who may bring what, and how a whole file gets its name there. */
#ifndef HANDBACK_RECEIVE_CORNER_H
#define HANDBACK_RECEIVE_CORNER_H

#include <stdint.h>

#include "lib/config/config.h"
#include "lib/hash/sha256.h"
#include "lib/protocol/receive_job.h"

struct corner {
	int dir, file; /* the directory, locked; the file, which has no name yet.  -1: not open */
};

/* Why it is not taken. */
struct refusal {
	const char *code;
	char why[RECEIVE_WHY_BYTES + 1];
};

/* May it come at all?  False and *ret. */
bool corner_takes(const struct config_source *source, const struct receive_job *job, struct refusal *ret);

/* Opens the corner and a file without a name in it, with room for all of its bytes.  False and *ret: another
 * is being received, or there is no room. */
bool corner_open(const struct config_source *source, int64_t bytes, struct corner *ret_corner,
                 struct refusal *ret);

/* Is it the name of a checksum file or marker, not of a file itself? */
bool corner_is_sidecar(const struct config_source *source, const char *name);

/* Durable, and then with its name: from now on it is there, whole.  One that lies there with this name and
 * these bytes is the same.  False and *ret: another file has this name, and it is not one that this replaces.
 */
bool corner_keep(const struct corner *c, const char *name, bool replaces, const uint8_t sha256[SHA256_BYTES],
                 struct refusal *ret);

bool refuse(struct refusal *ret, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif

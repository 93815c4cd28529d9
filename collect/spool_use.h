/*
 * How many bytes lie in each part of the spool.  Days of the archive that have
 * not changed since the last walk are not walked again, so that the archive of
 * years costs one look at each of its folders.
 */
#ifndef HANDBACK_COLLECT_SPOOL_USE_H
#define HANDBACK_COLLECT_SPOOL_USE_H

#include <stdint.h>

#include "lib/spool/spool.h"

enum spool_part { SPOOL_ARCHIVE, SPOOL_QUARANTINE, SPOOL_WORK, SPOOL_INCOMING, SPOOL_PARTS };
extern const char *const spool_part_words[SPOOL_PARTS]; /* their names below the spool */

struct spool_use {
	uint64_t bytes, files;
};

struct spool_walker; /* what was found before */

struct spool_walker *spool_walker_new(void); /* NULL: no memory */
void spool_walker_free(struct spool_walker *w);

/* Counts each part; 0, or -1 with errno when a folder cannot be read or there is no memory. */
int spool_walk(struct spool_walker *w, const struct spool *spool, struct spool_use ret[SPOOL_PARTS]);

#endif

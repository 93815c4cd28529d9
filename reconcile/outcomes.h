/*
 * The decided records into handback.outcome: read through a cursor in the
 * file's order, each with its leaf, written by binary COPY.
 */
#ifndef HANDBACK_RECONCILE_OUTCOMES_H
#define HANDBACK_RECONCILE_OUTCOMES_H

#include "base/merkle.h"
#include "reconcile/leaf.h"
#include "reconcile/pg.h"

/* Writes all of pg_temp.decided; adds the leaves to the tree.  large: as decide_large. */
enum pg_status outcomes_write(struct pg *pg, int64_t file_id, const uint8_t sha256[SHA256_BYTES], bool large,
                              struct merkle *tree, uint64_t *ret_written);

/* Shows all of pg_temp.decided, in order, writing nothing: what a dry run is for. */
enum pg_status outcomes_show(struct pg *pg, const uint8_t sha256[SHA256_BYTES],
                             void (*show)(void *context, const struct leaf *leaf), void *context);

#endif

/*
 * Files that say what the partner has of a request file of ours, where the profile says acknowledges.
 */
#ifndef HANDBACK_RECONCILE_DECIDE_ACKNOWLEDGE_H
#define HANDBACK_RECONCILE_DECIDE_ACKNOWLEDGE_H

#include "reconcile/decide/decide.h"

/* Holds what acknowledges another number of requests or points than the request file has. */
enum pg_status acknowledge_judge(const struct decide *d, struct effect *e);

/* Of a file that is posted, before its place among the expected ones is looked for. */
enum pg_status acknowledge_keep(const struct decide *d, int64_t file_id);

#endif

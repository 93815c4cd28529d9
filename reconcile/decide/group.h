/* Records that answer several redemptions, all or none, where the profile says group (group.sql). */
#ifndef HANDBACK_RECONCILE_DECIDE_GROUP_H
#define HANDBACK_RECONCILE_DECIDE_GROUP_H

#include "reconcile/decide/decide.h"

/* After match and answered: what each record of a group is, for decide.sql.  Not of a test file, nor of one
 * that is read again: what turned up since is for people. */
enum pg_status group_records(const struct decide *d);

/* Adds to an effect what the groups come to, for the guard. */
enum pg_status group_effect(const struct decide *d, struct effect *e);

#endif

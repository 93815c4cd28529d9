/*
 * The one time zone of this process.  A parser serves one file, and a profile has
 * one zone; who serves several sources says before each question which is meant.
 */
#ifndef HANDBACK_BASE_ZONE_H
#define HANDBACK_BASE_ZONE_H

#include <stdbool.h>
#include <stdint.h>

/* Is there a zone of that name on this machine? */
bool zone_known(const char *name);
/* From now on times are in this zone; reads its file, so before a lock-down.  False: there is none. */
bool zone_use(const char *name);
/* The same for a while, when true: what TZ was before is kept, and set again by zone_leave.  Not nested. */
bool zone_enter(const char *name);
void zone_leave(void);
/* Seconds east of UTC at a moment. */
int32_t zone_offset(int64_t unix_seconds);
/* False for a local time that a clock never showed: the hour that is skipped in spring. */
bool zone_local_exists(int32_t day, int32_t second_of_day);

#endif

/*
 * When to poll, as in crontab(5): minute, hour, day of the month, month, day of
 * the week, in a time zone.
 *
 *   "*", "3", "1-5", "1,3", with "/n" behind "*" or a range for every n-th; jan-dec,
 *   sun-sat; Sunday is 0 and 7
 *
 * A day has to fit both day fields; when both are restricted, that is, neither
 * begins with '*', one of them is enough.
 *
 * What the zone's clocks show counts.  A minute that comes twice in autumn is
 * two times; minutes that are skipped in spring are made up for, all of them
 * together, in the first minute after.
 */
#ifndef HANDBACK_CONFIG_SCHEDULE_H
#define HANDBACK_CONFIG_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct schedule {
	uint64_t minutes; /* bit n: minute n, hour n ... */
	uint32_t hours, days, months, weekdays;
	bool either_day; /* both day fields are restricted */
};

/* False, with a sentence in why[] and *ret untouched, for what is none or never comes. */
bool schedule_read(struct schedule *ret, const char *text, char *why, size_t why_size);

/* The first time later than a moment, both in seconds since 1970 UTC; -1 when the zone is not there. */
int64_t schedule_next(const struct schedule *s, const char *zone, int64_t after);

#endif

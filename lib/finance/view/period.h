/* From the first moment of one day to the last of another, UTC, as the database takes them. */
#ifndef HANDBACK_FINANCE_VIEW_PERIOD_H
#define HANDBACK_FINANCE_VIEW_PERIOD_H

#include <stdbool.h>

struct period {
	char from[32], to[32]; /* "" when not given; to: the first moment that is no longer of it */
	char last[16];         /* the last day, as it was given */
};

enum period_end { PERIOD_READ, PERIOD_FROM, PERIOD_TO, PERIOD_TURNED };

/* From days as 2026-01-31, or NULL; else which of them is no day, or that the second is before the first. */
enum period_end period_read(const char *from, const char *to, struct period *ret);

/* All days of a month as 2026-01; false for what is none. */
bool period_of_month(const char *month, struct period *ret);

/* Today and so many days before. */
void period_of_days(int days, struct period *ret);

#endif

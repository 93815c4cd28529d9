/*
 * Where a numbered file stands among those of its partner and profile, and
 * which files are held for it: a number that is there already, begins again,
 * leaves a gap or is too far off.
 *
 * A place is a period (sequence.resets; the day that it begins with) and the
 * position in it.  Files are compared by both, never by the number alone.
 */
#ifndef HANDBACK_RECONCILE_DECIDE_PLACE_H
#define HANDBACK_RECONCILE_DECIDE_PLACE_H

#include "lib/db/params.h"
#include "reconcile/decide/decide.h"

struct place {
	bool numbered;    /* it has a place */
	bool in_period;   /* of a period; else numbers never begin again */
	int64_t period;   /* days since 1970-01-01 */
	int64_t position; /* in the period from 1; without one the number itself, and what went round before */
	bool far_off;     /* sequence.after: as far from the last forwards as backwards, or nearly so */
	bool earlier;     /* a file of an earlier period was posted */
	bool has_last, has_same, has_last_day, older;
	int64_t last, last_number; /* of the period's last file: its position and its number */
	int64_t last_day, same;    /* its business date; a file with the same place */
};

/* Asks the database, behind the partner's lock. */
enum pg_status place_find(const struct decide *d, struct place *ret);

/* What file_order and answered take of it, in their order. */
void place_params(const struct decide *d, const struct place *place, struct params *p);

/* A hold_reason (static text) and why in message[LIMIT_MESSAGE_BYTES], or NULL. */
const char *place_hold(const struct decide *d, const struct place *place, char *message);

#endif

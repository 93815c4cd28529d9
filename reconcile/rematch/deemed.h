/*
 * Deemed acceptance, by a response that did not come.  A profile's terms of answering are written
 * down where they have changed; what is overdue is counted by them
 * (handback.unanswered_redemptions), and where the partner lists its rejects alone,
 * no response is deemed acceptance: once the time is over and a file has come that shows
 * it, with nothing missing, held or unclear before it.  Money never moves
 * without a response.
 */
#ifndef HANDBACK_RECONCILE_REMATCH_DEEMED_H
#define HANDBACK_RECONCILE_REMATCH_DEEMED_H

#include "lib/db/pg.h"
#include "lib/profile/profile.h"

struct deemed {
	int64_t confirmed, points;
};

struct params;

/* A source's terms as its profile has them, as nine parameters: holidays as an array in PostgreSQL's words,
 * "{2026-12-25}".  All texts live as long as the parameters. */
void deemed_params(struct params *p, const char *source, const struct profile *profile, const char *holidays);

/* Writes them down where they have changed. */
enum pg_status deemed_term(struct pg *pg, const char *source, const struct profile *profile,
                           const char *holidays);

/* Another source, of those in `sources` (an array again), whose profile answers for the same redemptions:
 * then no response by one means nothing.  *ret_other is NULL where there is none; the caller frees it. */
enum pg_status deemed_unclear(struct pg *pg, const char *source, const char *sources, char **ret_other);

/* Deems accepted, by the terms, what is unanswered, in a transaction of its own that no file of the partner
 * is decided in. Adds to *ret.  Doing it again changes nothing. */
enum pg_status deemed_confirm(struct pg *pg, const char *source, const char *partner, struct deemed *ret);

#endif

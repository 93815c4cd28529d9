/*
 * One partner's target to which points requests are sent: its sender (life.h), and the requests that are under
 * way.
 *
 * Whatever is claimed was written down before.  What the sender was given and has not settled when it goes is
 * unknown; what it was not given is certainly not sent.
 */
#ifndef HANDBACK_OUTBOUND_PARTNER_H
#define HANDBACK_OUTBOUND_PARTNER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "lib/connector/points.h"
#include "outbound/life.h"

#define PARTNER_AT_ONCE 8 /* requests under way: as many as a sender takes */
#define PARTNER_CLAIM 16

struct ask { /* a request, or the question for it */
	int64_t number;
	const char *request, *nth, *n, *object; /* in the claim's rows */
	bool asks, given, settled;
};

struct partner {
	struct life life; /* its failures: it could not be reached, or nobody knows */
	struct pg_result *rows;
	struct ask ask[PARTNER_CLAIM];
	size_t count, under_way;
	int64_t next_number;
	int64_t claimed_ms;
	bool begun;  /* what others left under way was noted */
	bool listed; /* in the list that was had last */
	TAILQ_ENTRY(partner) others;
};

struct partner *partner_new(const char *name, struct pg *pg); /* NULL: no memory */
void partner_free(struct partner *p); /* NULL is fine; what is under way is unknown */

/* Each gives PG_OK, or what the database said. */
enum pg_status partner_change(struct partner *p, int64_t version, const char *text);
enum pg_status partner_step(struct partner *p, const struct sender_how *how, int64_t now_ms, bool stopping);

/* There may be a request: it is looked for now, where it would be soon. */
void partner_hint(struct partner *p, int64_t now_ms);

bool partner_is_busy(const struct partner *p);
/* The database refuses a statement: its sender goes, and whatever is under way is unknown. */
void partner_refused(struct partner *p, const char *why, int64_t now_ms);
/* When it has to be looked at again. */
int64_t partner_next_ms(const struct partner *p);

#endif

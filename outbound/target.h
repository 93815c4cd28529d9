/*
 * One target: its sender (life.h), and the delivery that is under way.  It rests where there is no delivery.
 */
#ifndef HANDBACK_OUTBOUND_TARGET_H
#define HANDBACK_OUTBOUND_TARGET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "outbound/delivery.h"
#include "outbound/life.h"
#include "outbound/tell.h"

struct target {
	struct life life;
	struct tell *tell;
	struct delivery delivery; /* number NULL: there is none */
	int64_t next_number;      /* of a part */
	int64_t ask_ms;           /* it asked for a pause: no question before */
	unsigned failed_ends;     /* in a row: the database does not take what is said of it */
	bool listed;              /* in the list of targets that was had last */
	bool outdated;            /* there is a newer version: nothing more is claimed before it is taken */
	TAILQ_ENTRY(target) others;
};

/* NULL: no memory. */
struct target *target_new(const char *name, struct tell *tell);
void target_free(struct target *t); /* NULL is fine; a delivery that is under way is sent again later */

/* Each gives PG_OK, or what the database said. */
enum pg_status target_change(struct target *t, int64_t version, const char *text);
/* Claims what there is to tell where the time has come, and has it sent. */
enum pg_status target_step(struct target *t, const struct sender_how *how, int64_t now_ms, bool stopping);

/* Has it a delivery?  And a sender that is at it? */
bool target_rests(const struct target *t);
bool target_sends(const struct target *t);

/* The database refuses a statement for this target alone: its sender goes, what was under way is sent again,
 * after a pause that grows. */
void target_refused(struct target *t, const char *why, int64_t now_ms);

/* When it has to be looked at again. */
int64_t target_next_ms(const struct target *t);

#endif

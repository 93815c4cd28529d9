/*
 * One target: its connector, the sender that runs for it, and the delivery that is under way.
 *
 *   RESTING   no delivery; a sender may wait for one
 *   STARTING  a sender gets ready, for a delivery that was claimed
 *   SENDING   parts of it are under way
 */
#ifndef HANDBACK_OUTBOUND_TARGET_H
#define HANDBACK_OUTBOUND_TARGET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "lib/connector/connector.h"
#include "outbound/delivery.h"
#include "outbound/sender.h"
#include "outbound/tell.h"

enum target_state { TARGET_RESTING, TARGET_STARTING, TARGET_SENDING };

struct target {
	char *name, *text; /* of the connector */
	int64_t version;
	struct connector *connector; /* NULL: it is not told */
	enum target_state state;
	struct sender sender;
	struct delivery delivery;
	int64_t next_number;    /* of a part */
	int64_t claim_ms;       /* when it is asked next what there is to tell */
	int64_t ask_ms;         /* it asked for a pause: no question before */
	int64_t deadline_ms;    /* the sender says something until then, or is killed; RESTING: it may go */
	int64_t start_ms;       /* no sender is started before */
	unsigned failed_starts; /* in a row */
	unsigned failed_ends;   /* in a row: the database does not take what is said of it */
	bool listed;            /* in the list of targets that was had last */
	bool outdated;          /* there is a newer version: nothing more is claimed before it is taken */
	TAILQ_ENTRY(target) others;
};

/* Version of a target, with its connector's text.  NULL: no memory. */
struct target *target_new(const char *name);
void target_free(struct target *t); /* NULL is fine; a delivery that is under way is sent again later */

/* Each gives PG_OK, or what the database said. */
enum pg_status target_change(struct target *t, struct tell *tell, int64_t version, const char *text);
/* Claims what there is to tell where the time has come, and has it sent. */
enum pg_status target_step(struct target *t, struct tell *tell, const struct sender_how *how, int64_t now_ms,
                           bool stopping);
/* What its sender says. */
enum pg_status target_read(struct target *t, struct tell *tell, int64_t now_ms);

/* The database refuses a statement for this target alone: its sender goes, what was under way is sent again,
 * after a pause that grows. */
void target_refused(struct target *t, const char *why, int64_t now_ms);

/* When it has to be looked at again. */
int64_t target_next_ms(const struct target *t);

#endif

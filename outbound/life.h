/*
 * The life of a target's sender, whatever it sends: one place where it is started, given work, heard, missed
 * and mourned.
 *
 *   NONE      there is none; none is started before start_ms, which grows with each death
 *   STARTING  it gets ready, for work that was claimed
 *   WORKING   it has the work, or is between two pieces of it
 *   IDLE      it waits for work, and goes where there is none for long
 *
 * Whose it is says what follows of each turn (struct life_owner); of what it had nobody knows when it dies.
 */
#ifndef HANDBACK_OUTBOUND_LIFE_H
#define HANDBACK_OUTBOUND_LIFE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/connector/connector.h"
#include "lib/db/pg.h"
#include "outbound/sender.h"

enum life_state { LIFE_NONE, LIFE_STARTING, LIFE_WORKING, LIFE_IDLE };

/* Each gives PG_OK, or what the database said. */
struct life_owner {
	int64_t first_pause_ms; /* after its first death; doubled with each */
	int64_t steps;          /* requests that one piece of work may take, with its login */
	/* It is ready: the work is given to it. */
	enum pg_status (*ready)(void *owner, int64_t now_ms);
	/* What it says of its work; life_lies, where that cannot be. */
	enum pg_status (*take)(void *owner, int message, const struct send_report *report, int64_t now_ms);
	/* It is gone: what becomes of its work, where it had any. */
	enum pg_status (*cut)(void *owner, const char *why, int64_t now_ms);
	/* It is gone, and a person has to see to why. */
	enum pg_status (*fault)(void *owner, const char *why, int64_t now_ms);
	/* What a connector that compiles lacks; NULL: nothing. */
	const char *(*lacks)(const struct connector *c);
};

struct life {
	const struct life_owner *by;
	void *owner;
	struct pg *pg;
	char *name, *text; /* of the target, of its connector */
	int64_t version;
	struct connector *connector; /* NULL: it is sent nothing */
	enum life_state state;
	struct sender sender;
	int64_t deadline_ms; /* it says something until then, or is given up; IDLE: it may go */
	int64_t start_ms;    /* none is started before */
	int64_t claim_ms;    /* when it is asked next whether there is work */
	unsigned failures;   /* in a row */
};

bool life_init(struct life *ret, const struct life_owner *by, void *owner, struct pg *pg, const char *name);
void life_free(struct life *l); /* what is under way is the owner's matter */

/* Another connector: the sender goes, and the target is stopped where it cannot be told by it. */
enum pg_status life_change(struct life *l, int64_t version, const char *text);

/* For work that was claimed: a sender is started, or the one that there is gets it. */
enum pg_status life_begin(struct life *l, const struct sender_how *how, int64_t now_ms);
/* One piece; fd stays the caller's.  False: it does not take it, and has to be given up. */
bool life_deliver(struct life *l, const struct send_delivery *delivery, int fd, int64_t now_ms);
/* Its work is done, or was taken from it; nothing of it is missed any more. */
void life_rest(struct life *l, int64_t now_ms);
/* It has the work, but nothing is expected of it until the next piece. */
void life_wait(struct life *l);

/* What it says. */
enum pg_status life_read(struct life *l, int64_t now_ms);
/* What is over by the clock: it does not get ready, says nothing, or had no work for long. */
enum pg_status life_step(struct life *l, int64_t now_ms);

enum pg_status life_give_up(struct life *l, const char *why, int64_t now_ms);
enum pg_status life_fault(struct life *l, const char *why, int64_t now_ms);
enum pg_status life_lies(struct life *l, int64_t now_ms);
/* It goes, and nobody is told. */
void life_stop(struct life *l);
/* Nothing is started for a time that grows with how often that was in a row. */
void life_pause(struct life *l, unsigned times, int64_t now_ms);
int64_t life_pause_ms(const struct life *l, unsigned times);

/* Is it time to ask for work? */
bool life_may_claim(const struct life *l, int64_t now_ms);
/* When that is. */
int64_t life_claim_ms(const struct life *l);

#endif

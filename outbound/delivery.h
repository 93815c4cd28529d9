/*
 * One delivery: what was claimed for a target, cut into the requests that its connector allows, and what came
 * of each object.
 *
 * A part is one request.  A part that is refused as a whole is halved until the objects are found that it is
 * refused for; where everything is refused it is the target's fault, not theirs.
 *
 * A part of very many objects, where the connector has bulk, is a job of the target: several requests, one
 * after the other, with nothing else under way (bulk.h).
 */
#ifndef HANDBACK_OUTBOUND_DELIVERY_H
#define HANDBACK_OUTBOUND_DELIVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "lib/connector/connector.h"
#include "lib/protocol/send_job.h"

struct pg_result;

enum object_result { OBJECT_UNSENT, OBJECT_SENT, OBJECT_LATER, OBJECT_HELD, OBJECT_RESULTS };

struct object {
	enum connector_kind kind;
	const char *key, *subject, *json; /* in the claim's rows */
	enum object_result result;
	bool told; /* by a row of the part that is under way */
	int64_t status;
	char *why;
	char *parent; /* NULL: it has none */
	size_t row;   /* of the claim */
};

enum bulk_stage { BULK_NONE, BULK_CREATE, BULK_UPLOAD, BULK_CLOSE, BULK_POLL, BULK_RESULTS };

struct bulk {
	enum bulk_stage stage; /* what is asked of it next, or now; BULK_NONE: the part is no job */
	char job[SEND_JOB_BYTES + 1];
	bool uploaded;   /* whatever it is asked for, all of it was taken */
	int64_t next_ms; /* not before */
	unsigned polls, failures;
};

struct part {
	int64_t number; /* the sender knows it by that */
	size_t first, count;
	bool under_way;
	struct bulk bulk;
	TAILQ_ENTRY(part) others;
};
TAILQ_HEAD(parts, part);

struct delivery {
	const char *number; /* in the rows */
	struct pg_result *rows;
	struct object *object;
	size_t count;
	struct parts parts; /* those that are under way, and those that wait, in order */
	size_t under_way;
	const struct connector *connector;
	bool reads;   /* the target is asked for its objects */
	bool paused;  /* nothing more is sent of it now */
	bool stopped; /* the target is not to be told anything */
	int64_t status, wait_s;
	char why[SEND_WHY_BYTES + 1]; /* of what went wrong last; "": nothing did */
};

/* Of a claim's rows, which are the delivery's then; it tells of them, or (reads) asks for them.  False: no
 * memory, or rows that cannot be; *ret is to be freed in either case. */
bool delivery_begin(struct delivery *ret, struct pg_result *rows, const struct connector *c, bool reads,
                    int64_t *next_number);
void delivery_free(struct delivery *d);

/* The next part to send, and its objects as a sealed descriptor that the caller closes; NULL: none now, or
 * (*ret_fd -2) no memory.  *ret_count: how many objects it is. */
struct part *delivery_next(struct delivery *d, int64_t now_ms, int *ret_fd, size_t *ret_count);
/* When the next one is due of a job that is waited for; INT64_MAX: none is. */
int64_t delivery_due_ms(const struct delivery *d);

/* What the sender says of a part that is under way.  False: it cannot be. */
bool delivery_row(struct delivery *d, const struct send_report *report);
bool delivery_done(struct delivery *d, const struct send_report *report, int64_t *next_number);

/* The part of a job that this report is of; NULL: it is no job's. */
struct part *delivery_job_of(struct delivery *d, const struct send_report *report);
/* The last word of a part, whatever it was: delivered for those of which no row said otherwise. */
void delivery_finish(struct delivery *d, struct part *p, const struct send_report *report);
/* A job of the target is there: it is gone on with, whatever else is to wait. */
bool delivery_has_job(const struct delivery *d);

/* Nothing is under way, and nothing more will be. */
bool delivery_is_over(const struct delivery *d);
/* The sender is gone, or has to go: of what is under way nobody knows. */
void delivery_cut(struct delivery *d, const char *why);

/* How it ended, as handback.end_delivery has it; wait_s -1: as the database has it. */
const char *delivery_result(struct delivery *d, int64_t *ret_wait_s);
/* What came of each object, as JSON; the caller frees it.  NULL: no memory. */
char *delivery_objects(const struct delivery *d);

#endif

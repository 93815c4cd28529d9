/*
 * A partner to which points requests are sent one by one: the key `points` of a connector.
 *
 *     points:
 *       url: "https://partner.example/orders"
 *       record: {reference: "${outbound_reference}", account: "${account}", points: "${points}"}
 *       answer: {state: status, states: {credited: [fulfilled], pending: [processing], rejected:
 * [cancelled]}} ask: {url: "https://partner.example/orders?reference=${outbound_reference}"}
 *
 * An answer means what the connector says that it means, and else nothing: whoever asked does not know then
 * what became of the request.  docs/connectors.md has all keys.
 */
#ifndef HANDBACK_CONNECTOR_POINTS_H
#define HANDBACK_CONNECTOR_POINTS_H

#include "lib/connector/connector.h"

#define CONNECTOR_POINTS "points" /* what deliveries call such an object */
#define CONNECTOR_PARTNER_REFERENCE_BYTES 200

/* What is asked of a partner. */
enum points_step {
	POINTS_FIRST, /* before a request, for what has to stand in it: it moves nothing */
	POINTS_SEND,
	POINTS_ASK, /* what became of it */
	POINTS_STEPS
};

enum points_result {
	POINTS_CREDITED,
	POINTS_PENDING,
	POINTS_REJECTED,  /* it will not be credited, by the partner's documented word */
	POINTS_NOT_TAKEN, /* as if it had not been sent: not now */
	POINTS_STOP,      /* the same, until a person has seen to it */
	POINTS_EXISTS,    /* it was there before: ask */
	POINTS_MISSING,   /* of a question alone: it is not there */
	POINTS_DIFFERS,   /* it is there with other points, or twice */
	POINTS_UNKNOWN,   /* whatever is none of these */
	POINTS_RESULTS
};

/* Does it have the step?  POINTS_SEND: does it have `points` at all? */
bool connector_sends_points(const struct connector *c, enum points_step step);
/* The partner takes what has the same reference once, however often it is sent. */
bool connector_points_idempotent(const struct connector *c);
/* What is not there was never taken, and may go another way. */
bool connector_points_missing_is_unsent(const struct connector *c);
/* What is not there so long after it was sent is missing. */
int64_t connector_points_missing_after_s(const struct connector *c);
/* For so long after it was first sent it is asked for, or sent again. */
int64_t connector_points_window_s(const struct connector *c);

const char *connector_points_method(const struct connector *c, enum points_step step);
/* From a request's object (points.request_object).  The caller frees each; NULL with a sentence in why[].
 * The body of a step without one is "". */
char *connector_points_url(const struct connector *c, enum points_step step, const struct json *object,
                           char *why, size_t why_size);
char *connector_points_body(const struct connector *c, enum points_step step, const struct json *object,
                            char *why, size_t why_size);

struct points_verdict {
	enum points_result result;
	int64_t points; /* POINTS_DIFFERS: as the partner has them; 0: not a number, or there twice */
	int64_t wait_s; /* 0: not told */
	char reference[CONNECTOR_PARTNER_REFERENCE_BYTES + 1]; /* the partner's own; "": none */
	char why[CONNECTOR_CODE_BYTES + 64];                   /* "": there is nothing to say */
};

/* What the answer to a request, or to the question for it, means. */
void connector_judge_points(const struct connector *c, enum points_step step, const struct json *object,
                            const struct connector_answer *answer, struct points_verdict *ret);

/* What the first step's answer, which was judged so, has for the request: it stands as ${first} in it.  NULL:
 * it is not as promised; the caller frees it. */
char *connector_points_first(const struct connector *c, const struct connector_answer *answer,
                             const struct points_verdict *verdict);

#endif

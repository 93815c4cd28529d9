/* One call that was received: what it asks, who asks, and its answer. */
#ifndef HANDBACK_API_CALL_H
#define HANDBACK_API_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "api/token.h"
#include "lib/hash/sha256.h"
#include "lib/protocol/api_call.h"

struct call {
	struct call *next;
	uint64_t gate; /* the connection that it came by */
	enum api_message message;
	struct api_call what; /* its texts point into line */
	struct token_claims who;
	uint8_t body[SHA256_BYTES]; /* the same for the same question of the same caller */
	/* the queue's: the same for redemptions of one member, and of one key (0: none); not before again_ms */
	uint64_t of_member, of_key;
	int64_t came_ms, again_ms, wait_ms;

	int handover;             /* a descriptor that goes with the answer to API_SEND; -1: none */
	struct api_answer answer; /* code NULL: it has none yet, and may be asked again */
	char code[4], reason[API_REASON_BYTES + 1], *value;

	char line[]; /* NUL-ended */
};

/* Reads a packet; NULL and a sentence in why[] for what is no call, or without memory.  The caller frees it.
 */
struct call *call_read(const char *line, size_t len, char *why, size_t why_size);
void call_free(struct call *c); /* NULL is fine */

/* Does the shop ask, which has tokens of another kind?  The database knows them. */
bool call_is_of_shop(const struct call *c);

/* Its answer: a code of the contract or one of ours, which says the status; reason NULL: none.  A second
 * answer takes the first one's place. */
void call_answer(struct call *c, const char *code, const char *reason);
void call_answer_value(struct call *c, enum api_value kind,
                       const char *value);                  /* of a call that was answered 000 */
void call_answer_later(struct call *c, const char *reason); /* 503: asking again may help */
/* One that was answered 429 by the database, whose bounds are of a day of UTC: asking again may help tomorrow. */
void call_wait_for_day(struct call *c);
void call_ask_again(struct call *c);                        /* it has no answer any more */

#endif

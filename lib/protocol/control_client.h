/*
 * The control socket of handbackd (UNIX stream, 0600): one line asks, one line of JSON answers; a client may
 * ask again on the same connection, and what it asks while it waits is answered afterwards.
 *
 * Both clients (handbackctl, and handbackd --once where a daemon has the spool already) ask by control_ask;
 * the answer to `status` is a document of its own (daemon/serve/status.c).
 */
#ifndef HANDBACK_PROTOCOL_CONTROL_CLIENT_H
#define HANDBACK_PROTOCOL_CONTROL_CLIENT_H

#include "lib/json/json.h"
#include "lib/protocol/contract.h"

enum control_turn { CONTROL_TURN_OPEN, CONTROL_TURN_WAITING };

enum control_question {
	CONTROL_STATUS, /* the whole state */
	CONTROL_RESCAN, /* scan and poll everywhere now; says at once that it does */
	CONTROL_WAIT,   /* scan and poll everywhere, and answer when nothing is left to do: struct control_done */
	CONTROL_QUESTIONS
};

extern const struct contract control_contract;

/* What was done since a client began to wait, and what waits. */
struct control_done {
	int64_t posted, held, duplicate; /* files */
	int64_t held_records;            /* of posted files */
	int64_t waiting, sources_failing;
};

/* Builds the answer. */
void control_done_encode(struct json_build *answer, const struct control_done *done);
/* False, *ret untouched: this is no such answer. */
bool control_done_decode(struct control_done *ret, const char *answer);

/*
 * Asks, and has the answer without its newline: the caller frees it.  NULL with errno; ETIMEDOUT after
 * patience_s without a byte (0: without end), EPROTO for an answer that was cut off, EFBIG for one of over 4
 * MiB.
 */
char *control_ask(const char *path, enum control_question question, int patience_s);

#endif

/*
 * What handback-api (who asks for a partner) and a handback-receive send each other: one file, over one
 * SOCK_SEQPACKET connection.  handback-api sends the job and gives its end away, to the gate that has the
 * caller: that one waits for `ready`, sends exactly the bytes that were announced, in packets of at most
 * RECEIVE_BODY_BYTES that are nothing but the file, and waits for the last word.  Whoever hangs up before
 * that leaves no file.
 */
#ifndef HANDBACK_PROTOCOL_RECEIVE_JOB_H
#define HANDBACK_PROTOCOL_RECEIVE_JOB_H

#include "lib/base/limits.h"
#include "lib/protocol/contract.h"

#define RECEIVE_BODY_BYTES (32 << 10)
#define RECEIVE_SHA256_BYTES 64 /* hex */
#define RECEIVE_SOURCE_BYTES 63
#define RECEIVE_WHY_BYTES 300

enum receive_turn {
	RECEIVE_TURN_NEW,
	RECEIVE_TURN_ASKED,
	RECEIVE_TURN_BODY, /* nothing but the file comes; then the last word */
	RECEIVE_TURN_ENDED,
};

enum receive_message {
	RECEIVE_FILE, /* the job */
	/* the answers */
	RECEIVE_READY,   /* the file may come */
	RECEIVE_WHOLE,   /* it is whole, durable, and has its name */
	RECEIVE_REFUSED, /* there is no file */
	RECEIVE_MESSAGES
};

struct receive_job {
	const char *source, *name;
	int64_t bytes;
	const char *sha256; /* as the caller stated it, hex; NULL: it did not */
};

struct receive_answer {
	const char *sha256; /* of RECEIVE_WHOLE */
	const char *code;   /* of RECEIVE_REFUSED: three digits, as api_status has them */
	const char *why;
};

extern const struct contract receive_contract;

/* False: a value is out of bounds. */
bool receive_job_encode(struct message_line *ret, const struct receive_job *job);
/* False with a sentence in why[].  Texts point into the line, which is written into. */
bool receive_job_decode(struct receive_job *ret, int *turn, char *line, char *why, size_t why_size);

bool receive_answer_encode(struct message_line *ret, int *turn, enum receive_message message,
                           const struct receive_answer *answer);
/* An enum receive_message, or -1 with a sentence in why[]. */
int receive_answer_decode(struct receive_answer *ret, int *turn, char *line, char *why, size_t why_size);

#endif

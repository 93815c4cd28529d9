/*
 * What handback-outbox (who asks) and a handback-send send each other: one target, as packets over descriptor
 * 3 (lib/protocol/channel.h, message.h).  First the target, its connector and its credentials as descriptors,
 * then `go`; after `ready` deliveries, of which several may be under way.  handback-send composes a
 * delivery's request, sends it and judges the answer: no byte of an answer but a code comes back.
 *
 * What came of a delivery is in its `done`; what came of an object of it is the same, but where a `row`
 * before `done` says another thing of that object.  Where the target has a job for many, each of its steps is
 * a delivery, so that handback-outbox can write down what was done before the next.  Of one that reads, what
 * the target has as it was told is delivered, what it has not is held, with a code of lib/connector that says
 * so.  Whoever hangs up leaves deliveries of which nobody knows: they are sent again.
 *
 * A delivery of the kind `points` is one request that moves points at a partner, or (reads) the question what
 * became of it; `settled` is its last word.  Of one without it nobody knows either, and it is not sent again
 * but by the partner's own rules.
 */
#ifndef HANDBACK_PROTOCOL_SEND_JOB_H
#define HANDBACK_PROTOCOL_SEND_JOB_H

#include "lib/base/limits.h"
#include "lib/protocol/channel.h"
#include "lib/protocol/contract.h"

#define SEND_CREDENTIALS 8
#define SEND_NAME_BYTES 63
#define SEND_CONNECTOR_BYTES (64 << 10)
#define SEND_CREDENTIAL_BYTES (256 << 10) /* a bundle of certificates is the longest */
#define SEND_OBJECTS_BYTES (16 << 20)     /* the JSON of one delivery */
#define SEND_OBJECTS 10000 /* of one delivery: lib/connector's largest job; a batch is smaller */
#define SEND_CODE_BYTES 200
#define SEND_WHY_BYTES 400
#define SEND_WAIT_S 86400
#define SEND_JOB_BYTES 200 /* what a target calls a job of many rows */
#define SEND_STEP_BYTES 7

enum send_turn {
	SEND_TURN_NEW,     /* nothing was sent yet */
	SEND_TURN_FILLING, /* the target came, its credentials come */
	SEND_TURN_STARTED, /* `go`: it locks itself down */
	SEND_TURN_READY,   /* deliveries may come */
	SEND_TURN_ENDED,   /* the target cannot be used */
};

enum send_message {
	/* to the sender */
	SEND_TARGET,     /* with the connector's text as descriptor */
	SEND_CREDENTIAL, /* with a descriptor */
	SEND_GO,
	SEND_DELIVERY, /* with its objects as descriptor: one JSON array */
	/* from it */
	SEND_READY,
	SEND_FAULT,   /* a person has to see to the target: nothing more comes */
	SEND_ROW,     /* one object that came to another result than its delivery */
	SEND_DONE,    /* the last word of a delivery */
	SEND_SETTLED, /* the last word of one that moves points */
	SEND_MESSAGES
};

/* The target, as handback-send is to have it. */
struct send_job {
	const char *target;
	bool no_landlock; /* the operator wrote it off */
	int connector_fd; /* -1: none */
	struct {
		const char *name;
		int fd;
	} credential[SEND_CREDENTIALS];
	size_t credential_count;

	const char *name;               /* for the contract alone: of a credential */
	struct channel_packets packets; /* of a received job: what its texts point into */
};

/* A job without anything: descriptors -1. */
void send_job_init(struct send_job *job);
/* Closes its descriptors, and frees the texts of one that was received. */
void send_job_free(struct send_job *job);

/* The job as packets, to be sent in this order; *turn steps as if they were.  The descriptors are the
 * packets' then, also when it fails: false, with a sentence in why[], for a job that does not fit, or without
 * memory. */
bool send_job_encode(struct channel_packets *ret, int *turn, struct send_job *job, char *why,
                     size_t why_size);

/* Receives packets up to `go`.  False with a sentence in why[] for anything that does not fit, or when the
 * other end is gone.  The caller frees the job in either case. */
bool send_job_receive(int channel, struct send_job *ret, int *turn, char *why, size_t why_size);

/* One delivery: objects of one kind, in the order that rows count by. */
struct send_delivery {
	int64_t delivery; /* the outbox's own number of it, at least 1 */
	const char *kind; /* as lib/connector calls them */
	int64_t objects;  /* 1 to SEND_OBJECTS */
	bool reads;       /* the target is asked for them, and told nothing */
	/* One step of a job of the target that is told of many: create, upload, close, poll or results; "": it is
	 * no job's.  Of a step that needs none the first object stands for all. */
	char step[SEND_STEP_BYTES + 1];
	const char *job; /* the target's name for it; NULL: it is to be created */
};

/* The line to be sent together with the objects' descriptor (io_sealed).  False: a value is out of bounds,
 * or it is not the turn. */
bool send_delivery_encode(struct message_line *ret, int *turn, const struct send_delivery *delivery);
/* passed: it came with a descriptor, which stays the caller's.  False with a sentence in why[].  The text
 * points into the line, which is written into. */
bool send_delivery_decode(struct send_delivery *ret, int *turn, char *line, bool passed, char *why,
                          size_t why_size);

enum send_result {
	SEND_DELIVERED, /* it has what it was told; of an object: done */
	SEND_RETRY,     /* not now */
	SEND_HELD,      /* a person has to see to it */
	SEND_STOP,      /* of a delivery alone: the target refuses all of the kind, or the login */
	SEND_RESULTS
};
/* For messages and pages; NULL behind the last. */
extern const char *const send_results[SEND_RESULTS + 1];

/* What became of points that a partner was asked for. */
enum send_outcome {
	SEND_CREDITED,
	SEND_PENDING,  /* it took the request */
	SEND_REJECTED, /* by its documented word */
	SEND_NOT_SENT, /* certainly not */
	SEND_STOPPED,  /* certainly not, and a person has to see to the target */
	SEND_EXISTS,   /* it was there before */
	SEND_MISSING,  /* asked: it is not there */
	SEND_DIFFERS,  /* it is there with other points */
	SEND_UNKNOWN,  /* whatever is none of these */
	SEND_OUTCOMES
};
/* NULL behind the last. */
extern const char *const send_outcomes[SEND_OUTCOMES + 1];
#define SEND_REFERENCE_BYTES 400

/* Whatever a sender reports; the message's fields name the members. */
struct send_report {
	int64_t delivery;
	int64_t row; /* the place of the object in its delivery, from 0 */
	enum send_result result;
	int64_t status;      /* of HTTP; 0: there was no answer */
	const char *code;    /* the target's own word for it, without control characters; NULL: none */
	int64_t wait_s;      /* the target asked for so long a pause, or its limit does; 0: it did not */
	int64_t used, whole; /* of the target's limit, as it told; whole 0: it did not */
	const char *why;
	const char *job;                 /* of create: the target's name for it */
	char state[SEND_STEP_BYTES + 1]; /* of a poll: open, going, ended, failed or gone; "": nobody knows */
	enum send_outcome outcome;
	const char *reference; /* the partner's own; NULL: none */
	int64_t points;        /* as the partner has them where they differ; 0: it does not say */
};

extern const struct contract send_contract;

bool send_report_encode(struct message_line *ret, int *turn, enum send_message message,
                        const struct send_report *report);
/* An enum send_message, or -1 with a sentence in why[].  Texts point into the line, which is written into. */
int send_report_decode(struct send_report *ret, int *turn, char *line, char *why, size_t why_size);

#endif

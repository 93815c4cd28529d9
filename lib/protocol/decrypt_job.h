/*
 * What handback-reconcile (the one that asks) and a handback-decrypt say to each other: one file, as packets
 * over descriptor 3 (lib/protocol/channel.h, message.h).  File, content and keys are descriptors that go with
 * their packets: the decrypter learns no path, and needs no right to any file.  Whoever asked hangs up to end
 * it.
 */
#ifndef HANDBACK_PROTOCOL_DECRYPT_JOB_H
#define HANDBACK_PROTOCOL_DECRYPT_JOB_H

#include "lib/base/limits.h"
#include "lib/protocol/channel.h"
#include "lib/protocol/contract.h"

#define DECRYPT_WHY_BYTES (LIMIT_MESSAGE_BYTES / 4) /* escaped it is still one message to a person */

enum decrypt_turn {
	DECRYPT_TURN_NEW,     /* nothing was sent yet */
	DECRYPT_TURN_FILLING, /* the job came, its descriptors come */
	DECRYPT_TURN_STARTED, /* `go`: it works */
	DECRYPT_TURN_ENDED,   /* the answer was given; nothing but the end of the connection follows */
};

enum decrypt_message {
	/* to the decrypter */
	DECRYPT_SEND_JOB,
	DECRYPT_SEND_FILE, /* these five with a descriptor each */
	DECRYPT_SEND_CONTENT,
	DECRYPT_SEND_SECRET,
	DECRYPT_SEND_PASSPHRASE,
	DECRYPT_SEND_SIGNERS,
	DECRYPT_SEND_GO,
	/* from it, one of them */
	DECRYPT_DONE,    /* the content is whole, and what was demanded holds */
	DECRYPT_REFUSED, /* the file is not what was agreed */
	DECRYPT_FAILED,  /* keys, GnuPG, memory or the disk: not the file's fault */
	DECRYPT_CRASHED, /* GnuPG died over it by a fault of its own: the file's doing, it may be */
	DECRYPT_MESSAGES
};

enum decrypt_descriptor {
	DECRYPT_FILE,    /* regular, at its start */
	DECRYPT_CONTENT, /* what it is written to */
	DECRYPT_SECRET,  /* our private key */
	DECRYPT_PASSPHRASE,
	DECRYPT_SIGNERS, /* the public keys of who may sign */
	DECRYPT_DESCRIPTORS
};

struct decrypt_job {
	bool encrypted, signature; /* one of them at least: it must be, and must have a good one */
	bool weak_sha1, weak_ripemd160, weak_keys; /* signatures that are made so count, too */
	bool no_landlock;                          /* the operator wrote it off */
	int64_t limit;                             /* bytes of content at most */
	int fd[DECRYPT_DESCRIPTORS];               /* -1: none */
};

struct decrypt_answer {
	const char *why; /* of all but DECRYPT_DONE: any bytes but NUL */
};

extern const struct contract decrypt_contract;

/* A job without anything: descriptors -1. */
void decrypt_job_init(struct decrypt_job *job);
/* Closes its descriptors. */
void decrypt_job_free(struct decrypt_job *job);

/* Sends the whole job; its descriptors stay the caller's.  False with a sentence in why[]: it does not fit,
 * or the other end is gone. */
bool decrypt_job_send(int channel, int *turn, const struct decrypt_job *job, char *why, size_t why_size);

/* One packet (NUL-ended, written into) into a job that began as decrypt_job_init's; passed (-1: none) is
 * taken over. An enum decrypt_message; or -1 with a sentence in why[].  With DECRYPT_SEND_GO it is whole. */
int decrypt_job_decode(struct decrypt_job *job, int *turn, char *line, int passed, char *why,
                       size_t why_size);

/* Receives packets up to `go`.  False with a sentence in why[] for anything that does not fit, or when the
 * other end is gone.  The caller frees the job in either case. */
bool decrypt_job_receive(int channel, struct decrypt_job *ret, int *turn, char *why, size_t why_size);

bool decrypt_answer_encode(struct message_line *ret, int *turn, enum decrypt_message message,
                           const struct decrypt_answer *answer);
/* An enum decrypt_message, or -1 with a sentence in why[].  The text points into the line, which is written
 * into. */
int decrypt_answer_decode(struct decrypt_answer *ret, int *turn, char *line, char *why, size_t why_size);

#endif

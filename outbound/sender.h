/*
 * A handback-send of one target: a process of ours, or one behind its unit's socket.  It is given the
 * connector and the target's credentials as descriptors, and no path.
 */
#ifndef HANDBACK_OUTBOUND_SENDER_H
#define HANDBACK_OUTBOUND_SENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/protocol/send_job.h"
#include "outbound/credentials.h"

struct sender_how {
	const char *socket; /* of its unit; NULL: a process of ours */
	const char *files;  /* where targets that take files have a directory each; NULL: nowhere */
	struct credentials credentials;
	bool no_landlock;
};

struct sender {
	int channel; /* -1: there is none */
	pid_t pid;   /* 0: not ours to reap */
	int turn;    /* enum send_turn */
};

/* Started, with its job sent; what it says to it comes by the channel, which does not block.  False with a
 * sentence in why[]; *ret_fault: it is the target's, and a person has to see to it. */
bool sender_start(struct sender *ret, const struct sender_how *how, const char *target, const char *connector,
                  bool *ret_fault, char *why, size_t why_size);
/* Hung up, killed and reaped.  One that there is not is fine. */
void sender_stop(struct sender *s);

/* One part of a delivery; fd stays the caller's.  False: it does not take it. */
bool sender_deliver(struct sender *s, const struct send_delivery *delivery, int fd);
/* One report: 1 and *ret, whose texts point into line[MESSAGE_BYTES + 2]; 0: none now; -1 with a sentence in
 * why[]: it is gone, or said what cannot be. */
int sender_receive(struct sender *s, char *line, struct send_report *ret, int *ret_message, char *why,
                   size_t why_size);

#endif

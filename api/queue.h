/*
 * Calls that wait, in the order that they came, and which of them are asked together.  Of one member, and of
 * one key, none overtakes another; all else goes on while such a one waits.
 */
#ifndef HANDBACK_API_QUEUE_H
#define HANDBACK_API_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "api/call.h"
#include "api/database.h"

#define QUEUE_CALLS 4096   /* at most */
#define QUEUE_OF_SHOP 128  /* of them: each is a transaction of its own, whoever asks */
#define QUEUE_OF_LOGIN 128 /* of them: who asks for a token is known when the database has looked */

struct queue {
	struct call *first, **end;
	size_t count, of_shop, of_login;
};

void queue_init(struct queue *q);
/* The call is the queue's until it is taken.  At most QUEUE_CALLS. */
void queue_add(struct queue *q, struct call *c, int64_t now_ms);
/* Before all others: a call that was taken and could not be answered now, to be asked again after a while.
 * False, and nothing is taken, where it has waited too long. */
bool queue_put_back(struct queue *q, struct call *c, int64_t now_ms);

/* Takes what can be asked together now; 0: nothing, and *ret_wait_ms says for how long (-1: nothing waits).
 */
size_t queue_take(struct queue *q, int64_t now_ms, struct call *batch[DATABASE_BATCH], int *ret_wait_ms);

#endif

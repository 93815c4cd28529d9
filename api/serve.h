/*
 * Takes calls from gates, asks the database, answers.  What waits while a transaction runs goes into the next
 * one together: no timer, and no wait where nobody else asks.
 */
#ifndef HANDBACK_API_SERVE_H
#define HANDBACK_API_SERVE_H

#include "api/database.h"
#include "api/token.h"

#define SERVE_GATES 16 /* connections at once; of the calls that wait, more than QUEUE_CALLS are answered 503 */

/* listener: a SOCK_SEQPACKET that listens; receive: socket of a handback-receive, or NULL;
 * all descriptors stay the caller's.  Returns when a byte can be
 * read from stop, after all that was taken is answered: 0, or -1 with errno when it cannot wait for calls. */
int serve(int listener, int stop, struct database *db, const struct token_keys *keys, const char *receive);

#endif

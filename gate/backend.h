/*
 * The connections to the handback-api processes.  A call goes to the one that its member belongs to, so that
 * calls of one member are served in order; to another where that one is gone.
 */
#ifndef HANDBACK_GATE_BACKEND_H
#define HANDBACK_GATE_BACKEND_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/protocol/api_call.h"

#define BACKEND_MOST 16
#define BACKEND_CALLS 4096 /* under way at once */

struct backend;

/* answer NULL: the process went away with the call, which it may have done.  handover: a descriptor, only of
 * a call API_SEND, which is then the callee's to close; -1: none. */
typedef void (*backend_answered)(void *context, const struct api_answer *answer, int handover);

/* The paths stay the caller's.  Connects, and connects again when one goes away.  NULL without memory. */
struct backend *backend_new(struct event_base *base, const char *const *paths, size_t count);
void backend_free(struct backend *b); /* calls under way are answered with NULL */

/* Sends a call; its id is set here.  Answered exactly once, and not within this call.  False, and never
 * answered: no process can take it now, or it is out of bounds. */
bool backend_call(struct backend *b, enum api_message message, struct api_call *call,
                  backend_answered answered, void *context);

/* How many calls are under way; how many processes are there. */
size_t backend_calls(const struct backend *b);
size_t backend_there(const struct backend *b);

#endif

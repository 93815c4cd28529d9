/*
 * PUT of a file: taken over from evhttp at its first four bytes, since evhttp keeps a body in memory.  The
 * head goes through the same fence, then through a stricter reader of our own (put.h); the body goes, as it
 * comes, to the handback-receive whose connection handback-api hands over, and waits in the caller's socket
 * where that one is slower.
 */
#ifndef HANDBACK_GATE_UPLOAD_H
#define HANDBACK_GATE_UPLOAD_H

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>

#include "gate/backend.h"

#define UPLOAD_BUFFER_BYTES (256 << 10) /* of one upload, at most */
#define UPLOAD_GRACE_S 30
#define UPLOAD_BYTES_PER_S (32 << 10) /* who is slower after that is let go */
#define UPLOAD_SAVE_S 600             /* for the disk, at the end */

struct uploads;

struct uploads *uploads_new(struct event_base *base, struct backend *backend); /* NULL without memory */
/* For evhttp_set_bevcb: a connection that is watched for a PUT; context: the uploads. */
struct bufferevent *uploads_connection(struct event_base *base, void *context);

/* Is the connection of this descriptor one that uploads?  Then its deadlines are ours. */
bool uploads_has(const struct uploads *all, int fd);
/* Says no to a connection that uploads and was not let in yet; one that was let in goes on.  False: it is
 * none that uploads. */
bool uploads_refuse(struct uploads *all, const struct bufferevent *stream, const char *code, const char *why);
size_t uploads_count(const struct uploads *all);

/* Gives all connections back to evhttp, before that is freed; then itself.  NULL is fine. */
void uploads_close(struct uploads *all);
void uploads_free(struct uploads *all);

#endif

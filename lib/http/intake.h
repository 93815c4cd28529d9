/*
 * What comes in over each connection, before anybody reads it.  evhttp keeps whatever a caller sends until a
 * request is whole, and takes lines that a proxy may read in another way: so bytes are counted here, and the
 * head is looked at as it came.
 *
 * Each connection may hold INTAKE_FREE_BYTES; what is beyond is bounded for all of them together, so that
 * callers without end cost no more memory, and a plain call goes through whatever the others hold.
 */
#ifndef HANDBACK_HTTP_INTAKE_H
#define HANDBACK_HTTP_INTAKE_H

#include <event2/bufferevent.h>
#include <stdint.h>

#define INTAKE_SOCKETS 4096 /* descriptors that are looked at */
#define INTAKE_FREE_BYTES (4 << 10)
#define INTAKE_BYTES (4 << 20)

struct intake;

/* Says no to what came over a connection: a code of the API, and why.  What came is not read any more. */
typedef void (*intake_refuses)(void *context, struct bufferevent *stream, const char *code, const char *why);

struct intake *intake_new(intake_refuses refuses, void *context); /* NULL without memory */
void intake_free(struct intake *i);                               /* NULL is fine */

/* A connection that evhttp is about to read from. */
void intake_watch(struct intake *i, struct bufferevent *stream);
/* Its request was answered, and what it held is free; another may follow. */
void intake_answered(struct intake *i, struct bufferevent *stream);
/* Which socket has this descriptor now?  What one before it held is free. */
void intake_look(struct intake *i, int fd, uint64_t cookie);
/* Bytes that unfinished requests hold beyond what is free. */
int64_t intake_bytes(const struct intake *i);

/* A number of the socket that no other one gets; 0: it is none. */
uint64_t intake_cookie(int fd);

#endif

/*
 * Who is logged in: a cookie of 256 random bits, of which only the hash is kept, and the person's desk.  A
 * session ends after 15 minutes without a request, after 10 hours, or with its desk.
 */
#ifndef HANDBACK_WEB_SESSIONS_H
#define HANDBACK_WEB_SESSIONS_H

#include "lib/base/text.h"
#include "lib/hash/secret_text.h"
#include "web/desks.h"

#define SESSIONS 200
#define SESSION_IDLE_S (15 * 60)
#define SESSION_WHOLE_S (10 * 60 * 60)
#define SESSION_COOKIE_SIZE TEXT_HEX_SIZE(SECRET_BYTES)

struct sessions;

struct sessions *sessions_new(struct event_base *base); /* NULL without memory */
void sessions_free(struct sessions *all);               /* NULL is fine */

/* A new one, whose desk it takes over; false, and the desk is closed: there are too many. */
bool sessions_add(struct sessions *all, struct desk_link *desk, char ret_cookie[SESSION_COOKIE_SIZE]);
/* The desk of whoever has this cookie, which is seen now; NULL: nobody's. */
struct desk_link *sessions_find(struct sessions *all, const char *cookie);
/* Ends it, if there is one. */
void sessions_end(struct sessions *all, const char *cookie);

#endif

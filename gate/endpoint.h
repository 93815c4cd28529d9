/* What can be asked, and how each is read: one table of paths. */
#ifndef HANDBACK_GATE_ENDPOINT_H
#define HANDBACK_GATE_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/protocol/api_call.h"

struct asked;
struct points_rows;

struct endpoint {
	const char *name;         /* in log and metrics */
	const char *method;       /* "GET" or "POST" */
	const char *path, *tail;  /* the last part of the path stands between them; tail NULL: there is none */
	enum api_message message; /* what handback-api is asked */
	bool contract;            /* answered in the contract's envelope */
	/* NULL; or the code by which it is refused, and *ret_why. */
	const char *(*read)(struct asked *a, const char **ret_why);
	bool soap; /* XML, from a caller that can name its credential by Basic alone */
};

/* What was asked. */
struct asked {
	const struct endpoint *endpoint;
	const char *body, *query; /* the caller's; query NULL: none */
	size_t body_len;
	const char *webhook_id, *webhook_timestamp, *webhook_signature; /* headers; NULL: none */
	struct api_call call;                                           /* points into what follows */
	struct points_rows *rows; /* of points requests; freed by asked_free, as all that follows */
	char *part, *member, *merchant, *amount, *reference, *key, *client_id, *secret, *audience;
	char *category, *partner, *state, *from, *to, *signed_body;
};

/* The endpoint of a path, with *ret_part (the caller frees it) where its path has one.  NULL: there is none;
 * *ret_allowed, untouched otherwise: the method that there is for this path. */
const struct endpoint *endpoint_find(const char *method, const char *path, char **ret_part,
                                     const char **ret_allowed);

/* Reads body and query into the call; key: the header's, or NULL.  NULL: it may be sent.  Else the code by
 * which it is refused once its token was seen to be good, and *ret_why. */
const char *endpoint_read(struct asked *a, const char *key, const char **ret_why);
void asked_free(struct asked *a); /* not a itself */

#endif

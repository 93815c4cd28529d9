/* Answers as the caller sees them. */
#ifndef HANDBACK_GATE_REPLY_H
#define HANDBACK_GATE_REPLY_H

#include <event2/buffer.h>
#include <event2/http.h>

#include "gate/endpoint.h"

/* Who asked, and how it is answered. */
struct reply {
	struct evhttp_request *request;
	const struct endpoint *endpoint; /* NULL: none was found */
	const char *request_id;
	bool keep_alive; /* the connection stays open */
};

/* Ends the request with an answer of handback-api. */
void reply_answer(const struct reply *r, const struct api_answer *answer);
/* Ends it with a code and a reason of our own. */
void reply_code(const struct reply *r, const char *code, const char *reason);
/* A whole answer without evhttp, after which the connection ends: text, or (NULL) a problem; the others NULL
 * where there is none. */
void reply_raw(struct evbuffer *out, const char *request_id, const struct api_answer *a, const char *location,
               const char *digest, const char *text);
/* Ends it with a text that is ready. */
void reply_text(const struct reply *r, int status, const char *type, const char *text);

#endif

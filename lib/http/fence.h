/*
 * What a request must be before anybody looks at what it asks: whatever a proxy in front could read in
 * another way than we do is refused.  evhttp has read it, and keeps headers that come twice.
 */
#ifndef HANDBACK_HTTP_FENCE_H
#define HANDBACK_HTTP_FENCE_H

#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#define FENCE_HEADER_BYTES (16 << 10)
#define FENCE_BODY_BYTES (64 << 10)

/* NULL when it may pass; else what is wrong with it, for the log and the caller: 400. */
const char *fence_refuses_headers(const struct evkeyvalq *headers); /* of a request without the rest */
const char *fence_refuses(struct evhttp_request *request);

#endif

/*
 * Requests over HTTPS, several at a time, on libevent's loop; the one wrapper of libcurl.  What holds for
 * each: TLS with a certificate that is verified, no redirect, no proxy, HTTP/1.1, addresses of the rule alone
 * (each that is connected to is looked at), an answer of at most HTTP_ANSWER_BYTES or as many as the request
 * allows, a deadline.
 */
#ifndef HANDBACK_OUTBOUND_SEND_HTTP_H
#define HANDBACK_OUTBOUND_SEND_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_ANSWER_BYTES (1 << 20)
#define HTTP_HEADER_BYTES (64 << 10)
#define HTTP_CONNECT_MS 10000
#define HTTP_VALUE_BYTES 512

struct event_base;
struct http;

struct http_request {
	const char *method, *url;
	const char *const *headers; /* "Name: value", NULL-ended; copied */
	const char *body;           /* stays there until it is done */
	size_t length;
	int64_t timeout_ms;
	size_t answer_bytes; /* 0: HTTP_ANSWER_BYTES */
	bool once; /* on a connection of its own, so that it is never sent a second time */
};

struct http_answer {
	int status;       /* 0: there is none, and why says so */
	bool unsent;      /* no connection was made: not a byte of it left us */
	const char *body; /* NUL-ended behind length */
	size_t length;
	const char *retry_after, *limit, *remaining; /* NULL: it has no such header */
	const char *why;
};

/* What it has, for as long as the call lasts.  Comes once for each request, never within http_send. */
typedef void http_done(void *arg, const struct http_answer *answer);

/*
 * ca: certificates in PEM that are trusted.  is_private: hosts may have addresses of private networks.
 * limit_header, remaining_header: whose values are kept, or NULL.  NULL with a sentence in why[].  Before the process is locked
 * down, since it opens what it needs.
 */
struct http *http_new(struct event_base *base, const char *ca, size_t ca_len, bool is_private,
                      const char *limit_header, const char *remaining_header, char *why, size_t why_size);
void http_free(struct http *h); /* NULL is fine; requests under way are not told */

/* False with a sentence in why[]: it was not sent, and nobody will hear of it. */
bool http_send(struct http *h, const struct http_request *request, http_done *done, void *arg, char *why,
               size_t why_size);

/* The port that a URL goes to; 0: it is none. */
uint16_t http_port(const char *url);

#endif

#include "lib/http/fence.h"

#include <event2/buffer.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#define LENGTH_DIGITS 10 /* of a file; what a body may have is far below */

/* Headers of which a second one could mean another request. */
static const char *const once[] = {"Content-Length",  "Host",           "Authorization", "Content-Type",
                                   "Idempotency-Key", "Content-Digest", "Expect"};

/* RFC 9110, section 5.6.2. */
static bool
is_token(const char *name)
{
	for (const char *p = name; *p != '\0'; p++)
		if (strchr("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", *p) ==
		    NULL)
			return false;
	return name[0] != '\0';
}

static bool
has_controls(const char *value)
{
	for (; *value != '\0'; value++)
		if (((unsigned char) *value < 0x20 && *value != '\t') || *value == 0x7f)
			return true;
	return false;
}

static bool
is_length(const char *value)
{
	size_t digits = strspn(value, "0123456789");

	return digits > 0 && digits <= LENGTH_DIGITS && value[digits] == '\0';
}

static const char *
refuses_header(const struct evkeyval *h, unsigned *seen)
{
	if (!is_token(h->key))
		return "a header has a name that none has";
	if (has_controls(h->value))
		return "a header has a control character";
	if (strcasecmp(h->key, "Transfer-Encoding") == 0)
		return "Transfer-Encoding is not taken: send a Content-Length";
	if (strcasecmp(h->key, "Content-Length") == 0 && !is_length(h->value))
		return "Content-Length is no length";
	for (unsigned i = 0; i < sizeof(once) / sizeof(once[0]); i++)
		if (strcasecmp(h->key, once[i]) == 0) {
			if ((*seen & 1u << i) != 0)
				return "a header came twice";
			*seen |= 1u << i;
		}
	return NULL;
}

const char *
fence_refuses_headers(const struct evkeyvalq *headers)
{
	const struct evkeyval *h;
	unsigned seen = 0;
	const char *host;

	TAILQ_FOREACH(h, headers, next)
	{
		const char *wrong = refuses_header(h, &seen);

		if (wrong != NULL)
			return wrong;
	}
	host = evhttp_find_header(headers, "Host");
	return host == NULL || host[0] == '\0' ? "there is no Host" : NULL;
}

const char *
fence_refuses(struct evhttp_request *request)
{
	const struct evkeyvalq *headers = evhttp_request_get_input_headers(request);
	size_t body = evbuffer_get_length(evhttp_request_get_input_buffer(request));
	const char *length = evhttp_find_header(headers, "Content-Length"),
	           *wrong = fence_refuses_headers(headers);

	if (wrong != NULL)
		return wrong;
	if (body > 0 && (length == NULL || request->major < 1 || (request->major == 1 && request->minor == 0)))
		return "a body without a length, or of HTTP/1.0";
	return NULL;
}

/*
 * What a stranger sends to the gate, behind evhttp's own reading: the first byte says which part, the rest is
 * that: headers, the head of a PUT, or a method, a path, a query and a body, a line each and the rest.
 */
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#include "gate/body.h"
#include "gate/endpoint.h"
#include "gate/points.h"
#include "gate/put.h"
#include "lib/http/fence.h"
#include "parsers/nested/xml_quiet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
expect(bool truth)
{
	if (!truth)
		abort();
}

/* The line at *at, which goes behind it. */
static char *
next_line(char **at)
{
	char *line = *at, *end = strchr(line, '\n');

	*at = end != NULL ? end + 1 : line + strlen(line);
	if (end != NULL)
		*end = '\0';
	return line;
}

/* What passes says each thing that frames a request once, and in one way. */
static void
try_headers(char *text)
{
	struct evkeyvalq headers = TAILQ_HEAD_INITIALIZER(headers);
	const struct evkeyval *h;
	int lengths = 0, hosts = 0;

	while (*text != '\0') {
		char *line = next_line(&text), *colon = strchr(line, ':');

		if (colon == NULL)
			continue;
		*colon = '\0';
		(void) evhttp_add_header(&headers, line, colon + 1);
	}
	if (fence_refuses_headers(&headers) == NULL) {
		TAILQ_FOREACH(h, &headers, next)
		{
			lengths += strcasecmp(h->key, "Content-Length") == 0;
			hosts += strcasecmp(h->key, "Host") == 0;
			expect(strcasecmp(h->key, "Transfer-Encoding") != 0 && strpbrk(h->key, " \t:") == NULL);
			expect(strpbrk(h->value, "\r\n\x01\x7f") == NULL);
		}
		expect(lengths <= 1 && hosts == 1);
	}
	evhttp_clear_headers(&headers);
}

/* The head ends with its first empty line: so the gate finds it. */
static void
try_put(const uint8_t *data, size_t size)
{
	static const char put[] = "PUT ", end[] = "\r\n\r\n";
	const uint8_t *at = memmem(data, size, end, 4);
	size_t len = at != NULL ? (size_t) (at - data) : size;
	char *head = malloc(len + 8);
	const char *why = NULL, *code;
	struct put p;

	if (head == NULL || len + 8 > FENCE_HEADER_BYTES) {
		free(head);
		return;
	}
	memcpy(head, put, 4);
	memcpy(head + 4, data, len);
	memcpy(head + 4 + len, end, 4);
	code = put_read(head, len + 8, &p, &why);
	if (code == NULL) {
		expect(p.bytes >= 0 && strlen(p.token) <= API_TOKEN_BYTES);
		expect(p.source[0] != '\0' && strlen(p.source) <= RECEIVE_SOURCE_BYTES);
		expect(p.name[0] != '\0' && strlen(p.name) <= LIMIT_NAME_BYTES &&
		       strpbrk(p.name, "/\n\r\x01") == NULL);
	} else {
		expect(strlen(code) == 3 && why != NULL);
	}
	put_free(&p);
	free(head);
}

/* In place of the connections: each row can be said, and is not taken. */
bool
backend_call(struct backend *b, enum api_message message, struct api_call *call, backend_answered answered,
             void *context)
{
	static struct message_line said;

	(void) b, (void) answered, (void) context;
	call->id = 1;
	expect(api_call_encode(&said, message, call));
	return false;
}

static void
on_points(void *context, const struct api_answer *answer, int handover)
{
	(void) handover;
	++*(int *) context;
	expect(answer->status == 202 || answer->status == 503);
}

static void
try_points(const struct asked *a)
{
	int answers = 0;

	points_ask(a->rows, NULL, &a->call, on_points, &answers);
	expect(answers == 1);
}

/* What is read can be said to handback-api, whatever it is. */
static void
try_call(char *text, size_t size)
{
	static struct message_line said;
	char *at = text, *part = NULL;
	const char *method = next_line(&at), *path = next_line(&at), *query = next_line(&at);
	const char *key = next_line(&at), *allowed = NULL, *why = NULL, *code;
	const struct endpoint *e = endpoint_find(method, path, &part, &allowed);
	struct asked a = {.endpoint = e,
	                  .part = part,
	                  .query = query[0] != '\0' ? query : NULL,
	                  .body = at,
	                  .body_len = size - (size_t) (at - text)};

	if (e != NULL) {
		code = endpoint_read(&a, key[0] != '\0' ? key : NULL, &why);
		a.call.id = 1;
		a.call.request_id = "r";
		a.call.token = "t";
		if (code == NULL && e->message == API_POINTS)
			try_points(&a);
		else
			expect(code != NULL ? strlen(code) == 3 && why != NULL
			                    : api_call_encode(&said, e->message, &a.call));
	}
	asked_free(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool started;
	char *text;

	if (!started)
		xml_quiet_start();
	started = true;
	if (size == 0)
		return 0;
	text = malloc(size);
	if (text == NULL)
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	if (data[0] == 'h')
		try_headers(text);
	else if (data[0] == 'p')
		try_put(data + 1, size - 1);
	else
		try_call(text, size - 1);
	free(text);
	return 0;
}
